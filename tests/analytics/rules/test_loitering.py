"""Hanging about one place: pacing, losses and changes of id go on; walking through, and waiting a little, do not count."""

from itertools import product

import numpy as np
import pytest

from tests.analytics.worlds import T0, Actor, World, camera, events, fold, spans, standing, through


def cam(**more):
    return camera([{"kind": "loitering", "zone": "pavement", "after_s": 20, **more}])  # x 950..1250, y 100..700


def found(actors, until=60.0, fps=5.0, rule=(), **how):
    return spans(fold(cam(**dict(rule)), World(actors, until).scenes(fps, **how)))


def pacing(reach: float, period: float = 12.0):
    return lambda t: (1090 + reach * np.sin(2 * np.pi * t / period), 350, 1110 + reach * np.sin(2 * np.pi * t / period), 400)


STAYS = {
    "stands": standing(1100, 400, 20, 50),
    "stands, with rough boxes": standing(1100, 400, 20, 50, jitter=0.1),
    "shuffles about": pacing(15),
    "paces to and fro": pacing(40),
    "comes, stands": through((0, 1100, 100), (6, 1100, 400), (60, 1100, 400), w=20, h=50),
    "comes, stands, goes": through((0, 1100, 100), (6, 1100, 400), (40, 1100, 400), (48, 1100, 700), w=20, h=50),
    "drifts by half a body": through((0, 1100, 400), (50, 1125, 400), w=20, h=50),
    "goes away for 2 s": through((0, 1100, 400), (10, 1100, 400), (11, 1220, 400), (12, 1100, 400), (50, 1100, 400), w=20, h=50),
}
PASSES = {
    "walks through": through((0, 1100, 90), (14, 1100, 710), w=20, h=50),
    "walks through slowly": through((0, 1100, 90), (45, 1100, 710), w=20, h=50),
    "stops for 12 s": through((0, 1100, 90), (6, 1100, 400), (18, 1100, 400), (26, 1100, 710), w=20, h=50),
    "stops at three places for 10 s": through(
        (0, 1100, 100), (10, 1100, 110), (13, 1100, 400), (23, 1100, 410), (26, 1100, 600), (36, 1100, 610), (39, 1100, 710), w=20, h=50
    ),
    "stands beside the zone": standing(900, 400, 20, 50),
    "paces over the whole zone": pacing(140, 30.0),
}  # fmt: skip


@pytest.mark.parametrize(("label", "fps"), list(product(STAYS, (5, 12.5, 30))))
def test_it_is_told_once(label, fps):
    assert len(found([Actor("person", STAYS[label], end=50)], fps=fps)) == 1


@pytest.mark.parametrize(("label", "fps"), list(product(PASSES, (5, 12.5, 30))))
def test_look_alikes_stay_silent(label, fps):
    assert found([Actor("person", PASSES[label], end=50)], fps=fps) == []


def test_people_one_after_another_are_not_one():
    actors = [
        Actor("person", through((6 * i, 1100, 90), (6 * i + 12, 1100, 710), w=20, h=50), begin=6 * i, end=6 * i + 12) for i in range(8)
    ]
    assert found(actors, until=70) == []


@pytest.mark.parametrize(
    ("seconds", "after", "fires"), [(15, 20, False), (19, 20, False), (22, 20, True), (50, 60, False), (62, 60, True), (4, 3, True)]
)
def test_after_s(seconds, after, fires):
    assert bool(found([Actor("person", STAYS["stands"], end=seconds)], until=90, rule={"after_s": after})) is fires


@pytest.mark.parametrize(("roam", "fires"), [(0.3, False), (0.5, False), (2.0, True), (4.0, True)])
def test_roam(roam, fires):
    assert bool(found([Actor("person", pacing(60), end=50)], rule={"roam": roam})) is fires


@pytest.mark.parametrize("name", ["car", "motorcycle", "bicycle"])
def test_only_people(name):
    assert found([Actor(name, STAYS["stands"], end=50)]) == []


@pytest.mark.parametrize(
    ("label", "ids"),
    [
        ("a change of id", ((0, 1), (12, 2))),
        ("changes of id", ((0, 1), (8, 2), (16, 3), (24, 4), (32, 5))),
        ("unseen for 5 s, new id", ((0, 1), (12, None), (17, 2))),
        ("unseen for 5 s, same id", ((0, 1), (12, None), (17, 1))),
    ],
)
@pytest.mark.parametrize("stay", ["stands", "paces to and fro"])
def test_losses_and_changes_of_id(label, ids, stay):
    (event,) = events(fold(cam(), World([Actor("person", STAYS[stay], end=50, ids=ids)], 70).scenes(5)))
    assert event.tracks == tuple(dict.fromkeys(i for _, i in ids if i))
    assert event.end - T0 == pytest.approx(50, abs=1)


def test_evidence_and_life():
    begun, over = fold(cam(), World([Actor("person", STAYS["comes, stands, goes"], end=48)], 70).scenes(10))
    assert (begun.ongoing, over.ongoing, begun.id("c") == over.id("c")) == (True, False, True)
    assert over.start - T0 == pytest.approx(4, abs=0.3)  # two heights of 50 px before it stands
    assert over.end - T0 == pytest.approx(42.67, abs=0.1)  # and two on leaving
    assert over.evidence["allowed_s"] == 20
    assert over.evidence["dwell_s"] == pytest.approx(over.end - over.start, abs=1e-3)
