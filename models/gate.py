"""Says from luma alone where something moves, and when the picture jumps to another scene."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class GateParams:
    """Luma levels are 0..255; cells are `cell` pixels of the flow's luma wide."""

    cell: int = 8
    level: float = 9.0  # a cell has changed when it is this far from the background…
    noise: float = 4.0  # …and this many times its own usual deviation
    least: int = 2  # changed cells outside what is followed that make a motion
    learn_s: float = 2.0  # time constant with which the background takes on what it sees…
    settle_s: float = 10.0  # …and what differs from it: an object that stands must not be learnt as fast as noise is
    margin: float = 0.25  # followed boxes explain the cells around them this share of their size wide
    jump: float = 8.0  # a cut changes cells by this much on average, their common brightness taken off…
    alike: float = 0.5  # …and leaves less than this correlation with the picture before


@dataclass(frozen=True, slots=True, eq=False)
class Motion:
    """Where one picture differs from the background: (rows, columns) bool."""

    changed: NDArray[np.bool_]
    cut: bool
    brightness: float
    params: GateParams

    def elsewhere(self, boxes: NDArray[np.float32]) -> bool:
        """Whether something changed outside the (M, 4) boxes, in pixels of the gate's luma."""
        if int(self.changed.sum()) < self.params.least:
            return False
        free = self.changed.copy()
        for x1, y1, x2, y2 in boxes:
            dx, dy = self.params.margin * (x2 - x1), self.params.margin * (y2 - y1)
            left, top = max(int((x1 - dx) // self.params.cell), 0), max(int((y1 - dy) // self.params.cell), 0)
            right, bottom = int((x2 + dx) // self.params.cell) + 1, int((y2 + dy) // self.params.cell) + 1
            if right > 0 and bottom > 0:
                free[top:bottom, left:right] = False
        return int(free.sum()) >= self.params.least


class Gate:
    """Compares each picture, averaged over cells, with a slowly learnt background and its usual deviation."""

    def __init__(self, params: GateParams | None = None) -> None:
        self.params = params or GateParams()
        self._mean: NDArray[np.float32] | None = None
        self._deviation: NDArray[np.float32] | None = None
        self._last: NDArray[np.float32] | None = None
        self._at = 0.0

    def see(self, at: float, luma: NDArray[np.uint8]) -> Motion:
        """Takes the next picture, (h, w) uint8, at media time `at`."""
        p = self.params
        size = (max(1, luma.shape[1] // p.cell), max(1, luma.shape[0] // p.cell))
        now = np.asarray(cv2.resize(luma, size, interpolation=cv2.INTER_AREA), np.float32)
        brightness = float(now.mean())
        if self._mean is None or self._deviation is None or self._last is None:
            self._mean, self._deviation, self._last = now.copy(), np.full(now.shape, 2.0, np.float32), now
            self._at = at
            return Motion(np.ones(now.shape, np.bool_), False, brightness, p)
        cut = self._jumped(now)
        self._last = now
        if cut:
            self._mean, self._deviation = now.copy(), np.full(now.shape, 2.0, np.float32)
            self._at = at
            return Motion(np.ones(now.shape, np.bool_), True, brightness, p)
        off = now - self._mean
        # A change of light moves all cells together; that is no motion.
        off -= _shift(off)
        away = np.abs(off)
        changed = away > np.maximum(p.level, p.noise * self._deviation)
        past = at - self._at
        rate = np.where(changed, 1 - np.exp(-past / p.settle_s), 1 - np.exp(-past / p.learn_s)).astype(np.float32)
        self._at = at
        self._mean += rate * (now - self._mean)
        self._deviation += rate * (np.minimum(away, 3 * self._deviation + 1) - self._deviation)
        return Motion(changed, False, brightness, p)

    def _jumped(self, now: NDArray[np.float32]) -> bool:
        assert self._last is not None
        step = now - self._last
        if float(np.abs(step - _shift(step)).mean()) <= self.params.jump:
            return False
        a, b = now - now.mean(), self._last - self._last.mean()
        return float((a * b).sum()) < self.params.alike * float(np.sqrt((a * a).sum() * (b * b).sum()))


def _shift(change: NDArray[np.float32]) -> float:
    """How much all cells changed together: the median over every third one each way, which is as good and costs a ninth."""
    return float(np.median(change[::3, ::3]))
