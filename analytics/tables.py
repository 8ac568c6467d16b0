"""The lake's tables, declared once: columns, types, units. Writers, readers and tests use this.

Rows of a chunk carry `commit`, the name of the write that brought them. Readers see only commits that `coverage` names.
A track or an event that goes on over a chunk's edge has a row in each chunk; the one with the latest `end` is whole.
"""

from dataclasses import dataclass

SCHEMA_VERSION = 1
"""Kept in each table's metadata. A table of a later version is refused; of an earlier one, migrated or refused."""


@dataclass(frozen=True, slots=True)
class Column:
    """`type` is Arrow's name: string, int64, float64, float32, bool, timestamp (µs, UTC), list<string>, list<int64>, list<float32>."""

    type: str
    about: str
    null: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """`partition` is empty or ("day",): the UTC day, "YYYY-MM-DD", of the row's start. `sort` orders the rows of a file."""

    name: str
    columns: dict[str, Column]
    partition: tuple[str, ...] = ()
    sort: tuple[str, ...] = ()


_CAMERA = {"camera": Column("string", "camera id")}
_KEPT = {
    "chunk": Column("string", "id of the chunk of footage"),
    "commit": Column("string", "the write that brought this row"),
    "day": Column("string", "UTC day of the row's start, YYYY-MM-DD"),
}

FOOTAGE = Table(
    "footage",
    {
        **_CAMERA,
        "footage": Column("string", "SHA-256 of the file, hex"),
        "uri": Column("string", "file:///… or s3://bucket/key"),
        "start": Column("timestamp", "media time of the first frame"),
        "end": Column("timestamp", "media time after the last frame"),
        "codec": Column("string", "h264, hevc, mjpeg, …; empty where nothing could be read"),
        "width": Column("int64", "px, after rotation"),
        "height": Column("int64", "px, after rotation"),
        "fps": Column("float64", "mean frames a second"),
        "bytes": Column("int64", "size of the file"),
        "start_from": Column("string", "given | name | container | file: where the start time came from"),
        "error": Column("string", "why it cannot be read", null=True),
        "removed": Column("bool", "true where this row takes the footage out of the register"),
        "added_at": Column("timestamp", "when this row was written; the latest row of a footage and camera holds"),
    },
)

COVERAGE = Table(
    "coverage",
    {
        **_CAMERA,
        "footage": Column("string", "SHA-256 of the file"),
        "chunk": Column("string", "id of the chunk of footage"),
        "start": Column("timestamp", "media time"),
        "end": Column("timestamp", "media time"),
        "state": Column("string", "seen | unread | empty: nothing was recorded"),
        "reason": Column("string", "why it was not seen", null=True),
        "sight": Column("string", "identity of what saw: footage, weights, sight parameters"),
        "fold": Column("string", "identity of the fold: sight, rules, state it started from"),
        "rules": Column("string", "identities of the rules that were folded, joined by commas"),
        "models": Column("list<string>", "names of the models that looked"),
        "weights": Column("list<string>", "SHA-256 of their weights"),
        "backend": Column("string", "backend and precision that ran them; recorded, not part of the identity"),
        "classes": Column("list<string>", "what those models can find"),
        "detections": Column("int64", "frames at which the detector looked"),
        "brightness": Column("float32", "mean luma, 0..255", null=True),
        "commit": Column("string", "the write whose rows hold for this chunk"),
        "run": Column("string", "the run that wrote it"),
        "written_at": Column("timestamp", "the latest row of a camera and chunk holds"),
        "day": Column("string", "UTC day of start"),
    },
    partition=("day",),
    sort=("camera", "start"),
)

POINTS = Table(
    "points",
    {
        **_CAMERA,
        "track": Column("int64", "track id"),
        "at": Column("float64", "media time, seconds since the epoch"),
        "known_at": Column("float64", "media time of the scene that brought it"),
        "x1": Column("float32", "px of the camera's resolution"),
        "y1": Column("float32", "px"),
        "x2": Column("float32", "px"),
        "y2": Column("float32", "px"),
        "object": Column("string", "class by the votes so far"),
        "colour": Column("string", "colour by the votes so far", null=True),
        "confidence": Column("float64", "mean of the detections so far"),
        **_KEPT,
    },
    partition=("day",),
    sort=("camera", "known_at", "track", "at"),
)

SIGNALS = Table(
    "signals",
    {
        **_CAMERA,
        "at": Column("float64", "media time of the scene"),
        "zone": Column("string", "zone or traffic signal; empty for the picture"),
        "name": Column("string", "name of the number; `scene` has one row a scene, `ended` one a track that ended (its id in `track`)"),
        "value": Column("float64", "the number"),
        "track": Column("int64", "for `ended`", null=True),
        **_KEPT,
    },
    partition=("day",),
    sort=("camera", "at"),
)

TRACKS = Table(
    "tracks",
    {
        **_CAMERA,
        "track": Column("int64", "track id"),
        "start": Column("timestamp", "first seen"),
        "end": Column("timestamp", "last seen"),
        "object": Column("string", "class, voted over its life"),
        "colour": Column("string", "colour, voted over its life", null=True),
        "confidence": Column("float32", "mean confidence"),
        "heading_deg": Column("float32", "direction in the picture, clockwise from up, 0..360; null where it stood", null=True),
        "distance_px": Column("float32", "from first to last place"),
        "speed_kmh": Column("float32", "median over its life; null without ground", null=True),
        "zones": Column("list<string>", "zones it was in"),
        "box_at": Column("float64", "media time of its best look"),
        "box": Column("list<float32>", "x1, y1, x2, y2 at that time, px"),
        **_KEPT,
    },
    partition=("day",),
    sort=("camera", "start"),
)

EVENTS = Table(
    "events",
    {
        **_CAMERA,
        "event": Column("int64", "event id"),
        "kind": Column("string", "kind of rule"),
        "rule": Column("string", "identity of the rule"),
        "start": Column("timestamp", "media time"),
        "end": Column("timestamp", "media time"),
        "ongoing": Column("bool", "not over at the chunk's end"),
        "tracks": Column("list<int64>", "tracks concerned, the main one first"),
        "object": Column("string", "class of the main track", null=True),
        "colour": Column("string", "colour of the main track", null=True),
        "confidence": Column("float32", "0..1"),
        "zone": Column("string", "zone or line", null=True),
        "box_at": Column("float64", "where to look: media time", null=True),
        "box": Column("list<float32>", "and place, px", null=True),
        "evidence": Column("string", "JSON: the numbers that decided it, and model, weights, configuration"),
        **_KEPT,
    },
    partition=("day",),
    sort=("camera", "start"),
)

COUNTS = Table(
    "counts",
    {
        **_CAMERA,
        "line": Column("string", "the line's name"),
        "at": Column("timestamp", "media time of the crossing"),
        "track": Column("int64", "track id"),
        "object": Column("string", "class"),
        "direction": Column("string", "in, out, or the line's own names"),
        "pcu": Column("float32", "passenger-car units"),
        "rule": Column("string", "identity of the rule"),
        **_KEPT,
    },
    partition=("day",),
    sort=("camera", "at"),
)

RUNS = Table(
    "runs",
    {
        "run": Column("string", "id of the run"),
        "job": Column("string", "index, rewind, compact, …"),
        "state": Column("string", "started | done | failed | stopped; the latest row of a run holds"),
        "arguments": Column("string", "JSON"),
        "host": Column("string", "where its driver ran"),
        "footage_s": Column("float64", "seconds of footage it looked at"),
        "cpu_s": Column("float64", "CPU-seconds of its workers", null=True),
        "written_at": Column("timestamp", "when this row was written"),
    },
)

TABLES: dict[str, Table] = {t.name: t for t in (FOOTAGE, COVERAGE, POINTS, SIGNALS, TRACKS, EVENTS, COUNTS, RUNS)}
CHUNK_TABLES: tuple[str, ...] = ("points", "signals", "tracks", "events", "counts")
"""Written for each chunk, in this order, before its row in `coverage` makes them visible."""
