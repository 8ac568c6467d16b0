"""How things move: a way through the world sampled 20 times a second and straight in between, so that time is continuous."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
STEP_S = 0.05


@dataclass(frozen=True, eq=False)
class Motion:
    """Where something is from `start_s` on, one sample every `STEP_S`.

    Attributes:
        start_s: time of the first sample, seconds from the scene's start; may be negative.
        xy: (K, 2) metres on the ground, middle of the object.
        heading: (K,) radians from +x, counter-clockwise, unwrapped.
        distance: (K,) metres gone.
    """

    start_s: float
    xy: Array
    heading: Array
    distance: Array

    @property
    def end_s(self) -> float:
        return self.start_s + (len(self.xy) - 1) * STEP_S

    @property
    def times(self) -> Array:
        """(K,) seconds."""
        return self.start_s + np.arange(len(self.xy)) * STEP_S

    def at(self, t: float) -> tuple[float, float, float, float, float] | None:
        """(x, y, heading, distance, speed in m/s) at `t`, or None where it is not there."""
        k = (t - self.start_s) / STEP_S
        if k < -1e-9 or k > len(self.xy) - 1 + 1e-9:
            return None
        i = int(min(max(k, 0), len(self.xy) - 2))
        f = k - i
        (x0, y0), (x1, y1) = self.xy[i], self.xy[i + 1]
        heading = self.heading[i] + (self.heading[i + 1] - self.heading[i]) * f
        gone = self.distance[i + 1] - self.distance[i]
        return (
            float(x0 + (x1 - x0) * f),
            float(y0 + (y1 - y0) * f),
            float(heading),
            float(self.distance[i] + gone * f),
            float(gone / STEP_S),
        )

    @property
    def speed(self) -> Array:
        """(K,) m/s, of the step that begins at each sample."""
        gone = np.diff(self.distance) / STEP_S
        return np.append(gone, gone[-1] if len(gone) else 0.0)


class Way:
    """A smooth way through waypoints, by metres along it."""

    def __init__(self, points: Sequence[tuple[float, float]], rounding_m: float = 1.0) -> None:
        corners = np.asarray(points, np.float64)
        length = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(corners, axis=0), axis=1))])
        s = np.arange(0, length[-1] + 0.1, 0.1)
        line = np.stack([np.interp(s, length, corners[:, i]) for i in (0, 1)], 1)
        n = max(int(rounding_m / 0.1), 1)
        kernel = np.hanning(2 * n + 3)[1:-1]
        kernel /= kernel.sum()
        pad = len(kernel) // 2
        first, last = line[1] - line[0], line[-1] - line[-2]
        before = line[0] + first * np.arange(-pad, 0)[:, None]
        after = line[-1] + last * np.arange(1, pad + 1)[:, None]
        whole = np.concatenate([before, line, after])
        self._xy = np.stack([np.convolve(whole[:, i], kernel, "valid") for i in (0, 1)], 1)
        self._s = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(self._xy, axis=0), axis=1))])

    @property
    def length(self) -> float:
        return float(self._s[-1])

    def at(self, s: Array) -> Array:
        """(K,) metres along to (K, 2)."""
        return np.stack([np.interp(s, self._s, self._xy[:, i]) for i in (0, 1)], 1)

    def motion(self, start_s: float, distance: Array, aside: Array | float = 0.0) -> Motion:
        """The motion of something that has gone `distance` (K,) along this way, `aside` metres to its left."""
        s = np.asarray(distance, np.float64)
        ahead, behind = self.at(np.minimum(s + 0.3, self.length)), self.at(np.maximum(s - 0.3, 0))
        tangent = ahead - behind
        tangent /= np.maximum(np.linalg.norm(tangent, axis=1, keepdims=True), 1e-9)
        offset = np.broadcast_to(np.asarray(aside, np.float64), s.shape)
        xy = self.at(s) + np.stack([-tangent[:, 1], tangent[:, 0]], 1) * offset[:, None]
        heading = np.unwrap(np.arctan2(tangent[:, 1], tangent[:, 0]))
        if np.ndim(aside):
            heading = heading + np.arctan(_slope(s, offset))
        gone = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(xy, axis=0), axis=1))])
        return Motion(start_s, xy, heading, gone)


def _slope(s: Array, offset: Array) -> Array:
    """(K,) sideways metres per metre, kept while something stands."""
    grid = np.arange(s[0], s[-1] + 0.5, 0.5)
    if len(grid) < 3:
        return np.zeros(len(s))
    keep = np.concatenate([[True], np.diff(s) > 1e-6])
    aside = np.interp(grid, s[keep], offset[keep])
    return np.interp(s, grid, np.gradient(aside, 0.5))


def strolling(
    length_m: float,
    speed_mps: float,
    pauses: Sequence[tuple[float, float]] = (),
    push: float = 1.2,
    limit: Callable[[float], float] | None = None,
) -> Array:
    """(K,) metres gone, a sample every `STEP_S`, of someone who stands still at each (metres, seconds) of `pauses`.

    `push` is how fast they speed up and slow down, m/s²; `limit` gives another speed by metres gone.
    """
    gone, v, out = 0.0, speed_mps, [0.0]
    if pauses and pauses[0][0] <= 0:
        v = 0.0
    for stop, seconds in [*pauses, (float("inf"), 0.0)]:
        while gone < min(stop, length_m) - 1e-6:
            wanted = min(speed_mps if limit is None else limit(gone), (2 * push * max(stop - gone, 0)) ** 0.5 + 0.02)
            v += float(np.clip(wanted - v, -2.5 * push * STEP_S, push * STEP_S))
            gone = min(gone + max(v, 0.02) * STEP_S, stop)
            out.append(gone)
        if gone >= length_m:
            break
        out += [gone] * round(seconds / STEP_S)
        v = 0.0
    return np.array(out)
