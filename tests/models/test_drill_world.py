"""The drill's world: made anew it is the same, at any frame rate it is the same, and its boxes are where the pixels are."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.ground import Plane
from models.drill import build, scenes
from models.drill.paint import draw
from models.drill.view import View
from models.drill.world import World

SIZE = (640, 360)


@pytest.fixture(scope="module")
def worlds() -> dict[str, World]:
    return {scene: build(scene, 3, 24.0, SIZE) for scene in scenes()}


def whereabouts(world: World, t: float) -> list[tuple[object, ...]]:
    return [(s.id, s.object, s.colour, s.box, s.visible) for s in world.seen(t)]


@pytest.mark.parametrize("scene", ["street", "gate", "jam", "night", "demo"])
def test_a_seed_makes_the_same_world_again_and_another_seed_another(scene: str, worlds: dict[str, World]) -> None:
    again, other = build(scene, 3, 24.0, SIZE), build(scene, 4, 24.0, SIZE)
    assert whereabouts(again, 7.3) == whereabouts(worlds[scene], 7.3)
    assert again.camera == worlds[scene].camera
    assert whereabouts(other, 7.3) != whereabouts(worlds[scene], 7.3)


def test_there_is_no_such_scene() -> None:
    with pytest.raises(ValueError, match="there are demo, gate, jam, night, street"):
        build("beach", 1, 10.0)


@pytest.mark.parametrize("scene", ["street", "gate"])
def test_every_frame_rate_samples_one_world(scene: str, worlds: dict[str, World]) -> None:
    """Between two pictures at 5 a second lies what 12.5 and 30 see: no jump, and the same boxes at common times."""
    world = worlds[scene]
    assert whereabouts(world, 12 / 30) == whereabouts(world, 5 / 12.5) == whereabouts(world, 2 / 5)
    for actor in world.actors:
        fine = np.arange(max(actor.motion.start_s, 0), min(actor.motion.end_s, 24), 1 / 90)
        places = np.array([actor.motion.at(float(t))[:2] for t in fine if actor.motion.at(float(t)) is not None])  # type: ignore[index]
        if len(places) > 2:
            assert np.linalg.norm(np.diff(places, axis=0), axis=1).max() * 90 < 25  # m/s


@settings(max_examples=40, deadline=None)
@given(
    x=st.floats(-15, 15), y=st.floats(4, 80), height=st.floats(3, 12), yaw=st.floats(-20, 20), pitch=st.floats(8, 30), fov=st.floats(40, 80)
)  # fmt: skip
def test_the_homography_is_exact(x: float, y: float, height: float, yaw: float, pitch: float, fov: float) -> None:
    view = View(SIZE, (1.0, -6.0, height), yaw, pitch, fov)
    if view.camera_points(np.array([[x, y, 0.0]]))[0, 2] < 0.5:
        return
    pixel = view.ground_pixels(np.array([[x, y]]))
    through = view.homography @ [x, y, 1]
    assert np.allclose(pixel[0], through[:2] / through[2], atol=1e-6)
    assert np.allclose(view.ground_at(pixel)[0], [x, y], atol=1e-5)


@pytest.mark.parametrize("scene", ["street", "gate", "jam"])
def test_the_camera_files_ground_points_give_that_homography(scene: str, worlds: dict[str, World]) -> None:
    world = worlds[scene]
    ground = world.camera["ground"]
    plane = Plane.fit(ground["image"], ground["metres"])
    places = np.array([[1.0, 12.0], [-3.0, 20.0], [4.0, 9.0]])
    assert np.allclose(plane.to_metres(world.view.ground_pixels(places)), places, atol=0.02)


@pytest.mark.parametrize("scene", ["street", "gate", "jam"])
def test_zones_and_lines_lie_in_the_picture(scene: str) -> None:
    for seed in range(5):
        world = build(scene, seed, 1.0, SIZE)
        for name, points in (*world.camera["zones"].items(), *world.camera["lines"].items()):
            low, high = np.min(points, axis=0), np.max(points, axis=0)
            assert (low >= -0.5).all(), (scene, seed, name)
            assert (high <= np.array(SIZE) + 0.5).all(), (scene, seed, name)


@pytest.mark.parametrize(("scene", "t"), [("street", 9.0), ("gate", 11.0), ("jam", 15.0)])
def test_boxes_are_where_the_pixels_are(scene: str, t: float, worlds: dict[str, World]) -> None:
    world = worlds[scene]
    checked = 0
    for actor in world.actors:
        vertices = actor.vertices(t)
        seen = [s for s in world.seen(t) if actor.id <= s.id <= actor.id + actor.riders]
        if vertices is None or not seen:
            continue
        canvas = np.full((SIZE[1], SIZE[0], 3), 255, np.uint8)
        draw(canvas, vertices, actor.mesh, actor.palette, world.view, world.light)
        mask = (canvas < 250).any(axis=2)
        if not mask.any():
            continue
        boxes = np.array([s.box for s in seen])
        wanted = np.concatenate([boxes[:, :2].min(0), boxes[:, 2:].max(0)])
        ys, xs = np.nonzero(mask)
        drawn = np.array([xs.min(), ys.min(), xs.max() + 1, ys.max() + 1])
        near = 6.0 if any(s.cut for s in seen) else 2.0  # where the picture cuts an outline, its convex hull may be wider
        assert np.abs(drawn - wanted).max() <= near, (actor.object, actor.shape, drawn, wanted)
        checked += 1
    assert checked >= 4


def test_what_stands_behind_is_less_visible(worlds: dict[str, World]) -> None:
    fractions = [s.visible for t in (5.0, 12.0, 20.0) for s in worlds["jam"].seen(t)]
    assert min(fractions) < 0.6
    assert max(fractions) == 1.0
    assert all(0 <= f <= 1 for f in fractions)


def test_nobody_has_another_s_number(worlds: dict[str, World]) -> None:
    for scene, world in worlds.items():
        numbers = [a.id + group for a in world.actors for group in range(1 + a.riders)]
        assert len(numbers) == len(set(numbers)), scene


def test_vehicles_do_not_drive_through_one_another(worlds: dict[str, World]) -> None:
    for scene in ("street", "jam"):
        wheels = [a for a in worlds[scene].actors if a.object in ("car", "truck", "bus")]
        for t in np.arange(0, 24, 1.0):
            here = [(a, s) for a in wheels if (s := a.motion.at(float(t))) is not None]
            for i, (a, p) in enumerate(here):
                for b, q in here[i + 1 :]:
                    ahead = np.array([np.cos(p[2]), np.sin(p[2])])
                    gap = np.array([q[0] - p[0], q[1] - p[1]])
                    along, aside = abs(gap @ ahead), abs(gap @ [-ahead[1], ahead[0]])
                    assert along > (a.radius + b.radius) * 0.9 or aside > 1.5, (scene, t, a.shape, b.shape)
