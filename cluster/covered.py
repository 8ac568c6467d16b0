"""What was looked at and what was not: the coverage that stands beside every answer."""

import re
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from analytics.camera import Camera
from cluster.lake import Lake, Span, fetch

if TYPE_CHECKING:
    import duckdb

_NEGLIGIBLE_S = 0.1
"""A hole between two files or chunks that is shorter is not worth a line; it still counts in the sums."""

NO_FOOTAGE = ("no footage", "không có phim")
"""The reason of what no camera recorded; all others can be mended by indexing, or say why not."""

EARLIER = (
    "indexed before this line, zone or rule was drawn as it is now: run `matthan index`, which decodes nothing",
    "đã lập chỉ mục trước khi vạch, vùng hoặc luật này được vẽ như bây giờ: hãy chạy `matthan index`, không phải giải mã lại phim",
)


@dataclass(frozen=True, slots=True)
class Missing:
    """A stretch that the answer does not speak of, and why.

    Attributes:
        reason: in English; `reason_vi` in Vietnamese.
    """

    camera: str
    start: float
    end: float
    reason: str
    reason_vi: str

    def say(self, language: str) -> str:
        return self.reason_vi if language == "vi" else self.reason


@dataclass(frozen=True, slots=True)
class Coverage:
    """Seconds, summed over the cameras asked for."""

    asked_s: float
    footage_s: float
    indexed_s: float
    missing: tuple[Missing, ...]
    zone: ZoneInfo

    @property
    def share(self) -> float:
        """What part of the time asked for was indexed, 0 to 1."""
        return self.indexed_s / self.asked_s if self.asked_s else 0.0

    def document(self) -> dict[str, Any]:
        """The JSON that other programs rely on."""
        return {
            "asked_s": round(self.asked_s, 3),
            "footage_s": round(self.footage_s, 3),
            "indexed_s": round(self.indexed_s, 3),
            "missing": [
                {"camera": m.camera, "start": iso(m.start, self.zone), "end": iso(m.end, self.zone), "reason": m.reason}
                for m in self.missing
            ],
        }


@dataclass(frozen=True, slots=True)
class Needs:
    """What an answer needs the footage to have been looked at for.

    Attributes:
        object: a class that the models must know.
        kind: a kind of rule that must have been folded.
        blind: cameras of which the question cannot be answered at all, with the reason in English and Vietnamese.
        rules: identities, by camera, of the rules that must have been folded; an earlier version of their code will do.
    """

    object: str | None = None
    kind: str | None = None
    blind: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    rules: Mapping[str, frozenset[str]] = field(default_factory=dict)


def iso(at: float, zone: ZoneInfo) -> str:
    """Media time as ISO 8601 with the zone's offset, to the millisecond."""
    return datetime.fromtimestamp(round(at, 3), UTC).astimezone(zone).isoformat(timespec="milliseconds")


@dataclass(frozen=True, slots=True)
class Looks:
    """What the lake has on some cameras and a span.

    Attributes:
        files: footage rows, `start` and `end` in media time: corrected by the camera's clock offset.
        looks: coverage rows that touch the span.
    """

    files: Sequence[Mapping[str, Any]]
    looks: Sequence[Mapping[str, Any]]


def coverage(
    lake: Lake, cameras: Sequence[str], span: Span, *, needs: Needs | None = None, known: Mapping[str, Camera] | None = None
) -> Coverage:
    """Which seconds of `span` the cameras' footage shows and the index speaks of, and what is missing.

    Args:
        known: the cameras' files, by id, for their clock offsets.
    """
    there = lake.ask(lambda connection: read(connection, span, known or {}), ["coverage", "footage"], cameras=cameras, span=span)
    return judge(there, cameras, span, needs or Needs(), lake.settings.zone)


def read(connection: "duckdb.DuckDBPyConnection", span: Span, known: Mapping[str, Camera], shown: Span | None = None) -> Looks:
    """Reads what `judge` needs, over a connection with `coverage` and `footage`; files of the time `shown`, too, where it is given."""
    # A camera's clock may be off: its footage is then registered at another time than its rows.
    late = {camera: known[camera].clock_offset_s for camera in known if known[camera].clock_offset_s}
    slack = max((abs(s) for s in late.values()), default=0.0)
    first, last = (min(span[0], shown[0]), max(span[1], shown[1])) if shown else span
    files = fetch(
        connection,
        """SELECT camera, footage, uri, epoch(start) AS start, epoch("end") AS end, width, height, error FROM footage
           WHERE epoch(start) <= ? AND epoch("end") >= ? ORDER BY start""",
        [last + slack, first - slack],
    )
    # Not the view `coverage`: what `judge` does with superseded looks comes to the same, and planning the view takes longer
    # than all the rest of this.
    rows = fetch(
        connection,
        """SELECT camera, chunk, footage, epoch(start) AS start, epoch("end") AS end, epoch(written_at) AS at, state, reason, models,
                  classes, rules FROM kept WHERE epoch("end") >= ? AND epoch(start) < ?""",
        [span[0], span[1]],
    )
    own = [f | {"start": f["start"] + late.get(f["camera"], 0.0), "end": f["end"] + late.get(f["camera"], 0.0)} for f in files]
    seen = {(row["camera"], row["chunk"]) for row in rows if row["state"] == "seen"}
    # A chunk that was seen once stays so when a later look fails: its rows are still there.
    return Looks(own, [row for row in rows if row["state"] == "seen" or (row["camera"], row["chunk"]) not in seen])


def judge(there: Looks, cameras: Sequence[str], span: Span, needs: Needs, zone: ZoneInfo) -> Coverage:
    """Sums up and names what is missing."""
    start, end = span
    footage_s = indexed_s = 0.0
    missing: list[Missing] = []
    for camera in cameras:
        files = [f for f in there.files if f["camera"] == camera]
        looks = [r for r in there.looks if r["camera"] == camera]
        gaps: list[Missing] = []
        for a, b, shown, over in _pieces(files, looks, start, end):
            reason = _why_not(camera, shown, over, needs)
            footage_s += b - a if shown or over else 0.0
            indexed_s += b - a if reason is None else 0.0
            if reason is not None:
                gaps.append(Missing(camera, a, b, *reason))
        # Footage of which nothing could be read has no length; it is named all the same.
        for file in files:
            if file["error"] and file["end"] - file["start"] <= 0 and start <= file["start"] < end:
                gaps.append(Missing(camera, file["start"], file["start"], *_unread(file["error"])))
        missing += _joined(sorted(gaps, key=lambda m: (m.start, m.end)))
    return Coverage((end - start) * len(cameras), footage_s, indexed_s, tuple(missing), zone)


def _pieces(
    files: Sequence[Mapping[str, Any]], looks: Sequence[Mapping[str, Any]], start: float, end: float
) -> Iterable[tuple[float, float, list[Mapping[str, Any]], list[Mapping[str, Any]]]]:
    """Cuts the span where files or looks begin and end; each piece with what lies over it."""
    edges = sorted({start, end, *(min(max(r[side], start), end) for r in (*files, *looks) for side in ("start", "end"))})
    over: list[tuple[list[Mapping[str, Any]], list[Mapping[str, Any]]]] = [([], []) for _ in edges]
    for which, rows in enumerate((files, looks)):
        for row in rows:
            first = bisect_right(edges, max(row["start"], start)) - 1
            last = bisect_right(edges, min(row["end"], end)) - 1
            for i in range(max(first, 0), last):
                over[i][which].append(row)
    for i in range(len(edges) - 1):
        yield edges[i], edges[i + 1], *over[i]


def _why_not(camera: str, files: Sequence[Mapping[str, Any]], looks: Sequence[Mapping[str, Any]], needs: Needs) -> tuple[str, str] | None:
    """Why a piece cannot be spoken of; None where it can. The newest look that knows what is asked decides."""
    if camera in needs.blind:
        return needs.blind[camera] if files or looks else NO_FOOTAGE
    asked = {_drawn(identity) for identity in needs.rules.get(camera, ())}
    seen = [r for r in looks if r["state"] == "seen"]
    knows = [r for r in seen if needs.object is None or needs.object in r["classes"]]
    folded = [r for r in knows if needs.kind is None or needs.kind in _kinds(r["rules"], needs.kind)]
    folded = [r for r in folded if _vague(r["rules"]) or asked <= {_drawn(i) for i in r["rules"].split(",") if i}]
    unread = max((r for r in looks if r["state"] != "seen"), key=lambda r: r["at"], default=None)
    if unread and not any(r["at"] > unread["at"] for r in folded):
        return _unread(unread["reason"]) if unread["state"] == "unread" else _halves(unread["reason"])
    if folded:
        return None
    if knows and asked:
        return EARLIER
    if knows:
        return (
            f"indexed without a rule of kind {needs.kind}: add it to the camera and index again, or try it with matthan rewind",
            f"đã lập chỉ mục nhưng không có luật loại {needs.kind}: thêm vào camera rồi lập chỉ mục lại, hoặc thử bằng matthan rewind",
        )
    if seen:
        models = ", ".join(sorted({m for r in seen for m in r["models"]}))
        return (
            f"indexed only with {models}, which cannot find {needs.object}",
            f"chỉ mới lập chỉ mục bằng {models}, vốn không nhận ra {needs.object}",
        )
    if files:
        broken = next((f["error"] for f in files if f["error"]), None)
        return _unread(broken) if broken else ("not indexed", "chưa lập chỉ mục")
    return NO_FOOTAGE


def _unread(why: str | None) -> tuple[str, str]:
    en, vi = _halves(why)
    return f"unread: {en}", f"không đọc được: {vi}"


def _halves(why: str | None) -> tuple[str, str]:
    """A reason is kept in English and Vietnamese, with " / " between them, or in one language."""
    halves = (why or "?").split(" / ")
    middle = len(halves) // 2
    both = (halves, halves) if len(halves) % 2 else (halves[:middle], halves[middle:])
    return " / ".join(both[0]), " / ".join(both[1])


def _kinds(rules: str, asked: str) -> set[str]:
    """The kinds of the rules that were folded, out of their identities, `kind-version-hash`, joined by commas."""
    if _vague(rules):
        return {asked}
    return {identity.rsplit("-", 2)[0] for identity in rules.split(",") if identity}


def _vague(rules: str) -> bool:
    """A digest alone does not tell which rules there were: the benefit of the doubt."""
    return bool(rules) and not re.search(r"-\d+-", rules)


def _drawn(identity: str) -> tuple[str, str]:
    """A rule's kind and the hash of its parameters and geometry, out of its identity."""
    kind, _, drawn = identity.rsplit("-", 2)
    return kind, drawn


def _joined(gaps: Sequence[Missing]) -> list[Missing]:
    """Neighbours with the same reason become one; holes that are too short to matter go."""
    out: list[Missing] = []
    for gap in gaps:
        last = out[-1] if out else None
        if last and last.reason == gap.reason and gap.start - last.end < _NEGLIGIBLE_S:
            out[-1] = Missing(last.camera, last.start, max(last.end, gap.end), last.reason, last.reason_vi)
        elif gap.end - gap.start >= _NEGLIGIBLE_S or gap.reason.startswith("unread"):
            out.append(gap)
    return out
