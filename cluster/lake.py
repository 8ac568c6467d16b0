"""The lake: its only writer and the only opener of connections. Delta keeps the tables, DuckDB reads the files that the log lists."""

import logging
import math
import threading
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from analytics.errors import Refused
from analytics.tables import CHUNK_TABLES, TABLES, Table
from cluster import views
from cluster.settings import Settings
from cluster.store import open_store

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

    from cluster.delta import DataFile, DeltaLog
    from cluster.rewrite import Rewritten

TIDY_COMMITS = 256
"""Whoever makes a table's every 256th commit merges its small files: a commit's cost, and a search's, grows with their number
(15 ms a commit at 1,000 files, 45 at 5,000)."""
log = logging.getLogger(__name__)
T = TypeVar("T")
Span = tuple[float, float]
"""From, to: media time in seconds since the epoch; `to` is not part of it."""


class Lake:
    """The tables of one store.

    Writing is safe from any number of processes. A process killed between two tables of a chunk leaves rows that no reader
    sees, and writing the chunk again (under a new commit) leaves exactly one set that readers see.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.store = open_store(settings)
        self._logs: dict[str, DeltaLog] = {}
        self._lock = threading.Lock()
        self._base: duckdb.DuckDBPyConnection | None = None
        self._cameras: tuple[int, frozenset[str]] | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return Lake, (self.settings,)

    def schema(self, table: str) -> "pa.Schema":
        """The table's columns as Arrow types."""
        from cluster.delta import arrow_schema

        return arrow_schema(_declared(table))

    def append(self, table: str, rows: "pa.Table") -> None:
        """Adds rows in one atomic commit and creates the table if need be.

        Raises:
            ValueError: columns are missing, unknown, or null where they must not be.
            Refused: the store does not take it, or the table has a later schema version; nothing is visible then.
        """
        ready = _conform(_declared(table), self.schema(table), rows)
        if ready.num_rows and self._log(table).append(ready) % TIDY_COMMITS == 0:
            self._tidy(table)

    def commit_chunk(self, tables: Mapping[str, "pa.Table"], coverage: "pa.Table") -> None:
        """Writes the rows of one or several chunks, then the coverage that makes them visible.

        Args:
            tables: rows by table, of `CHUNK_TABLES`; each row carries its chunk's `commit`.
            coverage: a row for each chunk, with that `commit`.

        Raises:
            ValueError: a row's commit is not named in `coverage`, or the rows do not fit.
            Refused: the store does not take it; no row of these chunks is visible then.
        """
        named = set(coverage["commit"].to_pylist())
        for name, rows in tables.items():
            if name not in CHUNK_TABLES:
                raise ValueError(f"commit_chunk: {name} is not a table of a chunk; those are {', '.join(CHUNK_TABLES)}")
            strays = set(rows["commit"].unique().to_pylist()) - named
            if strays:
                raise ValueError(f"commit_chunk: {name} has rows of commits that coverage does not name: {sorted(strays)[:3]}")
        for name in CHUNK_TABLES:
            if name in tables:
                self.append(name, tables[name])
        self.append("coverage", coverage)

    def connect(
        self,
        tables: Iterable[str],
        *,
        days: tuple[str, str] | None = None,
        cameras: Sequence[str] | None = None,
        span: Span | None = None,
    ) -> "duckdb.DuckDBPyConnection":
        """A connection with a view of each named table over its files as of now.

        A view `x` has the rows that readers may see; `x_all` has all. With tables of chunks come two tables: `kept`, the
        coverage of footage that was not removed, superseded looks included, and `live`, which commit holds for a camera,
        chunk and class ('' for rows without one). Files that cannot hold what is asked for are left out unread.

        Args:
            days: first and last UTC day of the rows' starts, "YYYY-MM-DD".
            cameras: only these cameras.
            span: only rows that touch this stretch of media time; of `footage` all rows, because a camera's clock may be off.
        """
        wanted = list(dict.fromkeys(tables))
        ruled = any("commit" in _declared(name).columns for name in wanted)
        connection = self._duckdb().cursor()
        for name in dict.fromkeys([*(["footage", "coverage"] if ruled else []), *wanted]):
            table = _declared(name)
            own = span if name in wanted else None
            open_end = name in ("coverage", "footage") and ruled
            if open_end and name == "coverage" and span:
                own = (span[0] - views.LIVE_SLACK_S, span[1])
            elif name == "footage":
                own = None  # what removes a chunk may be registered at another time than the chunk
            where = views.condition(table, cameras, own, days, open_end=open_end)
            files = self._files(table, cameras, own, days, open_end)
            connection.execute(f"CREATE TEMP VIEW {name}_all AS {views.raw(table, files, where)}")
        if ruled:
            views.create_live(connection, whole="coverage" in wanted)
        for name in wanted:
            asked = views.condition(TABLES[name], cameras, None if name == "footage" else span, days)
            connection.execute(f"CREATE TEMP VIEW {name} AS {views.view(name, asked)}")
        return connection

    def rows(self, sql: str, tables: Iterable[str], parameters: Sequence[object] = (), **pruned: Any) -> list[dict[str, Any]]:
        """The rows of one query, as dictionaries; `pruned` as in `connect`."""
        return list(self.arrow(sql, tables, parameters, **pruned).to_pylist())

    def arrow(self, sql: str, tables: Iterable[str], parameters: Sequence[object] = (), **pruned: Any) -> "pa.Table":
        """The rows of one query, as an Arrow table; `pruned` as in `connect`."""
        return self.ask(lambda connection: connection.sql(sql, params=list(parameters)).to_arrow_table(), tables, **pruned)

    def ask(self, act: "Callable[[duckdb.DuckDBPyConnection], T]", tables: Iterable[str], **pruned: Any) -> T:
        """What `act` makes of a connection, of one snapshot; it may be called a second time. `pruned` as in `connect`."""
        import duckdb

        wanted = list(tables)
        try:
            with self.connect(wanted, **pruned) as connection:
                return act(connection)
        except duckdb.IOException:
            # Compaction deletes files that older snapshots list, a day after; a fresh snapshot does not list them.
            with self.connect(wanted, **pruned) as connection:
                return act(connection)

    def compact(self, table: str, *, first: str | None = None, last: str | None = None, orphan_h: float = 24.0) -> Iterator["Rewritten"]:
        """Merges and sorts the small files of each UTC day, drops rows that no reader will see again; yields what it did.

        Args:
            first, last: only these days, "YYYY-MM-DD"; a table without days is done whole.
            orphan_h: after how many hours rows of a write that never finished are dropped.
        """
        from cluster.rewrite import days, rewrite

        log = self._log(table)
        for day in days(log):
            if day is None or (first or "") <= day <= (last or "9999"):
                yield rewrite(self, log, day, orphan_h=orphan_h)

    def _tidy(self, table: str) -> None:
        """Merges small files while a long job goes on. What it cannot do now, the compaction job does."""
        import duckdb

        from cluster.rewrite import tidy

        try:
            tidy(self, self._log(table))
        except (Refused, OSError, duckdb.Error) as error:
            log.info("%s was not tidied: %s", table, error)

    def vacuum(self, table: str, *, keep_h: float = 24.0) -> int:
        """Deletes files that nobody can have been using for `keep_h` hours, and shortens the log; returns how many.

        Under an hour is only safe while nobody writes: a file lies there before the log names it.
        """
        return self._log(table).vacuum(keep_h)

    def cameras(self, asked: Iterable[str] = ()) -> frozenset[str]:
        """The cameras that have footage in the register; not asked for anew where all the `asked` ones had some before."""
        if self._cameras is None or not asked or not self._cameras[1].issuperset(asked):
            version = self._log("footage").version()
            if self._cameras is None or self._cameras[0] != version:
                there = self.rows("SELECT DISTINCT camera FROM footage", ["footage"])
                self._cameras = version, frozenset(row["camera"] for row in there)
        return self._cameras[1]

    def stored_bytes(self, table: str) -> int:
        """Size of the files that the table consists of now."""
        return sum(file.size for file in self._log(table).files())

    def local(self, table: str, paths: Sequence[str]) -> list[str]:
        """Local paths of files of a table, copied from the store where need be."""
        return [str(path) for path in self.store.fetch_all([f"{self._log(table).folder}/{path}" for path in paths])]

    def view_all(self, connection: "duckdb.DuckDBPyConnection", table: str, where: str) -> None:
        """Makes the view `<table>_all` over all files of a table."""
        files = self.local(table, [file.path for file in self._log(table).files()])
        connection.execute(f"CREATE TEMP VIEW {table}_all AS {views.raw(_declared(table), files, where)}")

    def _log(self, table: str) -> "DeltaLog":
        from cluster.delta import DeltaLog

        with self._lock:
            if table not in self._logs:
                self._logs[table] = DeltaLog(_declared(table), self.settings, self.store)
            return self._logs[table]

    def _duckdb(self) -> "duckdb.DuckDBPyConnection":
        """One in-memory database a process, so that what it learned of a file is not learned again."""
        import duckdb

        with self._lock:
            if self._base is None:
                offline = {"autoinstall_known_extensions": False, "autoload_known_extensions": False}
                self._base = duckdb.connect(":memory:", config=offline)
                self._base.execute("SET GLOBAL parquet_metadata_cache = true")
                self._base.execute("SET GLOBAL TimeZone = 'UTC'")
                self._base.execute(f"SET GLOBAL temp_directory = {views.text(str(self.settings.cache / 'duckdb'))}")
            return self._base

    def _files(
        self, table: Table, cameras: Sequence[str] | None, span: Span | None, days: tuple[str, str] | None, open_end: bool
    ) -> list[str]:
        files = self._log(table.name).files()
        return self.local(table.name, prune(files, table, cameras, span, None if open_end else days, open_end=open_end))


def fetch(connection: "duckdb.DuckDBPyConnection", sql: str, parameters: Sequence[object] = ()) -> list[dict[str, Any]]:
    """The rows of a query as dictionaries. Moments have to be made numbers in it: `epoch(start)`."""
    done = connection.execute(sql, list(parameters))
    names = [column[0] for column in done.description or ()]
    return [dict(zip(names, row, strict=True)) for row in done.fetchall()]


def prune(
    files: Sequence["DataFile"],
    table: Table,
    cameras: Sequence[str] | None,
    span: Span | None,
    days: tuple[str, str] | None,
    *,
    open_end: bool = False,
) -> list[str]:
    """Paths of the files that may hold rows of these cameras, this span and these days, by the log's statistics alone."""
    if not views.times_of(table)[0]:
        span = None
    # Delta cuts times to the millisecond, so a file's last moment may be that much later than it says.
    start, end = (span[0] - 0.001, math.inf if open_end else span[1]) if span else (-math.inf, math.inf)
    wanted = sorted(cameras) if cameras is not None and "camera" in table.columns else None

    def may_hold(file: "DataFile") -> bool:
        if file.last < start or file.first >= end:
            return False
        if days and file.day is not None and not days[0] <= file.day <= days[1]:
            return False
        if wanted is None or file.cameras is None:
            return True
        at = bisect_left(wanted, file.cameras[0])
        return at < len(wanted) and wanted[at] <= file.cameras[1]

    return [file.path for file in files if may_hold(file)]


def _declared(name: str) -> Table:
    if name not in TABLES:
        raise ValueError(f"the lake has no table {name}; it has {', '.join(TABLES)}")
    return TABLES[name]


def _conform(table: Table, schema: "pa.Schema", rows: "pa.Table") -> "pa.Table":
    """The rows with the declared columns, order and types; `day` is filled in from the row's first moment."""
    if "day" in table.columns and "day" not in rows.column_names:
        rows = rows.append_column("day", days_of(rows[views.times_of(table)[0]]))
    missing, unknown = set(schema.names) - set(rows.column_names), set(rows.column_names) - set(schema.names)
    if missing or unknown:
        raise ValueError(f"{table.name}: missing columns {sorted(missing)}, unknown columns {sorted(unknown)}; wanted {schema.names}")
    holes = [field.name for field in schema if not field.nullable and rows[field.name].null_count]
    if holes:
        raise ValueError(f"{table.name}: null in {', '.join(holes)}, which must not be")
    return rows.select(schema.names).cast(schema)


def days_of(moments: "pa.ChunkedArray") -> "pa.ChunkedArray":
    """UTC days, "YYYY-MM-DD", of timestamps or of seconds since the epoch."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_floating(moments.type):
        moments = pc.cast(pc.floor(moments), pa.int64()).cast(pa.timestamp("s", "UTC"))
    return pc.strftime(moments.cast(pa.timestamp("s", "UTC"), safe=False), "%Y-%m-%d")
