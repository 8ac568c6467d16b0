"""Video files out: pieces cut without encoding again, and drawn frames encoded. What is written appears whole or not at all."""

import errno
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any

import av
import av.error
import numpy as np
from numpy.typing import NDArray

from analytics.errors import Refused, Unreadable
from cluster.bitstream import whole_at_once_test
from cluster.decode import Damaged, read
from cluster.demux import Source, from_key, nothing_decodable, open_source

_PLAYABLE = frozenset({"h264", "hevc", "av1", "mpeg4"})  # what MP4 players take
_AT_FRONT = {"movflags": "faststart"}  # the index comes first, so a browser plays before it has everything


@dataclass(frozen=True, slots=True)
class Clip:
    """A file that was written.

    Attributes:
        start_s, end_s: what it holds, seconds from the source's first frame; it begins at the key frame at or before the start asked for.
    """

    path: Path
    start_s: float
    end_s: float


def cut(path: Path, start_s: float, end_s: float, out: Path) -> Clip:
    """Copies the packets of [start_s, end_s) into an MP4 file, from the key frame at or before the start, without encoding again.

    What MP4 players do not take (MJPEG, VP8, …), and H.264 that cannot be begun at one picture, is encoded to H.264 instead; it then
    begins at the start asked for.

    Raises:
        Unreadable: nothing there can be read.
        Refused: the result cannot be written.
    """
    if not end_s > start_s:
        raise Refused(
            f"a clip from {start_s} s to {end_s} s has no length: the end must come after the start",
            f"đoạn từ {start_s} s đến {end_s} s không có độ dài: điểm cuối phải sau điểm đầu",
        )
    source = open_source(path)
    try:
        packets = _from_whole_picture(source, start_s)
        if packets is None:
            return _encoded_cut(path, start_s, end_s, out)
        with _whole(out) as part, av.open(str(part), "w", format="mp4", options=_AT_FRONT) as container:
            return Clip(out, *_copy(source, packets, end_s, container))
    finally:
        source.close()


def _from_whole_picture(source: Source, start_s: float) -> Iterator[Any] | None:
    """The packets from a key frame at or before `start_s`; None where an MP4 cannot begin there."""
    context = source.stream.codec_context
    codec = context.codec.canonical_name
    if codec not in _PLAYABLE or source.by_dts:
        return None
    packets = from_key(source, start_s, [])
    first = next((p for p in packets if p.is_keyframe and p.pts is not None), None)
    if first is None:
        raise nothing_decodable(source.path)
    if not whole_at_once_test(codec, context.extradata)(memoryview(first)):
        return None
    return chain((first,), packets)


def _copy(source: Source, packets: Iterator[Any], end_s: float, container: Any) -> tuple[float, float]:
    stream = container.add_stream_from_template(source.stream)
    begins = None
    kept = []
    for packet in packets:
        if packet.pts is None or packet.is_corrupt:
            continue
        begins = packet.pts if begins is None else begins
        if source.seconds(packet.dts if packet.dts is not None else packet.pts) >= end_s:
            break
        if packet.pts >= begins:  # else shown before the key frame, made from pictures that are not in the clip
            kept.append(packet)
    # decoding times anew: Matroska has none for its first packets, and those left out above leave holes
    shown = sorted(p.pts for p in kept)
    late = max(s - p.pts for s, p in zip(shown, kept, strict=True))
    length = max(p.pts + (p.duration or 0) for p in kept)
    for stamp, packet in zip(shown, kept, strict=True):
        packet.pts, packet.dts = packet.pts - shown[0], stamp - late - shown[0]
        packet.stream = stream
        container.mux(packet)
    return source.seconds(shown[0]), source.seconds(length)


def _encoded_cut(path: Path, start_s: float, end_s: float, out: Path) -> Clip:
    times: list[float] = []

    def pictures() -> Iterator[tuple[float, NDArray[np.uint8]]]:
        with suppress(Damaged):  # a clip of damaged footage holds what is left of it
            for frame in read(path, start_s, end_s, skip_loop_filter=False, skip_nonref=False):
                times.append(frame.at)
                yield frame.at, frame.bgr()

    encode_at(pictures(), out)
    return Clip(out, times[0], min(end_s, times[-1] + (times[-1] - times[-2] if len(times) > 1 else 0.04)))


def encode(frames: Iterable[NDArray[np.uint8]], fps: float, out: Path) -> Path:
    """Writes pictures as H.264 that every player takes (MP4, yuv420p, index in front).

    Args:
        frames: (H, W, 3) uint8, blue green red, all of one size; an odd last row or column is left out.

    Raises:
        Refused: there is no picture, or the result cannot be written.
    """
    return encode_at(((i / fps, frame) for i, frame in enumerate(frames)), out)


def encode_at(frames: Iterable[tuple[float, NDArray[np.uint8]]], out: Path) -> Path:
    """`encode` with each picture's time, seconds, ascending; the first is shown at once."""
    base = Fraction(1, 90000)
    stream: Any = None
    begins = 0.0
    with _whole(out) as part, av.open(str(part), "w", format="mp4", options=_AT_FRONT) as container:
        for at, picture in frames:
            even = np.ascontiguousarray(picture[: max(picture.shape[0] // 2 * 2, 2), : max(picture.shape[1] // 2 * 2, 2)])
            if min(even.shape[:2]) < 2:
                even = np.resize(even, (2, 2, 3))
            if stream is None:
                begins = at
                stream = container.add_stream("libx264", rate=30, options={"preset": "veryfast", "crf": "21"})
                stream.width, stream.height, stream.pix_fmt = even.shape[1], even.shape[0], "yuv420p"
                stream.codec_context.time_base = base
                stream.codec_context.thread_count = 1
            frame = av.VideoFrame.from_ndarray(even, format="bgr24")
            frame.pts, frame.time_base = round((at - begins) / base), base
            for packet in stream.encode(frame):
                container.mux(packet)
        if stream is None:
            raise Refused(
                "there is no picture to write: the stretch asked for holds none", "không có hình nào để ghi: đoạn được chọn không có hình"
            )
        for packet in stream.encode():
            container.mux(packet)
    return out


@contextmanager
def _whole(out: Path) -> Iterator[Path]:
    """A path beside `out` that takes its place when everything went well, and is gone when it did not."""
    part = out.with_name(f".{out.name}.{os.getpid()}.part")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        yield part
        part.replace(out)
    except Unreadable:
        raise
    except (av.error.FFmpegError, OSError) as error:
        raise _unwritable(out, error) from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def _unwritable(out: Path, error: OSError) -> Refused:
    if error.errno == errno.ENOSPC:
        return Refused(
            f"{out} cannot be written, the disk is full: free some space or name another folder",
            f"Không ghi được {out} vì ổ đĩa đầy: hãy giải phóng dung lượng hoặc chọn thư mục khác",
        )
    return Refused(
        f"{out} cannot be written ({error.strerror}): check the folder and its permissions",
        f"Không ghi được {out} ({error.strerror}): hãy kiểm tra thư mục và quyền ghi",
    )
