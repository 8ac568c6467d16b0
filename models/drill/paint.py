"""Draws posed meshes into a picture: faces shaded, sorted and filled at twice the resolution, then composited."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from models.drill.light import GLOSS, Light, shade
from models.drill.mesh import Mesh
from models.drill.view import NEAR_M, View

Array = NDArray[np.float64]
Picture = NDArray[np.uint8]
Floats = NDArray[np.float32]
FINE = 2
"""Faces are drawn this many times finer than the picture, for smooth edges."""
_SHIFT = 4
_TINY = 1.4 * (1 << _SHIFT) ** 2
"""Twice the area, in the units of `_SHIFT`, of faces that are left out: their neighbours, drawn with their edges, cover them."""


@dataclass(frozen=True, eq=False)
class Palette:
    """Colours of a mesh's materials: (materials, 3) linear albedo and emission, blue first."""

    albedo: Array
    emission: Array


_F0 = np.array([GLOSS.get(i, (0.02, 0.12))[0] for i in range(32)], np.float32)
_MIRROR = np.array([GLOSS.get(i, (0.02, 0.12))[1] for i in range(32)], np.float32)


def in_patch(vertices: Array, view: View) -> tuple[Array, tuple[int, int, int, int]] | None:
    """Pixels (V, 2) of world vertices and the whole-pixel patch (x0, y0, x1, y1) that holds them; None where nothing shows."""
    points = view.camera_points(vertices)
    if points[:, 2].min() < NEAR_M:
        return None
    pixels = points[:, :2] / points[:, 2:] * view.focal + [view.size[0] / 2, view.size[1] / 2]
    x0, y0 = np.maximum(np.floor(pixels.min(0)).astype(int) - 2, 0)
    x1, y1 = np.minimum(np.ceil(pixels.max(0)).astype(int) + 3, view.size)
    return (pixels, (int(x0), int(y0), int(x1), int(y1))) if x1 - x0 > 2 and y1 - y0 > 2 else None


def _cross(a: Floats, b: Floats) -> Floats:
    """(N, 3) cross products; numpy's own costs several times as much."""
    x, y, z = a.T
    u, v, w = b.T
    return np.stack([y * w - z * v, z * u - x * w, x * v - y * u], 1)


def draw(
    picture: Picture, vertices: Array, mesh: Mesh, palette: Palette, view: View, light: Light, blur_px: tuple[float, float] = (0, 0)
) -> None:
    """Draws a mesh whose vertices are already placed in the world over `picture`, in place.

    Args:
        vertices: (V, 3) metres in the world.
        blur_px: how far the object moves in the picture during the exposure.
    """
    placed = in_patch(vertices, view)
    if placed is None:
        return
    pixels, (x0, y0, x1, y1) = placed
    at, eye = np.asarray(vertices, np.float32), np.asarray(view.position, np.float32)
    first = at[mesh.faces[:, 0]]
    normals = _cross(at[mesh.faces[:, 2]] - first, at[mesh.faces[:, 3]] - at[mesh.faces[:, 1]])  # of triangles too: D is C
    shown = np.flatnonzero(((eye - first) * normals).sum(1) > 1e-9)
    if not len(shown):
        return
    faces, normals, material = mesh.faces[shown], normals[shown], mesh.material[shown]
    normals /= np.sqrt((normals * normals).sum(1, keepdims=True))
    centres = (at[faces[:, 0]] + at[faces[:, 1]] + at[faces[:, 2]] + at[faces[:, 3]]) * np.float32(0.25)
    to_eye = eye - centres
    distance = np.sqrt((to_eye * to_eye).sum(1))
    to_eye /= distance[:, None]
    order = np.argsort(-distance + mesh.layer[shown] * np.float32(1000), kind="stable")
    bgr = shade(light, centres, normals, to_eye, palette.albedo[material], _F0[material], _MIRROR[material], palette.emission[material])
    colours = np.column_stack([bgr, np.full(len(bgr), 255)])[order].tolist()
    fine = ((pixels - [x0, y0]) * (FINE << _SHIFT)).astype(np.int32)
    polygons = fine[faces[order]]
    one, two = polygons[:, 2] - polygons[:, 0], polygons[:, 3] - polygons[:, 1]
    large = np.abs(one[:, 0] * two[:, 1] - one[:, 1] * two[:, 0]) > _TINY
    colours = [c for c, keep in zip(colours, large.tolist(), strict=True) if keep]
    polygons = polygons[large]
    patch = np.zeros(((y1 - y0) * FINE, (x1 - x0) * FINE, 4), np.uint8)
    for polygon, colour in zip(polygons, colours, strict=True):
        cv2.fillConvexPoly(patch, polygon, colour, cv2.LINE_8, _SHIFT)
    composite(picture, blurred(patch, blur_px), x0, y0)


def blurred(patch: Picture, move_px: tuple[float, float]) -> Picture:
    """A fine patch brought to the picture's resolution and smeared along its motion."""
    small = cv2.resize(patch, None, fx=1 / FINE, fy=1 / FINE, interpolation=cv2.INTER_AREA)
    length = float(np.hypot(*move_px))
    if length < 1.0:
        return small
    n = int(np.ceil(length)) | 1
    kernel = np.zeros((n + 2, n + 2), np.float32)
    middle, step = (n + 1) / 2, np.asarray(move_px) / length * (n - 1) / 2
    a, b = np.round((middle - step) * 16).astype(int), np.round((middle + step) * 16).astype(int)
    cv2.line(kernel, tuple(a.tolist()), tuple(b.tolist()), 1.0, 1, cv2.LINE_8, 4)
    return cv2.filter2D(small, -1, kernel / kernel.sum(), borderType=cv2.BORDER_CONSTANT)


def composite(picture: Picture, patch: Picture, x0: int, y0: int) -> None:
    """Lays a (h, w, 4) patch, colours already multiplied by its alpha, over the picture at (x0, y0)."""
    target = picture[y0 : y0 + patch.shape[0], x0 : x0 + patch.shape[1]]
    patch = patch[: target.shape[0], : target.shape[1]]
    rest = 255 - patch[:, :, 3]
    under = cv2.multiply(target, cv2.merge([rest, rest, rest]), scale=1 / 255)
    cv2.add(under, patch[:, :, :3], dst=target)
