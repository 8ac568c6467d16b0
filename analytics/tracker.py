"""From observations to tracks: matches detections against boxes that the flow carried. Knows numbers only."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict
from scipy.optimize import linear_sum_assignment

from analytics.boxes import iou
from analytics.observation import Observation, OpenBoxes
from analytics.scene import Scene, TrackStep
from analytics.taxonomy import COLOURS, OBJECTS, VEHICLES


class Tracker(Protocol):
    """Turns a camera's observations, in order, into scenes."""

    def open_boxes(self) -> OpenBoxes:
        """The boxes it still follows, at the last observation."""
        ...

    def update(self, observation: Observation) -> Scene: ...

    def finish(self, at: float) -> Scene:
        """Ends every track."""
        ...

    def state(self) -> str:
        """What it remembers, as JSON; `restore` in a fresh process goes on exactly."""
        ...

    def restore(self, state: str) -> None: ...


class TrackerParams(BaseModel):
    """Times in seconds; overlaps are intersection over union."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    born: float = 0.3  # confidence from which an unexplained detection begins a track
    sure: float = 0.25  # confidence from which a detection is matched first; weaker ones only keep what is there
    overlap: float = 0.25
    weak_overlap: float = 0.4
    own_way: float = 0.9  # what overlap with where its own pace would have brought it is worth beside overlap where the flow did
    borne: float = 0.4  # a detection that overlaps the carried box so far bears out where the flow carried it
    reach: float = 0.8  # a track whose flow was lost takes a detection within this many box sizes of where it should be
    first_reach: float = 2.0  # …and one that was detected once, of whose pace nothing is known, within this many
    lost_s: float = 1.2  # a track unseen for longer has ended…
    still_lost_s: float = 3.0  # …unless it stands still and the flow still holds it
    double: float = 0.6  # a new detection that covers another's box so far is that object again
    agree: float = 0.6  # where carried box and detection overlap so far, what is between them is the detector's jitter as well…
    trust: float = 0.7  # …and the detection moves the carried box this far; elsewhere all the way
    confirm: int = 2  # detections until a track counts…
    certain: float = 0.5  # …or one of this confidence…
    came_s: float = 0.3  # …whose way here was seen for so long, over a third of its size at least


class _Track(BaseModel):
    """One object, as far as it is known. Pending points are carried but not yet borne out by a detection."""

    model_config = ConfigDict(extra="forbid")
    id: int
    votes: list[float]
    colours: list[float]
    seen_at: float
    box: list[float]
    hits: int = 1
    misses: int = 0
    carried: bool = True
    came: bool = False
    velocity: list[float] = [0.0, 0.0]
    seen: list[float]
    pace: list[float] = [0.0, 0.0]
    score: float
    best: float
    told_to: float
    times: list[float] = []
    boxes: list[list[float]] = []

    def ahead(self, at: float) -> list[float]:
        """Where its own pace would have brought it since it was last detected."""
        gone = at - self.seen_at
        return [v + self.pace[i % 2] * gone for i, v in enumerate(self.seen)]

    @property
    def is_new(self) -> bool:
        """Detected once, and where it came from is not known."""
        return self.hits == 1 and not self.came

    @property
    def object(self) -> int:
        return max(range(len(self.votes)), key=self.votes.__getitem__)


class _State(BaseModel):
    model_config = ConfigDict(extra="forbid")
    next_id: int = 1
    at: float = 0.0
    tracks: list[_Track] = []


NEVER = -1e12
"""Before every media time; infinity has no JSON."""

_GROUP = np.array([1 if name in VEHICLES else 0 for name in OBJECTS])


class CarryTracker:
    """Greedy in nothing: one assignment for sure detections, one for weak ones, one for tracks whose flow was lost."""

    def __init__(self, resolution: tuple[int, int], params: TrackerParams | None = None) -> None:
        self.resolution = resolution
        self.params = params or TrackerParams()
        self._state = _State()

    def open_boxes(self) -> OpenBoxes:
        tracks = self._state.tracks
        if not tracks:
            return OpenBoxes.none()
        return OpenBoxes(
            np.array([t.id for t in tracks], np.int64),
            np.array([t.box for t in tracks], np.float32),
            np.array([[np.nan, np.nan] if t.is_new else t.pace for t in tracks], np.float32),
        )

    def state(self) -> str:
        return self._state.model_dump_json()

    def restore(self, state: str) -> None:
        self._state = _State.model_validate_json(state)

    def finish(self, at: float) -> Scene:
        ended = list(self._state.tracks)
        self._state.tracks = []
        return Scene(at, tuple(step for t in ended if (step := self._last(t))), tuple(t.id for t in ended if self._counts(t)))

    def update(self, observation: Observation) -> Scene:
        state = self._state
        told: list[TrackStep] = []
        ended: list[_Track] = []
        if observation.cut:
            ended, state.tracks = state.tracks, []
        self._carry(observation)
        detections = observation.detections
        if detections is not None:
            pairs, free = self._match(observation)
            for track, row in pairs:
                self._seen(track, observation, row)
            matched = {id(t) for t, _ in pairs}
            for track in state.tracks:
                if id(track) not in matched:
                    track.misses += 1
            self._begin(observation, free, {row for _, row in pairs})
            for track in state.tracks:
                if (id(track) in matched or track.seen_at == observation.at) and self._counts(track) and track.times:
                    told.append(self._tell(track))
        at = observation.at
        over = [t for t in state.tracks if self._is_over(t, at)]
        if over:
            gone = {t.id for t in over}
            state.tracks = [t for t in state.tracks if t.id not in gone]
            ended += over
        told += [step for t in ended if (step := self._last(t))]
        state.at = at
        told.sort(key=lambda s: s.track)
        return Scene(at, tuple(told), tuple(sorted(t.id for t in ended if self._counts(t))), observation.signals)

    def _counts(self, track: _Track) -> bool:
        return track.came or track.hits >= self.params.confirm

    def _is_over(self, track: _Track, at: float) -> bool:
        p = self.params
        unseen_s = at - track.seen_at
        if not self._counts(track) and track.misses >= 2:
            return True
        if self._has_left(track) and track.misses:
            return True
        size = _side(np.array(track.box))
        stands = track.carried and float(np.hypot(track.velocity[0], track.velocity[1])) < 0.1 * size
        return unseen_s > (p.still_lost_s if stands else p.lost_s)

    def _has_left(self, track: _Track) -> bool:
        """The box's centre is at or beyond the picture's edge."""
        width, height = self.resolution
        x, y = (track.box[0] + track.box[2]) / 2, (track.box[1] + track.box[3]) / 2
        return not (0.005 * width < x < 0.995 * width and 0.005 * height < y < 0.995 * height)

    def _touches_edge(self, box: list[float]) -> bool:
        width, height = self.resolution
        return box[0] < 0.01 * width or box[1] < 0.01 * height or box[2] > 0.99 * width or box[3] > 0.99 * height

    def _carry(self, observation: Observation) -> None:
        """Moves each box along its flow; where that was lost, on by its last velocity."""
        carried, at = observation.carried, observation.at
        row_of = {int(t): i for i, t in enumerate(carried.track)}
        for track in self._state.tracks:
            row = row_of.get(track.id)
            # Once lost, a box is not believed again before a detection bears it out: its corners would be the background's.
            steps = int(carried.steps[row]) if row is not None and track.carried else 0
            since = self._state.at
            if steps:
                start = np.array(track.box)
                times, path = carried.times[:steps], carried.boxes[row, :steps].astype(np.float64)
                track.times += times.tolist()
                track.boxes += path.tolist()
                span = float(times[-1] - since)
                if span > 0.05:
                    shift = ((path[-1] - start)[:2] + (path[-1] - start)[2:]) / 2 / span
                    track.velocity = shift.tolist()
                track.box = path[-1].tolist()
                since = float(times[-1])
            if steps < len(carried.times) or row is None:
                track.carried = False
                ahead = np.tile(np.array(track.velocity), 2) * max(at - since, 0.0)
                track.box = (np.array(track.box) + ahead).tolist()

    def _match(self, observation: Observation) -> tuple[list[tuple[_Track, int]], list[int]]:
        """Pairs of track and detection row, and the rows of sure detections that no track explains."""
        detections, p = observation.detections, self.params
        assert detections is not None
        tracks = self._state.tracks
        sure = np.flatnonzero(detections.confidence >= p.sure)
        weak = np.flatnonzero(detections.confidence < p.sure)
        pairs: list[tuple[_Track, int]] = []
        left = list(tracks)
        if tracks and len(detections):
            overlap = iou(np.array([t.box for t in tracks], np.float32), detections.xyxy)
            ahead = iou(np.array([t.ahead(observation.at) for t in tracks], np.float32), detections.xyxy)
            astray = (ahead * p.own_way > overlap) & (overlap < p.borne)
            overlap = np.maximum(overlap, ahead * p.own_way)
            alike = _GROUP[[t.object for t in tracks]][:, None] == _GROUP[detections.class_id][None, :]
            overlap = np.where(alike, overlap, 0.0)
            rows_of = {id(t): i for i, t in enumerate(tracks)}
            for rows, least in ((sure, p.overlap), (weak, p.weak_overlap)):
                found = _assign(overlap[[rows_of[id(t)] for t in left]][:, rows], least)
                for i, j in found:
                    if astray[rows_of[id(left[i])], rows[j]]:
                        left[i].carried = False
                pairs += [(left[i], int(rows[j])) for i, j in found]
                left = [t for i, t in enumerate(left) if i not in {i for i, _ in found}]
            taken = {row for _, row in pairs}
            rest = np.array([r for r in sure if r not in taken], int)
            adrift = [t for t in left if not t.carried or t.is_new]
            if len(rest) and adrift:
                near = self._nearness(adrift, detections.xyxy[rest]) * alike[[rows_of[id(t)] for t in adrift]][:, rest]
                pairs += [(adrift[i], int(rest[j])) for i, j in _assign(near, 1e-6)]
        taken = {row for _, row in pairs}
        return pairs, [int(r) for r in sure if r not in taken]

    def _nearness(self, tracks: list[_Track], boxes: NDArray[np.float32]) -> NDArray[np.float64]:
        """(T, N): 1 where the centres coincide, 0 at the reach apart or where the sizes differ by more than half."""
        mine = np.array([t.box for t in tracks], np.float64)
        theirs = boxes.astype(np.float64)
        centre = (mine[:, None, :2] + mine[:, None, 2:] - theirs[None, :, :2] - theirs[None, :, 2:]) / 2
        area = np.prod(mine[:, 2:] - mine[:, :2], axis=1)[:, None]
        other = np.prod(theirs[:, 2:] - theirs[:, :2], axis=1)[None, :]
        ratio = np.minimum(area, other) / np.maximum(np.maximum(area, other), 1.0)
        distance = np.hypot(centre[..., 0], centre[..., 1]) / np.sqrt(np.maximum(area, 1.0))
        reach = np.array([self.params.first_reach if t.is_new else self.params.reach for t in tracks])[:, None]
        return np.where(ratio > 0.5, np.clip(1 - distance / reach, 0, 1), 0.0)

    def _seen(self, track: _Track, observation: Observation, row: int) -> None:
        """Bends the carried path so that it ends where the detection is; the residual grew evenly since the last one.

        A path that the detection does not bear out went with something else: the object went evenly from detection to detection.
        """
        detections, at, p = observation.detections, observation.at, self.params
        assert detections is not None
        found = detections.xyxy[row].astype(np.float64)
        box = np.array(track.box)
        borne_out = track.carried and float(iou(np.array([box], np.float32), found[None].astype(np.float32))[0, 0]) >= p.agree
        trust = p.trust if borne_out else 1.0
        now = box + trust * (found - box)
        residual = now - box
        span = at - track.seen_at
        for i, t in enumerate(track.times):
            if t > track.seen_at and span > 0:
                share = (t - track.seen_at) / span
                path = np.array(track.boxes[i]) + share * residual if borne_out else _between(np.array(track.seen), now, share)
                track.boxes[i] = path.tolist()
        if track.times and track.times[-1] >= at:
            track.boxes[-1] = now.tolist()
        else:
            track.times.append(at)
            track.boxes.append(now.tolist())
        if span > 0:
            shift = (np.array(now) - np.array(track.seen)).reshape(2, 2).mean(axis=0) / span
            track.pace = (shift if track.hits == 1 and not track.came else 0.3 * np.array(track.pace) + 0.7 * shift).tolist()
        track.seen = now.tolist()
        if not track.carried and span > 0:
            track.velocity = ((residual[:2] + residual[2:]) / 2 / span + np.array(track.velocity)).tolist()
        confidence = float(detections.confidence[row])
        track.votes[int(detections.class_id[row])] += confidence
        colour = int(detections.colour_id[row])
        if colour >= 0:
            # A far look is grey with haze and road: a look weighs by the size at which it was taken.
            track.colours[colour] += confidence * _side(found)
        track.score += confidence
        track.best = max(track.best, confidence)
        track.box, track.seen_at, track.carried = now.tolist(), at, True
        track.hits, track.misses = track.hits + 1, 0

    def _begin(self, observation: Observation, free: list[int], taken: set[int]) -> None:
        detections, traces, p = observation.detections, observation.traces, self.params
        assert detections is not None
        trace_of = {int(r): i for i, r in enumerate(traces.index)}
        known = sorted(taken)
        for row in sorted(free, key=lambda r: -float(detections.confidence[r])):
            confidence = float(detections.confidence[row])
            if confidence < p.born:
                continue
            group = _GROUP[detections.class_id[row]]
            rivals = [k for k in known if _GROUP[detections.class_id[k]] == group]
            if rivals and iou(detections.xyxy[[row]], detections.xyxy[rivals]).max() > p.double:
                continue
            known.append(row)
            votes, colours = [0.0] * len(OBJECTS), [0.0] * len(COLOURS)
            votes[int(detections.class_id[row])] = confidence
            if detections.colour_id[row] >= 0:
                colours[int(detections.colour_id[row])] = confidence * _side(detections.xyxy[row])
            track = _Track(
                id=self._state.next_id, votes=votes, colours=colours, seen_at=observation.at, score=confidence, best=confidence,
                box=detections.xyxy[row].astype(float).tolist(), seen=detections.xyxy[row].astype(float).tolist(), told_to=NEVER,
            )  # fmt: skip
            self._state.next_id += 1
            if row in trace_of:
                i = trace_of[row]
                since = int(traces.since[i])
                track.times = traces.times[since:].tolist()
                track.boxes = traces.boxes[i, since:].astype(float).tolist()
                if track.times and observation.at > track.times[0]:
                    first, now = np.array(track.boxes[0]), np.array(track.box)
                    way = float(np.hypot(*((now - first)[:2] + (now - first)[2:]) / 2))
                    long_enough = observation.at - track.times[0] >= p.came_s and way > _side(now) / 3
                    track.came = confidence >= p.certain and long_enough
                    track.velocity = ((now - first)[:2] + (now - first)[2:]).__truediv__(2 * (observation.at - track.times[0])).tolist()
            track.pace = track.velocity
            track.times.append(observation.at)
            track.boxes.append(track.box)
            self._state.tracks.append(track)

    def _tell(self, track: _Track) -> TrackStep:
        """The pending path as a step; afterwards nothing is pending."""
        times, boxes = np.array(track.times), np.array(track.boxes, np.float32).reshape(-1, 4)
        new = times > track.told_to
        track.told_to = float(times[-1])
        track.times, track.boxes = [], []
        colour = max(range(len(COLOURS)), key=track.colours.__getitem__)
        named = COLOURS[colour] if track.colours[colour] > 0 else None
        return TrackStep(track.id, OBJECTS[track.object], named, track.score / track.hits, times[new], boxes[new])

    def _last(self, track: _Track) -> TrackStep | None:
        """The unproven end of a track that has ended: told where it left the picture, dropped elsewhere.

        It left while it moved: a box that rests at the edge holds the ground that the object has uncovered.
        """
        if not self._counts(track) or not track.times or not self._touches_edge(track.boxes[-1]):
            return None
        boxes = np.array(track.boxes)
        moved = np.abs(boxes - boxes[-1]).max(axis=1) > max(1.0, 0.05 * _side(boxes[-1]))
        on_its_way = int(np.flatnonzero(moved).max(initial=-1)) + 2
        track.times, track.boxes = track.times[:on_its_way], track.boxes[:on_its_way]
        return self._tell(track) if track.times[-1] > track.told_to else None


def _between(first: NDArray[np.float64], last: NDArray[np.float64], share: float) -> NDArray[np.float64]:
    """Where a box is after a share of the time, when what it shows moves evenly in space: its size is as 1 / distance there."""
    near, far = (1 - share) / _side(first), share / _side(last)
    return (first * near + last * far) / (near + far)


def _side(box: NDArray[np.floating]) -> float:
    return float(np.sqrt(max((box[2] - box[0]) * (box[3] - box[1]), 1.0)))


def _assign(gain: NDArray[np.floating], least: float) -> list[tuple[int, int]]:
    """Pairs of row and column that maximise the sum of gains, of those with at least `least`."""
    if gain.size == 0:
        return []
    allowed = np.where(gain >= least, gain, 0.0)
    rows, columns = linear_sum_assignment(-allowed)
    return [(int(i), int(j)) for i, j in zip(rows, columns, strict=True) if gain[i, j] >= least]
