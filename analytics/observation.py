"""What sight says of one moment: detections, where the flow carried the boxes it was asked to follow, scene signals."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from analytics.detections import Detections


@dataclass(frozen=True, slots=True, eq=False)
class OpenBoxes:
    """The boxes an engine still follows, as it last saw them.

    Attributes:
        track: (M,) int64, the engine's track ids.
        xyxy: (M, 4) float32, pixels of the camera's resolution, at the time of the last observation.
        pace: (M, 2) float32, pixels a second by what was detected so far; NaN where that is not known.
    """

    track: NDArray[np.int64]
    xyxy: NDArray[np.float32]
    pace: NDArray[np.float32]

    @classmethod
    def none(cls) -> "OpenBoxes":
        return cls(np.zeros(0, np.int64), np.zeros((0, 4), np.float32), np.zeros((0, 2), np.float32))


@dataclass(frozen=True, slots=True, eq=False)
class Carried:
    """Where the optical flow carried M open boxes through K instants since the last observation.

    Attributes:
        track: (M,) int64, ids out of `OpenBoxes.track`.
        times: (K,) float64, ascending, after the last observation; the last one is the observation's own `at`.
        boxes: (M, K, 4) float32.
        steps: (M,) int32, the number of leading instants at which the box was still followed; K where it never was lost.
    """

    track: NDArray[np.int64]
    times: NDArray[np.float64]
    boxes: NDArray[np.float32]
    steps: NDArray[np.int32]

    @classmethod
    def none(cls) -> "Carried":
        return cls(np.zeros(0, np.int64), np.zeros(0, np.float64), np.zeros((0, 0, 4), np.float32), np.zeros(0, np.int32))


@dataclass(frozen=True, slots=True, eq=False)
class Traces:
    """Where detections that no open box explains came from, followed backwards through kept luma.

    Attributes:
        index: (B,) int32, rows of the observation's detections.
        times: (J,) float64, ascending, before the observation's `at`.
        boxes: (B, J, 4) float32.
        since: (B,) int32, the first instant at which the trace holds; J where it never did.
    """

    index: NDArray[np.int32]
    times: NDArray[np.float64]
    boxes: NDArray[np.float32]
    since: NDArray[np.int32]

    @classmethod
    def none(cls) -> "Traces":
        return cls(np.zeros(0, np.int32), np.zeros(0, np.float64), np.zeros((0, 0, 4), np.float32), np.zeros(0, np.int32))


@dataclass(frozen=True, slots=True, eq=False)
class Observation:
    """One moment of one camera.

    Attributes:
        at: media time, seconds since the epoch (UTC).
        detections: what the detector found; None where it was not asked (nothing moves, nothing is followed).
        carried: the followed boxes' ways since the last observation.
        traces: the ways by which new detections came.
        signals: numbers by (zone or lamp name, signal name).
        cut: the picture jumped to another scene; nothing followed before is the same object after.
    """

    at: float
    detections: Detections | None
    carried: Carried = field(default_factory=Carried.none)
    traces: Traces = field(default_factory=Traces.none)
    signals: Mapping[tuple[str, str], float] = field(default_factory=dict)
    cut: bool = False
