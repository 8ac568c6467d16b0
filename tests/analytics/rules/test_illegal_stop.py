"""Standing where it is forbidden: dwell, red lights, occlusions, losses and changes of id; and who only seems to stand."""

from itertools import product

import numpy as np
import pytest

from tests.analytics.worlds import T0, Actor, World, camera, events, fold, spans, standing, stopping, through


def cam(**more):
    return camera([{"kind": "illegal_stop", "zone": "road", **more}])  # x 300..900, y 100..600


def found(actors, until=90.0, fps=10.0, signals=None, rule=(), **how):
    world = World(actors, until, **({"signals": signals} if signals else {}))
    return spans(fold(cam(**dict(rule)), world.scenes(fps, **how)))


def stop(at=5.0, leave=60.0, x=500.0, y=400.0):
    return stopping(x, 100, y, at, leave=leave)


@pytest.mark.parametrize(("fps", "every", "confirm"), [(f, *h) for f, h in product((5, 12.5, 30), ((1, 1), (6, 2)))])
def test_it_is_told_from_stop_to_leaving(fps, every, confirm):
    ((start, end),) = found([Actor("car", stop(), end=80)], fps=fps, every=every, confirm=confirm)
    assert start == pytest.approx(4.7, abs=0.3)
    assert end == pytest.approx(60.3, abs=0.3)


def test_the_start_is_the_same_at_every_rate():
    starts = [found([Actor("car", stop(), end=80)], fps=fps)[0][0] for fps in (5, 10, 12.5, 25, 30)]
    assert max(starts) - min(starts) <= 0.02


@pytest.mark.parametrize(("stands", "fires"), [(20, False), (28, False), (31, True), (45, True)])
@pytest.mark.parametrize("name", ["motorcycle", "car", "bus", "truck"])
def test_after_half_a_minute(stands, fires, name):
    assert bool(found([Actor(name, stop(5, 5 + stands), end=80)])) is fires


@pytest.mark.parametrize(("after", "fires"), [(3, True), (10, True), (19, True), (22, False), (60, False)])
def test_after_s(after, fires):
    assert bool(found([Actor("car", stop(5, 25), end=80)], rule={"after_s": after})) is fires


LOOK_ALIKES = {
    "drives through": through((0, 500, 50), (12, 500, 650)),
    "drives through at a walk": through((0, 500, 50), (80, 500, 650)),
    "stands outside the zone": standing(950, 400),
    "stands beside the zone with jitter": standing(920, 400, jitter=0.05),
    "stops twice for 20 s": through((0, 500, 100), (5, 500, 300), (25, 500, 300), (30, 500, 450), (50, 500, 450), (54, 500, 650)),
    "stop and go": lambda t: (
        through((0, 500, 100), (1, 500, 100))(0)
        and (470, 50 + 40 * (t // 8) + 40 * min(t % 8, 2) / 2, 530, 100 + 40 * (t // 8) + 40 * min(t % 8, 2) / 2)
    ),
    "circles": lambda t: (470 + 60 * np.cos(t / 3), 350 + 60 * np.sin(t / 3), 530 + 60 * np.cos(t / 3), 400 + 60 * np.sin(t / 3)),
}


@pytest.mark.parametrize(("label", "fps"), list(product(LOOK_ALIKES, (5, 12.5))))
def test_look_alikes_stay_silent(label, fps):
    assert found([Actor("car", LOOK_ALIKES[label], end=80)], fps=fps) == []


@pytest.mark.parametrize("name", ["person", "bicycle"])
def test_other_classes(name):
    assert found([Actor(name, stop(), end=80)]) == []


@pytest.mark.parametrize(("jitter", "seed"), list(product((0.01, 0.03, 0.06), range(6))))
def test_rough_boxes_do_not_end_it(jitter, seed):
    assert len(found([Actor("car", standing(500, 400, jitter=jitter, seed=seed), end=80)])) == 1


def occluded(side: str):
    """Parked; a passing bus cuts its box for 1.5 s in every 10, from below or from one side."""

    def box(t: float):
        x1, y1, x2, y2 = 470.0, 350.0, 530.0, 400.0
        if t % 10 < 1.5:
            return {"below": (x1, y1, x2, y1 + 20), "left": (x1 + 25, y1, x2, y2), "above": (x1, y2 - 20, x2, y2)}[side]
        return (x1, y1, x2, y2)

    return box


@pytest.mark.parametrize("side", ["below", "left", "above"])
def test_passing_traffic_does_not_end_it(side):
    assert len(found([Actor("car", occluded(side), end=80)])) == 1


@pytest.mark.parametrize(
    ("label", "ids", "count"),
    [
        ("a change of id", ((0, 1), (20, 2)), 1),
        ("many changes of id", tuple((i * 7.0, i + 1) for i in range(11)), 1),
        ("a change of id after it was told", ((0, 1), (50, 2)), 1),
        ("unseen for 1 s, same id", ((0, 1), (20, None), (21, 1)), 1),
        ("unseen for 8 s, new id", ((0, 1), (20, None), (28, 2)), 1),
        ("unseen for 8 s after it was told", ((0, 1), (50, None), (58, 2)), 1),
        ("unseen for 10 s again and again", ((0, 1), (10, None), (20, 2), (30, None), (40, 3), (50, None), (60, 4)), 1),
        ("gone for good before it is told", ((0, 1), (20, None)), 0),
    ],
)
def test_losses_and_changes_of_id(label, ids, count):
    got = events(fold(cam(), World([Actor("car", standing(500, 400), end=80, ids=ids)], 90).scenes(10)))
    assert len(got) == count
    if count:
        assert got[0].tracks == tuple(dict.fromkeys(i for _, i in ids if i))
        assert got[0].start - T0 == pytest.approx(0, abs=0.3)
        assert got[0].end - T0 == pytest.approx(80, abs=0.3)


def test_a_passer_by_who_takes_the_id_away():
    parked, passing = standing(500, 400), through((0, 470, 100), (60, 470, 100), (66, 510, 650))

    def swapped(t: float):
        return parked(t) if t < 64 else passing(t)

    actors = [Actor("car", swapped, end=66), Actor("car", parked, begin=64.1, end=85, ids=((64.1, 7),))]
    got = events(fold(cam(), World(actors, 110).scenes(10)))
    assert [e.tracks for e in got] == [(1, 7)]
    assert got[0].end - T0 == pytest.approx(85, abs=0.5)


def test_another_vehicle_at_the_same_place_later_is_another_stop():
    actors = [Actor("car", stop(5, 40), end=50), Actor("car", stop(60, 100), begin=55, end=110)]
    got = found(actors, until=120)
    assert len(got) == 2
    assert got[0][1] < 42
    assert got[1][0] > 58


def test_neighbours_are_told_apart():
    actors = [Actor("car", standing(400 + 70 * i, 400), end=60, ids=((0, i + 1),)) for i in range(5)]
    got = events(fold(cam(), World(actors, 70).scenes(10)))
    assert sorted(e.tracks for e in got) == [(i,) for i in range(1, 6)]


def lamp(*phases: tuple[float, float]):
    """Red lights up to the given times: (until, state), and so on."""

    def read(t: float):
        return {("north", "state"): next((s for until, s in phases if t < until), -1.0)}

    return read


RED, AMBER, GREEN, DARK = 0.0, 1.0, 2.0, -1.0


@pytest.mark.parametrize(
    ("label", "phases", "expected"),
    [
        ("green all the time", ((200, GREEN),), 4.6),
        ("red all the time", ((200, RED),), None),
        ("never readable", ((200, DARK),), 4.6),
        ("red until 50, then it stays", ((50, RED), (200, GREEN)), 50),
        ("red until 70, leaves 20 s later", ((70, RED), (200, GREEN)), None),
        ("two greens of 20 s", ((10, GREEN), (30, RED), (50, GREEN), (70, RED), (200, GREEN)), 4.6),
        ("amber counts", ((200, AMBER),), 4.6),
        ("a dark lamp keeps being red", ((20, RED), (89, DARK), (200, GREEN)), None),
        ("a dark lamp keeps being green", ((4, GREEN), (200, DARK)), 4.6),
        ("flickering red", tuple((5.0 + i, RED if i % 2 else DARK) for i in range(90)), None),
    ],
)
def test_red_lights(label, phases, expected):
    car = [Actor("car", stop(5, 90), end=110)]
    signal = {"signal": "north"}
    got = found(car, until=120, signals=lamp(*phases), rule=signal)
    assert [start for start, _ in got] == ([] if expected is None else [pytest.approx(expected, abs=0.5)])


def test_a_queue_at_a_red_light_of_a_minute():
    actors = [
        Actor("motorcycle", stopping(350 + 60 * (i % 8), 100, 560 - 70 * (i // 8), 7 + i % 5, leave=62 + i // 8), end=75) for i in range(24)
    ]
    assert found(actors, until=80, signals=lamp((4, GREEN), (60, RED), (200, GREEN)), rule={"signal": "north"}) == []


def test_evidence_and_life():
    world = World([Actor("car", stop(5, 60), end=80)], 90, signals=lamp((20, RED), (200, GREEN)))
    begun, over = fold(cam(signal="north"), world.scenes(10))
    assert (begun.ongoing, over.ongoing) == (True, False)
    assert begun.id("c") == over.id("c")
    assert over.start - T0 == pytest.approx(20, abs=0.2)
    assert over.evidence["dwell_s"] == pytest.approx(40.5, abs=0.5)
    assert over.evidence["stood_s"] == pytest.approx(55.8, abs=0.5)
    assert over.evidence["allowed_s"] == 30
    assert over.box == pytest.approx((470, 350, 530, 400), abs=1)
