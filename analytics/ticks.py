"""Paths read at fixed instants of media time, so that a rule decides the same whatever the rate at which they were sampled."""

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from analytics.geometry import Floats
from analytics.scene import TrackStep

TICK_S = 0.2
"""Instants are the multiples of this many seconds since the epoch."""
GAP_S = 2.0
"""A path is not read between two points further apart in time than this: nothing is known of it there."""

Box = tuple[float, float, float, float]


class Trail(BaseModel):
    """The last known point of a track, from which its next step goes on."""

    model_config = ConfigDict(extra="forbid")
    at: float
    box: Box


def read(trail: Trail | None, step: TrackStep) -> tuple[Floats, Floats]:
    """The instants that `step` reaches past, and the boxes there, interpolated on the path.

    A track's very first point is an instant of its own, wherever it lies: nothing is known before it.

    Returns:
        (M,) seconds and (M, 4) boxes; M may be 0.
    """
    times, boxes = step.times, step.boxes.astype(np.float64)
    if trail is None:
        first = float(times[0])
    else:
        first = trail.at
        times, boxes = np.concatenate([[first], times]), np.concatenate([[trail.box], boxes])
    ticks = np.arange(np.floor(first / TICK_S) + 1, np.floor(times[-1] / TICK_S) + 1) * TICK_S
    gap = np.diff(times)
    if (gap > GAP_S).any():
        ticks = ticks[gap[np.clip(np.searchsorted(times, ticks), 1, len(gap)) - 1] <= GAP_S]
        # A path that goes on after a gap is known again from the point on with which it does.
        ticks = np.union1d(ticks, times[1:][gap > GAP_S])
    if trail is None:
        ticks = np.concatenate([[first], ticks])
    return ticks, np.stack([np.interp(ticks, times, boxes[:, i]) for i in range(4)], axis=1)


def trail_of(step: TrackStep) -> Trail:
    """Where the step ends."""
    return Trail(at=float(step.times[-1]), box=as_box(step.boxes[-1]))


def as_box(box: NDArray[np.floating]) -> Box:
    """(4,) array as a plain tuple."""
    x1, y1, x2, y2 = (float(v) for v in box)
    return x1, y1, x2, y2
