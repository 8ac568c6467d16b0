"""The SQL that makes readers see exactly the rows that `coverage` names. Only `cluster/lake.py` uses this."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from analytics.tables import TABLES, Table

if TYPE_CHECKING:
    import duckdb

_DUCK = {
    "string": "VARCHAR",
    "int64": "BIGINT",
    "float64": "DOUBLE",
    "float32": "FLOAT",
    "bool": "BOOLEAN",
    "timestamp": "TIMESTAMPTZ",
}
LIVE_SLACK_S = 600.0
"""A chunk's rows may reach this far past its end (overlap of neighbours); rows of earlier chunks cannot matter to a span."""

ONE_ROW_EACH = {"tracks": "track", "events": "event"}
"""Tables in which a thing has a row in every chunk that it reaches into; the one with the latest end is whole."""


def times_of(table: Table) -> tuple[str, str]:
    """The columns of a row's first and last moment; empty names where the table is not about moments."""
    if "start" in table.columns:
        return "start", "end"
    return ("at", "at") if "at" in table.columns else ("", "")


def text(value: str) -> str:
    """A text as SQL."""
    return "'" + value.replace("'", "''") + "'"


def moment(table: Table, column: str, at: float) -> str:
    """A media time as SQL of the column's type."""
    if table.columns[column].type == "float64":
        return f"{at!r}::DOUBLE"
    return f"TIMESTAMPTZ {text(datetime.fromtimestamp(at, UTC).isoformat(sep=' ', timespec='microseconds'))}"


def raw(table: Table, files: Sequence[str], where: str) -> str:
    """All rows of the listed files, or none, with the declared columns."""
    if not files:
        nothing = ", ".join(f'CAST(NULL AS {_duck_type(c.type)}) AS "{name}"' for name, c in table.columns.items())
        return f"SELECT {nothing} WHERE false"
    hive = "hive_partitioning = true, hive_types = {'day': VARCHAR}" if table.partition else "hive_partitioning = false"
    names = ", ".join(f'"{name}"' for name in table.columns)
    return f"SELECT {names} FROM read_parquet([{', '.join(map(text, files))}], {hive}) WHERE {where}"


def condition(
    table: Table, cameras: Sequence[str] | None, span: tuple[float, float] | None, days: tuple[str, str] | None, *, open_end: bool = False
) -> str:
    """The rows asked for. `open_end`: what begins after the span is wanted too."""
    parts = ["true"]
    if cameras is not None and "camera" in table.columns:
        parts.append(f"camera IN ({', '.join(map(text, cameras))})" if cameras else "false")
    first, last = times_of(table)
    if span and first:
        parts.append(f'"{last}" >= {moment(table, last, span[0])}')
        if not open_end:
            parts.append(f'"{first}" < {moment(table, first, span[1])}')
    if days and "day" in table.columns and not open_end:
        parts.append(f"day BETWEEN {text(days[0])} AND {text(days[1])}")
    return " AND ".join(parts)


KEPT = """
WITH gone AS (SELECT camera, footage, max(added_at) AS removed_at FROM footage_all WHERE removed GROUP BY ALL),
back AS (
    SELECT camera, footage, min(f.added_at) FILTER (WHERE NOT f.removed AND f.added_at > g.removed_at) AS back_at
    FROM gone g JOIN footage_all f USING (camera, footage) GROUP BY ALL
)
SELECT {columns} FROM coverage_all c LEFT JOIN back b USING (camera, footage)
WHERE b.footage IS NULL OR c.written_at > b.back_at"""
"""Coverage but for what was written before its footage was last removed, and what a job that was under way wrote after that:
only what was written since it was registered again counts."""

LIVE = """
WITH claims AS (
    SELECT camera, chunk, unnest(list_append(classes, '')) AS object, "commit", written_at FROM kept WHERE state = 'seen'
)
SELECT DISTINCT ON (camera, chunk, object) camera, chunk, object, "commit" FROM claims
ORDER BY camera, chunk, object, written_at DESC, "commit" DESC"""
"""Which commit holds for a chunk and class: the newest that looked for the class. Class '' is for rows that have none."""


def create_live(connection: "duckdb.DuckDBPyConnection", *, whole: bool) -> None:
    """Makes the tables `kept` and `live` out of `coverage_all` and `footage_all`.

    Args:
        whole: `kept` has all columns, as the view `coverage` needs them.
    """
    columns = "c.*" if whole else 'c.camera, c.chunk, c.classes, c."commit", c.written_at, c.state'
    connection.execute(f"CREATE TEMP TABLE kept AS {KEPT.format(columns=columns)}")
    connection.execute(f"CREATE TEMP TABLE live AS {LIVE}")


_VIEWS = {
    "coverage": """
SELECT k.* FROM kept k SEMI JOIN live l ON l.camera = k.camera AND l.chunk = k.chunk AND l."commit" = k."commit"
UNION ALL
(SELECT DISTINCT ON (camera, chunk) k.* FROM kept k WHERE state <> 'seen'
    AND NOT EXISTS (SELECT 1 FROM live l WHERE l.camera = k.camera AND l.chunk = k.chunk)
ORDER BY camera, chunk, written_at DESC, "commit" DESC)""",
    "footage": """
SELECT * FROM (SELECT DISTINCT ON (camera, footage) * FROM footage_all ORDER BY camera, footage, added_at DESC) WHERE NOT removed""",
    "runs": "SELECT DISTINCT ON (run) * FROM runs_all ORDER BY run, written_at DESC",
}


def view(name: str, where: str) -> str:
    """The rows of a table that readers may see, over `<name>_all`, `footage_all`, `coverage_all` and the table `live`."""
    if name in _VIEWS:
        return f"SELECT * FROM ({_VIEWS[name]}) WHERE {where}"
    table = TABLES[name]
    if "commit" not in table.columns:
        return f"SELECT * FROM {name}_all"
    cls = "coalesce(t.object, '')" if "object" in table.columns else "''"
    seen = f"""
SELECT t.* FROM {name}_all t
SEMI JOIN live l ON l.camera = t.camera AND l.chunk = t.chunk AND l."commit" = t."commit" AND l.object = {cls}"""
    key = ONE_ROW_EACH.get(name)
    if key is None:
        return seen
    # Rows of one thing and equal end differ in nothing that matters; the hash decides between them, and not twice differently.
    rank = f'row_number() OVER (PARTITION BY {key}, camera ORDER BY "end" DESC, hash(chunk, "commit"))'
    return f"SELECT * EXCLUDE (rank) FROM (SELECT *, {rank} AS rank FROM ({seen})) WHERE rank = 1"


def _duck_type(name: str) -> str:
    return f"{_DUCK[name[5:-1]]}[]" if name.startswith("list<") else _DUCK[name]
