"""New or changed rules over stored tracks, without touching video: what they would have raised, and how often a day."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from analytics.camera import Camera
from analytics.errors import Refused
from analytics.event import Crossing, Event, Finding
from analytics.fold import RuleFold
from analytics.names import unknown
from analytics.records import POINT_COLUMNS, SIGNAL_COLUMNS, scenes_of
from cluster.covered import Coverage, judge, read
from cluster.covered import Needs as Needed
from cluster.lake import Lake
from cluster.search import Hit, as_hit, shown_for
from cluster.settings import Settings
from jobs.folding import TOUCH_S, event_columns

WARM_S = 3600.0
"""Rules are folded from this long before the asked time, and from where what goes on then began, so that it is known whole…"""
AFTER_S = 300.0
"""…and until this long (and what the rules wait for) after it, so that what began in it is decided."""
SLACK_S = 60.0
"""A chunk's points may lie so far before its start."""
AT_ONCE = 24
"""Chunks read by one query."""


@dataclass(frozen=True, slots=True)
class Line:
    """Crossings of one line, one class and one direction."""

    line: str
    direction: str
    object: str
    count: int
    pcu: float


@dataclass(frozen=True, slots=True)
class Rewound:
    """What the rules would have found: events as hits, crossings summed up, events a day by kind."""

    hits: tuple[Hit, ...]
    counts: tuple[Line, ...]
    per_day: tuple[tuple[str, str, int], ...]
    coverage: Coverage

    def document(self) -> dict[str, Any]:
        """The JSON that other programs rely on."""
        return {
            "hits": [h.document(self.coverage.zone) for h in self.hits],
            "counts": [
                {"line": c.line, "class": c.object, "direction": c.direction, "count": c.count, "pcu": round(c.pcu, 2)} for c in self.counts
            ],
            "per_day": [{"day": day, "event": kind, "count": n} for day, kind, n in self.per_day],
            "coverage": self.coverage.document(),
        }


def run(settings: Settings, rules: Path, camera: str, start: float | None, end: float | None) -> Rewound:
    """Folds the rules of a file over the camera's stored tracks.

    Args:
        rules: a YAML file that is a list of rules, or has one under `rules:`.
        start, end: media time; what is stored where None.

    Raises:
        Refused: the camera or the file is not there, or a rule is wrong.
    """
    from cluster import cameras

    known, wrong = cameras.check(settings.cameras)
    if camera not in known:
        if wrong:  # it may be the camera of a file that cannot be read
            raise Refused("\n".join(r.en for r in wrong), "\n".join(r.vi for r in wrong))
        raise unknown("camera", "camera", camera, known)
    changed = cameras.with_rules(known[camera], rules)
    lake = Lake(settings)
    looks = lake.rows(
        """SELECT chunk, commit, epoch(start) AS start, epoch("end") AS end FROM coverage WHERE state = 'seen' ORDER BY start""",
        ["coverage"],
        cameras=[camera],
    )
    since = start if start is not None else min((r["start"] for r in looks), default=0.0)
    until = end if end is not None else max((r["end"] for r in looks), default=0.0)
    after_s = AFTER_S + max((float(getattr(rule, "after_s", 0.0)) for rule in changed.rules), default=0.0)
    warm = _known_since(lake, camera, since)
    within = [r for r in looks if r["end"] > warm and r["start"] < until + after_s]
    events: dict[int, tuple[Event, bool]] = {}
    crossings: list[Crossing] = []
    for finding, closed_by_end in _folded(lake, changed, within):
        if isinstance(finding, Event):
            events[finding.id(camera)] = (finding, closed_by_end or finding.ongoing)
        elif since <= finding.at < until:
            crossings.append(finding)
    asked = {i: pair for i, pair in events.items() if pair[0].end >= since and pair[0].start < until}
    rows = list(_rows(camera, asked, changed))
    span, shown = (since, until), shown_for(rows)
    there = lake.ask(lambda c: read(c, span, known, shown), ["coverage", "footage"], cameras=[camera], span=span)
    covered = judge(there, [camera], span, Needed(), settings.zone)
    hits = tuple(as_hit("events", row, there, known) for row in rows)
    return Rewound(hits, _summed(crossings), _per_day(hits, settings), covered)


def _known_since(lake: Lake, camera: str, since: float) -> float:
    """From when on the rules must have seen the camera to tell of `since` what indexing told: a car may have stood there for hours."""
    began = [
        row["first"]
        for table in ("tracks", "events")
        for row in lake.rows(f"SELECT epoch(min(start)) AS first FROM {table}", [table], cameras=[camera], span=(since, since + 1e-3))
    ]
    return min([since - WARM_S, *(at for at in began if at is not None)])


def _folded(lake: Lake, camera: Camera, looks: list[dict[str, Any]]) -> Iterator[tuple[Finding, bool]]:
    """Findings in order, and whether only the end of the footage closed them."""
    fold: RuleFold | None = None
    for i, (look, points, signals) in enumerate(_stored(lake, camera, looks)):
        fold = fold or RuleFold(camera)
        for scene in scenes_of(points, signals):
            yield from ((finding, False) for finding in fold.step(scene))
        if i + 1 == len(looks) or looks[i + 1]["start"] - look["end"] >= TOUCH_S:
            yield from ((finding, True) for finding in fold.finish(look["end"]))
            fold = None


def _stored(
    lake: Lake, camera: Camera, looks: list[dict[str, Any]]
) -> Iterator[tuple[dict[str, Any], dict[str, list[Any]], dict[str, list[Any]]]]:
    """Each chunk with its points and signals, as columns."""
    import pyarrow.compute as pc

    for first in range(0, len(looks), AT_ONCE):
        some = looks[first : first + AT_ONCE]
        span = min(r["start"] for r in some) - SLACK_S, max(r["end"] for r in some) + 1.0
        tables = []
        for table, names in (("points", POINT_COLUMNS), ("signals", SIGNAL_COLUMNS)):
            sql = f"SELECT chunk, {', '.join(map(quoted, names))} FROM {table} WHERE chunk IN (SELECT unnest(?))"
            tables.append(lake.arrow(sql, [table], [[r["chunk"] for r in some]], cameras=[camera.id], span=span))
        for look in some:
            points, signals = (t.filter(pc.equal(t["chunk"], look["chunk"])).to_pydict() for t in tables)
            yield look, points, signals


def quoted(name: str) -> str:
    """A column's name in SQL; `at` is also a word of the language."""
    return f'"{name}"'


def _rows(camera: str, events: dict[int, tuple[Event, bool]], changed: Camera) -> Iterator[dict[str, Any]]:
    columns = event_columns(events, {"configuration": changed.rules_identity()})
    for i in range(len(columns["event"])):
        row = {name: values[i] for name, values in columns.items()}
        yield row | {
            "camera": camera, "key": row["event"], "chunk": "", "start": row["start"].timestamp(), "end": row["end"].timestamp(),
        }  # fmt: skip


def _summed(crossings: list[Crossing]) -> tuple[Line, ...]:
    number = Counter((c.line, c.direction, c.object) for c in crossings)
    worth: Counter[tuple[str, str, str]] = Counter()
    for c in crossings:
        worth[(c.line, c.direction, c.object)] += c.pcu  # type: ignore[assignment]
    return tuple(Line(*key, n, worth[key]) for key, n in sorted(number.items()))


def _per_day(hits: tuple[Hit, ...], settings: Settings) -> tuple[tuple[str, str, int], ...]:
    def day(hit: Hit) -> str:
        return datetime.fromtimestamp(hit.start, UTC).astimezone(settings.zone).date().isoformat()

    return tuple((d, kind or "", n) for (d, kind), n in sorted(Counter((day(h), h.event) for h in hits).items()))
