"""The gate: where something moves, what is only light or noise, and when the picture jumps."""

import numpy as np
import pytest

from models.gate import Gate, Motion
from tests.models.pictures import GROUND, Image, Thing, picture, texture

RNG = np.random.default_rng(3)
NOBODY = np.zeros((0, 4), np.float32)


def noisy(luma: Image, sigma: float) -> Image:
    return np.clip(luma + RNG.normal(0, sigma, luma.shape), 0, 255).astype(np.uint8)


def see(pictures: list[Image], fps: float = 15.0) -> list[Motion]:
    gate = Gate()
    return [gate.see(i / fps, p) for i, p in enumerate(pictures)]


@pytest.mark.parametrize(
    ("name", "pictures"),
    [
        ("nothing", [GROUND] * 40),
        ("noise", [noisy(GROUND, 8) for _ in range(40)]),
        ("the sun comes out", [np.clip(GROUND.astype(int) + i, 0, 255).astype(np.uint8) for i in range(40)]),
    ],
)
def test_stillness_is_no_motion(name: str, pictures: list[Image]) -> None:
    assert not any(m.elsewhere(NOBODY) for m in see(pictures)[1:]), name


@pytest.mark.parametrize("fps", [5.0, 15.0, 30.0])
def test_something_that_enters_is_motion_at_any_rate(fps: float) -> None:
    thing = Thing(7, lambda t: (60 + 40 * t, 90), born=2.0)
    moments = np.arange(0, 4, 1 / fps)
    found = [m.elsewhere(NOBODY) for m in see([noisy(picture([thing], t), 3) for t in moments], fps)]
    assert not any(found[1 : int(2 * fps)])
    assert all(found[int(2 * fps) + 1 :])


def test_motion_inside_followed_boxes_is_explained_by_them() -> None:
    thing = Thing(7, lambda t: (100 + 10 * t, 90), born=1.0)
    motions = see([picture([thing], i / 15) for i in range(30)])
    box = np.array([thing.box(29 / 15)], np.float32)
    assert motions[-1].elsewhere(NOBODY)
    # The uncovered ground where it came from is near enough to belong to it.
    assert not motions[16].elsewhere(np.array([thing.box(16 / 15)], np.float32))
    assert motions[-1].elsewhere(box + np.float32([120, 0, 120, 0]))


@pytest.mark.parametrize(
    ("name", "after", "cut"),
    [("another scene", texture(9, 320, 180, 0, 255), True), ("the same scene", GROUND, False), ("lights on", GROUND + 90, False)],
)
def test_cuts(name: str, after: Image, cut: bool) -> None:
    motions = see([GROUND] * 5 + [after] * 2)
    assert [m.cut for m in motions] == [False] * 5 + [cut, False], name


def test_what_stays_becomes_background() -> None:
    thing = Thing(7, lambda _: (100, 90), born=1.0)
    motions = see([picture([thing], i / 15) for i in range(15 * 60)])
    assert motions[30].elsewhere(NOBODY)
    assert not motions[-1].elsewhere(NOBODY)
