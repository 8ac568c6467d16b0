"""Too fast, by a camera whose geometry is known: who fires, from when, with which numbers; and who is only nearly too fast."""

from itertools import product

import numpy as np
import pytest

from tests.analytics.pinhole import GROUND, Pinhole
from tests.analytics.worlds import T0, Actor, World, camera, events, fold, spans

PINHOLE = Pinhole()


def cam(noise=0.0, **more):
    px = PINHOLE.pixels(np.column_stack([GROUND, np.zeros(4)])) + noise
    lane = PINHOLE.pixels(np.array([[-6, 18, 0], [6, 18, 0], [6, 46, 0], [-6, 46, 0]]))
    return camera(
        [{"kind": "speeding", "zone": "lane", "limit_kmh": 50, **more}],
        zones={"lane": lane.tolist()},
        ground={"image": px.tolist(), "metres": GROUND.tolist()},
    )


def vehicle(kmh, name="car", way=(0, -1), x=1.0, begin=1.0, length=4.4, **more):
    """Enters the lane's far end (y 46 m) or near end (y 18 m) at about `begin` and leaves by the other."""
    far = way[1] < 0
    u = np.array(way) / np.hypot(*way)
    v = kmh / 3.6

    def box(t):
        at = np.array([x, 49.0 if far else 15.0]) + u * v * (t - begin + 0.3)
        return tuple(PINHOLE.box(*at, length=length, way=way).tolist())

    lead = 1.0 if far else 0.3
    return Actor(name, box, begin=begin - lead, end=begin - 0.3 + 34 / v, **more)


def found(actors, until=12.0, fps=12.5, noise=0.0, rule=(), **how):
    return events(fold(cam(noise, **dict(rule)), World(actors, until).scenes(fps, **how)))


@pytest.mark.parametrize(
    ("kmh", "fires"), [(20, False), (35, False), (45, False), (48, False), (57, True), (60, True), (75, True), (100, True)]
)
@pytest.mark.parametrize("way", [(0, -1), (0, 1), (0.1, -1)])
def test_who_is_too_fast(kmh, fires, way):
    got = found([vehicle(kmh, way=way)])
    assert bool(got) is fires
    if fires:
        assert got[0].evidence["speed_kmh"] == pytest.approx(kmh, rel=0.05)
        assert got[0].evidence["speed_low_kmh"] <= kmh <= got[0].evidence["speed_high_kmh"]


@pytest.mark.parametrize(("fps", "every", "confirm"), [(f, *h) for f, h in product((5, 12.5, 30), ((1, 1), (4, 2)))])
def test_it_is_told_from_entry_to_exit(fps, every, confirm):
    (event,) = found([vehicle(70)], fps=fps, every=every, confirm=confirm)
    v = 70 / 3.6
    # The box's foot is the vehicle's near end, 2.2 m before its middle.
    assert event.start - T0 == pytest.approx(0.7 + (49 - 2.2 - 46) / v, abs=0.06)
    assert event.end - T0 == pytest.approx(0.7 + (49 - 2.2 - 18) / v, abs=0.25)


def test_the_start_is_the_same_at_every_rate():
    starts = [found([vehicle(70)], fps=fps)[0].start for fps in (5, 10, 12.5, 25, 30)]
    assert max(starts) - min(starts) <= 0.03


@pytest.mark.parametrize("name", ["person", "bicycle", "motorcycle", "car", "bus", "truck"])
def test_classes(name):
    assert bool(found([vehicle(80, name)])) is (name not in ("person", "bicycle"))


@pytest.mark.parametrize(
    ("rule", "kmh", "fires"),
    [
        ({"limit_kmh": 30}, 40, True),
        ({"limit_kmh": 80}, 70, False),
        ({"margin_kmh": 10}, 57, False),
        ({"margin_kmh": 10}, 70, True),
        ({"certain": False}, 51.5, True),
        ({"certain": True}, 51, False),
        ({"certain": False}, 49, False),
        ({"max_error": 0.001}, 90, False),
    ],
)
def test_parameters(rule, kmh, fires):
    assert bool(found([vehicle(kmh)], rule=rule)) is fires


@pytest.mark.parametrize("seed", range(12))
def test_nobody_within_the_limit_is_told_whatever_the_clicking(seed):
    rng = np.random.default_rng(seed)
    actors = [
        vehicle(float(rng.uniform(25, 46)), x=float(rng.uniform(-4, 4)), begin=1 + 2 * i, way=(0, 1 if i % 2 else -1)) for i in range(5)
    ]
    assert found(actors, until=16, noise=rng.uniform(-2, 2, (4, 2))) == []


@pytest.mark.parametrize(
    ("label", "ids", "tracks"),
    [("a change of id", ((0.7, 1), (1.5, 2)), (1, 2)), ("a short loss", ((0.7, 1), (1.4, None), (1.7, 1)), (1,))],
)
def test_it_goes_on_as_one(label, ids, tracks):
    (event,) = found([vehicle(60, ids=ids)])
    assert event.tracks == tracks


def test_two_at_once_and_no_zone():
    actors = [vehicle(80, x=-3), vehicle(75, x=3, begin=1.4), vehicle(40, x=0)]
    assert len(found(actors)) == 2
    assert len(found(actors, rule={"zone": None})) == 2


def test_braking_ends_it():
    v = 70 / 3.6

    def box(t):
        y = 49 - v * min(t, 0.9) - (v * (t - 0.9) - v / 5 * (t - 0.9) ** 2 if t > 0.9 else 0)
        return tuple(PINHOLE.box(1.0, y).tolist())

    (event,) = found([Actor("car", box, end=3.2)])
    assert event.end - T0 < 2.3


def test_evidence_and_life():
    begun, over = fold(cam(), World([vehicle(70)], 12).scenes(12.5))
    assert (begun.ongoing, over.ongoing, begun.id("c") == over.id("c")) == (True, False, True)
    assert {"speed_kmh", "speed_low_kmh", "speed_high_kmh", "limit_kmh", "margin_kmh", "measured_s"} == set(over.evidence)
    width = [e.evidence["speed_high_kmh"] - e.evidence["speed_low_kmh"] for e in (begun, over)]
    assert width[1] < width[0]
    assert spans([over])[0][0] == round(begun.start - T0, 2)


def climbing(kmh, away, rise, reach=500.0):
    """A car on a road that climbs by `rise` beyond 30 m, which no plane through the clicked points knows of."""

    def box(t):
        y = 12 + kmh / 3.6 * t if away else reach - kmh / 3.6 * t
        corners = [(1 + a, y + b, c + rise * max(y + b - 30, 0)) for a in (-0.9, 0.9) for b in (-2.2, 2.2) for c in (0, 1.5)]
        p = Pinhole(tilt=0.15).pixels(np.array(corners))
        return (*p.min(0).tolist(), *p.max(0).tolist())

    return Actor("car", box, end=(reach - 12) / (kmh / 3.6))


@pytest.mark.parametrize(("rise", "off"), [(0.0, 0.02), (0.02, 0.25), (0.03, 0.4), (0.05, 0.6)])
@pytest.mark.parametrize("away", [True, False])
@pytest.mark.parametrize("kmh", [70, 90])
def test_far_off_nothing_is_measured_and_the_evidence_shows_what_was_decided(rise, off, away, kmh):
    """Up to where the ground's horizon is, with the whole picture as the zone: it neither stops nor tells nonsense."""
    px = Pinhole(tilt=0.15).pixels(np.column_stack([GROUND, np.zeros(4)]))
    sees = camera([{"kind": "speeding", "limit_kmh": 50}], ground={"image": px.tolist(), "metres": GROUND.tolist()})
    actor = climbing(kmh, away, rise)
    told = fold(sees, World([actor], actor.end + 8).scenes(12.5))
    assert [event.ongoing for event in told] == [True, False]
    for event in told:
        assert event.evidence["speed_low_kmh"] > 50
        assert event.evidence["speed_kmh"] <= 2.5 * kmh
        assert event.evidence["measured_s"] <= event.end - event.start + 0.01
    assert told[1].evidence["speed_kmh"] == pytest.approx(kmh, rel=off)
    assert told[1].end - told[1].start < 7.5  # the far road is no part of it


def test_slowing_does_not_unsay_it():
    """The mean of the whole way may come near the limit while the event lasts; what decided stays."""

    def box(t):
        y = 49 - 20 * min(t, 0.8) - 14.5 * max(t - 0.8, 0)
        return tuple(PINHOLE.box(1.0, y).tolist())

    for event in fold(cam(), World([Actor("car", box, end=2.2)], 8).scenes(12.5)):
        assert event.evidence["speed_low_kmh"] > 50
