"""Cars, vans, trucks and buses as lofted bodies with windows, lamps, wheels and plates; x forward, y left, z up, metres."""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from models.drill.mesh import Builder, Material, Mesh

Array = NDArray[np.float64]
Mat = Material


@dataclass(frozen=True)
class Body:
    """Curves along a body, as (x, value) knots with x from the rear bumper in metres; widths are half widths."""

    low: tuple[tuple[float, float], ...]
    belt: tuple[tuple[float, float], ...]
    roof: tuple[tuple[float, float], ...]
    wide: tuple[tuple[float, float], ...]
    roof_wide: float
    wheels: tuple[float, ...]
    wheel_radius: float
    pillars: tuple[tuple[float, float], ...]
    screens: tuple[tuple[float, float], ...]
    glass: tuple[float, float]

    @property
    def length(self) -> float:
        return self.belt[-1][0]


SEDAN = Body(
    low=((0, 0.38), (0.25, 0.24), (4.15, 0.2), (4.5, 0.3)),
    belt=((0, 0.58), (0.04, 0.78), (0.12, 0.92), (0.5, 0.97), (2.5, 0.95), (3.45, 0.93), (4.0, 0.84), (4.3, 0.74),
          (4.42, 0.62), (4.5, 0.46)),
    roof=((0.75, 0.97), (1.05, 1.17), (1.45, 1.38), (1.9, 1.45), (2.4, 1.46), (2.8, 1.41), (3.15, 1.2), (3.5, 0.92)),
    wide=((0, 0.66), (0.08, 0.78), (0.4, 0.86), (1.2, 0.9), (3.4, 0.9), (4.0, 0.86), (4.3, 0.79), (4.44, 0.68), (4.5, 0.56)),
    roof_wide=0.6, wheels=(0.95, 3.62), wheel_radius=0.33,
    pillars=((1.0, 1.25), (2.16, 2.26)), screens=((0.78, 1.42), (2.82, 3.48)), glass=(1.0, 3.4),
)  # fmt: skip
HATCH = Body(
    low=((0, 0.36), (0.2, 0.24), (3.65, 0.2), (3.95, 0.3)),
    belt=((0, 0.56), (0.04, 0.8), (0.1, 0.98), (0.5, 1.02), (2.2, 0.98), (2.95, 0.95), (3.5, 0.86), (3.8, 0.74), (3.9, 0.6), (3.95, 0.45)),
    roof=((0.1, 0.98), (0.3, 1.22), (0.6, 1.44), (1.1, 1.53), (1.7, 1.53), (2.2, 1.47), (2.65, 1.22), (3.0, 0.94)),
    wide=((0, 0.68), (0.08, 0.78), (0.4, 0.84), (1.0, 0.86), (3.0, 0.86), (3.5, 0.82), (3.8, 0.74), (3.9, 0.66), (3.95, 0.55)),
    roof_wide=0.6, wheels=(0.68, 3.18), wheel_radius=0.31,
    pillars=((0.4, 0.72), (1.62, 1.72)), screens=((0.12, 0.55), (2.22, 2.98)), glass=(0.6, 2.9),
)  # fmt: skip
SUV = Body(
    low=((0, 0.45), (0.25, 0.32), (4.3, 0.3), (4.65, 0.4)),
    belt=((0, 0.66), (0.04, 0.95), (0.1, 1.1), (0.5, 1.16), (2.6, 1.13), (3.4, 1.1), (4.1, 1.03), (4.45, 0.92), (4.6, 0.76), (4.65, 0.55)),
    roof=((0.1, 1.1), (0.25, 1.36), (0.5, 1.62), (1.0, 1.74), (2.0, 1.76), (2.6, 1.7), (3.05, 1.42), (3.42, 1.09)),
    wide=((0, 0.74), (0.08, 0.86), (0.4, 0.93), (1.2, 0.95), (3.6, 0.95), (4.2, 0.91), (4.5, 0.83), (4.62, 0.74), (4.65, 0.62)),
    roof_wide=0.68, wheels=(0.88, 3.72), wheel_radius=0.37,
    pillars=((0.3, 0.6), (1.3, 1.42), (2.3, 2.4)), screens=((0.12, 0.5), (2.62, 3.4)), glass=(0.6, 3.3),
)  # fmt: skip
VAN = Body(
    low=((0, 0.42), (0.2, 0.32), (4.9, 0.3), (5.2, 0.4)),
    belt=((0, 0.8), (0.04, 1.1), (0.1, 1.2), (0.6, 1.22), (4.2, 1.18), (4.7, 1.08), (5.05, 0.95), (5.16, 0.75), (5.2, 0.5)),
    roof=((0.02, 1.1), (0.1, 1.6), (0.2, 1.9), (0.5, 2.02), (3.3, 2.04), (3.7, 1.96), (4.15, 1.6), (4.55, 1.12)),
    wide=((0, 0.8), (0.06, 0.88), (0.3, 0.93), (1.0, 0.95), (4.2, 0.95), (4.8, 0.9), (5.1, 0.8), (5.2, 0.68)),
    roof_wide=0.78, wheels=(1.0, 4.25), wheel_radius=0.35,
    pillars=((0.2, 0.45), (1.4, 1.5), (2.5, 2.6), (3.5, 3.62)), screens=((0.05, 0.18), (3.72, 4.5)), glass=(0.45, 4.4),
)  # fmt: skip


def _half_ring(low: float, belt: float, top: float, wide: float, roof_wide: float, cabin: float) -> Array:
    """(11, 2) of (y, z) from the middle of the floor round the left side to the middle of the roof."""
    k = min((top - belt) / cabin, 1.0) if cabin > 0 else 0.0
    shoulder = 0.93 * wide
    edge = (1 - k) * 0.86 * wide + k * roof_wide
    side = belt - low
    return np.array([
        (0, low), (0.8 * wide, low), (0.95 * wide, low + 0.1 * side), (0.99 * wide, low + 0.3 * side), (wide, low + 0.62 * side),
        (0.985 * wide, low + 0.85 * side), (shoulder, belt), (edge + 0.1 * k * (shoulder - edge), top - 0.07 * k),
        (edge * 0.94, top - 0.015 * k), (edge * 0.55, top + 0.012), (0, top + 0.02),
    ])  # fmt: skip


def _sample(knots: tuple[tuple[float, float], ...], x: Array) -> Array:
    from scipy.interpolate import PchipInterpolator

    at, value = np.array(knots, np.float64).T
    return np.asarray(PchipInterpolator(at, value)(np.clip(x, at[0], at[-1])))


@cache
def car(kind: str, coarse: bool = False) -> Mesh:
    """A car body of `kind` (sedan, hatch, suv, van, taxi)."""
    body = {"sedan": SEDAN, "taxi": SEDAN, "hatch": HATCH, "suv": SUV, "van": VAN}[kind]
    marks = [v for pair in (*body.pillars, *body.screens) for v in pair] + [body.glass[0], body.glass[1]]
    fine = [x for x, _ in (*body.belt, *body.roof, *(() if coarse else body.wide))]
    x = np.unique(np.round([0, body.length, *marks, *fine, *np.linspace(0, body.length, 16)[:: 15 if coarse else 1]], 3))
    x = x[np.concatenate([[True], np.diff(x) > 0.015])]
    low, belt, wide = (_sample(k, x) for k in (body.low, body.belt, body.wide))
    top = np.maximum(np.where((x < body.roof[0][0]) | (x > body.roof[-1][0]), 0, _sample(body.roof, x)), belt)
    cabin = float((top - belt).max())
    rings, materials = [], []
    for i in range(len(x)):
        half = _half_ring(low[i], belt[i], top[i], wide[i], body.roof_wide, cabin)
        ring = np.concatenate([half, half[-2:0:-1] * [-1, 1]])
        rings.append(np.column_stack([np.full(len(ring), x[i] - body.length / 2), ring]))
        if i:
            materials.append(_materials(body, (x[i] + x[i - 1]) / 2, len(half), min(top[i] - belt[i], top[i - 1] - belt[i - 1])))
    b = Builder(coarse)
    b.loft(np.stack(rings), np.stack(materials))
    _wheels(b, [w - body.length / 2 for w in body.wheels], float(wide.max()), body.wheel_radius)
    _car_details(b, body, kind)
    return b.done()


def _materials(body: Body, x: float, half: int, cabin: float) -> NDArray[np.int16]:
    """(K,) materials of the ring segments between two stations."""
    segments = np.full(half - 1, Mat.PAINT, np.int16)
    segments[0] = segments[1] = Mat.TRIM
    pillar = any(a <= x <= b for a, b in body.pillars)
    if body.glass[0] <= x <= body.glass[1] and not pillar and cabin > 0.12:
        segments[6] = Mat.GLASS
    if any(a <= x <= b for a, b in body.screens):
        segments[7:] = Mat.GLASS
    return np.concatenate([segments, segments[::-1]])


def _wheels(b: Builder, at: list[float], wide: float, radius: float) -> None:
    for x in at:
        for side in (1, -1):
            y = side * wide
            b.tube(
                np.array([x, y - side * 0.24, radius]),
                np.array([x, y - side * 0.01, radius]),
                radius,
                radius,
                Mat.TYRE,
                sides=14,
                round_ends=False,
                layer=-1,
            )
            b.disc(np.array([x, y - side * 0.012, radius * 1.06]), radius * 1.16, side, Mat.TRIM)
            b.disc(np.array([x, y + side * 0.004, radius]), radius, side, Mat.TYRE, layer=2)
            b.disc(np.array([x, y + side * 0.008, radius]), radius * 0.66, side, Mat.RIM, layer=3)
            b.disc(np.array([x, y + side * 0.01, radius]), radius * 0.2, side, Mat.TRIM, layer=4, sides=8)


def _face(
    b: Builder, x: float, y0: float, y1: float, z0: float, z1: float, front: bool, material: int, lean: float = 0.0, layer: int = 1
) -> None:
    """A flat piece across the body at `x`, seen from the front or from behind; its top leans inwards by `lean`."""
    s = -1 if front else 1
    corners = [(x, y0, z0), (x, y1, z0), (x + s * lean, y1, z1), (x + s * lean, y0, z1)]
    b.flat(np.array(corners if front else corners[::-1]), material, layer=layer)


def _car_details(b: Builder, body: Body, kind: str) -> None:
    half = body.length / 2
    shoulder, width = body.belt[-3][1], body.wide[-2][1]
    rear = body.belt[3][1]
    front_z, rear_z = shoulder - 0.12, rear - 0.3
    for side in (1, -1):
        inner, outer = sorted((side * width * 0.55, side * (width + 0.06)))
        _face(b, half - 0.07, inner, outer, front_z - 0.02, front_z + 0.13, True, Mat.HEADLAMP, 0.1)
        inner, outer = sorted((side * 0.45, side * 0.78))
        _face(b, -half + 0.03, inner, outer, rear_z, rear_z + 0.17, False, Mat.TAILLAMP, 0.06)
        glass = next(x for x in (body.screens[1][1],)) - half
        b.ball(
            np.array([glass - 0.32, side * (max(w for _, w in body.wide) + 0.06), body.belt[4][1] + 0.06]),
            (0.09, 0.1, 0.075),
            Mat.PAINT,
            sides=6,
        )
        # the edge of the doors and the handles: thin dark lines that every car's side has
        z0, z1, y = 0.34, body.belt[4][1] - 0.04, side * (max(w for _, w in body.wide) + 0.004)
        for a, _ in body.pillars[-1:]:
            line = np.array([(a - half, y, z0), (a - half + 0.018, y, z0), (a - half + 0.018, y * 0.985, z1), (a - half, y * 0.985, z1)])
            b.flat(line if side < 0 else line[::-1], Mat.TRIM)
    _face(b, half + 0.005, -0.42, 0.42, front_z - 0.1, front_z + 0.0, True, Mat.TRIM, 0.02)
    _face(b, half + 0.005, -0.5, 0.5, 0.3, 0.4, True, Mat.TRIM)
    _face(b, half + 0.012, -0.24, 0.24, 0.42, 0.53, True, Mat.PLATE, layer=2)
    _face(b, -half - 0.01, -0.24, 0.24, rear_z - 0.06, rear_z + 0.07, False, Mat.PLATE, layer=2)
    _face(b, -half - 0.005, -0.6, 0.6, 0.36, 0.46, False, Mat.TRIM)
    if kind == "taxi":
        top = max(z for _, z in body.roof)
        b.box(np.array([-0.1, -0.25, top]), np.array([0.1, 0.25, top + 0.16]), Mat.HEADLAMP)


def _slab(
    b: Builder,
    x0: float,
    x1: float,
    wide: float,
    z0: float,
    z1: float,
    material: int,
    *,
    bevel: float = 0.08,
    cells: int = 6,
    layer: int = 0,
) -> None:
    """A long box with rounded vertical and roof edges."""
    xs = np.concatenate(
        [[x0, x0 + bevel * 0.4, x0 + bevel], np.linspace(x0 + bevel, x1 - bevel, cells)[1:-1], [x1 - bevel, x1 - bevel * 0.4, x1]]
    )
    inset = np.array([bevel, bevel * 0.3, 0, *[0] * (cells - 2), 0, bevel * 0.3, bevel])
    rings = []
    for x, cut in zip(xs, inset, strict=True):
        w, top, low = wide - cut, z1 - cut, z0 + cut * 0.3
        zs = np.linspace(low, top - bevel, 5)
        half = [
            (0, low),
            (w * 0.9, low),
            *[(w, z) for z in zs],
            (w - bevel * 0.35, top - bevel * 0.3),
            (w - bevel, top),
            (w * 0.5, top + 0.01),
            (0, top + 0.015),
        ]
        ring = np.array(half)
        ring = np.concatenate([ring, ring[-2:0:-1] * [-1, 1]])
        rings.append(np.column_stack([np.full(len(ring), x), ring]))
    b.loft(np.stack(rings), material, layer=layer)


def _side(b: Builder, x0: float, x1: float, y: float, z0: float, z1: float, material: int, layer: int = 1) -> None:
    """A flat piece on both sides of a body."""
    for side in (1, -1):
        corners = np.array([(x0, side * y, z0), (x1, side * y, z0), (x1, side * y, z1), (x0, side * y, z1)])
        b.flat(corners if side < 0 else corners[::-1], material, layer=layer)


def _heavy_front(b: Builder, x: float, wide: float, z0: float, glass: tuple[float, float], lamps: float, lean: float = 0.06) -> None:
    _face(b, x + 0.012, -wide * 0.9, wide * 0.9, glass[0], glass[1], True, Mat.GLASS, lean)
    _face(b, x + 0.012, -wide * 0.55, wide * 0.55, z0 + 0.3, glass[0] - 0.15, True, Mat.TRIM)
    for side in (1, -1):
        a, c = sorted((side * wide * 0.6, side * wide * 0.92))
        _face(b, x + 0.014, a, c, lamps, lamps + 0.2, True, Mat.HEADLAMP)
        b.box(np.array([x - 0.05, *sorted((side * (wide + 0.06), side * (wide + 0.24)))[:1], glass[0] + 0.1]),
              np.array([x + 0.06, sorted((side * (wide + 0.06), side * (wide + 0.24)))[1], glass[1] - 0.1]), Mat.TRIM)  # fmt: skip
    _face(b, x + 0.016, -0.26, 0.26, z0 + 0.1, z0 + 0.24, True, Mat.PLATE, layer=2)


def _heavy_rear(b: Builder, x: float, wide: float, z: float) -> None:
    for side in (1, -1):
        a, c = sorted((side * wide * 0.68, side * wide * 0.95))
        _face(b, x - 0.012, a, c, z, z + 0.18, False, Mat.TAILLAMP)
    _face(b, x - 0.014, -0.26, 0.26, z, z + 0.16, False, Mat.PLATE, layer=2)


@cache
def truck(kind: str, coarse: bool = False) -> Mesh:
    """A lorry with a box (`box`), an open bed with a load (`bed`), or a large box on three axles (`heavy`)."""
    length, wide, high, cab = {"box": (6.2, 1.02, 2.9, 1.75), "bed": (5.8, 1.0, 2.3, 1.75), "heavy": (9.0, 1.22, 3.5, 2.1)}[kind]
    half, b = length / 2, Builder(coarse)
    cab_high = 2.25 if kind != "heavy" else 2.85
    radius = 0.42 if kind != "heavy" else 0.5
    b.box(np.array([-half + 0.1, -0.5, 0.55]), np.array([half - 0.3, 0.5, 0.9]), Mat.TRIM, layer=-1)
    _slab(b, half - cab, half, wide * 0.97, 0.45, cab_high, Mat.PAINT, bevel=0.14)
    _side(b, half - cab * 0.8, half - cab * 0.3, wide * 0.975, cab_high * 0.55, cab_high * 0.88, Mat.GLASS)
    _side(b, half - cab * 0.84, half - cab * 0.82, wide * 0.975, 0.6, cab_high * 0.9, Mat.TRIM)
    _heavy_front(b, half, wide * 0.95, 0.4, (cab_high * 0.53, cab_high * 0.9), 0.72)
    bed = half - cab - 0.12
    if kind == "bed":
        _slab(b, -half, bed, wide, 0.9, 1.5, Mat.CARGO, bevel=0.04)
        _slab(b, -half + 0.2, bed - 0.15, wide * 0.88, 1.45, high, Mat.BAG, bevel=0.35)
    else:
        _slab(b, -half, bed, wide, 0.92, high, Mat.CARGO, bevel=0.05, cells=8)
        for i in range(1, 8):
            x = -half + (bed + half) * i / 8
            _side(b, x - 0.02, x + 0.02, wide + 0.004, 1.0, high - 0.12, Mat.METAL)
        _face(b, -half - 0.01, -0.015, 0.015, 1.0, high - 0.1, False, Mat.TRIM)
    wheels = [half - cab * 0.55, -half + 1.2] if kind != "heavy" else [half - cab * 0.55, -half + 2.4, -half + 1.2]
    _wheels(b, wheels, wide * 0.97, radius)
    _heavy_rear(b, -half, wide, 0.68)
    return b.done()


@cache
def bus(kind: str, coarse: bool = False) -> Mesh:
    """A city bus (`city`, 11 m) or a minibus (`mini`, 7 m)."""
    length, wide, high = {"city": (11.0, 1.25, 3.1), "mini": (7.0, 1.05, 2.7)}[kind]
    half, b = length / 2, Builder(coarse)
    _slab(b, -half, half, wide, 0.35, high, Mat.PAINT, bevel=0.16, cells=10)
    z0, z1 = high * 0.43, high * 0.83
    panes = round(length / 1.5)
    for i in range(panes):
        a = -half + 0.25 + (length - 0.5) * i / panes
        _side(b, a + 0.05, a + (length - 0.5) / panes - 0.05, wide + 0.004, z0, z1, Mat.GLASS)
    _side(b, -half + 0.15, half - 0.15, wide + 0.004, z0 - 0.35, z0 - 0.2, Mat.CARGO)
    for x in (half - 1.0, 0.0):  # doors, on the right-hand kerb side
        y = -wide - 0.006
        b.flat(np.array([(x - 0.5, y, 0.45), (x + 0.5, y, 0.45), (x + 0.5, y, z1), (x - 0.5, y, z1)]), Mat.GLASS, layer=2)
        b.flat(np.array([(x - 0.02, y, 0.45), (x + 0.02, y, 0.45), (x + 0.02, y, z1), (x - 0.02, y, z1)]), Mat.PAINT, layer=3)
    _heavy_front(b, half, wide, 0.3, (z0 - 0.2, z1 + 0.08), 0.62)
    _face(b, half + 0.014, -wide * 0.6, wide * 0.6, z1 + 0.12, high - 0.12, True, Mat.TRIM, 0.03)
    _face(b, -half - 0.012, -wide * 0.8, wide * 0.8, z0 + 0.1, z1, False, Mat.GLASS)
    _heavy_rear(b, -half, wide, 0.75)
    _wheels(b, [half - 2.3 * length / 11, -half + 2.6 * length / 11], wide - 0.01, 0.48 if kind == "city" else 0.38)
    return b.done()
