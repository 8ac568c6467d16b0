"""What `search` and `counts` ask of the lake, for the command line, the gateway and the desks alike."""

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from analytics.camera import Camera
from analytics.errors import Refused
from analytics.names import unknown
from analytics.rules import registry
from analytics.rules.base import RuleConfig
from analytics.words import BEARINGS, PICTURE_DEG, colour_name, direction_name, event_kind, object_name
from cluster.covered import Coverage, Looks, Missing, Needs, coverage, iso, judge, read
from cluster.lake import Lake, Span, fetch

if TYPE_CHECKING:
    import duckdb

__all__ = [
    "Answer", "CountAnswer", "CountQuery", "CountRow", "Coverage", "Hit", "Missing", "Query", "counts", "coverage", "hit", "search",
]  # fmt: skip

CLIP_S = 2.0
"""A clip begins and ends this much before and after its hit."""
_EARTH_M = 6_371_000.0


@dataclass(frozen=True, slots=True)
class Query:
    """What is searched for. Words may be Vietnamese, with or without marks.

    Attributes:
        cameras: ids; empty means all.
        start, end: media time, s; None means from, or to, where footage is.
        event: a kind of rule, or "any"; without it tracks are searched for.
        direction: N, NE, … (needs the camera's heading) or up, down, left, right in the picture.
        near: latitude, longitude, metres: only cameras within.
        limit: at most so many hits, the earliest; None for all.
    """

    cameras: tuple[str, ...] = ()
    start: float | None = None
    end: float | None = None
    object: str | None = None
    colour: str | None = None
    event: str | None = None
    zone: str | None = None
    direction: str | None = None
    min_speed_kmh: float | None = None
    min_duration_s: float | None = None
    near: tuple[float, float, float] | None = None
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class Hit:
    """A track or an event that answers.

    Attributes:
        id: "t" or "e" and 16 hexadecimal digits; stays when the same footage is indexed again with the same identity.
        tracks: the tracks concerned, the main one first.
        box, box_at: where and when to look; pixels of the camera's resolution, media time.
        footage: URI of the file that shows it; None where none is registered any more.
        footage_start: media time of that file's first frame.
        thumbnail, clip: the file's URI with a media fragment (https://www.w3.org/TR/media-frags), times from the file's first frame.
    """

    id: str
    type: str
    camera: str
    start: float
    end: float
    object: str | None
    colour: str | None
    confidence: float
    event: str | None
    evidence: Mapping[str, Any]
    tracks: tuple[int, ...]
    box: tuple[float, float, float, float] | None
    box_at: float | None
    footage: str | None
    footage_start: float | None
    thumbnail: str | None
    clip: str | None

    def document(self, zone: ZoneInfo) -> dict[str, Any]:
        """The JSON that other programs rely on."""
        plain = ("id", "type", "camera", "object", "colour", "event", "thumbnail", "clip")
        return {
            **{name: getattr(self, name) for name in plain[:3]},
            "start": iso(self.start, zone),
            "end": iso(self.end, zone),
            "object": self.object,
            "colour": self.colour,
            "confidence": round(self.confidence, 3),
            "event": self.event,
            "evidence": dict(self.evidence),
            "thumbnail": self.thumbnail,
            "clip": self.clip,
        }


@dataclass(frozen=True, slots=True)
class Answer:
    """Hits in order of time, and what was looked at. `total` counts the hits that the limit cut off, too."""

    hits: tuple[Hit, ...]
    coverage: Coverage
    total: int

    def document(self) -> dict[str, Any]:
        """The JSON that other programs rely on."""
        return {"hits": [hit.document(self.coverage.zone) for hit in self.hits], "coverage": self.coverage.document()}


@dataclass(frozen=True, slots=True)
class CountQuery:
    """Crossings of lines to be counted.

    Attributes:
        line: one line; None for all.
        by: any of class, direction, and one width of time such as 15min, 1h, day.
    """

    cameras: tuple[str, ...] = ()
    start: float | None = None
    end: float | None = None
    line: str | None = None
    by: tuple[str, ...] = ("class", "direction")


@dataclass(frozen=True, slots=True)
class CountRow:
    """How many crossed a line from `start` to `end`. What was not asked apart is None."""

    camera: str
    line: str
    start: float
    end: float
    object: str | None
    direction: str | None
    count: int
    pcu: float


@dataclass(frozen=True, slots=True)
class CountAnswer:
    """Rows by camera, line and time, and what was looked at."""

    rows: tuple[CountRow, ...]
    coverage: Coverage

    def document(self) -> dict[str, Any]:
        """The JSON that other programs rely on."""
        zone = self.coverage.zone
        return {
            "rows": [
                {
                    "camera": r.camera,
                    "line": r.line,
                    "start": iso(r.start, zone),
                    "end": iso(r.end, zone),
                    "class": r.object,
                    "direction": r.direction,
                    "count": r.count,
                    "pcu": round(r.pcu, 2),
                }
                for r in self.rows
            ],
            "coverage": self.coverage.document(),
        }


@dataclass(frozen=True, slots=True)
class _Asked:
    """A query with its words understood."""

    cameras: tuple[str, ...]
    span: Span
    object: str | None
    colour: str | None
    kind: str | None
    events: bool
    direction: str | None
    blind: dict[str, tuple[str, str]] = field(default_factory=dict)


def search(lake: Lake, query: Query, cameras: Mapping[str, Camera] | None = None) -> Answer:
    """Tracks or events that the index knows, and which part of the asked time it speaks of.

    Args:
        cameras: the camera files by id; places, headings, ground and clock offsets are theirs.

    Raises:
        Refused: an unknown camera, class, colour, kind, zone or direction, or what no asked camera can tell.
    """
    known = cameras or {}
    asked = _understood(lake, query, known)
    needs = Needs(asked.object, asked.kind, asked.blind, _rules(asked, known) if asked.events else {})
    if not asked.cameras:
        return Answer((), judge(Looks((), ()), (), asked.span, needs, lake.settings.zone), 0)

    def read_all(connection: "duckdb.DuckDBPyConnection") -> tuple[list[dict[str, Any]], int, Looks]:
        rows, total = _rows(connection, query, asked, known)
        return rows, total, read(connection, asked.span, known, shown_for(rows))

    table = "events" if asked.events else "tracks"
    tables = {table, "coverage", "footage", *(("tracks",) if _of_track(query) else ())}
    rows, total, there = lake.ask(read_all, sorted(tables), cameras=asked.cameras, span=asked.span)
    hits = tuple(as_hit(table, row, there, known) for row in rows)
    return Answer(hits, judge(there, asked.cameras, asked.span, needs, lake.settings.zone), total)


def hit(lake: Lake, id: str, cameras: Mapping[str, Camera] | None = None) -> Hit:
    """One hit by its id.

    Raises:
        Refused: there is none, or it is no id.
    """
    if not re.fullmatch(r"[te][0-9a-f]{16}", id):
        raise Refused(
            en=f"{id} is no hit's id; wanted t or e and 16 hexadecimal digits, as search prints them.",
            vi=f"{id} không phải mã kết quả; cần t hoặc e và 16 chữ số hex như lệnh search in ra.",
        )
    table, key = ("tracks", "track") if id[0] == "t" else ("events", "event")
    row = _row_of(lake, table, key, int(id[1:], 16))
    if row is None:
        raise Refused(
            en=f"There is no hit {id}. Its footage may have been removed or indexed with another model since; search again.",
            vi=f"Không có kết quả {id}. Phim có thể đã bị xóa hoặc được lập chỉ mục bằng mô hình khác; hãy tìm lại.",
        )
    span = (row["start"], row["end"])
    there = lake.ask(lambda c: read(c, span, cameras or {}), ["coverage", "footage"], cameras=[row["camera"]], span=span)
    return as_hit(table, row, there, cameras or {})


def _row_of(lake: Lake, table: str, key: str, number: int) -> dict[str, Any] | None:
    """The visible row of a track or event. Ids say nothing of when and where, so all files are asked, but for that alone."""

    def locate(connection: "duckdb.DuckDBPyConnection") -> tuple[Any, ...] | None:
        lake.view_all(connection, table, f"{key} = {number}")
        found: tuple[Any, ...] | None = connection.execute(
            f'SELECT camera, epoch(min(start)), epoch(max("end")) FROM {table}_all GROUP BY 1'
        ).fetchone()
        return found

    place = lake.ask(locate, [])
    if place is None:
        return None
    sql = f"SELECT {_COLUMNS[table]} FROM {table} t WHERE t.{key} = ?"
    rows = lake.rows(sql, [table], [number], cameras=[place[0]], span=(place[1], place[2] + 1e-3))
    return rows[0] if rows else None


def counts(lake: Lake, query: CountQuery, cameras: Mapping[str, Camera] | None = None) -> CountAnswer:
    """Crossings of lines, counted.

    Raises:
        Refused: an unknown camera or line, or something to count by that there is not.
    """
    known = cameras or {}
    wanted = _cameras(lake, query.cameras, known)
    span = _span(lake, wanted, query.start, query.end, known)
    width_s = _width(query.by)
    if query.line is not None:
        lines = {line for c in wanted if c in known for line in known[c].lines}
        if lines and query.line not in lines:
            raise unknown("line", "vạch", query.line, lines)
    begin = "NULL::DOUBLE"
    if width_s:
        # Bins begin at midnight where the installation is, not where UTC is.
        offset = _offset_s(lake, span[0])
        begin = f'floor((epoch("at") + {offset}) / {width_s}) * {width_s} - {offset}'
    own = {name: column if name in query.by else "NULL" for name, column in (("class", "object"), ("direction", "direction"))}
    sql = f"""
SELECT camera, line, {begin} AS bin, {own["class"]} AS object, {own["direction"]} AS direction, count(*) AS n, sum(pcu::DOUBLE) AS pcu
FROM counts WHERE epoch("at") >= ? AND epoch("at") < ? AND (? IS NULL OR line = ?)
GROUP BY ALL ORDER BY camera, line, bin, object, direction"""
    found = lake.rows(sql, ["counts"], [*span, query.line, query.line], cameras=wanted, span=span) if wanted else []
    rows = [
        CountRow(
            r["camera"],
            r["line"],
            span[0] if r["bin"] is None else max(r["bin"], span[0]),
            span[1] if r["bin"] is None else min(r["bin"] + width_s, span[1]),
            r["object"],
            r["direction"],
            r["n"],
            r["pcu"],
        )
        for r in found
    ]
    rules = {c: _identities(known[c], lambda rule: _counts(rule, query.line)) for c in wanted if c in known}
    blind = _uncounted(query.line, {c for c in rules if not rules[c]} - {r.camera for r in rows}, wanted, known) if query.line else {}
    return CountAnswer(tuple(rows), coverage(lake, wanted, span, needs=Needs(None, "line_count", blind, rules), known=known))


def _counts(rule: RuleConfig, line: str | None) -> bool:
    return rule.kind == "line_count" and (line is None or line in rule.lines_used())


def _uncounted(line: str, lost: set[str], wanted: Sequence[str], known: Mapping[str, Camera]) -> dict[str, tuple[str, str]]:
    """Cameras that have never counted a line; refused where that is all of them."""
    if lost and lost == set(wanted):
        counted = sorted({name for c in lost for rule in known[c].rules if rule.kind == "line_count" for name in rule.lines_used()})
        raise Refused(
            en=f"No rule counts the line {line}; counted are: {', '.join(counted) or 'none'}. "
            f"Add {{kind: line_count, line: {line}}} to the camera's rules and run `matthan index`, which decodes nothing.",
            vi=f"Không có luật nào đếm vạch {line}; các vạch được đếm: {', '.join(counted) or 'chưa có'}. "
            f"Hãy thêm {{kind: line_count, line: {line}}} vào rules của camera rồi chạy `matthan index` (không giải mã lại phim).",
        )
    return dict.fromkeys(lost, (f"no rule of the camera counts the line {line}", f"không có luật nào của camera đếm vạch {line}"))


def _width(by: Sequence[str]) -> float:
    """Seconds of the one width of time among `by`, 0 where there is none."""
    widths = []
    for name in by:
        found = re.fullmatch(r"(\d*)(min|h|day)", name)
        if found and found[1] != "0":
            widths.append(float(found[1] or 1) * {"min": 60, "h": 3600, "day": 86400}[found[2]])
        elif name not in ("class", "direction"):
            raise unknown("thing to count by", "cách gộp", name, ["class", "direction", "15min", "1h", "day"])
    if len(widths) > 1:
        raise Refused(en="Count by one width of time, not several.", vi="Chỉ gộp theo một khoảng thời gian, không phải nhiều.")
    return widths[0] if widths else 0.0


def _offset_s(lake: Lake, at: float) -> float:
    from datetime import datetime

    offset = datetime.fromtimestamp(at, lake.settings.zone).utcoffset()
    return offset.total_seconds() if offset else 0.0


def _understood(lake: Lake, query: Query, known: Mapping[str, Camera]) -> _Asked:
    cameras, unplaced = _near(_cameras(lake, query.cameras, known), query.near, known)
    kinds = [kind for kind in registry.kinds() if kind != "line_count"]
    events = query.event is not None
    kind = event_kind(query.event, kinds) if query.event is not None and query.event != "any" else None
    if query.zone is not None:
        zones = {zone for c in cameras if c in known for zone in known[c].zones}
        if all(c in known for c in cameras) and cameras and query.zone not in zones:
            raise unknown("zone", "vùng", query.zone, zones)
    asked = _Asked(
        cameras=(*cameras, *unplaced),
        span=_span(lake, (*cameras, *unplaced), query.start, query.end, known),
        object=object_name(query.object) if query.object else None,
        colour=colour_name(query.colour) if query.colour else None,
        kind=kind,
        events=events,
        direction=direction_name(query.direction) if query.direction else None,
    )
    if asked.direction in BEARINGS:
        lost = {c for c in cameras if c not in known or (at := known[c].location) is None or at.heading_deg is None}
        asked.blind.update(
            _blind(
                cameras,
                lost,
                "compass directions need location.heading_deg in the camera's file; or ask for up, down, left, right",
                "hướng la bàn cần location.heading_deg trong tệp camera; hoặc hỏi up, down, left, right",
            )
        )
    if query.min_speed_kmh is not None:
        lost = {c for c in cameras if c not in known or known[c].ground is None}
        asked.blind.update(_blind(cameras, lost, "speeds need `ground:` in the camera's file", "tốc độ cần mục `ground:` trong tệp camera"))
    asked.blind.update(dict.fromkeys(unplaced, ("no location in the camera's file", "tệp camera không ghi vị trí (location)")))
    return asked


def _rules(asked: _Asked, known: Mapping[str, Camera]) -> dict[str, frozenset[str]]:
    """The rules, by camera, that must have been folded to know of the events asked for."""

    def meant(rule: RuleConfig) -> bool:
        of_kind = rule.kind == asked.kind if asked.kind else rule.kind != "line_count"
        return of_kind and (asked.object is None or not rule.objects_used() or asked.object in rule.objects_used())

    return {c: _identities(known[c], meant) for c in asked.cameras if c in known}


def _identities(camera: Camera, meant: Callable[[RuleConfig], bool]) -> frozenset[str]:
    return frozenset(i for rule, i in zip(camera.rules, camera.rule_identities(), strict=True) if meant(rule))


def _blind(cameras: Sequence[str], lost: set[str], en: str, vi: str) -> dict[str, tuple[str, str]]:
    """Cameras that cannot tell; refused where that is all of them, because the answer would be an empty nothing."""
    if cameras and lost == set(cameras):
        names = ", ".join(sorted(lost))
        raise Refused(en=f"{names}: {en}.", vi=f"{names}: {vi}.")
    return dict.fromkeys(lost, (en, vi))


def _cameras(lake: Lake, asked: Sequence[str], known: Mapping[str, Camera]) -> tuple[str, ...]:
    """The cameras meant, of those that have a file or footage."""
    there = set(known)
    if not asked or not set(asked) <= there:
        there |= lake.cameras(asked)
    for camera in asked:
        if camera not in there:
            raise unknown("camera", "camera", camera, there)
    return tuple(dict.fromkeys(asked)) or tuple(sorted(there))


def _near(
    meant: tuple[str, ...], near: tuple[float, float, float] | None, known: Mapping[str, Camera]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Those of the cameras that are near a place, and those of which nobody knows where they are.

    Raises:
        Refused: none is near, or of none it is known.
    """
    if near is None or not meant:
        return meant, ()
    lat, lon, reach_m = near
    away_m = {c: distance_m(lat, lon, at.lat, at.lon) for c in meant if c in known and (at := known[c].location) is not None}
    if not away_m:
        raise Refused(
            en="No asked camera has a location in its file, so none is near anything. Add location: {lat: …, lon: …}.",
            vi="Không camera nào có vị trí trong tệp, nên không tìm theo vị trí được. Hãy thêm location: {lat: …, lon: …}.",
        )
    within = tuple(c for c in away_m if away_m[c] <= reach_m)
    if not within:
        nearest = min(away_m, key=lambda c: away_m[c])
        raise Refused(
            en=f"No camera is within {reach_m:g} m of {lat:g},{lon:g}; the nearest is {nearest}, {away_m[nearest]:.0f} m away.",
            vi=f"Không có camera nào trong vòng {reach_m:g} m quanh {lat:g},{lon:g}; gần nhất là {nearest}, cách {away_m[nearest]:.0f} m.",
        )
    return within, tuple(c for c in meant if c not in away_m)


def distance_m(lat1: float, lon1: float, lat2: float, lon2: float) -> float:
    """Metres along a great circle (haversine).

    >>> round(distance_m(21.0, 105.0, 21.0, 105.01))
    1038
    """
    a, b = math.radians(lat1), math.radians(lat2)
    h = math.sin((b - a) / 2) ** 2 + math.cos(a) * math.cos(b) * math.sin(math.radians(lon2 - lon1) / 2) ** 2
    return 2 * _EARTH_M * math.asin(math.sqrt(h))


def _span(lake: Lake, cameras: Sequence[str], start: float | None, end: float | None, known: Mapping[str, Camera]) -> Span:
    """The asked time; an open end is where the cameras' footage ends, by true time: their clocks may be off."""
    if start is None or end is None:
        sql = 'SELECT camera, epoch(min(start)) AS first, epoch(max("end")) AS last FROM footage GROUP BY camera'
        late = {camera: known[camera].clock_offset_s for camera in known}
        edges = [
            (r["first"] + late.get(r["camera"], 0.0), r["last"] + late.get(r["camera"], 0.0))
            for r in lake.rows(sql, ["footage"], cameras=cameras)
        ]
        start = min((first for first, _ in edges), default=0.0) if start is None else start
        end = max([start, *(last for _, last in edges)]) if end is None else end
    if end < start:
        raise Refused(
            en="The time range is reversed: its end lies before its start. Swap them.",
            vi="Khoảng thời gian bị ngược: kết thúc trước khi bắt đầu. Hãy đổi chỗ.",
        )
    return start, end


_COMMON = """t.camera AS camera, epoch(t.start) AS start, epoch(t."end") AS "end", t.object AS object, t.colour AS colour,
    t.confidence::DOUBLE AS confidence, t.box_at AS box_at, t.box AS box, t.chunk AS chunk"""
_COLUMNS = {
    "tracks": f"t.track AS key, {_COMMON}, t.heading_deg, t.distance_px, t.speed_kmh, t.zones",
    "events": f"t.event AS key, {_COMMON}, t.kind, t.tracks, t.evidence",
}


def _rows(
    connection: "duckdb.DuckDBPyConnection", query: Query, asked: _Asked, known: Mapping[str, Camera]
) -> tuple[list[dict[str, Any]], int]:
    """The hits' rows in order of time, and how many there are without the limit."""
    parts: list[str] = []
    values: list[object] = []

    def also(condition: str, *given: object) -> None:
        parts.append(condition)
        values.extend(given)

    table = "events" if asked.events else "tracks"
    # An event's direction, speed and place beyond its own zone are those of its main track.
    joined = " LEFT JOIN tracks m ON m.camera = t.camera AND m.track = t.tracks[1]" if asked.events and _of_track(query) else ""
    main = "m" if asked.events else "t"
    if asked.object:
        also("t.object = ?", asked.object)
    if asked.colour:
        also("t.colour = ?", asked.colour)
    if asked.kind:
        also("t.kind = ?", asked.kind)
    if query.zone is not None:
        also(f"({'t.zone = ? OR ' if asked.events else ''}list_contains({main}.zones, ?))", *[query.zone] * (2 if asked.events else 1))
    if query.min_speed_kmh is not None:
        own = "coalesce(try_cast(json_extract_string(t.evidence, '$.speed_kmh') AS DOUBLE), m.speed_kmh)" if asked.events else "t.speed_kmh"
        also(f"{own} >= ?", query.min_speed_kmh)
    if query.min_duration_s is not None:
        also("""epoch(t."end") - epoch(t.start) >= ?""", query.min_duration_s)
    if asked.blind:
        also(f"t.camera NOT IN ({', '.join('?' * len(asked.blind))})", *asked.blind)
    turned = ""
    if asked.direction:
        also(f"{main}.heading_deg IS NOT NULL")
        turned = f", {main}.heading_deg AS turned_deg, {main}.box AS turned_box"
    where = f" WHERE {' AND '.join(parts)}" if parts else ""
    limit = f" LIMIT {int(query.limit)}" if query.limit is not None and not asked.direction else ""
    sql = f"SELECT {_COLUMNS[table]}{turned}, count(*) OVER () AS total FROM {table} t{joined}{where} ORDER BY t.start, key{limit}"
    rows = fetch(connection, sql, values)
    if asked.direction:
        rows = [row for row in rows if heads(asked.direction, row["turned_deg"], row["turned_box"], known.get(row["camera"]))]
        return rows[: query.limit], len(rows)
    return rows, rows[0]["total"] if rows else 0


def _of_track(query: Query) -> bool:
    """Whether the query asks what only a track's row says."""
    return bool(query.direction or query.zone is not None or query.min_speed_kmh is not None)


def heads(direction: str, heading_deg: float, box: Sequence[float], camera: Camera | None) -> bool:
    """Whether an object goes in a direction: within 22.5° of N, NE, …, within 45° of up, down, left, right.

    Args:
        heading_deg: in the picture, clockwise from up.
        box: where it was, pixels of the camera's resolution; on a ground plane the same way in the picture points elsewhere
            on the ground from place to place.
    """
    if direction in PICTURE_DEG:
        return _apart_deg(heading_deg, PICTURE_DEG[direction]) <= 45.0
    if camera is None or camera.location is None or camera.location.heading_deg is None:
        return False
    bearing = camera.location.heading_deg + _ground_deg(heading_deg, box, camera)
    return _apart_deg(bearing, BEARINGS[direction]) <= 22.5


def _ground_deg(heading_deg: float, box: Sequence[float], camera: Camera) -> float:
    """Degrees clockwise from the ground's +y; from up in the picture where there is no ground. NaN above the horizon."""
    if camera.plane is None:
        return heading_deg
    turn = math.radians(heading_deg)
    x, y = (box[0] + box[2]) / 2, box[3]
    a, b = camera.plane.to_metres([(x, y), (x + 2 * math.sin(turn), y - 2 * math.cos(turn))])
    return math.degrees(math.atan2(b[0] - a[0], b[1] - a[1]))


def _apart_deg(a: float, b: float) -> float:
    return abs((a - b + 180.0) % 360.0 - 180.0)


def shown_for(rows: Sequence[Mapping[str, Any]]) -> Span | None:
    """From where to where files are needed to show these hits; they may begin before what was asked and end after it."""
    return (min(r["start"] for r in rows), max(r["end"] for r in rows)) if rows else None


def as_hit(table: str, row: Mapping[str, Any], there: Looks, known: Mapping[str, Camera]) -> Hit:
    event = table == "events"
    evidence = json.loads(row["evidence"]) if event else _track_evidence(row)
    box = tuple(row["box"]) if row["box"] else None
    start, end = row["start"], row["end"]
    shows = _file_at(there, row, start)
    looks = _file_at(there, row, row["box_at"]) if row["box_at"] is not None else None
    clip = thumbnail = None
    if shows:
        a, b = max(start - CLIP_S - shows["start"], 0.0), min(end + CLIP_S, shows["end"]) - shows["start"]
        clip = f"{shows['uri']}#t={_seconds(a)},{_seconds(max(b, a))}"
    if looks and box:
        thumbnail = (
            f"{looks['uri']}#t={_seconds(row['box_at'] - looks['start'])}&xywh=pixel:{_in_file(box, looks, known.get(row['camera']))}"
        )
    return Hit(
        id=f"{'e' if event else 't'}{row['key']:016x}",
        type="event" if event else "track",
        camera=row["camera"],
        start=start,
        end=end,
        object=row["object"],
        colour=row["colour"],
        confidence=row["confidence"],
        event=row["kind"] if event else None,
        evidence=evidence,
        tracks=tuple(row["tracks"]) if event else (row["key"],),
        box=box,
        box_at=row["box_at"],
        footage=shows["uri"] if shows else None,
        footage_start=shows["start"] if shows else None,
        thumbnail=thumbnail,
        clip=clip,
    )


def _track_evidence(row: Mapping[str, Any]) -> dict[str, Any]:
    rounded = {name: None if row[name] is None else round(row[name], 1) for name in ("heading_deg", "distance_px", "speed_kmh")}
    return {**rounded, "zones": row["zones"], "duration_s": round(row["end"] - row["start"], 3)}


def _file_at(there: Looks, row: Mapping[str, Any], at: float) -> Mapping[str, Any] | None:
    """The file that shows a moment: where several do, the one that the row's chunk was cut from."""
    shown = [f for f in there.files if f["camera"] == row["camera"] and not f["error"] and f["start"] - 1e-3 <= at <= f["end"] + 1e-3]
    if len(shown) > 1:
        own = {look["footage"] for look in there.looks if look["chunk"] == row["chunk"] and look["camera"] == row["camera"]}
        shown.sort(key=lambda f: f["footage"] not in own)
    return shown[0] if shown else None


def _in_file(box: Sequence[float], file: Mapping[str, Any], camera: Camera | None) -> str:
    """x,y,width,height in pixels of the file, which may have another size than the camera's resolution."""
    sx = file["width"] / camera.resolution[0] if camera else 1.0
    sy = file["height"] / camera.resolution[1] if camera else 1.0
    x, y = max(round(box[0] * sx), 0), max(round(box[1] * sy), 0)
    return f"{x},{y},{max(round(box[2] * sx) - x, 1)},{max(round(box[3] * sy) - y, 1)}"


def _seconds(value: float) -> str:
    return f"{max(value, 0.0):.3f}".rstrip("0").rstrip(".")
