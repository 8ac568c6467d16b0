"""A scene's world: who is where at any time, seen by which camera, and the boxes and hidden parts that follow exactly."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from models.drill.actors import Actor
from models.drill.light import Light
from models.drill.stage import Stage
from models.drill.view import NEAR_M, View

Array = NDArray[np.float64]
COARSE = 2
"""Hidden parts are counted on a grid this many times coarser than the picture."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One object in one picture.

    Attributes:
        id: of the actor, or of the rider.
        object: its class.
        colour: name of its paint, or None.
        box: (4,) px, of all of its outline that lies within the picture, hidden or not.
        visible: fraction of its outline (outside the picture counted as hidden) that nothing nearer hides.
        cut: whether `box` is cut by the picture's edge.
    """

    id: int
    object: str
    colour: str | None
    box: tuple[float, float, float, float]
    visible: float
    cut: bool


@dataclass
class World:
    """A scene that is ready to be seen.

    Attributes:
        scene, seed, seconds: what was asked for.
        view: the camera; `view.size` is what zones and lines are drawn in.
        camera: the camera file's content without id (zones, lines, rules, ground).
        areas: zones as polygons on the ground, metres, for the script's own checks.
        limits: other numbers of the script that the truth needs.
    """

    scene: str
    seed: int
    seconds: float
    view: View
    light: Light
    stage: Stage
    actors: list[Actor]
    camera: dict[str, Any]
    areas: Mapping[str, Array] = field(default_factory=dict)

    def may_show(self, actor: Actor, t: float) -> bool:
        """Quickly, by its middle alone: whether an actor can be in the picture at all."""
        now = actor.motion.at(t)
        if now is None:
            return False
        x, _, depth = self.view.camera_points(np.array([[now[0], now[1], 0.8]]))[0]
        reach = actor.radius + 1.5
        half = self.view.size[0] / 2 / self.view.focal
        return bool(depth > -reach and abs(x) < half * max(depth + reach, 0.5) + reach)

    def outlines(self, t: float, view: View | None = None) -> list[tuple[Actor, int, Array, float]]:
        """(actor, group, (K, 2) px hull of its outline, metres away), nearest first; what is behind the lens is left out."""
        view = view or self.view
        found = []
        for actor in self.actors:
            vertices = actor.outline(t) if self.may_show(actor, t) else None
            if vertices is None:
                continue
            points = view.camera_points(vertices)
            if points[:, 2].min() < NEAR_M:
                continue
            pixels = points[:, :2] / points[:, 2:] * view.focal + [view.size[0] / 2, view.size[1] / 2]
            if (pixels.max(0) < 0).any() or (pixels.min(0) > view.size).any():
                continue
            away = float(np.hypot(*(vertices[:, :2].mean(0) - view.position[:2])))
            mesh = actor.corners
            for group in range(1 + actor.riders):
                found.append((actor, group, pixels if not actor.riders else pixels[mesh.group == group], away))
        return sorted(found, key=lambda item: item[3])

    def seen(self, t: float, size: tuple[int, int] | None = None) -> list[Seen]:
        """What is in the picture at `t` seconds from the scene's start, boxes in pixels of `size`; nearest first."""
        view = self.view if size is None else self.view.resized(size)
        w, h = view.size
        taken = np.zeros((h // COARSE + 1, w // COARSE + 1), np.uint8)
        found = []
        outlines = self.outlines(t, view)
        pending: list[NDArray[np.int32]] = []
        for n, (actor, group, pixels, _) in enumerate(outlines):
            hull = cv2.convexHull(pixels.astype(np.float32))
            polygon = np.round(hull / COARSE * 16).astype(np.int32)
            pending.append(polygon)
            found += self._seen(actor, group, hull, _free(taken, polygon, (w, h)), (w, h))
            if n + 1 == len(outlines) or outlines[n + 1][0] is not actor:  # a bike and its riders do not hide one another
                for each in pending:
                    cv2.fillConvexPoly(taken, each, 1, cv2.LINE_8, 4)
                pending = []
        return found

    @staticmethod
    def _seen(actor: Actor, group: int, hull: NDArray[np.float32], free: float, size: tuple[int, int]) -> list[Seen]:
        part = shown(hull, size)
        if part is None:
            return []
        box, share = part
        colour = None if group else actor.colour
        return [Seen(actor.id + group, "person" if group else actor.object, colour, box, round(free * share, 3), share < 1)]


def shown(hull: NDArray[np.float32], size: tuple[int, int]) -> tuple[tuple[float, float, float, float], float] | None:
    """Box of the part of an outline that lies in the picture, and that part's share of its area; None where nothing does.

    Args:
        hull: (K, 1, 2) convex outline, px.
    """
    (x0, y0), (x1, y1) = hull[:, 0].min(0).tolist(), hull[:, 0].max(0).tolist()
    if x0 >= 0 and y0 >= 0 and x1 <= size[0] and y1 <= size[1]:
        return (x0, y0, x1, y1), 1.0
    picture = np.array([[0, 0], [size[0], 0], [size[0], size[1]], [0, size[1]]], np.float32)
    common, piece = cv2.intersectConvexConvex(np.ascontiguousarray(hull), picture)
    area = cv2.contourArea(hull)
    if piece is None or common <= 0 or area <= 0:
        return None
    (x0, y0), (x1, y1) = piece[:, 0].min(0).tolist(), piece[:, 0].max(0).tolist()
    return (x0, y0, x1, y1), float(common) / area


def _free(taken: NDArray[np.uint8], polygon: NDArray[np.int32], size: tuple[int, int]) -> float:
    """Fraction of a polygon's cells in the picture that nothing nearer has taken."""
    (x0, y0), (x1, y1) = np.maximum(polygon[:, 0].min(0) // 16, 0), polygon[:, 0].max(0) // 16 + 1
    x1, y1 = min(x1, size[0] // COARSE), min(y1, size[1] // COARSE)
    if x1 <= x0 or y1 <= y0:
        return 1.0
    mask = np.zeros((y1 - y0, x1 - x0), np.uint8)
    cv2.fillConvexPoly(mask, polygon - np.array([x0, y0], np.int32) * 16, 1, cv2.LINE_8, 4)
    cells = int(cv2.countNonZero(mask))
    return 1.0 - cv2.countNonZero(cv2.bitwise_and(mask, taken[y0:y1, x0:x1])) / cells if cells else 1.0
