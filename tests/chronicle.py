"""Rows of the lake's tables for tests: what matters is given, the rest has harmless values."""

from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from cluster.lake import Lake

T0 = datetime(2026, 11, 1, 1, 0, tzinfo=UTC).timestamp()
"""2026-11-01 08:00 in Hà Nội; media time, s."""

_DEFAULTS: dict[str, Any] = {
    "camera": "a", "footage": "f" * 64, "chunk": "k0", "commit": "c0", "run": "r0",
    "state": "seen", "reason": None, "sight": "s", "fold": "f", "rules": "", "models": ["street"], "weights": ["w"], "backend": "b",
    "classes": ["person", "bicycle", "motorcycle", "car", "bus", "truck"], "detections": 1, "brightness": None, "written_at": T0,
    "uri": "file:///footage/a.mp4", "codec": "h264", "width": 1280, "height": 720, "fps": 30.0, "bytes": 1, "start_from": "given",
    "error": None, "removed": False, "added_at": T0,
    "track": 1, "object": "car", "colour": None, "confidence": 0.5, "heading_deg": None, "distance_px": 0.0, "speed_kmh": None,
    "zones": [], "box_at": T0, "box": [1.0, 2.0, 3.0, 4.0], "x1": 0.0, "y1": 0.0, "x2": 1.0, "y2": 1.0,
    "event": 1, "kind": "wrong_way", "rule": "wrong_way-1-0", "ongoing": False, "tracks": [], "zone": None, "evidence": "{}",
    "line": "across", "direction": "in", "pcu": 1.0, "name": "scene", "value": 0.0,
    "start": T0, "end": T0 + 1, "at": T0, "known_at": T0,
    "job": "index", "arguments": "{}", "host": "h", "footage_s": 0.0, "cpu_s": None,
}  # fmt: skip


def rows(lake: Lake, table: str, *given: dict[str, Any]) -> pa.Table:
    """Rows of a table; moments are given in seconds since the epoch."""
    schema = lake.schema(table)
    columns = {}
    for field in schema:
        if field.name == "day":
            moment = "start" if "start" in schema.names else "at"
            values = [datetime.fromtimestamp(g.get(moment, _DEFAULTS[moment]), UTC).strftime("%Y-%m-%d") for g in given]
        elif table == "signals" and field.name == "track":
            values = [g.get("track") for g in given]
        elif table == "signals" and field.name == "zone":
            values = [g.get("zone", "") for g in given]
        else:
            values = [g.get(field.name, _DEFAULTS[field.name]) for g in given]
        if pa.types.is_timestamp(field.type):
            values = [round(v * 1e6) for v in values]
        columns[field.name] = pa.array(values, field.type)
    unknown = {key for g in given for key in g} - set(schema.names)
    assert not unknown, f"{table} has no {unknown}"
    return pa.table(columns, schema=schema)
