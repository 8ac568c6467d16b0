"""Numbers of a picture that boxes cannot say: which lamp of a traffic signal is lit, how bright it is.

A lamp is judged against the other lamps of its signal in the same picture, so that neither the light of the day nor the
camera's tint decides; whatever covers all of them alike lights none.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

RED, AMBER, GREEN, UNLIT = 0.0, 1.0, 2.0, -1.0
"""Values of the signal "state"; UNLIT also where it cannot be told."""

_VALUE = {"red": RED, "amber": AMBER, "green": GREEN}

_TOWARDS = {
    "red": np.array([-0.5, -0.5, 1.0], np.float32),
    "amber": np.array([-1.0, 0.5, 0.5], np.float32),
    "green": np.array([0.0, 1.0, -1.0], np.float32),  # the green of LED lamps is nearly cyan: blue says nothing
}
"""How far a BGR pixel goes towards a lamp's colour."""

LIT = 28.0
"""The least glow, of 255, of a lit lamp over the unlit ones; in the clip it was measured on, unlit lamps reach 15, lit ones start at 74."""

CLEAR = 0.6
"""A second lamp that glows more than this share of the first leaves the state unknown."""

Crop = Callable[[Sequence[float]], NDArray[np.uint8]]
"""Gives the (h, w, 3) uint8 BGR pixels of a box left, top, right, bottom in pixels of the camera's resolution."""


def cropper(picture: NDArray[np.uint8], resolution: tuple[int, int]) -> Crop:
    """Crops of a (H, W, 3) uint8 BGR picture that shows what `resolution` (width, height) shows, at whatever size."""
    height, width = picture.shape[:2]
    across, down = width / resolution[0], height / resolution[1]

    def crop(box: Sequence[float]) -> NDArray[np.uint8]:
        left, right = sorted((box[0] * across, box[2] * across))
        top, bottom = sorted((box[1] * down, box[3] * down))
        x, y = min(max(int(left), 0), width - 1), min(max(int(top), 0), height - 1)
        return picture[y : max(y + 1, round(bottom)), x : max(x + 1, round(right))]

    return crop


def lamp_states(crop: Crop, signals: Mapping[str, Mapping[str, Sequence[float]]]) -> dict[tuple[str, str], float]:
    """The state of each traffic signal.

    Args:
        crop: gives the pixels of a box; called once for each lamp.
        signals: by the signal's name, the box of each of its lamps by colour ("red", "amber", "green").

    Returns:
        RED, AMBER, GREEN or UNLIT by (name, "state").
    """
    return {(name, "state"): _state({colour: crop(box) for colour, box in lamps.items()}) for name, lamps in signals.items()}


def brightness(luma: NDArray[np.uint8]) -> dict[tuple[str, str], float]:
    """The mean of a (H, W) uint8 luma plane, 0 to 255, by ("", "brightness")."""
    return {("", "brightness"): float(luma[::4, ::4].mean())}


def _state(lamps: Mapping[str, NDArray[np.uint8]]) -> float:
    pixels = {colour: crop.reshape(-1, 3).astype(np.float32) for colour, crop in lamps.items()}
    glow = {colour: _glow(colour, own, [other for name, other in pixels.items() if name != colour]) for colour, own in pixels.items()}
    ranked = sorted(glow, key=lambda colour: -glow[colour])
    is_lit = glow[ranked[0]] >= LIT
    is_clear = len(ranked) == 1 or glow[ranked[1]] <= CLEAR * glow[ranked[0]]
    return _VALUE[ranked[0]] if is_lit and is_clear else UNLIT


def _glow(colour: str, own: NDArray[np.float32], others: Sequence[NDArray[np.float32]]) -> float:
    """How far a lamp's pixels go beyond the other lamps' in its colour, and in light where it is so bright that it looks white."""
    rest = np.concatenate(others) if others else np.zeros((1, 3), np.float32)
    tint = _upper(own @ _TOWARDS[colour]) - _upper(rest @ _TOWARDS[colour])
    light = _upper(own.max(axis=1)) - _upper(rest.max(axis=1)) if others else 0.0
    return max(tint, 0.0) + max(light - 40, 0.0) / 2


def _upper(values: NDArray[np.float32]) -> float:
    """The upper quartile: a lit lamp need not fill its box."""
    place = 3 * len(values) // 4
    return float(np.partition(values, place)[place])
