"""Named actors on exact paths, told to a fold as a tracker would: in steps, late, with losses and changes of id."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from analytics.camera import Camera
from analytics.event import Crossing, Event, Finding
from analytics.fold import RuleFold
from analytics.scene import Scene, TrackStep

T0 = 1_790_000_000.0
"""Media time at which worlds begin; far from zero, as real footage is."""
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Actor:
    """One object: `box(t)` in pixels for `begin <= t <= end` (seconds of the world).

    Attributes:
        ids: what the tracker calls it: from the time given on, that id; None where it does not see it.
    """

    object: str
    box: Callable[[float], Box]
    begin: float = 0.0
    end: float = 60.0
    ids: tuple[tuple[float, int | None], ...] = ()
    confidence: float = 0.9
    colour: str | None = None


def standing(x: float, y: float, w: float = 60, h: float = 50, jitter: float = 0.0, seed: int = 0) -> Callable[[float], Box]:
    """A box whose bottom centre stays at (x, y), but for jitter in shares of its size, another at every 1/30 s."""

    def box(t: float) -> Box:
        dx, dy = np.random.default_rng([seed, round(t * 3000)]).normal(0, jitter, 2) * (w * h) ** 0.5 if jitter else (0.0, 0.0)
        return (x - w / 2 + dx, y - h + dy, x + w / 2 + dx, y + dy)

    return box


def through(*points: tuple[float, float, float], w: float = 60, h: float = 50) -> Callable[[float], Box]:
    """A box whose bottom centre is at (x, y) at the given times (t, x, y) and goes straight between."""
    t, x, y = np.array(points, float).T

    def box(at: float) -> Box:
        cx, cy = float(np.interp(at, t, x)), float(np.interp(at, t, y))
        return (cx - w / 2, cy - h, cx + w / 2, cy)

    return box


def stopping(
    x: float, y0: float, y1: float, at: float, brake_s: float = 2.0, w: float = 60, h: float = 50, leave: float | None = None
) -> Callable[[float], Box]:
    """Comes down from y0, brakes evenly for `brake_s`, stands at (x, y1) from `at` on, and drives on at `leave`."""
    v = 2 * (y1 - y0) / (brake_s * 2)

    def box(t: float) -> Box:
        if leave is not None and t > leave:
            y = y1 + v / 2 * (t - leave) ** 2
        elif t >= at:
            y = y1
        elif t >= at - brake_s:
            y = y1 - v / (2 * brake_s) * (at - t) ** 2
        else:
            y = y1 - v * brake_s / 2 - v * (at - brake_s - t)
        return (x - w / 2, y - h, x + w / 2, y)

    return box


@dataclass
class World:
    """What happens before one camera, from 0 to `until` seconds."""

    actors: Sequence[Actor]
    until: float
    signals: Callable[[float], Mapping[tuple[str, str], float]] = field(default=lambda t: {})

    def scenes(self, fps: float = 30.0, every: int = 1, confirm: int = 1, ended_s: float = 1.2) -> list[Scene]:
        """The world sampled `fps` times a second.

        Args:
            every: samples to a scene.
            confirm: scenes in which a track must have been before it is told, with all its past.
            ended_s: a track unseen for longer has ended.
        """
        names = [dict.fromkeys(a.ids) or {(a.begin, i + 1): None} for i, a in enumerate(self.actors)]
        pending: dict[int, list[tuple[float, Box]]] = {}
        met: dict[int, int] = {}
        last: dict[int, float] = {}
        who: dict[int, Actor] = {}
        out = []
        count = int(np.floor(self.until * fps + 1e-9)) + 1
        for first in range(0, count, every):
            for frame in range(first, min(first + every, count)):
                t = frame / fps
                for actor, ids in zip(self.actors, names, strict=True):
                    if actor.begin <= t <= actor.end:
                        known = [i for since, i in ids if since <= t]
                        track = known[-1] if known else None
                        if track is not None:
                            pending.setdefault(track, []).append((t, actor.box(t)))
                            last[track], who[track] = t, actor
            steps = []
            for track in sorted(pending):
                met[track] = met.get(track, 0) + 1
                if met[track] >= confirm and pending[track]:
                    times, boxes = zip(*pending.pop(track), strict=True)
                    a = who[track]
                    steps.append(TrackStep(track, a.object, a.colour, a.confidence, T0 + np.array(times), np.array(boxes, np.float32)))
            ended = sorted(i for i, at in last.items() if t - at > ended_s)
            for track in ended:
                del last[track]
                pending.pop(track, None)
            out.append(Scene(T0 + t, tuple(steps), tuple(ended), self.signals(t)))
        return out


def camera(rules: Sequence[Mapping[str, Any]], **more: Any) -> Camera:
    """A 1280 x 720 camera with a road, a pavement and a line across."""
    plain: dict[str, Any] = {
        "id": "test",
        "resolution": [1280, 720],
        "zones": {"road": [[300, 100], [900, 100], [900, 600], [300, 600]], "pavement": [[950, 100], [1250, 100], [1250, 700], [950, 700]]},
        "lines": {"across": [[300, 400], [900, 400]]},
        "signals": {"north": {"lamps": {"red": [10, 10, 20, 20]}}},
        "rules": list(rules),
    }
    return Camera.read({**plain, **more})


def fold(cam: Camera, scenes: Sequence[Scene]) -> list[Finding]:
    """Everything the camera's rules find, the closing of what is open at the end included."""
    rules = RuleFold(cam)
    return [f for scene in scenes for f in rules.step(scene)] + rules.finish(scenes[-1].at)


def events(findings: Sequence[Finding]) -> list[Event]:
    """The closed events, in order of their start."""
    return sorted((f for f in findings if isinstance(f, Event) and not f.ongoing), key=lambda e: e.start)


def crossings(findings: Sequence[Finding]) -> list[Crossing]:
    return sorted((f for f in findings if isinstance(f, Crossing)), key=lambda c: c.at)


def spans(findings: Sequence[Finding]) -> list[tuple[float, float]]:
    """Start and end of the closed events, seconds of the world, to a hundredth."""
    return [(round(e.start - T0, 2), round(e.end - T0, 2)) for e in events(findings)]
