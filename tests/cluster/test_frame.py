"""A frame's luma is the decoder's own memory; its colours agree with swscale and with the standards' formulas."""

from collections.abc import Callable
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from cluster import video
from cluster.frame import Frame
from tests.cluster.conftest import KINDS

Videos = Callable[[str], Path]


def tinted(
    space: int, full: bool, *, format: str = "yuv420p", size: tuple[int, int] = (64, 48), seed: int = 0
) -> tuple[av.VideoFrame, np.ndarray]:
    """A frame of flat 16 px squares in random colours, and the (H, W, 3) BGR that its matrix and range make of it, by the formula."""
    rng = np.random.default_rng(seed)
    width, height = size
    blocks = rng.integers((40, 100, 100), (200, 156, 156), (-(-height // 16), -(-width // 16), 3))
    yuv = blocks.repeat(16, 0).repeat(16, 1)[:height, :width].astype(np.uint8)
    frame = av.VideoFrame(width, height, format)
    step = {"yuv420p": 2, "nv12": 2, "yuv444p": 1}[format]
    small = [yuv[..., 0], yuv[::step, ::step, 1], yuv[::step, ::step, 2]]
    parts = [small[0], np.dstack(small[1:]).reshape(small[1].shape[0], -1)] if format == "nv12" else small
    for plane, part in zip(frame.planes, parts, strict=True):
        rows = np.zeros((plane.height, plane.line_size), np.uint8)
        rows[:, : part.shape[1]] = part
        plane.update(rows.tobytes())
    frame.colorspace, frame.color_range = space, 2 if full else 1
    kr, kb = {1: (0.2126, 0.0722), 9: (0.2627, 0.0593)}.get(space, (0.299, 0.114))
    y, u, v = np.moveaxis(yuv.astype(float), 2, 0)
    y, u, v = (y, u - 128, v - 128) if full else ((y - 16) * 255 / 219, (u - 128) * 255 / 224, (v - 128) * 255 / 224)
    red, blue = y + 2 * (1 - kr) * v, y + 2 * (1 - kb) * u
    green = (y - kr * red - kb * blue) / (1 - kr - kb)
    return frame, np.dstack([blue, green, red]).clip(0, 255)


def inside(picture: np.ndarray) -> np.ndarray:
    """The squares' middles, where chroma is not mixed with the neighbours'."""
    return np.concatenate([picture[i::16, j::16][: picture.shape[0] // 16, : picture.shape[1] // 16] for i in (7, 8) for j in (7, 8)])


@pytest.mark.parametrize("space", [1, 2, 5, 6, 9], ids=["BT.709", "unnamed", "BT.470BG", "SMPTE 170M", "BT.2020"])
@pytest.mark.parametrize("full", [False, True], ids=["limited", "full"])
@pytest.mark.parametrize("format", ["yuv420p", "nv12", "yuv444p"])
def test_colours_follow_the_matrix_and_the_range(space: int, full: bool, format: str) -> None:
    source, expected = tinted(space, full, format=format)
    got = Frame(0.0, source).bgr()
    assert np.abs(inside(got) - inside(expected)).max() <= 3
    swscale = source.reformat(format="bgr24").to_ndarray()
    assert np.abs(inside(got).astype(int) - inside(swscale)).max() <= 4, "swscale truncates, which makes it one darker"


@pytest.mark.parametrize("size", [(32, 24), (48, 36), (31, 23), (128, 96), (100, 48)])
@pytest.mark.parametrize("space", [1, 5])
def test_resized_colours(size: tuple[int, int], space: int) -> None:
    source, expected = tinted(space, False)
    got = Frame(0.0, source).bgr(size)
    assert got.shape == (size[1], size[0], 3)
    assert np.abs(got - cv2.resize(expected, size, interpolation=cv2.INTER_AREA)).mean() < 6


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_has_luma_and_colours(videos: Videos, name: str) -> None:
    for frame, _ in zip(video.read(videos(name), skip_nonref=False, skip_loop_filter=False), range(3), strict=False):
        width, height = frame.size
        assert (frame.luma.shape, frame.luma.dtype) == ((height, width), np.uint8)
        bgr = frame.bgr()
        assert (bgr.shape, bgr.dtype) == ((height, width, 3), np.uint8)
        assert frame.bgr((32, 20)).shape == (20, 32, 3)
        assert frame.luma_at(64).shape == (max(1, round(height * 64 / width)), 64)
        spread = 1.0 if width > 1 else 3.0
        grey = cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY).astype(float)
        range_ = frame.luma.astype(float) if "mjpeg" in name or "full" in name else (frame.luma - 16.0) * 255 / 219
        assert abs(grey.mean() - range_.mean()) < 3 * spread


def test_turned_as_players_turn_it(videos: Videos) -> None:
    reader = cv2.VideoCapture(str(videos("h264_turned.mp4")))
    for _, frame in zip(range(3), video.read(videos("h264_turned.mp4"), skip_loop_filter=False), strict=False):
        _, upright = reader.read()
        assert upright.shape == frame.bgr().shape == (160, 96, 3)
        assert np.abs(frame.bgr().astype(int) - upright).mean() < 2
        assert np.abs(frame.bgr((48, 80)).astype(int) - cv2.resize(upright, (48, 80), interpolation=cv2.INTER_AREA)).mean() < 3
        assert frame.luma_at(48).shape == (80, 48)
    reader.release()


def test_luma_is_the_decoders_own_memory(videos: Videos) -> None:
    frame = next(iter(video.read(videos("h264.mp4"))))
    plane = frame._source.planes[0]
    assert frame.luma.ctypes.data == plane.buffer_ptr
    assert frame.luma.strides == (plane.line_size, 1)
    with pytest.raises(ValueError, match="read-only"):
        frame.luma[0, 0] = 0


def test_what_was_made_is_kept(videos: Videos) -> None:
    frame = next(iter(video.read(videos("h264.mp4"))))
    assert frame.luma_at(80) is frame.luma_at(80)
    assert frame.luma is frame.luma


@pytest.mark.parametrize("width", [40, 64, 80, 100, 160, 320])
def test_resized_luma_is_the_area_average(videos: Videos, width: int) -> None:
    frame = next(iter(video.read(videos("h264.mp4"))))
    height = round(96 * width / 160)
    expected = cv2.resize(frame.luma.copy(), (width, height), interpolation=cv2.INTER_AREA if width < 160 else cv2.INTER_LINEAR)
    assert np.abs(frame.luma_at(width).astype(int) - expected).mean() < 2
