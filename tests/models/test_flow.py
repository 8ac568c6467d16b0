"""Flow on pictures whose motion is known."""

from collections.abc import Callable

import numpy as np
import pytest

from models.flow import Flow, FlowParams
from tests.models.pictures import H, Thing, W, picture, texture

STEP = 1 / 15


def follow(things: list[Thing], until: float, velocity: np.ndarray | None = None, step: float = STEP) -> Flow:
    flow = Flow()
    flow.add(0.0, picture(things, 0.0))
    flow.follow(np.array([t.box(0.0) for t in things], np.float32), velocity)
    for i in range(1, round(until / step) + 1):
        flow.add(i * step, picture(things, i * step))
    return flow


@pytest.mark.parametrize(
    ("name", "place", "size"),
    [
        ("still", lambda t: (160, 90), lambda t: 36),
        ("slow", lambda t: (100 + 4 * t, 90), lambda t: 36),
        ("fast", lambda t: (40 + 110 * t, 60 + 20 * t), lambda t: 36),
        ("subpixel", lambda t: (100.3 + 1.7 * t, 80.6), lambda t: 30),
        ("coming nearer", lambda t: (160, 60 + 20 * t), lambda t: 30 * 1.35**t),
        ("going away", lambda t: (160, 120 - 20 * t), lambda t: 50 / 1.35**t),
    ],
)
def test_boxes_go_where_the_picture_goes(name: str, place: Callable[[float], tuple[float, float]], size: Callable[[float], float]) -> None:
    thing = Thing(7, place, size)
    flow = follow([thing], 1.5)
    assert flow.alive.all(), name
    assert flow.boxes[0] == pytest.approx(thing.box(1.5), abs=4.0), name


def test_a_leap_is_followed_where_the_velocity_is_known() -> None:
    thing = Thing(7, lambda t: (20 + 300 * t, 90))
    told = follow([thing], 0.8, np.array([[300.0, 0.0]], np.float32), step=0.1)
    assert told.alive.all()
    assert told.boxes[0] == pytest.approx(thing.box(0.8), abs=3.0)


def test_what_vanishes_is_lost_and_the_others_are_not() -> None:
    things = [Thing(7, lambda t: (60 + 30 * t, 60)), Thing(8, lambda t: (200, 130), died=0.7)]
    flow = follow(things, 1.0)
    assert flow.alive.tolist() == [True, False]
    assert flow.boxes[0] == pytest.approx(things[0].box(1.0), abs=1.5)


def test_what_leaves_the_picture_is_lost() -> None:
    assert follow([Thing(7, lambda t: (W - 30 + 60 * t, 90))], 1.5).alive.tolist() == [False]


def test_a_box_without_texture_or_smaller_than_four_pixels_cannot_be_followed() -> None:
    flow = Flow()
    flow.add(0.0, np.full((H, W), 128, np.uint8))
    flow.follow(np.array([[10, 10, 60, 60], [100, 100, 103, 103]], np.float32))
    assert flow.alive.tolist() == [False, False]
    flow.add(0.1, np.full((H, W), 128, np.uint8))
    assert flow.boxes[0].tolist() == [10, 10, 60, 60]


def test_a_new_box_is_traced_back_along_its_way_and_no_further_than_it_was_there() -> None:
    things = [Thing(7, lambda t: (60 + 80 * t, 60)), Thing(8, lambda t: (220, 130), born=0.8)]
    flow = Flow()
    for i in range(16):
        flow.add(i * STEP, picture(things, i * STEP))
    now = 15 * STEP
    times, paths, since = flow.trace_back(np.array([t.box(now) for t in things], np.float32))
    back_s = FlowParams().back_s
    assert times[0] == pytest.approx(now - back_s, abs=STEP)
    assert since[0] == 0
    for j, t in enumerate(times):
        assert paths[0, j] == pytest.approx(things[0].box(t), abs=2.0)
    assert times[since[1]] >= 0.8 - STEP
    assert flow.came[0] == pytest.approx([80, 0], abs=8)


@pytest.mark.parametrize(("pictures", "box"), [(2, (140, 70, 176, 106)), (6, (140, 70, 143, 73))], ids=["no picture before", "no corners"])
def test_every_box_that_is_traced_back_has_a_velocity_whether_it_was_found_before_or_not(pictures: int, box: tuple[int, ...]) -> None:
    flow = Flow()
    for i in range(pictures):
        flow.add(i * STEP, picture([Thing(7, lambda t: (160, 90))], i * STEP))
    flow.trace_back(np.array([box, box], np.float32))
    assert flow.came.tolist() == [[0, 0], [0, 0]]


def test_only_the_last_pictures_are_kept() -> None:
    flow = Flow()
    for i in range(100):
        flow.add(i * STEP, texture(i, W, H))
    assert len(flow.kept) <= FlowParams().back_s / STEP + 2
