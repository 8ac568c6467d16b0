"""Counting over a line: directions, jitter, returns, gaps, the line's ends; against a table of true passes."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.analytics.worlds import T0, Actor, World, camera, crossings, fold, standing, through

CLASSES = ["person", "bicycle", "motorcycle", "car", "bus", "truck"]
CAMERA = camera(
    [{"kind": "line_count", "line": "across", "classes": CLASSES, "anchor": "bottom"}]
)  # from (300, 400) to (900, 400): up is in


def counted(actors, cam=CAMERA, until=20.0, fps=30.0, **how):
    found = crossings(fold(cam, World(actors, until).scenes(fps, **how)))
    return [(round(c.at - T0, 2), c.direction) for c in found]


WAYS = {
    "down": (((0, 500, 200), (10, 500, 600)), [(5.0, "out")]),
    "up": (((0, 500, 600), (10, 500, 200)), [(5.0, "in")]),
    "across its middle, oblique": (((0, 350, 300), (10, 850, 500)), [(5.0, "out")]),
    "left of its end": (((0, 250, 200), (10, 250, 600)), []),
    "right of its end": (((0, 950, 200), (10, 950, 600)), []),
    "just within its end": (((0, 301, 200), (10, 301, 600)), [(5.0, "out")]),
    "along it, above": (((0, 300, 390), (10, 900, 390)), []),
    "stops short of it": (((0, 500, 200), (5, 500, 392), (10, 500, 392)), []),
    "turns back before it": (((0, 500, 200), (5, 500, 395), (10, 500, 200)), []),
    "out and back again": (((0, 500, 300), (4, 500, 500), (8, 500, 300)), [(2.0, "out"), (6.0, "in")]),
    "three times": (((0, 500, 300), (2, 500, 500), (4, 500, 300), (6, 500, 500)), [(1.0, "out"), (3.0, "in"), (5.0, "out")]),
    "around its end and back over it": (((0, 250, 300), (2, 250, 500), (4, 500, 500), (6, 500, 300)), [(5.0, "in")]),
    "waits on it, then goes on": (((0, 500, 200), (5, 500, 400), (10, 500, 400), (15, 500, 600)), None),
    "waits on it, then goes back": (((0, 500, 200), (5, 500, 401), (10, 500, 401), (15, 500, 200)), []),
}


@pytest.mark.parametrize(
    ("label", "fps", "every", "confirm"),
    [(label, fps, every, confirm) for label, fps, (every, confirm) in product(WAYS, (5, 12.5, 30), ((1, 1), (1, 6), (7, 2)))],
)
def test_ways(label, fps, every, confirm):
    points, expected = WAYS[label]
    got = counted([Actor("car", through(*points), end=points[-1][0])], fps=fps, every=every, confirm=confirm)
    if expected is None:
        assert [d for _, d in got] == ["out"]
    else:
        assert [d for _, d in got] == [d for _, d in expected]
        assert all(abs(a - b) <= 0.02 for (a, _), (b, _) in zip(got, expected, strict=True))


@pytest.mark.parametrize(("name", "size"), list(product(CLASSES, (10, 40, 160))))
def test_classes_and_sizes(name, size):
    assert counted([Actor(name, through((0, 500, 150), (10, 500, 650), w=size, h=size), end=10)]) == [(5.0, "out")]


@pytest.mark.parametrize("name", CLASSES)
def test_a_class_that_is_not_asked_for(name):
    cam = camera([{"kind": "line_count", "line": "across", "classes": [c for c in CLASSES if c != name], "anchor": "bottom"}])
    assert counted([Actor(name, through((0, 500, 200), (10, 500, 600)), end=10)], cam) == []


@pytest.mark.parametrize(("y", "seed"), list(product((396, 398, 400, 402, 404), range(6))))
def test_standing_on_the_line_with_jitter_counts_nothing(y, seed):
    assert counted([Actor("car", standing(500, y, jitter=0.02, seed=seed), end=20)]) == []


@given(st.integers(0, 10_000), st.sampled_from([5, 12.5, 30]), st.floats(30, 200), st.booleans())
@settings(max_examples=40, deadline=None)
def test_a_jittering_pass_counts_once(seed, fps, speed, down):
    rng = np.random.default_rng(seed)
    wobble = rng.normal(0, 1.5, (2000, 2))
    span = 400 / speed

    def box(t: float) -> tuple[float, float, float, float]:
        dx, dy = wobble[int(t * 60)]
        y = 200 + speed * t if down else 600 - speed * t
        return (470 + dx, y - 50 + dy, 530 + dx, y + dy)

    got = counted([Actor("car", box, end=span)], until=span + 2, fps=fps)
    assert [d for _, d in got] == ["out" if down else "in"]
    assert got[0][0] == pytest.approx(span / 2, abs=0.15 + 3 / speed)


@pytest.mark.parametrize(
    ("label", "ids", "passes"),
    [
        ("unseen while it crosses, same id", ((0, 1), (4.5, None), (5.5, 1)), 1),
        ("unseen far before", ((0, 1), (2, None), (3, 1)), 1),
        ("new id before the line", ((0, 1), (4, 2)), 1),
        ("new id after the line", ((0, 1), (6, 2)), 1),
        ("ends just past the line", ((0, 1), (5.07, None)), 1),
        ("ends just before the line", ((0, 1), (4.9, None)), 0),
        ("is first seen past the line", ((5.2, 1),), 0),
        ("is first seen just before the line", ((4.8, 1),), 1),
    ],
)
def test_losses_and_changes_of_id(label, ids, passes):
    assert len(counted([Actor("car", through((0, 500, 200), (10, 500, 600)), end=10, ids=ids)], until=12)) == passes


def test_two_side_by_side_count_two():
    actors = [Actor("car", through((0, x, 200), (10, x, 600)), end=10) for x in (450, 520)]
    assert counted(actors) == [(5.0, "out"), (5.0, "out")]


def test_pcu_names_and_anchor():
    line = {"points": [[300, 400], [900, 400]], "names": {"in": "into the centre", "out": "out of town"}}
    cam = camera(
        [{"kind": "line_count", "line": "across", "anchor": "bottom", "pcu": {"car": 1.2}}, {"kind": "line_count", "line": "across"}],
        lines={"across": line},
    )
    actors = [
        Actor("motorcycle", through((0, 500, 200), (10, 500, 600)), end=10),
        Actor("car", through((0, 600, 600), (10, 600, 200)), end=10),
    ]
    found = crossings(fold(cam, World(actors, 12).scenes()))
    bottom, centre = cam.rule_identities()
    assert {(c.object, c.direction, c.pcu) for c in found if c.rule == bottom} == {
        ("motorcycle", "out of town", 0.25),
        ("car", "into the centre", 1.2),
    }
    # The centre of a 50 px high box crosses 25 px later on the way down and earlier on the way up.
    assert sorted(round(c.at - T0, 2) for c in found if c.rule == centre) == [4.38, 5.62]
