"""Somebody where nobody should be: entry and exit to the hundredth, hours of the day, losses, and passers-by at the edge."""

from datetime import datetime
from itertools import product
from zoneinfo import ZoneInfo

import pytest

from tests.analytics.worlds import T0, Actor, World, camera, events, fold, spans, standing, through


def cam(**more):
    return camera([{"kind": "intrusion", "zone": "road", **more}])  # x 300..900, y 100..600


def found(actors, until=40.0, fps=10.0, rule=(), **how):
    return spans(fold(cam(**dict(rule)), World(actors, until).scenes(fps, **how)))


def walker(*points, **more):
    return Actor("person", through(*points, w=20, h=50), end=points[-1][0], **more)


WAYS = {
    "through": (((0, 200, 300), (20, 1000, 300)), [(2.5, 17.5)]),
    "in and out the same side": (((0, 200, 300), (10, 400, 300), (20, 200, 300)), [(5.0, 15.0)]),
    "born inside, leaves": (((0, 500, 300), (10, 1000, 300)), [(0.0, 8.0)]),
    "comes in and stays": (((0, 200, 300), (5, 400, 300), (30, 400, 300)), [(2.5, 30.0)]),
    "twice": (((0, 200, 300), (5, 400, 300), (10, 200, 300), (15, 400, 300), (20, 200, 300)), [(2.5, 7.5), (12.5, 17.5)]),
    "steps out for half a second": (
        ((0, 200, 300), (5, 400, 300), (9, 310, 300), (9.5, 290, 300), (10, 310, 300), (14, 500, 300)),
        [(2.5, 14.0)],
    ),
    "passes by": (((0, 200, 300), (10, 200, 700)), []),
    "cuts a corner for half a second": (((0, 290, 120), (1, 310, 90), (3, 310, 50)), []),
    "walks along the edge outside": (((0, 290, 100), (20, 290, 600)), []),
}


@pytest.mark.parametrize(
    ("label", "fps", "every", "confirm"), [(w, f, *h) for w, f, h in product(WAYS, (5, 12.5, 30), ((1, 1), (5, 2), (1, 8)))]
)
def test_ways(label, fps, every, confirm):
    points, expected = WAYS[label]
    got = found([walker(*points)], fps=fps, every=every, confirm=confirm)
    assert len(got) == len(expected)
    for (a, b), (c, d) in zip(got, expected, strict=True):
        assert a == pytest.approx(c, abs=0.02)
        assert b == pytest.approx(d, abs=max(0.2, 1 / fps))


@pytest.mark.parametrize(("stays", "after", "fires"), [(0.5, 1, False), (1.5, 1, True), (4, 5, False), (6, 5, True), (0.3, 0, True)])
def test_after_s(stays, after, fires):
    way = ((0, 200, 300), (5, 300, 300), (5 + stays / 2, 300 + 10 * stays, 300), (5 + stays, 300, 300), (15, 200, 300))
    assert bool(found([walker(*way)], rule={"after_s": after})) is fires


@pytest.mark.parametrize("name", ["person", "bicycle", "motorcycle", "car", "bus", "truck"])
def test_classes(name):
    actor = Actor(name, through((0, 200, 300), (20, 1000, 300)), end=20)
    assert bool(found([actor])) is (name == "person")
    assert bool(found([actor], rule={"classes": [name]})) is True


@pytest.mark.parametrize(
    ("label", "ids", "count"),
    [
        ("a change of id", ((0, 1), (10, 2)), 1),
        ("unseen for 2 s, same id", ((0, 1), (10, None), (12, 1)), 1),
        ("unseen for 3 s, new id", ((0, 1), (10, None), (13, 2)), 1),
        ("unseen for 15 s, new id", ((0, 1), (10, None), (25, 2)), 2),
    ],
)
def test_losses_and_changes_of_id(label, ids, count):
    got = events(fold(cam(), World([Actor("person", standing(500, 400, 20, 50), end=35, ids=ids)], 45).scenes(10)))
    assert len(got) == count
    assert got[0].tracks[0] == 1


def test_two_people_are_two_events():
    actors = [walker((0, 200, y), (20, 1000, y)) for y in (300, 330)]
    assert found(actors) == [(2.5, 17.5), (2.5, 17.5)]


def local(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Asia/Ho_Chi_Minh")).timestamp()


@pytest.mark.parametrize(
    ("hours", "begins", "expected"),
    [
        (["22:00-05:00"], "2026-11-01T23:00:00", (2.5, 17.5)),
        (["22:00-05:00"], "2026-11-01T03:00:00", (2.5, 17.5)),
        (["22:00-05:00"], "2026-11-01T12:00:00", None),
        (["22:00-05:00"], "2026-11-01T21:59:50", (10.0, 17.5)),
        (["22:00-05:00"], "2026-11-01T04:59:50", (2.5, 17.5)),
        (["22:00-05:00"], "2026-11-01T04:59:57", None),
        (["06:00-07:00", "11:30-13:00"], "2026-11-01T12:00:00", (2.5, 17.5)),
        (["06:00-07:00", "11:30-13:00"], "2026-11-01T09:00:00", None),
        ([], "2026-11-01T12:00:00", (2.5, 17.5)),
    ],
)
def test_hours(hours, begins, expected):
    import dataclasses

    move = local(begins) - T0
    scenes = World([walker((0, 200, 300), (20, 1000, 300))], 30).scenes(10)
    scenes = [
        dataclasses.replace(s, at=s.at + move, tracks=tuple(dataclasses.replace(t, times=t.times + move) for t in s.tracks)) for s in scenes
    ]
    got = [(round(a - move, 2), round(b - move, 2)) for a, b in spans(fold(cam(hours=hours), scenes))]
    assert got == ([expected] if expected else [])


def test_evidence_and_life():
    begun, over = fold(cam(), World([walker((0, 200, 300), (20, 1000, 300))], 30).scenes(10))
    assert (begun.ongoing, over.ongoing, begun.id("c") == over.id("c")) == (True, False, True)
    assert over.evidence == {"inside_s": 15.0, "allowed_s": 1.0}
    assert begun.box_at - T0 == pytest.approx(3.6, abs=0.2)
