"""Points, paths, polygons and lines in the picture: x right, y down, pixels. A path is straight between its points."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import atan2, degrees, hypot

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray
from shapely.geometry import Polygon
from shapely.validation import explain_validity

Floats = NDArray[np.float64]
Point = tuple[float, float]


def bottom_centres(boxes: ArrayLike, within: tuple[float, float] | None = None) -> Floats:
    """Where objects touch the ground: (K, 4) xyxy boxes give (K, 2) points.

    `within` (width, height) keeps the points inside the picture, whose edge belongs to a zone drawn along it.
    """
    b = np.asarray(boxes, np.float64).reshape(-1, 4)
    points = np.stack([(b[:, 0] + b[:, 2]) / 2, b[:, 3]], axis=1)
    return points if within is None else np.clip(points, 0.0, np.asarray(within, np.float64))


def centres(boxes: ArrayLike) -> Floats:
    """(K, 4) xyxy boxes give their (K, 2) middles."""
    b = np.asarray(boxes, np.float64).reshape(-1, 4)
    return (b[:, :2] + b[:, 2:]) / 2


def sizes(boxes: ArrayLike) -> Floats:
    """(K, 4) xyxy boxes give (K,) sqrt(width x height), at least one pixel: the yardstick that grows with nearness."""
    b = np.asarray(boxes, np.float64).reshape(-1, 4)
    return np.maximum(np.sqrt((b[:, 2] - b[:, 0]) * (b[:, 3] - b[:, 1])), 1.0)


EDGE_PX = 2.0
"""A box nearer to the picture's edge than this is cut by it: its bottom centre need not be where the object stands."""


def clear_of_edge(boxes: ArrayLike, within: tuple[float, float]) -> Floats:
    """(K, 4) boxes give (K,) pixels between each and the nearest edge of a picture of `within` (width, height)."""
    b = np.asarray(boxes, np.float64).reshape(-1, 4)
    out: Floats = np.min([b[:, 0], b[:, 1], within[0] - b[:, 2], within[1] - b[:, 3]], axis=0)
    return out


def polygon_problem(points: Sequence[Point]) -> tuple[str, str] | None:
    """Why `points` make no polygon, in English and Vietnamese, or None where they do.

    >>> polygon_problem([(0, 0), (4, 4), (4, 0), (0, 4)])[0]
    'its edges cross each other near (2, 2)'
    """
    if len(points) < 3:
        return f"it has {len(points)} points and needs at least 3", f"có {len(points)} điểm, cần ít nhất 3"
    shape = Polygon(points)
    if shape.is_valid and shape.area > 0:
        return None
    reason = explain_validity(shape)
    if shape.convex_hull.area > 0 and reason.startswith("Self-intersection["):
        x, y = (float(v) for v in reason.split("[")[1].rstrip("]").split()[:2])
        return f"its edges cross each other near ({x:g}, {y:g})", f"các cạnh cắt nhau gần ({x:g}, {y:g})"
    return "its points enclose no area", "các điểm không bao quanh diện tích nào"


@dataclass(frozen=True, slots=True, eq=False)
class Area:
    """A polygon ready for questions about points and paths. Its edge belongs to it.

    Attributes:
        ring: (E, 2) float64, the corners; the last joins the first.
        shape: the shapely polygon of the same corners.
    """

    ring: Floats
    shape: Polygon

    @classmethod
    def of(cls, points: Sequence[Point]) -> "Area":
        shape = Polygon(points)
        shapely.prepare(shape)
        return cls(np.asarray(points, np.float64), shape)

    def contains(self, points: ArrayLike) -> NDArray[np.bool_]:
        """(K, 2) points give (K,) whether each lies inside or on the edge."""
        p = np.asarray(points, np.float64).reshape(-1, 2)
        inside: NDArray[np.bool_] = shapely.intersects_xy(self.shape, p[:, 0], p[:, 1])
        return inside

    def depth(self, point: Point) -> float:
        """Pixels from the edge, positive inside."""
        p = shapely.Point(point)
        away = float(self.shape.exterior.distance(p))
        return away if self.shape.intersects(p) else -away

    def spans(self, times: ArrayLike, points: ArrayLike) -> list[tuple[float, float]]:
        """When a path is inside: [(from, to), …], ascending and apart, entry and exit interpolated on the path.

        Args:
            times: (K,) ascending seconds.
            points: (K, 2) where the path is at those times.
        """
        t, p = np.asarray(times, np.float64), np.asarray(points, np.float64).reshape(-1, 2)
        if len(t) == 1:
            return [(float(t[0]), float(t[0]))] if self.contains(p)[0] else []
        seg, frac = self._cuts(p)
        # Between two neighbouring cuts the path stays on one side of the edge, so its middle decides for all of it.
        at = np.concatenate([t, t[seg] + frac * (t[seg + 1] - t[seg])])
        at = np.unique(at)
        middle = (at[1:] + at[:-1]) / 2
        inside = self.contains(np.stack([np.interp(middle, t, p[:, 0]), np.interp(middle, t, p[:, 1])], axis=1))
        found: list[tuple[float, float]] = []
        for a, b in zip(at[:-1][inside].tolist(), at[1:][inside].tolist(), strict=True):
            if found and found[-1][1] == a:
                found[-1] = (found[-1][0], b)
            else:
                found.append((a, b))
        return found

    def _cuts(self, p: Floats) -> tuple[NDArray[np.int64], Floats]:
        """Where path segments meet edges: segment numbers and fractions in [0, 1] along them."""
        a, d = p[:-1, None, :], (p[1:] - p[:-1])[:, None, :]
        c = self.ring[None, :, :]
        e = np.roll(self.ring, -1, axis=0)[None, :, :] - c
        denominator = _cross(d, e)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            u = _cross(c - a, e) / denominator
            v = _cross(c - a, d) / denominator
        hit = (denominator != 0) & (u >= 0) & (u <= 1) & (v >= 0) & (v <= 1)
        seg, edge = np.nonzero(hit)
        return seg, u[seg, edge]


def _cross(a: Floats, b: Floats) -> Floats:
    out: Floats = a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]
    return out


def sides(start: Point, end: Point, points: ArrayLike) -> Floats:
    """(K, 2) points give (K,) signed pixels from the endless line through `start` and `end`.

    Negative is the side that supervision's `LineZone(start, end)` calls "in": up, where the line runs from left to right.
    """
    p = np.asarray(points, np.float64).reshape(-1, 2)
    dx, dy = end[0] - start[0], end[1] - start[1]
    out: Floats = (dx * (p[:, 1] - start[1]) - dy * (p[:, 0] - start[0])) / hypot(dx, dy)
    return out


def along(start: Point, end: Point, points: ArrayLike) -> Floats:
    """(K, 2) points give (K,) where their feet stand on the line: 0 at `start`, 1 at `end`."""
    p = np.asarray(points, np.float64).reshape(-1, 2)
    dx, dy = end[0] - start[0], end[1] - start[1]
    out: Floats = ((p[:, 0] - start[0]) * dx + (p[:, 1] - start[1]) * dy) / (dx * dx + dy * dy)
    return out


@dataclass(frozen=True, slots=True)
class Pass:
    """A path went over a line: when, where along it (0 start, 1 end), and whether to `LineZone`'s "in" side."""

    at: float
    where: float
    inward: bool


def passes(start: Point, end: Point, times: ArrayLike, points: ArrayLike) -> list[Pass]:
    """Each change of side of a path, within the line's ends, in order of time.

    Args:
        times: (K,) ascending seconds.
        points: (K, 2). A point on the line itself belongs to the "out" side, as in `LineZone`.
    """
    t, p = np.asarray(times, np.float64), np.asarray(points, np.float64).reshape(-1, 2)
    d = sides(start, end, p)
    found = []
    for i in np.nonzero((d[:-1] < 0) != (d[1:] < 0))[0].tolist():
        f = float(d[i] / (d[i] - d[i + 1]))
        where = float(along(start, end, p[i] + f * (p[i + 1] - p[i]))[0])
        if 0.0 <= where <= 1.0:
            found.append(Pass(float(t[i] + f * (t[i + 1] - t[i])), where, bool(d[i + 1] < 0)))
    return found


def heading_deg(dx: float, dy: float) -> float:
    """Direction in the picture, degrees clockwise from up, in [0, 360).

    >>> [heading_deg(*d) for d in ((0, -1), (1, 0), (0, 1), (-1, 0))]
    [0.0, 90.0, 180.0, 270.0]
    """
    return degrees(atan2(dx, -dy)) % 360.0


def path_heading_deg(boxes: ArrayLike, least: float = 0.5) -> float | None:
    """Heading of a path of (K, 4) boxes from its first to its last place, or None where it stood.

    `least` is the distance, in mean box sizes, below which it stood.
    """
    p = bottom_centres(boxes)
    dx, dy = (p[-1] - p[0]).tolist()
    if hypot(dx, dy) < least * float(sizes(boxes).mean()):
        return None
    return heading_deg(dx, dy)


def turn_deg(a: Point, b: Point) -> float:
    """Unsigned angle between two directions, degrees in [0, 180]."""
    gap = abs(heading_deg(*a) - heading_deg(*b)) % 360.0
    return min(gap, 360.0 - gap)
