"""Clips hold the stretch asked for, play everywhere, and appear whole or not at all."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from analytics.errors import Refused, Unreadable
from cluster import clips, video
from tests.cluster.conftest import KINDS, number_of, picture

Videos = Callable[[str], Path]

NUMBERED = [n for n in KINDS if n not in ("mjpeg_1x1.avi", "h264_wide.mp4", "h264_turned.mp4")]


@pytest.mark.parametrize("name", NUMBERED)
def test_a_cut_holds_the_stretch(videos: Videos, tmp_path: Path, name: str) -> None:
    start_s, end_s = 0.9, 1.7
    clip = clips.cut(videos(name), start_s, end_s, tmp_path / "new" / "clip.mp4")
    whole = {round(f.at, 3): number_of(f.luma) for f in video.read(videos(name), skip_nonref=False)}
    got = {round(clip.start_s + f.at, 3): number_of(f.luma) for f in video.read(clip.path, skip_nonref=False)}
    wanted = [n for at, n in whole.items() if start_s <= at < end_s]
    assert set(wanted) <= set(got.values()), "every picture asked for"
    assert min(got.values()) == min(n for at, n in whole.items() if at >= clip.start_s - 0.001)
    for at, number in got.items():
        assert min(abs(at - t) for t, n in whole.items() if n == number) < 0.002, "at its time"
    assert clip.end_s == pytest.approx(max(got) + 0.04, abs=0.05)
    probe = video.probe(clip.path)
    assert probe.codec in ("h264", "hevc", "mpeg4")
    assert (probe.gaps, probe.start_s) == ((), 0.0)


def test_a_cut_copies_the_packets(videos: Videos, tmp_path: Path) -> None:
    clip = clips.cut(videos("h264_b.mp4"), 0.9, 1.7, tmp_path / "clip.mp4")
    whole = {round(f.at, 3): f.luma.copy() for f in video.read(videos("h264_b.mp4"), skip_nonref=False)}
    for frame in video.read(clip.path, skip_nonref=False):
        assert np.array_equal(frame.luma, whole[round(clip.start_s + frame.at, 3)])


def test_a_turned_video_stays_upright(videos: Videos, tmp_path: Path) -> None:
    for name in ("h264_turned.mp4",):
        clip = clips.cut(videos(name), 0.1, 0.5, tmp_path / "clip.mp4")
        probe = video.probe(clip.path)
        assert (probe.width, probe.height, probe.rotation) == (96, 160, 270)


def test_the_index_comes_first(videos: Videos, tmp_path: Path) -> None:
    cut = clips.cut(videos("h264.mp4"), 0, 1, tmp_path / "cut.mp4").path.read_bytes()
    made = clips.encode([picture(i) for i in range(5)], 25, tmp_path / "made.mp4").read_bytes()
    for data in (cut, made):
        assert 0 < data.find(b"moov") < data.find(b"mdat")


@pytest.mark.parametrize(
    ("size", "expected"),
    [((160, 96), (160, 96)), ((161, 97), (160, 96)), ((2, 2), (2, 2)), ((1, 1), (2, 2)), ((3, 1), (2, 2)), ((4096, 64), (4096, 64))],
)
def test_encode_takes_any_size(tmp_path: Path, size: tuple[int, int], expected: tuple[int, int]) -> None:
    path = clips.encode((picture(i, size) for i in range(6)), 12.5, tmp_path / "clip.mp4")
    probe = video.probe(path)
    assert (probe.codec, probe.pixel_format, (probe.width, probe.height), probe.frames) == ("h264", "yuv420p", expected, 6)
    assert [f.at for f in video.read(path, skip_nonref=False)] == pytest.approx([i / 12.5 for i in range(6)], abs=1e-4)


def test_encoded_pictures_are_those_given(tmp_path: Path) -> None:
    path = clips.encode((picture(i) for i in range(100)), 25, tmp_path / "clip.mp4")
    for i, frame in enumerate(video.read(path, skip_nonref=False)):
        assert number_of(frame.luma) == i
        assert np.abs(frame.bgr().astype(int) - picture(i)).mean() < 4


def test_encode_at_uneven_times(tmp_path: Path) -> None:
    times = [5.0, 5.1, 5.11, 6.0]
    path = clips.encode_at(((t, picture(i)) for i, t in enumerate(times)), tmp_path / "clip.mp4")
    assert [f.at for f in video.read(path, skip_nonref=False)] == pytest.approx([t - 5 for t in times], abs=1e-4)


def test_nothing_to_write(videos: Videos, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="no picture"):
        clips.encode([], 25, tmp_path / "clip.mp4")
    with pytest.raises(Refused, match="no length"):
        clips.cut(videos("h264.mp4"), 2, 1, tmp_path / "clip.mp4")
    assert list(tmp_path.iterdir()) == []


def test_a_failure_midway_leaves_nothing(tmp_path: Path) -> None:
    def pictures():
        yield picture(0)
        raise RuntimeError("the reader died")

    out = tmp_path / "clip.mp4"
    out.write_bytes(b"the one before")
    with pytest.raises(RuntimeError, match="died"):
        clips.encode(pictures(), 25, out)
    assert out.read_bytes() == b"the one before"
    assert list(tmp_path.iterdir()) == [out]


def test_a_full_disk(videos: Videos, tmp_path: Path) -> None:
    for act in (lambda out: clips.cut(videos("h264.mp4"), 0, 2, out), lambda out: clips.encode([picture(0)] * 9, 25, out)):
        out = tmp_path / "clip.mp4"
        out.with_name(f".clip.mp4.{os.getpid()}.part").symlink_to("/dev/full")
        with pytest.raises(Refused, match="disk is full") as caught:
            act(out)
        assert "ổ đĩa đầy" in caught.value.vi
        assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be(videos: Videos, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Refused, match="check the folder"):
        clips.cut(videos("h264.mp4"), 0, 1, tmp_path / "file" / "clip.mp4")


def test_a_source_that_is_gone(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match="not there"):
        clips.cut(tmp_path / "gone.mp4", 0, 1, tmp_path / "clip.mp4")
