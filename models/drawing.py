"""Pictures for people: a hit with its boxes and path, and the pixel grid on which a camera's lines and zones are placed.

Draws with supervision's annotators; text goes through Pillow, since OpenCV's fonts have no Vietnamese letters.
"""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
import supervision as sv
from numpy.typing import ArrayLike, NDArray
from PIL import Image, ImageDraw, ImageFont

from analytics.camera import Camera, Line

Picture = NDArray[np.uint8]
Vector = NDArray[np.float64]
Colour = tuple[int, int, int]

_PALETTE = sv.ColorPalette.from_hex(["#ff3b30", "#34c759", "#0a84ff", "#ffcc00", "#bf5af2", "#ff9500", "#64d2ff", "#ff2d92"])
_LAMPS = {"red": sv.Color(255, 60, 50), "amber": sv.Color(255, 180, 0), "green": sv.Color(50, 220, 90)}
_ZONE, _LINE, _GROUND = sv.Color(10, 132, 255), sv.Color(255, 204, 0), sv.Color(191, 90, 242)
_LEAST_WIDTH = 960  # a smaller picture is enlarged, so that the grid's numbers do not hide it
_STEPS = (5, 10, 20, 25, 50, 100, 200, 250, 500, 1000)


def draw_hit(
    bgr: Picture,
    camera: Camera,
    boxes: ArrayLike,
    labels: Sequence[str],
    trace: ArrayLike | None = None,
    *,
    places: Iterable[str] = (),
    caption: str | None = None,
) -> Picture:
    """The picture with boxes, labels, the first box's path and the places a rule watches.

    Args:
        bgr: (H, W, 3) uint8, of any size.
        boxes: (N, 4) xyxy in pixels of the camera's resolution.
        labels: N texts in any language.
        trace: (K, 4) boxes along the path so far, oldest first; it is drawn through their bottom centres.
        places: names of zones and lines to draw.
        caption: a line of text at the bottom left.

    Returns:
        (H, W, 3) uint8, a new picture.
    """
    out = bgr.copy()
    to_picture = _scale(out, camera)
    size = _text_px(out)
    thick = max(1, round(size / 9))
    texts: list[_Text] = []
    for name in places:
        if name in camera.zones:
            _polygon(out, np.array(camera.zones[name]) * to_picture, _ZONE, thick, 0.12)
        if name in camera.lines:
            _line(out, camera.lines[name], to_picture, thick, size, texts)
    xyxy = np.asarray(boxes, np.float32).reshape(-1, 4) * np.tile(to_picture, 2).astype(np.float32)
    if len(xyxy) != len(labels):
        raise ValueError(f"draw_hit: wanted one label for each of {len(xyxy)} boxes, given {len(labels)}")
    if trace is not None:
        _path(out, np.asarray(trace, np.float32).reshape(-1, 4) * np.tile(to_picture, 2).astype(np.float32), thick)
    if len(xyxy):
        found = sv.Detections(xyxy=xyxy, class_id=np.zeros(len(xyxy), int), tracker_id=np.arange(len(xyxy)))
        lookup = sv.ColorLookup.INDEX
        out = sv.BoxAnnotator(_PALETTE, thickness=thick, color_lookup=lookup).annotate(out, found)
        crowded = len(xyxy) > 1
        label = sv.RichLabelAnnotator(
            _PALETTE,
            color_lookup=lookup,
            font_path=font_path(),
            font_size=size,
            text_padding=max(2, size // 4),
            smart_position=crowded,
        )
        out = label.annotate(out, found, labels=list(labels))
    if caption:
        lines = _wrapped(caption, _font(size), out.shape[1] - 2 * size)
        for i, text in enumerate(reversed(lines)):
            texts.append(_Text(text, (size // 2, out.shape[0] - size // 2 - round(i * 1.5 * size)), "ls", (255, 255, 255)))
    return _written(out, texts, size)


def draw_grid(bgr: Picture, camera: Camera) -> Picture:
    """The picture under a grid numbered in pixels of the camera's resolution, with everything that its file draws so far.

    Args:
        bgr: (H, W, 3) uint8, of any size; a small one comes back enlarged.
    """
    factor = max(1, -(-_LEAST_WIDTH // bgr.shape[1]))
    out: Picture = (
        np.asarray(cv2.resize(bgr, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC), np.uint8) if factor > 1 else bgr.copy()
    )
    to_picture = _scale(out, camera)
    size = max(11, round(_text_px(out) * 0.8))
    thick = max(1, round(size / 9))
    texts: list[_Text] = []
    _grid(out, camera, to_picture, size, texts)
    for name, corners in camera.zones.items():
        points = np.array(corners) * to_picture
        _polygon(out, points, _ZONE, thick, 0.15)
        texts.append(_Text(name, points.mean(0), "mm", (190, 225, 255)))
    for name, line in camera.lines.items():
        _line(out, line, to_picture, thick, size, texts, name)
    for name, signal in camera.signals.items():
        lamps = {lamp: np.array(box) * np.tile(to_picture, 2) for lamp, box in signal.lamps.items()}
        for lamp, (left, top, right, bottom) in lamps.items():
            sv.draw_rectangle(out, sv.Rect(left, top, right - left, bottom - top), _LAMPS[lamp], thick)
        around = np.array(list(lamps.values()))
        texts.append(_Text(name, (around[:, 2].max() + size / 2, around[:, (1, 3)].mean()), "lm", (255, 255, 255)))
    if camera.ground:
        for pixel, metres in zip(camera.ground.image, camera.ground.metres, strict=True):
            x, y = np.array(pixel) * to_picture
            cv2.drawMarker(out, (round(x), round(y)), _GROUND.as_bgr(), cv2.MARKER_CROSS, size, thick)
            texts.append(_Text(f"{metres[0]:g}, {metres[1]:g} m", (x + size / 2, y - size / 2), "ls", (235, 200, 255)))
    return _written(out, texts, size)


@lru_cache(maxsize=1)
def font_path() -> str | None:
    """A font with Vietnamese letters: DejaVu Sans, which comes with matplotlib (supervision needs it)."""
    spec = find_spec("matplotlib")  # found, not imported: importing it takes most of a second
    for folder in (spec.submodule_search_locations or []) if spec else []:
        path = Path(folder) / "mpl-data" / "fonts" / "ttf" / "DejaVuSans.ttf"
        if path.exists():
            return str(path)
    return None


@lru_cache(maxsize=8)
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    path = font_path()
    return ImageFont.truetype(path, size) if path else ImageFont.load_default(size)


class _Text:
    """Text at a place; `anchor` is Pillow's."""

    def __init__(self, text: str, at: ArrayLike, anchor: str, colour: Colour) -> None:
        self.text, self.anchor, self.colour = text, anchor, colour
        x, y = np.asarray(at, float)
        self.at = (float(x), float(y))


def _written(bgr: Picture, texts: Sequence[_Text], size: int) -> Picture:
    """With the texts on dark plates, moved inside where they would run over the edge."""
    if not texts:
        return bgr
    image = Image.fromarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB))
    draw = ImageDraw.Draw(image, "RGBA")
    font, pad = _font(size), max(1, size // 6)
    for t in texts:
        left, top, right, bottom = draw.textbbox(t.at, t.text, font=font, anchor=t.anchor)
        dx = max(0, pad - left) - max(0, right + pad - image.width)
        dy = max(0, pad - top) - max(0, bottom + pad - image.height)
        draw.rectangle((left + dx - pad, top + dy - pad, right + dx + pad, bottom + dy + pad), fill=(0, 0, 0, 150))
        draw.text((t.at[0] + dx, t.at[1] + dy), t.text, font=font, fill=t.colour, anchor=t.anchor)
    return np.ascontiguousarray(np.asarray(image)[..., ::-1])


def _wrapped(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int) -> list[str]:
    """The text in lines of at most `width` pixels, broken between its parts, or its words where a part is longer."""
    lines = [""]
    for piece in re.split(r"(?<= · )|(?<=, )|(?<= )", text):
        if lines[-1] and font.getlength(lines[-1] + piece.rstrip(" ·")) > width:
            lines[-1] = lines[-1].rstrip(" ·")
            lines.append("")
        lines[-1] += piece
    return lines


def _scale(bgr: Picture, camera: Camera) -> Vector:
    """(2,) what to multiply the camera's pixels with to get the picture's."""
    scale: Vector = np.array(bgr.shape[1::-1]) / np.array(camera.resolution)
    return scale


def _text_px(bgr: Picture) -> int:
    return max(9, round(min(int(bgr.shape[1]) / 60, int(bgr.shape[0]) / 30)))


def _polygon(bgr: Picture, points: Vector, colour: sv.Color, thick: int, opacity: float) -> None:
    whole = points.round().astype(np.int64)
    bgr[:] = sv.draw_filled_polygon(bgr.copy(), whole, colour, opacity)
    bgr[:] = sv.draw_polygon(bgr, whole, colour, thick)


def _line(bgr: Picture, line: Line, to_picture: Vector, thick: int, size: int, texts: list[_Text], name: str | None = None) -> None:
    """The line, an arrow to its `in` side, and what the sides are called."""
    a, b = np.array(line.points) * to_picture
    cv2.line(bgr, _px(a), _px(b), _LINE.as_bgr(), thick + 1, cv2.LINE_AA)
    along = (b - a) / max(float(np.hypot(*(b - a))), 1e-9)
    inward = np.array([along[1], -along[0]])  # up where the line runs from left to right, as supervision's LineZone means it
    middle, reach = (a + b) / 2, 3.0 * size
    cv2.arrowedLine(bgr, _px(middle), _px(middle + inward * reach), _LINE.as_bgr(), thick, cv2.LINE_AA, tipLength=0.3)
    bright = (255, 235, 150)
    texts.append(_Text(line.names.inward, middle + inward * (reach + size), "mm", bright))
    if name is not None:
        texts.append(_Text(line.names.outward, middle - inward * 1.5 * size, "mm", bright))
        texts.append(_Text(name, a + along * size, "lm" if along[0] >= 0 else "rm", bright))


def _path(bgr: Picture, boxes: NDArray[np.float32], thick: int) -> None:
    """The way of one object, by supervision's trace of its bottom centres."""
    if len(boxes) < 2:
        return
    annotator = sv.TraceAnnotator(
        _PALETTE, position=sv.Position.BOTTOM_CENTER, trace_length=len(boxes), thickness=thick + 1, color_lookup=sv.ColorLookup.INDEX
    )
    for box in boxes[:-1]:
        annotator.trace.put(sv.Detections(xyxy=box[None], tracker_id=np.array([1])))
    bgr[:] = annotator.annotate(bgr, sv.Detections(xyxy=boxes[-1:], class_id=np.array([0]), tracker_id=np.array([1])))


def _grid(bgr: Picture, camera: Camera, to_picture: Vector, size: int, texts: list[_Text]) -> None:
    """Thin lines at round numbers of pixels, the numbers along all four edges."""
    width, height = camera.resolution
    wide = _font(size).getlength(str(max(width, height))) / to_picture[0]
    step = next((s for s in _STEPS if s >= max(1.6 * wide, width / 20)), _STEPS[-1])
    over = bgr.copy()
    for x in range(0, width + 1, step):
        cv2.line(over, _px((x * to_picture[0], 0)), _px((x * to_picture[0], bgr.shape[0])), (255, 255, 255), 1)
    for y in range(0, height + 1, step):
        cv2.line(over, _px((0, y * to_picture[1])), _px((bgr.shape[1], y * to_picture[1])), (255, 255, 255), 1)
    bgr[:] = cv2.addWeighted(over, 0.45, bgr, 0.55, 0)
    for x in range(step, width, step):
        for y, anchor in ((0, "ma"), (bgr.shape[0], "md")):
            texts.append(_Text(str(x), (x * to_picture[0], y), anchor, (255, 255, 255)))
    for y in range(step, height, step):
        for x, anchor in ((0, "lm"), (bgr.shape[1], "rm")):
            texts.append(_Text(str(y), (x, y * to_picture[1]), anchor, (255, 255, 255)))


def _px(point: ArrayLike) -> tuple[int, int]:
    x, y = np.asarray(point, float)
    return round(float(x)), round(float(y))
