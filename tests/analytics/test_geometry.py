"""Points, paths, polygons, lines: labelled tables, and properties against dense sampling and against supervision's LineZone."""

import doctest
from itertools import pairwise
from math import cos, radians, sin

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from analytics import geometry, names, pcu
from analytics.geometry import (
    Area,
    along,
    bottom_centres,
    centres,
    clear_of_edge,
    heading_deg,
    passes,
    path_heading_deg,
    polygon_problem,
    sides,
    sizes,
    turn_deg,
)

SQUARE = ((0.0, 0.0), (10.0, 0.0), (10.0, 10.0), (0.0, 10.0))
HORSESHOE = ((0.0, 0.0), (30.0, 0.0), (30.0, 30.0), (20.0, 30.0), (20.0, 10.0), (10.0, 10.0), (10.0, 30.0), (0.0, 30.0))


@pytest.mark.parametrize("module", [geometry, names, pcu], ids=lambda m: m.__name__)
def test_examples_in_the_docstrings(module):
    assert doctest.testmod(module).failed == 0


@pytest.mark.parametrize(
    ("label", "box", "foot", "centre", "size"),
    [
        ("plain", (10, 20, 30, 60), (20, 60), (20, 40), 800**0.5),
        ("square", (0, 0, 4, 4), (2, 4), (2, 2), 4),
        ("empty box has the least size", (5, 5, 5, 5), (5, 5), (5, 5), 1),
        ("thin", (0, 0, 100, 1), (50, 1), (50, 0.5), 10),
    ],
)
def test_box_points(label, box, foot, centre, size):
    assert bottom_centres([box]).tolist() == [list(foot)]
    assert centres([box]).tolist() == [list(centre)]
    assert sizes([box])[0] == pytest.approx(size)


def test_feet_stay_in_the_picture():
    assert bottom_centres([(0, 700, 20, 721.5), (-30, 0, -10, 50)], within=(1280, 720)).tolist() == [[10, 720], [0, 50]]


@pytest.mark.parametrize(
    ("box", "px"), [((10, 20, 30, 40), 10), ((10, 5, 30, 40), 5), ((10, 20, 95, 40), 5), ((10, 20, 30, 99), 1), ((-3, 20, 30, 40), -3)]
)
def test_clear_of_edge(box, px):
    assert clear_of_edge([box], (100, 100)).tolist() == [px]


@pytest.mark.parametrize(
    ("label", "points", "part"),
    [
        ("good", SQUARE, None),
        ("concave is good", HORSESHOE, None),
        ("either way round", SQUARE[::-1], None),
        ("two points", SQUARE[:2], "2 points"),
        ("none", (), "0 points"),
        ("self-crossing", ((0, 0), (10, 10), (10, 0), (0, 10)), "cross each other near (5, 5)"),
        ("on one line", ((0, 0), (5, 5), (9, 9)), "no area"),
        ("all the same", ((3, 3), (3, 3), (3, 3)), "no area"),
    ],
)
def test_polygon_problem(label, points, part):
    found = polygon_problem(points)
    if part is None:
        assert found is None
    else:
        assert found is not None
        assert part in found[0]
        assert found[1] != found[0]


@pytest.mark.parametrize(
    ("point", "inside"),
    [((5, 5), True), ((0, 5), True), ((10, 10), True), ((10.001, 5), False), ((-1, -1), False), ((5, 0), True)],
)
def test_contains_its_edge(point, inside):
    area = Area.of(SQUARE)
    assert bool(area.contains([point])[0]) is inside
    assert (area.depth(point) >= 0) is inside


@pytest.mark.parametrize(("point", "depth"), [((5, 5), 5), ((1, 5), 1), ((12, 5), -2), ((10, 5), 0)])
def test_depth(point, depth):
    assert Area.of(SQUARE).depth(point) == pytest.approx(depth)


@pytest.mark.parametrize(
    ("label", "area", "times", "points", "spans"),
    [
        ("through the middle", SQUARE, (0, 4), ((-10, 5), (30, 5)), [(1, 2)]),
        ("stops inside", SQUARE, (0, 2), ((-10, 5), (10, 5)), [(1, 2)]),
        ("starts inside", SQUARE, (0, 2), ((5, 5), (25, 5)), [(0, 0.5)]),
        ("all inside", SQUARE, (0, 1, 2), ((1, 1), (5, 5), (9, 9)), [(0, 2)]),
        ("all outside", SQUARE, (0, 1), ((20, 20), (30, 30)), []),
        ("passes a corner by", SQUARE, (0, 1), ((-5, 2), (2, -5)), []),
        ("one point inside", SQUARE, (3,), ((5, 5),), [(3, 3)]),
        ("one point outside", SQUARE, (3,), ((15, 5),), []),
        ("twice through both legs of a horseshoe", HORSESHOE, (0, 5), ((-10, 20), (40, 20)), [(1, 2), (3, 4)]),
        ("out and back", SQUARE, (0, 1, 2), ((5, 5), (15, 5), (5, 5)), [(0, 0.5), (1.5, 2)]),
        ("stands inside", SQUARE, (0, 1, 2), ((5, 5), (5, 5), (5, 5)), [(0, 2)]),
        ("along its edge", SQUARE, (0, 1), ((0, 0), (10, 0)), [(0, 1)]),
        ("far apart points, short way inside", SQUARE, (0, 100), ((-1000, 5), (1000, 5)), [(50, 50.5)]),
    ],
)
def test_spans(label, area, times, points, spans):
    found = Area.of(area).spans(times, points)
    assert [tuple(round(v, 9) for v in s) for s in found] == [tuple(map(float, s)) for s in spans]


coordinate = st.floats(-50, 50, allow_nan=False)
path = st.lists(st.tuples(coordinate, coordinate), min_size=2, max_size=8)


@given(path, st.sampled_from([SQUARE, HORSESHOE]))
def test_spans_agree_with_dense_sampling(points, area):
    a = Area.of(area)
    times = np.arange(len(points), dtype=float)
    spans = a.spans(times, points)
    assert all(x < y for x, y in spans)
    assert all(p[1] < q[0] for p, q in pairwise(spans))
    dense = np.linspace(0, times[-1], 997)
    at = np.stack([np.interp(dense, times, np.array(points)[:, i]) for i in (0, 1)], 1)
    clear = np.array([abs(a.depth(tuple(p))) > 1e-6 for p in at])
    told = np.array([any(x <= t <= y for x, y in spans) for t in dense])
    assert (told == a.contains(at))[clear].all()


@given(path, st.sampled_from([SQUARE, HORSESHOE]), st.floats(0.1, 0.9))
def test_spans_do_not_depend_on_extra_points_on_the_path(points, area, share):
    times = np.arange(len(points), dtype=float)
    p = np.array(points)
    more = np.sort(np.concatenate([times, times[:-1] + share]))
    q = np.stack([np.interp(more, times, p[:, i]) for i in (0, 1)], 1)
    total = [sum(b - a for a, b in Area.of(area).spans(t, x)) for t, x in ((times, p), (more, q))]
    assert total[0] == pytest.approx(total[1], abs=1e-6)


@pytest.mark.parametrize(
    ("label", "points", "found"),
    [
        ("up is in", ((5, 10), (5, -10)), [(0.5, 0.5, True)]),
        ("down is out", ((5, -10), (5, 10)), [(0.5, 0.5, False)]),
        ("beside its end", ((15, 10), (15, -10)), []),
        ("before its start", ((-1, 10), (-1, -10)), []),
        ("along it", ((0, 5), (10, 5)), []),
        ("there and back", ((2, 4), (2, -4), (8, 4)), [(0.5, 0.2, True), (1.5, 0.5, False)]),
        ("late in the step", ((5, 3), (5, -1)), [(0.75, 0.5, True)]),
        ("touches and goes back", ((5, 5), (5, 0), (5, 5)), []),
        ("oblique", ((0, 5), (10, -5)), [(0.5, 0.5, True)]),
    ],
)
def test_passes(label, points, found):
    got = passes((0, 0), (10, 0), range(len(points)), points)
    assert [(round(p.at, 9), round(p.where, 9), p.inward) for p in got] == found


@given(
    st.tuples(st.floats(100, 900), st.floats(100, 600)),
    st.floats(0, 360),
    st.floats(60, 600),
    st.lists(st.tuples(st.floats(0.05, 0.95), st.one_of(st.floats(1, 80), st.floats(-80, -1))), min_size=2, max_size=12),
)
@settings(max_examples=60, deadline=None)
def test_in_and_out_are_supervisions(start, turn, length, local):
    sv = pytest.importorskip("supervision")
    u = np.array([cos(radians(turn)), sin(radians(turn))])
    n = np.array([-u[1], u[0]])
    end = np.array(start) + u * length
    a, b = (float(start[0]), float(start[1])), (float(end[0]), float(end[1]))
    points = np.array(start) + np.array([u * length * x + n * v for x, v in local])
    zone = sv.LineZone(start=sv.Point(*a), end=sv.Point(*b))
    for x, y in points:
        box = np.array([[x - 0.01, y - 0.01, x + 0.01, y + 0.01]])
        zone.trigger(sv.Detections(xyxy=box, tracker_id=np.array([1]), class_id=np.array([0])))
    mine = passes(a, b, range(len(points)), points)
    assert (sum(p.inward for p in mine), sum(not p.inward for p in mine)) == (zone.in_count, zone.out_count)


@given(st.tuples(coordinate, coordinate), st.tuples(coordinate, coordinate), st.tuples(coordinate, coordinate))
def test_sides_and_along_are_an_orthogonal_frame(a, b, p):
    assume(np.hypot(b[0] - a[0], b[1] - a[1]) > 1e-3)
    length = np.hypot(b[0] - a[0], b[1] - a[1])
    reach = np.hypot(sides(a, b, [p])[0], along(a, b, [p])[0] * length)
    assert reach == pytest.approx(np.hypot(p[0] - a[0], p[1] - a[1]), abs=1e-6)


@pytest.mark.parametrize(("degrees", "vector"), [(d, (sin(radians(d)), -cos(radians(d)))) for d in range(0, 360, 15)])
def test_heading(degrees, vector):
    assert heading_deg(*vector) == pytest.approx(degrees, abs=1e-9)


@pytest.mark.parametrize(
    ("a", "b", "turn"),
    [((0, -1), (0, 1), 180), ((1, 0), (0, 1), 90), ((1, 0), (1, 0), 0), ((0, -1), (-1, -1), 45), ((-0.01, -1), (0.01, -1), 1.1459)],
)
def test_turn(a, b, turn):
    assert turn_deg(a, b) == pytest.approx(turn, abs=1e-3)
    assert turn_deg(b, a) == pytest.approx(turn, abs=1e-3)


@pytest.mark.parametrize(("dx", "dy", "heading"), [(0, 100, 180.0), (100, 0, 90.0), (0, -100, 0.0), (5, 5, None), (0, 0, None)])
def test_path_heading_is_none_where_it_stood(dx, dy, heading):
    boxes = [(0, 0, 40, 40), (dx / 2, dy / 2, 40 + dx / 2, 40 + dy / 2), (dx, dy, 40 + dx, 40 + dy)]
    assert path_heading_deg(boxes) == heading
