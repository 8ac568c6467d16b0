"""What every rule is: a frozen, checked configuration and a fold over scenes."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Generic, TypeVar

from pydantic import BaseModel, ConfigDict

from analytics.event import Finding
from analytics.identity import digest
from analytics.scene import Scene


class RuleConfig(BaseModel):
    """One entry of a camera's `rules:` list. Each rule's file subclasses it as `Config` with `kind: Literal["…"]`.

    `version` counts changes of the rule's code that change what it finds. Unknown keys are errors.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    version: ClassVar[int] = 1
    kind: str

    def zones_used(self) -> tuple[str, ...]:
        """Names of the zones this rule watches; they must be in the camera file."""
        zone = getattr(self, "zone", None)
        return (zone,) if zone else ()

    def lines_used(self) -> tuple[str, ...]:
        """Names of the lines this rule watches; they must be in the camera file."""
        line = getattr(self, "line", None)
        return (line,) if line else ()

    def signals_used(self) -> tuple[str, ...]:
        """Names of the traffic signals this rule reads; they must be in the camera file."""
        signal = getattr(self, "signal", None)
        return (signal,) if signal else ()

    def needs_ground(self) -> bool:
        """Whether the rule cannot work without the camera's ground plane."""
        return False

    def objects_used(self) -> tuple[str, ...]:
        """Classes that the detector must know for this rule; empty where any will do."""
        return tuple(getattr(self, "classes", ()))


class State(BaseModel):
    """What a rule remembers between scenes. It is written out as JSON and read by a fresh process, exactly."""

    model_config = ConfigDict(extra="forbid", ser_json_inf_nan="constants")


S = TypeVar("S", bound=State)


class Rule(ABC, Generic[S]):
    """A fold: `update` takes scenes in order of time and returns what became known. No clock, no I/O.

    A rule keeps everything it remembers in `self.state`, so that a fold can stop after any scene and go on in another
    process. An event is returned when it is confirmed (`ongoing=True`) and again with the same id when it is over.
    """

    state: S

    @abstractmethod
    def update(self, scene: Scene) -> list[Finding]:
        """Takes the next scene; returns what became known by it."""

    @abstractmethod
    def finish(self, at: float) -> list[Finding]:
        """Closes what is open, at media time `at`."""


def rule_identity(config: RuleConfig, geometry: Any) -> str:
    """Names a rule by kind, version, parameters and the geometry it reads (zone polygons, line points, ground)."""
    return f"{config.kind}-{config.version}-{digest(config.model_dump(mode='json'), geometry)}"
