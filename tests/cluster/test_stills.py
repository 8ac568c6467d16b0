"""decord and PyAV give the same picture for the same time, and each the one that reading the file through gives."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from analytics.errors import Unreadable
from cluster import stills, video
from tests.cluster.conftest import KINDS, encode

Videos = Callable[[str], Path]


@pytest.fixture(scope="module", autouse=True)
def no_process_left() -> Iterator[None]:
    yield
    stills.close()


def at_every_frame(path: Path) -> tuple[list[float], list[np.ndarray]]:
    frames = list(video.read(path, skip_nonref=False, skip_loop_filter=False))
    return [f.at for f in frames], [f.bgr() for f in frames]


def apart(a: np.ndarray, b: np.ndarray) -> float:
    """Mean difference in levels; decord's own conversion truncates and repeats chroma, which makes one to two."""
    return float(np.abs(a.astype(int) - b).mean())


@pytest.mark.parametrize("name", KINDS)
def test_each_frame_by_its_time(videos: Videos, name: str) -> None:
    times, pictures = at_every_frame(videos(name))
    order = np.random.default_rng(1).permutation(len(times))[:20]
    asked = [times[i] for i in order]
    for got, i in zip(stills.by_pyav(videos(name), asked), order, strict=True):
        assert np.array_equal(got, pictures[i])
    for got, i in zip(stills.stills(videos(name), asked), order, strict=True):
        assert apart(got, pictures[i]) < 2.2, "a wrong picture differs by five and more"


DECORD = [
    "h264.mp4",
    "h264_b.mp4",
    "h264_b.mkv",
    "h264_vfr.mkv",
    "h264_late.mp4",
    "h264_turned.mp4",
    "h264_long.mkv",
    "h265.mp4",
    "vp8.mkv",
]


@pytest.mark.parametrize("name", DECORD)
def test_decord_and_pyav_agree_frame_by_frame(videos: Videos, name: str) -> None:
    times, _ = at_every_frame(videos(name))
    for a, b in zip(stills._decord.stills(videos(name), times), stills.by_pyav(videos(name), times), strict=True):
        assert a.shape == b.shape
        assert apart(a, b) < 2.2


@pytest.mark.parametrize(
    ("name", "right"),
    [
        ("h264.mp4", True),
        ("h264_open.mp4", False),
        ("h264_open.ts", False),
        ("h264_b.avi", False),
        ("h264_refresh.mp4", False),
        ("mpeg4.mp4", False),
    ],
)
def test_where_decord_is_relied_on(videos: Videos, name: str, right: bool) -> None:
    assert stills._decord_is_right(videos(name), [1.5]) is right


@pytest.mark.parametrize(
    ("at_s", "number"),
    [(-1, 0), (0, 0), (0.0395, 0), (0.04, 1), (0.0399999, 1), (1.0, 25), (2.36, 59), (2.39, 59), (100, 59)],
)
def test_between_and_outside(videos: Videos, at_s: float, number: int) -> None:
    _, pictures = at_every_frame(videos("h264.mp4"))
    for got in (stills.stills(videos("h264.mp4"), [at_s])[0], stills.by_pyav(videos("h264.mp4"), [at_s])[0]):
        assert apart(got, pictures[number]) < 2.2


def test_none_asked(tmp_path: Path) -> None:
    assert stills.stills(tmp_path / "unread.mp4", []) == []


def test_pyav_takes_over_where_decord_dies(videos: Videos) -> None:
    stills.stills(videos("h264.mp4"), [0])
    process = stills._decord._process
    assert process is not None
    process.kill()
    process.wait()
    _, pictures = at_every_frame(videos("h264.mp4"))
    assert np.array_equal(stills.stills(videos("h264.mp4"), [1.0])[0], pictures[25]), "PyAV's, exactly"
    assert apart(stills.stills(videos("h264.mp4"), [1.0])[0], pictures[25]) < 2.2
    assert stills._decord._process is not None


def test_decord_is_replaced_after_some_requests(videos: Videos, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stills, "_REQUESTS", 3)
    seen = set()
    for _ in range(7):
        stills.stills(videos("h264.mp4"), [0.5])
        assert stills._decord._process is not None
        seen.add(stills._decord._process.pid)
    assert len(seen) == 3


def test_what_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match="not there"):
        stills.stills(tmp_path / "gone.mp4", [0])
    path = encode(tmp_path / "x.mp4", frames=100, gop=25, options={"crf": "10"})
    data = bytearray(path.read_bytes())
    data[2000 : len(data) // 3] = bytes(len(data) // 3 - 2000)
    path.write_bytes(data)
    assert len(stills.stills(path, [3.9])) == 1, "what is whole is still given"
