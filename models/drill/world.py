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
        box: (4,) px, all of its outline that lies within the picture.
        whole: (4,) px, its outline, the part outside the picture too.
        visible: fraction of its outline (outside the picture counted as hidden) that nothing nearer hides.
        outline: whether `box` is cut by the picture's edge.
    """

    id: int
    object: str
    colour: str | None
    box: tuple[float, float, float, float]
    whole: tuple[float, float, float, float]
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

    def outlines(self, t: float, view: View | None = None) -> list[tuple[Actor, int, Array, float]]:
        """(actor, group, (K, 2) px hull of its outline, metres away), nearest first; what is behind the lens is left out."""
        view = view or self.view
        found = []
        for actor in self.actors:
            vertices = actor.vertices(t)
            if vertices is None:
                continue
            points = view.camera_points(vertices)
            if points[:, 2].min() < NEAR_M:
                continue
            pixels = points[:, :2] / points[:, 2:] * view.focal + [view.size[0] / 2, view.size[1] / 2]
            if (pixels.max(0) < 0).any() or (pixels.min(0) > view.size).any():
                continue
            away = float(np.hypot(*(vertices[:, :2].mean(0) - view.position[:2])))
            mesh = actor.mesh
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
            low, high = pixels.min(0), pixels.max(0)
            hull = cv2.convexHull(pixels.astype(np.float32))
            polygon = np.round(hull / COARSE * 16).astype(np.int32)
            pending.append(polygon)
            x0, y0 = np.maximum(low, 0)
            x1, y1 = np.minimum(high, [w, h])
            if x1 - x0 > 0 and y1 - y0 > 0:
                visible = _free(taken, polygon, (x0, y0, x1, y1)) * _inside(hull, (w, h))
                box, whole = (float(x0), float(y0), float(x1), float(y1)), (*low.tolist(), *high.tolist())
                found.append(
                    Seen(
                        actor.id + group,
                        "person" if group else actor.object,
                        None if group else actor.colour,
                        box,
                        whole,
                        round(visible, 3),
                        box != whole,
                    )
                )
            if n + 1 == len(outlines) or outlines[n + 1][0] is not actor:  # a bike and its riders do not hide one another
                for each in pending:
                    cv2.fillConvexPoly(taken, each, 1, cv2.LINE_8, 4)
                pending = []
        return found


def _free(taken: NDArray[np.uint8], polygon: NDArray[np.int32], box: tuple[float, float, float, float]) -> float:
    """Fraction of a polygon's cells that nothing nearer has taken."""
    x0, y0 = int(box[0]) // COARSE, int(box[1]) // COARSE
    x1, y1 = int(box[2]) // COARSE + 1, int(box[3]) // COARSE + 1
    mask = np.zeros((y1 - y0, x1 - x0), np.uint8)
    cv2.fillConvexPoly(mask, polygon - np.array([x0, y0], np.int32) * 16, 1, cv2.LINE_8, 4)
    cells = int(cv2.countNonZero(mask))
    if cells == 0:
        return 1.0
    near = taken[y0:y1, x0:x1]
    return 1.0 - cv2.countNonZero(cv2.bitwise_and(mask[: near.shape[0], : near.shape[1]], near)) / cells


def _inside(hull: NDArray[np.float32], size: tuple[int, int]) -> float:
    """Fraction of a hull's area that lies within the picture."""
    area = cv2.contourArea(hull)
    if area <= 0:
        return 1.0
    low, high = hull.reshape(-1, 2).min(0), hull.reshape(-1, 2).max(0)
    if low.min() >= 0 and high[0] <= size[0] and high[1] <= size[1]:
        return 1.0
    picture = np.array([[0, 0], [size[0], 0], [size[0], size[1]], [0, size[1]]], np.float32)
    common, _ = cv2.intersectConvexConvex(np.ascontiguousarray(hull), picture)
    return float(common) / area
