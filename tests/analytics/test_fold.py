"""All rules over busy worlds: a fold that stops and goes on elsewhere, other rates and other cuts into scenes find the same."""

import json
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.errors import Refused
from analytics.event import Crossing, Event
from analytics.fold import RuleFold
from analytics.rules import registry
from tests.analytics.pinhole import GROUND, Pinhole
from tests.analytics.worlds import T0, Actor, World, camera, fold, standing, stopping, through

PINHOLE = Pinhole()
ROAD = PINHOLE.pixels(np.array([[-7, 17, 0], [7, 17, 0], [7, 50, 0], [-7, 50, 0]])).tolist()
RULES = [
    {"kind": "line_count", "line": "across", "classes": ["car", "motorcycle", "person"]},
    {"kind": "wrong_way", "zone": "road", "allowed": [0, 1]},
    {"kind": "illegal_stop", "zone": "road", "after_s": 6},
    {"kind": "illegal_stop", "zone": "road", "after_s": 5, "signal": "north"},
    {"kind": "speeding", "limit_kmh": 40},
    {"kind": "speeding", "zone": "road", "limit_kmh": 25, "certain": False},
    {"kind": "intrusion", "zone": "road"},
    {"kind": "loitering", "zone": "road", "after_s": 6},
    {"kind": "congestion", "zone": "road", "after_s": 4, "min_vehicles": 3, "occupancy": 0.05, "slow": 1.0, "clear_s": 2},
]
CAMERA = camera(
    RULES,
    zones={"road": ROAD},
    lines={"across": [[0, 340], [1280, 340]]},
    ground={"image": PINHOLE.pixels(np.column_stack([GROUND, np.zeros(4)])).tolist(), "metres": GROUND.tolist()},
)


def vehicle(rng, name, x=None):
    """Drives up or down the road at its own speed, clearly below or above the limits."""
    v, down = float(rng.choice([3.5, 5.5, 8.5, 9.5, 14, 18])), rng.random() < 0.7
    x = rng.uniform(-5, 5) if x is None else x
    begin = rng.uniform(0, 12)

    def box(t):
        y = 58 - v * (t - begin) if down else 11 + v * (t - begin)
        return tuple(PINHOLE.box(x, y, way=(0, -1 if down else 1)).tolist())

    return Actor(name, box, begin=begin, end=begin + 47 / v)


def busy(seed):
    """A world in which every rule has something to find, with losses and changes of id."""
    rng = np.random.default_rng(seed)
    actors = [vehicle(rng, str(rng.choice(["car", "motorcycle"]))) for _ in range(5)]
    actors += [Actor("car", standing(float(rng.uniform(500, 800)), float(rng.uniform(330, 600)), jitter=0.01, seed=seed), begin=2, end=22)]
    actors += [Actor("car", stopping(float(rng.uniform(500, 800)), 250, float(rng.uniform(350, 600)), 6, leave=17), begin=1, end=22)]
    y = float(rng.uniform(320, 600))
    actors += [Actor("person", through((0, 200, y), (8, 600, y), (18, 620, y), (24, 900, y), w=20, h=50), end=24)]
    actors += [Actor("person", standing(600, y, 20, 50), begin=5, end=20)]
    named = []
    for i, a in enumerate(actors):
        ids = [(a.begin, 10 * i + 1)]
        for k in range(int(rng.integers(0, 3))):
            lost = float(rng.uniform(a.begin + 1, a.end))
            ids += [(lost, None), (lost + float(rng.uniform(0, 2)), 10 * i + 1 + (k + 1) * int(rng.integers(0, 2)))]
        named.append(Actor(a.object, a.box, a.begin, a.end, tuple(sorted(ids, key=lambda x: x[0]))))
    red = float(rng.uniform(4, 12))
    return World(named, 26, signals=lambda t: {("north", "state"): 0.0 if red < t < red + 6 else 2.0})


def stopped_and_restored(scenes, after):
    """The findings of a fold that is written out and read by a fresh one after each scene number in `after`."""
    rules, found = RuleFold(CAMERA), []
    for i, scene in enumerate(scenes):
        found += rules.step(scene)
        if i in after:
            state = rules.state()
            rules = RuleFold(CAMERA)
            rules.restore(state)
            assert rules.state() == state
    return found + rules.finish(scenes[-1].at)


@pytest.mark.parametrize("seed", range(2))
def test_a_fold_stopped_after_every_scene_finds_the_same(seed):
    scenes = busy(seed).scenes(10, every=2, confirm=2)
    assert stopped_and_restored(scenes, range(len(scenes))) == fold(CAMERA, scenes)


@given(st.integers(0, 1000), st.sets(st.integers(0, 130), max_size=4))
@settings(max_examples=8, deadline=None)
def test_a_fold_stopped_anywhere_finds_the_same(seed, after):
    scenes = busy(seed).scenes(10, every=2, confirm=2)
    assert stopped_and_restored(scenes, after) == fold(CAMERA, scenes)


def test_the_busy_worlds_have_something_for_every_rule():
    found = [f for seed in range(3) for f in fold(CAMERA, busy(seed).scenes(10))]
    assert {f.rule for f in found} == set(CAMERA.rule_identities())


def clean(seed):
    """A busy world without losses or jitter, born outside every zone and line."""
    rng = np.random.default_rng(seed)
    actors = [vehicle(rng, str(rng.choice(["car", "motorcycle"])), x) for x in (-6, -3, 0, 3, 6)]
    actors += [Actor("car", stopping(float(rng.uniform(400, 900)), 100, float(rng.uniform(350, 600)), 6, leave=17), end=22)]
    y = float(rng.uniform(330, 600))
    actors += [Actor("person", through((0, 20, y), (9, 600, y), (20, 620, y), (25, 1270, y), w=20, h=50), end=25)]
    return World(actors, 27, signals=lambda t: {("north", "state"): 2.0})


def told(findings):
    """What was found, without what may differ: kind and main object, and the start."""
    rows = [(f.rule, f.tracks[:1], f.start - T0) for f in findings if isinstance(f, Event) and not f.ongoing]
    rows += [(f.rule, (f.track, f.direction), f.at - T0) for f in findings if isinstance(f, Crossing)]
    return sorted(rows, key=lambda r: (r[0], r[1], r[2]))


@pytest.mark.parametrize("seed", range(8))
def test_every_rate_finds_the_same_events(seed):
    world = clean(seed)
    finest = told(fold(CAMERA, world.scenes(30)))
    assert finest
    for fps in (5, 12.5):
        other = told(fold(CAMERA, world.scenes(fps)))
        assert [r[:2] for r in other] == [r[:2] for r in finest]
        for a, b in zip(other, finest, strict=True):
            assert a[2] == pytest.approx(b[2], abs=1 / fps + 1e-6), a[0]


@pytest.mark.parametrize(("seed", "how"), list(product(range(4), ({"every": 3}, {"every": 10, "confirm": 2}, {"every": 30}))))
def test_every_cut_into_scenes_finds_the_same_events(seed, how):
    world = clean(seed)
    fine, coarse = told(fold(CAMERA, world.scenes(15))), told(fold(CAMERA, world.scenes(15, **how)))
    assert [r[:2] for r in coarse] == [r[:2] for r in fine]
    for a, b in zip(coarse, fine, strict=True):
        assert a[2] == pytest.approx(b[2], abs=1 / 15), a[0]


@pytest.mark.parametrize("seed", range(4))
def test_events_begin_once_end_once_and_keep_their_id(seed):
    found = [f for f in fold(CAMERA, busy(seed).scenes(12.5)) if isinstance(f, Event)]
    begun = [f.id("c") for f in found if f.ongoing]
    over = [f.id("c") for f in found if not f.ongoing]
    assert sorted(begun) == sorted(over)
    assert len(set(begun)) == len(begun)
    for f in found:
        assert f.start <= f.end
        assert all(isinstance(v, float | str | int) for v in f.evidence.values())
        assert json.loads(json.dumps(dict(f.evidence))) == f.evidence


def test_nothing_is_kept_of_tracks_that_have_ended():
    scenes = busy(1).scenes(10)
    rules = RuleFold(CAMERA)
    empty = len(rules.state())
    for scene in scenes:
        rules.step(scene)
    assert len(rules.state()) > 2 * empty
    import dataclasses

    for k in range(1, 40):
        rules.step(dataclasses.replace(scenes[-1], at=scenes[-1].at + k, tracks=(), ended=tuple(range(100)) if k == 1 else ()))
    kept = json.loads(rules.state())
    for state in kept.values():
        assert not state.get("tracks")
        assert not state.get("paths")
        assert not state.get("runs", {}).get("open")
        assert not state.get("runs", {}).get("lost")
        assert not state.get("stays", {}).get("subjects")
        assert not state.get("stays", {}).get("ghosts")


def test_a_state_of_other_rules_is_refused():
    state = RuleFold(CAMERA).state()
    with pytest.raises(Refused, match="other rules"):
        RuleFold(CAMERA.with_rules(RULES[:2])).restore(state)


def test_every_kind_is_in_these_tests():
    assert {r["kind"] for r in RULES} == {"congestion", "illegal_stop", "intrusion", "line_count", "loitering", "speeding", "wrong_way"}
    assert {r["kind"] for r in RULES} <= set(registry.kinds())
