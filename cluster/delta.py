"""One Delta table on a folder or on S3: opening, appending so that nothing is lost, listing and replacing its files.

Only `cluster/lake.py` uses this.
"""

import json
import logging
import math
import random
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import CommitProperties, DeltaTable, PostCommitHookProperties, WriterProperties, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError, DeltaProtocolError, SchemaMismatchError, TableNotFoundError
from deltalake.transaction import AddAction, RemoveAction

from analytics.errors import Refused
from analytics.tables import SCHEMA_VERSION, Table
from cluster.settings import Settings
from cluster.store import Store, refusal
from cluster.views import times_of

_VERSION_KEY = "matthan.schema"
_WRITE_KEY = "matthan.write"
_TRIES = 12
_STALE_COMMITS = 32
"""delta-rs keeps a batch in memory for each commit it followed and walks them all at the next one: 200 ms a commit after 2,000
of them, 15 ms where the table is opened anew now and then."""
_ARROW = {
    "string": pa.string(),
    "int64": pa.int64(),
    "float64": pa.float64(),
    "float32": pa.float32(),
    "bool": pa.bool_(),
    "timestamp": pa.timestamp("us", "UTC"),
}
log = logging.getLogger(__name__)


def arrow_schema(table: Table) -> pa.Schema:
    """The table's columns as Arrow types, in order."""
    return pa.schema([pa.field(name, _arrow_type(column.type), column.null) for name, column in table.columns.items()])


def _arrow_type(name: str) -> pa.DataType:
    if name.startswith("list<"):
        return pa.list_(_ARROW[name[5:-1]])
    return _ARROW[name]


def ruled_columns(table: Table) -> list[str]:
    """The columns whose least and greatest value in each file are kept, so that readers can leave files out."""
    return [name for name in ("camera", "start", "end", "at", "known_at") if name in table.columns]


def storage_options(settings: Settings) -> dict[str, str]:
    """What delta-rs needs for the store; empty for a folder. Nothing is put into the process's environment."""
    if not settings.on_s3 or settings.s3 is None:
        return {}
    s3 = settings.s3
    options = {
        "AWS_ENDPOINT_URL": s3.url,
        "AWS_REGION": s3.region,
        "AWS_ACCESS_KEY_ID": s3.access_key or "",
        "AWS_SECRET_ACCESS_KEY": s3.secret_key or "",
        "AWS_ALLOW_HTTP": "false" if s3.secure else "true",
        "aws_conditional_put": "etag",  # makes "write the next log entry only if it is not there" atomic on S3
        "connect_timeout": "5s",
        "timeout": "120s",
    }
    if s3.session_token:
        options["AWS_SESSION_TOKEN"] = s3.session_token
    if s3.endpoint is None:
        del options["AWS_ENDPOINT_URL"]
    return options


@dataclass(frozen=True, slots=True)
class DataFile:
    """A Parquet file of the table, as the log describes it.

    Attributes:
        path: from the table's folder.
        written_at: s since the epoch.
        first, last: of the rows' moments, s since the epoch; infinite where unknown.
        cameras: first and last in the order of the alphabet; None where unknown.
    """

    path: str
    size: int
    rows: int
    written_at: float
    day: str | None
    first: float
    last: float
    cameras: tuple[str, str] | None


@dataclass(frozen=True)
class NewFile:
    """A Parquet file already in the store that is to stand in for others."""

    path: str
    size: int
    day: str | None
    stats: Mapping[str, Any]


class DeltaLog:
    """One table's log. Safe to use from several threads and processes at once."""

    def __init__(self, table: Table, settings: Settings, store: Store) -> None:
        self.table = table
        self.schema = arrow_schema(table)
        self.uri = f"{settings.lake_uri}/{table.name}"
        self.folder = f"lake/{table.name}"
        self._on_s3 = settings.on_s3
        self._options = storage_options(settings)
        self._store = store
        self._lock = threading.RLock()
        self._delta: DeltaTable | None = None
        self._loaded = 0
        self._files: tuple[int, tuple[DataFile, ...]] | None = None

    def append(self, rows: pa.Table) -> int:
        """Adds rows in one atomic commit; other writers may commit at the same time.

        Returns:
            the table's version after it.

        Raises:
            Refused: the store does not take it; nothing of it is visible then.
        """
        token = uuid.uuid4().hex
        properties = CommitProperties(custom_metadata={_WRITE_KEY: token}, max_commit_retries=100)

        def write(delta: DeltaTable) -> None:
            write_deltalake(
                delta,
                rows,
                mode="append",
                writer_properties=WriterProperties(compression="ZSTD", compression_level=3),
                commit_properties=properties,
            )

        with self._lock:
            self._retried(write, lambda delta: _landed(delta, token))
            return -1 if self._delta is None else self._delta.version()

    def replace(self, old: Sequence[str], new: Sequence[NewFile]) -> bool:
        """Puts new files in place of old ones in one commit, while others may append.

        Returns:
            False where one of the old files is no longer there: somebody else replaced it first, and nothing was done.
        """
        token = uuid.uuid4().hex
        with self._lock:
            sizes = {file.path: file.size for file in self.files()}
            if any(path not in sizes for path in old):
                return False
            now = int(time.time() * 1000)
            actions: list[AddAction | RemoveAction] = [
                AddAction(f.path, f.size, {"day": f.day} if f.day else {}, now, False, json.dumps(f.stats)) for f in new
            ]
            for path in old:
                day = _day_of(path)
                actions.append(RemoveAction(path, False, now, sizes[path], {"day": day} if day else {}))
            gone = False

            def swap(delta: DeltaTable) -> None:
                # delta-rs does not notice that a removed file is already gone. Without retries of its own the commit is a
                # compare-and-swap on the version whose files were just looked at.
                nonlocal gone
                gone = not set(old) <= set(_adds(delta)["path"].to_pylist())
                if not gone:
                    delta.create_write_transaction(
                        actions,
                        "append",
                        delta.schema(),
                        partition_by=list(self.table.partition),
                        commit_properties=CommitProperties(custom_metadata={_WRITE_KEY: token}, max_commit_retries=0),
                    )

            self._retried(swap, lambda delta: _landed(delta, token), tries=40)
            return not gone

    def files(self) -> tuple["DataFile", ...]:
        """The table's files as of now; none without a table."""
        with self._lock:
            delta = self._open(create=False)
            if delta is None:
                return ()
            if self._files is None or self._files[0] != delta.version():
                self._files = delta.version(), tuple(_data_files(delta, self.table))
            return self._files[1]

    def version(self) -> int:
        """The latest version; -1 without a table."""
        with self._lock:
            delta = self._open(create=False)
            return -1 if delta is None else delta.version()

    def vacuum(self, keep_h: float) -> int:
        """Deletes files that no version of the last `keep_h` hours needs; returns how many."""
        with self._lock:
            delta = self._open(create=False)
            if delta is None:
                return 0
            gone = delta.vacuum(int(keep_h), dry_run=False, enforce_retention_duration=False, full=True)
            delta.update_incremental()
            delta.create_checkpoint()
            delta.cleanup_metadata()
            return len(gone)

    def _retried(self, act: Callable[[DeltaTable], None], landed: Callable[[DeltaTable], bool], tries: int = _TRIES) -> None:
        for attempt in range(tries):
            try:
                delta = self._open(create=True)
                if delta is None:
                    raise TableNotFoundError(self.uri)
                if attempt and landed(delta):
                    return
                act(delta)
                return
            except (SchemaMismatchError, DeltaProtocolError):
                raise
            except (DeltaError, OSError) as error:
                # What the store says is final is told at once. A lost race, or a lost answer to a commit that may have
                # landed, is looked into and tried again.
                told = refusal(error, self.uri) or (self._ask_store() if not isinstance(error, CommitFailedError) else None)
                if told:
                    raise told from error
                if attempt == tries - 1:
                    raise Refused(
                        en=f"{self.uri} could not be written: {error}. Try again.", vi=f"Không ghi được {self.uri}: {error}. Hãy thử lại."
                    ) from error
                log.info("%s: commit not taken (%s), trying again", self.uri, error)
                time.sleep(random.uniform(0.005, 0.02) * 2 ** min(attempt, 6))

    def _ask_store(self) -> Refused | None:
        """delta-rs tells refused keys and missing buckets apart only in prose; the object store's own client names them."""
        if self._on_s3:
            try:
                self._store.check()
            except Refused as told:
                return told
        return None

    def _open(self, *, create: bool) -> DeltaTable | None:
        """The table at its latest version; None where there is none and it is not to be created."""
        try:
            if self._delta is not None:
                self._delta.update_incremental()
                if self._delta.version() - self._loaded >= _STALE_COMMITS:
                    self._delta = None
            if self._delta is None:
                self._delta = self._load(create=create)
                if self._delta is not None:
                    self._check(self._delta)
                    self._loaded = self._delta.version()
        except (DeltaError, OSError) as error:
            told = refusal(error, self.uri) or self._ask_store()
            if told:
                raise told from error
            raise
        return self._delta

    def _load(self, *, create: bool) -> DeltaTable | None:
        try:
            return DeltaTable(self.uri, storage_options=self._options)
        except TableNotFoundError:
            if not create:
                self._ask_store_or_raise()
                return None
        if not self._on_s3:
            Path(self.uri).mkdir(parents=True, exist_ok=True)
        configuration = {
            _VERSION_KEY: str(SCHEMA_VERSION),
            "delta.dataSkippingStatsColumns": ",".join(ruled_columns(self.table)),
            "delta.checkpointInterval": "100",
            "delta.deletedFileRetentionDuration": "interval 1 days",
            # Nobody travels back in time here. Each commit lists the log's folder, so it is kept short; who lags behind it
            # goes on from the latest checkpoint.
            "delta.logRetentionDuration": "interval 10 minutes",
        }
        try:
            return DeltaTable.create(
                self.uri,
                self.schema,
                mode="ignore",
                partition_by=list(self.table.partition),
                name=self.table.name,
                configuration=configuration,
                storage_options=self._options,
                commit_properties=CommitProperties(max_commit_retries=0),
                post_commithook_properties=PostCommitHookProperties(create_checkpoint=False),
                raise_if_key_not_exists=False,
            )
        except DeltaError:
            # Somebody else created it in the same moment; if it is not there after all, that is the error to tell.
            return DeltaTable(self.uri, storage_options=self._options)

    def _ask_store_or_raise(self) -> None:
        told = self._ask_store()
        if told:
            raise told

    def _check(self, delta: DeltaTable) -> None:
        written = delta.metadata().configuration.get(_VERSION_KEY)
        if written == str(SCHEMA_VERSION):
            return
        self._delta = None
        if written and written.isdecimal() and int(written) > SCHEMA_VERSION:
            raise Refused(
                en=f"{self.uri} has schema version {written}; this matthan knows {SCHEMA_VERSION}. Update matthan.",
                vi=f"{self.uri} có phiên bản lược đồ {written}; matthan này chỉ biết {SCHEMA_VERSION}. Hãy cập nhật matthan.",
            )
        raise Refused(
            en=f"{self.uri} was not written by matthan (no schema version). Choose another MATTHAN_STORE.",
            vi=f"{self.uri} không do matthan ghi (không có phiên bản lược đồ). Hãy chọn MATTHAN_STORE khác.",
        )


def _adds(delta: DeltaTable) -> pa.Table:
    # Not pa.table(…), here and below no scalars into pyarrow.compute either: those import pandas, which takes a third of the
    # time of a whole `matthan search`.
    return pa.RecordBatchReader.from_stream(delta.get_add_actions(flatten=True)).read_all()


def _data_files(delta: DeltaTable, table: Table) -> Iterator[DataFile]:
    adds = _adds(delta)
    first, last = times_of(table)

    def column(name: str) -> Sequence[Any]:
        if name not in adds.column_names:
            return [None] * adds.num_rows
        values = adds[name]
        if pa.types.is_timestamp(values.type):
            values = values.cast(pa.timestamp("us", "UTC")).cast(pa.int64())
            return [None if v is None else v / 1e6 for v in values.to_pylist()]
        return list(values.to_pylist())

    names = ("path", "size_bytes", "num_records", "modification_time", "partition.day")
    names += (f"min.{first}", f"max.{last}", "min.camera", "max.camera")
    for path, size, rows, at_ms, day, low, high, camera, camera2 in zip(*map(column, names), strict=True):
        yield DataFile(
            path=path,
            size=size,
            rows=rows or 0,
            written_at=at_ms / 1000,
            day=day,
            first=-math.inf if low is None else low,
            last=math.inf if high is None else high,
            cameras=None if camera is None or camera2 is None else (camera, camera2),
        )


def _landed(delta: DeltaTable, token: str) -> bool:
    """Whether the commit that bears the token is in the log already: its answer was lost, not its content."""
    return any(entry.get(_WRITE_KEY) == token for entry in delta.history(200))


def _day_of(path: str) -> str | None:
    return path.split("/", 1)[0].removeprefix("day=") if path.startswith("day=") else None


def file_stats(path: Path, table: Table) -> dict[str, Any]:
    """Delta's statistics of a Parquet file, from its footer: rows, and least and greatest value of the ruled columns."""
    footer = pq.read_metadata(path)
    least: dict[str, Any] = {}
    most: dict[str, Any] = {}
    names = [footer.schema.column(i).path for i in range(footer.num_columns)]
    for name in ruled_columns(table):
        chunks = [footer.row_group(g).column(names.index(name)).statistics for g in range(footer.num_row_groups)]
        if chunks and all(s is not None and s.has_min_max for s in chunks):
            least[name] = _stat(min(s.min for s in chunks), up=False)
            most[name] = _stat(max(s.max for s in chunks), up=True)
    return {"numRecords": footer.num_rows, "minValues": least, "maxValues": most, "nullCount": dict.fromkeys(least, 0)}


def _stat(value: Any, *, up: bool) -> Any:
    """Times are kept to the millisecond, as Delta has them: rounded outwards, so that no row lies outside."""
    if hasattr(value, "isoformat"):
        ms = value.microsecond // 1000 * 1000
        whole = value.replace(microsecond=ms)
        if up and ms != value.microsecond:
            from datetime import timedelta

            whole += timedelta(milliseconds=1)
        return whole.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return value
