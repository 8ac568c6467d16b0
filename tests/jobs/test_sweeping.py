"""Sights and states of folds go when nothing has needed them for a while, and never while something does."""

import time

import pytest

from cluster.lake import Lake
from cluster.settings import Settings
from jobs import footage, sweeping
from jobs.compact import STORED, compact
from tests.chronicle import T0
from tests.jobs import blocks
from tests.jobs.conftest import Reel
from tests.jobs.lakes import everything, indexed

DAY_S = 86_400.0


def held(settings: Settings) -> dict[str, int]:
    """How many objects there are of each kind."""
    keys = list(Lake(settings).store.keys())
    return {kind: sum(key.startswith(f"{kind}/") for key in keys) for kind in ("sight", "folds")}


def swept(settings: Settings, later_s: float) -> int:
    return sweeping.sweep(Lake(settings), 24.0, time.time() + later_s)


@pytest.fixture
def two(town: Settings, reel: Reel) -> Settings:
    """Two films of a camera, indexed: three chunks and two."""
    indexed(town, reel(0, 16))
    indexed(town, reel(16, 24), at=16.0)
    return town


def test_nothing_goes_while_footage_is_registered(two: Settings) -> None:
    before, rows = held(two), everything(two)
    assert before["sight"] == 10
    assert swept(two, 0.0) == 0
    list(compact(two))
    swept(two, 2 * DAY_S)
    assert held(two)["sight"] == 10
    assert indexed(two).footage_s == 0.0
    assert everything(two) == rows


def test_what_another_way_of_looking_saw_stays(two: Settings) -> None:
    indexed(two, fps=5.0)
    list(compact(two))
    swept(two, 0.0)
    swept(two, 2 * DAY_S)
    assert indexed(two).footage_s == 0.0, "seen before: only folded again"


class TestRemoved:
    def test_footage_leaves_the_store_after_a_while(self, two: Settings, reel: Reel) -> None:
        [gone] = footage.remove(Lake(two), [str(reel(0, 16))])
        assert gone["footage"]
        assert swept(two, 0.0) == 0, "somebody may be at work"
        list(compact(two))
        assert held(two)["sight"] == 10, "too young, and coverage has forgotten whose they were"
        assert swept(two, 2 * DAY_S) > 6
        assert held(two)["sight"] == 4
        rows = everything(two)
        assert indexed(two).footage_s == 0.0, "what is left needs no second look"
        assert len(everything(two)["coverage"]) == len(rows["coverage"])

    def test_registered_again_in_time_keeps_what_was_seen(self, two: Settings, reel: Reel) -> None:
        path = reel(0, 16)
        footage.remove(Lake(two), [str(path)])
        swept(two, 0.0)
        footage.register(two, Lake(two), [str(path)], "gate", T0)
        swept(two, 2 * DAY_S)
        assert held(two)["sight"] == 10
        assert indexed(two).footage_s == 0.0

    def test_all_of_a_camera(self, two: Settings, reel: Reel) -> None:
        store = Lake(two).store
        store.put("sight/gate/unfolded.points.parquet", b"of a job that was killed")
        footage.remove(Lake(two), [str(reel(0, 16)), str(reel(16, 24))])
        swept(two, 0.0)
        swept(two, 2 * DAY_S)
        assert held(two) == {"sight": 0, "folds": 0}


def test_only_states_that_coverage_holds_stay(two: Settings, reel: Reel) -> None:
    (two.cameras / "gate.yaml").write_text(blocks.camera(rules=blocks.RULES[:1]), encoding="utf-8")
    once = held(two)["folds"]
    indexed(two)
    assert held(two)["folds"] == 2 * once
    swept(two, 0.0)
    assert swept(two, 2 * DAY_S) == once
    assert held(two)["folds"] == once
    late = indexed(two, reel(24, 32), at=24.0)
    assert late.footage_s == 8.0, "goes on from the state that is there"


def test_compaction_does_it(two: Settings, monkeypatch: pytest.MonkeyPatch, reel: Reel) -> None:
    footage.remove(Lake(two), [str(reel(16, 24))])
    [first] = [r for r in compact(two) if r.table == STORED]
    assert first.deleted_files == 0
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 2 * DAY_S)
    [second] = [r for r in compact(two) if r.table == STORED]
    assert second.deleted_files >= 4
    assert held(two)["sight"] == 6
