"""Procedural surfaces: tileable noise, the ground's materials as functions of position, painted house fronts."""

from collections.abc import Callable
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from models.drill.light import linear

Array = NDArray[np.float32]
SIDE = 512


@cache
def noise(seed: int, octaves: int = 6, roughness: float = 0.55) -> Array:
    """(512, 512) tileable noise with mean 0 and standard deviation about 0.5."""
    rng = np.random.default_rng(seed)
    total = np.zeros((SIDE, SIDE), np.float32)
    for octave in range(octaves):
        cells = 4 << octave
        if cells > SIDE:
            break
        coarse = np.pad(rng.normal(0, 1, (cells, cells)).astype(np.float32), 2, mode="wrap")
        scale = SIDE // cells
        big = cv2.resize(coarse, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
        total += big[2 * scale : 2 * scale + SIDE, 2 * scale : 2 * scale + SIDE] * roughness**octave
    return np.asarray((total - total.mean()) / total.std() * 0.5, np.float32)


def sample(texture: Array, u: Array, v: Array) -> Array:
    """Looks a tileable texture up at (u, v) in texels, of any shape, linearly."""
    u, v = np.mod(u, SIDE).astype(np.float32), np.mod(v, SIDE).astype(np.float32)
    shape = u.shape
    wide = 4096
    n = -(-u.size // wide) * wide
    pad = lambda a: np.pad(a.ravel(), (0, n - a.size)).reshape(-1, wide)  # noqa: E731 — remap wants two dimensions under 32768
    out = cv2.remap(texture, pad(u), pad(v), cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
    return np.asarray(out.ravel()[: u.size].reshape(shape), np.float32)


def _fade(footprint: Array, size_m: float) -> Array:
    """1 where a detail of `size_m` is larger than the pixel, to 0 where it is lost in it."""
    return np.clip(1.6 - footprint / size_m, 0, 1).astype(np.float32)


def _grains(gx: Array, gy: Array, footprint: Array, fine: float, middle: float, coarse: float) -> Array:
    """(N,) brightness factor of three scales of noise: grains of 2 cm, stains of 0.5 m, patches of several metres."""
    a = sample(noise(11, 8, 0.8), gx * 60, gy * 60) * fine * _fade(footprint, 0.12)
    b = sample(noise(12, 6), gx * 22, gy * 12) * middle * _fade(footprint, 2.0)
    c = sample(noise(13, 5), gx * 6, gy * 2.2) * coarse
    return np.asarray(1 + a + b + c, np.float32)


def _asphalt(gx: Array, gy: Array, footprint: Array) -> Array:
    base = linear((112, 112, 113)).astype(np.float32)
    factor = _grains(gx, gy, footprint, 0.16, 0.08, 0.12)
    cracks = np.abs(sample(noise(14, 6), gx * 9, gy * 9)) < 0.012
    factor = factor * (1 - 0.35 * cracks * _fade(footprint, 0.08))
    return base * factor[:, None]


def _tiles(gx: Array, gy: Array, footprint: Array, size: float, rgb: tuple[int, int, int], joint: float) -> Array:
    cell_x, cell_y = np.floor(gx / size), np.floor(gy / size)
    tone = np.modf(np.abs(np.sin(cell_x * 12.9898 + cell_y * 78.233) * 43758.5453))[0].astype(np.float32)
    edge = np.minimum(np.abs(gx / size - cell_x - 0.5), np.abs(gy / size - cell_y - 0.5) * 0 + 0.5)
    near_edge = np.maximum(np.abs(gx / size - cell_x - 0.5), np.abs(gy / size - cell_y - 0.5)) > 0.5 - 0.02 / size
    factor = _grains(gx, gy, footprint, 0.08, 0.07, 0.12) * (1 + (tone - 0.5) * 0.16 * _fade(footprint, size))
    factor = factor * (1 - joint * near_edge * _fade(footprint, 0.1)) * (1 + 0 * edge)
    return np.asarray(linear(rgb).astype(np.float32) * factor[:, None], np.float32)


def _grass(gx: Array, gy: Array, footprint: Array) -> Array:
    base = linear((88, 98, 52)).astype(np.float32)
    factor = _grains(gx, gy, footprint, 0.4, 0.2, 0.18)
    dry = np.clip(sample(noise(15, 5), gx * 4, gy * 3), 0, 1)[:, None] * np.array([0.0, 0.05, 0.12], np.float32)
    return (base + dry * 0.5) * factor[:, None]


def _marking(rgb: tuple[int, int, int]) -> Callable[[Array, Array, Array], Array]:
    def paint(gx: Array, gy: Array, footprint: Array) -> Array:
        worn = np.clip(sample(noise(16, 8, 0.75), gx * 30, gy * 30) * 1.2 - 0.2, 0, 1)[:, None] * 0.8
        return linear(rgb).astype(np.float32) * (1 - worn) + _asphalt(gx, gy, footprint) * worn

    return paint


GROUND: dict[str, Callable[[Array, Array, Array], Array]] = {
    "grass": _grass,
    "asphalt": _asphalt,
    "pavement": lambda x, y, f: _tiles(x, y, f, 0.4, (158, 148, 138), 0.3),
    "plaza": lambda x, y, f: _tiles(x, y, f, 0.8, (176, 168, 156), 0.35),
    "red tiles": lambda x, y, f: _tiles(x, y, f, 0.5, (150, 96, 78), 0.3),
    "kerb": lambda x, y, f: _tiles(x, y, f, 1.0, (178, 176, 170), 0.3),
    "white": _marking((222, 222, 216)),
    "yellow": _marking((222, 176, 60)),
    "concrete": lambda x, y, f: linear((162, 158, 150)).astype(np.float32) * _grains(x, y, f, 0.08, 0.08, 0.1)[:, None],
}
"""Materials: (N,) x, y in metres and the metres that a pixel covers, to (N, 3) linear albedo, blue first."""

_WALLS = [
    (214, 196, 150),
    (206, 200, 188),
    (176, 190, 186),
    (196, 158, 128),
    (160, 168, 178),
    (220, 214, 202),
    (150, 140, 128),
    (190, 200, 160),
]
_SIGNS = [(180, 30, 34), (24, 70, 150), (18, 110, 70), (226, 150, 20), (120, 30, 90), (235, 235, 235)]
_PX_M = 34


def facade(seed: int, wide_m: float, high_m: float, front: bool, lit_at_night: bool) -> tuple[Array, Array]:
    """A house front (or a plain side wall): (h, w, 3) linear albedo and what its windows and signs give off at night."""
    rng = np.random.default_rng(seed)
    w, h = max(int(wide_m * _PX_M), 8), max(int(high_m * _PX_M), 8)
    wall = linear(_WALLS[rng.integers(len(_WALLS))]) * rng.uniform(0.7, 1.05)
    image = np.ones((h, w, 3), np.float32) * wall.astype(np.float32)
    glow = np.zeros((h, w, 3), np.float32)
    yy, xx = np.mgrid[0:h, 0:w].astype(np.float32)
    dirt = sample(noise(21, 7), xx * 1.3, yy * 0.5)
    image *= (1 + 0.10 * dirt - 0.12 * (yy / h) ** 6)[:, :, None]
    if not front:
        return image * 0.85, glow

    def rect(
        x0: float,
        y0: float,
        x1: float,
        y1: float,
        rgb: tuple[int, int, int],
        light: float = 0.0,
        warm: tuple[int, int, int] = (255, 220, 160),
    ) -> None:
        """A rectangle in metres, y up from the ground."""
        area = (slice(max(int(h - y1 * _PX_M), 0), max(int(h - y0 * _PX_M), 0)), slice(max(int(x0 * _PX_M), 0), max(int(x1 * _PX_M), 0)))
        image[area] = linear(rgb).astype(np.float32) * (1 + 0.12 * dirt[area])[:, :, None]
        if lit_at_night:
            glow[area] = linear(warm).astype(np.float32) * light

    shop = rng.random() < 0.75
    inside = (24, 22, 22) if rng.random() < 0.6 else (120, 122, 124)
    rect(0.25, 0, wide_m - 0.25, 2.9, inside, 0.35 if inside[0] < 50 and rng.random() < 0.6 else 0.0)
    if inside[0] > 50:
        for y in np.arange(0.1, 2.9, 0.18):
            rect(0.25, float(y), wide_m - 0.25, float(y) + 0.04, (86, 88, 90))
    elif shop:
        for _ in range(14):
            x, y = rng.uniform(0.3, wide_m - 0.8), rng.uniform(0, 1.8)
            rect(x, y, x + rng.uniform(0.2, 0.7), y + rng.uniform(0.2, 0.7), tuple(rng.integers(30, 200, 3).tolist()), 0.15)
    if shop:
        sign = _SIGNS[rng.integers(len(_SIGNS))]
        rect(0.1, 3.0, wide_m - 0.1, 3.9, sign, 0.4, sign)
        x = 0.5
        while x < wide_m - 0.7:
            step = float(rng.uniform(0.15, 0.45))
            rect(x, 3.25, x + step, 3.65, (238, 232, 220) if sign[0] < 230 else (180, 30, 34), 0.5, (255, 250, 240))
            x += step + 0.12
    floors = int((high_m - 4.2) / 3.3)
    columns = max(int(wide_m / 1.9), 1)
    for floor in range(max(floors, 0)):
        y = 4.4 + floor * 3.3
        balcony = rng.random() < 0.5
        for column in range(columns):
            x = (column + 0.5) * wide_m / columns
            lit = 0.5 if rng.random() < 0.3 else 0.0
            rect(x - 0.62, y - 0.05, x + 0.62, y + 1.85, (222, 218, 210))
            rect(x - 0.55, y, x + 0.55, y + 1.78, (44, 54, 62), lit)
            rect(x - 0.03, y, x + 0.03, y + 1.78, (200, 198, 192))
        if balcony:
            rect(0.1, y - 0.45, wide_m - 0.1, y - 0.3, (188, 184, 176))
            for x in np.arange(0.15, wide_m - 0.1, 0.16):
                rect(float(x), y - 0.3, float(x) + 0.03, y + 0.55, (70, 70, 70))
            rect(0.1, y + 0.55, wide_m - 0.1, y + 0.62, (80, 80, 80))
    rect(0, high_m - 0.35, wide_m, high_m, (170, 166, 160))
    return image, glow
