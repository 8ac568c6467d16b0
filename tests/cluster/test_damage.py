"""Bad files: each is named with its remedy, and every good picture of it is still given."""

import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

from analytics.errors import Unreadable
from cluster import video
from tests.cluster.conftest import encode, number_of, remux

FRAMES = 250


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Ten seconds, a key frame a second, in each container; `fast.mp4` has its index in front, `fragments.mp4` has many."""
    folder = tmp_path_factory.mktemp("good")

    def make(name: str) -> Path:
        path = folder / name
        if path.exists():
            return path
        if name in ("fast.mp4", "fragments.mp4"):
            flags = {"fast.mp4": "faststart", "fragments.mp4": "frag_keyframe+empty_moov"}[name]
            return remux(make("plain.mp4"), path, lambda i, p: True, movflags=flags)
        return encode(path, frames=FRAMES, gop=25, options={"crf": "10", "x264-params": "scenecut=0"})

    return make


def spoil(path: Path, out: Path, change: Callable[[bytearray], bytes | bytearray]) -> Path:
    out.write_bytes(change(bytearray(path.read_bytes())))
    return out


def garbage(data: bytearray) -> bytearray:
    """Noise from 40 % to 60 % of the bytes."""
    a, b = len(data) * 4 // 10, len(data) * 6 // 10
    data[a:b] = np.random.default_rng(0).integers(0, 256, b - a, dtype=np.uint8).tobytes()
    return data


def zeros(data: bytearray) -> bytearray:
    """Nothing from 40 % to 60 % of the bytes, as a disk leaves a hole."""
    a, b = len(data) * 4 // 10, len(data) * 6 // 10
    data[a:b] = bytes(b - a)
    return data


def all_of(path: Path) -> tuple[list[float], Unreadable | None]:
    """Times of the frames that were read, each checked to be the picture of its time, and the error at the end."""
    times = []
    try:
        for frame in video.read(path, skip_nonref=False):
            assert number_of(frame.luma) == round(frame.at * 25)
            times.append(frame.at)
    except Unreadable as error:
        return times, error
    return times, None


@pytest.mark.parametrize(
    ("name", "content", "said", "vi"),
    [
        pytest.param("empty.mp4", b"", "is empty", "rỗng", id="zero bytes"),
        pytest.param("text.mp4", b"not a video at all\n" * 99, "not a video", "không phải là video", id="text named mp4"),
        pytest.param("list.mp4", b"#EXTM3U\n#EXTINF:9,\nhttp://127.0.0.1:9/x.ts\n", "not a video", "không phải là video", id="a playlist"),
        pytest.param("gone.mp4", None, "not there", "thấy", id="vanished"),
    ],
)
def test_what_is_no_video(tmp_path: Path, name: str, content: bytes | None, said: str, vi: str) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    for act in (video.probe, lambda p: list(video.read(p))):
        with pytest.raises(Unreadable, match=said) as caught:
            act(path)
        assert name in caught.value.en
        assert name in caught.value.vi
        assert vi in caught.value.vi


def test_a_folder(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match="folder"):
        video.probe(tmp_path)


def test_a_file_that_may_not_be_read(good: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    path = good("plain.mp4")
    monkeypatch.setattr(av, "open", refuse)  # root, who runs tests in containers, may read everything
    with pytest.raises(Unreadable, match="permissions"):
        video.probe(path)


def test_sound_only(tmp_path: Path) -> None:
    path = tmp_path / "sound.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=16000)
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 16000), np.float32), format="fltp", layout="mono")
        sound.rate = 16000
        for packet in [*stream.encode(sound), *stream.encode()]:
            container.mux(packet)
    with pytest.raises(Unreadable, match="no video in it, only audio"):
        video.probe(path)


def test_cut_off_before_the_index(good: Callable[[str], Path], tmp_path: Path) -> None:
    path = spoil(good("plain.mp4"), tmp_path / "cut.mp4", lambda d: d[: len(d) * 6 // 10])
    with pytest.raises(Unreadable, match="moov"):
        video.probe(path)


@pytest.mark.parametrize("name", ["fast.mp4", "fragments.mp4", "plain.ts", "plain.mkv", "plain.avi"])
def test_cut_off_with_nothing_left(good: Callable[[str], Path], tmp_path: Path, name: str) -> None:
    path = spoil(good(name), tmp_path / name, lambda d: d[: len(d) // 50])
    with pytest.raises(Unreadable, match="copy it again"):
        video.probe(path)


@pytest.mark.parametrize(
    ("name", "named"),
    [
        pytest.param("fast.mp4", True, id="MP4 with its index in front"),
        pytest.param("plain.mkv", True, id="Matroska"),
        pytest.param("plain.avi", False, id="AVI without its index"),
        pytest.param("plain.ts", False, id="MPEG-TS, whose end nothing tells"),
        pytest.param("fragments.mp4", False, id="fragmented MP4, likewise"),
    ],
)
def test_cut_off_in_the_middle(good: Callable[[str], Path], tmp_path: Path, name: str, named: bool) -> None:
    path = spoil(good(name), tmp_path / name, lambda d: d[: len(d) * 6 // 10])
    probe = video.probe(path)
    assert 5 < probe.duration_s < 7
    assert [g.damaged for g in probe.gaps] == [True] * named
    if named:
        assert (probe.gaps[0].start_s, probe.gaps[0].end_s) == (probe.duration_s, pytest.approx(10, abs=0.05))
    times, _ = all_of(path)
    assert times == pytest.approx([i / 25 for i in range(len(times))])
    assert probe.duration_s - 0.1 < times[-1] < probe.duration_s
    within = [f.at for c in video.chunks(probe, 2) for f in video.read(path, c.start_s, c.end_s, skip_nonref=False)]
    assert within == times, "what the probe promises is read without an error"


@pytest.mark.parametrize("name", ["plain.mp4", "fast.mp4", "plain.ts", "plain.mkv"])
@pytest.mark.parametrize("change", [garbage, zeros])
def test_garbage_in_the_middle(good: Callable[[str], Path], tmp_path: Path, name: str, change: Callable[[bytearray], bytearray]) -> None:
    path = spoil(good(name), tmp_path / name, change)
    times, error = all_of(path)
    assert isinstance(error, video.Damaged)
    assert name in error.en
    (gap,) = error.gaps
    assert 3 < gap.start_s == error.at_s < 4.1
    assert 5.5 < gap.end_s <= 7.1
    assert gap.damaged
    assert times == pytest.approx([i / 25 for i in range(FRAMES) if i / 25 <= gap.start_s or i / 25 >= gap.end_s - 1e-6])
    again = pickle.loads(pickle.dumps(error))
    assert (again.en, again.vi, again.at_s, again.gaps) == (error.en, error.vi, error.at_s, error.gaps)


def test_a_chunk_that_garbage_reaches_into(good: Callable[[str], Path], tmp_path: Path) -> None:
    path = spoil(good("plain.mp4"), tmp_path / "x.mp4", garbage)
    assert len(list(video.read(path, 0, 3))) == 75
    with pytest.raises(video.Damaged) as caught:
        list(video.read(path, 3, 5))
    assert caught.value.gaps[-1].end_s == 5
    assert len(list(video.read(path, 7, 10))) == 75


def test_fragments_after_garbage_are_named_as_lost(good: Callable[[str], Path], tmp_path: Path) -> None:
    path = spoil(good("fragments.mp4"), tmp_path / "x.mp4", garbage)
    probe = video.probe(path)
    assert probe.duration_s < 4.1
    assert probe.gaps[-1].end_s == pytest.approx(10, abs=1), "estimated from the bytes left"


@pytest.mark.parametrize("name", ["plain.mp4", "plain.ts", "plain.mkv"])
def test_no_key_frame_at_the_start(good: Callable[[str], Path], tmp_path: Path, name: str) -> None:
    path = remux(good(name), tmp_path / name, lambda i, p: i >= 10)
    probe = video.probe(path)
    assert probe.keyframes[0] == pytest.approx(0.6, abs=0.002)
    assert [(g.start_s, g.end_s) for g in probe.gaps] == [(0, probe.keyframes[0])]
    frames = [(f.at, number_of(f.luma)) for c in video.chunks(probe, 2) for f in video.read(path, c.start_s, c.end_s, skip_nonref=False)]
    assert [n for _, n in frames] == list(range(25, FRAMES))
    assert frames[0][0] == probe.keyframes[0]


@pytest.mark.parametrize("name", ["plain.mp4", "plain.ts", "plain.mkv"])
def test_no_key_frame_at_all(good: Callable[[str], Path], tmp_path: Path, name: str) -> None:
    path = remux(good(name), tmp_path / name, lambda i, p: 0 < i < 25)
    for act in (video.probe, lambda p: list(video.read(p))):
        with pytest.raises(Unreadable, match="no picture that can be decoded"):
            act(path)


@pytest.mark.parametrize("name", ["fast.mp4", "plain.ts", "plain.mkv"])
def test_a_file_that_shrinks_while_it_is_read(good: Callable[[str], Path], tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    shutil.copy(good(name), path)
    frames = video.read(path, skip_nonref=False)
    times = [next(frames).at for _ in range(50)]
    os.truncate(path, path.stat().st_size // 2)
    with pytest.raises(video.Damaged) as caught:
        times.extend(f.at for f in frames)
    assert len(times) >= 50
    assert caught.value.at_s == times[-1]


def test_a_file_that_vanishes_while_it_is_read(good: Callable[[str], Path], tmp_path: Path) -> None:
    path = tmp_path / "x.mp4"
    shutil.copy(good("plain.mp4"), path)
    frames = video.read(path, skip_nonref=False)
    next(frames)
    path.unlink()
    assert len(list(frames)) == FRAMES - 1, "what is open stays readable"
    with pytest.raises(Unreadable, match="not there"):
        list(video.read(path, 5, 6))
