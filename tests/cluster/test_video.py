"""Every kind of file is probed, cut and read: each picture once, at its time, in whole files and in chunks alike."""

import hashlib
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from analytics.errors import Unreadable
from cluster import video
from tests.cluster.conftest import KINDS, encode, number_of

Videos = Callable[[str], Path]

NUMBERED = [n for n in KINDS if n not in ("mjpeg_1x1.avi", "h264_wide.mp4", "h264_turned.mp4")]


def times(name: str) -> list[float]:
    """When each picture of a kind is shown, seconds from the first."""
    kind = KINDS[name]
    stamps = kind.get("stamps") or [i * 40 for i in range(kind.get("frames", 60))]
    return [(s - stamps[0]) / 1000 for s in stamps]


@pytest.mark.parametrize(
    ("name", "codec", "size", "rotation", "start_s"),
    [
        ("h264.mp4", "h264", (160, 96), 0, 0.0),
        ("h264_late.ts", "h264", (160, 96), 0, 3600.0),
        ("h264_late.mp4", "h264", (160, 96), 0, 7.0),
        ("h264_turned.mp4", "h264", (96, 160), 270, 0.0),
        ("h264_odd.mp4", "h264", (161, 97), 0, 0.0),
        ("h264_wide.mp4", "h264", (7680, 96), 0, 0.0),
        ("h265_open.mkv", "hevc", (160, 96), 0, 0.0),
        ("mjpeg_1x1.avi", "mjpeg", (1, 1), 0, 0.0),
        ("mpeg4.avi", "mpeg4", (160, 96), 0, None),
        ("vp8.mkv", "vp8", (160, 96), 0, 0.0),
    ],
)
def test_probe_tells_what_a_file_holds(
    videos: Videos, name: str, codec: str, size: tuple[int, int], rotation: int, start_s: float | None
) -> None:
    got = video.probe(videos(name))
    frames = KINDS[name].get("frames", 60)
    assert (got.codec, (got.width, got.height), got.rotation) == (codec, size, rotation)
    assert got.frames == frames
    assert got.fps == pytest.approx(25, rel=0.01)
    assert got.duration_s == pytest.approx(frames / 25, abs=0.002)
    assert start_s is None or got.start_s == pytest.approx(start_s, abs=0.1)
    assert got.bytes == videos(name).stat().st_size
    assert got.creation_time is None
    assert got.keyframes[0] == 0
    assert got.gaps == ()


@pytest.mark.parametrize("name", NUMBERED)
def test_every_picture_comes_once_at_its_time(videos: Videos, name: str) -> None:
    frames = [(f.at, number_of(f.luma)) for f in video.read(videos(name), skip_nonref=False)]
    assert [n for _, n in frames] == list(range(KINDS[name].get("frames", 60)))
    assert [at for at, _ in frames] == pytest.approx(times(name), abs=0.0011)  # Matroska keeps milliseconds


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("skip_nonref", [False, None, True])
def test_chunks_together_are_the_whole_file(videos: Videos, name: str, skip_nonref: bool | None) -> None:
    path = videos(name)
    whole = {f.at: f.luma.copy() for f in video.read(path, skip_nonref=skip_nonref)}
    chunks = video.chunks(video.probe(path), 0.6)
    parts = [(f.at, f.luma.copy()) for c in chunks for f in video.read(path, c.start_s, c.end_s, skip_nonref=skip_nonref)]
    assert [at for at, _ in parts] == list(whole)
    assert all(np.array_equal(luma, whole[at]) for at, luma in parts)


@pytest.mark.parametrize(
    "name", ["h264_b.mp4", "h264_open.ts", "h265_open.mkv", "h264_vfr.mkv", "mpeg4.avi", "h264_refresh.mp4", "mjpeg.avi"]
)
@pytest.mark.parametrize(
    ("start_s", "end_s", "lead_s", "tail_s"),
    [(0, 0.5, 0, 0), (0.7, 1.3, 0.3, 0.2), (1.0, 1.04, 0, 0), (0.2, 9.0, 1.0, 1.0), (2.3, math.inf, 0, 0), (5.0, 6.0, 0.1, 0)],
)
def test_any_stretch_is_cut_out_of_the_whole(videos: Videos, name: str, start_s: float, end_s: float, lead_s: float, tail_s: float) -> None:
    whole = [f.at for f in video.read(videos(name), skip_nonref=False)]
    got = [f.at for f in video.read(videos(name), start_s, end_s, lead_s=lead_s, tail_s=tail_s, skip_nonref=False)]
    assert got == [at for at in whole if start_s - lead_s <= at < end_s + tail_s]


@pytest.mark.parametrize(
    ("keyframes", "duration_s", "target_s", "expected"),
    [
        pytest.param((0, 2, 4, 6, 8), 10, 4, [(0, 4), (4, 8), (8, 10)], id="at key frames"),
        pytest.param((0, 3, 6, 9), 12, 4, [(0, 3), (3, 6), (6, 9), (9, 12)], id="never longer than asked where key frames allow"),
        pytest.param((0, 60), 130, 10, [(0, 60), (60, 130)], id="long groups stay whole"),
        pytest.param((0,), 600, 300, [(0, 600)], id="one group"),
        pytest.param((0, 2, 4, 6, 8), 9, 8, [(0, 9)], id="a short rest is joined"),
        pytest.param((1.5, 3.5), 5, 2, [(1.5, 3.5), (3.5, 5)], id="from the first key frame on"),
        pytest.param((0, 1, 2), 2.5, 0.1, [(0, 1), (1, 2), (2, 2.5)], id="a target below one group"),
    ],
)
def test_chunks(
    videos: Videos, keyframes: tuple[float, ...], duration_s: float, target_s: float, expected: list[tuple[float, float]]
) -> None:
    given = replace(video.probe(videos("h264.mp4")), keyframes=keyframes, duration_s=duration_s)
    got = video.chunks(given, target_s)
    assert [(c.start_s, c.end_s) for c in got] == expected
    assert [c.index for c in got] == list(range(len(expected)))


@pytest.mark.parametrize(
    ("name", "min_fps", "least"),
    [("h264_b.mp4", 12, 12), ("h264_open.mp4", 12, 12), ("h265_open.mkv", 12, 12), ("h264_vfr.mkv", 12, 11.5), ("h265_open.mkv", 6, 6)],
)
def test_pictures_nothing_needs_are_left_out_down_to_a_rate(videos: Videos, name: str, min_fps: float, least: float) -> None:
    every = {f.at: f.luma.copy() for f in video.read(videos(name), skip_nonref=False)}
    kept = {f.at: f.luma.copy() for f in video.read(videos(name), min_fps=min_fps)}
    assert len(every) > len(kept) >= least * max(every)
    assert all(np.array_equal(luma, every[at]) for at, luma in kept.items()), "what is kept is the same picture"


def test_a_high_rate_keeps_all(videos: Videos) -> None:
    assert len(list(video.read(videos("h264_b.mp4"), min_fps=20))) == 60


@pytest.mark.parametrize("name", ["h264.mp4", "mpeg4.mp4", "h264_b.avi"])
def test_nothing_is_left_out_where_all_is_needed_or_unknown(videos: Videos, name: str) -> None:
    assert len(list(video.read(videos(name), skip_nonref=True))) == 60


def test_max_fps(videos: Videos) -> None:
    got = [f.at for f in video.read(videos("h264.mp4"), max_fps=5)]
    assert got == pytest.approx([i * 0.2 for i in range(12)])


def test_deblocking_is_left_out_only_where_key_frames_come_often(tmp_path: Path) -> None:
    often = encode(tmp_path / "often.mp4", frames=50, gop=25)
    seldom = encode(tmp_path / "seldom.mkv", frames=70, gop=1000, fps=5)
    for path, same in ((often, False), (seldom, True)):
        auto = [f.luma.copy() for f in video.read(path)]
        filtered = [f.luma.copy() for f in video.read(path, skip_loop_filter=False)]
        assert all(map(np.array_equal, auto, filtered)) is same


def test_frames_outlive_the_file(videos: Videos) -> None:
    frames = list(video.read(videos("h264.mp4"), skip_nonref=False))
    assert [number_of(f.luma) for f in frames] == list(range(60))


@pytest.mark.parametrize(("first", "second"), [("h264_late.ts", "h264_open.ts"), ("h264_30s.ts", "h264_open.ts")])
def test_the_clock_jumping_back_ends_what_can_be_used(tmp_path: Path, videos: Videos, first: str, second: str) -> None:
    path = tmp_path / "joined.ts"
    path.write_bytes(videos(first).read_bytes() + videos(second).read_bytes())
    got = video.probe(path)
    assert got.duration_s == pytest.approx(2.4)
    assert [(g.start_s, g.damaged) for g in got.gaps] == [(pytest.approx(2.4), True)]
    assert len(list(video.read(path, 0, got.duration_s, skip_nonref=False))) == 60


def test_a_late_start_is_no_damage(tmp_path: Path) -> None:
    path = encode(tmp_path / "late.mkv", frames=20, stamps=[60_000 + i * 40 for i in range(20)])
    assert video.probe(path).gaps == ()


def test_a_pause_is_named_but_is_no_damage(tmp_path: Path) -> None:
    stamps = [i * 40 + (60_000 if i >= 30 else 0) for i in range(60)]
    path = encode(tmp_path / "pause.mkv", stamps=stamps)
    (gap,) = video.probe(path).gaps
    assert (gap.start_s, gap.end_s, gap.damaged) == (pytest.approx(1.16), pytest.approx(61.2), False)
    assert len(list(video.read(path))) == 60


def test_sha256(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"abc")
    assert video.sha256(path) == hashlib.sha256(b"abc").hexdigest()
    with pytest.raises(Unreadable, match="not there"):
        video.sha256(tmp_path / "y")


@pytest.mark.footage
def test_real_clips_in_chunks(shared_folder: Path) -> None:
    for name in ("suburb", "fall_with_walker", "carpark", "vn_haiphong_junction", "vn_giangvo_langha", "street_fight_acted"):
        path = shared_folder / "footage" / f"{name}.mp4"
        probe = video.probe(path)
        whole = [f.at for f in video.read(path)]
        assert [f.at for c in video.chunks(probe, 5) for f in video.read(path, c.start_s, c.end_s)] == whole, path.name
        assert probe.frames >= len(whole)
        assert len(whole) / probe.duration_s >= min(11.5, probe.fps * 0.99), path.name
        assert probe.gaps == ()
