"""One decoded picture: its luma as the decoder left it, its colours only when asked for. Knows planes and colour matrices, no files."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from av import VideoFrame

Plane = NDArray[np.uint8]

_PLANAR = frozenset(
    f"yuv{j}{sampling}p" for j in ("", "j") for sampling in ("420", "422", "444", "440", "411")
)  # 8 bits, three planes: read as they are
_TURN = {90: cv2.ROTATE_90_COUNTERCLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_CLOCKWISE}
_KR_KB = {1: (0.2126, 0.0722), 4: (0.30, 0.11), 7: (0.212, 0.087), 9: (0.2627, 0.0593), 10: (0.2627, 0.0593)}
_FULL_RANGE = 2


class Frame:
    """A picture at a time.

    Attributes:
        at: seconds from the file's first frame, by presentation time stamps.
        size: (width, height) in pixels, turned upright.
        key: whether it can be decoded by itself.
    """

    __slots__ = ("_cache", "_matrix_known", "_source", "_turn", "at", "key", "size")

    def __init__(self, at: float, source: "VideoFrame") -> None:
        self.at = at
        self.key = bool(source.key_frame)
        self._source = source
        self._turn = round(source.rotation / 90) * 90 % 360
        self._cache: dict[object, Any] = {}
        self.size = (source.width, source.height) if self._turn % 180 == 0 else (source.height, source.width)

    @property
    def luma(self) -> Plane:
        """(H, W) uint8, read-only: the decoder's own plane without a copy (turned pictures and rare pixel formats are copied).

        The range is the stream's: 16 to 235 for most, 0 to 255 for full-range ones.
        """
        return self._kept("luma", lambda: self._upright(self._planes()[0]))

    def luma_at(self, width: int) -> Plane:
        """(h, width) uint8, the luma resized with the picture's proportions; kept, so asking again costs nothing."""
        height = max(1, round(self.size[1] * width / self.size[0]))
        name = "upright" if self._turn else 0  # unturned, `bgr` and this share the halves
        return self._kept(("luma", width, height), lambda: self._resized(name, self.luma, (width, height)))

    def bgr(self, size: tuple[int, int] | None = None) -> Plane:
        """(h, w, 3) uint8, blue green red.

        The planes are resized before they become colours, which costs a third of converting first. BT.601 where the stream
        names no matrix, as FFmpeg and OpenCV have it, since that is what detectors were trained on.

        Args:
            size: (width, height) of the picture wanted, upright; its own size where left out.
        """
        width, height = size or self.size
        if self._turn % 180:
            width, height = height, width
        kr, kb, full = self._matrix()
        y, u, v = (self._resized(i, plane, (width, height)) if i == 0 else plane for i, plane in enumerate(self._planes()))
        if not full and kr == 0.299 and width % 2 == 0 and height % 2 == 0:
            return self._upright(self._i420(y, u, v, width, height))
        chroma = [self._resized(i, plane, (width, height)) for i, plane in ((1, u), (2, v))]
        return self._upright(cv2.transform(cv2.merge([y, *chroma]), _to_bgr(kr, kb, full)))

    def _i420(self, y: Plane, u: Plane, v: Plane, width: int, height: int) -> Any:
        packed = np.empty((height * 3 // 2, width), np.uint8)
        packed[:height] = y
        half = (width // 2, height // 2)
        chroma = packed[height:].reshape(2, half[1], half[0])
        chroma[0] = self._resized(1, u, half)
        chroma[1] = self._resized(2, v, half)
        return cv2.cvtColor(packed, cv2.COLOR_YUV2BGR_I420)

    def _matrix(self) -> tuple[float, float, bool]:
        """Kr, Kb and whether the range is full."""
        source = self._source
        kr, kb = _KR_KB.get(int(source.colorspace), (0.299, 0.114))
        return kr, kb, int(source.color_range) == _FULL_RANGE or source.format.name.startswith("yuvj")

    def _planes(self) -> tuple[Plane, Plane, Plane]:
        """Luma and both chromas as stored, not turned."""
        source = self._source
        name = source.format.name
        if name in _PLANAR:
            y, u, v = (_view(source, i) for i in range(3))
            return y, u, v
        if name in ("nv12", "nv21"):
            pairs = _view(source, 1, pair=True)
            u, v = (pairs[..., i] for i in ((0, 1) if name == "nv12" else (1, 0)))
            return _view(source, 0), np.ascontiguousarray(u), np.ascontiguousarray(v)
        if "plain" not in self._cache:  # ten bits, RGB, palettes: swscale makes three planes of them, once
            self._cache["plain"] = np.zeros(0, np.uint8)
            self._source = source.reformat(format="yuv420p")
        return self._planes()

    def _upright(self, picture: Any) -> Any:
        return cv2.rotate(picture, _TURN[self._turn]) if self._turn else picture

    def _resized(self, name: object, plane: Any, size: tuple[int, int]) -> Any:
        """Halves exactly (OpenCV's cheapest average; other ratios of INTER_AREA cost ten times as much), then interpolates."""
        step = 0
        while plane.shape[1] >= 2 * size[0] and plane.shape[0] >= 2 * size[1] and plane.shape[1] % 2 == plane.shape[0] % 2 == 0:
            half = (plane.shape[1] // 2, plane.shape[0] // 2)
            step += 1
            plane = self._kept((name, step), partial(cv2.resize, plane, half, interpolation=cv2.INTER_AREA))
        if (plane.shape[1], plane.shape[0]) == size:
            return plane
        shrinks = plane.shape[1] >= 2 * size[0] or plane.shape[0] >= 2 * size[1]
        return cv2.resize(plane, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)

    def _kept(self, key: object, make: Callable[[], Any]) -> Plane:
        if key not in self._cache:
            made = make()
            made.flags.writeable = False
            self._cache[key] = made
        return self._cache[key]


def _view(source: "VideoFrame", index: int, *, pair: bool = False) -> Plane:
    """The plane's pixels in the decoder's own memory, which the view keeps alive; read-only, since later pictures refer to it."""
    plane = source.planes[index]
    rows: Plane = np.frombuffer(memoryview(plane), np.uint8)[: plane.height * plane.line_size].reshape(plane.height, plane.line_size)
    rows.flags.writeable = False
    return rows[:, : 2 * plane.width].reshape(plane.height, plane.width, 2) if pair else rows[:, : plane.width]


def _to_bgr(kr: float, kb: float, full: bool) -> NDArray[np.float32]:
    """(3, 4): the inverse of ITU-R BT.601-7 section 2.5 for any Kr and Kb, the range's offsets in the last column."""
    luma, chroma, black = (1.0, 1.0, 0.0) if full else (255 / 219, 255 / 224, 16.0)
    kg = 1 - kr - kb
    blue, red = 2 * (1 - kb) * chroma, 2 * (1 - kr) * chroma
    rows = np.array([[luma, blue, 0], [luma, -blue * kb / kg, -red * kr / kg], [luma, 0, red]])
    offset = -rows @ np.array([black, 128, 128])
    return np.column_stack([rows, offset]).astype(np.float32)
