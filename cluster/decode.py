"""Frames out of a video file, one after another, in one thread. Knows which pictures may be left out and what damage looks like."""

import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import chain
from pathlib import Path
from typing import Any

import av.error

from analytics.errors import Unreadable
from cluster.bitstream import non_reference_test
from cluster.demux import Source, claimed_s, from_key, from_start, nothing_decodable, open_source
from cluster.frame import Frame

HOLE_S = 1.0  # a stretch without pictures this long, with faults in it, is a hole; shorter ones are glitches
LONGEST_FRAME_S = 10.0  # a last picture is not held to last longer, whatever the container says
_SHORT_GROUP_S = 12.0  # without deblocking, errors grow from key frame to key frame: 38 dB after 5 s, 34 after 12, 28 after a minute

CUT_OFF = ("the file is cut off here: copy it again from the recorder", "tệp bị cắt cụt tại đây: hãy chép lại từ đầu ghi")
DAMAGED = ("the file is damaged here: copy it again from the recorder", "tệp bị hỏng tại đây: hãy chép lại từ đầu ghi")


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
    """A stretch of a file that holds no readable pictures.

    Attributes:
        start_s, end_s: seconds from the file's first frame; the end is estimated where the file does not say.
        damaged: something was there and cannot be read; False where nothing may have been recorded.
        en, vi: why, for people.
    """

    start_s: float
    end_s: float
    damaged: bool
    en: str
    vi: str


@dataclass(frozen=True, slots=True)
class Options:
    skip_loop_filter: bool | None = False
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
    skip_loop_filter: bool | None = None,
    skip_nonref: bool | None = None,
    min_fps: float = 12.0,
) -> Iterator[Frame]:
    """Decodes the frames with `start_s - lead_s <= at < end_s + tail_s`, in one thread, `at` strictly ascending.

    Reading a file's chunks gives exactly the frames that reading the whole file gives.

    Args:
        max_fps: at most one frame in each slot of 1/max_fps seconds (a chunk's first slot may hold one more).
        skip_loop_filter: leaves out deblocking, 1.2 to 1.4 times as fast; None where key frames come often enough (12 s) that
            the luma stays within 32 dB of the filtered one.
        skip_nonref: leaves out pictures that no other one needs: True all, False none, None as many as leave `min_fps`.

    Raises:
        Unreadable: the file cannot be opened.
        Damaged: after the last good frame, where stretches in between or the end could not be read.
    """
    source = open_source(path)
    try:
        skip = _short_groups(source) if skip_loop_filter is None else skip_loop_filter
        yield from _read(source, start_s - lead_s, end_s + tail_s, max_fps, Options(skip, skip_nonref, min_fps))
    finally:
        source.close()


def _short_groups(source: Source) -> bool:
    """Whether key frames come often: by the container's index, else by its first seconds, so that every chunk has the same answer."""
    entries = source.stream.index_entries
    if len(entries) == source.stream.frames > 0:
        span = (entries[-1].timestamp - entries[0].timestamp) * source.stream.time_base
        return bool(span <= _SHORT_GROUP_S * sum(e.is_keyframe for e in entries))
    keys = 0
    for packet in from_start(source, []):
        stamp = source.of(packet)
        keys += packet.is_keyframe
        if keys > 1 or (stamp is not None and source.seconds(stamp) > _SHORT_GROUP_S):
            return keys > 1
    return True


def _read(source: Source, start_s: float, end_s: float, max_fps: float | None, options: Options) -> Iterator[Frame]:
    size = source.path.stat().st_size
    faults: list[str] = []
    gaps: list[Gap] = []
    last, slot, seen = max(start_s, 0.0), -1, 0
    any_picture = doubtful = False
    silent = source.container.format.name == "mpegts"  # its demuxer drops what it cannot read without a word
    for frame, _ in _from(source, start_s, faults, options):
        any_picture = True
        doubtful |= len(faults) > seen or (silent and frame.at - last > 2 * HOLE_S)
        seen = len(faults)
        lost = doubtful and min(frame.at, end_s) - last > HOLE_S
        if lost and (frame.key or frame.at >= end_s):
            gaps.append(Gap(last, min(frame.at, end_s), True, *DAMAGED))
        if frame.at >= end_s:
            break
        if lost and not frame.key:
            continue  # what it was made from is lost
        doubtful &= not frame.key
        last = frame.at
        if frame.at < start_s:
            continue
        if max_fps is not None:
            if (now := math.floor(frame.at * max_fps + 1e-6)) == slot:
                continue
            slot = now
        yield frame
    else:
        if not any_picture:
            raise nothing_decodable(source.path)
        shrunk = _shrunk(source.path, size)
        missing_to = min(end_s, claimed_s(source) or (last if math.isinf(end_s) else end_s * shrunk))
        if shrunk or missing_to - last > (HOLE_S if faults else LONGEST_FRAME_S + HOLE_S):
            gaps.append(Gap(last, max(last, missing_to), True, *CUT_OFF))
    if gaps:
        at = ", ".join(f"{g.start_s:.1f}–{g.end_s:.1f} s" for g in gaps)
        raise Damaged(
            f"{source.path} could not be read at {at}: copy it again from the recorder",
            f"{source.path} không đọc được ở đoạn {at}: hãy chép lại từ đầu ghi",
            gaps[0].start_s,
            tuple(gaps),
        )


def _shrunk(path: Path, size: int) -> bool:
    try:
        return path.stat().st_size < size
    except FileNotFoundError:
        return False  # what is open stays readable though its name is gone


def from_time(source: Source, at_s: float) -> Iterator[Frame]:
    """Every frame, fully decoded, from the last key frame at or before `at_s` on."""
    return (frame for frame, _ in _from(source, at_s, [], Options()))


def _from(source: Source, start_s: float, faults: list[str], options: Options) -> Iterator[tuple[Frame, Any]]:
    """Decodes from the last key frame at or before `start_s`; from one earlier where its picture does not come out at once
    (a gradual refresh is whole only some pictures later)."""
    ask_s = start_s
    for last_try in (False, False, True):
        incoming = from_key(source, ask_s, faults)
        head = next(incoming, None)
        stamp = None if head is None else source.of(head)
        frames = decoded(source, chain(() if head is None else (head,), incoming), faults, options)
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


def decoded(source: Source, incoming: Iterator[Any], faults: list[str], options: Options) -> Iterator[tuple[Frame, Any]]:
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
            if picture.is_corrupt:
                faults.append("picture with missing parts")
                continue
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

    def __init__(self, source: Source, test: Any, options: Options) -> None:
        self._source, self._test = source, test
        self._all = bool(options.skip_nonref)
        self._gap_s = 1.01 / options.min_fps  # 23.976 halved is 12 fps too
        self._interval_s = float(1 / (source.stream.average_rate or 25))
        self._kept: deque[float] = deque(maxlen=32)

    @classmethod
    def of(cls, source: Source, options: Options) -> "_Thinner | None":
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
