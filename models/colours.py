"""Names the colour of each object from its pixels; one look is a guess, and the vote over a track's life decides.

Pixels are judged in CIE Lab by lightness, chroma and hue, after the picture's own cast is taken out: street cameras are
seldom neutral, and most of what they see, road and walls, is grey. No network, about 50 µs a box.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from analytics.taxonomy import COLOURS, ID_OF

_GRID = 16
"""Each box is judged by this many by this many of its pixels."""

_BODY = {
    "person": (0.25, 0.18, 0.75, 0.5),  # what is worn above the waist
    "bicycle": (0.2, 0.2, 0.8, 0.7),
    "motorcycle": (0.2, 0.2, 0.8, 0.75),
    "car": (0.12, 0.08, 0.88, 0.82),  # above wheels and road
    "bus": (0.12, 0.08, 0.88, 0.85),
    "truck": (0.12, 0.08, 0.88, 0.80),
}
"""Left, top, right, bottom of the part of a box that has the object's colour, in shares of the box."""

_REGIONS = np.array([_BODY[name] for name in ID_OF], np.float32)

_ENCLOSED = np.array([name in ("car", "bus", "truck") for name in ID_OF])
"""Objects with windows: dark whatever the paint, so paint is looked for among the lighter pixels."""

_PAINTED = slice(_GRID * 7 // 16, _GRID * 14 // 16)
"""The rows of an enclosed object below its windows and above its wheels."""

_ID = {name: i for i, name in enumerate(COLOURS)}

_HUES = (
    (0.0, "red"),
    (50.0, "orange"),
    (76.0, "yellow"),
    (112.0, "green"),
    (185.0, "blue"),
    (310.0, "purple"),
    (338.0, "red"),
)
"""Where each hue begins, degrees in Lab."""

_HUE_ID = np.array([_ID[[name for start, name in _HUES if degree >= start][-1]] for degree in range(360)], np.int16)

_PAINT = ((0.0, "black"), (42.0, "grey"), (58.0, "silver"), (68.0, "white"))
_CLOTH = ((0.0, "black"), (31.0, "grey"), (68.0, "white"))
"""Where each colourless name begins, lightness 0 to 100 where the brightest of the picture is 95."""

_FAMILIES = (("red", "pink"), ("yellow", "orange", "brown"), ("green",), ("blue",), ("purple",))
"""Names that one paint has in light and in shade: they are counted together and called by the first that is strong enough."""

_STANDS_OUT = np.full(len(COLOURS), 0.1)
_STANDS_OUT[[_ID["red"], _ID["pink"]]] = 0.08
_STANDS_OUT_ENCLOSED = _STANDS_OUT.copy()
_STANDS_OUT[_ID["green"]] = 0.15
_STANDS_OUT_ENCLOSED[[_ID["green"], _ID["blue"]]] = 0.27
"""The mean vividness over a box by which a colour wins. Leaves behind a box are green; windows and polish show the sky."""

SMALLEST = 10.0
"""A box with a side below this many pixels has no colour that could be told."""


@dataclass(frozen=True, slots=True)
class Light:
    """How a picture is lit.

    Attributes:
        cast: (2,) the Lab a and b of what is grey in it.
        gain: factor that brings the lightness of its brightest parts to 95, at most 1.4.
        dark: no colour can be told but that of what shines.
    """

    cast: NDArray[np.float32]
    gain: float
    dark: bool

    @classmethod
    def of(cls, picture: NDArray[np.uint8]) -> "Light":
        """Looks at some 900 pixels of a (H, W, 3) uint8 BGR picture."""
        step = max(1, int(np.sqrt(picture.shape[0] * picture.shape[1] / 900)))
        lab = _lab(picture[step // 2 :: step, step // 2 :: step].reshape(-1, 3))
        bright = float(np.percentile(lab[:, 0], 98))
        middle = lab[(lab[:, 0] > 12) & (lab[:, 0] < 90)]
        cast = np.median(middle[:, 1:], axis=0) if len(middle) else np.zeros(2, np.float32)
        return cls(np.clip(cast, -5, 5).astype(np.float32), float(np.clip(95 / max(bright, 1.0), 1.0, 1.4)), bright < 38)


def votes(
    picture: NDArray[np.uint8], boxes: NDArray[np.float32], class_ids: NDArray[np.int16], light: Light | None = None
) -> tuple[NDArray[np.int16], NDArray[np.float32]]:
    """The colour of each of N boxes and how much this look should count.

    Args:
        picture: (H, W, 3) uint8 BGR.
        boxes: (N, 4) left, top, right, bottom in its pixels.
        class_ids: (N,) index into `taxonomy.OBJECTS`.
        light: of the picture, if it is known.

    Returns:
        (N,) int16 index into `taxonomy.COLOURS`, -1 where it cannot be told; (N,) float32 weight in [0, 1], 0 where it is -1.
    """
    n = len(boxes)
    if n == 0:
        return np.zeros(0, np.int16), np.zeros(0, np.float32)
    light = light or Light.of(picture)
    lab = _lab(_sample(picture, boxes, class_ids).reshape(-1, 3))
    # Dark pixels are cast less far, in proportion to their light.
    a, b = (lab[:, 1:] - light.cast * np.clip(lab[:, :1] / 50, 0, 1)).T
    lightness = lab[:, 0] * light.gain
    enclosed = _ENCLOSED[class_ids]
    name, vivid = _pixels(lightness, np.hypot(a, b), np.degrees(np.arctan2(b, a)) % 360, np.repeat(enclosed, _GRID**2))
    rows = np.repeat(np.arange(n), _GRID**2)
    strength = np.bincount(rows * len(COLOURS) + name, vivid, n * len(COLOURS)).reshape(n, -1) / _GRID**2
    best, most = _strongest(strength)
    wins = most >= np.where(enclosed, _STANDS_OUT_ENCLOSED[best], _STANDS_OUT[best])
    by_box = lightness.reshape(n, _GRID, _GRID)
    paint = np.percentile(by_box[:, _PAINTED].reshape(n, -1), 55, axis=1)
    cloth = np.median(by_box.reshape(n, -1), axis=1)
    plain = np.where(enclosed, _ladder(paint, _PAINT), _ladder(cloth, _CLOTH))
    sides = np.minimum(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1])
    unknown = (sides < SMALLEST) | (light.dark & ~wins & (np.where(enclosed, paint, cloth) < 45))
    sure = np.where(wins, np.clip(2 * most, 0, 1), np.clip(1 - 3 * most, 0.2, 1)) * np.clip(sides / 40, 0.25, 1)
    return np.where(unknown, -1, np.where(wins, best, plain)).astype(np.int16), np.where(unknown, 0, sure).astype(np.float32)


def names(picture: NDArray[np.uint8], boxes: NDArray[np.float32], class_ids: NDArray[np.int16]) -> NDArray[np.int16]:
    """(N,) index into `taxonomy.COLOURS` of each box, -1 where it cannot be told; see `votes`."""
    return votes(picture, boxes, class_ids)[0]


def _sample(picture: NDArray[np.uint8], boxes: NDArray[np.float32], class_ids: NDArray[np.int16]) -> NDArray[np.uint8]:
    """(N, GRID², 3) pixels, evenly spread over the part of each box that has its colour."""
    height, width = picture.shape[:2]
    low, extent = boxes[:, None, :2], (boxes[:, 2:] - boxes[:, :2])[:, None, :]
    region = _REGIONS[class_ids]
    at = (np.arange(_GRID, dtype=np.float32) + 0.5)[None, :, None] / _GRID
    spot = low + extent * (region[:, None, :2] + at * (region[:, 2:] - region[:, :2])[:, None, :])
    x = np.clip(spot[..., 0].astype(np.intp), 0, width - 1)
    y = np.clip(spot[..., 1].astype(np.intp), 0, height - 1)
    return picture[y[:, :, None], x[:, None, :]].reshape(len(boxes), -1, 3)


def _lab(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(M, 3) lightness 0 to 100, a, b of (M, 3) uint8 BGR pixels."""
    lab = cv2.cvtColor(np.ascontiguousarray(pixels)[None], cv2.COLOR_BGR2LAB)[0].astype(np.float32)
    lab[:, 0] *= 100 / 255
    lab[:, 1:] -= 128
    return lab


def _strongest(strength: NDArray[np.float64]) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """The colour of the strongest family of each box, of (N, colours) strengths, and the family's strength."""
    ids = [[_ID[name] for name in family] for family in _FAMILIES]
    total = np.stack([strength[:, family].sum(axis=1) for family in ids], axis=1)
    family = total.argmax(axis=1)
    most = total.max(axis=1)
    best = np.array([ids[f][int(np.argmax(strength[i, ids[f]] >= most[i] / len(ids[f])))] for i, f in enumerate(family)], np.intp)
    return best, most


def _pixels(
    lightness: NDArray[np.float32], chroma: NDArray[np.float32], hue: NDArray[np.float32], enclosed: NDArray[np.bool_]
) -> tuple[NDArray[np.int16], NDArray[np.float32]]:
    """The coloured name of each pixel, and in [0, 1] how vivid it is, 0 for what is colourless."""
    name = _HUE_ID[hue.astype(np.intp) % 360]
    name = np.where((name == _ID["red"]) & (lightness > 64) & (chroma < 55), _ID["pink"], name)
    name = np.where((name == _ID["purple"]) & (lightness > 62), _ID["pink"], name)
    earthen = (hue > 30) & (hue < 92) & (((lightness < 50) & (chroma < 45) & (hue > 42)) | (chroma < 26))
    name = np.where(earthen, _ID["brown"], name)
    # The sky shows blue in black and in white paint, old paint and sun yellow in white: these need more to be a colour.
    least = np.where(lightness < 28, 12, 9)
    least += np.where((hue > 185) & (hue < 310) & enclosed, 5, 0) + np.where((hue > 60) & (hue < 115), 3, 0)
    return name.astype(np.int16), np.clip((chroma - least) / 20, 0, 1) * (lightness > 9)


def _ladder(lightness: NDArray[np.float64], names: tuple[tuple[float, str], ...]) -> NDArray[np.int16]:
    ids = np.array([_ID[name] for _, name in names], np.int16)
    return ids[np.searchsorted([start for start, _ in names], lightness, side="right") - 1]
