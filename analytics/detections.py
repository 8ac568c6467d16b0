"""The objects of one frame as one struct of arrays, checked at construction."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analytics.taxonomy import COLOURS, OBJECTS


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """N objects of one frame.

    Attributes:
        xyxy: (N, 4) float32, left, top, right, bottom in pixels of the camera's `resolution`.
        confidence: (N,) float32 in [0, 1].
        class_id: (N,) int16, index into `taxonomy.OBJECTS`.
        colour_id: (N,) int16, index into `taxonomy.COLOURS`, -1 where it is unknown.

    Raises:
        ValueError: a shape, type or range is wrong; the message states the wanted and the given one.
    """

    xyxy: NDArray[np.float32]
    confidence: NDArray[np.float32]
    class_id: NDArray[np.int16]
    colour_id: NDArray[np.int16]

    def __post_init__(self) -> None:
        n = len(self.xyxy)
        wanted = (("xyxy", (n, 4), "float32"), ("confidence", (n,), "float32"), ("class_id", (n,), "int16"), ("colour_id", (n,), "int16"))
        for name, shape, dtype in wanted:
            given = getattr(self, name)
            if given.shape != shape or given.dtype != dtype:
                raise ValueError(f"Detections.{name}: wanted {dtype} {shape}, given {given.dtype} {given.shape}")
        if n == 0:
            return
        if not np.isfinite(self.xyxy).all() or (self.xyxy[:, 2:] < self.xyxy[:, :2]).any():
            raise ValueError("Detections.xyxy: wanted finite boxes with left <= right and top <= bottom")
        if self.confidence.min() < 0 or self.confidence.max() > 1:
            raise ValueError(f"Detections.confidence: wanted [0, 1], given [{self.confidence.min()}, {self.confidence.max()}]")
        if self.class_id.min() < 0 or self.class_id.max() >= len(OBJECTS):
            raise ValueError(f"Detections.class_id: wanted 0..{len(OBJECTS) - 1}, given {self.class_id.min()}..{self.class_id.max()}")
        if self.colour_id.min() < -1 or self.colour_id.max() >= len(COLOURS):
            raise ValueError(f"Detections.colour_id: wanted -1..{len(COLOURS) - 1}, given {self.colour_id.min()}..{self.colour_id.max()}")

    def __len__(self) -> int:
        return len(self.xyxy)

    @classmethod
    def of(cls, xyxy: object, confidence: object, class_id: object, colour_id: object = None) -> "Detections":
        """Builds from anything array-like, converting types; `colour_id` is unknown where left out."""
        boxes = np.asarray(xyxy, np.float32).reshape(-1, 4)
        colours = np.full(len(boxes), -1, np.int16) if colour_id is None else np.asarray(colour_id, np.int16)
        return cls(boxes, np.asarray(confidence, np.float32).reshape(-1), np.asarray(class_id, np.int16).reshape(-1), colours.reshape(-1))

    @classmethod
    def none(cls) -> "Detections":
        """A frame that was looked at and in which nothing was found."""
        return cls.of(np.zeros((0, 4)), [], [])
