"""Merging a day's small files into few sorted ones, without the rows that no reader will ever see again.

Only `cluster/lake.py` uses this.
"""

import logging
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from analytics.tables import Table
from cluster import views
from cluster.delta import DeltaLog, NewFile, file_stats

if TYPE_CHECKING:
    import duckdb

    from cluster.lake import Lake

ROWS_A_GROUP = 16_384
"""About two hours of a busy camera: what a search for one reads."""
ROWS_A_FILE = 128 * ROWS_A_GROUP
RUNS_A_DAY = 6
"""Sorted runs that a day may consist of before all of it is merged into one."""
TIDY_FILES = 16
"""Small files of a day that are worth a merge while indexing goes on."""
_SORTED = "sorted-"
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Rewritten:
    """What compaction did with one day of one table.

    Attributes:
        day: None for a table that is not partitioned.
        dropped: rows that no reader would have seen again.
    """

    table: str
    day: str | None
    files_before: int
    files_after: int
    rows: int
    dropped: int


def days(delta: DeltaLog) -> list[str | None]:
    """The partitions that have files."""
    return sorted({file.day for file in delta.files()}, key=str)


def tidy(lake: "Lake", delta: DeltaLog) -> None:
    """Merges the small files of each day that has gathered many; leaves the sorted ones as they are."""
    for day, count in Counter(file.day for file in delta.files() if _run(file.path) is None).items():
        if count >= TIDY_FILES:
            rewrite(lake, delta, day, orphan_h=24.0, fresh_only=True)


def rewrite(lake: "Lake", delta: DeltaLog, day: str | None, *, orphan_h: float, fresh_only: bool = False) -> Rewritten:
    """Merges what has not been merged, and drops what is dead, in one commit. Others may write and read meanwhile.

    Args:
        orphan_h: rows whose commit coverage never named are dropped once their file is this old; until then somebody may be
            about to name it.
        fresh_only: looks at no file that has been sorted before.
    """
    table = delta.table
    files = [file for file in delta.files() if file.day == day and not (fresh_only and _run(file.path))]
    local = dict(zip((f.path for f in files), lake.local(table.name, [f.path for f in files]), strict=True))
    rows = sum(f.rows for f in files)
    young = [local[f.path] for f in files if f.written_at > time.time() - orphan_h * 3600]
    with lake.connect([]) as connection:
        alive = _prepare(connection, lake, table, list(local.values()), young)
        dead = dict(connection.execute(f"SELECT filename, count(*) FROM every_row t WHERE NOT ({alive}) GROUP BY 1").fetchall())
        paths = [path for path in local if _run(path) is None or local[path] in dead]
        if len({_run(path) for path in local if path not in paths}) >= RUNS_A_DAY:
            paths = list(local)
        if not dead and sum(f.rows for f in files if f.path in paths) <= ROWS_A_GROUP and len(paths) < 2:
            return Rewritten(table.name, day, len(files), len(files), rows, 0)
        chosen = ", ".join(views.text(local[path]) for path in paths)
        columns = [name for name in table.columns if name not in table.partition]
        order = f"ORDER BY {', '.join(map(_quoted, table.sort))}" if table.sort else ""
        query = f"SELECT {', '.join(map(_quoted, columns))} FROM every_row t WHERE filename IN ({chosen}) AND ({alive}) {order}"
        schema = pa.schema([delta.schema.field(name) for name in columns])
        reader = connection.sql(query).to_arrow_reader(ROWS_A_GROUP)
        lake.settings.cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=lake.settings.cache, prefix="compact-") as folder:
            new = [_put(lake, delta, day, path) for path in _written(reader, schema, Path(folder))]
    if not delta.replace(paths, new):
        log.info("%s %s: somebody else compacted it meanwhile", table.name, day)
        for file in new:
            lake.store.delete(f"{delta.folder}/{file.path}")
        return Rewritten(table.name, day, len(files), len(files), rows, 0)
    dropped = sum(dead.values())
    return Rewritten(table.name, day, len(files), len(files) - len(paths) + len(new), rows - dropped, dropped)


def _prepare(connection: "duckdb.DuckDBPyConnection", lake: "Lake", table: Table, files: list[str], young: list[str]) -> str:
    """Makes `every_row`, with the file each row is in, and what decides which live; returns the condition for a row `t`."""
    hive = "hive_partitioning = true, hive_types = {'day': VARCHAR}" if table.partition else "hive_partitioning = false"
    listed = ", ".join(map(views.text, files))
    connection.execute(f"CREATE TEMP VIEW every_row AS SELECT * FROM read_parquet([{listed}], {hive}, filename = true)")
    if "commit" not in table.columns:
        return "true"
    for name in ("footage", "coverage"):
        where = "chunk IN (SELECT DISTINCT chunk FROM every_row)" if name == "coverage" else "true"
        lake.view_all(connection, name, where)
    views.create_live(connection, whole=table.name == "coverage")
    if table.name == "coverage":
        connection.execute(f"CREATE TEMP VIEW held AS {views.view('coverage', 'true')}")
        return 'EXISTS (SELECT 1 FROM held k WHERE k.camera = t.camera AND k.chunk = t.chunk AND k."commit" = t."commit")'
    connection.execute('CREATE TEMP TABLE named AS SELECT DISTINCT camera, chunk, "commit" FROM coverage_all')
    cls = "coalesce(t.object, '')" if "object" in table.columns else "''"
    same = 'l.camera = t.camera AND l.chunk = t.chunk AND l."commit" = t."commit"'
    may_come = f"t.filename IN ({', '.join(map(views.text, young))})" if young else "false"
    return (
        f"EXISTS (SELECT 1 FROM live l WHERE {same} AND l.object = {cls})"
        f" OR (NOT EXISTS (SELECT 1 FROM named l WHERE {same}) AND {may_come})"
    )


def _written(batches: Iterable[pa.RecordBatch], schema: pa.Schema, folder: Path) -> Iterator[Path]:
    """Writes record batches, one a row group, into files of at most `ROWS_A_FILE` rows; yields each when it is whole."""
    writer: pq.ParquetWriter | None = None
    run, number, rows, path = uuid.uuid4().hex, 0, 0, folder
    for batch in batches:
        if writer is None:
            path = folder / f"{_SORTED}{run}-{number:04}.parquet"
            writer = pq.ParquetWriter(path, schema, compression="zstd")
        writer.write_table(pa.Table.from_batches([batch]).cast(schema), row_group_size=ROWS_A_GROUP)
        rows += batch.num_rows
        if rows >= ROWS_A_FILE:
            writer.close()
            yield path
            writer, rows, number = None, 0, number + 1
    if writer is not None:
        writer.close()
        yield path


def _put(lake: "Lake", delta: DeltaLog, day: str | None, path: Path) -> NewFile:
    name = f"day={day}/{path.name}" if day else path.name
    lake.store.put(f"{delta.folder}/{name}", path)
    new = NewFile(name, path.stat().st_size, day, file_stats(path, delta.table))
    path.unlink()
    return new


def _run(path: str) -> str | None:
    """The sorted run that a file belongs to; None where it was never sorted."""
    name = path.rpartition("/")[2]
    return name.removeprefix(_SORTED).partition("-")[0] if name.startswith(_SORTED) else None


def _quoted(name: str) -> str:
    return f'"{name}"'
