"""Traffic in lanes: who follows whom. Solved once when the scene is made (Treiber's intelligent driver model)."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from models.drill.motion import STEP_S, Motion, Way

ACCELERATION, BRAKING, HEADWAY_S, JAM_GAP_M = 1.8, 2.5, 1.3, 2.0


@dataclass(frozen=True)
class Halt:
    """A planned halt: `metres` along the lane, for `seconds`, `aside` metres to the left of the lane's middle."""

    metres: float
    seconds: float
    aside: float = 0.0


@dataclass(frozen=True)
class Driver:
    """One who drives along a lane.

    Attributes:
        arrives_s: when the vehicle appears at the lane's start (later, where there is no room).
        speed_mps: the speed it likes.
        length_m, width_m: of the vehicle.
        aside: where it rides in the lane, metres to the left of its middle.
        halts: in order along the lane.
        bold: drives up close before it slows down.
    """

    arrives_s: float
    speed_mps: float
    length_m: float
    width_m: float
    aside: float = 0.0
    halts: tuple[Halt, ...] = ()
    bold: bool = False


@dataclass
class _Car:
    driver: Driver
    s: float = 0.0
    v: float = 0.0
    aside: float = 0.0
    halt: int = 0
    stands_s: float = 0.0
    since: float = 0.0
    log: list[tuple[float, float]] = field(default_factory=list)


def drive(
    way: Way, drivers: Sequence[Driver], end_s: float, red: Sequence[tuple[float, float]] = (), red_at_m: float = 0.0
) -> list[Motion]:
    """The motions of `drivers`, in their order, up to `end_s`; nobody passes `red_at_m` during the `red` spans."""
    cars = [_Car(d, v=d.speed_mps, aside=d.aside) for d in drivers]
    waiting = sorted(range(len(cars)), key=lambda i: drivers[i].arrives_s)
    running: list[int] = []
    done: set[int] = set()
    t = min((d.arrives_s for d in drivers), default=0.0)
    t = np.floor(t / STEP_S) * STEP_S
    while t <= end_s and len(done) < len(cars):
        while waiting and drivers[waiting[0]].arrives_s <= t + 1e-9 and _room(cars, running, drivers[waiting[0]]):
            i = waiting.pop(0)
            ahead = [cars[j] for j in running if _beside(cars[j], cars[i])]
            if ahead:
                cars[i].v = min(cars[i].v, min(ahead, key=lambda c: c.s).v + 2.0)
            cars[i].since = t
            running.append(i)
        stop = any(a <= t < b for a, b in red)
        pushes = {i: _push(cars, running, i, red_at_m if stop else None) for i in running}
        for i in list(running):
            _move(cars[i], pushes[i])
            if cars[i].s >= way.length:
                running.remove(i)
                done.add(i)
        t += STEP_S
    out = []
    for car in cars:
        log = np.array(car.log if len(car.log) > 1 else [(0, 0), (0, 0)], np.float64)
        out.append(way.motion(car.since if car.log else end_s + 1, log[:, 0], log[:, 1]))
    return out


def _beside(a: _Car, b: _Car) -> bool:
    return abs(a.aside - b.aside) < (a.driver.width_m + b.driver.width_m) / 2 + 0.25


def _room(cars: list[_Car], running: list[int], driver: Driver) -> bool:
    """Whether a vehicle fits in at the start of the lane."""
    new = _Car(driver, aside=driver.aside)
    return all(
        not _beside(cars[j], new) or cars[j].s - (cars[j].driver.length_m + driver.length_m) / 2 > 4 + 0.6 * driver.speed_mps
        for j in running
    )


def _push(cars: list[_Car], running: list[int], i: int, red_at_m: float | None) -> float:
    """m/s² of car `i`: towards its speed, away from who or what is ahead."""
    me = cars[i]
    free = 1 - (me.v / me.driver.speed_mps) ** 4
    gap, closing = 1e9, 0.0
    for j in running:
        other = cars[j]
        if j != i and other.s > me.s and _beside(me, other):
            space = other.s - me.s - (other.driver.length_m + me.driver.length_m) / 2
            if space < gap:
                gap, closing = space, me.v - other.v
    front = me.s + me.driver.length_m / 2
    if red_at_m is not None and front < red_at_m + 0.5 and red_at_m - front + 1.5 < gap and me.v**2 / 2 / 4.5 < red_at_m - front + 1.5:
        gap, closing = red_at_m - front + 1.5, me.v
    if me.halt < len(me.driver.halts):
        space = me.driver.halts[me.halt].metres - me.s + JAM_GAP_M
        if space < gap:
            gap, closing = space, me.v
    headway_s, braking = (0.6, 6.0) if me.driver.bold else (HEADWAY_S, BRAKING)
    wanted = JAM_GAP_M + max(0.0, me.v * headway_s + me.v * closing / 2 / (ACCELERATION * braking) ** 0.5)
    return float(np.clip(ACCELERATION * (free - (wanted / max(gap, 0.1)) ** 2), -7, ACCELERATION))


def _move(car: _Car, push: float) -> None:
    car.log.append((car.s, car.aside))
    halts = car.driver.halts
    if car.stands_s > 0:
        car.stands_s -= STEP_S
        if car.stands_s <= 0:
            car.halt += 1
        return
    car.v = max(car.v + push * STEP_S, 0.0)
    if car.v < 0.08 and push <= 0.05:
        car.v = 0.0
    car.s += car.v * STEP_S
    target = car.driver.aside
    if car.halt < len(halts):
        here = halts[car.halt]
        if here.metres - car.s < 24:
            target = here.aside
        if here.metres - car.s < 0.8 and car.v < 0.6:
            car.stands_s, car.v = here.seconds, 0.0
            return
    rate = min(abs(target - car.aside) * 0.5, 0.16) * car.v
    car.aside += float(np.clip(target - car.aside, -rate * STEP_S, rate * STEP_S))
