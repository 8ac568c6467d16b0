"""From a picture to a network's input and from its raw output back to boxes: letterbox, decode, suppression. Pure numpy."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analytics.taxonomy import ID_OF, VEHICLES

STRIDE = 32
PAD_VALUE = 114
"""The grey with which Ultralytics pads; the networks saw it in training."""


@dataclass(frozen=True, slots=True)
class Letterbox:
    """How a picture lies in a network's input: scaled to `content`, then padded to `canvas`.

    Attributes:
        content: (width, height) of the scaled picture.
        canvas: (width, height) of the input; each a multiple of 32 unless the network's input is fixed.
        left: columns of padding at the left.
        top: rows of padding at the top.
    """

    content: tuple[int, int]
    canvas: tuple[int, int]
    left: int
    top: int

    @classmethod
    def fit(cls, width: int, height: int, size: int, fixed: tuple[int, int] | None = None) -> "Letterbox":
        """The letterbox of a `width` × `height` picture, as Ultralytics' predict has it.

        Args:
            width: of the picture, pixels.
            height: of the picture, pixels.
            size: longer side of the scaled picture, pixels.
            fixed: (width, height) of the network's input where it has only one; `size` is ignored then.

        >>> Letterbox.fit(1280, 720, 640)
        Letterbox(content=(640, 360), canvas=(640, 384), left=0, top=12)
        """
        if width < 1 or height < 1:
            raise ValueError(f"wanted a picture of at least 1×1 pixels, given {width}×{height}")
        limit_w, limit_h = fixed if fixed is not None else (size, size)
        scale = min(limit_w / width, limit_h / height)
        content = (max(1, round(width * scale)), max(1, round(height * scale)))
        canvas = fixed if fixed is not None else (-(-content[0] // STRIDE) * STRIDE, -(-content[1] // STRIDE) * STRIDE)
        return cls(content, canvas, round((canvas[0] - content[0]) / 2 - 0.1), round((canvas[1] - content[1]) / 2 - 0.1))

    def apply(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """(canvas height, canvas width, 3) uint8 of the (H, W, 3) picture; no resize where it has the content's size already."""
        import cv2

        if picture.shape[:2] != (self.content[1], self.content[0]):
            picture = cv2.resize(picture, self.content, interpolation=cv2.INTER_LINEAR)  # type: ignore[assignment]
        if self.canvas == self.content:
            return np.ascontiguousarray(picture)
        canvas = np.full((self.canvas[1], self.canvas[0], 3), PAD_VALUE, np.uint8)
        canvas[self.top : self.top + self.content[1], self.left : self.left + self.content[0]] = picture
        return canvas

    def restore(self, xyxy: NDArray[np.float32], width: int, height: int) -> NDArray[np.float32]:
        """(N, 4) boxes of the canvas in pixels of the `width` × `height` picture, clipped to it."""
        shift = np.array([self.left, self.top, self.left, self.top], np.float32)
        scale = np.array([width / self.content[0], height / self.content[1]] * 2, np.float32)
        limit = np.array([width, height, width, height], np.float32)
        return np.clip((xyxy - shift) * scale, 0, limit).astype(np.float32)


def blob(canvas: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(1, 3, H, W) float32 RGB in [0, 1] of a (H, W, 3) uint8 BGR canvas."""
    import cv2

    planes: NDArray[np.float32] = cv2.dnn.blobFromImage(canvas, 1 / 255, swapRB=True)
    return planes


def decode(raw: NDArray[np.float32], classes: int, confidence: float) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.intp]]:
    """Candidates out of one picture's raw output.

    Args:
        raw: (4 + C + …, A) centre x, centre y, width, height, C class scores of A anchors, and what the task adds (masks,
            key points); or (D, 6) finished boxes left, top, right, bottom, confidence, class, as networks give them that
            suppress by themselves.
        classes: C.
        confidence: the least score that counts, exclusive.

    Returns:
        (N, 4) float32 boxes in the canvas, (N,) float32 confidence, (N,) class number of the network.

    Raises:
        ValueError: the output has neither shape.
    """
    if raw.shape[1] == 6:
        rows = raw[raw[:, 4] > confidence]
        return rows[:, :4], rows[:, 4], rows[:, 5].astype(np.intp)
    if raw.shape[0] < 4 + classes:
        raise ValueError(f"wanted ({4 + classes} or more, A) or (D, 6), given {raw.shape}")
    scores = raw[4 : 4 + classes]
    best = scores.max(axis=0)
    kept = np.flatnonzero(best > confidence)
    centre, half = raw[:2, kept].T, raw[2:4, kept].T / 2
    return np.concatenate([centre - half, centre + half], axis=1), best[kept], scores[:, kept].argmax(axis=0)


_IS_VEHICLE = np.array([name in VEHICLES for name in ID_OF])


def suppress(
    xyxy: NDArray[np.float32],
    confidence: NDArray[np.float32],
    class_id: NDArray[np.int16],
    *,
    same: float = 0.7,
    vehicles: float = 0.7,
    limit: int = 300,
) -> NDArray[np.intp]:
    """Which of N boxes to keep, best first: of two that overlap too far, the more confident one.

    Args:
        xyxy: (N, 4) boxes.
        confidence: (N,).
        class_id: (N,) index into `taxonomy.OBJECTS`.
        same: the IoU above which two boxes of one class are one object.
        vehicles: the IoU above which two vehicles of different classes are one object (a lorry is not a car as well);
            above 1, never. A person and the motorcycle they ride are two objects whatever the overlap.
        limit: the most boxes to keep.

    Returns:
        indices into the N boxes, by descending confidence.
    """
    order = np.argsort(-confidence, kind="stable")[: 10 * limit]
    if len(order) < 2:
        return order
    boxes, ids = xyxy[order], class_id[order]
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    wide = np.minimum(boxes[:, None, 2], boxes[None, :, 2]) - np.maximum(boxes[:, None, 0], boxes[None, :, 0])
    high = np.minimum(boxes[:, None, 3], boxes[None, :, 3]) - np.maximum(boxes[:, None, 1], boxes[None, :, 1])
    shared = np.maximum(wide, 0) * np.maximum(high, 0)
    iou = shared / np.maximum(area[:, None] + area[None, :] - shared, 1e-9)
    is_vehicle = _IS_VEHICLE[ids]
    same_class = ids[:, None] == ids[None, :]
    both_vehicles = is_vehicle[:, None] & is_vehicle[None, :]
    one_object = (same_class & (iou > same)) | (both_vehicles & ~same_class & (iou > vehicles))
    gone = np.zeros(len(order), bool)
    kept = []
    for i in range(len(order)):
        if not gone[i]:
            kept.append(i)
            gone |= one_object[i]
    return order[np.array(kept[:limit], np.intp)]
