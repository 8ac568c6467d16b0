"""What rules fold over: the tracks' new stretches of path, and scene signals, up to one moment."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class TrackStep:
    """What became known of one track since the last scene.

    Attributes:
        track: the track's id, unique in its camera.
        object: its class by the votes so far, a name of `taxonomy.OBJECTS`.
        colour: its colour by the votes so far, or None.
        confidence: mean confidence of its detections so far.
        times: (K,) float64, ascending and after every earlier time of this track; K >= 1.
        boxes: (K, 4) float32, at those times.
    """

    track: int
    object: str
    colour: str | None
    confidence: float
    times: NDArray[np.float64]
    boxes: NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """One moment of one camera after tracking.

    A track's first step may reach back before the last scene (it was confirmed late, or traced backwards). A track that
    has no step here may still come back; one that is in `ended` never does.
    """

    at: float
    tracks: tuple[TrackStep, ...] = ()
    ended: tuple[int, ...] = ()
    signals: Mapping[tuple[str, str], float] = field(default_factory=dict)
