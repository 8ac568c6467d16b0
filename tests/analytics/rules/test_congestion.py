"""Jams: slow and dense for long. Flowing but dense, slow but empty, and a moment's standstill are none."""

from itertools import product

import numpy as np
import pytest

from tests.analytics.worlds import T0, Actor, World, camera, events, fold, through


def cam(**more):
    return camera([{"kind": "congestion", "zone": "road", "after_s": 15, **more}])  # x 300..900, y 100..600


def found(actors, until=90.0, fps=5.0, rule=(), **how):
    return events(fold(cam(**dict(rule)), World(actors, until).scenes(fps, **how)))


def column(speed, lanes=4, gap=130.0, w=100, h=90, until=90.0, y0=80.0, begin=0.0):
    """Lanes of cars that go down at `speed(t)` px/s, endlessly; `gap` px between them."""
    times = np.arange(0, until + 0.1, 0.1)
    way = np.concatenate([[0.0], np.cumsum([speed(t) * 0.1 for t in times[:-1]])])
    actors = []
    for lane in range(lanes):
        for k in range(int(way[-1] / gap) + 6):
            y = y0 + 5 * gap - k * gap + way
            inside = np.flatnonzero((y > y0) & (y < 640))
            inside = inside[times[inside] >= begin]
            if len(inside) > 1:
                a, b = inside[0], inside[-1]
                points = [(float(times[i]), 360 + 160 * lane, float(y[i])) for i in range(a, b + 1)]
                actors.append(Actor("car", through(*points, w=w, h=h), begin=float(times[a]), end=float(times[b])))
    return actors


def steady(v):
    return lambda t: v


def jam(begin, end, v=150.0, crawl=8.0):
    return lambda t: crawl if begin <= t < end else v


CASES = {
    "crawls": (column(steady(15)), 1),
    "stands": (column(steady(0)), 1),
    "flows, dense": (column(steady(150), gap=110), 0),
    "flows slowly, dense": (column(steady(80), gap=110), 0),
    "crawls, thin: one lane": (column(steady(10), lanes=1, gap=200), 0),
    "three parked cars": (column(steady(0), lanes=1, gap=160), 0),
    "empty": ([], 0),
    "a standstill of 8 s": (column(jam(30, 38)), 0),
    "a jam of 40 s in flowing traffic": (column(jam(25, 65)), 1),
    "two jams": (column(lambda t: 5 if t < 30 or t > 60 else 150), 2),
    "stop and go": (column(lambda t: 40 if t % 12 < 4 else 0), 1),
}


@pytest.mark.parametrize(("label", "fps"), list(product(CASES, (5, 12.5))))
def test_cases(label, fps):
    actors, count = CASES[label]
    assert len(found(actors, fps=fps)) == count


def test_start_and_end_of_a_jam():
    (event,) = found(CASES["a jam of 40 s in flowing traffic"][0])
    assert event.start - T0 == pytest.approx(25, abs=4)
    assert event.end - T0 == pytest.approx(65, abs=4)


@pytest.mark.parametrize("label", ["a jam of 40 s in flowing traffic", "two jams"])
def test_starts_are_the_same_at_every_rate(label):
    starts = [[e.start for e in found(CASES[label][0], fps=fps)] for fps in (5, 12.5, 30)]
    for other in starts[1:]:
        assert other == pytest.approx(starts[0], abs=0.2)


def test_one_big_bus_is_no_congestion():
    assert found([Actor("bus", through((0, 600, 550), (90, 600, 551), w=500, h=400), end=90)]) == []


def test_losses_do_not_end_it():
    actors = [
        Actor(a.object, a.box, a.begin, a.end, tuple((t, i * 10 + k if k % 2 else None) for k, t in enumerate(np.arange(0, 90, 4.0))))
        for i, a in enumerate(column(steady(5)))
    ]
    assert len(found(actors)) == 1


@pytest.mark.parametrize(
    ("rule", "count"),
    [
        ({"after_s": 60}, 1),
        ({"after_s": 100}, 0),
        ({"slow": 0.05}, 0),
        ({"occupancy": 0.9}, 0),
        ({"min_vehicles": 30}, 0),
        ({"classes": ["bus"]}, 0),
        ({"clear_s": 40}, 1),
    ],
)
def test_parameters(rule, count):
    assert len(found(CASES["crawls"][0], rule=rule)) == count


def test_evidence_and_life():
    begun, over = fold(cam(), World(CASES["a jam of 40 s in flowing traffic"][0], 90).scenes(5))
    assert (begun.ongoing, over.ongoing, begun.id("c") == over.id("c")) == (True, False, True)
    assert (over.tracks, over.object, over.zone, over.box) == ((), None, "road", (300, 100, 900, 600))
    assert over.evidence["speed_sizes_s"] < over.evidence["slow_sizes_s"]
    assert over.evidence["occupancy"] > over.evidence["occupancy_limit"]
    assert over.evidence["vehicles"] >= 4
    assert over.evidence["congested_s"] == pytest.approx(over.end - over.start, abs=1e-3)
