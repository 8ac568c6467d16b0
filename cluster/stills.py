"""Single pictures of a file by time: with decord where it can be relied on, else with PyAV. Both give the same picture."""

import atexit
import contextlib
import json
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from analytics.errors import Unreadable
from cluster.bitstream import whole_at_once_test
from cluster.decode import from_time
from cluster.demux import Source, from_key, open_source

Picture = NDArray[np.uint8]

_EARLY_S = 1e-4  # a time that somebody rounded down still means its picture
_AHEAD_S = 5.0  # up to here reading on is cheaper than seeking
_SURE_S = 4 * 3600.0  # decord's float32 times tell pictures apart for so long
_REQUESTS = 64  # then decord's process is replaced, for it leaks
_WAIT_S = 60.0
_INDEXED = {"mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm"}


def stills(path: Path, times_s: Sequence[float]) -> list[Picture]:
    """The pictures shown at some times, in the order asked for.

    Args:
        times_s: seconds from the file's first frame; before it means the first picture, after the last the last.

    Returns:
        (H, W, 3) uint8, blue green red, upright, for each time.

    Raises:
        Unreadable: the file, or a picture asked for, cannot be read.
    """
    if not len(times_s):
        return []
    if _decord_is_right(path, times_s):
        with contextlib.suppress(_Failed):
            return _decord.stills(path, times_s)
    return by_pyav(path, times_s)


def by_pyav(path: Path, times_s: Sequence[float]) -> list[Picture]:
    """`stills` with PyAV: from the key frame before each time onwards."""
    found: dict[int, Picture] = {}
    source = open_source(path)
    try:
        frames = shown = ahead = None
        for i in sorted(range(len(times_s)), key=lambda i: times_s[i]):
            wanted = times_s[i] + _EARLY_S
            if frames is None or shown is None or wanted - shown.at > _AHEAD_S:
                if frames is not None:
                    source.stream.codec_context.flush_buffers()
                frames, shown = from_time(source, wanted), None
                ahead = next(frames, None)
            while ahead is not None and (shown is None or ahead.at <= wanted):
                shown, ahead = ahead, next(frames, None)
            if shown is None:
                raise _no_picture(path, times_s[i])
            found[i] = shown.bgr()
    finally:
        source.close()
    return [found[i] for i in range(len(times_s))]


def _no_picture(path: Path, at_s: float) -> Unreadable:
    return Unreadable(
        f"{path} has no readable picture at {at_s:.2f} s: ask for another time",
        f"{path} không có hình đọc được tại {at_s:.2f} s: hãy chọn thời điểm khác",
    )


def _decord_is_right(path: Path, times_s: Sequence[float]) -> bool:
    """Whether decord finds the very picture: it counts from a key frame, and miscounts where pictures that follow a key frame
    are shown before it (open groups), and in containers without an index."""
    if max(times_s) > _SURE_S:
        return False
    source = open_source(path)
    try:
        if source.container.format.name not in _INDEXED or max(source.stream.codec_context.width, 2) % 2:
            return False
        return all(_closed(source, t) for t in times_s)
    finally:
        source.close()


def _closed(source: Source, at_s: float) -> bool:
    """Whether the group at `at_s` begins with a whole picture, before which no other of the group is shown."""
    key = None
    context = source.stream.codec_context
    whole = whole_at_once_test(context.codec.canonical_name, context.extradata)
    for packet in from_key(source, at_s, []):
        if key is None:
            key = packet.pts
            if key is None or not whole(memoryview(packet)):
                return False
        elif packet.is_keyframe or packet.is_corrupt or packet.pts is None:
            return not packet.is_corrupt and packet.pts is not None
        elif packet.pts < key:
            return False
    return True


class _Failed(Exception):
    """decord could not do it."""


class _Decord:
    """Asks the process that runs decord; starts it when needed, replaces it when it has done enough or died."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._requests = 0
        atexit.register(self.close)

    def stills(self, path: Path, times_s: Sequence[float]) -> list[Picture]:
        with self._lock:
            if self._requests >= _REQUESTS:
                self._stop()
            process = self._process or self._start()
            self._requests += 1
            watch = threading.Timer(_WAIT_S, process.kill)
            watch.start()
            try:
                return self._ask(process, path, times_s)
            except (OSError, ValueError) as error:
                self._stop()
                raise _Failed(str(error)) from error
            finally:
                watch.cancel()

    def _ask(self, process: subprocess.Popen[bytes], path: Path, times_s: Sequence[float]) -> list[Picture]:
        into, out = _pipe(process.stdin), _pipe(process.stdout)
        into.write(json.dumps({"path": str(path.absolute()), "times": [float(t) for t in times_s]}).encode() + b"\n")
        into.flush()
        answer = json.loads(out.readline() or b'{"error": "decord died"}')
        if "error" in answer:
            raise ValueError(answer["error"])
        shape = tuple(answer["shape"])
        data = out.read(int(np.prod(shape)))
        pictures: Picture = np.frombuffer(data, np.uint8).reshape(shape)
        return [np.ascontiguousarray(p[..., ::-1]) for p in pictures]

    def _start(self) -> subprocess.Popen[bytes]:
        worker = Path(__file__).with_name("stills_worker.py")
        command = [sys.executable, "-P", str(worker)]  # -P: this folder's modules must not shadow others'
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self._requests = 0
        return self._process

    def _stop(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            for pipe in (process.stdin, process.stdout):
                with contextlib.suppress(OSError):
                    _pipe(pipe).close()
            process.wait()

    def close(self) -> None:
        """Ends the process; the next request starts another."""
        with self._lock:
            self._stop()


def _pipe(pipe: "IO[bytes] | None") -> Any:
    if pipe is None:
        raise OSError("no pipe to decord")
    return pipe


_decord = _Decord()
close = _decord.close
