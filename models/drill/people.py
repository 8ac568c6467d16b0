"""Articulated people, and two-wheelers with riders; metres, x forward, y left, z up, feet or tyres at z = 0."""

from functools import cache, lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from models.drill.mesh import Builder, Material, Mesh

Array = NDArray[np.float64]
Mat = Material

PELVIS, CHEST, HEAD, ARM_L, ARM_R, FORE_L, FORE_R, THIGH_L, THIGH_R, SHIN_L, SHIN_R, FOOT_L, FOOT_R = range(13)
PARTS = 13
THIGH_M, SHIN_M, ARM_M, FORE_M, FOOT_M = 0.43, 0.42, 0.29, 0.25, 0.08
HIP_Z = THIGH_M + SHIN_M + FOOT_M
"""Of a person of 1.70 m; other heights scale everything."""


@cache
def figure(kind: str, coarse: bool = False) -> Mesh:
    """A person in parts that `walk` and `ride` move; `kind` is man, woman, skirt, bag, rider or a `conical` hat's wearer."""
    b = Builder(coarse)
    _figure(b, kind, 0, 0)
    return b.done()


def _figure(b: Builder, kind: str, first: int, group: int) -> None:
    at = {"group": group}
    slim = 0.92 if kind in ("woman", "skirt", "conical") else 1.0

    def ring(z: float, x: float, y: float, shift: float = 0.0) -> Array:
        angle = np.linspace(0, 2 * np.pi, 7 if b.coarse else 12, endpoint=False)
        return np.column_stack([np.cos(angle) * x + shift, np.sin(angle) * y, np.full(len(angle), z)])

    waist = [ring(-0.1, 0.08, 0.11), ring(-0.07, 0.105, 0.155), ring(0.04, 0.11, 0.165), ring(0.12, 0.1, 0.15)]
    b.loft(np.stack(waist) * [1, slim, 1], Mat.LEGS, part=first + PELVIS, **at)
    if kind == "skirt":
        b.loft(
            np.stack([ring(-0.48, 0.2, 0.24), ring(-0.25, 0.17, 0.21), ring(0.1, 0.11, 0.16)]) * [1, slim, 1],
            Mat.LEGS,
            layer=1,
            part=first + PELVIS,
            **at,
        )
    chest = [
        ring(0.0, 0.095, 0.14),
        ring(0.06, 0.105, 0.15),
        ring(0.25, 0.12, 0.175),
        ring(0.4, 0.115, 0.185),
        ring(0.47, 0.09, 0.16),
        ring(0.51, 0.055, 0.08),
    ]
    b.loft(np.stack(chest) * [1, slim, 1], Mat.TOP, part=first + CHEST, **at)
    b.tube(np.array([0, 0, 0.47]), np.array([0.01, 0, 0.6]), 0.055, 0.05, Mat.SKIN, part=first + CHEST, **at)
    if kind == "bag":
        b.box(np.array([-0.3, -0.15, 0.05]), np.array([-0.1, 0.15, 0.45]), Mat.BAG, part=first + CHEST, **at)
    if kind == "rider":
        b.ball(np.array([0.0, 0, 0.13]), (0.145, 0.13, 0.15), Mat.HELMET, part=first + HEAD, sides=12, **at)
        b.ball(np.array([0.06, 0, 0.07]), (0.085, 0.075, 0.1), Mat.SKIN, part=first + HEAD, sides=8, **at)
    else:
        b.ball(np.array([0.015, 0, 0.1]), (0.095, 0.075, 0.12), Mat.SKIN, part=first + HEAD, sides=12, **at)
        b.ball(np.array([-0.028, 0, 0.14]), (0.09, 0.086, 0.1), Mat.HAIR, part=first + HEAD, sides=12, **at)
        if kind in ("woman", "skirt"):
            b.ball(np.array([-0.06, 0, 0.04]), (0.06, 0.08, 0.16), Mat.HAIR, part=first + HEAD, sides=8, **at)
        if kind == "conical":
            b.loft(np.stack([ring(0.16, 0.22, 0.22), ring(0.25, 0.1, 0.1), ring(0.31, 0.01, 0.01)]), Mat.BAG, part=first + HEAD, **at)
    sleeve = Mat.TOP if kind in ("man", "rider", "bag") else Mat.SKIN
    for arm, fore, thigh, shin, foot in ((ARM_L, FORE_L, THIGH_L, SHIN_L, FOOT_L), (ARM_R, FORE_R, THIGH_R, SHIN_R, FOOT_R)):
        b.tube(np.zeros(3), np.array([0, 0, -ARM_M]), 0.06 * slim, 0.046 * slim, Mat.TOP, part=first + arm, sides=7, **at)
        b.tube(np.zeros(3), np.array([0, 0, -FORE_M]), 0.045 * slim, 0.034 * slim, sleeve, part=first + fore, sides=7, **at)
        b.ball(np.array([0.01, 0, -FORE_M - 0.06]), (0.045, 0.03, 0.075), Mat.SKIN, part=first + fore, sides=6, **at)
        legs = Mat.SKIN if kind == "skirt" else Mat.LEGS
        b.tube(np.zeros(3), np.array([0, 0, -THIGH_M]), 0.092 * slim, 0.066 * slim, legs, part=first + thigh, sides=8, **at)
        b.tube(np.zeros(3), np.array([0, 0, -SHIN_M]), 0.064 * slim, 0.044 * slim, legs, part=first + shin, sides=8, **at)
        b.ball(np.array([0.06, 0, -0.035]), (0.13, 0.05, 0.05), Mat.SHOES, part=first + foot, sides=8, **at)


def _turn(pitch: Array | float, roll: float = 0.0) -> Array:
    """(3, 3): positive pitch swings what hangs down (a leg) forward and what stands up backwards."""
    c, s = np.cos(pitch), np.sin(pitch)
    swing = np.array([[c, 0, -s], [0, 1, 0], [s, 0, c]], np.float64)
    cr, sr = np.cos(roll), np.sin(roll)
    return swing @ np.array([[1, 0, 0], [0, cr, -sr], [0, sr, cr]], np.float64)


def _limb(root: Array, upper: Array, lower: Array, length: float) -> tuple[tuple[Array, Array], tuple[Array, Array], Array]:
    joint = root + upper @ [0, 0, -length]
    return (upper, root), (lower, joint), joint


def walk(distance_m: float, speed_mps: float, height_m: float) -> tuple[Array, Array]:
    """Rotations (13, 3, 3) and places (13, 3) of the parts of a walker who has gone `distance_m`, for the figure of 1.70 m.

    The stride follows the way gone, not a clock, so feet do not slide and any frame rate sees the same steps.
    """
    vigour = min(speed_mps / 1.3, 1.6)
    phase = 2 * np.pi * distance_m / (1.35 * height_m / 1.7 * (0.75 + 0.25 * min(vigour, 1.6)))
    r, t = np.zeros((PARTS, 3, 3)), np.zeros((PARTS, 3))
    pelvis = np.array([0, 0, HIP_Z - 0.025 * vigour * (0.5 - 0.5 * np.cos(2 * phase))])
    r[PELVIS], t[PELVIS] = np.eye(3), pelvis
    lean = _turn(-0.05 * vigour)
    r[CHEST], t[CHEST] = lean, pelvis + np.array([0, 0, 0.1])
    r[HEAD], t[HEAD] = np.eye(3), t[CHEST] + lean @ [0.01, 0, 0.58]
    for side, arm, fore, thigh, shin, foot in ((1, ARM_L, FORE_L, THIGH_L, SHIN_L, FOOT_L), (-1, ARM_R, FORE_R, THIGH_R, SHIN_R, FOOT_R)):
        p = phase if side > 0 else phase + np.pi
        hip = 0.42 * vigour * np.sin(p)
        knee = 0.06 + vigour * 0.75 * max(0.0, np.cos(p)) ** 2 * 0.85
        (r[thigh], t[thigh]), (r[shin], t[shin]), joint = _limb(
            pelvis + np.array([0, side * 0.09, 0]), _turn(hip), _turn(hip - knee), THIGH_M
        )
        r[foot], t[foot] = _turn(0.4 * (hip - knee)), joint + r[shin] @ [0, 0, -SHIN_M]
        swing = -0.4 * vigour * np.sin(p)
        shoulder = t[CHEST] + lean @ [0, side * 0.2, 0.43]
        (r[arm], t[arm]), (r[fore], t[fore]), _ = _limb(
            shoulder, _turn(swing, side * 0.12), _turn(swing + 0.25 + 0.2 * vigour, side * 0.05), ARM_M
        )
    return r, t


def sit(
    seat: tuple[float, float], hands: tuple[float, float], lean: float, spread: float, knee: float = 1.25, thigh: float = 1.15
) -> tuple[Array, Array]:
    """Rotations and places of the parts of a rider whose pelvis is at (x, z) `seat` and whose hands hold (x, z) `hands`."""
    r, t = np.zeros((PARTS, 3, 3)), np.zeros((PARTS, 3))
    pelvis = np.array([seat[0], 0, seat[1]])
    body = _turn(-lean)
    r[PELVIS], t[PELVIS] = body, pelvis
    r[CHEST], t[CHEST] = body, pelvis + body @ [0, 0, 0.1]
    r[HEAD], t[HEAD] = np.eye(3), t[CHEST] + body @ [0.01, 0, 0.58]
    for side, arm, fore, upper, shin, foot in ((1, ARM_L, FORE_L, THIGH_L, SHIN_L, FOOT_L), (-1, ARM_R, FORE_R, THIGH_R, SHIN_R, FOOT_R)):
        (r[upper], t[upper]), (r[shin], t[shin]), joint = _limb(
            pelvis + np.array([0, side * 0.11, 0.0]), _turn(thigh, side * spread), _turn(thigh - knee), THIGH_M
        )
        r[foot], t[foot] = np.eye(3), joint + r[shin] @ [0, 0, -SHIN_M]
        shoulder = t[CHEST] + body @ [0, side * 0.2, 0.43]
        reach = np.array([hands[0], 0, hands[1]]) - shoulder * [1, 0, 1]
        distance = min(float(np.hypot(reach[0], reach[2])), ARM_M + FORE_M + 0.05)
        bend = np.arccos(np.clip(distance / 2 / ((ARM_M + FORE_M + 0.06) / 2), -1, 1))
        aim = np.arctan2(reach[0], -reach[2])
        (r[arm], t[arm]), (r[fore], t[fore]), _ = _limb(shoulder, _turn(aim - bend, side * 0.2), _turn(aim + bend, side * 0.05), ARM_M)
    return r, t


def _wheel(b: Builder, x: float, radius: float, wide: float, spokes: int) -> None:
    """A tyre as a ring of its own thickness, so that one sees through the wheel, with hub and spokes."""
    angle = np.linspace(0, 2 * np.pi, 9 if b.coarse else 17)
    for a, c in pairwise(angle):
        p, q = (np.array([x + radius * 0.9 * np.cos(v), 0, radius + radius * 0.9 * np.sin(v)]) for v in (a, c))
        b.tube(p, q, wide, wide, Mat.TYRE, sides=5, round_ends=False)
    for a in np.linspace(0, np.pi, spokes, endpoint=False):
        p, q = (np.array([x + s * radius * 0.85 * np.cos(a), 0, radius + s * radius * 0.85 * np.sin(a)]) for s in (1, -1))
        b.tube(p, q, 0.012, 0.012, Mat.METAL, sides=4, round_ends=False)
    b.ball(np.array([x, 0, radius]), (0.06, 0.06, 0.06), Mat.METAL, sides=6)


RIDER_SEAT = (-0.15, 0.86)


@cache
def motorbike(kind: str, riders: int = 1, coarse: bool = False) -> Mesh:
    """A scooter or an underbone motorbike (`scooter`, `wave`) with its riders; the part after the bike's own (0) is a figure's first."""
    b = Builder(coarse)
    radius = 0.29 if kind == "wave" else 0.25
    for x in (0.62, -0.6):
        _wheel(b, x, radius, 0.062, 4)
    b.tube(np.array([0.62, 0.07, radius]), np.array([0.4, 0.07, 0.9]), 0.03, 0.035, Mat.METAL, sides=6)
    b.tube(np.array([0.62, -0.07, radius]), np.array([0.4, -0.07, 0.9]), 0.03, 0.035, Mat.METAL, sides=6)

    def ring(x: float, y: float, z0: float, z1: float) -> Array:
        angle = np.linspace(0, 2 * np.pi, 6 if coarse else 10, endpoint=False)
        return np.column_stack([np.full(len(angle), x), np.cos(angle) * y, (z0 + z1) / 2 + np.sin(angle) * (z1 - z0) / 2])

    tail = [
        ring(-0.98, 0.08, 0.7, 0.8),
        ring(-0.85, 0.15, 0.6, 0.82),
        ring(-0.5, 0.19, 0.46, 0.78),
        ring(-0.2, 0.17, 0.42, 0.74),
        ring(0.0, 0.1, 0.4, 0.6),
    ]
    b.loft(np.stack(tail), Mat.PAINT)
    b.loft(
        np.stack([ring(-0.8, 0.1, 0.76, 0.82), ring(-0.6, 0.14, 0.74, 0.86), ring(-0.2, 0.14, 0.7, 0.82), ring(0.05, 0.08, 0.66, 0.76)]),
        Mat.TRIM,
        layer=0,
    )
    floor = (0.3, 0.4) if kind == "scooter" else (0.32, 0.52)
    b.loft(
        np.stack([ring(-0.25, 0.13, *floor), ring(0.1, 0.14, *floor), ring(0.3, 0.12, floor[0], floor[1] + 0.06)]),
        Mat.TRIM if kind == "wave" else Mat.PAINT,
    )
    shield = [ring(0.26, 0.24, 0.34, 0.8), ring(0.34, 0.27, 0.34, 0.9), ring(0.42, 0.2, 0.42, 1.0), ring(0.5, 0.08, 0.6, 1.0)]
    b.loft(np.stack(shield), Mat.PAINT)
    b.loft(np.stack([ring(0.36, 0.1, 0.9, 1.08), ring(0.45, 0.14, 0.92, 1.1), ring(0.54, 0.08, 0.95, 1.05)]), Mat.PAINT)
    b.ball(np.array([0.55, 0, 0.93 if kind == "wave" else 0.75]), (0.06, 0.12, 0.09), Mat.HEADLAMP, sides=8)
    b.ball(np.array([-0.97, 0, 0.74]), (0.05, 0.12, 0.07), Mat.TAILLAMP, sides=6)
    b.flat(np.array([(-0.99, 0.1, 0.5), (-0.99, -0.1, 0.5), (-0.96, -0.1, 0.64), (-0.96, 0.1, 0.64)]), Mat.PLATE, layer=0)
    b.tube(np.array([0.36, 0.36, 1.02]), np.array([0.36, -0.36, 1.02]), 0.022, 0.022, Mat.TRIM, sides=6)
    b.tube(np.array([-0.2, -0.18, 0.3]), np.array([-0.85, -0.2, 0.4]), 0.055, 0.065, Mat.METAL, sides=7)
    mudguard = [ring(0.42, 0.05, 0.58, 0.64), ring(0.62, 0.07, 0.6, 0.66), ring(0.8, 0.05, 0.5, 0.58)]
    b.loft(np.stack(mudguard), Mat.PAINT)
    for side in (1, -1):
        b.tube(np.array([0.38, side * 0.26, 1.03]), np.array([0.34, side * 0.34, 1.2]), 0.01, 0.01, Mat.TRIM, sides=4)
        b.ball(np.array([0.34, side * 0.36, 1.22]), (0.02, 0.06, 0.045), Mat.TRIM, sides=6)
    for i in range(riders):
        _figure(b, "rider", 1 + i * PARTS, 1 + i)
    return b.done()


@cache
def bicycle(coarse: bool = False) -> Mesh:
    """A bicycle with its rider."""
    b = Builder(coarse)
    for x in (0.52, -0.52):
        _wheel(b, x, 0.33, 0.022, 6)
    joints = {
        "crank": (0.0, 0.3),
        "seat": (-0.15, 0.86),
        "head": (0.36, 0.88),
        "front": (0.52, 0.33),
        "rear": (-0.52, 0.33),
        "bar": (0.34, 1.02),
    }
    for p, q in (
        ("crank", "seat"),
        ("crank", "head"),
        ("seat", "head"),
        ("rear", "crank"),
        ("rear", "seat"),
        ("front", "head"),
        ("head", "bar"),
    ):
        (x0, z0), (x1, z1) = joints[p], joints[q]
        b.tube(np.array([x0, 0, z0]), np.array([x1, 0, z1]), 0.022, 0.022, Mat.PAINT, sides=5)
    b.tube(np.array([0.36, 0.28, 1.03]), np.array([0.36, -0.28, 1.03]), 0.016, 0.016, Mat.TRIM, sides=5)
    b.ball(np.array([-0.17, 0, 0.92]), (0.13, 0.08, 0.04), Mat.TRIM, sides=6)
    _figure(b, "man", 1, 1)
    return b.done()


def rider_pose(bike: str, riders: int, distance_m: float = 0.0) -> tuple[Array, Array]:
    """Rotations and places of all parts (the bike's own first) of a two-wheeler with its riders, who pedal a bicycle."""
    return _rider_pose(bike, riders, distance_m if bike == "bicycle" else 0.0)


@lru_cache(256)
def _rider_pose(bike: str, riders: int, distance_m: float) -> tuple[Array, Array]:
    rotations, places = [np.eye(3)[None]], [np.zeros((1, 3))]
    for i in range(riders):
        if bike == "bicycle":
            r, t = sit((-0.17, 1.0), (0.34, 1.05), 0.35, 0.05, knee=0.9, thigh=0.7)
            turn = 2 * np.pi * distance_m / 5.0
            for side, upper, shin, foot in ((0, THIGH_L, SHIN_L, FOOT_L), (np.pi, THIGH_R, SHIN_R, FOOT_R)):
                lift = 0.85 + 0.35 * np.sin(turn + side)
                r[upper], r[shin] = _turn(lift), _turn(lift - 0.75 - 0.5 * np.sin(turn + side))
                t[shin] = t[upper] + r[upper] @ [0, 0, -THIGH_M]
                t[foot] = t[shin] + r[shin] @ [0, 0, -SHIN_M]
        else:
            back = 0.38 * i
            r, t = sit((-0.12 - back, 0.88), (0.34, 1.04) if i == 0 else (0.1 - back, 1.0), 0.12, 0.28, knee=1.35, thigh=1.2)
        rotations.append(r)
        places.append(t)
    return np.concatenate(rotations), np.concatenate(places)
