"""Chunks seen apart become one camera's tracks: one id an object, no moment told twice, none lost."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.scene import Scene, TrackStep
from analytics.stitch import RECENT_S, Seam, Stitcher

Box = tuple[float, float, float, float]
World = dict[int, tuple[str, float, float, Callable[[float], Box]]]
"""Objects: class, first and last moment, box at a moment."""


def lane(y: float, speed: float, x0: float = 0.0) -> Callable[[float], Box]:
    return lambda t: (x0 + speed * t, y, x0 + speed * t + 40, y + 30)


def seen(world: World, start: float, end: float, every: float = 0.5, hz: float = 10.0, first_id: int = 1) -> list[Scene]:
    """Scenes as a tracker tells them that began at `start`: local ids, confirmed at the second look, ended by `finish`."""
    looks = np.arange(start, end - 1e-9, every)
    ids: dict[int, int] = {}
    told: dict[int, float] = {}
    scenes = []
    for k, at in enumerate(looks):
        steps, gone = [], []
        for n, (name, born, died, box) in world.items():
            if n in told and at > died and told[n] >= 0:
                gone.append(ids[n])
                told[n] = -1.0
            if not born <= at <= died or k == 0 or (n not in told and looks[k - 1] < born):
                continue
            ids.setdefault(n, first_id + len(ids))
            since = told.get(n, max(start, born) - 1e-6)
            times = np.array([t for t in np.arange(start, at + 1e-9, 1 / hz) if since < t <= at])
            if len(times):
                steps.append(TrackStep(ids[n], name, None, 0.8, times, np.array([box(t) for t in times], np.float32)))
                told[n] = float(at)
        scenes.append(Scene(float(at), tuple(steps), tuple(gone)))
    return [*scenes, Scene(end, (), tuple(sorted(ids[n] for n, t in told.items() if t >= 0)))]


def stitched(world: World, edges: list[float], lead: float) -> tuple[list[Scene], Seam]:
    scenes: list[Scene] = []
    seam: Seam | None = None
    for i in range(len(edges) - 1):
        begin = edges[i] - (lead if i else 0.0)
        part, seam = Stitcher(f"sight-{i}", edges[i], seam).stitch(seen(world, begin, edges[i + 1]), edges[i + 1])
        scenes += part
    assert seam is not None
    return scenes, seam


def paths(scenes: list[Scene]) -> dict[int, list[tuple[float, Box]]]:
    out: dict[int, list[tuple[float, Box]]] = {}
    for scene in scenes:
        for step in scene.tracks:
            out.setdefault(step.track, []).extend(zip(step.times.tolist(), map(tuple, step.boxes.tolist()), strict=True))
    return out


TWO_LANES: World = {1: ("car", 0, 60, lane(100, 10)), 2: ("car", 0, 60, lane(200, -8, 600)), 3: ("person", 5, 35, lane(300, 2))}


@pytest.mark.parametrize("edges", [[0, 20, 40, 60], [0, 31.7, 60], [0, 60], [0, 10, 20, 30, 40, 50, 60]], ids=str)
def test_every_object_keeps_one_id_over_all_edges(edges: list[float]) -> None:
    found = paths(stitched(TWO_LANES, edges, 4.0)[0])
    assert len(found) == 3
    for path in found.values():
        times = [t for t, _ in path]
        assert times == sorted(set(times)), "a moment was told twice or out of order"
        assert max(np.diff(times)) < 0.61, "a hole at an edge"


def test_files_that_follow_each_other_without_overlap_are_joined_by_where_tracks_were_going() -> None:
    found = paths(stitched(TWO_LANES, [0, 20, 40], 0.0)[0])
    assert len(found) == 3


@pytest.mark.parametrize(
    ("name", "second", "count"),
    [
        ("goes on", ("car", 0.0, 40.0, lane(100, 10)), 1),
        ("another lane", ("car", 20.0, 40.0, lane(400, 10)), 2),
        ("a person where a car was", ("person", 20.0, 40.0, lane(100, 10)), 2),
        ("too late", ("car", 20.0 + 2 * RECENT_S, 40.0, lane(100, 10)), 2),
    ],
)
def test_only_the_same_object_is_joined(name: str, second: tuple[str, float, float, Callable[[float], Box]], count: int) -> None:
    first: World = {1: ("car", 0.0, 20.0, lane(100, 10))}
    one, seam = Stitcher("a", 0.0, None).stitch(seen(first, 0.0, 20.0), 20.0)
    two, _ = Stitcher("b", 20.0, seam).stitch(seen({7: second}, 20.0, 40.0), 40.0)
    assert len(paths([*one, *two])) == count, name


def test_a_track_still_followed_at_the_end_is_not_ended_and_one_that_does_not_come_back_is() -> None:
    world: World = {1: ("car", 0.0, 60.0, lane(100, 10)), 2: ("car", 0.0, 19.8, lane(300, 10))}
    scenes, seam = stitched(world, [0, 20], 4.0)
    assert [t for s in scenes for t in s.ended] == []
    assert len(seam.tails) == 2
    more, after = Stitcher("next", 20.0, seam).stitch(seen(world, 16.0, 40.0), 40.0)
    car, gone = sorted(seam.tails, key=lambda t: seam.tails[t].boxes[0][1])
    assert [t for s in more for t in s.ended] == [gone]
    assert set(after.tails) == {car}


@pytest.mark.parametrize("died", [15.0, 17.0, 18.6, 19.0, 19.4, 19.8, 20.3])
def test_what_left_about_the_edge_is_told_once(died: float) -> None:
    found = paths(stitched({1: ("car", 0.0, died, lane(100, 10))}, [0, 20, 40], 4.0)[0])
    assert len(found) == 1
    [path] = found.values()
    times = [t for t, _ in path]
    assert times == sorted(set(times))
    assert times[-1] > died - 0.6


def test_a_seam_is_the_same_after_being_written_and_read() -> None:
    _, seam = stitched(TWO_LANES, [0, 20], 4.0)
    assert Seam.model_validate_json(seam.model_dump_json()) == seam


def test_an_empty_chunk_ends_what_was_followed() -> None:
    _, seam = stitched(TWO_LANES, [0, 20], 4.0)
    scenes, after = Stitcher("empty", 20.0, seam).stitch([Scene(40.0)], 40.0)
    assert sorted(t for s in scenes for t in s.ended) == sorted(seam.tails)
    assert after.tails == {}


@settings(max_examples=60, deadline=None)
@given(
    speeds=st.lists(st.floats(-15, 15), min_size=1, max_size=6),
    cuts=st.lists(st.floats(6, 54), min_size=0, max_size=4, unique_by=lambda v: round(v / 6)),
)
def test_wherever_the_cuts_are_there_are_as_many_tracks_as_objects(speeds: list[float], cuts: list[float]) -> None:
    world: World = {i: ("car", 0.0, 60.0, lane(50.0 * i, v, 400)) for i, v in enumerate(speeds)}
    found = paths(stitched(world, [0.0, *sorted(cuts), 60.0], 4.0)[0])
    assert len(found) == len(speeds)
    for path in found.values():
        assert [t for t, _ in path] == sorted({t for t, _ in path})
