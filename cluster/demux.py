"""Opens video files and walks their packets. Knows containers and their faults; decodes nothing but the picture that proves it can."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import av
import av.error
from av.stream import Discard, Disposition

from analytics.errors import Unreadable

_REORDER = 17  # no codec shows a picture more than 16 pictures after it is decoded
_COPY_EN = "copy it again from the recorder"
_COPY_VI = "hãy chép lại tệp từ đầu ghi"


@dataclass(slots=True)
class Source:
    """An open file and its video stream.

    Attributes:
        origin: time stamp of the first picture, in units of the stream's time base; every time counts from it.
        by_dts: the packets bear no presentation times (H.264 in AVI): times follow from the order of showing.
        head: the packets that were read to find `origin`, while the file is `fresh`.
    """

    path: Path
    container: Any
    stream: Any
    origin: int
    by_dts: bool
    head: list[Any] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    fresh: bool = True

    def seconds(self, stamp: int) -> float:
        """Seconds from the file's first picture; the same for the same stamp wherever reading began."""
        base = self.stream.time_base
        return (stamp - self.origin) * base.numerator / base.denominator

    def stamp(self, seconds: float) -> int:
        """The time stamp at or just before `seconds`."""
        return self.origin + int(seconds / float(self.stream.time_base) // 1)

    def of(self, packet: Any) -> int | None:
        """A packet's time stamp in the order in which `seconds` counts."""
        if self.by_dts:
            return packet.dts if packet.dts is not None else packet.pts
        return packet.pts

    def close(self) -> None:
        self.container.close()


def open_source(path: Path) -> Source:
    """Opens the file's video stream.

    Raises:
        Unreadable: it is missing, empty, no video, or has no time stamps; the message names it and the remedy.
    """
    container = _open(path)
    try:
        stream = _video_stream(path, container)
        # AVI has decoding times only; FFmpeg works out presentation times from them, except for H.264 and H.265
        by_dts = container.format.name == "avi" and stream.codec_context.codec.canonical_name in ("h264", "hevc")
        source = Source(path, container, stream, 0, by_dts)
        stamps: list[int] = []
        for packet in packets(source, source.faults):
            source.head.append(packet)
            source.by_dts |= packet.pts is None
            stamp = source.of(packet)
            if stamp is not None and not packet.is_discard:
                stamps.append(stamp)
            if len(stamps) >= _REORDER:
                break
        if not stamps:
            raise nothing_decodable(path)
        source.origin = min(stamps)
        return source
    except BaseException:
        container.close()
        raise


def claimed_s(source: Source) -> float:
    """How long the container says its video is; 0 where it says nothing that can be relied on (MPEG-TS guesses)."""
    if source.container.format.name == "mpegts":
        return 0.0
    if source.stream.duration:
        return float(source.stream.duration * source.stream.time_base)
    if len(source.container.streams) > 1 or not source.container.duration:
        return 0.0  # it may be the sound's length
    begins_s = source.origin * source.stream.time_base  # Matroska counts from zero, wherever the first picture is
    return float(source.container.duration / 1e6 - max(begins_s, 0))


def from_start(source: Source, faults: list[str]) -> Iterator[Any]:
    """All video packets. Opens the file anew where it was read before, since some containers cannot seek to their very start."""
    if source.fresh:
        source.fresh = False
        faults += source.faults
        yield from source.head
    else:
        source.container.close()
        source.container = _open(source.path)
        source.stream = _video_stream(source.path, source.container)
    source.head.clear()
    yield from packets(source, faults)


def from_key(source: Source, start_s: float, faults: list[str]) -> Iterator[Any]:
    """The video packets from the last key frame at or before `start_s` on."""
    wanted = source.stamp(max(start_s, 0.0))
    back_s = 0.0
    while start_s - back_s > 0:
        source.fresh = False
        try:
            source.container.seek(source.stamp(start_s - back_s), stream=source.stream, backward=True)
        except av.error.FFmpegError:
            break
        rest = packets(source, faults)
        head = _last_key(source, rest, wanted)
        if head:
            yield from head
            yield from rest
            return
        back_s = 2 * back_s + 0.5
    rest = from_start(source, faults)
    yield from _last_key(source, rest, wanted, whole=True)
    yield from rest


def _last_key(source: Source, rest: Iterator[Any], wanted: int, *, whole: bool = False) -> list[Any]:
    """Takes packets up to the decoding time `wanted`; those from the last key frame at or before it. None where there is no such
    one, or, of the `whole` file, all.

    Containers without an index land anywhere before the time asked for.
    """
    head: list[Any] = []
    for packet in rest:
        stamp = source.of(packet)
        if packet.is_keyframe and stamp is not None:
            if stamp <= wanted:
                head = []
            elif not head and not whole:
                return []
        if head or packet.is_keyframe or whole:
            head.append(packet)
        if packet.dts is not None and packet.dts > wanted:
            break
    return head


def packets(source: Source, faults: list[str]) -> Iterator[Any]:
    """The video packets from here on; faults in between are passed over and noted in `faults`."""
    in_a_row = 0
    while True:
        try:
            for packet in source.container.demux(source.stream):
                if packet.size == 0:
                    continue
                in_a_row = 0
                yield packet
            return
        except EOFError:
            return
        except (av.error.FFmpegError, OSError) as error:
            faults.append(str(error))
            in_a_row += 1
            if in_a_row > 16:
                return


def _open(path: Path) -> Any:
    try:
        size = path.stat().st_size
        if path.is_dir():
            raise Unreadable(f"{path} is a folder: name the files in it", f"{path} là một thư mục: hãy nêu từng tệp trong đó")
        if size == 0:
            raise Unreadable(f"{path} is empty (0 bytes): {_COPY_EN}", f"{path} rỗng (0 byte): {_COPY_VI}")
        # "file:" keeps a colon in a name from being read as a protocol; the whitelist keeps a playlist from fetching anything
        return av.open(f"file:{path}", options={"protocol_whitelist": "file"}, metadata_errors="replace")
    except FileNotFoundError as error:
        raise vanished(path) from error
    except PermissionError as error:
        raise Unreadable(
            f"{path} may not be read: check its permissions", f"Không có quyền đọc {path}: hãy kiểm tra quyền truy cập"
        ) from error
    except (av.error.FFmpegError, OSError) as error:
        raise _not_a_video(path, error) from error


def _video_stream(path: Path, container: Any) -> Any:
    streams = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    if not streams:
        kinds = sorted({s.type for s in container.streams}) or ["nothing"]
        raise Unreadable(
            f"{path} has no video in it, only {', '.join(kinds)}: check that it is the right file",
            f"{path} không có hình, chỉ có {', '.join(kinds)}: hãy kiểm tra xem có đúng tệp không",
        )
    stream = max(streams, key=lambda s: (s.codec_context.width or 0) * (s.codec_context.height or 0))
    for other in container.streams:
        if other is not stream:
            other.discard = Discard.all
    if stream.codec_context is None or not stream.codec_context.name:
        raise Unreadable(
            f"{path} is coded in a way that nothing here decodes: convert it to H.264 first",
            f"{path} dùng kiểu mã hoá không đọc được ở đây: hãy chuyển sang H.264 trước",
        )
    return stream


def vanished(path: Path) -> Unreadable:
    return Unreadable(
        f"{path} is not there (any more): check the path and that its disk is mounted",
        f"Không (còn) thấy {path}: hãy kiểm tra đường dẫn và ổ đĩa đã được gắn chưa",
    )


def nothing_decodable(path: Path) -> Unreadable:
    return Unreadable(
        f"{path} holds no picture that can be decoded (no key frame, or cut off): {_COPY_EN}",
        f"{path} không có khung hình nào giải mã được (thiếu khung khoá hoặc bị cắt cụt): {_COPY_VI}",
    )


def _not_a_video(path: Path, error: Exception) -> Unreadable:
    try:
        with path.open("rb") as file:
            head = file.read(64)
            file.seek(0)
            cut = head[4:8] == b"ftyp" and b"moov" not in _boxes(file, path.stat().st_size)
    except OSError:
        return vanished(path)
    if cut:
        return Unreadable(
            f"{path} is cut off: its index (moov) is missing, so nothing in it can be read; {_COPY_EN}",
            f"{path} bị cắt cụt: thiếu bảng mục lục (moov) nên không đọc được gì; {_COPY_VI}",
        )
    why = getattr(error, "strerror", None) or error
    return Unreadable(
        f"{path} is not a video that can be read ({why}): check that it is the right file, or {_COPY_EN}",
        f"{path} không phải là video đọc được ({why}): hãy kiểm tra xem có đúng tệp không, hoặc {_COPY_VI}",
    )


def _boxes(file: Any, end: int) -> set[bytes]:
    """Names of an MP4 file's outermost boxes."""
    names: set[bytes] = set()
    at = 0
    while at + 8 <= end:
        file.seek(at)
        head = file.read(16)
        size, name = int.from_bytes(head[:4], "big"), head[4:8]
        names.add(name)
        if size == 1:
            size = int.from_bytes(head[8:16], "big")
        if size < 8:
            break
        at += size
    return names
