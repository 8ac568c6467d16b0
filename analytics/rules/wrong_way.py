"""Vehicles that drive against the allowed direction of a zone. Directions are in the picture."""

from __future__ import annotations

from math import hypot
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from analytics.errors import Refused
from analytics.event import Event, Finding
from analytics.geometry import bottom_centres, centres, heading_deg, sizes, turn_deg
from analytics.names import ObjectName
from analytics.rules import base
from analytics.rules.base import RuleConfig, State, rule_identity
from analytics.runs import Run, Runs
from analytics.scene import Scene, TrackStep
from analytics.ticks import GAP_S, TICK_S, Box, Trail, as_box, read, trail_of

if TYPE_CHECKING:
    from analytics.camera import Camera

SLIDE = 0.15
"""Box sizes below which a step back is jitter: a run against the direction begins where it gets further."""
STEADY = 0.7
"""Share of the run's time in which it moved against the direction."""
JUMP = 0.5
"""Share of the run's way that a single instant may bring; more is a box that snapped to something else."""
STILL = 0.02
"""Box sizes a tick below which it does not move."""
ENTRY_S = 1.0
"""A way back that begins this soon after the entry began with the entry."""
IDLE_S = 5.0
"""A run that gets no further for this long is over."""


class Config(RuleConfig):
    """A vehicle drives the wrong way."""

    kind: Literal["wrong_way"] = "wrong_way"
    zone: str = Field(description="name of the zone")
    allowed: tuple[float, float] = Field(description="the allowed direction in the picture, [x to the right, y down]")
    tolerance_deg: float = Field(default=60.0, gt=0, lt=180, description="how far from exactly against `allowed` a heading still is wrong")
    classes: tuple[ObjectName, ...] = Field(default=("bicycle", "motorcycle", "car", "bus", "truck"), description="which vehicles")
    min_sizes: float = Field(default=1.0, gt=0, description="how far it must have gone against the direction, in sizes of its box")
    min_s: float = Field(default=1.0, ge=0, description="and for how many seconds")

    @field_validator("allowed")
    @classmethod
    def _points_somewhere(cls, allowed: tuple[float, float]) -> tuple[float, float]:
        if hypot(*allowed) == 0:
            raise Refused(
                "`allowed` is a direction such as [0, 1]; [0, 0] points nowhere",
                "`allowed` là một hướng, ví dụ [0, 1]; [0, 0] không chỉ hướng nào",
            )
        return allowed


class Spot(BaseModel):
    """Where a track was at an instant: bottom centre, centre, way along the allowed direction, px."""

    model_config = ConfigDict(extra="forbid")
    at: float
    x: float
    y: float
    cx: float
    cy: float
    way: float
    size: float


class Watched(BaseModel):
    """One track in the zone, and its way back from the furthest point it had reached along the allowed direction."""

    model_config = ConfigDict(extra="forbid")
    trail: Trail
    now: Spot | None = None
    outside: Spot | None = None
    """Where it was at the last instant outside the zone, until it comes in."""
    entered_at: float = 0.0
    peak: float = 0.0
    start: Spot | None = None
    start_at: float = 0.0
    """When the way back began: on entry, or when it got further than jitter does, interpolated."""
    back_s: float = 0.0
    jump: float = 0.0


class Memory(State):
    tracks: dict[int, Watched] = Field(default_factory=dict)
    runs: Runs = Field(default_factory=lambda: Runs())


class Rule(base.Rule[Memory]):
    """It has gone `min_sizes` back from the furthest point it had reached, for `min_s`, steadily, with the whole box.

    Jitter never gets that far; a box that is dragged along by the traffic and snaps back does it in one jump; a box that an
    occlusion cuts moves its bottom but not its centre.
    """

    def __init__(self, config: Config, camera: Camera) -> None:
        self.config = config
        self.identity = rule_identity(config, camera.geometry_of(config))
        self.state = Memory()
        self._area = camera.area(config.zone)
        self._within = camera.resolution
        n = hypot(*config.allowed)
        self._allowed = (config.allowed[0] / n, config.allowed[1] / n)

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
        inside = self._area.contains(points).tolist()
        a, b = self._allowed
        for i, (x, y), (cx, cy), size in zip(
            range(len(times)), points.tolist(), centres(boxes).tolist(), sizes(boxes).tolist(), strict=True
        ):
            now = Spot(at=float(times[i]), x=x, y=y, cx=cx, cy=cy, way=x * a + y * b, size=size)
            if not inside[i]:
                kept.outside = now
                if kept.now is not None:
                    self._leave(step.track, kept, now)
                continue
            if kept.now is None:
                kept.entered_at = self._entry(kept.outside, now)
            kept.outside = None
            self._advance(kept, now)
            run = self.state.runs.open.get(step.track)
            if run is not None:
                run.named(step)
                self._go_on(step.track, kept, run, now)
            elif step.object in self.config.classes and self._is_wrong(kept):
                run = self._run(step, kept, as_box(boxes[i]))
                if self.state.runs.begin(step.track, run, seen):
                    found.append(self._event(run, over=False))
        return found

    def _run(self, step: TrackStep, kept: Watched, box: Box) -> Run:
        start, now = kept.start, kept.now
        assert start is not None
        assert now is not None
        return Run(
            tracks=[step.track],
            object=step.object,
            colour=step.colour,
            confidence=step.confidence,
            start=kept.start_at,
            end=now.at,
            first=(start.x, start.y),
            last=(now.x, now.y),
            size=now.size,
            box=box,
            box_at=now.at,
        )

    def _entry(self, before: Spot | None, now: Spot) -> float:
        """When the way from the last instant outside to the first one inside came into the zone."""
        if before is None or now.at - before.at > GAP_S:
            return now.at
        spans = self._area.spans((before.at, now.at), ((before.x, before.y), (now.x, now.y)))
        return spans[-1][0] if spans else now.at

    def _leave(self, track: int, kept: Watched, outside: Spot) -> None:
        """The track left the zone: its run, if it is on one, ends at the edge."""
        was = kept.now
        assert was is not None
        run = self.state.runs.open.get(track)
        if run is not None:
            spans = self._area.spans((was.at, outside.at), ((was.x, was.y), (outside.x, outside.y)))
            if spans and run.end == was.at:
                run.end = max(run.end, spans[0][1])
            self.state.runs.close(track, outside.at)
        kept.now = kept.start = None

    def _advance(self, kept: Watched, now: Spot) -> None:
        """Follows the way back from the furthest point."""
        was = kept.now
        kept.now = now
        if was is None or kept.start is None or now.at - was.at > GAP_S:
            kept.peak, kept.start, kept.start_at = now.way, now, kept.entered_at if was is None else now.at
            kept.back_s = kept.jump = 0.0
            return
        limit = kept.peak - SLIDE * now.size
        if now.way >= limit:
            kept.peak, kept.start, kept.start_at = max(kept.peak, now.way), now, now.at
            kept.back_s = kept.jump = 0.0
            return
        if kept.start.at == was.at:
            arrived = was.at - kept.entered_at < ENTRY_S
            passed = was.at + (was.way - limit) / (was.way - now.way) * (now.at - was.at)
            kept.start_at = kept.entered_at if arrived else passed
        back = was.way - now.way
        if back > STILL * now.size * (now.at - was.at) / TICK_S:
            kept.back_s += now.at - was.at
        kept.jump = max(kept.jump, back)

    def _is_wrong(self, kept: Watched) -> bool:
        now, start, c = kept.now, kept.start, self.config
        assert now is not None
        if start is None or start.at == now.at:
            return False
        a, b = self._allowed
        size = (start.size + now.size) / 2
        moved = (now.x - start.x, now.y - start.y)
        far = start.way - now.way >= c.min_sizes * size
        whole = (start.cx - now.cx) * a + (start.cy - now.cy) * b >= 0.5 * c.min_sizes * size
        long = now.at - start.at >= c.min_s
        against = far and turn_deg(moved, (-a, -b)) <= c.tolerance_deg
        steady = kept.back_s >= STEADY * (now.at - start.at) and kept.jump <= JUMP * (start.way - now.way)
        return far and whole and long and against and steady

    def _go_on(self, track: int, kept: Watched, run: Run, now: Spot) -> None:
        a, b = self._allowed
        further = run.last[0] * a + run.last[1] * b - now.way
        if further > STILL * now.size:
            run.end, run.last, run.size = now.at, (now.x, now.y), now.size
        elif now.at - run.end >= IDLE_S or further <= -self.config.min_sizes * now.size:
            self.state.runs.close(track, now.at)
            kept.start = None

    def _event(self, run: Run, over: bool) -> Event:
        dx, dy = run.last[0] - run.first[0], run.last[1] - run.first[1]
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
                "against_s": round(run.end - run.start, 3),
                "distance_px": round(hypot(dx, dy), 1),
                "distance_sizes": round(hypot(dx, dy) / run.size, 2),
                "heading_deg": round(heading_deg(dx, dy), 1),
                "allowed_deg": round(heading_deg(*self._allowed), 1),
                "min_sizes": self.config.min_sizes,
                "min_s": self.config.min_s,
            },
        )
