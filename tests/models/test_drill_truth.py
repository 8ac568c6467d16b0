"""The drill's truth: spans, crossings and events of courses made by hand, and what the scenes' scripts intend."""

import numpy as np
import pytest

from models.drill import build
from models.drill.truth import Course, congestions, facts, happenings, passages, spans

ZONE = [[100, 100], [300, 100], [300, 300], [100, 300]]
STOP = {"kind": "illegal_stop", "after_s": 8}
LINGER = {"kind": "loitering", "after_s": 10}
SPEED = {"kind": "speeding", "limit_kmh": 50}
CAMERA = {"zones": {"z": ZONE}, "lines": {}}


def course(places: list[tuple[float, float, float]], object: str = "car", speed: float | None = None) -> Course:
    """A course through (seconds, x, y) of the feet, straight in between, with a box of 40 x 20 px; 20 px are a metre."""
    t, x, y = np.array(places).T
    times = np.round(np.arange(t[0], t[-1] + 0.05, 0.1), 6)
    fx, fy = np.interp(times, t, x), np.interp(times, t, y)
    boxes = np.stack([fx - 20, fy - 20, fx + 20, fy], 1)
    measured = np.hypot(np.gradient(fx, 0.1), np.gradient(fy, 0.1)) / 20 if speed is None else np.full(len(times), speed)
    return Course(1, object, times, boxes, measured)


@pytest.mark.parametrize(
    ("values", "lapse_s", "wanted"),
    [
        ([-1, -1, -1], 0, []),
        ([-1, 1, 1, -1], 0, [(0.05, 0.25)]),
        ([1, 1, 1], 0, [(0.0, 0.2)]),
        ([-1, 1, -1, 1, -1], 0, [(0.05, 0.15), (0.25, 0.35)]),
        ([-1, 1, -1, 1, -1], 0.2, [(0.05, 0.35)]),
    ],
)
def test_spans(values: list[float], lapse_s: float, wanted: list[tuple[float, float]]) -> None:
    found = spans(np.arange(len(values)) * 0.1, np.array(values, float), lapse_s)
    assert np.allclose(found, wanted) if wanted else found == []


@pytest.mark.parametrize(
    ("what", "places", "wanted"),
    [
        ("up over the line is in", [(0, 200, 300), (2, 200, 100)], [(1.0, "in")]),
        ("down is out", [(0, 200, 100), (2, 200, 300)], [(1.0, "out")]),
        ("beside its end", [(0, 400, 300), (2, 400, 100)], []),
        ("there and back", [(0, 200, 300), (2, 200, 100), (4, 200, 300)], [(1.0, "in"), (3.0, "out")]),
        ("touches it and turns", [(0, 200, 300), (2, 200, 199), (4, 200, 300)], []),
    ],
)
def test_passages(what: str, places: list[tuple[float, float, float]], wanted: list[tuple[float, str]]) -> None:
    found = passages("l", [[100, 200], [300, 200]], course(places))
    assert [(round(p.at, 2), p.direction) for p in found] == wanted, what


@pytest.mark.parametrize(
    ("what", "rule", "made", "wanted"),
    [
        ("stands for 10 s", STOP, course([(0, 50, 200), (2, 200, 200), (12, 200, 200), (14, 350, 200)]), (2, 12)),
        ("stands for 4 s", STOP, course([(0, 50, 200), (2, 200, 200), (6, 200, 200), (8, 350, 200)]), None),
        ("stands outside", STOP, course([(0, 50, 200), (12, 50, 200)]), None),
        ("a person stands", STOP, course([(0, 200, 200), (12, 200, 200)], "person"), None),
        ("walks in and out", {"kind": "intrusion"}, course([(0, 0, 200), (4, 400, 200)], "person"), (1, 3)),
        ("walks beside", {"kind": "intrusion"}, course([(0, 0, 310), (4, 400, 310)], "person"), None),
        ("a corner for a moment", {"kind": "intrusion"}, course([(0, 90, 110), (0.4, 110, 110), (0.8, 90, 110)], "person"), None),
        ("lingers", LINGER, course([(0, 50, 200), (1, 150, 200), (13, 150, 200), (14, 50, 200)], "person"), (0.5, 13.5)),
        ("waits a little", LINGER, course([(0, 50, 200), (1, 150, 200), (7, 150, 200), (8, 50, 200)], "person"), None),
        ("72 km/h of 50", SPEED, course([(0, 0, 200), (4, 400, 200)], speed=20.0), (1, 3)),
        ("45 km/h of 50", SPEED, course([(0, 0, 200), (4, 400, 200)], speed=12.5), None),
        ("against", {"kind": "wrong_way", "allowed": [0, -1]}, course([(0, 200, 0), (4, 200, 400)]), (1, 3)),
        ("with", {"kind": "wrong_way", "allowed": [0, 1]}, course([(0, 200, 0), (4, 200, 400)]), None),
        ("across", {"kind": "wrong_way", "allowed": [1, 0]}, course([(0, 200, 0), (4, 200, 400)]), None),
    ],
)  # fmt: skip
def test_happenings(what: str, rule: dict[str, object], made: Course, wanted: tuple[float, float] | None) -> None:
    found = happenings({"zone": "z", **rule}, CAMERA, made)
    assert [(h.start, h.end) for h in found] == ([pytest.approx(wanted, abs=0.11)] if wanted else []), what


def row_of_cars(from_s: float, to_s: float, count: int) -> list[Course]:
    made = []
    for i in range(count):
        stands = 120 + i * 45
        c = course([(0, stands, 400), (from_s, stands, 290), (to_s, stands, 290), (to_s + 1, stands, 90), (60, stands, 90)])
        made.append(Course(i, "car", c.times, c.boxes + np.array([0, -100.0, 0, 0]), c.speed))
    return made


@pytest.mark.parametrize(("what", "cars", "until", "events"), [("a queue", 4, 30, 1), ("too few", 2, 30, 0), ("too short", 4, 12, 0)])
def test_congestions(what: str, cars: int, until: float, events: int) -> None:
    rule = {"kind": "congestion", "zone": "z", "after_s": 15.0, "clear_s": 5.0}
    found = congestions(rule, CAMERA, row_of_cars(5, until, cars), 60.0)
    assert len(found) == events, what
    if events:
        assert found[0].start == pytest.approx(5, abs=3.5)
        assert found[0].end == pytest.approx(until, abs=3.5)


@pytest.mark.parametrize(
    ("scene", "seed", "kinds", "roles", "never"),
    [
        ("street", 5, {"illegal_stop", "wrong_way", "speeding"}, {"stopper", "wrong way", "speeder"},
         {"brief stop", "u-turn", "parked", "nearly speeding"}),
        ("gate", 120, {"intrusion", "loitering"}, {"intruder", "loiterer"}, {"beside", "brief wait", "across", "street behind"}),
        ("jam", 5, {"congestion"}, set(), set()),
    ],
)  # fmt: skip
def test_scripts_hold_what_they_promise(scene: str, seed: int, kinds: set[str], roles: set[str], never: set[str]) -> None:
    world = build(scene, seed, 80.0)
    found = facts(world)
    role_of = {a.id: a.role for a in world.actors}
    assert {h.kind for h in found.happenings} == kinds
    assert roles <= {role_of.get(h.track, "") for h in found.happenings if h.track is not None}
    assert not never or never & set(role_of.values()), "the look-alikes are there"
    alike = [h for h in found.happenings if role_of.get(h.track or -1) in never and (scene, h.kind) != ("gate", "intrusion")]
    assert not alike
    assert found.passages
