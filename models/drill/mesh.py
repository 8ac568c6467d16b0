"""Shapes: meshes of quads with materials, built from lofts, boxes, tubes and flat pieces."""

from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class Material(IntEnum):
    """What a face is made of; a palette gives each its colour."""

    PAINT = 0
    TRIM = 1
    GLASS = 2
    TYRE = 3
    RIM = 4
    HEADLAMP = 5
    TAILLAMP = 6
    PLATE = 7
    CARGO = 8
    METAL = 9
    SKIN = 10
    HAIR = 11
    TOP = 12
    LEGS = 13
    SHOES = 14
    HELMET = 15
    BAG = 16


@dataclass(frozen=True, eq=False)
class Mesh:
    """V vertices in metres and F quads (a triangle repeats its last corner), counter-clockwise seen from outside.

    Attributes:
        vertices: (V, 3) in the frame of their part.
        faces: (F, 4) int32.
        material: (F,) int16 of `Material`.
        layer: (F,) int8; faces of a higher layer are painted over those of a lower one of the same object.
        part: (V,) int16; rigid pieces that a pose moves, all 0 for a rigid body.
        group: (V,) int8; 0 the vehicle or person itself, 1 and up the people who ride on it.
    """

    vertices: NDArray[np.float32]
    faces: NDArray[np.int32]
    material: NDArray[np.int16]
    layer: NDArray[np.int8]
    part: NDArray[np.int16]
    group: NDArray[np.int8]


@dataclass
class Builder:
    """Collects pieces into a mesh; a coarse one has fewer faces, for what is seen small."""

    coarse: bool = False
    _vertices: list[Array] = field(default_factory=list)
    _faces: list[NDArray[np.int32]] = field(default_factory=list)
    _material: list[NDArray[np.int16]] = field(default_factory=list)
    _layer: list[NDArray[np.int8]] = field(default_factory=list)
    _part: list[NDArray[np.int16]] = field(default_factory=list)
    _group: list[NDArray[np.int8]] = field(default_factory=list)
    _count: int = 0

    def add(self, vertices: Array, faces: Array, material: int | Array, *, layer: int = 0, part: int = 0, group: int = 0) -> None:
        """Adds a piece; `material` is one or (F,)."""
        vertices, faces = np.asarray(vertices, np.float64), np.asarray(faces, np.int32)
        self._vertices.append(vertices)
        self._faces.append((faces + self._count).astype(np.int32))
        self._material.append(np.broadcast_to(np.asarray(material, np.int16), len(faces)))
        self._layer.append(np.full(len(faces), layer, np.int8))
        self._part.append(np.full(len(vertices), part, np.int16))
        self._group.append(np.full(len(vertices), group, np.int8))
        self._count += len(vertices)

    def loft(self, rings: Array, material: int | Array, *, layer: int = 0, part: int = 0, group: int = 0) -> None:
        """Skin over (S, K, 3) rings that run counter-clockwise seen from the last ring's side; both ends are closed.

        `material` is one, or (S - 1, K) for the sides, of which the first and last rows also give the caps' material.
        """
        s, k, _ = rings.shape
        i, j = np.meshgrid(np.arange(s - 1), np.arange(k), indexing="ij")
        after = (j + 1) % k
        sides = np.stack([i * k + j, i * k + after, (i + 1) * k + after, (i + 1) * k + j], -1).reshape(-1, 4)
        vertices = np.concatenate([rings.reshape(-1, 3), rings[0].mean(0)[None], rings[-1].mean(0)[None]])
        ring = np.arange(k)
        start = np.column_stack([np.full(k, s * k), (ring + 1) % k, ring, ring])
        end = np.column_stack([np.full(k, s * k + 1), (s - 1) * k + ring, (s - 1) * k + (ring + 1) % k, (s - 1) * k + (ring + 1) % k])
        of = np.broadcast_to(np.asarray(material, np.int16), (s - 1, k)) if np.ndim(material) != 1 else np.asarray(material)
        materials = np.concatenate([of.reshape(-1), of[0], of[-1]])
        self.add(vertices, np.concatenate([sides, start, end]), materials, layer=layer, part=part, group=group)

    def tube(
        self,
        a: Array,
        b: Array,
        ra: float,
        rb: float,
        material: int,
        *,
        sides: int = 8,
        flat: float = 1.0,
        round_ends: bool = True,
        layer: int = 0,
        part: int = 0,
        group: int = 0,
    ) -> None:
        """A limb from `a` to `b` with radii `ra`, `rb`; `flat` squeezes it across (sideways = y)."""
        a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
        axis = (b - a) / max(float(np.linalg.norm(b - a)), 1e-9)
        if self.coarse:
            sides, round_ends = max(sides // 2 + 1, 4), False
        helper = np.array([0.0, 1.0, 0.0]) if abs(axis[1]) < 0.9 else np.array([1.0, 0.0, 0.0])
        u = np.cross(helper, axis)
        u /= np.linalg.norm(u)
        v = np.cross(axis, u)
        angle = np.linspace(0, 2 * np.pi, sides, endpoint=False)
        circle = np.cos(angle)[:, None] * u + np.sin(angle)[:, None] * v * flat
        steps = [(-0.85, 0.5), (0.0, 1.0)] if round_ends else [(0.0, 1.0)]
        rings = [a + axis * t * ra + circle * ra * r for t, r in steps]
        rings += [b + axis * -t * rb + circle * rb * r for t, r in reversed(steps)]
        self.loft(np.stack(rings), material, layer=layer, part=part, group=group)

    def ball(
        self,
        centre: Array,
        radii: tuple[float, float, float],
        material: int,
        *,
        sides: int = 10,
        layer: int = 0,
        part: int = 0,
        group: int = 0,
    ) -> None:
        """An ellipsoid."""
        sides = max(sides // 2, 5) if self.coarse else sides
        latitude = np.linspace(-0.5, 0.5, max(sides // 2, 4) + 1)[1:-1] * np.pi
        angle = np.linspace(0, 2 * np.pi, sides, endpoint=False)
        rings = [np.column_stack([np.cos(angle) * np.cos(t), np.sin(angle) * np.cos(t), np.full(sides, np.sin(t))]) for t in latitude]
        rings = [rings[0] * [0.3, 0.3, 1] * 1.02, *rings, rings[-1] * [0.3, 0.3, 1] * 1.02]
        self.loft(np.stack(rings) * radii + np.asarray(centre), material, layer=layer, part=part, group=group)

    def box(self, low: Array, high: Array, material: int, *, layer: int = 0, part: int = 0, group: int = 0) -> None:
        """An axis-aligned box."""
        (x0, y0, z0), (x1, y1, z1) = low, high
        ring = np.array([[0, y0, z0], [0, y1, z0], [0, y1, z1], [0, y0, z1]], np.float64)
        rings = np.stack([ring + np.array([x, 0, 0]) for x in (x0, x1)])
        self.loft(rings, material, layer=layer, part=part, group=group)

    def flat(self, corners: Array, material: int, *, layer: int = 1, part: int = 0, group: int = 0) -> None:
        """A flat convex piece with K corners, counter-clockwise seen from the side that shows."""
        corners = np.asarray(corners, np.float64)
        k = len(corners)
        if k == 4:
            self.add(corners, np.array([[0, 1, 2, 3]]), material, layer=layer, part=part, group=group)
            return
        centre = corners.mean(0)[None]
        ring = np.arange(k)
        faces = np.column_stack([np.full(k, k), ring, (ring + 1) % k, (ring + 1) % k])
        self.add(np.concatenate([corners, centre]), faces, material, layer=layer, part=part, group=group)

    def disc(self, centre: Array, radius: float, side: int, material: int, *, sides: int = 14, layer: int = 1, part: int = 0) -> None:
        """A disc that faces +y (`side` 1) or -y (-1)."""
        sides = 8 if self.coarse else sides
        angle = np.linspace(0, 2 * np.pi, sides, endpoint=False) * -side
        self.flat(
            np.asarray(centre) + radius * np.column_stack([np.cos(angle), np.zeros(sides), np.sin(angle)]), material, layer=layer, part=part
        )

    def done(self) -> Mesh:
        return Mesh(
            np.concatenate(self._vertices).astype(np.float32),
            np.concatenate(self._faces),
            np.concatenate(self._material),
            np.concatenate(self._layer),
            np.concatenate(self._part),
            np.concatenate(self._group),
        )
