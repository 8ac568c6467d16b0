"""What there is to see and to fold: the register's footage cut into chunks, in order of time, and how they hang together.

Cuts that were seen once stay, whatever else comes: a chunk's name says its file and its cut, and only time that no chunk
has yet is cut anew. So no second is ever counted twice, and nothing is seen twice because chunks are wanted shorter now.
"""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analytics.camera import Camera
from analytics.errors import Unreadable
from analytics.identity import digest
from cluster.store import localise
from jobs import reasons
from jobs.eyes import LEAD_S, Lens, keys_of
from jobs.folding import Hole, Link, Piece, link, without

if TYPE_CHECKING:
    from cluster.lake import Lake
    from cluster.video import Probe

LEAST_S = 0.5
"""A stretch that other footage or other chunks leave over and that is shorter is not worth a chunk."""
NAMED_S = 1.0
"""What is lost of a file, where nobody can tell how much, stands in coverage with this length."""
Row = Mapping[str, Any]
Span = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which of a camera's footage is to be seen; all of it by default. Other footage takes part where it was seen before.

    Attributes:
        footage: SHA-256 of these files only.
        within: only chunks that touch this stretch of media time, seconds since the epoch.
        chunk_s: how long new chunks are at most; by the file's length where None.
        probed: what is known of files already, by SHA-256.
    """

    footage: frozenset[str] | None = None
    within: Span | None = None
    chunk_s: float | None = None
    probed: Mapping[str, "Probe"] | None = None

    def takes(self, footage: str, start: float, end: float) -> bool:
        """Whether a stretch of a file is asked for."""
        mine = self.footage is None or footage in self.footage
        return mine and (self.within is None or (start < self.within[1] and end > self.within[0]))


@dataclass(frozen=True, slots=True)
class Plan:
    """One camera's work.

    Attributes:
        pieces: every chunk that has been seen or is to be, in order of time.
        todo: sights that are missing.
        holes: stretches beside the chunks that hold no pictures, or none that can be read.
    """

    camera: Camera
    lens: Lens
    pieces: tuple[Piece, ...]
    todo: frozenset[str]
    holes: tuple[tuple[Piece, Hole], ...]

    @property
    def footage_s(self) -> float:
        return sum(p.end_s - p.start_s for p in self.pieces)

    @property
    def todo_s(self) -> float:
        return sum(p.end_s - p.start_s for p in self.pieces if p.sight in self.todo)

    def links(self, without: frozenset[str] = frozenset()) -> list[Link]:
        """The chain of the chunks, but for sights that turned out unreadable."""
        return link(self.camera, [p for p in self.pieces if p.sight not in without])


def target_s(duration_s: float) -> float:
    """How long a file's chunks should be: about five minutes, shorter in a short file so that several cores have work.

    It depends on the file alone, so that two hosts cut alike.
    """
    return min(300.0, max(60.0, duration_s / 6))


def plan(lake: "Lake", camera: Camera, lens: Lens, wanted: Wanted) -> Plan:
    """Plans one camera. Only files that are asked for and of which some second is not accounted for yet are looked at."""
    rows = lake.rows(_REGISTER, ["footage"], cameras=[camera.id])
    kept = _kept(lake, camera.id)
    there = set(lake.store.keys(f"sight/{camera.id}/"))
    pieces: list[Piece] = []
    holes: list[tuple[Piece, Hole]] = []
    for row in rows:
        if row["error"]:
            continue
        cuts, beside = _File(camera, lens, row, kept.get(row["footage"], _Kept()), rows).cut(lake, wanted)
        pieces += [p for p in cuts if wanted.takes(p.footage, p.start, p.end) or keys_of(camera.id, p.sight)[1] in there]
        holes += [(p, h) for p, h in beside if wanted.takes(p.footage, p.start, p.end)]
    pieces.sort(key=lambda p: (p.start, p.chunk))
    todo = frozenset(p.sight for p in pieces if keys_of(camera.id, p.sight)[1] not in there)
    return Plan(camera, lens, tuple(pieces), todo, tuple(holes))


_REGISTER = """SELECT camera, footage, uri, epoch(start) AS start, epoch("end") AS "end", error, epoch(added_at) AS added
               FROM footage ORDER BY start, added, footage"""


@dataclass(slots=True)
class _Kept:
    """What coverage has of a file.

    Attributes:
        cuts: those that were seen, each with the holes in it.
        beside: holes beside them.
    """

    cuts: dict[Span, tuple[Hole, ...]] = field(default_factory=dict)
    beside: list[Hole] = field(default_factory=list)

    @property
    def holes(self) -> bool:
        return bool(self.beside or any(self.cuts.values()))


def _kept(lake: "Lake", camera: str) -> dict[str, _Kept]:
    sql = 'SELECT footage, chunk, state, reason, "commit", epoch(start) AS start, epoch("end") AS "end" FROM coverage ORDER BY chunk'
    rows = lake.rows(sql, ["coverage"], cameras=[camera])
    seen = {r["chunk"]: r for r in rows if r["state"] == "seen"}
    kept: dict[str, _Kept] = {}
    for row in rows:
        mine = kept.setdefault(row["footage"], _Kept())
        chunk = row["chunk"].partition("+")[0]
        cut, whole = cut_of(chunk), seen.get(chunk)
        if cut is None:
            continue
        damaged = row["state"] == "unread"
        if row is whole:
            mine.cuts.setdefault(cut, ())
        elif whole is None:
            mine.beside.append(Hole(*cut, damaged, row["reason"]))
        elif whole["commit"] == row["commit"]:
            start_s, end_s = (round(cut[0] + row[side] - whole["start"], 3) for side in ("start", "end"))
            mine.cuts[cut] = (*mine.cuts.get(cut, ()), Hole(start_s, end_s, damaged, row["reason"]))
    return kept


@dataclass(frozen=True, slots=True)
class _File:
    """One readable file of the register, and what lies beside it on the camera's time axis."""

    camera: Camera
    lens: Lens
    row: Row
    kept: _Kept
    rows: Sequence[Row]

    def cut(self, lake: "Lake", wanted: Wanted) -> tuple[list[Piece], list[tuple[Piece, Hole]]]:
        """Its chunks, and the holes beside them."""
        row, kept = self.row, sorted(self.kept.cuts)
        taken = [*kept, *self._others()]
        left = without([(0.0, row["end"] - row["start"])], taken)
        known = [self._piece(*cut, self.kept.cuts[cut]) for cut in kept]
        probe: Probe | None = None
        offset = self.camera.clock_offset_s
        if not wanted.takes(row["footage"], row["start"] + offset, row["end"] + offset):
            return known, []
        if self.kept.holes or any(b - a >= LEAST_S for a, b in left) or (left and not kept):
            try:
                probe = (wanted.probed or {}).get(row["footage"]) or _probed(localise(lake.settings, row["uri"]))
            except Unreadable as error:
                why = reasons.both(error)
                told = [h for h in self.kept.beside if kept]  # of a file that was read before
                lost = without(left, [(h.start_s, h.end_s) for h in told]) if told else left
                holes = [*told, *(Hole(a, b, True, why) for a, b in lost if b - a >= LEAST_S or not kept)]
                return known, [(self._piece(h.start_s, h.end_s), h) for h in holes]
        found = list(probe.gaps) if probe else []
        gaps = [Hole(g.start_s, max(g.end_s, g.start_s + NAMED_S), g.damaged, f"{g.en} / {g.vi}") for g in found]
        new = self._new(probe, taken, wanted) if probe else []
        beside = [(self._piece(h.start_s, h.end_s), h) for h in _outside(gaps, [*kept, *new])]
        return [*known, *(self._piece(a, b, gaps) for a, b in new)], beside

    def _new(self, probe: "Probe", taken: Iterable[Span], wanted: Wanted) -> list[Span]:
        """What of the file no chunk and no other file has: cut at key frames."""
        from cluster import video

        taken = list(taken)
        cuts = [(_ms(c.start_s), _ms(c.end_s)) for c in video.chunks(probe, wanted.chunk_s or target_s(probe.duration_s))]
        return [(a, b) for cut in cuts for a, b in without([cut], taken) if b - a >= LEAST_S or (a, b) == cut]

    def _others(self) -> list[Span]:
        """Time that the camera's files that were registered before show, in seconds from this file's start."""
        mine = (self.row["added"], self.row["footage"])
        before = (r for r in self.rows if not r["error"] and (r["added"], r["footage"]) < mine)
        return [(round(r["start"] - self.row["start"], 3), round(r["end"] - self.row["start"], 3)) for r in before]

    def _piece(self, start_s: float, end_s: float, gaps: Sequence[Hole] = ()) -> Piece:
        row = self.row
        return Piece(
            camera=self.camera.id,
            chunk=chunk_of(row["footage"], start_s, end_s),
            footage=row["footage"],
            uri=row["uri"],
            offset=row["start"] + self.camera.clock_offset_s,
            start_s=start_s,
            end_s=end_s,
            lead_s=min(LEAD_S, start_s),
            sight=digest(self.lens.identity(self.camera), row["footage"], round(start_s, 3), round(end_s, 3)),
            holes=tuple(h for gap in gaps if (h := gap.within(start_s, end_s)) is not None),
        )


def _probed(path: Path) -> "Probe":
    from cluster import video

    return video.probe(path)


def _outside(gaps: Iterable[Hole], cuts: Sequence[Span]) -> list[Hole]:
    """The parts of holes that no chunk has."""
    return [Hole(a, b, gap.damaged, gap.reason) for gap in gaps for a, b in without([(gap.start_s, gap.end_s)], cuts)]


def _ms(seconds: float) -> float:
    """Whole milliseconds, rounded down: a cut read back from a chunk's name is the same cut."""
    return math.floor(seconds * 1000 + 1e-6) / 1000


def chunk_of(footage: str, start_s: float, end_s: float) -> str:
    """A chunk's name: its file and its cut, in milliseconds from the file's first frame.

    >>> chunk_of("9f86d081884c7d65", 0.0, 60.04)
    '9f86d081884c7d65-0-60040'
    """
    return f"{footage[:16]}-{round(start_s * 1000)}-{round(end_s * 1000)}"


def cut_of(chunk: str) -> Span | None:
    """The cut that a chunk's name says, seconds from the file's first frame; None where it is no such name.

    >>> cut_of("9f86d081884c7d65-0-60040"), cut_of("k0")
    ((0.0, 60.04), None)
    """
    found = re.fullmatch(r"[0-9a-f]{16}-(\d+)-(\d+)", chunk)
    return (int(found[1]) / 1000, int(found[2]) / 1000) if found else None
