"""Counts objects over a line, each way. Knows the line and each track's side of it; nothing of zones or metres."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, Field

from analytics import pcu
from analytics.event import Crossing, Finding
from analytics.geometry import bottom_centres, centres, passes, sides, sizes
from analytics.names import ObjectName
from analytics.rules import base
from analytics.rules.base import RuleConfig, State, rule_identity
from analytics.scene import Scene, TrackStep

if TYPE_CHECKING:
    from analytics.camera import Camera


class Config(RuleConfig):
    """Counts what crosses a line."""

    kind: Literal["line_count"] = "line_count"
    line: str = Field(description="name of the line")
    classes: tuple[ObjectName, ...] = Field(
        default=("bicycle", "motorcycle", "car", "bus", "truck"), description="classes that are counted"
    )
    anchor: Literal["centre", "bottom"] = Field(
        "centre",
        description="the box's point that crosses: its centre (right also where the picture's edge or other objects hide the wheels), "
        "or the bottom centre (on the ground)",
    )
    beyond: float = Field(
        0.1, ge=0, le=2, description="how far past the line an object must get, in sizes of its box, so that jitter does not count"
    )
    design_speed_kmh: float = Field(
        default=50.0, gt=0, description="design speed of the road, which chooses the PCU factors (TCXDVN 104:2007)"
    )
    pcu: dict[ObjectName, float] = Field(default_factory=dict, description="own PCU factors by class, instead of the standard's")


class Pending(BaseModel):
    """One track near the line: its side, and a crossing that is not beyond doubt yet."""

    at: float
    x: float
    y: float
    away: float
    """Pixels from the line, negative on the "in" side."""
    side: int = 0
    """-1 "in", +1 "out", 0 not known yet."""
    furthest: float = 0.0
    """How far it was seen on that side, in box sizes."""
    crossed_at: float | None = None
    """When it last changed sides, if that was between the line's ends."""
    object: str = ""


class Memory(State):
    tracks: dict[int, Pending] = Field(default_factory=dict)


class Rule(base.Rule[Memory]):
    """A track is counted when it has gone `beyond` the line after having been on the other side.

    The time is that of the last change of side on its path, and the place of that change must lie between the line's ends. A
    track that ends on the line, short of `beyond`, counts too if it came from three times as far: no jitter reaches there.
    """

    def __init__(self, config: Config, camera: Camera) -> None:
        self.config = config
        self.identity = rule_identity(config, camera.geometry_of(config))
        self.state = Memory()
        line = camera.lines[config.line]
        self._start, self._end = line.points
        self._names = {-1: line.names.inward, 1: line.names.outward}

    def update(self, scene: Scene) -> list[Finding]:
        found: list[Finding] = []
        for step in scene.tracks:
            found += self._step(step)
        for track in scene.ended:
            found += self._end_of(track)
        return found

    def finish(self, at: float) -> list[Finding]:  # noqa: ARG002 - a crossing has no end
        return [finding for track in list(self.state.tracks) for finding in self._end_of(track)]

    def _step(self, step: TrackStep) -> list[Finding]:
        points = bottom_centres(step.boxes) if self.config.anchor == "bottom" else centres(step.boxes)
        away = sides(self._start, self._end, points)
        far = away / sizes(step.boxes)
        kept = self.state.tracks.get(step.track)
        if kept is None:
            kept = Pending(at=float(step.times[0]), x=float(points[0, 0]), y=float(points[0, 1]), away=float(away[0]))
            self.state.tracks[step.track] = kept
        kept.object = step.object
        found: list[Finding] = []
        for at, (x, y), px, sized in zip(step.times.tolist(), points.tolist(), away.tolist(), far.tolist(), strict=True):
            found += self._point(step.track, kept, (at, x, y, px), sized)
        return found

    def _point(self, track: int, kept: Pending, point: tuple[float, float, float, float], d: float) -> list[Finding]:
        """One more point of the path, `d` box sizes from the line (negative: the "in" side)."""
        at, x, y, px = point
        if (px < 0) != (kept.away < 0):
            over = passes(self._start, self._end, (kept.at, at), ((kept.x, kept.y), (x, y)))
            kept.crossed_at = over[0].at if over else None
        kept.at, kept.x, kept.y, kept.away = at, x, y, px
        side = -1 if px < 0 else 1
        if kept.side == 0:
            # Where a track first appears decides only once it is clearly off the line; before, its side may be jitter.
            if abs(d) > self.config.beyond / 2:
                kept.side, kept.furthest = side, abs(d)
            return []
        if side == kept.side:
            kept.furthest = max(kept.furthest, abs(d))
            return []
        if abs(d) <= self.config.beyond:
            return []
        found = self._count(track, kept, side)
        kept.side, kept.furthest = side, abs(d)
        return found

    def _end_of(self, track: int) -> list[Finding]:
        kept = self.state.tracks.pop(track, None)
        if kept is None or kept.side == 0 or kept.furthest < 3 * self.config.beyond:
            return []
        side = -1 if kept.away < 0 else 1
        return self._count(track, kept, side) if side != kept.side else []

    def _count(self, track: int, kept: Pending, side: int) -> list[Finding]:
        if kept.crossed_at is None or kept.object not in self.config.classes:
            return []
        worth = pcu.factor(kept.object, self.config.design_speed_kmh, self.config.pcu)
        return [Crossing(self.identity, self.config.line, kept.crossed_at, track, kept.object, self._names[side], worth)]
