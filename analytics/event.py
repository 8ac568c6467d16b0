"""What a rule finds: events with the numbers that decided them, and line crossings."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from analytics.identity import digest63


@dataclass(frozen=True, slots=True)
class Event:
    """Something a rule found, from `start` to `end` (media time, seconds).

    It is reported when it is confirmed (`ongoing`), and again, with the same id, when it is over.

    Attributes:
        kind: the rule's kind.
        rule: the rule's identity (`RuleConfig.identity()`).
        tracks: the tracks concerned, the main one first.
        object: class of the main track, or None for an event of the scene.
        zone: zone or line that the rule watches.
        box: (4,) where to look, pixels of the camera's resolution, at `box_at`.
        evidence: the numbers that decided it, units in the names (`dwell_s`, `speed_kmh`).
        key: makes the id unique among events of one rule that share start and main track; seldom needed.
    """

    kind: str
    rule: str
    start: float
    end: float
    ongoing: bool
    tracks: tuple[int, ...] = ()
    object: str | None = None
    colour: str | None = None
    confidence: float = 1.0
    zone: str | None = None
    box: tuple[float, float, float, float] | None = None
    box_at: float | None = None
    evidence: Mapping[str, float | str] = field(default_factory=dict)
    key: str = ""

    def id(self, camera: str) -> int:
        """63-bit id that depends on what happened, not on when it was found."""
        return digest63(camera, self.rule, f"{self.start:.3f}", self.tracks[:1], self.key)


@dataclass(frozen=True, slots=True)
class Crossing:
    """One track crossed a line once.

    Attributes:
        line: the line's name.
        at: media time of the crossing, interpolated on the path.
        direction: "in" or "out" as supervision's LineZone means them for the same two points, or the line's own names.
        pcu: passenger-car units of the object.
    """

    rule: str
    line: str
    at: float
    track: int
    object: str
    direction: str
    pcu: float


Finding = Event | Crossing
