"""Video files in: what they hold, where they can be cut, their frames one after another. Knows PyAV, no lake and no store."""

import bisect
import hashlib
import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from heapq import heappop, heappush
from itertools import chain, pairwise
from pathlib import Path
from typing import Any

import av.error

from analytics.errors import Unreadable
from cluster.bitstream import non_reference_test
from cluster.demux import Source, from_key, from_start, nothing_decodable, open_source, packets, vanished
from cluster.frame import Frame

__all__ = ["Chunk", "Damaged", "Frame", "Gap", "Probe", "chunks", "probe", "read", "sha256"]

_HOLE_S = 1.0  # a stretch without pictures this long, with faults in it, is a hole; shorter ones are glitches
_FEW_KEYFRAMES = 2000  # up to here one seek a key frame is quicker than walking all packets


class Damaged(Unreadable):
    """Part of the footage could not be read; raised after every good frame was given.

    Attributes:
        at_s: seconds from the file's first frame up to which nothing is missing.
        gaps: the stretches without pictures.
    """

    def __init__(self, en: str, vi: str, at_s: float, gaps: tuple["Gap", ...]) -> None:
        super().__init__(en, vi)
        self.at_s = at_s
        self.gaps = gaps

    def __reduce__(self) -> tuple[type, tuple[Any, ...]]:
        return type(self), (self.en, self.vi, self.at_s, self.gaps)


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch of a file, in seconds from its first frame, that holds no readable pictures, and why (English, Vietnamese)."""

    start_s: float
    end_s: float
    en: str
    vi: str


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
        gaps: stretches known to be unreadable: before the first key frame, after the point at which the file is cut off.
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
            why = ("no key frame before: the recording was cut in the middle", "chưa có khung khoá: bản ghi bị cắt ở giữa")
            gaps.insert(0, Gap(0.0, keyframes[0], *why))
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
    newest = -math.inf
    for packet in from_start(source, []):
        stamp = source.of(packet)
        if stamp is None or packet.is_discard:
            continue
        at = source.seconds(stamp)
        if at < newest - 10:  # the clock was set back, or two recordings were joined: what follows has no time of its own
            why = ("its clock jumps back here: split the file there", "đồng hồ nhảy lùi tại đây: hãy tách tệp tại điểm này")
            scan.gaps.append(Gap(scan.end_s, scan.end_s + (newest - at), *why))
            break
        newest = max(newest, at)
        scan.frames += 1
        _reach(source, scan, packet, at)
        if packet.is_keyframe:
            scan.keyframes.append(at)
    return scan


def _reach(source: Source, scan: _Scan, packet: Any, at: float) -> None:
    scan.last_s = max(scan.last_s, at)
    rate = source.stream.average_rate or 25
    length_s = float(packet.duration * source.stream.time_base) if packet.duration else float(1 / rate)
    scan.end_s = max(scan.end_s, at + min(max(length_s, 1e-3), 10.0))


def _by_index(source: Source) -> _Scan | None:
    """Reads the container's index, its key frames' packets and the last group of pictures; None where there is no whole index."""
    stream = source.stream
    entries = stream.index_entries
    if "mp4" not in source.container.format.name or len(entries) != stream.frames or not len(entries):
        return None
    size = source.path.stat().st_size
    scan = _Scan()
    keys, cut_at = [], None
    for entry in entries:
        if entry.pos + entry.size > size:
            cut_at = entry.timestamp
            break
        scan.frames += not entry.is_discard
        if entry.is_keyframe:
            keys.append(entry.timestamp)
    if cut_at is not None or not keys or len(keys) > _FEW_KEYFRAMES:
        return _cut_off(source) if cut_at is not None else None
    for stamp in keys:
        source.fresh = False
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
    return scan


def _cut_off(source: Source) -> _Scan:
    """An MP4 whose index names more than the file holds: what is there is walked, the rest is a gap."""
    claimed = float((source.stream.duration or 0) * source.stream.time_base)
    scan = _by_walking(source)
    why = ("the file is cut off here: copy it again from the recorder", "tệp bị cắt cụt tại đây: hãy chép lại từ đầu ghi")
    if claimed > scan.end_s:
        scan.gaps.append(Gap(scan.end_s, claimed, *why))
    return scan


@dataclass(frozen=True, slots=True)
class _First:
    at: float
    size: tuple[int, int]
    rotation: int
    pixel_format: str


def _first_picture(source: Source) -> _First:
    for frame, picture in _decoded(source, from_start(source, []), [], _Options()):
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


@dataclass(frozen=True, slots=True)
class _Options:
    skip_loop_filter: bool = False
    skip_nonref: bool | None = False
    min_fps: float = 12.0


def read(
    path: Path,
    start_s: float = 0.0,
    end_s: float = math.inf,
    *,
    lead_s: float = 0.0,
    tail_s: float = 0.0,
    max_fps: float | None = None,
    skip_loop_filter: bool = True,
    skip_nonref: bool | None = None,
    min_fps: float = 12.0,
) -> Iterator[Frame]:
    """Decodes the frames with `start_s - lead_s <= at < end_s + tail_s`, in one thread, `at` strictly ascending.

    Reading a file's chunks gives exactly the frames that reading the whole file gives.

    Args:
        max_fps: at most one frame in each slot of 1/max_fps seconds (a chunk's first slot may hold one more).
        skip_loop_filter: leaves out deblocking: 1.2 to 1.4 times as fast, 32 dB or better against the filtered luma.
        skip_nonref: leaves out pictures that no other one needs: True all, False none, None as many as leave `min_fps`.

    Raises:
        Unreadable: the file cannot be opened.
        Damaged: after the last good frame, where stretches in between or the end could not be read.
    """
    source = open_source(path)
    try:
        yield from _read(source, start_s - lead_s, end_s + tail_s, max_fps, _Options(skip_loop_filter, skip_nonref, min_fps))
    finally:
        source.close()


def _read(source: Source, start_s: float, end_s: float, max_fps: float | None, options: _Options) -> Iterator[Frame]:
    size = source.path.stat().st_size
    claimed_s = float(source.stream.duration * source.stream.time_base) if source.stream.duration else 0.0
    faults: list[str] = []
    gaps: list[Gap] = []
    last, slot, seen = max(start_s, 0.0), -1, 0
    began = False
    for frame, _ in _from(source, start_s, faults, options):
        if frame.at >= end_s:
            break
        if len(faults) > seen and began and frame.at - last > _HOLE_S:
            gaps.append(Gap(last, frame.at, "damaged here", "bị hỏng tại đây"))
        seen, last = len(faults), frame.at
        if frame.at < start_s:
            continue
        began = True
        if max_fps is not None:
            if (now := math.floor(frame.at * max_fps + 1e-6)) == slot:
                continue
            slot = now
        yield frame
    else:
        missing_to = min(end_s, claimed_s)
        if (faults or _shrunk(source.path, size)) and missing_to - last > _HOLE_S:
            gaps.append(Gap(last, missing_to, "cut off here", "bị cắt cụt tại đây"))
    if gaps:
        en = ", ".join(f"{g.start_s:.1f}–{g.end_s:.1f} s" for g in gaps)
        raise Damaged(
            f"{source.path} could not be read at {en}: copy it again from the recorder",
            f"{source.path} không đọc được ở đoạn {en}: hãy chép lại từ đầu ghi",
            gaps[0].start_s,
            tuple(gaps),
        )


def _shrunk(path: Path, size: int) -> bool:
    try:
        return path.stat().st_size < size
    except FileNotFoundError:
        return True


def _from(source: Source, start_s: float, faults: list[str], options: _Options) -> Iterator[tuple[Frame, Any]]:
    """Decodes from the last key frame at or before `start_s`; from one earlier where its picture does not come out at once
    (a gradual refresh is whole only some pictures later)."""
    ask_s = start_s
    for last_try in (False, False, True):
        incoming = from_key(source, ask_s, faults)
        head = next(incoming, None)
        stamp = None if head is None else source.of(head)
        frames = _decoded(source, chain(() if head is None else (head,), incoming), faults, options)
        first = next(frames, None)
        if first is None or stamp is None:
            break
        key_s = source.seconds(stamp)
        if last_try or key_s <= 0 or first[0].at <= max(start_s, key_s):
            break
        ask_s = key_s - 1e-3
        source.stream.codec_context.flush_buffers()
    if first is not None:
        yield first
        yield from frames


def _decoded(source: Source, incoming: Iterator[Any], faults: list[str], options: _Options) -> Iterator[tuple[Frame, Any]]:
    """Frames in the order of showing, each with the picture it was made of."""
    head = next(incoming, None)  # may open the file anew, so before its decoder is looked at
    context = source.stream.codec_context
    if not context.is_open:
        context.thread_count = 1
        context.options = {"skip_loop_filter": "all"} if options.skip_loop_filter else {}
    thin = _Thinner.of(source, options)
    order = _Order(source)
    last = -math.inf

    def shown(packet: Any) -> list[Any]:
        try:
            return context.decode(packet)
        except EOFError:
            return []
        except (av.error.FFmpegError, OSError) as error:
            faults.append(str(error))
            return []

    for packet in chain(() if head is None else (head,), incoming, (None,)):
        if packet is not None:
            if thin is not None and thin.drops(packet):
                continue
            order.push(packet)
        for picture in shown(packet):
            at = order.pop(picture)
            if at is None or at <= last:
                continue
            last = at
            yield Frame(at, picture), picture


class _Order:
    """Gives each shown picture its time: its own stamp, or, where the container has none, the earliest that none has had."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._waiting: list[int] = []

    def push(self, packet: Any) -> None:
        if self._source.by_dts and (stamp := self._source.of(packet)) is not None:
            heappush(self._waiting, stamp)

    def pop(self, picture: Any) -> float | None:
        if not self._source.by_dts:
            return None if picture.pts is None else self._source.seconds(picture.pts)
        return self._source.seconds(heappop(self._waiting)) if self._waiting else None


class _Thinner:
    """Drops packets of pictures that no other one needs while pictures still come at `min_fps`.

    What it drops depends on the packets since the last key frame alone, so reading from any key frame gives the same frames.
    """

    def __init__(self, source: Source, test: Any, options: _Options) -> None:
        self._source, self._test = source, test
        self._all = bool(options.skip_nonref)
        self._gap_s = 1.01 / options.min_fps  # 23.976 halved is 12 fps too
        self._interval_s = float(1 / (source.stream.average_rate or 25))
        self._kept: deque[float] = deque(maxlen=32)

    @classmethod
    def of(cls, source: Source, options: _Options) -> "_Thinner | None":
        context = source.stream.codec_context
        test = non_reference_test(context.codec.canonical_name, context.extradata)
        if test is None or options.skip_nonref is False or source.by_dts:
            return None
        return cls(source, test, options)

    def drops(self, packet: Any) -> bool:
        if packet.pts is None:
            return False
        at = self._source.seconds(packet.pts)
        if self._test(memoryview(packet)) and not packet.is_keyframe and (self._all or self._spared(at)):
            return True
        self._kept.append(at)
        return False

    def _spared(self, at: float) -> bool:
        """Whether the frames around leave no gap that this one must fill."""
        before = max((t for t in self._kept if t < at), default=-math.inf)
        after = min((t for t in self._kept if t > at), default=math.inf)
        if after - before <= self._gap_s:
            return True
        another_comes = after - at >= 1.5 * self._interval_s
        return another_comes and at + self._interval_s - before <= self._gap_s
