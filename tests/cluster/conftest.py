"""Makes small videos of every kind that the tests read. Each picture carries its number, so a test can tell exactly which ones it got."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

QUIET = {"libx265": {"x265-params": "log-level=none"}}


def picture(number: int, size: tuple[int, int] = (160, 96)) -> np.ndarray:
    """(H, W, 3) BGR: the number as twelve black or white squares along the top, a red box that wanders below, a grey gradient."""
    width, height = size
    out = np.repeat(np.linspace(60, 180, width).astype(np.uint8)[None, :, None], height, 0).repeat(3, 2)
    if width >= 160 and height >= 96:
        for bit in range(12):
            out[4:20, 6 + bit * 12 : 18 + bit * 12] = 235 if number >> bit & 1 else 20
        x = 10 + number * 3 % (width - 50)
        out[40:70, x : x + 30] = (40, 40, 200)
    return out


def number_of(luma: np.ndarray) -> int:
    """The number that `picture` drew, read from a (H, W) luma of the same size."""
    return sum(1 << bit for bit in range(12) if luma[9:15, 10 + bit * 12 : 14 + bit * 12].mean() > 128)


def encode(
    path: Path,
    codec: str = "libx264",
    *,
    frames: int = 60,
    size: tuple[int, int] = (160, 96),
    fps: int = 25,
    gop: int = 12,
    b_frames: int = 0,
    pixels: str = "yuv420p",
    rotation: int = 0,
    stamps: Sequence[int] | None = None,
    options: dict[str, str] | None = None,
    colours: tuple[int, int] | None = None,
) -> Path:
    """Encodes numbered pictures; `stamps` are their times in 1/1000 s, `colours` FFmpeg's (colour space, range)."""
    base = Fraction(1, 1000) if stamps else Fraction(1, fps)
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(codec, rate=1000 if stamps else fps, options={**QUIET.get(codec, {}), **(options or {})})
        stream.width, stream.height = size
        stream.pix_fmt = pixels
        stream.codec_context.gop_size = gop
        stream.codec_context.max_b_frames = b_frames
        stream.codec_context.thread_count = 1
        if colours:
            stream.codec_context.colorspace, stream.codec_context.color_range = colours
        if rotation:
            stream.set_display_rotation(rotation)
        for number in range(frames):
            frame = av.VideoFrame.from_ndarray(picture(number, size), format="bgr24")
            if colours:
                frame = frame.reformat(format=pixels, dst_colorspace=colours[0], dst_color_range=colours[1])
            else:
                frame = frame.reformat(format=pixels)
            frame.pts, frame.time_base = (stamps[number] if stamps else number), base
            for packet in stream.encode(frame):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    return path


def remux(source: Path, out: Path, keep: Callable[[int, Any], bool], **options: str) -> Path:
    """Copies the packets that `keep(number in decoding order, packet)` keeps; `options` are the muxer's."""
    with av.open(str(source)) as given, av.open(str(out), "w", options=options) as made:
        stream = made.add_stream_from_template(given.streams.video[0])
        for i, packet in enumerate(p for p in given.demux(video=0) if p.size):
            if keep(i, packet):
                packet.stream = stream
                made.mux(packet)
    return out


KINDS: dict[str, dict[str, Any]] = {
    "h264.mp4": {},
    "h264_b.mp4": {"b_frames": 3, "options": {"x264-params": "b-pyramid=normal"}},
    "h264_open.mp4": {"b_frames": 3, "options": {"x264-params": "open-gop=1:b-pyramid=normal"}},
    "h264_open.ts": {"b_frames": 3, "options": {"x264-params": "open-gop=1"}},
    "h264_b.mkv": {"b_frames": 2},
    "h264_b.avi": {"b_frames": 2},
    "h264_refresh.mp4": {"gop": 20, "options": {"x264-params": "intra-refresh=1"}},
    "h264_long.mkv": {"gop": 1000, "frames": 120},
    "h264_vfr.mkv": {"stamps": [i * 40 + (i * i * 7) % 35 for i in range(60)], "b_frames": 2},
    "h264_late.ts": {"stamps": [3_600_000 + i * 40 for i in range(60)], "b_frames": 2},
    "h264_30s.ts": {"stamps": [30_000 + i * 40 for i in range(60)]},
    "h264_late.mp4": {"stamps": [7_000 + i * 40 for i in range(60)], "b_frames": 2},
    "h264_turned.mp4": {"rotation": -90},
    "h264_full.mp4": {"pixels": "yuvj420p", "colours": (5, 2)},
    "h264_709.mp4": {"colours": (1, 1)},
    "h264_444.mp4": {"pixels": "yuv444p"},
    "h264_odd.mp4": {"size": (161, 97), "pixels": "yuv444p"},
    "h264_wide.mp4": {"size": (7680, 96), "frames": 12},
    "h264_10bit.mkv": {"pixels": "yuv420p10le"},
    "h265.mp4": {"codec": "libx265", "options": {"x265-params": "log-level=none:bframes=0:open-gop=0"}},
    "h265_open.mkv": {"codec": "libx265", "options": {"x265-params": "log-level=none:bframes=3:open-gop=1"}},
    "h265_10bit.ts": {"codec": "libx265", "pixels": "yuv420p10le"},
    "mjpeg.avi": {"codec": "mjpeg", "pixels": "yuvj422p"},
    "mjpeg_odd.mkv": {"codec": "mjpeg", "pixels": "yuvj420p", "size": (163, 99)},
    "mjpeg_1x1.avi": {"codec": "mjpeg", "pixels": "yuvj444p", "size": (1, 1)},
    "mpeg4.avi": {"codec": "mpeg4", "b_frames": 2},
    "mpeg4.mp4": {"codec": "mpeg4", "b_frames": 2},
    "mpeg2.ts": {"codec": "mpeg2video", "b_frames": 2},
    "vp8.mkv": {"codec": "libvpx", "options": {"deadline": "realtime", "cpu-used": "8"}},
    "rgb.mkv": {"codec": "ffv1", "pixels": "bgr0"},
}
"""Every kind of file that is read; what is not said is H.264, 25 frames a second, 60 frames, a key frame every 12."""


@pytest.fixture(scope="session")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Gives the file of a name in `KINDS`, made on first use."""
    folder = tmp_path_factory.mktemp("videos")

    def video(name: str) -> Path:
        path = folder / name
        return path if path.exists() else encode(path, **KINDS[name])

    return video


@pytest.fixture(scope="session")
def one_core() -> None:
    cv2.setNumThreads(1)
