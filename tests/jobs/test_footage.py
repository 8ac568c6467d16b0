"""The register: what is put in, from when to when, what is said of it, and what a broken file does."""

import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from analytics.errors import Refused
from cluster.lake import Lake
from cluster.settings import Settings
from jobs import footage, times
from jobs.footage import Registered, listed, recall, register, remove
from tests.conftest import Minio
from tests.jobs.conftest import Maker

EIGHT = "2026-11-01T08:00:00"
CAMERA = "id: gate\nresolution: [160, 96]\n"


@pytest.fixture
def gate(home: Settings) -> Settings:
    """Settings with one camera, `gate`."""
    home.cameras.mkdir(parents=True)
    (home.cameras / "gate.yaml").write_text(CAMERA, encoding="utf-8")
    return home


def at(settings: Settings, text: str) -> float:
    return times.parse(text, settings.zone)


def put(settings: Settings, *paths: Path | str, **given: Any) -> list[Registered]:
    return register(settings, Lake(settings), [str(p) for p in paths], **given)


@pytest.mark.parametrize(
    ("name", "created", "given", "start", "start_from"),
    [
        pytest.param("a.mp4", None, {"start": EIGHT}, EIGHT, "given", id="given"),
        pytest.param("a.mp4", "2020-01-01T00:00:00Z", {"start": EIGHT}, EIGHT, "given", id="given wins over the container"),
        pytest.param("g_20261101_080000.mp4", "2020-01-01T00:00:00Z", {"start_from_name": "%Y%m%d_%H%M%S"}, EIGHT, "name", id="name"),
        pytest.param("a.mp4", "2026-11-01T01:00:00Z", {}, EIGHT, "container", id="container, UTC"),
        pytest.param("a.mp4", None, {}, "2026-10-31T23:00:00", "file", id="file"),
        pytest.param("a.mp4", "1904-01-01T00:00:00Z", {}, "2026-10-31T23:00:00", "file", id="a clock that was never set is no time"),
    ],
)
def test_where_the_start_comes_from(
    gate: Settings, clip: Maker, name: str, created: str | None, given: dict[str, str], start: str, start_from: str
) -> None:
    path = clip(name, created=created)
    modified = at(gate, "2026-10-31T23:00:00")
    os.utime(path, (modified, modified))
    exact: dict[str, Any] = {k: at(gate, v) if k == "start" else v for k, v in given.items()}
    [one] = put(gate, path, camera="gate", **exact)
    assert (one.start, one.start_from, one.error) == (at(gate, start), start_from, None)
    assert one.end - one.start == pytest.approx(2.0)
    [row] = listed(Lake(gate))
    assert (row["start"], row["start_from"], row["codec"], row["width"], row["height"]) == (one.start, start_from, "h264", 160, 96)
    assert row["fps"] == pytest.approx(10, rel=0.1)
    assert row["bytes"] == path.stat().st_size
    assert not row["removed"]


def test_one_start_for_several_files_that_follow_each_other(gate: Settings, clip: Maker, tmp_path: Path) -> None:
    broken = tmp_path / "footage" / "broken.mp4"
    paths = [clip("z.mp4", shade=50), broken, clip("a.mp4", seconds=3, shade=60), clip("m.mp4", shade=70)]
    broken.write_bytes(b"")
    start = at(gate, EIGHT)
    found = put(gate, *paths, camera="gate", start=start)
    assert [round(one.start - start, 3) for one in found] == [0, 2, 2, 5], "in the order given; an unreadable one has no length"
    assert [bool(one.error) for one in found] == [False, True, False, False]
    assert all(not one.note for one in found)


def test_a_folder_in_the_order_of_its_names(gate: Settings, clip: Maker, tmp_path: Path) -> None:
    for i, name in enumerate(("part-10.mp4", "part-2.mp4", "part-1.MKV")):
        clip(name.lower(), shade=40 + i)
    (tmp_path / "footage" / "notes.txt").write_text("no video")
    found = put(gate, tmp_path / "footage", camera="gate", start=at(gate, EIGHT))
    assert [Path(one.path).name for one in found] == ["part-1.mkv", "part-2.mp4", "part-10.mp4"]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        pytest.param(b"", "0 bytes", id="zero bytes"),
        pytest.param(b"Dear reader, this is a letter.\n" * 20, "not a video", id="text named .mp4"),
        pytest.param("truncated", "cut off", id="truncated, its index missing"),
    ],
)
def test_what_cannot_be_read_is_registered_with_its_reason(
    gate: Settings, clip: Maker, tmp_path: Path, content: bytes | str, why: str
) -> None:
    good = clip("good.mp4")
    bad = tmp_path / "footage" / "bad.mp4"
    bad.write_bytes(content if isinstance(content, bytes) else good.read_bytes()[:2000])
    first, second = put(gate, bad, good, camera="gate", start=at(gate, EIGHT))
    assert second.error is None, "the other files go on"
    assert first.error is not None
    assert why in first.error
    assert "bad.mp4" in first.error
    [row] = [r for r in listed(Lake(gate)) if r["error"]]
    assert (row["error"], row["uri"], row["codec"], row["start"]) == (first.error, bad.as_uri(), "", row["end"])


def test_a_broken_file_put_right_is_read_and_its_old_reason_goes(gate: Settings, clip: Maker, tmp_path: Path) -> None:
    bad = tmp_path / "footage" / "late.mp4"
    bad.parent.mkdir()
    bad.write_bytes(b"")
    put(gate, bad, camera="gate", start=at(gate, EIGHT))
    clip("late.mp4")
    put(gate, bad, camera="gate", start=at(gate, EIGHT))
    [row] = listed(Lake(gate))
    assert row["error"] is None


def test_two_empty_files_are_two(gate: Settings, tmp_path: Path) -> None:
    for name in ("a.mp4", "b.mp4"):
        (tmp_path / name).write_bytes(b"")
    assert len(put(gate, tmp_path / "a.mp4", tmp_path / "b.mp4", camera="gate")) == 2
    assert len(listed(Lake(gate))) == 2


class TestTheSameFileTwice:
    def test_in_one_call(self, gate: Settings, clip: Maker) -> None:
        path = clip("a.mp4")
        copy = Path(shutil.copy(path, path.with_name("b.mp4")))
        start = at(gate, EIGHT)
        first, second, third = put(gate, path, copy, clip("c.mp4", shade=30), camera="gate", start=start)
        assert (second.new, second.start, "same content" in second.note) == (False, first.start, True)
        assert third.start == pytest.approx(start + 2), "the copy takes no time"
        assert len(listed(Lake(gate))) == 2

    def test_later(self, gate: Settings, clip: Maker) -> None:
        path = clip("a.mp4")
        put(gate, path, camera="gate", start=at(gate, EIGHT))
        [again] = put(gate, path, camera="gate")
        assert (again.new, again.start, again.start_from) == (False, at(gate, EIGHT), "given"), "the start it has is kept"
        assert len(listed(Lake(gate))) == 1

    def test_without_a_camera_it_stays_where_it_is(self, gate: Settings, clip: Maker) -> None:
        path = clip("a.mp4")
        put(gate, path, camera="gate")
        [again] = put(gate, path)
        assert (again.camera, again.new) == ("gate", False)
        assert "gate" in again.note
        assert not (gate.cameras / "a.yaml").exists()

    def test_under_a_new_path(self, gate: Settings, clip: Maker) -> None:
        path = clip("a.mp4")
        put(gate, path, camera="gate", start=at(gate, EIGHT))
        moved = path.rename(path.with_name("b.mp4"))
        put(gate, moved, camera="gate")
        [row] = listed(Lake(gate))
        assert (row["uri"], row["start"]) == (moved.as_uri(), at(gate, EIGHT))

    def test_at_another_time_it_moves(self, gate: Settings, clip: Maker) -> None:
        path = clip("a.mp4")
        put(gate, path, camera="gate", start=at(gate, EIGHT))
        [moved] = put(gate, path, camera="gate", start=at(gate, "2026-11-02T08:00"))
        assert "moved from 2026-11-01 08:00:00 to 2026-11-02 08:00:00" in moved.note
        [row] = listed(Lake(gate))
        assert row["start"] == at(gate, "2026-11-02T08:00")


@pytest.mark.parametrize(
    ("later", "says"),
    [
        pytest.param("2026-11-01T08:00:01", True, id="half of it"),
        pytest.param("2026-11-01T08:00:02", False, id="right after"),
        pytest.param("2026-11-01T08:00:01.8", False, id="by a few frames"),
    ],
)
def test_files_that_overlap_in_time_are_both_taken_and_it_is_said(gate: Settings, clip: Maker, later: str, says: bool) -> None:
    put(gate, clip("a.mp4"), camera="gate", start=at(gate, EIGHT))
    [one] = put(gate, clip("b.mp4", shade=40), camera="gate", start=at(gate, later))
    assert ("overlaps" in one.note and "a.mp4" in one.note) == says
    assert len(listed(Lake(gate))) == 2


class TestBareCameras:
    def test_named_after_the_file(self, home: Settings, clip: Maker) -> None:
        [one] = put(home, clip("vn_giangvo_langha.mp4"))
        assert one.camera == "vn-giangvo-langha"
        file = home.cameras / "vn-giangvo-langha.yaml"
        assert str(file) in one.note
        assert "cameras still vn-giangvo-langha" in one.note, "how to add lines and zones"
        assert "160, 96" in file.read_text(encoding="utf-8")

    def test_its_file_is_written_once(self, home: Settings, clip: Maker) -> None:
        path = clip("a.mp4")
        put(home, path)
        (home.cameras / "a.yaml").write_text("id: a\nresolution: [160, 96]\nagency: mine\n", encoding="utf-8")
        [again] = put(home, path)
        assert not again.note
        assert "mine" in (home.cameras / "a.yaml").read_text(encoding="utf-8")

    def test_a_camera_file_of_that_name_is_used(self, gate: Settings, clip: Maker) -> None:
        [one] = put(gate, clip("Gate.mp4"))
        assert (one.camera, one.note) == ("gate", "")

    def test_another_file_of_that_name_is_another_camera(self, home: Settings, clip: Maker) -> None:
        first, second = put(home, clip("north/clip.mp4"), clip("south/clip.mp4", shade=40))
        assert (first.camera, second.camera) == ("clip", "clip-2")

    def test_none_is_written_for_what_cannot_be_read(self, home: Settings, tmp_path: Path) -> None:
        (tmp_path / "bad.mp4").write_bytes(b"")
        [one] = put(home, tmp_path / "bad.mp4")
        assert (one.camera, list(home.cameras.glob("*")) if home.cameras.exists() else []) == ("bad", [])


def test_a_picture_of_another_shape_than_the_camera_says_is_told(gate: Settings, clip: Maker) -> None:
    [one] = put(gate, clip("tall.mp4", size=(96, 160)), camera="gate")
    assert "96×160" in one.note
    assert "160×96" in one.note


@pytest.mark.parametrize(
    ("paths", "given", "says"),
    [
        pytest.param(["nowhere.mp4"], {}, "There is no nowhere.mp4", id="no such file"),
        pytest.param(["empty-folder"], {}, "no video files", id="a folder without videos"),
        pytest.param(["rtsp://camera/main"], {}, "Save the stream", id="a stream"),
        pytest.param(["a.mp4"], {"camera": "gaet"}, "did you mean `gate`", id="an unknown camera"),
        pytest.param(["a.mp4"], {"camera": "other"}, "other.yaml", id="how to make a camera"),
        pytest.param(["a.mp4"], {"start_from_name": "%Y%m%d_%H%M%S"}, "a.mp4: no time like", id="no time in the name"),
        pytest.param(["s3://bucket/a.mp4"], {}, "AWS_ACCESS_KEY_ID", id="S3 without keys"),
    ],
)
def test_what_is_wrong_is_refused_before_anything_is_registered(
    gate: Settings, clip: Maker, monkeypatch: pytest.MonkeyPatch, paths: list[str], given: dict[str, str], says: str
) -> None:
    monkeypatch.chdir(clip("a.mp4").parent)
    Path("empty-folder").mkdir()
    with pytest.raises(Refused) as refused:
        put(gate, "a.mp4", *paths, **given)
    assert says in refused.value.en
    assert refused.value.vi != refused.value.en
    assert listed(Lake(gate)) == []
    assert [p.name for p in gate.cameras.iterdir()] == ["gate.yaml"]


class TestRemove:
    @pytest.mark.parametrize("by", ["path", "hash", "folder", "uri"])
    def test_by(self, gate: Settings, clip: Maker, by: str) -> None:
        path = clip("a.mp4")
        [one] = put(gate, path, camera="gate")
        name = {"path": str(path), "hash": one.footage[:8], "folder": str(path.parent), "uri": one.uri}[by]
        [gone] = remove(Lake(gate), [name])
        assert gone["footage"] == one.footage
        assert listed(Lake(gate)) == []
        assert path.exists(), "the file stays"

    def test_and_added_again(self, gate: Settings, clip: Maker) -> None:
        path = clip("a.mp4")
        put(gate, path, camera="gate")
        remove(Lake(gate), [str(path)])
        [one] = put(gate, path, camera="gate")
        assert one.new
        assert len(listed(Lake(gate))) == 1

    @pytest.mark.parametrize("name", ["b.mp4", "abc", "ffffffff"])
    def test_what_is_not_there_is_refused(self, gate: Settings, clip: Maker, name: str) -> None:
        put(gate, clip("a.mp4"), camera="gate")
        with pytest.raises(Refused, match="footage list"):
            remove(Lake(gate), [name])
        assert len(listed(Lake(gate))) == 1


def test_many_files_are_written_in_batches(gate: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(footage, "BATCH", 2)
    for i in range(5):
        (tmp_path / f"{i}.mp4").write_bytes(b"")
    told: list[str] = []
    lake = Lake(gate)
    found = register(gate, lake, [str(tmp_path / f"{i}.mp4") for i in range(5)], "gate", 0.0, tell=told.append)
    assert [Path(t).name for t in told] == [f"{i}.mp4" for i in range(5)]
    assert [row["uri"] for row in listed(lake)] == [one.uri for one in found]
    assert len({round(row["added_at"], 4) for row in listed(lake)}) == 3, "three commits"


def test_recall_gives_what_register_gave(gate: Settings, clip: Maker) -> None:
    registered = put(gate, clip("a.mp4"), clip("b.mp4", shade=40), camera="gate", start=at(gate, EIGHT))
    assert recall(Lake(gate), "gate") == [replace(one, probe=None, new=False) for one in registered]
    assert recall(Lake(gate), "other") == []


def test_messages_in_vietnamese(gate: Settings, clip: Maker) -> None:
    vietnamese = replace(gate, language="vi")
    path = clip("đường_số_1.mp4")
    [one] = put(vietnamese, path)
    assert one.camera == "duong-so-1"
    assert "đã tạo camera trống" in one.note


@pytest.mark.minio
def test_footage_in_s3(home: Settings, minio: Minio, clip: Maker) -> None:
    from cluster.store import open_store

    storage = replace(home, store=f"s3://{minio.bucket()}/inner", s3=minio.s3)
    path = clip("a.mp4")
    uri = open_store(storage).put("raw/day 1/a.mp4", path)
    folder = uri.rsplit("/", 2)[0]
    for name in (uri, folder, f"{folder}/"):
        [one] = footage.register(storage, Lake(storage), [name], start=100.0)
        assert (one.uri, one.camera, one.error) == (uri, "a", None)
        assert one.local is not None
        assert one.local.read_bytes() == path.read_bytes()
    assert len(listed(Lake(storage))) == 1
    with pytest.raises(Refused, match="no video file under it"):
        footage.register(storage, Lake(storage), [f"{folder}/b.mp4"])


@pytest.mark.parametrize(
    ("broken", "text", "film", "refused"),
    [
        pytest.param("z.yaml", "id: z\n", "clip.mp4", False, id="of another camera"),
        pytest.param("clip.yml", "id: [\n", "clip.mp4", True, id="named like the film"),
        pytest.param("z.yaml", "id: clip\nzonse: {}\n", "clip.mp4", True, id="with the film's name as id"),
        pytest.param("z.yaml", 'id: "clip-2"\n', "Clip.mp4", True, id="the second of that name"),
        pytest.param("z.yaml", "{id: clip, zonse: {}}\n", "clip.mp4", True, id="in braces"),
    ],
)
def test_a_broken_camera_file_stops_only_footage_that_may_be_its_own(
    home: Settings, clip: Maker, broken: str, text: str, film: str, refused: bool
) -> None:
    home.cameras.mkdir(parents=True)
    (home.cameras / broken).write_text(text, encoding="utf-8")
    if refused:
        with pytest.raises(Refused, match=broken):
            put(home, clip(film))
        assert listed(Lake(home)) == []
    else:
        assert [one.camera for one in put(home, clip(film))] == ["clip"]
        assert (home.cameras / "clip.yaml").exists()


def test_footage_of_a_camera_whose_file_broke_gets_no_other_camera(home: Settings, clip: Maker) -> None:
    put(home, clip("clip.mp4"))
    (home.cameras / "clip.yaml").rename(home.cameras / "clip.yml")
    (home.cameras / "clip.yml").write_text("id: clip\n", encoding="utf-8")
    with pytest.raises(Refused, match=r"clip\.yml, line 1"):
        put(home, clip("again.mp4"))
    assert [p.name for p in home.cameras.iterdir()] == ["clip.yml"]
