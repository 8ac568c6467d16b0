"""Joins the tracks of chunks that were seen apart: by the boxes that both saw, or by where one was going.

Two neighbouring chunks overlap: the later one is seen from a few seconds before its own start (its lead). A track of the
earlier chunk and one of the later are the same object where their paths run together in that overlap. Where there is no
overlap (two files that follow each other) the earlier path is prolonged at its last velocity.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict
from scipy.optimize import linear_sum_assignment

from analytics.identity import digest63
from analytics.scene import Scene, TrackStep
from analytics.taxonomy import VEHICLES

TAIL_S = 6.0
"""Seconds of path that a chunk leaves for its successor."""
RECENT_S = 1.5
"""A track that was last seen this long before the edge may still go on behind it; an unmatched one keeps this much of its lead."""
LEAST = 0.3
"""Mean overlap (IoU) of two paths that are one object."""


class Tail(BaseModel):
    """The end of a track at a chunk's edge."""

    model_config = ConfigDict(extra="forbid")
    object: str
    times: list[float]
    boxes: list[list[float]]


class Seam(BaseModel):
    """What one chunk leaves for the next: tails by track id, and where the chunk ended."""

    model_config = ConfigDict(extra="forbid")
    at: float
    tails: dict[int, Tail] = {}


class Stitcher:
    """Renames a chunk's local tracks to the camera's and cuts off its lead.

    Args:
        sight: the chunk's sight identity, from which new tracks get their ids.
        start: media time of the chunk's own start; what came before is lead.
        seam: what the chunk before left, or None where nothing precedes.
    """

    def __init__(self, sight: str, start: float, seam: Seam | None) -> None:
        self._sight = sight
        self._start = start
        self._seam = seam

    def stitch(self, scenes: Iterable[Scene], end: float) -> tuple[list[Scene], Seam]:
        """Takes all scenes of the chunk's sight, the last one (the tracker's `finish`) included, and its end.

        Returns:
            The scenes from `start` on, with the camera's track ids, and the seam for the next chunk. Tracks that were still
            followed at the end are not in any scene's `ended`: the next chunk decides.
        """
        given = list(scenes)
        if not given:
            return [], Seam(at=end, tails={}) if self._seam is None else self._seam
        final, stream = given[-1], given[:-1]
        names = self._names(given)
        lasts = {step.track: float(step.times[-1]) for scene in given for step in scene.tracks}
        told: dict[int, float] = {} if self._seam is None else {t: tail.times[-1] for t, tail in self._seam.tails.items()}
        joined = set(told) & set(names.values())
        over = sorted(set(told) - joined)
        result: list[Scene] = []
        held: list[TrackStep] = []
        for scene in stream:
            steps = [cut for step in scene.tracks if (cut := self._own(step, names[step.track], lasts, joined, told))]
            if scene.at < self._start:
                held += steps
                continue
            ended = [names[t] for t in scene.ended if t in names]
            result.append(Scene(scene.at, _merged(held + steps), tuple(sorted({*ended, *over})), scene.signals))
            held, over = [], []
        steps = held + [cut for step in final.tracks if (cut := self._own(step, names[step.track], lasts, joined, told))]
        result.append(Scene(end, _merged(steps), tuple(over), {}))
        gone = {names[t] for scene in stream for t in scene.ended if t in names}
        return result, self._tails(result, end, gone)

    def _own(self, step: TrackStep, track: int, lasts: dict[int, float], joined: set[int], told: dict[int, float]) -> TrackStep | None:
        """The part of a step that this chunk has to tell, under the camera's id; `lasts` are local tracks' last moments."""
        if self._seam is not None and track not in joined and lasts[step.track] < self._start:
            return None  # it was over before the edge: the chunk before has told it
        since = told[track] if track in joined else self._start - RECENT_S if self._seam is not None else -np.inf
        own = step.times > since
        if not own.any():
            return None
        return TrackStep(track, step.object, step.colour, step.confidence, step.times[own], step.boxes[own])

    def _names(self, scenes: list[Scene]) -> dict[int, int]:
        local: dict[int, list[TrackStep]] = {}
        for scene in scenes:
            for step in scene.tracks:
                local.setdefault(step.track, []).append(step)
        names = {t: digest63(self._sight, t) for t in local}
        if self._seam is None or not self._seam.tails:
            return names
        heads = {t: _head(steps, self._start) for t, steps in local.items()}
        mine = [t for t, head in heads.items() if head is not None]
        theirs = list(self._seam.tails)
        gain = np.zeros((len(theirs), len(mine)))
        for j, t in enumerate(mine):
            head = heads[t]
            assert head is not None
            for i, track in enumerate(theirs):
                gain[i, j] = _likeness(self._seam.tails[track], head)
        rows, columns = linear_sum_assignment(-np.where(gain >= LEAST, gain, 0.0)) if gain.size else ((), ())
        for i, j in zip(rows, columns, strict=True):
            if gain[i, j] >= LEAST:
                names[mine[int(j)]] = theirs[int(i)]
        return names

    def _tails(self, scenes: list[Scene], end: float, gone: set[int]) -> Seam:
        """The last seconds of every track that may go on behind the edge."""
        tails: dict[int, Tail] = {}
        if self._seam is not None:
            ended = {t for scene in scenes for t in scene.ended}
            tails = {t: tail.model_copy(deep=True) for t, tail in self._seam.tails.items() if t not in ended}
        for scene in scenes:
            for step in scene.tracks:
                tail = tails.setdefault(step.track, Tail(object=step.object, times=[], boxes=[]))
                tail.object = step.object
                tail.times += step.times.tolist()
                tail.boxes += step.boxes.astype(float).tolist()
        kept = {}
        for track, tail in tails.items():
            if not tail.times or track in gone:
                continue
            first = next(i for i, t in enumerate(tail.times) if t >= min(end - TAIL_S, tail.times[-1]))
            kept[track] = Tail(object=tail.object, times=tail.times[first:], boxes=tail.boxes[first:])
        return Seam(at=end, tails=kept)


def _merged(steps: list[TrackStep]) -> tuple[TrackStep, ...]:
    """Several steps of one track in a scene become one, in order of time."""
    by_track: dict[int, list[TrackStep]] = {}
    for step in steps:
        by_track.setdefault(step.track, []).append(step)
    merged = []
    for track, parts in sorted(by_track.items()):
        last = parts[-1]
        times, boxes = np.concatenate([p.times for p in parts]), np.concatenate([p.boxes for p in parts])
        merged.append(TrackStep(track, last.object, last.colour, last.confidence, times, boxes))
    return tuple(merged)


def _head(steps: list[TrackStep], start: float) -> Tail | None:
    """A track's path up to shortly after the edge; None where it began clearly behind it."""
    times = np.concatenate([s.times for s in steps])
    boxes = np.concatenate([s.boxes for s in steps])
    if times[0] > start + RECENT_S:
        return None
    near = times <= start + RECENT_S
    return Tail(object=steps[0].object, times=times[near].tolist(), boxes=boxes[near].astype(float).tolist())


def _likeness(tail: Tail, head: Tail) -> float:
    """Mean IoU where both paths run; 0 for a person and a vehicle, or where they are too far apart in time."""
    if (tail.object in VEHICLES) != (head.object in VEHICLES):
        return 0.0
    times, boxes = np.array(tail.times), np.array(tail.boxes)
    later, others = np.array(head.times), np.array(head.boxes)
    low, high = max(times[0], later[0]), min(times[-1], later[-1])
    if low <= high:
        moments = np.unique(np.concatenate([times[(times >= low) & (times <= high)], later[(later >= low) & (later <= high)]]))
        return float(_overlap(_at(times, boxes, moments), _at(later, others, moments)).mean())
    gap = low - high
    if later[0] < times[0] or gap > RECENT_S:
        return 0.0
    recent = times >= times[-1] - 0.5
    span = times[-1] - times[recent][0]
    velocity = (boxes[-1] - boxes[recent][0]) / span if span > 0 else np.zeros(4)
    return float(_overlap((boxes[-1] + velocity * gap)[None], others[:1])[0])


def _at(times: NDArray[np.float64], boxes: NDArray[np.float64], moments: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.stack([np.interp(moments, times, boxes[:, i]) for i in range(4)], axis=1)


def _overlap(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """(K,) IoU of (K, 4) boxes pair by pair."""
    low, high = np.maximum(a[:, :2], b[:, :2]), np.minimum(a[:, 2:], b[:, 2:])
    shared = np.prod(np.clip(high - low, 0, None), axis=1)
    area = np.prod(a[:, 2:] - a[:, :2], axis=1) + np.prod(b[:, 2:] - b[:, :2], axis=1) - shared
    return np.asarray(np.divide(shared, area, out=np.zeros_like(shared), where=area > 0))
