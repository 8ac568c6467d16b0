"""Events that a moving object makes while it moves, kept open across a change of track id. Used by wrong_way and speeding."""

from math import hypot

from pydantic import BaseModel, ConfigDict, Field

from analytics.scene import TrackStep
from analytics.ticks import Box

HEIR_S = 3.0
"""A run whose track was lost goes on with a run that begins within this many seconds, about where the first was heading."""
REACH = 1.5
"""How far from there, in sizes of the box."""


class Run(BaseModel):
    """One object's event while it lasts. Points are bottom centres in pixels."""

    model_config = ConfigDict(extra="forbid")
    tracks: list[int]
    object: str
    colour: str | None
    confidence: float
    start: float
    end: float
    first: tuple[float, float]
    last: tuple[float, float]
    size: float
    box: Box
    box_at: float
    closes_at: float | None = None
    """When it is over for good, unless another track goes on with it before."""
    times: list[float] = Field(default_factory=list)
    boxes: list[Box] = Field(default_factory=list)
    """Its path, where the rule wants it."""

    def named(self, step: TrackStep) -> None:
        """Takes class, colour and confidence as they are known now."""
        self.object, self.colour, self.confidence = step.object, step.colour, step.confidence

    def goes_on_with(self, later: "Run") -> bool:
        """Whether `later` began where this one, lost before, must have got to."""
        gap = later.start - self.end
        if self.closes_at is None or not -1.0 <= gap <= HEIR_S:
            return False
        span = max(self.end - self.start, 1e-6)
        vx, vy = (self.last[0] - self.first[0]) / span, (self.last[1] - self.first[1]) / span
        away = hypot(later.first[0] - self.last[0] - vx * gap, later.first[1] - self.last[1] - vy * gap)
        speed = hypot(vx, vy)
        return away <= REACH * max(self.size, later.size) + 0.5 * speed * abs(gap)

    def take(self, later: "Run") -> None:
        """Goes on with `later` as the same object."""
        self.tracks = list(dict.fromkeys([*self.tracks, *later.tracks]))
        self.end, self.last, self.size, self.closes_at = max(self.end, later.end), later.last, later.size, None
        self.times += [t for t in later.times if not self.times or t > self.times[-1]]
        self.boxes += later.boxes[len(later.boxes) - (len(self.times) - len(self.boxes)) :]


class Runs(BaseModel):
    """Runs that are open, by their present track, and those whose track was lost or stopped showing it."""

    model_config = ConfigDict(extra="forbid")
    open: dict[int, Run] = Field(default_factory=dict)
    lost: list[Run] = Field(default_factory=list)

    def begin(self, track: int, run: Run) -> bool:
        """Enters a confirmed run. Returns whether it is new, or False where it goes on with an earlier one."""
        for earlier in self.lost:
            if earlier.goes_on_with(run):
                self.lost = [r for r in self.lost if r is not earlier]
                earlier.take(run)
                self.open[track] = earlier
                return False
        self.open[track] = run
        return True

    def lose(self, track: int, at: float) -> None:
        """The track ended, or does not show it any more: another may go on with it for a while."""
        run = self.open.pop(track, None)
        if run is not None:
            run.closes_at = at + HEIR_S + 2.0
            self.lost.append(run)

    def expired(self, at: float) -> list[Run]:
        """Takes out those that are over for good at `at`."""
        over = [r for r in self.lost if r.closes_at is not None and r.closes_at <= at]
        self.lost = [r for r in self.lost if r not in over]
        return over

    def finish(self) -> list[Run]:
        """Takes out all."""
        left = [*self.lost, *self.open.values()]
        self.open, self.lost = {}, []
        return left
