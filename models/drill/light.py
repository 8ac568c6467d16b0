"""Light and surfaces: what colour a face shows to the camera, by day, under cloud and at night."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from models.drill.mesh import Material as Mat

Array = NDArray[np.float64]

PAINTS: dict[str, tuple[int, int, int]] = {
    "white": (226, 227, 224), "silver": (176, 178, 181), "grey": (98, 101, 105), "black": (26, 26, 29), "red": (168, 22, 24),
    "blue": (28, 62, 138), "green": (30, 98, 62), "yellow": (232, 180, 24), "orange": (220, 96, 22), "brown": (92, 62, 42),
}  # fmt: skip
"""Colours of paint in sRGB, named as `analytics.taxonomy.COLOURS` names them."""

GLOSS: dict[int, tuple[float, float]] = {
    Mat.PAINT: (0.045, 1.0),
    Mat.GLASS: (0.07, 1.0),
    Mat.HELMET: (0.04, 0.8),
    Mat.CARGO: (0.03, 0.3),
    Mat.METAL: (0.25, 0.5),
    Mat.RIM: (0.2, 0.5),
}
"""Reflectance head on, and how mirror-like; what is not listed is matt."""


def linear(rgb: tuple[int, int, int] | Array) -> Array:
    """sRGB 0..255 to linear 0..1, blue first."""
    return (np.asarray(rgb, np.float64)[..., ::-1] / 255) ** 2.2


def _film_curve() -> NDArray[np.uint8]:
    """Reinhard's curve with white at 6, by the square root of the light, for 0 to 8."""
    x = (np.arange(4096) / 1447) ** 2
    return np.asarray(np.clip(x * (1 + x / 6.0) / (1 + x) * 1.55, 0, 1) ** (1 / 2.2) * 255, np.uint8)


_CURVE = _film_curve()


@dataclass(frozen=True, eq=False)
class Light:
    """The light of a scene; colours are linear, blue first.

    Attributes:
        sun: (3,) unit vector towards the sun, or the moon.
        sun_colour: (3,), zero under a closed sky.
        sky, bounce: (3,) light from above and from the ground.
        horizon: (3,) what a glossy surface mirrors at the horizon.
        lamps: (L, 3) street lamps, metres; empty by day.
        lamp_colour: (3,) of one lamp at one metre.
        night: whether headlights are on.
        exposure: what the camera multiplies by.
    """

    sun: Array
    sun_colour: Array
    sky: Array
    bounce: Array
    horizon: Array
    lamps: Array = field(default_factory=lambda: np.zeros((0, 3)))
    lamp_colour: Array = field(default_factory=lambda: np.zeros(3))
    night: bool = False
    exposure: float = 1.0

    def lamp_light(self, points: Array, normals: Array | None = None) -> Array:
        """(N, 3) light of the street lamps on points with normals (up, where left out)."""
        total = np.zeros((len(points), 3))
        for lamp in self.lamps:
            way = lamp - points
            squared = (way * way).sum(1)
            facing = way[:, 2] if normals is None else np.maximum((way * normals).sum(1), 0)
            beam = np.clip(way[:, 2] / np.sqrt(squared), 0, 1) ** 1.5
            total += (facing / squared**1.5 * beam)[:, None] * self.lamp_colour
        return total

    def on(self, points: Array, normals: Array) -> Array:
        """(N, 3) diffuse light on faces at `points` with unit `normals`."""
        up = 0.5 + 0.5 * normals[:, 2:]
        light = self.sky * up + self.bounce * (1 - up) + self.sun_colour * np.maximum(normals @ self.sun, 0)[:, None]
        if len(self.lamps):
            light = light + self.lamp_light(points, normals) + 0.25 * self.lamp_light(points)
        return light

    def mirrored(self, ways: Array) -> Array:
        """(N, 3) what comes from the directions `ways` (N, 3): sky above, horizon, ground below."""
        z = ways[:, 2:]
        above = self.horizon + (self.sky * 1.1 - self.horizon) * np.clip(z * 1.6, 0, 1)
        below = self.horizon * 0.45 + (self.bounce * 0.8 - self.horizon * 0.45) * np.clip(-z * 3, 0, 1)
        edge = np.clip(z * 8 + 0.5, 0, 1)
        sun = np.maximum(ways @ self.sun, 0)[:, None] ** 90 * self.sun_colour * 2.5
        return above * edge + below * (1 - edge) + sun

    def __post_init__(self) -> None:
        for name in ("sun", "sun_colour", "sky", "bounce", "horizon", "lamps", "lamp_colour"):
            object.__setattr__(self, name, np.asarray(getattr(self, name), np.float32))

    def develop(self, linear_light: Array) -> NDArray[np.uint8]:
        """Linear light to picture values 0..255, with the soft shoulder of a camera's curve."""
        index = np.asarray(
            np.clip(np.asarray(linear_light, np.float32) * np.float32(self.exposure), 0, 7.999) ** np.float32(0.5) * 1447, np.uint16
        )
        return _CURVE[index]


def shade(
    light: Light, centres: Array, normals: Array, to_eye: Array, albedo: Array, f0: Array, gloss: Array, emission: Array
) -> NDArray[np.uint8]:
    """(F, 3) picture colours of F faces.

    Args:
        centres, normals, to_eye: (F, 3) in the world; the last two of unit length.
        albedo, emission: (F, 3) linear.
        f0, gloss: (F,) reflectance head on (Schlick's approximation) and how mirror-like.
    """
    facing = np.clip((normals * to_eye).sum(1), 0, 1)
    reflectance = (f0 + (1 - f0) * 0.75 * (1 - facing) ** 5) * gloss
    mirrored = light.mirrored(2 * facing[:, None] * normals - to_eye)
    colour = albedo * light.on(centres, normals) * (1 - reflectance)[:, None] + mirrored * reflectance[:, None] + emission
    return light.develop(colour)


def day(rng: np.random.Generator) -> Light:
    """A sunny or hazy day."""
    azimuth, height = rng.uniform(-2.6, 2.6), rng.uniform(0.55, 1.15)
    sun = np.array([np.sin(azimuth) * np.cos(height), np.cos(azimuth) * np.cos(height), np.sin(height)])
    haze = rng.uniform(0, 0.6)
    warm = linear((255, 240, 214)) * 1.25 * (1 - 0.7 * haze)
    sky = linear((176, 202, 235)) * (0.62 + 0.25 * haze)
    return Light(sun, warm, sky, linear((150, 144, 134)) * 0.42, linear((224, 232, 240)) * 0.9, exposure=rng.uniform(0.85, 1.1))


def overcast(rng: np.random.Generator) -> Light:
    """A closed white sky without shadows."""
    sky = linear((214, 220, 228)) * rng.uniform(0.85, 1.1)
    return Light(np.array([0.0, 0.0, 1.0]), np.zeros(3), sky, linear((140, 138, 134)) * 0.35, sky * 1.05, exposure=rng.uniform(0.8, 1.0))


def night(rng: np.random.Generator, lamps: Array) -> Light:
    """Street lamps, headlights and a dark sky."""
    tint = linear((255, 214, 160)) if rng.random() < 0.6 else linear((235, 240, 255))
    dark = linear((96, 106, 134)) * 0.2
    return Light(
        np.array([0.3, 0.4, 0.866]),
        linear((120, 130, 160)) * 0.03,
        dark,
        tint * 0.05,
        dark * 1.4 + tint * 0.03,
        lamps,
        tint * 26,
        True,
        rng.uniform(1.15, 1.45),
    )
