"""A two-way city street: counting, wrong way, illegal stops, speeding; and what looks like them and is not."""

import numpy as np

from models.drill import light as lights
from models.drill.actors import SIZES, Actor
from models.drill.motion import STEP_S, Way, strolling
from models.drill.script import Script
from models.drill.stage import Post, Stage, Tree
from models.drill.traffic import Driver, Halt
from models.drill.view import View
from models.drill.world import World

LANE, STRIP, EDGE = 2.1, 5.5, 6.8
"""Metres from the middle of the road: middle of a lane, of the strip along the kerb, and the kerb."""
FAR = 150.0
LIMIT_KMH = 50.0
ZONE = (4.0, 42.0)
"""From where to where along the road the zones reach; nearer only as far as the picture shows the whole road."""
KERB_ZONE = (7.0, 30.0)
SPEEDER_KMH = (63.0, 76.0)
NEARLY_KMH = (43.0, 45.5)
TURN_S = 44.0
"""How long the strip along one kerb belongs to those who stop, then to those who ride against the traffic."""


def build(seed: int, seconds: float, size: tuple[int, int], *, night: bool = False) -> World:
    """A street by day (or night)."""
    rng = np.random.default_rng([seed, 1 + night])
    script = start("night" if night else "street", seed, seconds, size, rng, night)
    plan(script)
    return script.done()


def start(name: str, seed: int, seconds: float, size: tuple[int, int], rng: np.random.Generator, night: bool) -> Script:
    """The empty street with its camera, zones and rules."""
    side = 1 if rng.random() < 0.5 else -1
    view = View(
        size,
        (side * float(rng.uniform(6.5, 9)), float(rng.uniform(-9, -7)), float(rng.uniform(6.2, 7.6))),
        -side * float(rng.uniform(11, 15)),
        float(rng.uniform(14.5, 17)),
        float(rng.uniform(58, 64)),
    )
    stage = _stage(rng)
    sky = lights.night(rng, stage.lamps()) if night else (lights.day(rng) if rng.random() < 0.65 else lights.overcast(rng))
    script = Script(name, seed, seconds, view, sky, stage, rng)
    y0, y1 = max(ZONE[0], *(script.nearest(s * (EDGE + 0.3), ZONE[0]) for s in (1, -1))), ZONE[1]
    script.ground([(-EDGE, 40), (EDGE, 40), (EDGE, y0), (-EDGE, y0), (0, 20)])
    script.zone("right", [(0.15, y0), (0.15, y1), (EDGE, y1), (EDGE, y0)])
    script.zone("left", [(-EDGE, y0), (-EDGE, y1), (-0.15, y1), (-0.15, y0)])
    script.zone("road", [(-EDGE, y0), (-EDGE, y1), (EDGE, y1), (EDGE, y0)])
    k0, k1 = max(KERB_ZONE[0], y0), KERB_ZONE[1]
    for side_name, s in (("kerb right", 1), ("kerb left", -1)):
        script.zone(
            side_name,
            [(s * 4.1, k0), (s * 4.1, k1), (s * (EDGE + 0.3), k1), (s * (EDGE + 0.3), k0)],
        )
        script.rule("illegal_stop", zone=side_name, after_s=8.0)
    script.line("across", (-EDGE, 13.0), (EDGE, 13.0))
    script.rule("line_count", line="across", anchor="bottom")
    for zone, x, y in (("right", 3.5, 1.0), ("left", -3.5, -1.0)):
        script.rule("wrong_way", zone=zone, allowed=script.direction((x, 14.0), (0.0, y)))
    script.rule("speeding", zone="road", limit_kmh=LIMIT_KMH)
    return script


def _stage(rng: np.random.Generator) -> Stage:
    stage = Stage()
    stage.strip(-15, 15, -12, FAR + 40, "pavement" if rng.random() < 0.6 else "red tiles")
    stage.strip(-EDGE - 0.2, EDGE + 0.2, -12, FAR + 40, "kerb")
    stage.strip(-EDGE, EDGE, -12, FAR + 40, "asphalt")
    stage.dashes(0, -12, FAR, "yellow" if rng.random() < 0.5 else "white")
    for s in (1, -1):
        stage.strip(s * 4.1 - 0.06, s * 4.1 + 0.06, -12, FAR + 40, "white")
    far = float(rng.uniform(11.5, 13))
    stage.row_of_houses(far, -6, FAR, -1, rng)
    stage.row_of_houses(-far, 12, FAR, 1, rng)
    first = float(rng.uniform(14, 20))
    for y in np.arange(first, 110, float(rng.uniform(10, 15))):
        for x in (8.4, -8.4):
            if rng.random() < 0.75:
                stage.trees.append(
                    Tree(
                        (x, float(y + rng.uniform(-1, 1))),
                        float(rng.uniform(5.5, 7.5)),
                        float(rng.uniform(1.3, 2.0)),
                        int(rng.integers(1 << 30)),
                    )
                )
    for y in np.arange(float(rng.uniform(18, 26)), FAR, 24):
        stage.posts.append(Post((7.4, float(y)), 8.0, arm=(-2.0, 0.0)))
        stage.posts.append(Post((-7.4, float(y + 12)), 8.0, arm=(2.0, 0.0)))
    stage.wheel_tracks = [(s * (LANE + d), 0.3) for s in (1, -1) for d in (-0.8, 0.8)]
    return stage


def plan(script: Script, *, every_s: float = 2.6, long_stops: float = 0.75) -> None:
    """Fills the street: lanes with stoppers and speeders, wrong-way riders, a U-turn, parked cars, people on the pavements."""
    for side in (1, -1):
        _lane(script, side, every_s, long_stops)
    for side in (1, -1):
        for y in (float(script.rng.uniform(45, 48)), float(script.rng.uniform(52, 56))):  # parked beyond the zone
            way = Way([(side * STRIP, y - 3), (side * STRIP, y + 3)] if side > 0 else [(side * STRIP, y + 3), (side * STRIP, y - 3)])
            still = way.motion(-60.0, np.full(int((script.seconds + 62) / 0.05), 3.0))
            if script.rng.random() < 0.7:
                script.add(script.kind(only=("car",)), still, "parked")
    _against(script)
    _turn(script)
    _pavements(script)


def _riders_turn(side: int, t: float) -> bool:
    """Whether the strip on a side is left to wrong-way riders at `t`; in between vehicles stop there."""
    return int((t + (0 if side > 0 else TURN_S)) // TURN_S) % 2 == 1


def _lane(script: Script, side: int, every_s: float, long_stops: float) -> None:
    """One lane's traffic: some ordinary vehicles, then one that does something, again and again."""
    rng = script.rng
    way = Way([(LANE, -14), (LANE, FAR)] if side > 0 else [(-LANE, 110), (-LANE, -16)])
    arrives, room = (3.0, 11.0) if side > 0 else (9.0, 14.0)  # seconds to the zone; what a speeder needs not to catch up
    drivers: list[tuple[str, Driver]] = []
    roles: list[str] = []
    t, free_from = -16.0 if side > 0 else -20.0, [-99.0, -99.0, -99.0]

    def enter(speed_kmh: float, role: str = "", kind: str | None = None, halts: tuple[Halt, ...] = ()) -> None:
        kind = kind or script.kind()
        of, _, length, width = SIZES[kind]
        aside = float(-rng.uniform(0.9, 1.6) if of == "motorcycle" else rng.uniform(-0.2, 0.2))
        drivers.append((kind, Driver(t, speed_kmh / 3.6, length, width, aside, halts, speed_kmh > 40)))
        roles.append(role)

    while t < script.seconds:
        for _ in range(int(rng.integers(1, 4))):
            enter(float(rng.uniform(29, 39)))
            t += float(rng.uniform(0.6, 1.4)) * every_s
        stops = 0
        for slot in (2, 1, 0) if side > 0 else (0, 1, 2):  # who comes first goes furthest
            at, long = t + arrives, rng.random() < long_stops
            seconds = float(rng.uniform(11, 16) if long else rng.uniform(2.5, 4.5))
            mine = at > 0.5 and not _riders_turn(side, at) and not _riders_turn(side, at + seconds + 3)
            if not mine or free_from[slot] > at or at + seconds > script.seconds - 4 or rng.random() < 0.1:
                continue
            y = 12.5 + 6.5 * slot + float(rng.uniform(-1, 1))
            halt = Halt(abs(y + 14) if side > 0 else abs(y - 110), seconds, LANE - STRIP - float(rng.uniform(-0.2, 0.2)))
            free_from[slot] = at + seconds + 10
            enter(float(rng.uniform(29, 39)), "stopper" if long else "brief stop", script.kind(only=("car", "motorcycle")), (halt,))
            t += 1.4 * every_s
            stops += 1
        if stops and rng.random() < 0.75:
            continue
        t += room - every_s
        for speed in sorted(rng.uniform(*SPEEDER_KMH, int(rng.integers(1, 4))), reverse=True):
            enter(float(speed), "speeder")
            t += float(rng.uniform(2.8, 3.6))
        if rng.random() < 0.5:
            enter(float(rng.uniform(*NEARLY_KMH)), "nearly speeding")
            t += every_s
    _drop_unclear(script, script.traffic(way, drivers, roles))


def _drop_unclear(script: Script, actors: list[Actor]) -> None:
    """Takes out who came near a limit by the accidents of traffic, so that truth is never a matter of a hair."""
    y0, y1 = ZONE
    for actor in actors:
        speed = actor.motion.speed * 3.6
        inside = (actor.motion.xy[:, 1] > y0 - 6) & (actor.motion.xy[:, 1] < y1 + 6)
        fast = speed[inside]
        if not len(fast):
            continue
        doubtful = fast.max() > 46.5 and fast.min() < 59
        stands = (fast < 1.0).sum() * STEP_S
        moves_up = (np.diff((fast < 1.0).astype(int)) == 1).sum() > 1  # and stands again: one stop or two?
        longest = {"stopper": 60.0, "brief stop": 5.5}.get(actor.role, 2.0)
        if doubtful or moves_up or stands > longest or (actor.role == "stopper" and 0 < stands < 10.0):
            script.actors.remove(actor)


def _against(script: Script) -> None:
    """Motorbikes and bicycles that ride along the kerb against the traffic."""
    rng = script.rng
    t = float(rng.uniform(0, 5))
    while t < script.seconds - 8:
        side = 1 if _riders_turn(1, t + 4) else -1
        x = side * float(rng.uniform(5.2, 6.0))
        way = Way([(8.6, 47), (7.6, 44), (x, 40.5), (x, -14)] if side > 0 else [(x, -14), (x, 40.5), (-7.6, 44), (-8.6, 47)], 1.5)
        kind = str(rng.choice(["wave", "scooter", "bicycle"], p=[0.42, 0.38, 0.2]))
        speed = float(rng.uniform(5.5, 8.0) if kind != "bicycle" else rng.uniform(3.8, 4.6))
        motion = script.when_clear(lambda s, w=way, v=speed: w.motion(s, strolling(w.length, v)), t, 0.6, 3.0)
        if motion is not None:
            script.add(kind, motion, "wrong way")
        t += float(rng.uniform(6, 11))


def _turn(script: Script) -> None:
    """U-turns beyond the zone: with the traffic on both sides, so nobody rides against it."""
    rng = script.rng
    for around in np.arange(8, script.seconds - 10, 28):
        y = ZONE[1] + float(rng.uniform(9, 14))
        way = Way([(LANE + 0.8, -14), (LANE + 0.6, y), (0, y + 4.5), (-LANE - 0.8, y), (-LANE - 1.2, y - 6), (-LANE - 1.4, -14)], 4.0)
        bend = y + 14.0

        def slow(gone: float, bend: float = bend) -> float:
            return 3.0 if bend - 8 < gone < bend + 14 else 9.0

        motion = script.when_clear(lambda s, w=way, f=slow: w.motion(s, strolling(w.length, 9.0, limit=f)), float(around), 1.3, 9.0)
        if motion is not None:
            script.add(str(rng.choice(["wave", "scooter"])), motion, "u-turn")


def _pavements(script: Script) -> None:
    rng = script.rng
    for side in (1, -1):
        t = -70.0
        while t < script.seconds:
            x, out = side * float(rng.uniform(7.6, 10.5)), rng.random() < 0.5
            way = Way([(x, -8), (x + float(rng.uniform(-0.4, 0.4)), 75)] if out else [(x, 75), (x, -8)])
            speed = float(rng.uniform(1.0, 1.6))
            motion = way.motion(t, strolling(way.length, speed))
            people = [a for a in script.actors if a.object == "person"]
            if script.clear(motion, 0.6, people):
                script.walker(way, t, speed)
            t += float(rng.uniform(7, 18))
