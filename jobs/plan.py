"""What there is to see and to fold: the register's footage cut into chunks, in order of time, and how they hang together."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from analytics.camera import Camera
from analytics.errors import Unreadable
from analytics.identity import digest
from cluster.store import localise
from jobs.eyes import LEAD_S, Lens, bilingual, keys_of
from jobs.folding import Link, Piece, link

if TYPE_CHECKING:
    from cluster.lake import Lake
    from cluster.video import Chunk, Probe

LEAST_S = 0.5
"""A stretch of footage that other footage leaves uncovered and that is shorter is not worth a chunk."""


@dataclass(frozen=True, slots=True)
class Unread:
    """Footage that cannot be seen at all."""

    piece: Piece
    reason: str


@dataclass(frozen=True, slots=True)
class Plan:
    """One camera's work.

    Attributes:
        pieces: every chunk that has been seen or is to be, in order of time.
        todo: sights that are missing.
        unread: footage that cannot be read.
        footage_s: seconds of all chunks.
    """

    camera: Camera
    lens: Lens
    pieces: tuple[Piece, ...]
    todo: frozenset[str]
    unread: tuple[Unread, ...]

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


def plan(lake: "Lake", camera: Camera, lens: Lens, wanted: frozenset[str] | None, probed: dict[str, "Probe"] | None = None) -> Plan:
    """Plans one camera.

    Args:
        wanted: SHA-256 of the footage to be seen; all of the camera's where None. Other footage takes part where it was seen before.
        probed: what is known of files already, by SHA-256.
    """
    from cluster import video

    sql = """SELECT camera, footage, uri, epoch(start) AS start, epoch("end") AS "end", error, epoch(added_at) AS added
             FROM footage ORDER BY start, added, footage"""
    rows = lake.rows(sql, ["footage"], cameras=[camera.id])
    there = set(lake.store.keys(f"sight/{camera.id}/"))
    pieces: list[Piece] = []
    unread: list[Unread] = []
    for row in rows:
        asked = wanted is None or row["footage"] in wanted
        if row["error"]:
            if asked:
                unread.append(Unread(_piece(camera, row, "", 0.0, max(row["end"] - row["start"], 0.0), 0.0, ""), row["error"]))
            continue
        try:
            local = localise(lake.settings, row["uri"])
            known = (probed or {}).get(row["footage"]) or video.probe(local)
        except Unreadable as error:
            if asked:
                unread.append(Unread(_piece(camera, row, "", 0.0, row["end"] - row["start"], 0.0, ""), bilingual(error)))
            continue
        earlier = [r for r in rows if not r["error"] and (r["added"], r["footage"]) < (row["added"], row["footage"])]
        for cut in video.chunks(known, target_s(known.duration_s)):
            for start_s, end_s in _uncovered(cut, row, earlier):
                lead_s = min(LEAD_S, start_s)
                sight = digest(lens.identity(camera), row["footage"], round(start_s, 3), round(end_s, 3))
                if asked or keys_of(camera.id, sight)[1] in there:
                    pieces.append(_piece(camera, row, str(local), start_s, end_s, lead_s, sight))
        if asked:
            unread += [
                Unread(_piece(camera, row, str(local), g.start_s, g.end_s, 0.0, ""), f"{g.en} / {g.vi}")
                for g in known.gaps
                if g.end_s > g.start_s
            ]
    pieces.sort(key=lambda p: (p.start, p.chunk))
    todo = frozenset(p.sight for p in pieces if keys_of(camera.id, p.sight)[1] not in there)
    return Plan(camera, lens, tuple(pieces), todo, tuple(unread))


def _piece(camera: Camera, row: dict[str, Any], local: str, start_s: float, end_s: float, lead_s: float, sight: str) -> Piece:
    chunk = digest(camera.id, row["footage"], round(start_s, 3), round(end_s, 3))
    offset = row["start"] + camera.clock_offset_s
    return Piece(camera.id, chunk, row["footage"], row["uri"], local, offset, start_s, end_s, lead_s, sight)


def _uncovered(cut: "Chunk", row: dict[str, Any], earlier: Iterable[dict[str, Any]]) -> list[tuple[float, float]]:
    """What of a chunk no footage shows that was registered before: no second is counted twice."""
    spans = [(cut.start_s, cut.end_s)]
    for other in earlier:
        low, high = other["start"] - row["start"], other["end"] - row["start"]
        spans = [
            part for a, b in spans for part in ((a, min(b, low)), (max(a, high), b)) if part[1] > part[0]
        ] if any(low < b and high > a for a, b in spans) else spans  # fmt: skip
    return [(a, b) for a, b in spans if b - a >= LEAST_S or (a, b) == (cut.start_s, cut.end_s)]
