"""The bench of the search runs whole, small: what it writes is searched by the command itself."""

import json
import sys
from pathlib import Path

import pytest

from cluster.settings import Settings
from jobs import bench_search
from jobs.bench_search import CAMERAS, TRACKS_A_CHUNK, run


def test_small(home: Settings) -> None:
    told: list[str] = []
    report = run(home, tracks=CAMERAS * TRACKS_A_CHUNK * 2, queries=3, say=told.append)
    assert (report.tracks, report.chunks, report.files_before, report.files_after) == (20_000, 40, 40, 1)
    assert report.hits_a_query > 0
    assert report.p50_ms <= report.p95_ms <= report.max_ms
    assert (report.command_s is None) is not Path(sys.executable).with_name("matthan").exists()
    assert "40 of 40 chunks committed" in told
    assert json.loads(json.dumps(report.document()))["tracks"] == 20_000
    assert len(report.table().splitlines()) == len(report.document())
    assert not list(home.cache.glob("bench-*"))


def test_what_was_kept_is_searched_again(home: Settings, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_search, "CAMERAS", 2)
    words = ["--tracks", "2000", "--keep", "--format", "json"]
    assert bench_search.main(words) == 0
    first = json.loads(capfd.readouterr().out)
    assert bench_search.main(words) == 0
    again = json.loads(capfd.readouterr().out)
    assert (again["write_s"], again["hits_a_query"]) == (first["write_s"], first["hits_a_query"])
