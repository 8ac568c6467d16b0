"""Sight: when it looks, what it carries, with a detector that tells the truth."""

from collections.abc import Iterator

import numpy as np
import pytest

from analytics.observation import Observation
from analytics.tracker import CarryTracker
from models.sight import Sight, SightParams
from tests.models.pictures import H, Shot, Thing, TrueDetector, W, picture, texture


def watch(
    things: list[Thing],
    seconds: float,
    fps: float = 30.0,
    params: SightParams | None = None,
    noise: float = 0.0,
    cut_at: float | None = None,
    resolution: tuple[int, int] = (W, H),
) -> tuple[list[Observation], dict[int, list[tuple[float, list[float]]]], TrueDetector]:
    """Observations and the tracks' paths of a little film."""
    now = [0.0]
    detector = TrueDetector(things, lambda: now[0], noise)
    sight = Sight(detector, resolution, params)
    tracker = CarryTracker(resolution)
    other = texture(99, W, H, 0, 255)

    def frames() -> Iterator[Shot]:
        for i in range(round(seconds * fps)):
            now[0] = i / fps
            yield Shot(now[0], picture(things, now[0], *([other] if cut_at is not None and now[0] >= cut_at else [])))

    seen, paths = [], {}
    for observation in sight.observe(frames(), tracker.open_boxes):
        seen.append(observation)
        for step in tracker.update(observation).tracks:
            paths.setdefault(step.track, []).extend(zip(step.times.tolist(), step.boxes.tolist(), strict=True))
    return seen, paths, detector


MOVER = Thing(7, lambda t: (30 + 50 * t, 90))


@pytest.mark.parametrize("fps", [10.0, 15.0, 30.0])
def test_few_looks_and_a_dense_true_path(fps: float) -> None:
    _, paths, detector = watch([MOVER], 4.0, fps, noise=1.0)
    p = SightParams()
    assert len(detector.asked) <= 4.0 / p.busy_s + 3
    assert min(np.diff(detector.asked)) >= p.lost_s - 0.02
    (path,) = paths.values()
    times = [t for t, _ in path]
    assert times == sorted(set(times))
    assert max(np.diff(times)) <= 1 / min(fps, p.flow.max_hz) + 0.04
    for t, box in path:
        assert box == pytest.approx(MOVER.box(t), abs=4.0), t


def test_nothing_moves_and_nothing_is_followed_so_the_detector_sleeps() -> None:
    _, _, detector = watch([], 9.5)
    assert detector.asked == [0.0]


def test_what_stands_is_looked_at_seldom() -> None:
    _, _, detector = watch([Thing(7, lambda _: (100, 90))], 12.0)
    assert len(detector.asked) <= 3 + 12.0 / SightParams().calm_s + 2


def test_what_enters_an_empty_scene_is_seen_at_once_and_its_entry_is_told() -> None:
    thing = Thing(7, lambda t: (40 + 60 * (t - 3), 90), born=3.0)
    _, paths, detector = watch([thing], 6.0)
    woken = next(t for t in detector.asked if t > 0.5)
    assert 3.0 <= woken <= 3.0 + SightParams().busy_s
    assert next(iter(paths.values()))[0][0] == pytest.approx(3.0, abs=0.15)


def test_a_fixed_rate_looks_at_that_rate() -> None:
    _, _, detector = watch([MOVER], 4.0, params=SightParams(fps=5.0))
    assert np.diff(detector.asked) == pytest.approx(0.2, abs=0.07)


def test_a_cut_is_said_and_nothing_is_carried_over_it() -> None:
    seen, paths, _ = watch([Thing(7, lambda t: (60 + 20 * t, 90))], 4.0, cut_at=2.0)
    cuts = [o for o in seen if o.cut]
    assert [round(o.at, 1) for o in cuts] == [2.0]
    assert len(cuts[0].carried.track) == 0
    assert len(paths) == 2


def test_boxes_are_in_the_cameras_pixels_whatever_the_video_has() -> None:
    _, paths, _ = watch([MOVER], 3.0, resolution=(4 * W, 2 * H))
    (path,) = paths.values()
    for t, box in path:
        x1, y1, x2, y2 = MOVER.box(t)
        assert box == pytest.approx([4 * x1, 2 * y1, 4 * x2, 2 * y2], abs=10.0)


def test_every_observation_says_how_bright_the_picture_is() -> None:
    seen, _, _ = watch([MOVER], 1.0)
    assert all(80 < o.signals[("", "brightness")] < 160 for o in seen)


def test_no_frames_no_observations() -> None:
    assert watch([], 0.0)[0] == []
