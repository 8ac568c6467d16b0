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
from analytics.geometry import sizes
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
    busy_s: float = 0.6  # something moves
    calm_s: float = 2.0  # what is followed stands still and nothing else moves
    idle_s: float = 10.0  # nothing moves and nothing is followed
    lost_s: float = 0.2  # soonest look after the flow has lost a box, or while one goes too fast for it
    leap: float = 0.4  # what goes further than this share of its size from picture to picture is too fast for the flow
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
        gate, way = Gate(p.gate), _Way(Flow(p.flow))
        looked_at = carried_at = -np.inf
        size, small, scale = None, (0, 0), np.ones(4, np.float32)
        for frame in frames:
            if frame.at - carried_at < 1 / p.flow.max_hz - 0.004:
                continue
            carried_at = frame.at
            cut = size is not None and size != frame.size
            if size != frame.size:
                size, small = frame.size, _fit(frame.size, p.flow.side)
                scale = np.tile(np.float32([small[0] / self.resolution[0], small[1] / self.resolution[1]]), 2)
                gate = Gate(p.gate)
            luma = _shrink(frame.luma, small)
            motion = gate.see(frame.at, luma)
            cut = cut or motion.cut
            if cut:
                way = _Way(Flow(p.flow))
            lost = way.on(frame.at, luma, scale) or way.leaps(p.leap)
            moving, elsewhere = way.moving(p.still), motion.elsewhere(way.flow.boxes)
            if not self._due(frame.at - looked_at, cut, lost, moving, elsewhere, len(way.followed.track)):
                continue
            looked_at = frame.at
            self.looks += 1
            detections = self._detect(frame)
            traces = self._trace(way.flow, detections, scale)
            signals = self.signals(frame) if self.signals else {}
            signals[("", "brightness")] = motion.brightness
            yield Observation(frame.at, detections, way.carried(), traces, signals, cut)
            way = way.then(open_boxes(), traces, detections, scale)

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


class _Way:
    """The boxes followed since the last look, and where the flow carried them."""

    def __init__(self, flow: Flow, followed: OpenBoxes | None = None) -> None:
        self.flow = flow
        self.followed = followed or OpenBoxes.none()
        self._times: list[float] = []
        self._paths: list[NDArray[np.float32]] = []
        self._steps = np.zeros(len(self.followed.track), np.int32)
        self._moved = np.zeros(len(self.followed.track), np.float32)

    def on(self, at: float, luma: Image, scale: NDArray[np.float32]) -> bool:
        """Carries everything into the next picture; says whether a box was lost in it."""
        before, alive = self.flow.boxes, self.flow.alive.copy()
        self.flow.add(at, luma)
        if not len(before):
            return False
        self._times.append(at)
        self._paths.append(self.flow.boxes / scale)
        self._steps[self.flow.alive] = len(self._times)
        self._moved += np.abs(self.flow.boxes - before).max(axis=1)
        return bool((alive & ~self.flow.alive).any())

    def moving(self, still: float) -> bool:
        """Whether a followed box moved more than `still` of its size since the last look."""
        return bool((self._moved > np.maximum(1.5, still * sizes(self.flow.boxes))).any())

    def leaps(self, share: float) -> bool:
        """Whether a followed box, at the pace by which it was detected, goes further than `share` of its size in a picture."""
        if len(self.flow.kept) < 2:
            return False
        span = self.flow.kept[-1].at - self.flow.kept[-2].at
        return bool((np.hypot(self.followed.pace[:, 0], self.followed.pace[:, 1]) * span > share * sizes(self.followed.xyxy)).any())

    def carried(self) -> Carried:
        if not self._times:
            return Carried.none()
        return Carried(self.followed.track, np.array(self._times), np.stack(self._paths, axis=1).astype(np.float32), self._steps)

    def then(self, followed: OpenBoxes, traces: Traces, detections: Detections, scale: NDArray[np.float32]) -> "_Way":
        """Follows what the engine has open now, each box from the motion that it is known to have."""
        velocity = np.zeros((len(followed.track), 2), np.float32)
        row_of = {int(t): i for i, t in enumerate(self.followed.track)}
        came = np.zeros((len(followed.track), 0))
        if len(traces.index) and len(followed.track):
            came = iou(followed.xyxy, detections.xyxy[traces.index])
        for i, track in enumerate(followed.track.tolist()):
            if track in row_of:
                velocity[i] = self.flow.velocity[row_of[track]]
            elif came.shape[1] and came[i].max() > 0.9:
                velocity[i] = self.flow.came[int(came[i].argmax())]
        self.flow.follow(followed.xyxy * scale, velocity)
        return _Way(self.flow, followed)


def _fit(size: tuple[int, int], side: int) -> tuple[int, int]:
    ratio = min(1.0, side / max(size))
    return max(1, round(size[0] * ratio)), max(1, round(size[1] * ratio))


def _shrink(luma: Image, size: tuple[int, int]) -> Image:
    if (luma.shape[1], luma.shape[0]) == size:
        return np.ascontiguousarray(luma)
    return np.asarray(cv2.resize(luma, size, interpolation=cv2.INTER_AREA))
