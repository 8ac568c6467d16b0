"""Traffic that stands or crawls close together in a zone, for long. Speeds are in box sizes, so no ground is needed."""

from __future__ import annotations

from math import hypot
from typing import TYPE_CHECKING, Literal

import numpy as np
import shapely
from pydantic import BaseModel, ConfigDict, Field

from analytics.event import Event, Finding
from analytics.geometry import bottom_centres, sizes
from analytics.names import ObjectName
from analytics.rules import base
from analytics.rules.base import RuleConfig, State, rule_identity
from analytics.scene import Scene
from analytics.ticks import Box, as_box

if TYPE_CHECKING:
    from analytics.camera import Camera

GRID_S = 0.5
"""The zone is looked at at the multiples of this many seconds of media time…"""
DELAY_S = 1.5
"""…this much later, when what tracks tell of the past is known…"""
OVER_S = 5.0
"""…and judged by the mean over this long."""
HELD_S = 3.0
"""A vehicle that is not seen for a moment counts as where it was for this long."""


class Config(RuleConfig):
    """Traffic is congested."""

    kind: Literal["congestion"] = "congestion"
    zone: str = Field(description="name of the zone: one direction of a road")
    slow: float = Field(
        default=0.5, gt=0, description="mean speed below which traffic crawls, in box sizes a second (a car: about 2 m a size)"
    )
    occupancy: float = Field(default=0.25, gt=0, le=1, description="share of the zone that vehicles cover from which it is dense")
    min_vehicles: float = Field(default=4.0, ge=1, description="vehicles below which nothing is a congestion")
    after_s: float = Field(default=30.0, ge=0, description="seconds of slow and dense before it counts")
    clear_s: float = Field(default=10.0, ge=0, description="seconds of flowing or thin traffic before it is over")
    classes: tuple[ObjectName, ...] = Field(default=("motorcycle", "car", "bus", "truck"), description="which vehicles")


class Look(BaseModel):
    """The zone at one instant: vehicles, the sum of their speeds (sizes a second), share covered."""

    model_config = ConfigDict(extra="forbid")
    at: float
    vehicles: float
    speeds: float
    measured: float
    covered: float


class Means(BaseModel):
    """Means over `OVER_S`."""

    model_config = ConfigDict(extra="forbid")
    at: float
    vehicles: float
    speed: float
    covered: float


class Memory(State):
    paths: dict[int, list[tuple[float, Box]]] = Field(default_factory=dict)
    ended: list[tuple[float, int]] = Field(default_factory=list)
    next: int | None = None
    looks: list[Look] = Field(default_factory=list)
    means: Means | None = None
    since: float | None = None
    start: float | None = None
    worst: Means | None = None
    clear_since: float | None = None


class Rule(base.Rule[Memory]):
    """Slow and dense together for `after_s`; over when faster than 1.5 x `slow` or thinner than 0.7 x the rest for `clear_s`."""

    def __init__(self, config: Config, camera: Camera) -> None:
        self.config = config
        self.identity = rule_identity(config, camera.geometry_of(config))
        self.state = Memory()
        self._area = camera.area(config.zone)
        self._within = camera.resolution
        x1, y1, x2, y2 = self._area.shape.bounds
        self._box: Box = (x1, y1, x2, y2)

    def update(self, scene: Scene) -> list[Finding]:
        s = self.state
        for step in scene.tracks:
            if step.object in self.config.classes or step.track in s.paths:
                path = s.paths.setdefault(step.track, [])
                path += [(t, as_box(b)) for t, b in zip(step.times.tolist(), step.boxes, strict=True)]
        s.ended += [(scene.at, track) for track in scene.ended if track in s.paths]
        if s.next is None:
            s.next = int(np.ceil(scene.at / GRID_S))
        found: list[Finding] = []
        while s.next * GRID_S <= scene.at - DELAY_S:
            found += self._look(s.next * GRID_S)
            s.next += 1
        self._forget(s.next * GRID_S)
        return found

    def finish(self, at: float) -> list[Finding]:
        s = self.state
        found: list[Finding] = []
        while s.next is not None and s.next * GRID_S <= at:
            found += self._look(s.next * GRID_S)
            s.next += 1
        if s.start is not None:
            found.append(self._event(s.clear_since if s.clear_since is not None else at, over=True))
        self.state = Memory()
        return found

    def _forget(self, upcoming: float) -> None:
        s = self.state
        for track in [track for at, track in s.ended if at < upcoming - HELD_S]:
            s.paths.pop(track, None)
        s.ended = [(at, track) for at, track in s.ended if at >= upcoming - HELD_S]
        oldest = upcoming - HELD_S - 1.0
        for path in s.paths.values():
            keep = next((i for i in range(len(path) - 1, -1, -1) if path[i][0] <= oldest), 0)
            del path[:keep]

    def _look(self, at: float) -> list[Finding]:
        now = [b for path in self.state.paths.values() if (b := _where(path, at)) is not None]
        then = [_where(path, at - 1.0) for path in self.state.paths.values() if _where(path, at) is not None]
        look = Look(at=at, vehicles=0, speeds=0, measured=0, covered=0)
        if now:
            points = bottom_centres(now, self._within)
            inside = self._area.contains(points)
            size = sizes(now)
            for i in np.flatnonzero(inside).tolist():
                look.vehicles += 1
                before = then[i]
                if before is not None:
                    p = bottom_centres([before], self._within)[0]
                    look.measured += 1
                    look.speeds += hypot(points[i, 0] - p[0], points[i, 1] - p[1]) / float(size[i])
            if inside.any():
                rectangles = shapely.box(*np.asarray(now)[inside].T)
                covered = shapely.union_all(rectangles).intersection(self._area.shape).area
                look.covered = float(covered / self._area.shape.area)
        looks = self.state.looks
        looks.append(look)
        while looks[0].at <= at - OVER_S:
            del looks[0]
        n, measured = len(looks), sum(x.measured for x in looks)
        means = Means(
            at=at,
            vehicles=sum(x.vehicles for x in looks) / n,
            speed=sum(x.speeds for x in looks) / measured if measured else 0.0,
            covered=sum(x.covered for x in looks) / n,
        )
        return self._judge(means)

    def _jammed(self, m: Means) -> bool:
        c = self.config
        return m.speed <= c.slow and m.covered >= c.occupancy and m.vehicles >= c.min_vehicles

    def _released(self, m: Means) -> bool:
        c = self.config
        return m.speed > 1.5 * c.slow or m.covered < 0.7 * c.occupancy or m.vehicles < 0.7 * c.min_vehicles

    def _judge(self, m: Means) -> list[Finding]:
        s, before, found = self.state, self.state.means, list[Finding]()
        s.means = m
        if s.since is None:
            if self._jammed(m):
                s.since = self._onset(before, m)
            else:
                return found
        if s.start is None and self._released(m):
            s.since = None
            return found
        if s.start is None and m.at - s.since >= self.config.after_s:
            s.start, s.worst = s.since, m
            found.append(self._event(m.at, over=False))
        if s.start is None:
            return found
        if s.worst is None or m.speed < s.worst.speed:
            s.worst = m
        if not self._released(m):
            s.clear_since = None
        elif s.clear_since is None:
            s.clear_since = m.at - OVER_S / 2
        if s.clear_since is not None and m.at - s.clear_since >= self.config.clear_s:
            found.append(self._event(max(s.clear_since, s.start), over=True))
            s.since = s.start = s.worst = s.clear_since = None
        return found

    def _onset(self, before: Means | None, now: Means) -> float:
        """When the last of the conditions came to hold, interpolated between two looks, in the middle of what the mean covers."""
        if before is None:
            return now.at
        c, share = self.config, 0.0
        for old, new, limit in (
            (-before.speed, -now.speed, -c.slow),
            (before.covered, now.covered, c.occupancy),
            (before.vehicles, now.vehicles, c.min_vehicles),
        ):
            if old < limit <= new:
                share = max(share, (limit - old) / (new - old))
        span = now.at - self.state.looks[0].at
        return before.at + share * (now.at - before.at) - span / 2

    def _event(self, end: float, over: bool) -> Event:
        s = self.state
        assert s.start is not None
        assert s.worst is not None
        return Event(
            kind=self.config.kind,
            rule=self.identity,
            start=s.start,
            end=end,
            ongoing=not over,
            zone=self.config.zone,
            box=self._box,
            box_at=s.worst.at,
            evidence={
                "congested_s": round(end - s.start, 3),
                "after_s": self.config.after_s,
                "speed_sizes_s": round(s.worst.speed, 3),
                "slow_sizes_s": self.config.slow,
                "occupancy": round(s.worst.covered, 3),
                "occupancy_limit": self.config.occupancy,
                "vehicles": round(s.worst.vehicles, 1),
            },
        )


def _where(path: list[tuple[float, Box]], at: float) -> Box | None:
    """The box at `at`: between two points, or the last one for a moment after it; None before the first."""
    for i in range(len(path) - 1, -1, -1):
        t, box = path[i]
        if t <= at:
            if i == len(path) - 1:
                return box if at - t <= HELD_S else None
            t2, box2 = path[i + 1]
            f = (at - t) / (t2 - t)
            a, b, c, d = (u + f * (v - u) for u, v in zip(box, box2, strict=True))
            return a, b, c, d
    return None
