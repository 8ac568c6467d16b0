"""Perfect sight: a world's true boxes as the observations that an engine takes."""

from collections.abc import Callable, Iterator

import numpy as np

from analytics.boxes import iou
from analytics.detections import Detections
from analytics.observation import Carried, Observation, OpenBoxes
from analytics.taxonomy import COLOURS, OBJECTS
from models.drill.world import Seen, World

LEAST_VISIBLE, SMALLEST_PX = 0.25, 8.0
"""What is hidden more, or less high, even perfect sight does not see."""


def observations(world: World, fps: float, open_boxes: Callable[[], OpenBoxes], *, start: float = 0.0) -> Iterator[Observation]:
    """True boxes at `fps`, and for the boxes that `open_boxes()` still follows where they truly went.

    Each observation is made when it is asked for, so the engine must have taken the one before.

    Args:
        open_boxes: the engine's; asked before each observation.
        start: media time of the scene's start, seconds since the epoch.
    """
    of_track: dict[int, int] = {}
    before: list[Seen] = []
    for i in range(round(world.seconds * fps)):
        t = i / fps
        seen = [s for s in world.seen(t) if s.visible >= LEAST_VISIBLE and s.box[3] - s.box[1] >= SMALLEST_PX]
        open_now = open_boxes()
        _follow(of_track, open_now, before)
        boxes = {s.id: s.box for s in seen}
        rows = [(int(track), boxes.get(of_track.get(int(track), -1))) for track in open_now.track]
        carried = Carried(
            open_now.track,
            np.array([start + t]),
            np.array([[box if box is not None else (0, 0, 0, 0)] for _, box in rows], np.float32).reshape(-1, 1, 4),
            np.array([0 if box is None else 1 for _, box in rows], np.int32),
        )
        detections = Detections.of(
            [s.box for s in seen],
            np.full(len(seen), 0.95),
            [OBJECTS.index(s.object) for s in seen],
            [COLOURS.index(s.colour) if s.colour in COLOURS else -1 for s in seen],
        )
        yield Observation(start + t, detections, carried if len(rows) else Carried.none())
        before = seen


def _follow(of_track: dict[int, int], open_now: OpenBoxes, before: list[Seen]) -> None:
    """Learns which object an engine's new track is, by its box in the observation before."""
    new = [i for i, track in enumerate(open_now.track.tolist()) if track not in of_track]
    if not new or not before:
        return
    overlap = iou(open_now.xyxy[new], np.array([s.box for s in before], np.float32))
    for row, i in enumerate(new):
        best = int(overlap[row].argmax())
        if overlap[row, best] > 0.5:
            of_track[int(open_now.track[i])] = before[best].id
