"""People who hang about one place in a zone for long. Who walks through, however slowly the others, does not."""

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


class Config(RuleConfig):
    """Somebody hangs about."""

    kind: Literal["loitering"] = "loitering"
    zone: str = Field(description="name of the zone")
    after_s: float = Field(default=60.0, gt=0, description="seconds about the same place before it counts")
    classes: tuple[ObjectName, ...] = Field(default=("person",), description="who is watched")
    roam: float = Field(
        default=2.0, gt=0, description="how far somebody may wander and still be about the same place, in heights of their box"
    )
    lapse_s: float = Field(default=3.0, ge=0, description="being away from the place for less than this does not end it")
    loss_s: float = Field(
        default=10.0, ge=0, description="somebody lost from sight may reappear at the place for this long and is the same"
    )


class Memory(State):
    stays: Stays = Field(default_factory=lambda: Stays())


class Rule(base.Rule[Memory]):
    """An event begins when somebody comes to the place (or into the zone), and is confirmed `after_s` later."""

    def __init__(self, config: Config, camera: Camera) -> None:
        self.config = config
        self.identity = rule_identity(config, camera.geometry_of(config))
        self.state = Memory()
        self._watch = Watch(
            area=camera.area(config.zone),
            within=camera.resolution,
            classes=frozenset(config.classes),
            radius=config.roam,
            fine=config.roam,
            yardstick="height",
            settle_s=min(config.after_s, 5.0),
            lapse_s=config.lapse_s,
            loss_s=config.loss_s,
            opens=lambda since, at: since if at - since >= config.after_s else None,
        )

    def update(self, scene: Scene) -> list[Finding]:
        return [self._event(change) for change in self._watch.update(self.state.stays, scene)]

    def finish(self, at: float) -> list[Finding]:
        return [self._event(change) for change in self._watch.finish(self.state.stays, at)]

    def _event(self, change: Change) -> Event:
        s, c = change.subject, self.config
        assert s.start is not None
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
            evidence={"dwell_s": round(s.there_at - s.start, 3), "allowed_s": c.after_s, "roam_heights": c.roam},
        )
