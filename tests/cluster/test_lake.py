"""The lake loses nothing and shows nothing half-written, on a folder and on a real MinIO server alike."""

import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from analytics.errors import Refused
from analytics.tables import CHUNK_TABLES, SCHEMA_VERSION, TABLES
from cluster.delta import DeltaLog, storage_options
from cluster.lake import Lake
from cluster.settings import S3, Settings
from cluster.views import ONE_ROW_EACH
from tests.chronicle import T0, rows

ROOT = Path(__file__).resolve().parents[2]


def commit(lake: Lake, name: str, *, chunk: str = "k0", tracks: tuple[int, ...] = (1,), written_at: float = T0, **coverage: object) -> None:
    """Commits a chunk with a row of every table for each track."""
    keys = {"chunk": chunk, "commit": name}
    own = {"tracks": "track", "points": "track", "counts": "track", "events": "event"}
    tables = {t: rows(lake, t, *({**keys, own[t]: n} for n in tracks)) for t in own}
    tables["signals"] = rows(lake, "signals", keys)
    lake.commit_chunk(tables, rows(lake, "coverage", {**keys, "written_at": written_at, **coverage}))


def seen(lake: Lake, table: str = "tracks", **pruned: object) -> list[tuple[str, int]]:
    column = {"events": "event", "signals": "track"}.get(table, "track")
    return [(r["commit"], r[column]) for r in lake.rows(f'SELECT "commit", {column} FROM {table} ORDER BY ALL', [table], **pruned)]


@pytest.fixture
def lake(storage: Settings) -> Lake:
    return Lake(storage)


def test_every_table_comes_back_as_it_was_written(lake: Lake) -> None:
    lake.append("coverage", rows(lake, "coverage", {}))
    for name in TABLES:
        assert lake.arrow(f"SELECT * FROM {name}", [name]).num_rows == (name == "coverage"), name
        if name != "coverage":
            lake.append(name, rows(lake, name, {}))
        back = lake.arrow(f"SELECT * FROM {name}", [name]).cast(lake.schema(name))
        assert back.equals(rows(lake, name, {})), name


@pytest.mark.parametrize("table", CHUNK_TABLES)
def test_only_rows_that_coverage_names_are_seen(home: Settings, table: str) -> None:
    lake = Lake(home)
    lake.append(table, rows(lake, table, {"commit": "c1"}))
    assert seen(lake, table) == []
    assert len(lake.rows(f"SELECT * FROM {table}_all", [table])) == 1
    lake.append("coverage", rows(lake, "coverage", {"commit": "c1"}))
    assert len(seen(lake, table)) == 1


def test_writing_a_chunk_again_leaves_one_set(lake: Lake) -> None:
    commit(lake, "c1", tracks=(1, 2))
    commit(lake, "c2", tracks=(1, 2), written_at=T0 + 1)
    for table in ("tracks", "points", "counts", "events"):
        assert seen(lake, table) == [("c2", 1), ("c2", 2)], table
    assert lake.rows('SELECT "commit" FROM coverage', ["coverage"]) == [{"commit": "c2"}]
    assert len(lake.rows("SELECT * FROM coverage_all", ["coverage"])) == 2


@pytest.mark.parametrize(
    ("newer", "cars", "people", "scene"),
    [
        (["person", "car"], "c2", "c2", "c2"),
        (["person"], "c1", "c2", "c2"),
        (["helmet"], "c1", "c1", "c2"),
    ],
)
def test_the_newest_that_knows_a_class_holds_for_it(home: Settings, newer: list[str], cars: str, people: str, scene: str) -> None:
    lake = Lake(home)
    for at, (name, classes) in enumerate([("c1", ["person", "car"]), ("c2", newer)]):
        kinds = [{"commit": name, "event": i, "object": o} for i, o in enumerate(["car", "person", None]) if o is None or o in classes]
        lake.commit_chunk(
            {"events": rows(lake, "events", *kinds)}, rows(lake, "coverage", {"commit": name, "classes": classes, "written_at": T0 + at})
        )
    assert dict(reversed(pair) for pair in seen(lake, "events")) == {0: cars, 1: people, 2: scene}


@pytest.mark.parametrize("table", sorted(ONE_ROW_EACH))
def test_what_goes_on_over_an_edge_is_seen_once_and_whole(home: Settings, table: str) -> None:
    lake = Lake(home)
    for i in range(3):
        keys = {"chunk": f"k{i}", "commit": f"c{i}"}
        lake.commit_chunk({table: rows(lake, table, {**keys, "end": T0 + 10 * (i + 1)})}, rows(lake, "coverage", keys))
    assert seen(lake, table) == [("c2", 1)]
    assert seen(lake, table, span=(T0 + 25, T0 + 99), cameras=["a"]) == [("c2", 1)]
    assert seen(lake, table, span=(T0 + 30.5, T0 + 99)) == []


def test_removed_footage_takes_its_rows_along(home: Settings) -> None:
    lake = Lake(home)
    lake.append("footage", rows(lake, "footage", {}))
    commit(lake, "c1")
    lake.append("footage", rows(lake, "footage", {"removed": True, "added_at": T0 + 5}))
    assert seen(lake) == []
    assert lake.rows("SELECT * FROM coverage", ["coverage"]) == []
    assert lake.rows("SELECT * FROM footage", ["footage"]) == []
    lake.append("footage", rows(lake, "footage", {"start": T0 + 100, "added_at": T0 + 6}))
    assert seen(lake) == []  # it may have been added with another start: what was found under the old one stays away
    commit(lake, "c2", written_at=T0 + 7)
    assert seen(lake) == [("c2", 1)]


def test_footage_removed_while_a_job_runs_stays_away(home: Settings) -> None:
    lake = Lake(home)
    lake.append("footage", rows(lake, "footage", {}))
    commit(lake, "c1", written_at=T0 + 1)
    lake.append("footage", rows(lake, "footage", {"removed": True, "added_at": T0 + 5}))
    commit(lake, "c2", chunk="k1", written_at=T0 + 6)  # the job does not know
    assert seen(lake) == []
    lake.append("footage", rows(lake, "footage", {"start": T0 + 100, "added_at": T0 + 7}))
    assert seen(lake) == []  # it still does not know where the file is now
    commit(lake, "c3", written_at=T0 + 8)
    assert seen(lake) == [("c3", 1)]
    lake.append("footage", rows(lake, "footage", {"start": T0 + 100, "added_at": T0 + 9}))  # told twice
    assert seen(lake) == [("c3", 1)]


def test_what_could_not_be_read_stands_in_coverage_until_it_is_seen(home: Settings) -> None:
    lake = Lake(home)
    lake.append("coverage", rows(lake, "coverage", {"state": "unread", "reason": "broken", "classes": [], "commit": "u"}))
    assert lake.rows("SELECT state, reason FROM coverage", ["coverage"]) == [{"state": "unread", "reason": "broken"}]
    commit(lake, "c1", written_at=T0 + 1)
    assert [r["state"] for r in lake.rows("SELECT state FROM coverage", ["coverage"])] == ["seen"]


DYING = """
import os, pickle, signal, sys
from cluster.lake import Lake
class Dying(Lake):
    def append(self, table, rows):
        if table == sys.argv[2]:
            os.kill(os.getpid(), signal.SIGKILL)
        super().append(table, rows)
settings, tables, coverage = pickle.load(open(sys.argv[1], "rb"))
Dying(settings).commit_chunk(tables, coverage)
"""


@pytest.mark.parametrize("before", [*CHUNK_TABLES[1:], "coverage"])
def test_killed_between_two_tables(home: Settings, tmp_path: Path, before: str) -> None:
    lake = Lake(home)
    commit(lake, "old", chunk="k9", tracks=(9,))
    keys = {"chunk": "k0", "commit": "c1"}
    tables = {t: rows(lake, t, keys) for t in CHUNK_TABLES}
    (tmp_path / "job").write_bytes(pickle.dumps((home, tables, rows(lake, "coverage", keys))))
    died = subprocess.run([sys.executable, "-c", DYING, str(tmp_path / "job"), before], cwd=ROOT, check=False)
    assert died.returncode == -9
    assert seen(lake) == [("old", 9)]
    commit(lake, "c2")
    for table in ("tracks", "points", "counts", "events"):
        assert [name for name, _ in seen(lake, table)] == ["c2", "old"], table


WRITER = """
import pickle, sys
from cluster.lake import Lake
from tests.chronicle import rows
lake = Lake(pickle.load(open(sys.argv[1], "rb")))
who = int(sys.argv[2])
sys.stdin.readline()
for i in range(10):
    n = who * 100 + i
    keys = {"chunk": "same" if i == 0 else f"k{n}", "commit": f"c{n}"}
    tracks = rows(lake, "tracks", *({**keys, "track": n * 10 + k} for k in range(5)))
    lake.commit_chunk({"tracks": tracks}, rows(lake, "coverage", keys))
"""


def at_once(script: str, settings: Settings, folder: Path, processes: int) -> None:
    """Runs a script in several processes that begin together."""
    (folder / "settings").write_bytes(pickle.dumps(settings))
    running = [
        subprocess.Popen([sys.executable, "-c", script, str(folder / "settings"), str(i)], cwd=ROOT, stdin=subprocess.PIPE)
        for i in range(processes)
    ]
    for process in running:
        process.stdin.write(b"go\n")
        process.stdin.flush()
    for process in running:
        process.stdin.close()
        assert process.wait(120) == 0


def test_writers_at_once_lose_nothing(storage: Settings, tmp_path: Path) -> None:
    at_once(WRITER, storage, tmp_path, 4)
    lake = Lake(storage)
    assert len(lake.rows("SELECT * FROM tracks_all", ["tracks"])) == 200
    assert len(lake.rows("SELECT * FROM coverage_all", ["coverage"])) == 40
    # All four wrote the chunk `same`: exactly one of them is seen, with all its five rows.
    assert len(seen(lake)) == 200 - 3 * 5
    assert len({name for name, _ in seen(lake) if name in ("c0", "c100", "c200", "c300")}) == 1


def test_a_reader_is_never_behind(storage: Settings) -> None:
    one, other = Lake(storage), Lake(storage)
    for i in range(3):
        commit(one, f"c{i}", chunk=f"k{i}", tracks=(i,))
        assert seen(one) == seen(other) == [(f"c{k}", k) for k in range(i + 1)]
    assert seen(pickle.loads(pickle.dumps(one))) == seen(one)


class AnswerLost(DeltaLog):
    """A log whose first commit lands, but whose answer never arrives."""

    lost = False

    def _retried(self, act, landed, tries=12):  # type: ignore[no-untyped-def]
        def unheard(delta: DeltaTable) -> None:
            act(delta)
            if not self.lost:
                self.lost = True
                raise OSError("connection reset")

        super()._retried(unheard, landed, tries)


def test_a_commit_whose_answer_was_lost_is_not_made_twice(storage: Settings) -> None:
    lake = Lake(storage)
    log = AnswerLost(TABLES["counts"], storage, lake.store)
    log.append(rows(lake, "counts", {}))
    assert log.lost
    assert len(lake.rows("SELECT * FROM counts_all", ["counts"])) == 1


@pytest.mark.parametrize(
    ("table", "change", "says"),
    [
        ("tracks", lambda t: t.drop_columns(["object"]), "missing columns"),
        ("tracks", lambda t: t.append_column("wheels", pa.array([4])), "unknown columns"),
        ("tracks", lambda t: t.set_column(4, "object", pa.array([None], pa.string())), "null in object"),
        ("points", lambda t: t, "commits that coverage does not name"),
        ("runs", lambda t: t, "not a table of a chunk"),
        ("trucks", lambda t: t, "not a table of a chunk"),
    ],
)
def test_rows_that_do_not_fit(home: Settings, table: str, change, says: str) -> None:
    lake = Lake(home)
    given = change(rows(lake, table if table in TABLES else "runs", {"commit": "zz"} if table == "points" else {}))
    with pytest.raises(ValueError, match=says):
        lake.commit_chunk({table: given}, rows(lake, "coverage", {}))
    assert lake.rows("SELECT * FROM coverage_all", ["coverage"]) == []


@pytest.mark.parametrize(("version", "says"), [(str(SCHEMA_VERSION + 1), "Update matthan"), (None, "not written by matthan")])
def test_a_table_of_another_version_is_refused(storage: Settings, version: str | None, says: str) -> None:
    lake = Lake(storage)
    if not storage.on_s3:
        Path(storage.lake_uri, "tracks").mkdir(parents=True)
    configuration = {"matthan.schema": version} if version else {}
    DeltaTable.create(
        f"{storage.lake_uri}/tracks", lake.schema("tracks"), configuration=configuration,
        storage_options=storage_options(storage), raise_if_key_not_exists=False,
    )  # fmt: skip
    for act in (lambda: lake.append("tracks", rows(lake, "tracks", {})), lambda: lake.rows("SELECT * FROM tracks", ["tracks"])):
        with pytest.raises(Refused, match=says):
            act()


@pytest.mark.minio
def test_s3_that_will_not(minio, home: Settings) -> None:
    good = replace(home, store=f"s3://{minio.bucket()}", s3=minio.s3)
    cases = {
        "refuses the key": replace(good, s3=replace(minio.s3, secret_key="wrong")),
        "has no bucket": replace(good, store="s3://missing-one"),
        "does not answer": replace(good, s3=replace(minio.s3, endpoint="127.0.0.1:9")),
        "no S3 key": replace(good, s3=S3()),
    }
    for says, settings in cases.items():
        for act in (lambda lake: commit(lake, "c1"), lambda lake: lake.rows("SELECT * FROM tracks", ["tracks"])):
            with pytest.raises(Refused, match=says) as caught:
                act(Lake(settings))
            assert caught.value.vi != caught.value.en
    assert seen(Lake(good)) == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte."""
    folder = tmp_path / "small"
    folder.mkdir()
    if (
        os.geteuid()
        or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], check=False, capture_output=True).returncode
    ):
        pytest.skip("only root may mount the small file system that this test fills")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_full_disk(home: Settings, small_disk: Path) -> None:
    lake = Lake(replace(home, store=str(small_disk)))
    commit(lake, "c1")
    filler = small_disk / "filler"
    with filler.open("wb", buffering=0) as out, suppress(OSError):
        while out.write(b"x" * 4096):
            pass
    with pytest.raises(Refused, match="No space left to write") as caught:
        commit(lake, "c2", written_at=T0 + 1)
    assert "Hết chỗ" in caught.value.vi
    assert seen(lake) == seen(Lake(lake.settings)) == [("c1", 1)]
    filler.unlink()
    commit(lake, "c3", written_at=T0 + 2)
    assert seen(lake) == [("c3", 1)]


LIMITED = """
import pickle, resource, signal, sys
from analytics.errors import Refused
from cluster.lake import Lake
settings, tables, coverage = pickle.load(open(sys.argv[1], "rb"))
lake = Lake(settings)
lake.rows("SELECT * FROM tracks", ["tracks"])
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    lake.commit_chunk(tables, coverage)
except Refused as told:
    print(told.en)
"""


def test_a_file_that_may_not_grow(home: Settings, tmp_path: Path) -> None:
    lake = Lake(home)
    commit(lake, "c1")
    many = rows(lake, "tracks", *({"track": n, "commit": "c2"} for n in range(20_000)))
    (tmp_path / "job").write_bytes(pickle.dumps((home, {"tracks": many}, rows(lake, "coverage", {"commit": "c2"}))))
    told = subprocess.run([sys.executable, "-c", LIMITED, str(tmp_path / "job")], cwd=ROOT, check=True, capture_output=True, text=True)
    assert "No space left to write" in told.stdout
    assert seen(lake) == [("c1", 1)]


spans = st.tuples(st.integers(-3 * 86400, 3 * 86400), st.sampled_from([0.0004, 1.0, 3600.0, 100_000.0]))


@given(spans=st.lists(spans, min_size=1, max_size=6), asked=spans, camera=st.sampled_from(["a", "b", "c"]))
@hypothesis_settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_leaving_files_out_changes_no_answer(home: Settings, tmp_path_factory: pytest.TempPathFactory, spans, asked, camera) -> None:
    lake = Lake(replace(home, store=str(tmp_path_factory.mktemp("lake"))))
    for i, (at, long) in enumerate(spans):
        keys = {"camera": "ab"[i % 2], "chunk": f"k{i}", "commit": f"c{i}", "start": T0 + at + 0.0006, "end": T0 + at + 0.0006 + long}
        lake.commit_chunk({"tracks": rows(lake, "tracks", {**keys, "track": i})}, rows(lake, "coverage", keys))
    first, last = T0 + asked[0], T0 + asked[0] + asked[1]
    everything = lake.rows('SELECT camera, track, epoch_us(start) AS a, epoch_us("end") AS b FROM tracks ORDER BY track', ["tracks"])
    wanted = [r["track"] for r in everything if r["camera"] == camera and r["a"] < last * 1e6 and r["b"] >= first * 1e6]
    assert [n for _, n in seen(lake, cameras=[camera], span=(first, last))] == wanted


def test_duckdb_downloads_nothing(home: Settings) -> None:
    with Lake(home).connect([]) as connection:
        settings = dict(connection.sql("SELECT name, value FROM duckdb_settings()").fetchall())
        loaded = connection.sql("SELECT extension_name FROM duckdb_extensions() WHERE loaded AND install_mode <> 'STATICALLY_LINKED'")
        assert loaded.fetchall() == []
    assert settings["autoinstall_known_extensions"] == settings["autoload_known_extensions"] == "false"


def test_who_lagged_behind_a_shortened_log_goes_on(storage: Settings) -> None:
    """Log entries older than ten minutes go at a checkpoint; here all of them at once."""
    ahead, writer, reader = Lake(storage), Lake(storage), Lake(storage)
    commit(ahead, "c0", chunk="k0", tracks=(0,))
    commit(writer, "c1", chunk="k1", tracks=(1,))
    assert len(seen(reader)) == 2
    for n in range(2, 8):
        commit(ahead, f"c{n}", chunk=f"k{n}", tracks=(n,))
    for table in (*CHUNK_TABLES, "coverage"):
        log = DeltaTable(f"{storage.lake_uri}/{table}", storage_options=storage_options(storage))
        log.alter.set_table_properties({"delta.logRetentionDuration": "interval 0 seconds"})
        log.create_checkpoint()
        log.cleanup_metadata()
    assert len(list(reader.store.keys("lake/tracks/_delta_log/"))) < 5
    assert len(seen(reader)) == 8
    commit(writer, "c8", chunk="k8", tracks=(8,))
    assert len(seen(reader)) == len(seen(ahead)) == 9
