"""A road seen from a footbridge: queues that stand and dissolve, and slow traffic that still flows."""

import numpy as np

from models.drill import light as lights
from models.drill.actors import SIZES
from models.drill.motion import Way
from models.drill.script import Script
from models.drill.stage import Post, Stage, Tree
from models.drill.traffic import Driver
from models.drill.view import View
from models.drill.world import World

LANES = (2.2, 5.6)
"""Metres from the median to the middles of the lanes of one side."""
EDGE, MEDIAN = 7.6, 0.5
FAR = 130.0
ZONE = (6.0, 40.0)


def build(seed: int, seconds: float, size: tuple[int, int], *, night: bool = False) -> World:
    """The road by day (or night)."""
    rng = np.random.default_rng([seed, 21 + night])
    view = View(
        size,
        (float(rng.uniform(-2, 2)), float(rng.uniform(-13, -11)), float(rng.uniform(8, 9.2))),
        float(rng.uniform(-4, 4)),
        float(rng.uniform(16, 18)),
        float(rng.uniform(54, 58)),
    )
    stage = _stage(rng)
    sky = lights.night(rng, stage.lamps()) if night else (lights.day(rng) if rng.random() < 0.6 else lights.overcast(rng))
    script = Script("jam", seed, seconds, view, sky, stage, rng)
    script.ground([(-EDGE, 45), (EDGE, 45), (EDGE, 10), (-EDGE, 10)])
    for name, s in (("outbound", 1), ("inbound", -1)):
        y0 = max(script.nearest(s * EDGE, ZONE[0]), ZONE[0])
        script.zone(name, [(s * MEDIAN, y0), (s * MEDIAN, ZONE[1]), (s * EDGE, ZONE[1]), (s * EDGE, y0)])
        script.rule("congestion", zone=name, after_s=10.0, clear_s=5.0)
        script.line(f"across {name}", (min(s * MEDIAN, s * EDGE), 12.0), (max(s * MEDIAN, s * EDGE), 12.0))
        script.rule("line_count", line=f"across {name}", anchor="bottom")
    for side in (1, -1):
        _side(script, side)
    return script.done()


def _stage(rng: np.random.Generator) -> Stage:
    stage = Stage()
    stage.strip(-14, 14, -20, FAR + 60, "pavement" if rng.random() < 0.5 else "concrete")
    for s in (1, -1):
        a, b = sorted((s * MEDIAN, s * EDGE))
        stage.strip(a, b, -20, FAR + 60, "asphalt")
        stage.dashes(s * (LANES[0] + LANES[1]) / 2, -20, FAR, "white")
        stage.strip(s * (EDGE - 0.3) - 0.07, s * (EDGE - 0.3) + 0.07, -20, FAR + 60, "white")
        stage.wheel_tracks += [(s * x + d, 0.3) for x in LANES for d in (-0.8, 0.8)]
    stage.strip(-MEDIAN, MEDIAN, -20, FAR + 60, "kerb")
    stage.strip(-MEDIAN + 0.15, MEDIAN - 0.15, -20, FAR + 60, "grass")
    far = float(rng.uniform(12, 15))
    stage.row_of_houses(far, 4, FAR, -1, rng)
    stage.row_of_houses(-far, 4, FAR, 1, rng)
    for y in np.arange(float(rng.uniform(12, 18)), 110, 12):
        for x in (9.6, -9.6):
            stage.trees.append(Tree((x, float(y)), float(rng.uniform(5.5, 7.5)), float(rng.uniform(1.4, 2.1)), int(rng.integers(1 << 30))))
    for y in np.arange(20, FAR, 28):
        stage.posts.append(Post((8.4, float(y)), 9.0, arm=(-2.4, 0.0)))
        stage.posts.append(Post((-8.4, float(y)), 9.0, arm=(2.4, 0.0)))
    return stage


def _side(script: Script, side: int) -> None:
    """One direction: free flow, then a queue from beyond the zone, again and again; sometimes slow but moving."""
    rng = script.rng
    red: list[tuple[float, float]] = []
    slow: list[tuple[float, float]] = []
    t = float(rng.uniform(3, 14))
    while t < script.seconds - 30:
        if rng.random() < 0.85:
            red.append((t, t + float(rng.uniform(24, 30))))
            t = red[-1][1] + float(rng.uniform(18, 23))
        else:
            slow.append((t, t + 16))
            t += 32
    for number, x in enumerate(LANES):
        way = Way([(x, -16), (x, FAR)]) if side > 0 else Way([(-x, 105), (-x, -18)])
        red_at = ZONE[1] + 1 + 16 if side > 0 else 105 - (ZONE[0] - 1)
        lead = 6.0 if side > 0 else 11.0
        drivers: list[tuple[str, Driver]] = []
        at = -14.0 + number
        while at < script.seconds:
            kind = script.kind()
            of, _, length, width = SIZES[kind]
            speed = float(rng.uniform(30, 40)) / 3.6
            if any(a <= at + lead <= b for a, b in slow):
                speed = float(rng.uniform(15, 18)) / 3.6
            aside = float(rng.uniform(-1.0, 1.0)) if of == "motorcycle" else 0.0
            drivers.append((kind, Driver(at, speed, length, width, aside)))
            coming = any(a - 4 <= at + lead <= b for a, b in red)
            at += float(rng.uniform(1.6, 3.0)) * (0.8 if coming else 1.25)
        script.traffic(way, drivers, red=red, red_at_m=red_at)
