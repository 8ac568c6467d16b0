"""Reading paths at fixed instants: the same whatever the rate and however the path is cut into steps."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.scene import TrackStep
from analytics.ticks import GAP_S, TICK_S, Trail, as_box, read, trail_of
from tests.analytics.worlds import T0


def step(times, boxes=None):
    times = np.array(times, float)
    if boxes is None:
        boxes = np.stack([10 * times, times, 10 * times + 20, times + 40], 1)
    return TrackStep(1, "car", None, 0.9, T0 + times, np.array(boxes, np.float32))


def in_steps(times, cuts):
    """All instants read when the path is told in pieces."""
    trail, found = None, []
    for a, b in zip([0, *cuts], [*cuts, len(times)], strict=True):
        if a < b:
            s = step(times[a:b])
            found.append(read(trail, s))
            trail = trail_of(s)
    return np.concatenate([f[0] for f in found]) - T0, np.concatenate([f[1] for f in found])


@pytest.mark.parametrize(
    ("label", "times", "instants"),
    [
        ("on the instants", (0, 0.2, 0.4), (0, 0.2, 0.4)),
        ("between them", (0.1, 0.3, 0.5), (0.1, 0.2, 0.4)),
        ("one point", (0.33,), (0.33,)),
        ("far more points than instants", np.arange(0, 0.41, 0.01), (0, 0.2, 0.4)),
        ("a gap that is bridged", (0, 1.9), np.arange(0, 1.81, 0.2)),
        ("a gap that is not", (0, 0.2, 5.1, 5.3), (0, 0.2, 5.1, 5.2)),
    ],
)
def test_instants(label, times, instants):
    got, boxes = read(None, step(times))
    assert got - T0 == pytest.approx(np.array(instants, float), abs=1e-6)
    assert boxes[:, 0] == pytest.approx(10 * (got - T0), abs=1e-4)


@given(st.sets(st.integers(0, 300), min_size=2, max_size=40), st.lists(st.integers(0, 40), max_size=6))
def test_cutting_a_path_into_steps_changes_nothing(points, cuts):
    times = np.array(sorted(points)) / 30
    whole = in_steps(times, [])
    parts = in_steps(times, sorted(min(c, len(times)) for c in cuts))
    assert whole[0].tolist() == parts[0].tolist()
    assert np.abs(whole[1] - parts[1]).max() < 1e-4


@pytest.mark.parametrize("fps", [7.5, 12.5, 25, 30, 60])
def test_rates_agree(fps):
    fine, coarse = (in_steps(np.arange(0, 6, 1 / f), []) for f in (fps, 5))
    count = min(len(fine[0]), len(coarse[0]))
    assert fine[0][:count] == pytest.approx(coarse[0][:count], abs=1e-6)
    assert fine[1][:count] == pytest.approx(coarse[1][:count], abs=1e-3)


def test_nothing_new_is_nothing():
    trail = Trail(at=T0 + 0.25, box=(0, 0, 1, 1))
    times, boxes = read(trail, step([0.3]))
    assert (len(times), boxes.shape) == (0, (0, 4))


def test_constants_make_sense():
    assert TICK_S < GAP_S
    assert as_box(np.array([1, 2, 3, 4], np.float32)) == (1.0, 2.0, 3.0, 4.0)
