"""Events that a moving object makes while it moves, kept open across a change of track id. Used by wrong_way and speeding."""

from math import hypot

from pydantic import BaseModel, ConfigDict, Field

from analytics.scene import TrackStep
from analytics.ticks import Box

HEIR_S = 3.0
"""A run whose track was lost goes on with a run that begins within this many seconds, about where the first was heading."""
REACH = 1.0
"""How far from there, in sizes of the box…"""
STRAY = 0.3
"""…and in shares of the way it would have gone since."""


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
    """When it is over for good, unless a track goes on with it before."""
    lost: bool = False
    """Its track ended on the way, so that another may go on with it; one that was seen to stop or leave cannot."""
    times: list[float] = Field(default_factory=list)
    boxes: list[Box] = Field(default_factory=list)
    """Its path, where the rule wants it."""
    speed: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """The surest speed measured of it, km/h, with the low and the high end of its interval, where the rule wants it…"""
    measured_s: float = 0.0
    """…and how long the stretch is that it was measured over."""

    def named(self, step: TrackStep) -> None:
        """Takes class, colour and confidence as they are known now."""
        self.object, self.colour, self.confidence = step.object, step.colour, step.confidence

    def goes_on_with(self, later: "Run") -> bool:
        """Whether `later` began where this one, lost before, must have got to."""
        gap = later.start - self.end
        if not -1.0 <= gap <= HEIR_S:
            return False
        if self.tracks[-1] in later.tracks:
            return True
        if self.closes_at is not None and not self.lost:
            return False
        span = max(self.end - self.start, 1e-6)
        vx, vy = (self.last[0] - self.first[0]) / span, (self.last[1] - self.first[1]) / span
        away = hypot(later.first[0] - self.last[0] - vx * gap, later.first[1] - self.last[1] - vy * gap)
        speed = hypot(vx, vy)
        return away <= REACH * max(self.size, later.size) + STRAY * speed * abs(gap)

    def take(self, later: "Run") -> None:
        """Goes on with `later` as the same object."""
        self.tracks = list(dict.fromkeys([*self.tracks, *later.tracks]))
        self.end, self.last, self.size = max(self.end, later.end), later.last, later.size
        self.closes_at, self.lost = None, False
        self.times += [t for t in later.times if not self.times or t > self.times[-1]]
        self.boxes += later.boxes[len(later.boxes) - (len(self.times) - len(self.boxes)) :]


class Runs(BaseModel):
    """Runs that are open, by their present track, and those whose track was lost or stopped showing it."""

    model_config = ConfigDict(extra="forbid")
    open: dict[int, Run] = Field(default_factory=dict)
    lost: list[Run] = Field(default_factory=list)

    def begin(self, track: int, run: Run, seen: set[int]) -> bool:
        """Enters a confirmed run; `seen` are the tracks of this scene.

        Returns:
            Whether it is new, or False where it goes on with an earlier one whose track is not seen now.
        """
        unseen = [(None, r) for r in self.lost] + [(t, r) for t, r in self.open.items() if t not in seen]
        for key, earlier in unseen:
            if earlier.goes_on_with(run):
                if key is None:
                    self.lost = [r for r in self.lost if r is not earlier]
                else:
                    del self.open[key]
                earlier.take(run)
                self.open[track] = earlier
                return False
        self.open[track] = run
        return True

    def close(self, track: int, at: float, lost: bool = False) -> None:
        """The track does not show it any more, or (`lost`) has ended: it may still go on for a while."""
        run = self.open.pop(track, None)
        if run is not None:
            run.closes_at, run.lost = at + HEIR_S + 2.0, lost
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
