"""The second half of indexing: what a chunk's sight saw becomes rows of the lake, in order of time, with state carried over.

The state after a chunk is kept in the store under the name of the chain that led to it, so a job that was killed goes on
where it stopped, and footage that arrives late makes only what follows it fold again.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from analytics.camera import Camera
from analytics.event import Crossing, Event, Finding
from analytics.fold import RuleFold
from analytics.identity import digest
from analytics.records import Records, records_of, scenes_of
from analytics.stitch import Seam, Stitcher
from analytics.summary import Summaries, TrackSummary
from jobs.eyes import Seen

if TYPE_CHECKING:
    import pyarrow as pa

    from cluster.lake import Lake

FOLD_VERSION = 1
"""Counts changes of the code of folding that change its rows."""


@dataclass(frozen=True, slots=True)
class Hole:
    """A stretch of a file without pictures, in seconds from its first frame.

    Attributes:
        damaged: something was there and cannot be read; False where nothing was recorded.
        reason: why, in both languages (`jobs.reasons`).
    """

    start_s: float
    end_s: float
    damaged: bool
    reason: str

    def within(self, start_s: float, end_s: float) -> "Hole | None":
        """The part of it that lies in a stretch."""
        a, b = max(self.start_s, start_s), min(self.end_s, end_s)
        return Hole(a, b, self.damaged, self.reason) if a < b else None


@dataclass(frozen=True, slots=True)
class Piece:
    """A chunk of footage on the camera's time axis.

    Attributes:
        chunk: its id.
        footage: SHA-256 of its file.
        uri: where the file is.
        offset: media time of the file's first frame.
        start_s, end_s: seconds from there.
        lead_s: how long before its start it is seen.
        sight: identity of its sight.
        holes: stretches in it that are known to hold no pictures.
    """

    camera: str
    chunk: str
    footage: str
    uri: str
    offset: float
    start_s: float
    end_s: float
    lead_s: float
    sight: str
    holes: tuple[Hole, ...] = ()

    @property
    def start(self) -> float:
        return self.offset + self.start_s

    @property
    def end(self) -> float:
        return self.offset + self.end_s


@dataclass(frozen=True, slots=True)
class Link:
    """A chunk's place in its camera's chain of folds.

    Attributes:
        before: the chain up to the chunk before, None where nothing touches its start.
        chain: names the state after this chunk.
        last: whether nothing touches its end, so that what is open is closed with it.
    """

    piece: Piece
    before: str | None
    chain: str
    last: bool

    @property
    def fold(self) -> str:
        return digest(self.chain, self.last)


ADDS_S = 1.0
"""A hole found by seeing a chunk counts where it reaches this much further than those that were known before."""
TOUCH_S = 1.0
"""Chunks that are less apart than this go on from one another."""


def link(camera: Camera, pieces: list[Piece]) -> list[Link]:
    """Chains a camera's chunks, given in order of time."""
    rules = camera.rule_identities()  # they name the versions of the rules' code, which the camera's file does not
    apart = {"name", "agency", "source", "substream", "analysis", "location"}
    what = digest(FOLD_VERSION, rules, camera.model_dump(mode="json", exclude=apart))
    links: list[Link] = []
    for i, piece in enumerate(pieces):
        touches = i > 0 and piece.start - pieces[i - 1].end < TOUCH_S
        before = links[-1].chain if touches else None
        chain = digest(what, piece.sight, round(piece.offset, 3), piece.start_s, before)
        last = i + 1 == len(pieces) or pieces[i + 1].start - piece.end >= TOUCH_S
        links.append(Link(piece, before, chain, last))
    return links


class Folder:
    """Folds the chunks of one camera and commits them.

    Attributes:
        tracks: ids of the tracks in what was committed.
        events: kinds of the events in it, by their ids.
        crossings: how many there were, by chunk.
    """

    def __init__(self, lake: "Lake", camera: Camera, run: str, model: str, weights: str) -> None:
        self._lake = lake
        self._camera = camera
        self._run = run
        self._model = model
        self._weights = weights
        self.tracks: set[int] = set()
        self.events: dict[int, str] = {}
        self.crossings: dict[str, int] = {}

    def fold(self, link: Link, records: Records, seen: Seen) -> None:
        """Folds one chunk from the state its chain names, keeps the state after it, and commits its rows."""
        camera, piece = self._camera, link.piece
        rules, summaries, seam = RuleFold(camera), Summaries(camera), None
        if link.before is not None:
            kept = json.loads(self._lake.store.get(self._key(link.before)))
            rules.restore(kept["rules"])
            summaries.restore(kept["summaries"])
            seam = Seam.model_validate(kept["seam"])
        local = scenes_of(shifted(records.points, piece.offset, ("at", "known_at")), shifted(records.signals, piece.offset, ("at",)))
        scenes, after = Stitcher(piece.sight, piece.start, seam).stitch(local, piece.end)
        findings: list[Finding] = []
        for scene in scenes:
            summaries.step(scene)
            findings += rules.step(scene)
        tracks = summaries.taken()
        state = {"rules": rules.state(), "summaries": summaries.state(), "seam": after.model_dump(mode="json")}
        self._lake.store.put(self._key(link.chain), json.dumps(state).encode())
        closed = rules.finish(piece.end) if link.last else []
        self._commit(link, seen, records_of(scenes), tracks, findings, closed)

    def unseen(self, piece: Piece, hole: Hole) -> None:
        """Says in coverage that a stretch was not seen, and why."""
        self._lake.append("coverage", self._coverage(piece, [(piece.chunk, *_span(piece, hole))], Seen(piece.sight), "", ""))

    def _key(self, chain: str) -> str:
        return f"folds/{self._camera.id}/{chain}.json"

    def _commit(
        self, link: Link, seen: Seen, records: Records, tracks: list[TrackSummary], findings: list[Finding], closed: list[Finding]
    ) -> None:
        piece = link.piece
        commit = f"{link.fold}-{self._run}"
        identity = {"model": self._model, "weights_sha256": self._weights, "configuration": self._camera.rules_identity()}
        events: dict[int, tuple[Event, bool]] = {}
        for finding, open_ in [(f, False) for f in findings] + [(f, True) for f in closed]:
            if isinstance(finding, Event):
                events[finding.id(self._camera.id)] = (finding, open_ or finding.ongoing)
        crossings = [f for f in [*findings, *closed] if isinstance(f, Crossing)]
        own = {"camera": self._camera.id, "chunk": piece.chunk, "commit": commit}
        rows = {
            "points": table(self._lake, "points", own, records.points),
            "signals": table(self._lake, "signals", own, records.signals),
            "tracks": table(self._lake, "tracks", own, track_columns(tracks)),
            "events": table(self._lake, "events", own, event_columns(events, identity)),
            "counts": table(self._lake, "counts", own, count_columns(crossings)),
        }
        # A hole in a chunk stands beside it, not instead of it.
        holes = holes_of(piece, seen)
        spans = [(piece.chunk, piece.start, piece.end, "seen", None), *((f"{piece.chunk}+{i}", *_span(piece, h)) for i, h in holes)]
        self._lake.commit_chunk(rows, self._coverage(piece, spans, seen, link.fold, commit))
        self.tracks |= {t.track for t in tracks}
        self.crossings[piece.chunk] = len(crossings)
        self.events |= {i: event.kind for i, (event, _) in events.items()}

    def _coverage(
        self, piece: Piece, spans: list[tuple[str, float, float, str, str | None]], seen: Seen, fold: str, commit: str
    ) -> "pa.Table":
        same = {
            "footage": piece.footage,
            "sight": piece.sight,
            "fold": fold,
            "rules": ",".join(sorted(self._camera.rule_identities())),
            "models": [self._model],
            "weights": [self._weights],
            "backend": seen.backend,
            "classes": list(seen.classes),
            "detections": seen.looks,
            "brightness": seen.brightness,
            "commit": commit,
            "run": self._run,
            "written_at": datetime.now(UTC),
        }
        columns: dict[str, list[Any]] = {name: [cell] * len(spans) for name, cell in same.items()}
        chunks, starts, ends, states, why = zip(*spans, strict=True)
        columns |= {"chunk": list(chunks), "state": list(states), "reason": list(why)}
        columns |= {"start": [moment(s) for s in starts], "end": [moment(e) for e in ends]}
        return table(self._lake, "coverage", {"camera": piece.camera}, columns)


def holes_of(piece: Piece, seen: Seen) -> list[tuple[int, Hole]]:
    """The stretches of a chunk without pictures, numbered: those known before, and what seeing it found besides."""
    known = [(h.start_s, h.end_s) for h in piece.holes]
    found = [Hole(a, b, True, why) for low, high, why in seen.gaps for a, b in without([(low, high)], known) if b - a > ADDS_S]
    return list(enumerate([*piece.holes, *found]))


def without(spans: Iterable[tuple[float, float]], taken: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    """What is left of some spans when others are taken out.

    >>> without([(0, 10), (20, 30)], [(4, 6), (8, 25)])
    [(0, 4), (6, 8), (25, 30)]
    """
    left = list(spans)
    for low, high in taken:
        left = [part for a, b in left for part in ((a, min(b, low)), (max(a, high), b)) if part[1] > part[0]] if high > low else left
    return left


def _span(piece: Piece, hole: Hole) -> tuple[float, float, str, str]:
    return piece.offset + hole.start_s, piece.offset + hole.end_s, "unread" if hole.damaged else "empty", hole.reason


def moment(at: float) -> datetime:
    """Media time as the lake's timestamps, to the microsecond."""
    return datetime.fromtimestamp(round(at, 6), UTC)


def shifted(columns: dict[str, list[Any]], offset: float, names: tuple[str, ...]) -> dict[str, list[Any]]:
    """Columns with `offset` added to those of the names."""
    return {name: [v + offset for v in values] if name in names else values for name, values in columns.items()}


def table(lake: "Lake", name: str, own: dict[str, str], columns: dict[str, list[Any]]) -> "pa.Table":
    """Columns, and the same `own` cells in each row, as the lake's table of that name; `day` is left to the lake."""
    import pyarrow as pa

    n = len(next(iter(columns.values())))
    schema = lake.schema(name)
    every = {**columns, **{key: [value] * n for key, value in own.items()}}
    return pa.table({f.name: pa.array(every[f.name], f.type) for f in schema if f.name in every})


def track_columns(tracks: list[TrackSummary]) -> dict[str, list[Any]]:
    return {
        "track": [t.track for t in tracks],
        "start": [moment(t.start) for t in tracks],
        "end": [moment(t.end) for t in tracks],
        "object": [t.object for t in tracks],
        "colour": [t.colour for t in tracks],
        "confidence": [t.confidence for t in tracks],
        "heading_deg": [t.heading_deg for t in tracks],
        "distance_px": [t.distance_px for t in tracks],
        "speed_kmh": [t.speed_kmh for t in tracks],
        "zones": [list(t.zones) for t in tracks],
        "box_at": [t.box_at for t in tracks],
        "box": [list(t.box) for t in tracks],
    }


def event_columns(events: dict[int, tuple[Event, bool]], identity: dict[str, str]) -> dict[str, list[Any]]:
    found = [(i, e, ongoing) for i, (e, ongoing) in sorted(events.items(), key=lambda item: (item[1][0].start, item[0]))]
    return {
        "event": [i for i, _, _ in found],
        "kind": [e.kind for _, e, _ in found],
        "rule": [e.rule for _, e, _ in found],
        "start": [moment(e.start) for _, e, _ in found],
        "end": [moment(e.end) for _, e, _ in found],
        "ongoing": [ongoing for _, _, ongoing in found],
        "tracks": [list(e.tracks) for _, e, _ in found],
        "object": [e.object for _, e, _ in found],
        "colour": [e.colour for _, e, _ in found],
        "confidence": [e.confidence for _, e, _ in found],
        "zone": [e.zone for _, e, _ in found],
        "box_at": [e.box_at for _, e, _ in found],
        "box": [None if e.box is None else list(e.box) for _, e, _ in found],
        "evidence": [json.dumps({**e.evidence, **identity}, sort_keys=True, ensure_ascii=False) for _, e, _ in found],
    }


def count_columns(crossings: list[Crossing]) -> dict[str, list[Any]]:
    ordered = sorted(crossings, key=lambda c: (c.at, c.line, c.track))
    return {
        "line": [c.line for c in ordered],
        "at": [moment(c.at) for c in ordered],
        "track": [c.track for c in ordered],
        "object": [c.object for c in ordered],
        "direction": [c.direction for c in ordered],
        "pcu": [c.pcu for c in ordered],
        "rule": [c.rule for c in ordered],
    }
