"""Vehicles faster than a limit, by the ground plane, with the interval that calibration and boxes allow."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from analytics.event import Event, Finding
from analytics.geometry import EDGE_PX, bottom_centres, clear_of_edge, sizes
from analytics.ground import Plane, Speed
from analytics.names import ObjectName
from analytics.rules import base
from analytics.rules.base import RuleConfig, State, rule_identity
from analytics.runs import Run, Runs
from analytics.scene import Scene, TrackStep
from analytics.ticks import GAP_S, Box, Trail, as_box, read, trail_of

if TYPE_CHECKING:
    from analytics.camera import Camera

WINDOW_S = 2.0
"""The speed that decides is measured over the last two seconds…"""
LEAST_S = 0.6
"""…or what there is of them since the vehicle came in, but not less."""
KEPT_S = 20.0
"""What is kept of the path, so that a measurement that becomes sure late can tell since when."""
SLOWER_S = 1.0
"""Below the limit for this long, and the event is over."""
FAR = 0.1
"""Where calibration leaves a place open by more than this share of the vehicle's size, it is too far to be measured."""


class Config(RuleConfig):
    """A vehicle is too fast."""

    version: ClassVar[int] = 3
    kind: Literal["speeding"] = "speeding"
    zone: str | None = Field(default=None, description="name of the zone; the whole picture where left out")
    limit_kmh: float = Field(gt=0, description="the speed limit")
    margin_kmh: float = Field(default=0.0, ge=0, description="what is let pass above it")
    certain: bool = Field(
        default=True,
        description="true: only when the whole interval of the measurement lies above limit and margin; false: when its middle does",
    )
    max_error: float = Field(
        default=0.25, gt=0, le=1, description="a measurement whose interval reaches further than this share of it decides nothing"
    )
    classes: tuple[ObjectName, ...] = Field(default=("motorcycle", "car", "bus", "truck"), description="which vehicles")

    def needs_ground(self) -> bool:
        return True


class Watched(BaseModel):
    """One track's recent path in the zone, on the ground in metres."""

    model_config = ConfigDict(extra="forbid")
    trail: Trail
    tick: Trail | None = None
    entered_at: float | None = None
    times: list[float] = Field(default_factory=list)
    boxes: list[Box] = Field(default_factory=list)
    ground: list[tuple[float, float]] = Field(default_factory=list)


class Memory(State):
    tracks: dict[int, Watched] = Field(default_factory=dict)
    runs: Runs = Field(default_factory=lambda: Runs())


class Rule(base.Rule[Memory]):
    """An event begins with the window that shows it (with the entry, where that is in the window) and ends on leaving or slowing.

    Its `speed_kmh`, `speed_low_kmh`, `speed_high_kmh` are of the surest measurement that shows it: of the whole path between,
    or of the window that decided where the path goes on to places that are seen less surely, or more slowly.
    """

    def __init__(self, config: Config, camera: Camera) -> None:
        self.config = config
        self.identity = rule_identity(config, camera.geometry_of(config))
        self.state = Memory()
        self._area = camera.area(config.zone)
        self._within = camera.resolution
        assert camera.plane is not None  # the camera file was refused without it
        self._plane: Plane = camera.plane
        self._limit = config.limit_kmh + config.margin_kmh

    def update(self, scene: Scene) -> list[Finding]:
        found: list[Finding] = []
        seen = {step.track for step in scene.tracks}
        for step in scene.tracks:
            if step.object in self.config.classes or step.track in self.state.tracks:
                found += self._step(step, seen)
        for track in scene.ended:
            self.state.tracks.pop(track, None)
            self.state.runs.close(track, scene.at, lost=True)
        return found + [self._event(run, over=True) for run in self.state.runs.expired(scene.at)]

    def finish(self, at: float) -> list[Finding]:  # noqa: ARG002 - a run ends where its track was last seen on it
        return [self._event(run, over=True) for run in self.state.runs.finish()]

    def _step(self, step: TrackStep, seen: set[int]) -> list[Finding]:
        kept = self.state.tracks.get(step.track)
        times, boxes = read(kept.trail if kept else None, step)
        if kept is None:
            kept = self.state.tracks[step.track] = Watched(trail=trail_of(step))
        kept.trail = trail_of(step)
        found: list[Finding] = []
        if not len(times):
            return found
        points = bottom_centres(boxes, self._within)
        ground = self._plane.to_metres(points)
        clear = clear_of_edge(boxes, self._within) > EDGE_PX
        good = self._area.contains(points) & clear & self._plane.sure(boxes, FAR)
        for i, at in enumerate(times.tolist()):
            box = as_box(boxes[i])
            last, kept.tick = kept.tick, Trail(at=at, box=box)
            if not good[i]:
                self._leave(step.track, kept, at)
                continue
            if kept.entered_at is None or (kept.times and at - kept.times[-1] > LEAST_S):
                self._leave(step.track, kept, at)
                kept.entered_at = self._entry(last, at, box)
            kept.times.append(at)
            kept.boxes.append(box)
            kept.ground.append((float(ground[i, 0]), float(ground[i, 1])))
            while at - kept.times[0] > KEPT_S:
                del kept.times[0], kept.boxes[0], kept.ground[0]
            if step.object in self.config.classes:
                found += self._decide(step, kept, seen)
        return found

    def _entry(self, last: Trail | None, at: float, box: Box) -> float:
        """When the way from the instant before to the first one inside came into the zone and clear of the picture's edge."""
        if last is None or at - last.at > GAP_S:
            return at
        spans = self._area.spans((last.at, at), bottom_centres([last.box, box], self._within))
        entered = spans[-1][0] if spans else at
        cut, clear = clear_of_edge([last.box, box], self._within).tolist()
        return max(entered, last.at + (EDGE_PX - cut) / (clear - cut) * (at - last.at)) if cut < EDGE_PX else entered

    def _leave(self, track: int, kept: Watched, at: float) -> None:
        kept.entered_at, kept.times, kept.boxes, kept.ground = None, [], [], []
        self.state.runs.close(track, at)

    def _decide(self, step: TrackStep, kept: Watched, seen: set[int]) -> list[Finding]:
        at, box = kept.times[-1], kept.boxes[-1]
        run = self.state.runs.open.get(step.track)
        if at - kept.times[0] < LEAST_S - 1e-6:
            return []
        if run is not None:
            run.named(step)
            second = next(i for i, t in enumerate(kept.times) if at - t <= SLOWER_S + 1e-6)
            if self._chord_kmh(kept, min(second, len(kept.times) - 2), len(kept.times) - 1) > self._limit:
                fresh = [i for i, t in enumerate(kept.times) if t > run.times[-1]]
                run.times += [kept.times[i] for i in fresh]
                run.boxes += [kept.boxes[i] for i in fresh]
                run.end, run.last = at, _foot(box)
            elif at - run.end >= SLOWER_S:
                self.state.runs.close(step.track, at)
            return []
        window = next(i for i, t in enumerate(kept.times) if at - t <= WINDOW_S + 1e-6)
        if self._chord_kmh(kept, window, len(kept.times) - 1) <= self._limit:
            return []
        speed = self._plane.speed(kept.times[window:], kept.boxes[window:])
        if speed is None or not self._too_fast(speed):
            return []
        first = self._began(kept, window)
        assert kept.entered_at is not None
        start = kept.entered_at if first == 0 and kept.times[0] - kept.entered_at <= LEAST_S else kept.times[first]
        run = Run(
            tracks=[step.track],
            object=step.object,
            colour=step.colour,
            confidence=step.confidence,
            start=start,
            end=at,
            first=_foot(kept.boxes[first]),
            last=_foot(box),
            size=float(sizes([box])[0]),
            box=box,
            box_at=at,
            times=kept.times[first:],
            boxes=kept.boxes[first:],
            speed=(speed.kmh, speed.low_kmh, speed.high_kmh),
            measured_s=at - kept.times[window],
        )
        return [self._event(run, over=False)] if self.state.runs.begin(step.track, run, seen) else []

    def _began(self, kept: Watched, window: int) -> int:
        """Since which instant it has been about as fast: back from the window as long as each second before was."""
        first = window
        while first > 0:
            later = next((j for j in range(first, len(kept.times)) if kept.times[j] - kept.times[first - 1] >= SLOWER_S - 1e-6), None)
            if later is None or self._chord_kmh(kept, first - 1, later) < 0.95 * self._limit:
                break
            first -= 1
        return first

    def _chord_kmh(self, kept: Watched, i: int, j: int) -> float:
        """A quick look at the speed between two instants, to spare the full measurement where nothing is near the limit."""
        (x0, y0), (x1, y1) = kept.ground[i], kept.ground[j]
        return float(3.6 * np.hypot(x1 - x0, y1 - y0) / (kept.times[j] - kept.times[i]))

    def _too_fast(self, speed: Speed) -> bool:
        clear = (speed.high_kmh - speed.low_kmh) / 2 <= self.config.max_error * speed.kmh
        return clear and (speed.low_kmh if self.config.certain else speed.kmh) > self._limit

    def _measure(self, run: Run) -> None:
        """Takes the whole path's speed instead of what the run has, where it is surer and still shows what was decided."""
        whole = self._plane.speed(run.times, run.boxes)
        kmh, low_kmh, high_kmh = run.speed
        if whole is not None and self._too_fast(whole) and (whole.high_kmh - whole.low_kmh) * kmh < (high_kmh - low_kmh) * whole.kmh:
            run.speed, run.measured_s = (whole.kmh, whole.low_kmh, whole.high_kmh), run.times[-1] - run.times[0]

    def _event(self, run: Run, over: bool) -> Event:
        self._measure(run)
        kmh, low_kmh, high_kmh = run.speed
        return Event(
            kind=self.config.kind,
            rule=self.identity,
            start=run.start,
            end=run.end,
            ongoing=not over,
            tracks=tuple(run.tracks),
            object=run.object,
            colour=run.colour,
            confidence=run.confidence,
            zone=self.config.zone,
            box=run.box,
            box_at=run.box_at,
            evidence={
                "speed_kmh": round(kmh, 1),
                "speed_low_kmh": round(low_kmh, 1),
                "speed_high_kmh": round(high_kmh, 1),
                "limit_kmh": self.config.limit_kmh,
                "margin_kmh": self.config.margin_kmh,
                "measured_s": round(run.measured_s, 3),
            },
        )


def _foot(box: Box) -> tuple[float, float]:
    return (box[0] + box[2]) / 2, box[3]
