"""Compaction changes no answer, drops only what nobody will see again, and gets along with others at work."""

import json
import os
import pickle
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from analytics.errors import Refused
from analytics.tables import CHUNK_TABLES
from cluster.lake import Lake
from cluster.settings import Settings
from cluster.store import open_store
from jobs.compact import compact, main
from tests.chronicle import T0, rows

ROOT = Path(__file__).resolve().parents[2]


def history(lake: Lake) -> None:
    """Two cameras, two days, four chunks each, one of them written twice, one by two models, one never finished."""
    for camera in "ab":
        for k in range(4):
            at = T0 + (k % 2) * 86400 + k * 300
            _chunk(lake, camera, f"k{k}", f"{camera}{k}", at, ["car", "person"])
    _chunk(lake, "a", "k0", "again", T0, ["car", "person"], written_at=T0 + 10)
    _chunk(lake, "a", "k1", "people", T0 + 86400 + 300, ["person"], written_at=T0 + 10)
    lake.append("tracks", rows(lake, "tracks", {"chunk": "k8", "commit": "unfinished"}))


def _chunk(lake: Lake, camera: str, chunk: str, commit: str, at: float, classes: list[str], written_at: float = T0) -> None:
    keys = {"camera": camera, "chunk": chunk, "commit": commit}
    things = [(n, classes[n % len(classes)]) for n in range(6)]
    first = hash_of(camera, chunk, 50 * (commit == "people"))
    own = {"tracks": "track", "events": "event", "counts": "track", "points": "track"}
    tables = {
        name: rows(
            lake,
            name,
            *({**keys, key: first + n, "object": o} | _times(name, at + n) for n, o in things),
        )
        for name, key in own.items()
    }
    tables["signals"] = rows(lake, "signals", {**keys, "at": at})
    lake.commit_chunk(tables, rows(lake, "coverage", {**keys, "start": at, "end": at + 300, "classes": classes, "written_at": written_at}))


def hash_of(camera: str, chunk: str, n: int) -> int:
    return ord(camera) * 10_000 + int(chunk[1:]) * 100 + n


def _times(table: str, at: float) -> dict[str, float]:
    return {"start": at, "end": at + 1} if table in ("tracks", "events") else {"at": at}


def everything(lake: Lake) -> dict[str, list[dict[str, object]]]:
    return {name: lake.rows(f"SELECT * EXCLUDE (day) FROM {name} ORDER BY ALL", [name]) for name in (*CHUNK_TABLES, "coverage")}


def test_answers_stay_and_files_become_few(storage: Settings) -> None:
    lake = Lake(storage)
    history(lake)
    before = everything(lake)
    assert len(before["tracks"]) == 51
    reports = {r.table: r for r in compact(storage)}
    assert everything(lake) == everything(Lake(storage)) == before
    tracks = reports["tracks"]
    assert (tracks.days, tracks.files_before, tracks.files_after) == (2, 11, 2)
    # The first writing of k0, and of k1 what the second model knows too. What was never finished is too young to be dropped.
    assert tracks.dropped == 6 + 3
    assert tracks.rows == 51 + 1
    assert reports["coverage"].dropped == 1
    again = {r.table: r for r in compact(storage)}
    assert all(r.files_after == r.files_before and r.dropped == 0 for r in again.values())


def test_what_never_finished_goes_once_it_is_old(home: Settings) -> None:
    lake = Lake(home)
    history(lake)
    before = everything(lake)
    assert sum(r.dropped for r in lake.compact("tracks", orphan_h=24.0)) == 9
    assert sum(r.dropped for r in lake.compact("tracks", orphan_h=0.0)) == 1
    assert everything(lake) == before


def test_a_write_that_finishes_after_compaction_is_seen(home: Settings) -> None:
    lake = Lake(home)
    history(lake)
    list(lake.compact("tracks"))
    lake.append("coverage", rows(lake, "coverage", {"chunk": "k8", "commit": "unfinished"}))
    assert len(lake.rows("""SELECT * FROM tracks WHERE "commit" = 'unfinished'""", ["tracks"])) == 1


def test_removed_footage_is_dropped(home: Settings) -> None:
    lake = Lake(home)
    history(lake)
    lake.append("footage", *[rows(lake, "footage", {"camera": "a", "removed": True, "added_at": T0 + 99})])
    assert sum(r.dropped for r in compact(home) if r.table == "tracks") == 36
    assert {r["camera"] for r in lake.rows("SELECT camera FROM tracks_all WHERE chunk <> 'k8'", ["tracks"])} == {"b"}


def test_vacuum_deletes_what_no_snapshot_needs(storage: Settings) -> None:
    lake = Lake(storage)
    history(lake)
    before = everything(lake)
    old = Lake(storage)
    assert everything(old) == before
    list(lake.compact("tracks"))
    assert lake.vacuum("tracks", keep_h=0) == 11
    assert len([k for k in lake.store.keys("lake/tracks/") if k.endswith(".parquet") and "_delta_log" not in k]) == 2
    assert everything(old) == everything(lake) == before


def test_late_files_are_merged_beside_sorted_ones(home: Settings) -> None:
    lake = Lake(home)
    for n in range(10):
        for k in range(2):
            _chunk(lake, "a", f"k{n * 2 + k}", f"c{n}{k}", T0 + n, ["car"])
        done = list(lake.compact("tracks"))
        assert [d.files_after for d in done] == [n % 6 + 1 if n < 6 else n - 5]
    assert len(lake.rows("SELECT * FROM tracks", ["tracks"])) == 120


COMPACTOR = """
import pickle, sys
from cluster.lake import Lake
lake = Lake(pickle.load(open(sys.argv[1], "rb")))
sys.stdin.readline()
for _ in range(3):
    for table in ("tracks", "coverage"):
        list(lake.compact(table))
"""
INDEXER = """
import pickle, sys
from cluster.lake import Lake
from tests.chronicle import rows
lake = Lake(pickle.load(open(sys.argv[1], "rb")))
sys.stdin.readline()
for i in range(20):
    n = int(sys.argv[2]) * 100 + i
    keys = {"camera": "late", "chunk": f"k{n}", "commit": f"late{n}"}
    lake.commit_chunk({"tracks": rows(lake, "tracks", {**keys, "track": n})}, rows(lake, "coverage", keys))
"""


def test_compactors_and_indexers_at_once_lose_and_double_nothing(storage: Settings, tmp_path: Path) -> None:
    lake = Lake(storage)
    history(lake)
    before = lake.rows("SELECT * FROM tracks ORDER BY ALL", ["tracks"])
    (tmp_path / "settings").write_bytes(pickle.dumps(storage))
    running = [
        subprocess.Popen([sys.executable, "-c", script, str(tmp_path / "settings"), str(i)], cwd=ROOT, stdin=subprocess.PIPE, text=True)
        for i, script in enumerate([COMPACTOR, COMPACTOR, INDEXER, INDEXER])
    ]
    for process in running:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.close()
    assert [process.wait(120) for process in running] == [0, 0, 0, 0]
    late = "camera = 'late'"
    assert lake.rows(f"SELECT * FROM tracks WHERE NOT ({late}) ORDER BY ALL", ["tracks"]) == before
    stored = lake.rows(f"SELECT track FROM tracks_all WHERE {late} ORDER BY 1", ["tracks"])
    assert [r["track"] for r in stored] == [who * 100 + i for who in (2, 3) for i in range(20)]
    assert len(lake.rows(f"SELECT * FROM coverage_all WHERE {late}", ["coverage"])) == 40


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"tables": ["trucks"]}, "No table trucks"),
        ({"first": "1.11.2026"}, "is no day"),
        ({"keep_h": 0.0}, "at least one hour"),
    ],
)
def test_refused(home: Settings, asked: dict[str, object], says: str) -> None:
    with pytest.raises(Refused, match=says):
        list(compact(home, **asked))  # type: ignore[arg-type]


def test_only_the_asked_days(home: Settings) -> None:
    history(Lake(home))
    reports = {r.table: r for r in compact(home, first="2026-11-02", last="2026-11-02")}
    assert (reports["tracks"].days, reports["tracks"].files_after) == (1, 1)


def test_half_written_objects_are_swept(home: Settings) -> None:
    store = open_store(home)
    store.put("a", b"x")
    part = Path(home.store) / ".parts" / "left"
    part.write_bytes(b"half")
    store.sweep(1)
    assert part.exists()
    os.utime(part, (time.time() - 7200,) * 2)
    store.sweep(1)
    assert not part.exists()
    assert list(store.keys()) == ["a"]


def test_command(home: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    history(Lake(home))
    assert main(["tracks", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["tables"][0]["files_after"] == 2
    monkeypatch.setenv("MATTHAN_STORE", str(replace(home).home / "other"))
    assert main([]) == 0
    assert main(["--from", "yesterday"]) == 2
    assert "is no day" in capsys.readouterr().err


def test_a_long_job_tidies_up_behind_itself(storage: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cluster.lake.TIDY_COMMITS", 20)
    lake = Lake(storage)
    for n in range(50):
        _chunk(lake, "a", f"k{n}", f"c{n}", T0 + n, ["car"])
    assert len(everything(lake)["tracks"]) == 300
    (tracks,) = lake.compact("tracks")
    assert tracks.files_before < 25
    assert (tracks.files_after, tracks.rows, tracks.dropped) == (1 + 50 // 20, 300, 0)
    monkeypatch.setattr("cluster.rewrite.RUNS_A_DAY", 3)
    (tracks,) = lake.compact("tracks")
    assert (tracks.files_before, tracks.files_after, tracks.rows) == (3, 1, 300)
    assert len(everything(lake)["tracks"]) == 300
