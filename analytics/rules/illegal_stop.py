"""Vehicles that stand in a zone for longer than allowed, times at a red light left out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from analytics.event import Event, Finding
from analytics.names import ObjectName
from analytics.rules import base
from analytics.rules.base import RuleConfig, State, rule_identity
from analytics.scene import Scene
from analytics.stays import Change, Stays, Watch

if TYPE_CHECKING:
    from analytics.camera import Camera

RED = 0.0
UNREAD_S = 120.0
"""A lamp that cannot be read keeps its last known state this long; after that the stop counts as if there were no light."""


class Config(RuleConfig):
    """A vehicle stands where it must not."""

    kind: Literal["illegal_stop"] = "illegal_stop"
    zone: str = Field(description="name of the zone")
    after_s: float = Field(default=30.0, gt=0, description="seconds of standing before it counts")
    classes: tuple[ObjectName, ...] = Field(default=("motorcycle", "car", "bus", "truck"), description="which vehicles")
    signal: str | None = Field(default=None, description="traffic light at which they may wait: standing while it is red does not count")
    still: float = Field(default=0.3, gt=0, description="how far a standing vehicle's box may stray, in sizes of the box")
    lapse_s: float = Field(default=2.0, ge=0, description="being away from the place for less than this does not end the stop")
    loss_s: float = Field(
        default=15.0, ge=0, description="a vehicle lost from sight may reappear at the place for this long and is the same"
    )


class Memory(State):
    stays: Stays = Field(default_factory=lambda: Stays())
    reds: list[tuple[float, float | None]] = Field(default_factory=list)
    """Red phases, from and to; the last may be open."""
    lamp: float = -1.0
    lamp_at: float | None = None
    """The last readable state and when it was read."""


class Rule(base.Rule[Memory]):
    """An event begins with the first moment of standing that counts, and is confirmed when `after_s` of them are full."""

    def __init__(self, config: Config, camera: Camera) -> None:
        self.config = config
        self.identity = rule_identity(config, camera.geometry_of(config))
        self.state = Memory()
        self._watch = Watch(
            area=camera.area(config.zone),
            within=camera.resolution,
            classes=frozenset(config.classes),
            radius=config.still,
            fine=config.still / 3,
            yardstick="size",
            settle_s=min(config.after_s, 3.0),
            lapse_s=config.lapse_s,
            loss_s=config.loss_s,
            opens=self._opens,
        )

    def update(self, scene: Scene) -> list[Finding]:
        # A reading holds from its own moment on, so what this scene tells of the past is judged by the readings before it.
        found: list[Finding] = [self._event(change) for change in self._watch.update(self.state.stays, scene)]
        if self.config.signal is not None:
            self._read_lamp(scene.signals.get((self.config.signal, "state"), -1.0), scene.at)
        return found

    def finish(self, at: float) -> list[Finding]:
        return [self._event(change) for change in self._watch.finish(self.state.stays, at)]

    def _read_lamp(self, lamp: float, at: float) -> None:
        s = self.state
        if lamp >= 0:
            s.lamp, s.lamp_at = lamp, at
        readable = s.lamp_at is not None and at - s.lamp_at <= UNREAD_S
        red = readable and s.lamp == RED
        open_red = bool(s.reds) and s.reds[-1][1] is None
        if red and not open_red:
            s.reds.append((at, None))
        elif open_red and not red:
            s.reds[-1] = (s.reds[-1][0], at)
        subjects = [*s.stays.subjects.values(), *s.stays.ghosts]
        oldest = min([at - 60.0, *(x.since for x in subjects if x.since is not None)])
        s.reds = [r for r in s.reds if r[1] is None or r[1] > oldest]

    def _counted_s(self, since: float, at: float) -> float:
        """Seconds from `since` to `at` that were not red."""
        red = sum(max(0.0, min(at, at if b is None else b) - max(since, a)) for a, b in self.state.reds)
        return at - since - red

    def _opens(self, since: float, at: float) -> float | None:
        if self._counted_s(since, at) < self.config.after_s:
            return None
        start = since
        for a, b in self.state.reds:
            if b is not None and a <= start < b:
                start = b
        return start

    def _event(self, change: Change) -> Event:
        s, c = change.subject, self.config
        assert s.start is not None
        assert s.since is not None
        evidence: dict[str, float | str] = {
            "dwell_s": round(self._counted_s(s.start, s.there_at), 3),
            "allowed_s": c.after_s,
            "stood_s": round(s.there_at - s.since, 3),
        }
        if c.signal:
            evidence["signal"] = c.signal
        return Event(
            kind=c.kind,
            rule=self.identity,
            start=s.start,
            end=s.there_at,
            ongoing=not change.over,
            tracks=tuple(s.tracks),
            object=s.object,
            colour=s.colour,
            confidence=s.confidence,
            zone=c.zone,
            box=s.place_box,
            box_at=s.box_at,
            evidence=evidence,
        )
