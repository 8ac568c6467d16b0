"""Video files in: what they hold, where they can be cut, their frames one after another. Knows PyAV, no lake and no store."""

import bisect
import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from cluster.decode import CUT_OFF, DAMAGED, HOLE_S, LONGEST_FRAME_S, Damaged, Gap, Options, decoded, read
from cluster.demux import Source, claimed_s, from_start, nothing_decodable, open_source, packets, vanished
from cluster.frame import Frame

__all__ = ["Chunk", "Damaged", "Frame", "Gap", "Probe", "chunks", "probe", "read", "sha256"]

_NO_KEY = ("no key frame before: the recording was cut in the middle", "chưa có khung khoá: bản ghi bị cắt ở giữa")
_JUMPS = ("its clock jumps here: split the file there", "đồng hồ nhảy cóc tại đây: hãy tách tệp tại điểm này")
_PAUSED = (
    "no pictures here: the recording paused, or part of the file is lost",
    "không có hình ở đoạn này: bản ghi tạm dừng hoặc mất một phần tệp",
)

_BACK_S = 10.0  # time stamps that fall back by more are another recording's; by less, reordering
_AHEAD_S = 12 * 3600.0  # so are those that leap further; MPEG-TS turns a jump back into a leap of 26 hours
_FEW_KEYFRAMES = 2000  # up to here one seek a key frame is quicker than walking all packets


@dataclass(frozen=True, slots=True)
class Probe:
    """What a file holds, told without decoding more than one picture.

    Attributes:
        codec: FFmpeg's name of it: h264, hevc, mjpeg, mpeg4, vp8, ….
        width, height: pixels, turned upright.
        rotation: degrees, anticlockwise, by which stored pictures are turned.
        fps: mean frames a second.
        start_s: the first frame's presentation time in the container's own clock; all other times count from it.
        duration_s: from the first frame to the end of the last readable one.
        frames: number of pictures up to there.
        creation_time: seconds since the epoch, where the container says so.
        keyframes: times of the pictures at which reading can begin, ascending.
        gaps: stretches without readable pictures: before the first key frame, pauses, after the point at which the file is cut off.
    """

    path: Path
    codec: str
    width: int
    height: int
    rotation: int
    pixel_format: str
    fps: float
    start_s: float
    duration_s: float
    frames: int
    bytes: int
    creation_time: float | None
    keyframes: tuple[float, ...]
    gaps: tuple[Gap, ...] = ()


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a file between two key frames, [start_s, end_s) in seconds from the file's first frame."""

    index: int
    start_s: float
    end_s: float


def sha256(path: Path) -> str:
    """The file's SHA-256, 64 hexadecimal digits."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError as error:
        raise vanished(path) from error


def probe(path: Path) -> Probe:
    """Tells what a file holds.

    MP4 and MOV have an index of all packets; other containers are walked from end to end, about a hundred times as fast as decoding.

    Raises:
        Unreadable: nothing in it can be read; the message names the file, the reason and the remedy.
    """
    source = open_source(path)
    try:
        created = _creation_time(source.container.metadata)
        scan = _by_index(source) or _by_walking(source)
        first = _first_picture(source)
        keyframes = tuple(sorted({k for k in scan.keyframes if k < scan.end_s})) or (first.at,)
        gaps = list(scan.gaps)
        if keyframes[0] > 0:
            gaps.insert(0, Gap(0.0, keyframes[0], True, *_NO_KEY))
        width, height = first.size
        return Probe(
            path=path,
            codec=source.stream.codec_context.codec.canonical_name,
            width=width,
            height=height,
            rotation=first.rotation,
            pixel_format=first.pixel_format,
            fps=(scan.frames - 1) / scan.last_s if scan.last_s > 0 else float(source.stream.average_rate or 25),
            start_s=float(source.origin * source.stream.time_base),
            duration_s=scan.end_s,
            frames=scan.frames,
            bytes=path.stat().st_size,
            creation_time=created,
            keyframes=keyframes,
            gaps=tuple(gaps),
        )
    except FileNotFoundError as error:
        raise vanished(path) from error
    finally:
        source.close()


@dataclass(slots=True)
class _Scan:
    keyframes: list[float] = field(default_factory=list)
    frames: int = 0
    last_s: float = 0.0
    end_s: float = 0.0
    gaps: list[Gap] = field(default_factory=list)


def _by_walking(source: Source) -> _Scan:
    """Demuxes everything."""
    scan = _Scan()
    newest, read_to = 0.0, 0
    jumped = False
    for packet in from_start(source, []):
        read_to = max(read_to, (packet.pos or 0) + packet.size)
        stamp = source.of(packet)
        if stamp is None or packet.is_discard or packet.is_corrupt:
            continue
        at = source.seconds(stamp)
        if at < newest - _BACK_S or at > newest + _AHEAD_S:  # recordings were joined: what follows has no time of its own
            scan.gaps.append(Gap(scan.end_s, scan.end_s, True, *_JUMPS))
            jumped = True
            break
        if at - newest > _pause_s(source):
            scan.gaps.append(Gap(newest, at, False, *_PAUSED))
        newest = max(newest, at)
        scan.frames += 1
        _reach(source, scan, packet, at)
        if packet.is_keyframe:
            scan.keyframes.append(at)
    size = source.path.stat().st_size
    if (end_s := claimed_s(source)) > scan.end_s + HOLE_S:
        scan.gaps.append(Gap(scan.end_s, end_s, True, *CUT_OFF))
    elif not jumped and read_to < 0.8 * size:
        scan.gaps.append(Gap(scan.end_s, scan.end_s * size / max(read_to, 1), True, *DAMAGED))
    return scan


def _pause_s(source: Source) -> float:
    return max(2.0, 20 / float(source.stream.average_rate or 25))


def _reach(source: Source, scan: _Scan, packet: Any, at: float) -> None:
    scan.last_s = max(scan.last_s, at)
    rate = source.stream.average_rate or 25
    length_s = float(packet.duration * source.stream.time_base) if packet.duration else float(1 / rate)
    scan.end_s = max(scan.end_s, at + min(max(length_s, 1e-3), LONGEST_FRAME_S))


def _by_index(source: Source) -> _Scan | None:
    """Reads the container's index, its key frames' packets and the last group of pictures; None where the index cannot be relied on."""
    stream = source.stream
    entries = stream.index_entries
    if "mp4" not in source.container.format.name or len(entries) != stream.frames or not len(entries):
        return None
    size = source.path.stat().st_size
    keys = [e.timestamp for e in entries if e.is_keyframe]
    if not 0 < len(keys) <= _FEW_KEYFRAMES or any(e.pos + e.size > size for e in entries):
        return None
    scan = _Scan(frames=sum(not e.is_discard for e in entries))
    source.fresh = False
    for stamp in keys:
        source.container.seek(stamp, stream=stream, backward=True)
        packet = next(packets(source, []), None)
        if packet is None or packet.dts != stamp or packet.pts is None:
            return None
        if not packet.is_discard:
            scan.keyframes.append(source.seconds(packet.pts))
    source.container.seek(keys[-1], stream=stream, backward=True)
    for packet in packets(source, []):
        if packet.pts is not None and not packet.is_discard:
            _reach(source, scan, packet, source.seconds(packet.pts))
    limit = _pause_s(source)
    stamps = [source.seconds(e.timestamp) for e in entries]
    scan.gaps += [Gap(max(a, 0.0), b, False, *_PAUSED) for a, b in pairwise(stamps) if b - a > limit]
    return scan


@dataclass(frozen=True, slots=True)
class _First:
    at: float
    size: tuple[int, int]
    rotation: int
    pixel_format: str


def _first_picture(source: Source) -> _First:
    for frame, picture in decoded(source, from_start(source, []), [], Options()):
        return _First(frame.at, frame.size, round(picture.rotation / 90) * 90 % 360, picture.format.name)
    raise nothing_decodable(source.path)


def _creation_time(metadata: dict[str, str]) -> float | None:
    try:
        created = datetime.fromisoformat(metadata["creation_time"].replace("Z", "+00:00")).timestamp()
    except (KeyError, ValueError):
        return None
    return created if created > 315532800 else None  # before 1980 the recorder's clock was never set


def chunks(probe: Probe, target_s: float = 300.0) -> list[Chunk]:
    """Cuts a file at key frames into pieces of at most `target_s` seconds, or of one group of pictures where that is longer.

    A last piece shorter than a third of `target_s` is joined to the one before.
    """
    edges = [probe.keyframes[0]]
    keys = [*probe.keyframes, probe.duration_s]
    while True:
        i = bisect.bisect_right(keys, edges[-1] + target_s) - 1
        edge = keys[i] if keys[i] > edges[-1] else keys[i + 1]
        if edge >= probe.duration_s or probe.duration_s - edge < target_s / 3:
            break
        edges.append(edge)
    edges.append(probe.duration_s)
    return [Chunk(i, a, b) for i, (a, b) in enumerate(pairwise(edges))]
