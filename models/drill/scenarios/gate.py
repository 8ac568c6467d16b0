"""A square before a gate: people pass, wait and linger; a lawn nobody may enter."""

import numpy as np

from models.drill import light as lights
from models.drill.motion import Way, strolling
from models.drill.script import Script
from models.drill.stage import House, Post, Stage, Tree
from models.drill.view import View
from models.drill.world import World

LAWN = ((1.6, 7.5), (1.6, 14.0), (6.6, 14.0), (6.6, 7.5))
"""The forbidden zone, metres."""
FRONT = ((-6.0, 8.0), (-6.0, 14.0), (-0.9, 14.0), (-0.9, 8.0))
"""Where nobody may linger."""
AFTER_S = 10.0
Place = tuple[float, float]


def build(seed: int, seconds: float, size: tuple[int, int], *, night: bool = False) -> World:
    """The square by day (or night)."""
    rng = np.random.default_rng([seed, 11 + night])
    script = start("gate", seed, seconds, size, rng, night)
    plan(script)
    return script.done()


def start(name: str, seed: int, seconds: float, size: tuple[int, int], rng: np.random.Generator, night: bool) -> Script:
    """The empty square with its camera, zones and rules."""
    view = View(
        size,
        (float(rng.uniform(-0.1, 0.7)), float(rng.uniform(-4.6, -3.8)), float(rng.uniform(5.0, 6.0))),
        float(rng.uniform(-1, 1)),
        float(rng.uniform(19, 22)),
        float(rng.uniform(64, 68)),
    )
    stage = Stage()
    stage.strip(-30, 30, -12, 24, "plaza" if rng.random() < 0.6 else "pavement")
    stage.strip(-30, 30, 24, 36, "asphalt")
    stage.strip(-30, 30, 23.8, 24, "kerb")
    (x0, y0), (x1, y1) = FRONT[0], FRONT[2]
    stage.strip(x0, x1, y0, y1, "red tiles")
    (x0, y0), (x1, y1) = LAWN[0], LAWN[2]
    stage.strip(x0 - 0.2, x1 + 0.2, y0 - 0.2, y1 + 0.2, "kerb")
    stage.strip(x0, x1, y0, y1, "grass")
    x = -30.0
    while x < 30:
        wide = float(rng.uniform(5, 9))
        stage.houses.append(House((x + wide, 38.0), (x, 38.0), float(rng.uniform(7, 14)), 9.0, int(rng.integers(1 << 31))))
        x += wide
    for x in (-11.0, -4.0, 4.5, 11.5):
        stage.trees.append(
            Tree((x + float(rng.uniform(-1, 1)), 22.0), float(rng.uniform(5, 7)), float(rng.uniform(1.3, 2.0)), int(rng.integers(1 << 30)))
        )
    for x in (-9.5, 10.5):
        stage.posts.append(Post((x, 16.0), 6.5, arm=(1.2 if x < 0 else -1.2, 0.0)))
    sky = lights.night(rng, stage.lamps()) if night else (lights.day(rng) if rng.random() < 0.6 else lights.overcast(rng))
    script = Script(name, seed, seconds, view, sky, stage, rng)
    script.ground([(-6.5, 16), (7, 16), (5.5, 8), (-5, 8)])
    script.zone("lawn", LAWN)
    script.zone("front", FRONT)
    script.rule("intrusion", zone="lawn")
    script.rule("loitering", zone="front", after_s=AFTER_S)
    script.line("entrance", (-9.0, 19.5), (9.0, 19.5))
    script.rule("line_count", line="entrance", classes=["person"], anchor="bottom")
    return script


def plan(script: Script, *, pace: float = 1.0) -> None:
    """Fills the square: intruders, people who linger, people who pass beside and people who wait only a little."""
    makers = (_intruder, _linger, _beside, _brief, _across)
    odds = np.array([0.26, 0.3, 0.14, 0.12, 0.18])
    t = -6.0
    while t < script.seconds - 4:
        make = makers[int(script.rng.choice(len(makers), p=odds))]
        for tries in range(10):
            if make(script, t + 0.3 * tries):
                break
        t += float(script.rng.uniform(2.4, 4.6)) / pace
    _street_behind(script)


def _add(
    script: Script,
    points: list[Place],
    t: float,
    role: str,
    pauses: list[tuple[float, float]] | None = None,
    rounding: float = 0.8,
) -> bool:
    way = Way(points, rounding)
    speed = float(script.rng.uniform(1.05, 1.45))
    motion = way.motion(t, strolling(way.length, speed, pauses or []))
    near = [a for a in script.actors if a.object == "person"]
    if not script.clear(motion, 1.0, near, max(t, -3.0)):
        return False
    script.walker(way, t, speed, pauses or [], role)
    return True


def _edge(script: Script) -> list[Place]:
    """From where people come: a place outside the picture, or along the far kerb and over the entrance."""
    rng = script.rng
    if (side := int(rng.integers(3))) == 2:
        return _kerb(script, float(rng.uniform(-4, 4)))
    return [((-14.0, 14.0)[side], float(rng.uniform(14, 18)))]


def _kerb(script: Script, x: float) -> list[Place]:
    """Along the far kerb from outside the picture to `x`."""
    y = float(script.rng.uniform(20.9, 21.4))
    return [(15.0 if script.rng.random() < 0.5 else -15.0, y), (x, y)]


def _near(script: Script) -> Place:
    return [(-8.0, 1.0), (float(script.rng.uniform(-2.5, 1.5)), -3.5), (10.5, 2.0)][int(script.rng.integers(3))]


def _intruder(script: Script, t: float) -> bool:
    rng = script.rng
    if t + 20 > script.seconds:
        return False
    y, x = float(rng.uniform(9.0, 12.7)), float(rng.uniform(2.8, 5.6))
    points = [
        [(0.4, y - 1), (x, y + 0.5), (8.2, y + 1.2)],
        [(x - 1, 5.6), (x, 10), (x + 0.5, 15.6)],
        [(8.2, y), (x, y - 1), (0.4, y + 0.5)],
    ][int(rng.integers(3))]
    first, last = _edge(script), [_near(script)]
    if points[0][1] < 6:
        first, last = last, first[::-1]
    pauses = [] if rng.random() < 0.6 else [(Way([*first, *points]).length - 3.2, float(rng.uniform(1.5, 4)))]
    return _add(script, [*first, *points, *last], t, "intruder", pauses)


def _linger(script: Script, t: float) -> bool:
    rng = script.rng
    if t + 34 > script.seconds:
        return False
    at = (float(rng.uniform(-5.2, -1.7)), float(rng.uniform(8.9, 13.0)))
    if _taken(script, at, t):
        return False
    first, last = _edge(script), _edge(script)[::-1]
    if rng.random() < 0.6:
        reach = Way([*first, at], 0.8).length - 0.3
        return _add(script, [*first, at, *last], t, "loiterer", [(reach, float(rng.uniform(13, 20)))])
    other = (float(rng.uniform(-5.2, -1.7)), float(rng.uniform(8.9, 13.0)))
    if not 1.2 < np.hypot(at[0] - other[0], at[1] - other[1]) < 2.4:
        return False
    a, b = Way([*first, at], 0.8).length - 0.3, Way([*first, at, other], 0.8).length - 0.3
    return _add(script, [*first, at, other, at, *last], t, "loiterer", [(a, float(rng.uniform(6, 8))), (b, float(rng.uniform(6, 8)))])


def _taken(script: Script, at: tuple[float, float], t: float) -> bool:
    """Whether somebody lingers at a place in the time around; one who takes another's place at once is nobody's clear case."""
    for actor in script.actors:
        motion = actor.motion
        near = np.hypot(*(motion.xy - np.array(at)).T) < 2.0
        then = (motion.times > t) & (motion.times < t + 45)
        if actor.role == "loiterer" and (near & then & (motion.speed < 0.1)).any():
            return True
    return False


def _beside(script: Script, t: float) -> bool:
    """Along the lawn's edge, outside of it."""
    rng = script.rng
    y, x = 14.0 + float(rng.uniform(0.9, 1.6)), 1.6 - float(rng.uniform(0.9, 1.3))
    if rng.random() < 0.5:
        return _add(script, [(14.0, y + 1), (8.0, y), (x + 1, y + 0.2), (-3.0, y + 2.5), (-14.0, y + 3)], t, "beside")
    return _add(script, [(x, -3.5), (x, 5.0), (x, 15.0), *_kerb(script, 3.0)[::-1]], t, "beside")


def _brief(script: Script, t: float) -> bool:
    """Crosses a corner of the front and waits for a moment."""
    rng = script.rng
    at = (-1.1 - float(rng.uniform(0.2, 0.7)), float(rng.uniform(12.4, 13.5)))
    first = _kerb(script, float(rng.uniform(-0.5, 1))) if rng.random() < 0.5 else [(14.0, 17.0)]
    reach = Way([*first, at], 0.5).length - 0.2
    return _add(
        script, [*first, at, (0.5, 15.2), *_kerb(script, -1.0)[::-1]], t, "brief wait", [(reach, float(rng.uniform(1.5, 2.5)))], 0.5
    )


def _across(script: Script, t: float) -> bool:
    y = 14.0 + float(script.rng.uniform(1.6, 3.7))
    points = [(-14.0, y), (0.0, y + float(script.rng.uniform(-0.5, 0.8))), (14.0, y)]
    return _add(script, points if script.rng.random() < 0.5 else points[::-1], t, "across")


def _street_behind(script: Script) -> None:
    """Some traffic on the street at the far side."""
    rng = script.rng
    for lane, y in ((1, 27.5), (-1, 31.5)):
        t = -8.0
        while t < script.seconds:
            way = Way([(-34 * lane, y), (34 * lane, y)])
            speed = float(rng.uniform(6, 9))
            motion = way.motion(t, strolling(way.length, speed))
            kind = script.kind()
            if script.clear(motion, 4.0, [a for a in script.actors if a.object != "person"]):
                script.add(kind, motion, "street behind")
            t += float(rng.uniform(5, 12))
