"""Driving the wrong way: what fires, and the many look-alikes that must not."""

from itertools import product

import numpy as np
import pytest

from tests.analytics.worlds import Actor, World, camera, events, fold, spans, standing, through


def cam(allowed=(0, 1), **more):
    return camera([{"kind": "wrong_way", "zone": "road", "allowed": list(allowed), **more}])  # x 300..900, y 100..600


def found(actors, until=20.0, fps=30.0, allowed=(0, 1), rule=(), **how):
    return spans(fold(cam(allowed, **dict(rule)), World(actors, until).scenes(fps, **how)))


UP = through((0, 500, 700), (12, 500, 100))  # 50 px/s; in the zone from 2 s to 12 s
DOWN = through((0, 500, 50), (12, 500, 650))


@pytest.mark.parametrize(("fps", "every", "confirm"), [(f, *h) for f, h in product((5, 12.5, 30), ((1, 1), (5, 2), (1, 10)))])
def test_it_is_told_from_entry_to_exit(fps, every, confirm):
    assert found([Actor("car", UP, end=12)], fps=fps, every=every, confirm=confirm) == [(2.0, 12.0)]


@pytest.mark.parametrize(
    ("heading", "fires"),
    [(180, True), (170, True), (150, True), (130, True), (115, False), (90, False), (60, False), (30, False), (0, False)],
)
@pytest.mark.parametrize("side", [-1, 1])
def test_headings(heading, fires, side):
    a = np.radians(heading) * side
    dx, dy = np.sin(a) * 200, np.cos(a) * 200
    assert bool(found([Actor("car", through((0, 600 - dx, 350 - dy), (8, 600 + dx, 350 + dy)), end=8)])) is fires


@pytest.mark.parametrize("allowed", [(0, 1), (0, -1), (1, 0), (-1, 0), (3, 4), (-0.2, 0.1)])
@pytest.mark.parametrize("against", [True, False])
def test_any_allowed_direction(allowed, against):
    u = np.array(allowed) / np.hypot(*allowed) * (-1 if against else 1) * 200
    way = through((0, *(np.array([600, 350]) - u)), (8, *(np.array([600, 350]) + u)))
    assert bool(found([Actor("car", way, end=8)], allowed=allowed)) is against


@pytest.mark.parametrize("name", ["bicycle", "motorcycle", "car", "bus", "truck", "person"])
def test_classes(name):
    assert bool(found([Actor(name, UP, end=12)])) is (name != "person")


def jumping(back: float, at: float = 5.0):
    """Stands, is dragged along with the traffic for 2 s, and snaps back."""

    def box(t: float):
        y = 400 + (back * np.clip((t - at) / 2, 0, 1) if t < at + 2 else 0.0)
        return (470, y - 50, 530, y)

    return box


def uncovered(t: float):
    """A car behind a bus: its box, cut from below, is uncovered and covered again."""
    cut = 25 * (1 + np.sin(t)) / 2
    return (470, 350, 530, 400 - cut)


LOOK_ALIKES = {
    "the allowed way": DOWN,
    "parked": standing(500, 400, jitter=0.02),
    "parked, with rough boxes": standing(500, 400, jitter=0.06),
    "creeps on and stands": through((0, 500, 300), (5, 500, 320), (10, 500, 320), (20, 500, 360)),
    "dragged along by the flow, snaps back 1 size": jumping(55),
    "dragged along by the flow, snaps back 3 sizes": jumping(160),
    "box cut and uncovered by a bus": uncovered,
    "reverses a little to park": through((0, 500, 150), (5, 500, 350), (8, 520, 325), (20, 520, 325)),
    "crosses the road": through((0, 250, 300), (10, 950, 300)),
    "turns off, a quarter back": through((0, 500, 200), (4, 500, 400), (8, 800, 385)),
    "drives up beside the zone": through((0, 200, 700), (12, 200, 100)),
    "changes lane": through((0, 400, 150), (3, 450, 300), (4, 520, 330), (8, 520, 600)),
    "clips the corner upwards": through((0, 290, 130), (2, 320, 95)),
}


@pytest.mark.parametrize(("label", "fps"), list(product(LOOK_ALIKES, (5, 12.5, 30))))
def test_look_alikes_stay_silent(label, fps):
    assert found([Actor("car", LOOK_ALIKES[label], end=20)], until=22, fps=fps) == []


@pytest.mark.parametrize("seed", range(10))
def test_dense_allowed_traffic_with_rough_boxes_stays_silent(seed):
    rng = np.random.default_rng(seed)

    def one(x, y0, v, wobble):
        def box(t):
            dx, dy = wobble[int(t * 60)]
            return (x - 30 + dx, y0 + v * t - 50 + dy, x + 30 + dx, y0 + v * t + dy)

        return box

    actors = [
        Actor("car", one(rng.uniform(320, 880), rng.uniform(0, 100), rng.uniform(5, 150), rng.normal(0, 4, (1300, 2))), end=20)
        for _ in range(8)
    ]
    assert found(actors, until=21) == []


def test_an_id_that_jumps_to_the_next_car_behind_stays_silent():
    first, second = through((0, 500, 300), (4, 500, 600)), through((0, 500, 100), (8, 500, 600))
    switch = Actor("car", lambda t: first(t) if t < 2 else second(t), end=8, ids=((0, 1), (2, None), (2.6, 1)))
    assert found([switch]) == []


@pytest.mark.parametrize(
    ("label", "ids"),
    [
        ("a change of id", ((0, 1), (6, 2))),
        ("a loss and a new id", ((0, 1), (6, None), (7, 2))),
        ("a loss and the same id", ((0, 1), (6, None), (7, 1))),
        ("two changes", ((0, 1), (5, 2), (8, 3))),
    ],
)
def test_it_goes_on_as_one(label, ids):
    got = events(fold(cam(), World([Actor("car", UP, end=12, ids=ids)], 20).scenes()))
    assert [(e.tracks[0], len(set(e.tracks))) for e in got] == [(1, len({i for _, i in ids if i}))]


def test_turning_round_in_the_zone():
    way = through((0, 500, 50), (4, 500, 400), (10, 500, 150))
    (start, end), *rest = found([Actor("car", way, end=10)])
    assert rest == []
    assert 4.0 <= start <= 4.5
    assert end == pytest.approx(10, abs=0.2)


def test_evidence_and_life():
    begun, over = fold(cam(), World([Actor("car", UP, end=12, colour="red")], 20).scenes())
    assert (begun.ongoing, over.ongoing) == (True, False)
    assert begun.id("c") == over.id("c")
    assert (over.kind, over.zone, over.object, over.colour, over.tracks) == ("wrong_way", "road", "car", "red", (1,))
    assert over.evidence["heading_deg"] == 0.0
    assert over.evidence["allowed_deg"] == 180.0
    assert over.evidence["against_s"] == pytest.approx(10, abs=0.01)
    assert over.evidence["distance_px"] == pytest.approx(500, abs=15)
    assert begun.evidence["against_s"] < over.evidence["against_s"]


@pytest.mark.parametrize(
    ("rule", "fires"), [({"min_sizes": 8}, True), ({"min_sizes": 10}, False), ({"min_s": 9}, True), ({"min_s": 11}, False)]
)
def test_parameters(rule, fires):
    assert bool(found([Actor("car", UP, end=12)], rule=rule)) is fires
