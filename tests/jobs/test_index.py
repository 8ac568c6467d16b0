"""Indexing in this process: what is found is right, is found once, and is the same however the footage came."""

import json
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import matthan
from analytics.errors import Refused
from cluster.lake import Lake
from cluster.search import Query, coverage, search
from cluster.settings import Settings
from jobs import finding, footage, index, rewind
from jobs.compact import compact
from jobs.index import IndexRequest, Progress
from tests.chronicle import T0
from tests.jobs import blocks
from tests.jobs.blocks import CROSSINGS
from tests.jobs.conftest import Reel
from tests.jobs.lakes import covered, crossings, events, everything, indexed, settle, tracks, written

ROOT = Path(__file__).resolve().parents[2]
TRACKS = [("car", 0.5, 6.2), ("truck", 1.5, 8.8), ("car", 4.5, 16.2), ("person", 9.0, 20.4), ("truck", 15.5, 22.8), ("car", 17, 22.7)]
EVENTS = [
    ("wrong_way", "truck", 1.5, 5.0),
    ("illegal_stop", "car", 8.5, 14.5),
    ("intrusion", "person", 9.8, 20.4),
    ("wrong_way", "truck", 15.5, 19.0),
]


def right(settings: Settings) -> None:
    """Asserts that the whole street is there, each thing once."""
    assert crossings(settings) == CROSSINGS
    for found, true in ((tracks(settings), TRACKS), (events(settings), EVENTS)):
        assert [f[:-2] for f in found] == [t[:-2] for t in true]
        assert [f[-2:] for f in found] == [pytest.approx(t[-2:], abs=0.6) for t in true]


def stored(settings: Settings) -> dict[str, bytes]:
    """Every file of the store and of the folder of cameras."""
    folders = Path(settings.store), settings.cameras
    return {str(p): p.read_bytes() for folder in folders for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.fixture
def twin(town: Settings, studio: Path, tmp_path: Path) -> Settings:
    """Another home just like `town`, for what it is compared with."""
    return settle(tmp_path / "twin", studio)


def test_a_street(town: Settings, studio: Path) -> None:
    report = indexed(town, studio / "street.mp4")
    right(town)
    assert [c[:3] for c in covered(town)] == [(a, a + 6.0, "seen") for a in (0.0, 6.0, 12.0, 18.0)]
    assert (report.tracks, report.crossings, report.footage_s, report.complete) == (6, 5, 24.0, True)
    assert report.events == {"wrong_way": 2, "illegal_stop": 1, "intrusion": 1}
    assert report.backend == "openvino-f32"
    assert [f.state for f in report.files] == ["indexed"]
    [row] = Lake(town).rows("SELECT * FROM runs", ["runs"])
    assert (row["run"], row["state"], row["footage_s"]) == (report.run, "done", 24.0)
    answer = search(Lake(town), Query(("gate",), event="any"), {})
    assert answer.coverage.share == 1.0
    stop = next(h for h in answer.hits if h.event == "illegal_stop")
    assert stop.evidence["dwell_s"] == pytest.approx(6.0, abs=0.3)
    assert (stop.evidence["model"], len(str(stop.evidence["weights_sha256"]))) == (blocks.MODEL, 64)


def test_again_does_nothing(town: Settings, studio: Path) -> None:
    indexed(town, studio / "street.mp4")
    before, rows = everything(town), written(town)
    report = indexed(town, studio / "street.mp4")
    assert (report.footage_s, report.tracks, [f.state for f in report.files]) == (0.0, 0, ["already"])
    assert index.run(town, IndexRequest(workers=0)).files == ()
    assert (everything(town), written(town)) == (before, rows)


@pytest.mark.parametrize("chunk_s", [3.0, 8.0, 60.0])
def test_where_chunks_are_cut_changes_nothing_that_matters(town: Settings, studio: Path, chunk_s: float) -> None:
    indexed(town, studio / "street.mp4", chunk_s=chunk_s)
    right(town)


def test_cuts_that_were_seen_stay(town: Settings, studio: Path) -> None:
    some = indexed(town, studio / "street.mp4", within=(T0 + 7, T0 + 8))
    assert some.footage_s == 6.0
    assert [c[:3] for c in covered(town)] == [(6.0, 12.0, "seen")]
    rest = indexed(town, studio / "street.mp4", chunk_s=None)
    assert rest.footage_s == 18.0
    assert [c[:3] for c in covered(town)] == [(0.0, 6.0, "seen"), (6.0, 12.0, "seen"), (12.0, 24.0, "seen")]
    right(town)


def test_another_way_of_looking_replaces_what_was_seen(town: Settings, studio: Path) -> None:
    indexed(town, studio / "street.mp4")
    assert indexed(town, studio / "street.mp4", fps=5.0).footage_s == 24.0
    assert (crossings(town), [e[0] for e in events(town)]) == (CROSSINGS, [e[0] for e in EVENTS])
    assert len({r["sight"] for r in everything(town)["coverage"]}) == 4
    back = indexed(town, studio / "street.mp4")
    assert (back.footage_s, back.tracks) == (0.0, 6), "seen before: only folded again"
    right(town)


class TestRules:
    CHANGED = (
        "{kind: line_count, line: middle}",
        "{kind: illegal_stop, zone: right, after_s: 2}",
        "{kind: loitering, zone: right, after_s: 4}",
    )

    def test_changed_rules_fold_again_without_the_footage(self, town: Settings, twin: Settings, reel: Reel, tmp_path: Path) -> None:
        film = (tmp_path / "street.mp4").resolve()
        film.write_bytes(reel(0, 24).read_bytes())
        indexed(town, film)
        text = blocks.camera(rules=self.CHANGED)
        (town.cameras / "gate.yaml").write_text(text, encoding="utf-8")
        (twin.cameras / "gate.yaml").write_text(text, encoding="utf-8")
        indexed(twin, film)
        film.unlink()
        report = indexed(town)
        assert (report.footage_s, report.looks, report.complete) == (0.0, 0, True)
        assert everything(town) == everything(twin)
        assert {kind for kind, *_ in events(town)} == {"illegal_stop", "loitering"}

    def test_a_zones_new_shape_and_a_corrected_clock_need_no_second_look(self, town: Settings, studio: Path) -> None:
        indexed(town, studio / "street.mp4")
        text = blocks.camera(rules=blocks.RULES, extra="clock_offset_s: 100\n").replace("[[160, 0], [320, 0]", "[[200, 0], [320, 0]")
        (town.cameras / "gate.yaml").write_text(text, encoding="utf-8")
        assert indexed(town).footage_s == 0.0
        assert events(town)[0][2] == pytest.approx(101.5, abs=0.6)
        assert [c[0] for c in covered(town)] == [100.0, 106.0, 112.0, 118.0]

    @pytest.mark.parametrize("span", [(None, None), (T0 + 5.0, T0 + 9.0)])
    def test_rewind_with_the_same_rules_finds_the_same(
        self, town: Settings, studio: Path, tmp_path: Path, span: tuple[float | None, float | None]
    ) -> None:
        indexed(town, studio / "street.mp4")
        rules = tmp_path / "rules.yaml"
        rules.write_text("".join(f"- {rule}\n" for rule in blocks.RULES), encoding="utf-8")
        found = rewind.run(town, rules, "gate", *span)
        low, high = span[0] or 0.0, span[1] or 1e12
        stored = Lake(town).rows(
            'SELECT * REPLACE (epoch(start) AS start, epoch("end") AS "end") FROM events ORDER BY start, event', ["events"]
        )
        wanted = [r for r in stored if r["end"] >= low and r["start"] < high]
        hits = sorted(found.hits, key=lambda h: (h.start, h.id))
        assert len(hits) == len(wanted) > 0
        for hit, row in zip(hits, wanted, strict=True):
            assert (hit.id, hit.event) == (f"e{row['event']:016x}", row["kind"])
            assert (hit.start, hit.end) == pytest.approx((row["start"], row["end"]), abs=1e-6)
        if span[0] is None:
            assert {(c.object, c.direction): c.count for c in found.counts} == CROSSINGS
            pcu = Lake(town).rows("SELECT sum(pcu) AS pcu FROM counts", ["counts"])[0]["pcu"]
            assert sum(c.pcu for c in found.counts) == pytest.approx(pcu)
        assert found.coverage.share == 1.0

    def test_rewind_with_new_rules_finds_what_indexing_with_them_finds(
        self, town: Settings, twin: Settings, studio: Path, tmp_path: Path
    ) -> None:
        indexed(town, studio / "street.mp4")
        (twin.cameras / "gate.yaml").write_text(blocks.camera(rules=self.CHANGED), encoding="utf-8")
        indexed(twin, studio / "street.mp4")
        rules = tmp_path / "rules.yaml"
        rules.write_text("rules:\n" + "".join(f"  - {rule}\n" for rule in self.CHANGED), encoding="utf-8")
        before = everything(town)
        found = rewind.run(town, rules, "gate", None, None)
        assert sorted((h.event, round(h.start - T0, 3), round(h.end - T0, 3)) for h in found.hits) == sorted(
            (kind, a, b) for kind, _, a, b in events(twin)
        )
        assert {event: n for _, event, n in found.per_day} == {"illegal_stop": 1, "loitering": 1}
        assert everything(town) == before, "nothing is written"


class TestSeveralFiles:
    PARTS = ((0, 8), (8, 16), (16, 24))

    def test_one_after_the_other_are_one_street(self, town: Settings, reel: Reel) -> None:
        indexed(town, *(reel(a, b) for a, b in self.PARTS))
        right(town)

    @pytest.mark.parametrize("order", [(0, 2, 1), (2, 1, 0), (1, 0, 2)])
    def test_footage_that_comes_late_makes_right_what_follows(
        self, town: Settings, twin: Settings, reel: Reel, order: tuple[int, ...]
    ) -> None:
        indexed(twin, *(reel(a, b) for a, b in self.PARTS))
        for i in order:
            a, b = self.PARTS[i]
            report = indexed(town, reel(a, b), at=a)
            assert report.footage_s == 8.0, "nothing is seen twice"
        assert everything(town) == everything(twin)

    def test_compaction_in_between_changes_nothing(self, town: Settings, twin: Settings, reel: Reel) -> None:
        indexed(twin, *(reel(a, b) for a, b in self.PARTS))
        for i in (0, 2, 1):
            a, b = self.PARTS[i]
            indexed(town, reel(a, b), at=a)
            list(compact(town))
        assert everything(town) == everything(twin)

    def test_that_overlap_in_time_are_counted_once(self, town: Settings, reel: Reel) -> None:
        first = indexed(town, reel(0, 10))
        second = indexed(town, reel(7, 24), at=7.0)
        assert "overlaps" in second.files[0].note
        right(town)
        spans = [(a, b) for a, b, *_ in covered(town)]
        assert spans[0][0] == 0.0
        assert spans[-1][1] == 24.0
        assert all(b == pytest.approx(c, abs=0.002) for (_, b), (c, _) in pairwise(spans)), spans
        assert first.footage_s + second.footage_s == pytest.approx(24.0, abs=0.01)

    def test_one_within_the_other_adds_nothing(self, town: Settings, reel: Reel) -> None:
        indexed(town, reel(0, 24))
        before = everything(town)
        inner = indexed(town, reel(8, 16), at=8.0)
        assert (inner.footage_s, [f.state for f in inner.files]) == (0.0, ["already"])
        assert everything(town) == before

    def test_what_other_footage_covered_is_seen_once_that_is_removed(self, town: Settings, reel: Reel) -> None:
        indexed(town, reel(0, 10))
        indexed(town, reel(4, 24), at=4.0)
        footage.remove(Lake(town), [str(reel(0, 10))])
        report = indexed(town)
        assert report.footage_s == pytest.approx(6.0), "from 4 to 10 s"
        assert crossings(town) == {("car", "in"): 2, ("truck", "out"): 2}
        spans = [(a, b) for a, b, *_ in covered(town)]
        assert (spans[0][0], spans[-1][1], sum(b - a for a, b in spans)) == pytest.approx((4.0, 24.0, 20.0))

    def test_the_same_file_twice_is_one(self, town: Settings, reel: Reel, tmp_path: Path) -> None:
        copy = tmp_path / "copy.mp4"
        copy.write_bytes(reel(0, 24).read_bytes())
        report = indexed(town, reel(0, 24), copy)
        assert [f.state for f in report.files] == ["indexed", "indexed"]
        assert "same content" in report.files[1].note
        right(town)

    def test_removed_footage_is_gone_from_answers_and_from_what_followed(self, town: Settings, twin: Settings, reel: Reel) -> None:
        first, *rest = (reel(a, b) for a, b in self.PARTS)
        indexed(town, first, *rest)
        footage.remove(Lake(town), [str(first)])
        answer = search(Lake(town), Query(("gate",), start=T0, end=T0 + 8), {})
        assert (answer.coverage.indexed_s, answer.coverage.missing[0].reason) == (0.0, "no footage")
        assert indexed(town).footage_s == 0.0
        indexed(twin, *rest, at=8.0)
        assert everything(town) == everything(twin)

    def test_moved_in_time_it_is_not_seen_again(self, town: Settings, reel: Reel) -> None:
        indexed(town, reel(0, 24))
        moved = indexed(town, reel(0, 24), at=3600.0)
        assert (moved.footage_s, "moved from" in moved.files[0].note) == (0.0, True)
        assert crossings(town) == CROSSINGS
        assert [a for a, *_ in covered(town)] == [3600.0, 3606.0, 3612.0, 3618.0]


def test_two_jobs_at_once_leave_one_set_of_rows(town: Settings, twin: Settings, reel: Reel) -> None:
    films = [reel(a, a + 8) for a in (0, 8, 16)]
    start = ["--camera", "gate", "--start", "2026-11-01T08:00"]
    assert matthan.main(["footage", "add", *map(str, films), *start]) == 0
    command = [sys.executable, "-m", "jobs.index", "--workers", "0"]
    both = [subprocess.Popen(command, cwd=ROOT, env=town.environment(), stdout=subprocess.DEVNULL) for _ in range(2)]
    assert [job.wait(200) for job in both] == [0, 0]
    indexed(twin, *films, chunk_s=None)
    assert everything(town) == everything(twin)


class TestProgress:
    def test_goes_forward_and_ends_at_the_whole(self, town: Settings, studio: Path) -> None:
        told: list[Progress] = []
        request = IndexRequest((str(studio / "street.mp4"),), "gate", T0, workers=0, chunk_s=6.0)
        index.run(town, request, told.append)
        done = [p.footage_s_done for p in told]
        assert done == sorted(done)
        assert (done[-1], {p.footage_s_total for p in told}) == (24.0, {24.0})
        assert told[-1].eta_s == 0.0
        assert all(p.rate >= 0 for p in told)

    def test_rows_are_there_as_soon_as_their_chunk_is_seen(self, town: Settings, studio: Path) -> None:
        seen: list[int] = []
        request = IndexRequest((str(studio / "street.mp4"),), "gate", T0, workers=0, chunk_s=6.0)
        index.run(town, request, lambda p: seen.append(len(covered(town))))
        assert [n for i, n in enumerate(seen) if n not in seen[:i]][-4:] == [1, 2, 3, 4]


class TestEstimate:
    def test_by_a_look_at_the_first_seconds(self, town: Settings, studio: Path) -> None:
        request = IndexRequest((str(studio / "street.mp4"),), "gate", T0, workers=0)
        told = index.estimate(town, request)
        assert (told.footage_s, told.todo_s) == (24.0, 24.0)
        assert told.seconds > 0
        assert told.basis.startswith("the first 10 s")
        assert covered(town) == [], "nothing is indexed"
        assert not list(Lake(town).store.keys("sight/"))

    @pytest.mark.parametrize(
        ("given", "todo_s"),
        [
            pytest.param({"camera": "gate", "start": T0 + 100}, 8.0, id="known footage, moved: to be seen before it is folded"),
            pytest.param({"camera": None, "start": None}, 16.0, id="new footage without a camera"),
        ],
    )
    def test_writes_nothing(self, town: Settings, reel: Reel, given: dict[str, Any], todo_s: float) -> None:
        indexed(town, reel(0, 8))
        before, rows = everything(town), footage.listed(Lake(town))
        files = stored(town)
        path = reel(0, 8) if given["camera"] else reel(0, 16)
        told = index.estimate(town, IndexRequest((str(path),), workers=0, fps=5.0, model=blocks.MODEL, **given))
        assert told.todo_s == pytest.approx(todo_s)
        assert stored(town) == files
        assert (everything(town), footage.listed(Lake(town))) == (before, rows)

    def test_of_a_known_file_that_would_move_what_is_seen_is_not_seen_again(self, town: Settings, reel: Reel) -> None:
        indexed(town, reel(0, 8))
        told = index.estimate(town, IndexRequest((str(reel(0, 8)),), "gate", T0 + 100, workers=0))
        moved = indexed(town, reel(0, 8), at=100.0, chunk_s=None)
        assert told.todo_s == pytest.approx(moved.footage_s)

    def test_fetches_no_weights(self, town: Settings, reel: Reel, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("models.catalog.pull", lambda *_, **__: pytest.fail("nothing is fetched for an estimate"))
        with pytest.raises(Refused, match="matthan models pull street"):
            index.estimate(town, IndexRequest((str(reel(0, 8)),), "gate", T0, model="street"))

    def test_by_what_this_machine_did_before(self, town: Settings, reel: Reel) -> None:
        import platform
        from datetime import UTC, datetime

        import pyarrow as pa

        lake = Lake(town)
        run = {"run": "r", "job": "index", "state": "done", "arguments": "{}", "host": platform.node(), "footage_s": 100.0, "cpu_s": 25.0}
        lake.append("runs", pa.Table.from_pylist([run | {"written_at": datetime.now(UTC)}], lake.schema("runs")))
        told = index.estimate(town, IndexRequest((str(reel(0, 8)),), "gate", T0, workers=2))
        assert told.seconds == pytest.approx(8.0 * 0.25 / 2)
        assert told.basis.startswith("100 s indexed here before")

    def test_when_nothing_is_missing(self, town: Settings, reel: Reel) -> None:
        indexed(town, reel(0, 8))
        assert index.estimate(town, IndexRequest(workers=0)).seconds == 0.0

    def test_of_what_cannot_be_read(self, town: Settings, tmp_path: Path) -> None:
        bad = tmp_path / "bad.mp4"
        bad.write_bytes(b"")
        assert index.estimate(town, IndexRequest((str(bad),), "gate", workers=0)).todo_s == 0.0


class TestIndexMissing:
    """`matthan search --index-missing`."""

    ASKED = ("search", "--camera", "gate", "--from", "2026-11-01T08:00:09", "--to", "2026-11-01T08:00:12", "--format", "json")

    def test_looks_at_what_the_answer_misses_and_at_nothing_else(
        self, town: Settings, reel: Reel, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(finding, "OFTEN_S", 0.0)
        (town.cameras / "other.yaml").write_text(blocks.camera("other"), encoding="utf-8")
        for camera in ("gate", "other"):
            start = ["--camera", camera, "--start", "2026-11-01T08:00"]
            assert matthan.main(["footage", "add", str(reel(0, 8)), str(reel(8, 16)), str(reel(16, 24)), *start]) == 0
        capfd.readouterr()
        assert matthan.main(list(self.ASKED)) == 0
        before = json.loads(capfd.readouterr().out)
        assert (before["hits"], before["coverage"]["indexed_s"]) == ([], 0.0)
        assert matthan.main([*self.ASKED, "--index-missing"]) == 0
        out, err = capfd.readouterr()
        answer = json.loads(out)
        assert [hit["object"] for hit in answer["hits"]] == ["car", "person"]
        assert (answer["coverage"]["indexed_s"], answer["coverage"]["missing"]) == (3.0, [])
        assert all(f"+ {hit['id']}" in err for hit in answer["hits"]), "hits are told as they come"
        assert [c[:2] for c in covered(town)] == [(8.0, 16.0)]

    def test_a_broken_camera_file_keeps_nobody_from_looking_at_others(
        self, town: Settings, reel: Reel, capfd: pytest.CaptureFixture[str]
    ) -> None:
        (town.cameras / "other.yaml").write_text(blocks.camera("other"), encoding="utf-8")
        for camera in ("gate", "other"):
            assert matthan.main(["footage", "add", str(reel(8, 16)), "--camera", camera, "--start", "2026-11-01T08:00:08"]) == 0
        (town.cameras / "other.yaml").write_text("id: other\n", encoding="utf-8")
        capfd.readouterr()
        assert matthan.main(["search", *self.ASKED[3:], "--index-missing"]) == 3
        out, err = capfd.readouterr()
        assert {hit["camera"] for hit in json.loads(out)["hits"]} == {"gate"}
        assert [(gap["camera"], gap["reason"]) for gap in json.loads(out)["coverage"]["missing"]] == [("other", "not indexed")]
        assert "other.yaml, line 1" in err

    def test_nothing_can_be_looked_at_where_no_camera_was(self, town: Settings, capfd: pytest.CaptureFixture[str]) -> None:
        assert matthan.main([*self.ASKED, "--index-missing"]) == 0
        assert json.loads(capfd.readouterr().out)["coverage"]["missing"][0]["reason"] == "no footage"

    def test_what_cannot_be_read_is_said(self, town: Settings, reel: Reel, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
        film = tmp_path / "gone.mp4"
        film.write_bytes(reel(8, 16).read_bytes())
        assert matthan.main(["footage", "add", str(film), "--camera", "gate", "--start", "2026-11-01T08:00:08"]) == 0
        film.unlink()
        capfd.readouterr()
        assert matthan.main([*self.ASKED, "--index-missing"]) == 3
        [gap] = json.loads(capfd.readouterr().out)["coverage"]["missing"]
        assert "gone.mp4 is not there" in gap["reason"]


def test_coverage_says_which_rules_were_folded(town: Settings, reel: Reel) -> None:
    indexed(town, reel(0, 8))
    span = (T0, T0 + 8)
    known = search(Lake(town), Query(("gate",), *span, event="intrusion"), {}).coverage
    assert known.share == 1.0
    unknown = search(Lake(town), Query(("gate",), *span, event="congestion"), {}).coverage
    assert unknown.indexed_s == 0.0
    assert "without a rule of kind congestion" in unknown.missing[0].reason
    assert coverage(Lake(town), ["gate"], span).share == 1.0


def test_a_model_that_is_not_there(town: Settings, reel: Reel) -> None:
    with pytest.raises(Refused, match=r"nowhere\.onnx"):
        indexed(town, reel(0, 8), model="nowhere.onnx")
    assert covered(town) == []


def test_weights_are_fetched_with_a_bar(
    town: Settings, studio: Path, reel: Reel, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    from models import catalog

    def arriving(name: str, *, cache: Path, progress: catalog.Progress) -> catalog.Weights:
        progress(5_000_000, 5_000_000)
        return catalog.resolve(studio / blocks.MODEL, folders=(), cache=cache)

    monkeypatch.setattr(catalog, "pull", arriving)
    indexed(town, reel(0, 8), model="street")
    assert "street: 5.0 / 5.0 MB" in capfd.readouterr().err
