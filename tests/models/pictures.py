"""Small moving pictures made of noise: textured objects over a textured ground, with known boxes."""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from analytics.detections import Detections

Image = NDArray[np.uint8]
W, H = 320, 180


def texture(seed: int, width: int, height: int, low: int = 60, high: int = 200) -> Image:
    """Soft noise with corners in it."""
    noise = np.random.default_rng(seed).integers(low, high, (height // 4 + 2, width // 4 + 2)).astype(np.float32)
    return np.clip(cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC), 0, 255).astype(np.uint8)


GROUND = texture(1, W, H, 90, 130)


@dataclass(frozen=True)
class Thing:
    """A textured square whose middle and size are functions of time; shown from `born` to `died`."""

    seed: int
    place: Callable[[float], tuple[float, float]]
    size: Callable[[float], float] = lambda _: 36.0
    born: float = -1.0
    died: float = 1e9

    def box(self, t: float) -> tuple[float, float, float, float]:
        (x, y), s = self.place(t), self.size(t)
        return x - s / 2, y - s / 2, x + s / 2, y + s / 2


def picture(things: list[Thing], t: float, ground: Image = GROUND) -> Image:
    """(H, W) luma at time t, to a fraction of a pixel."""
    out = ground.copy()
    for thing in things:
        if not thing.born <= t < thing.died:
            continue
        x1, y1, _, _ = thing.box(t)
        scale = thing.size(t) / 48
        where = np.array([[scale, 0, x1], [0, scale, y1]])
        face = texture(thing.seed, 48, 48, 10, 250)
        moved = cv2.warpAffine(face, where, (W, H), flags=cv2.INTER_LINEAR)
        mask = cv2.warpAffine(np.full((48, 48), 255, np.uint8), where, (W, H), flags=cv2.INTER_LINEAR)
        out = np.where(mask > 127, moved, out)
    return out


class Shot:
    """A frame as sight takes it."""

    def __init__(self, at: float, luma: Image) -> None:
        self.at = at
        self.luma = luma
        self.size = (luma.shape[1], luma.shape[0])

    def bgr(self, size: tuple[int, int] | None = None) -> Image:
        out = cv2.cvtColor(self.luma, cv2.COLOR_GRAY2BGR)
        return out if size is None else cv2.resize(out, size)


class TrueDetector:
    """Finds the true boxes; it is told the time by the picture that sight hands it being the latest shot."""

    identity = "true"

    def __init__(self, things: list[Thing], clock: Callable[[], float], noise: float = 0.0) -> None:
        self._things = things
        self._clock = clock
        self._noise = np.random.default_rng(0)
        self._sigma = noise
        self.asked: list[float] = []

    def input_size(self, width: int, height: int) -> tuple[int, int]:
        return width, height

    def detect(self, bgr: Image) -> Detections:
        t = self._clock()
        self.asked.append(t)
        rows = []
        for thing in self._things:
            x1, y1, x2, y2 = thing.box(t)
            if thing.born <= t < thing.died and 0 < (x1 + x2) / 2 < bgr.shape[1] and 0 < (y1 + y2) / 2 < bgr.shape[0]:
                rows.append(np.array([x1, y1, x2, y2]) + self._noise.normal(0, self._sigma, 4))
        return Detections.of(np.array(rows), [0.9] * len(rows), [3] * len(rows))
