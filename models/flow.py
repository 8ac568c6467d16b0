"""Carries boxes through frames by the picture itself: sparse optical flow on the luma plane. Knows boxes and luma, no tracks."""

from collections import deque
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Boxes = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class FlowParams:
    """Lengths in pixels of the flow's luma (long side `side`)."""

    side: int = 640
    max_hz: float = 15.0
    corners: int = 8
    window: int = 15
    levels: int = 3
    iterations: int = 8
    inner: float = 0.8  # share of a box's sides in which corners are looked for: its rim is background
    quality: float = 0.02
    keep: float = 0.4  # a box with fewer of its corners left is lost
    apart: float = 0.18  # a corner this share of the box's size away from the median motion is not of the object
    unlike: float = 40.0  # a corner whose surroundings changed by more levels on average is another thing's
    stretch: float = 0.15  # a box grows or shrinks by at most this share from picture to picture
    back_s: float = 0.6  # how far new boxes are traced back


@dataclass(slots=True)
class Picture:
    """One luma image at flow size."""

    at: float
    luma: NDArray[np.uint8]


class Flow:
    """Follows a set of boxes from picture to picture, and new boxes backwards through the pictures kept."""

    def __init__(self, params: FlowParams | None = None) -> None:
        self.params = params or FlowParams()
        self.kept: deque[Picture] = deque()
        self.boxes: Boxes = np.zeros((0, 4), np.float32)
        self.alive: NDArray[np.bool_] = np.zeros(0, np.bool_)
        self.velocity: NDArray[np.float32] = np.zeros((0, 2), np.float32)
        self.came: NDArray[np.float32] = np.zeros((0, 2), np.float32)
        self._points: NDArray[np.float32] = np.zeros((0, 2), np.float32)
        self._owner: NDArray[np.int32] = np.zeros(0, np.int32)
        self._planted: NDArray[np.int32] = np.zeros(0, np.int32)

    def add(self, at: float, luma: NDArray[np.uint8]) -> None:
        """Takes the next picture, (h, w) uint8 at flow size, and carries the boxes into it."""
        p = self.params
        picture = Picture(at, luma)
        if self.kept and self.alive.any():
            self._carry(self.kept[-1], picture)
        self.kept.append(picture)
        while self.kept[0].at < at - p.back_s - 1e-3:
            self.kept.popleft()

    def follow(self, boxes: Boxes, velocity: NDArray[np.float32] | None = None) -> None:
        """Follows these boxes, (M, 4) in flow pixels of the last picture, from now on instead of the ones before.

        Args:
            velocity: (M, 2) pixels a second, where each is looked for first; it stands still where left out.
        """
        self.boxes = boxes.astype(np.float32, copy=True)
        self.velocity = np.zeros((len(boxes), 2), np.float32) if velocity is None else velocity
        self._points, self._owner = self._corners(self.kept[-1].luma, boxes)
        self._planted = np.bincount(self._owner, minlength=len(boxes)).astype(np.int32)
        self.alive = self._planted >= 2

    def trace_back(self, boxes: Boxes) -> tuple[NDArray[np.float64], Boxes, NDArray[np.int32]]:
        """Where boxes of the last picture were in the pictures kept before it.

        Returns:
            times: (J,) ascending. boxes: (B, J, 4). since: (B,) first instant at which the trace holds, J where none.
        """
        # Every other picture is enough to go back by: the path between is straight, and this half of the flow costs as much as
        # the forward one.
        earlier = list(self.kept)[-3::-2][::-1]
        count, steps = len(boxes), len(earlier)
        paths = np.zeros((count, steps, 4), np.float32)
        self.came = np.zeros((count, 2), np.float32)
        since = np.full(count, steps, np.int32)
        back = Flow(self.params)
        back.kept.append(self.kept[-1])
        back.follow(boxes)
        for j in range(steps - 1, -1, -1):
            if not back.alive.any():
                break
            back._carry(back.kept[-1], earlier[j])
            back.kept[-1] = earlier[j]
            if j == steps - 1:
                self.came = back.velocity
            paths[:, j] = back.boxes
            since[back.alive] = j
        return np.array([e.at for e in earlier]), paths, since

    def _corners(self, luma: NDArray[np.uint8], boxes: Boxes) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
        p = self.params
        height, width = luma.shape
        points: list[NDArray[np.float32]] = []
        owner: list[NDArray[np.int32]] = []
        for i, (x1, y1, x2, y2) in enumerate(boxes):
            shrink_x, shrink_y = (x2 - x1) * (1 - p.inner) / 2, (y2 - y1) * (1 - p.inner) / 2
            left, top = max(int(x1 + shrink_x), 0), max(int(y1 + shrink_y), 0)
            right, bottom = min(int(np.ceil(x2 - shrink_x)), width), min(int(np.ceil(y2 - shrink_y)), height)
            if right - left < 4 or bottom - top < 4:
                continue
            # A large box has corners enough on every fourth pixel; finding them costs by area.
            stride = 1 + (right - left) * (bottom - top) // 16384
            region = luma[top:bottom:stride, left:right:stride]
            apart = max(2.0, min(region.shape) / 5)
            found = cv2.goodFeaturesToTrack(region, p.corners, p.quality, apart, blockSize=3)
            if found is None:
                continue
            points.append(found[:, 0] * stride + np.float32([left, top]))
            owner.append(np.full(len(found), i, np.int32))
        if not points:
            return np.zeros((0, 2), np.float32), np.zeros(0, np.int32)
        return np.concatenate(points).astype(np.float32), np.concatenate(owner)

    def _carry(self, before: Picture, after: Picture) -> None:
        p = self.params
        if len(self._points) == 0:
            self.alive[:] = False
            return
        span = after.at - before.at
        guess = self._points + (self.velocity * span)[self._owner]
        moved, status, error = cv2.calcOpticalFlowPyrLK(
            before.luma,
            after.luma,
            self._points[:, None],
            guess[:, None].copy(),
            winSize=(p.window, p.window),
            maxLevel=p.levels,
            criteria=(cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, p.iterations, 0.03),
            flags=cv2.OPTFLOW_USE_INITIAL_FLOW,
        )
        moved = moved[:, 0]
        shift = moved - self._points
        good = (status[:, 0] == 1) & (error[:, 0] < p.unlike)
        count = len(self.boxes)
        size = np.sqrt(np.maximum(np.prod(self.boxes[:, 2:] - self.boxes[:, :2], axis=1), 1.0))
        median = _medians(shift[good], self._owner[good], count)
        off = np.abs(shift - median[self._owner]).max(axis=1)
        good &= off <= np.maximum(1.0, p.apart * size[self._owner])
        left = np.bincount(self._owner[good], minlength=count)
        points, owner = self._points[good], self._owner[good]
        growth = _growth(points, moved[good], owner, count, p.stretch)
        # The corners are not spread evenly over the box: what they say of the shift holds at their own middle.
        middle = np.stack([np.bincount(owner, points[:, a], count) for a in (0, 1)], axis=1) / np.maximum(left, 1)[:, None]
        to = np.stack([np.bincount(owner, moved[good][:, a], count) for a in (0, 1)], axis=1) / np.maximum(left, 1)[:, None]
        has = left > 0
        stretched = (self.boxes.reshape(-1, 2, 2) - middle[:, None]) * growth[:, None, None] + to[:, None]
        before_centre = (self.boxes[:, :2] + self.boxes[:, 2:]) / 2
        self.boxes = np.where(has[:, None], stretched.reshape(-1, 4), self.boxes).astype(np.float32)
        after_centre = (self.boxes[:, :2] + self.boxes[:, 2:]) / 2
        if span:
            self.velocity = ((after_centre - before_centre) / np.float32(span)).astype(np.float32)
        height, width = after.luma.shape
        centre = (self.boxes[:, :2] + self.boxes[:, 2:]) / 2
        inside = (centre >= 0).all(axis=1) & (centre[:, 0] < width) & (centre[:, 1] < height)
        self.alive &= (left >= np.maximum(2, p.keep * self._planted)) & inside
        held = good & self.alive[self._owner]
        self._points, self._owner = moved[held], self._owner[held]


def _medians(values: NDArray[np.float32], owner: NDArray[np.int32], count: int) -> NDArray[np.float32]:
    """(count, 2) component-wise lower-middle medians of the (P, 2) values of each owner; zero where it has none."""
    result = np.zeros((count, 2), np.float32)
    number = np.bincount(owner, minlength=count)
    has = number > 0
    first = np.concatenate([[0], np.cumsum(number)[:-1]])
    for axis in (0, 1):
        order = np.lexsort((values[:, axis], owner))
        ranked = values[order, axis]
        low, high = first + (number - 1) // 2, first + number // 2
        result[has, axis] = (ranked[low[has]] + ranked[high[has]]) / 2
    return result


def _growth(
    points: NDArray[np.float32], moved: NDArray[np.float32], owner: NDArray[np.int32], count: int, most: float
) -> NDArray[np.float64]:
    """(count,) least-squares growth of each owner's corners about their middle; 1 where there are fewer than four."""
    number = np.bincount(owner, minlength=count)
    product, square = np.zeros(count), np.zeros(count)
    for axis in (0, 1):
        a, b = points[:, axis].astype(np.float64), moved[:, axis].astype(np.float64)
        a -= (np.bincount(owner, a, count) / np.maximum(number, 1))[owner]
        b -= (np.bincount(owner, b, count) / np.maximum(number, 1))[owner]
        product += np.bincount(owner, a * b, count)
        square += np.bincount(owner, a * a, count)
    enough = (number >= 4) & (square > 1.0)
    growth = np.where(enough, product / np.where(enough, square, 1.0), 1.0)
    return np.asarray(np.clip(growth, 1 - most, 1 + most))
