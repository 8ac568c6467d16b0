"""The one loop that turns a camera's frames into observations: gate, carry, adaptive detection, signals.

Archive and live both use it. It asks the engine which boxes it still follows and knows nothing else of it.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from analytics.boxes import iou
from analytics.detections import Detections
from analytics.observation import Carried, Observation, OpenBoxes, Traces
from models.flow import Flow, FlowParams
from models.gate import Gate, GateParams

Image = NDArray[np.uint8]


class Frame(Protocol):
    """A decoded frame: luma at once, colour when asked."""

    @property
    def at(self) -> float: ...
    @property
    def size(self) -> tuple[int, int]: ...
    @property
    def luma(self) -> Image: ...
    def bgr(self, size: tuple[int, int] | None = None) -> Image: ...


class Detector(Protocol):
    """Finds objects in a picture; boxes in pixels of the picture it is given."""

    @property
    def identity(self) -> str: ...
    def input_size(self, width: int, height: int) -> tuple[int, int]: ...
    def detect(self, bgr: Image) -> Detections: ...


@dataclass(frozen=True, slots=True)
class SightParams:
    """When the detector looks. Seconds between looks; `fps` fixes the rate and switches adapting off."""

    fps: float | None = None
    busy_s: float = 0.5  # something moves
    calm_s: float = 2.0  # what is followed stands still and nothing else moves
    idle_s: float = 10.0  # nothing moves and nothing is followed
    lost_s: float = 0.2  # soonest look after the flow has lost a box
    fresh: float = 0.3  # a detection that overlaps no followed box this far is new and is traced back
    still: float = 0.02  # a followed box that moves less than this share of its size between looks stands still
    flow: FlowParams = field(default_factory=FlowParams)
    gate: GateParams = field(default_factory=GateParams)

    def identity(self) -> dict[str, Any]:
        """What names a sight beside footage and weights."""
        return asdict(self)


class Sight:
    """Sees one camera.

    Args:
        detector: finds objects.
        resolution: (width, height) in which boxes are given, the camera's.
        params: when to look.
        colours: names the colour of each box, (picture, (N, 4) boxes, (N,) class ids) -> (N,) colour ids; None leaves them unknown.
        signals: numbers of a looked-at frame by (zone, name); None where the camera has none.
    """

    def __init__(
        self,
        detector: Detector,
        resolution: tuple[int, int],
        params: SightParams | None = None,
        colours: Callable[[Image, NDArray[np.float32], NDArray[np.int16]], NDArray[np.int16]] | None = None,
        signals: Callable[[Frame], dict[tuple[str, str], float]] | None = None,
    ) -> None:
        self.detector = detector
        self.resolution = resolution
        self.params = params or SightParams()
        self.colours = colours
        self.signals = signals
        self.looks = 0

    def observe(self, frames: Iterable[Frame], open_boxes: Callable[[], OpenBoxes]) -> Iterator[Observation]:
        """Yields observations in order of time. After each, the caller steps its engine; `open_boxes` is asked afterwards.

        Args:
            frames: frames in order of `at`; each is used before the next is taken.
            open_boxes: what the engine still follows, in pixels of `resolution`.
        """
        p = self.params
        flow, gate = Flow(p.flow), Gate(p.gate)
        followed = OpenBoxes.none()
        times: list[float] = []
        paths: list[NDArray[np.float32]] = []
        steps = np.zeros(0, np.int32)
        moved = np.zeros(0, np.float32)
        looked_at, carried_at = -np.inf, -np.inf
        scale = np.ones(4, np.float32)
        size: tuple[int, int] | None = None
        for frame in frames:
            if frame.at - carried_at < 1 / p.flow.max_hz - 0.004:
                continue
            if size != frame.size:
                size = frame.size
                small = _fit(size, p.flow.side)
                scale = np.tile(np.float32([small[0] / self.resolution[0], small[1] / self.resolution[1]]), 2)
                flow = Flow(p.flow)
                gate = Gate(p.gate)
                times, paths, steps = [], [], np.zeros(len(followed.track), np.int32)
            luma = _shrink(frame.luma, small)
            carried_at = frame.at
            motion = gate.see(frame.at, luma)
            cut = motion.cut
            if cut:
                flow = Flow(p.flow)
            before = flow.boxes.copy() if len(flow.boxes) else flow.boxes
            flow.add(frame.at, luma)
            if cut or len(flow.boxes) != len(followed.track):
                lost_now = len(followed.track) > 0
            else:
                lost_now = bool((~flow.alive & (steps == len(times))).any())
                times.append(frame.at)
                paths.append(flow.boxes / scale)
                steps = np.where(flow.alive, len(times), steps).astype(np.int32)
                moved = moved + np.abs(flow.boxes - before).max(axis=1)
            since = frame.at - looked_at
            extent = np.sqrt(np.maximum(np.prod(flow.boxes[:, 2:] - flow.boxes[:, :2], axis=1), 1.0))
            moving = bool((moved > np.maximum(1.5, p.still * extent)).any())
            if not self._due(since, cut, lost_now, moving, motion.elsewhere(flow.boxes), len(followed.track)):
                continue
            looked_at = frame.at
            self.looks += 1
            detections = self._detect(frame)
            carried = Carried.none()
            if times:
                carried = Carried(followed.track, np.array(times), np.stack(paths, axis=1).astype(np.float32), steps)
            traces = Traces.none() if cut else self._trace(flow, detections, scale)
            signals = self.signals(frame) if self.signals else {}
            signals[("", "brightness")] = motion.brightness
            yield Observation(frame.at, detections, carried, traces, signals, cut)
            before_ids, followed = followed.track, open_boxes()
            times, paths, steps = [], [], np.zeros(len(followed.track), np.int32)
            flow.follow(followed.xyxy * scale, self._velocities(flow, before_ids, followed, traces, detections, scale))
            moved = np.zeros(len(followed.track), np.float32)

    def _velocities(
        self, flow: Flow, ids: NDArray[np.int64], followed: OpenBoxes, traces: Traces, detections: Detections, scale: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """(M, 2) flow pixels a second: of boxes followed before, how they moved; of new ones, how they came."""
        result = np.zeros((len(followed.track), 2), np.float32)
        if len(ids) == len(flow.velocity):
            row_of = {int(t): i for i, t in enumerate(ids)}
            for i, track in enumerate(followed.track):
                if int(track) in row_of:
                    result[i] = flow.velocity[row_of[int(track)]]
        if len(traces.index) and len(followed.track):
            overlap = iou(followed.xyxy, detections.xyxy[traces.index])
            for i in np.flatnonzero(overlap.max(axis=1) > 0.9):
                if int(followed.track[i]) not in ids:
                    result[i] = flow.came[int(overlap[i].argmax())]
        return result

    def _due(self, since: float, cut: bool, lost: bool, moving: bool, elsewhere: bool, followed: int) -> bool:
        p = self.params
        if p.fps is not None:
            return since >= 1 / p.fps - 0.004
        if cut:
            return True
        if lost and since >= p.lost_s - 0.004:
            return True
        if moving or elsewhere:
            return since >= p.busy_s - 0.004
        return since >= (p.calm_s if followed else p.idle_s) - 0.004

    def _detect(self, frame: Frame) -> Detections:
        width, height = frame.size
        wanted = self.detector.input_size(width, height)
        picture = frame.bgr(wanted)
        found = self.detector.detect(picture)
        shown = (picture.shape[1], picture.shape[0])
        colour_id = found.colour_id
        if self.colours is not None and len(found):
            colour_id = self.colours(picture, found.xyxy, found.class_id)
        ratio = np.tile(np.float32([self.resolution[0] / shown[0], self.resolution[1] / shown[1]]), 2)
        return Detections(found.xyxy * ratio, found.confidence, found.class_id, colour_id)

    def _trace(self, flow: Flow, detections: Detections, scale: NDArray[np.float32]) -> Traces:
        """Ways by which detections came that no followed box explains."""
        boxes = detections.xyxy * scale
        known = flow.boxes[flow.alive]
        new = detections.confidence >= 0.25
        if len(known) and len(boxes):
            new &= iou(boxes, known).max(axis=1) < self.params.fresh
        index = np.flatnonzero(new).astype(np.int32)
        if len(index) == 0 or len(flow.kept) < 2:
            return Traces.none()
        times, paths, since = flow.trace_back(boxes[index])
        return Traces(index, times, paths / scale, since)


def _fit(size: tuple[int, int], side: int) -> tuple[int, int]:
    ratio = min(1.0, side / max(size))
    return max(1, round(size[0] * ratio)), max(1, round(size[1] * ratio))


def _shrink(luma: Image, size: tuple[int, int]) -> Image:
    if (luma.shape[1], luma.shape[0]) == size:
        return np.ascontiguousarray(luma)
    return np.asarray(cv2.resize(luma, size, interpolation=cv2.INTER_AREA))
