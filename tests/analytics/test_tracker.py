"""The tracker on small observations: births, matches, losses, comings back, and what is told of them."""

import numpy as np
import pytest

from analytics.detections import Detections
from analytics.observation import Carried, Observation, Traces
from analytics.scene import Scene
from analytics.tracker import CarryTracker, TrackerParams

CAR, TRUCK, PERSON = 3, 5, 0
Row = tuple[list[float], float, int]


def look(at: float, *found: Row, carried: Carried | None = None, traces: Traces | None = None, cut: bool = False) -> Observation:
    detections = Detections.of([b for b, _, _ in found], [c for _, c, _ in found], [k for _, _, k in found])
    return Observation(at, detections, carried or Carried.none(), traces or Traces.none(), {}, cut)


def moved(tracker: CarryTracker, at: float, dx: float, since: float, steps: int = 5, lost_after: int | None = None) -> Carried:
    """All open boxes carried by dx in `steps` instants; lost after `lost_after` of them."""
    boxes = tracker.open_boxes()
    times = np.linspace(since, at, steps + 1)[1:]
    shift = np.linspace(0, dx, steps + 1)[1:, None] * np.array([1, 0, 1, 0])
    path = boxes.xyxy[:, None] + shift[None].astype(np.float32)
    held = np.full(len(boxes.track), steps if lost_after is None else lost_after, np.int32)
    return Carried(boxes.track, times, path.astype(np.float32), held)


def at(x: float, y: float = 100.0, w: float = 60.0, h: float = 40.0) -> list[float]:
    return [x, y, x + w, y + h]


def drive(tracker: CarryTracker, places: list[tuple[float, float, Row | None]], since: float = 0.0) -> list[Scene]:
    """Looks at (moment, how far the flow carried since the last look, what was found)."""
    scenes, last = [], since
    for moment, dx, row in places:
        rows = () if row is None else (row,)
        scenes.append(tracker.update(look(moment, *rows, carried=moved(tracker, moment, dx, last))))
        last = moment
    return scenes


def new() -> CarryTracker:
    return CarryTracker((1000, 500))


def ids(scenes: list[Scene]) -> set[int]:
    return {s.track for scene in scenes for s in scene.tracks}


def test_a_track_is_told_from_its_second_detection_on_with_its_first_place() -> None:
    scenes = drive(new(), [(0.0, 0, (at(0), 0.8, CAR)), (0.5, 20, (at(20), 0.8, CAR))])
    assert scenes[0].tracks == ()
    step = scenes[1].tracks[0]
    assert step.object == "car"
    assert step.times[0] == 0.0
    assert step.times[-1] == 0.5
    assert step.boxes[0].tolist() == at(0)
    assert step.boxes[-1] == pytest.approx(at(20), abs=0.1)
    assert len(step.times) == 6


@pytest.mark.parametrize(
    ("name", "rows", "tracks"),
    [
        ("weak from the start", [(at(0), 0.15, CAR)] * 4, 0),
        ("below birth", [(at(0), 0.28, CAR)] * 4, 0),
        ("seen once", [(at(0), 0.9, CAR), None, None, None], 0),
        ("weak later on", [(at(0), 0.9, CAR), (at(0), 0.9, CAR), (at(0), 0.12, CAR), (at(0), 0.12, CAR)], 1),
        ("class wavers", [(at(0), 0.9, CAR), (at(0), 0.5, TRUCK), (at(0), 0.9, CAR), (at(0), 0.6, TRUCK)], 1),
        ("person, then car", [(at(0), 0.9, PERSON), (at(0), 0.9, PERSON), (at(0), 0.9, CAR), (at(0), 0.9, CAR)], 2),
        ("missed once", [(at(0), 0.9, CAR), (at(0), 0.9, CAR), None, (at(0), 0.9, CAR)], 1),
    ],
)
def test_births(name: str, rows: list[Row | None], tracks: int) -> None:
    scenes = drive(new(), [(0.5 * i, 0.0, row) for i, row in enumerate(rows)])
    assert len(ids(scenes)) == tracks, name


def test_a_path_bends_so_that_it_ends_where_the_detection_is() -> None:
    tracker = new()
    drive(tracker, [(0.0, 0, (at(0), 0.8, CAR)), (0.5, 20, (at(20), 0.8, CAR))])
    scene = tracker.update(look(1.0, (at(50), 0.8, CAR), carried=moved(tracker, 1.0, 20, 0.5)))
    path = scene.tracks[0].boxes[:, 0]
    trust = TrackerParams().trust
    assert path[-1] == pytest.approx(40 + trust * 10, abs=0.1)
    assert (np.diff(path) > 0).all()
    assert path[0] == pytest.approx(20 + 4 + trust * 10 / 5, abs=0.1)


def test_a_lost_box_is_found_again_near_where_it_was_going() -> None:
    tracker = new()
    drive(tracker, [(0.0, 0, (at(100), 0.8, CAR)), (0.5, 50, (at(150), 0.8, CAR)), (1.0, 50, (at(200), 0.8, CAR))])
    tracker.update(look(1.5, carried=moved(tracker, 1.5, 0, 1.0, lost_after=0)))
    scene = tracker.update(look(2.0, (at(300), 0.8, CAR), carried=moved(tracker, 2.0, 0, 1.5, lost_after=0)))
    assert [s.track for s in scene.tracks] == [1]
    assert scene.tracks[0].times.tolist() == [2.0], "nothing is told of what was not seen"


def walked(tracker: CarryTracker, at: float, since: float, dx: dict[int, float], steps: int = 5) -> Carried:
    """Open boxes carried by the flow, each track by its own dx."""
    boxes = tracker.open_boxes()
    times = np.linspace(since, at, steps + 1)[1:]
    far = np.array([dx[int(t)] for t in boxes.track])[:, None, None] * np.array([1, 0, 1, 0])
    path = boxes.xyxy[:, None] + far * np.linspace(0, 1, steps + 1)[1:][None, :, None]
    return Carried(boxes.track, times, path.astype(np.float32), np.full(len(boxes.track), steps, np.int32))


@pytest.mark.parametrize("flow", [0.0, 12.0, -40.0], ids=["held by the ground", "half held", "taken along by another"])
def test_who_walks_on_is_the_same_though_the_flow_went_elsewhere(flow: float) -> None:
    tracker = new()
    body = {"w": 25.0, "h": 70.0}
    drive(tracker, [(0.5 * i, 30.0, (at(100 + 30 * i, **body), 0.8, PERSON)) for i in range(3)])
    scene = tracker.update(look(1.5, (at(190, **body), 0.8, PERSON), carried=walked(tracker, 1.5, 1.0, {1: flow})))
    [step] = scene.tracks
    assert step.track == 1
    assert step.boxes[:, 0] == pytest.approx(np.interp(step.times, [1.0, 1.5], [160, 190]), abs=2), "a straight way, not the flow's"


def test_two_who_pass_each_other_keep_their_names() -> None:
    """The flow takes the one behind along with the one in front, and the detector sees one of them for a look."""
    tracker = new()
    body = {"w": 25.0, "h": 70.0}

    def both(i: int) -> tuple[Row, Row]:
        return (at(100 + 30 * i, **body), 0.8, PERSON), (at(280 - 30 * i, **body), 0.9, PERSON)

    left, right = 1, 2  # the surer is the first
    for i in range(3):
        tracker.update(look(0.5 * i, *both(i), carried=walked(tracker, 0.5 * i, 0.5 * i - 0.5, {right: 30, left: -30})))
    tracker.update(look(1.5, both(3)[1], carried=walked(tracker, 1.5, 1.0, {right: 30, left: -30})))
    scene = tracker.update(look(2.0, *both(4), carried=walked(tracker, 2.0, 1.5, {right: -30, left: -30})))
    ends = {s.track: float(s.boxes[-1][0]) for s in scene.tracks}
    assert ends[right] == pytest.approx(220, abs=4)
    assert ends[left] == pytest.approx(160, abs=4)


def test_who_turns_is_where_the_flow_says_not_where_its_pace_would_have_brought_it() -> None:
    tracker = new()
    drive(tracker, [(0.5 * i, 20.0, (at(100 + 20 * i), 0.8, CAR)) for i in range(3)])
    scene = tracker.update(look(1.5, (at(124), 0.8, CAR), carried=walked(tracker, 1.5, 1.0, {1: -16})))
    assert scene.tracks[0].track == 1
    assert (np.diff(scene.tracks[0].boxes[:, 0]) < 0).all()


@pytest.mark.parametrize(("gap_s", "lives"), [(0.9, True), (1.1, True), (1.5, False), (3.0, False)])
def test_an_unseen_moving_track_ends_after_its_time_whatever_the_rate_of_looks(gap_s: float, lives: bool) -> None:
    for every in (0.1, 0.3, 0.5):
        tracker = new()
        drive(tracker, [(0.0, 0, (at(100), 0.8, CAR)), (0.5, 50, (at(150), 0.8, CAR))])
        last, ended = 0.5, []
        while last < 0.5 + gap_s - 1e-9:
            now = min(last + every, 0.5 + gap_s)
            ended += tracker.update(look(now, carried=moved(tracker, now, 100 * (now - last), last))).ended
            last = now
        assert (ended == []) == lives, every


def test_what_stands_still_and_is_held_by_the_flow_is_kept_longer() -> None:
    tracker = new()
    drive(tracker, [(0.0, 0, (at(100), 0.8, CAR)), (0.5, 0, (at(100), 0.8, CAR)), (2.0, 0, None)])
    assert len(tracker.open_boxes().track) == 1
    scene = tracker.update(look(3.0, (at(100), 0.8, CAR), carried=moved(tracker, 3.0, 0, 2.0)))
    assert scene.tracks[0].track == 1


def test_the_unproven_end_is_told_where_the_box_left_the_picture_and_nowhere_else() -> None:
    for x, told in ((900.0, True), (400.0, False)):
        tracker = new()
        drive(tracker, [(0.0, 0, (at(x), 0.8, CAR)), (0.5, 10, (at(x + 10), 0.8, CAR))])
        scenes = [tracker.update(look(1.0, carried=moved(tracker, 1.0, 60, 0.5))), tracker.finish(1.0)]
        steps = [s for scene in scenes for s in scene.tracks]
        assert bool(steps) == told
        assert sorted(t for s in scenes for t in s.ended) == [1]


def test_a_box_that_the_flow_leaves_at_the_edge_is_not_told_as_standing_there() -> None:
    away = [(0.0, 0, (at(880), 0.8, CAR)), (0.5, 30, (at(910), 0.8, CAR)), (1.0, 30, (at(940), 0.8, CAR)), (1.5, 15, None)]
    scenes = drive(new(), [*away, *((1.5 + 0.5 * i, 0.0, None) for i in range(1, 60))])
    told = [t for scene in scenes for step in scene.tracks for t in step.times.tolist()]
    assert any(scene.ended for scene in scenes)
    assert 1.5 <= max(told) <= 1.7


@pytest.mark.parametrize(
    ("name", "confidence", "speed", "told_at"),
    [
        ("seen coming: one look is enough", 0.8, 100.0, 1.0),
        ("unsure: a second look", 0.4, 100.0, 1.5),
        ("stood there: a second look", 0.8, 5.0, 1.5),
    ],
)
def test_a_new_detection_brings_the_way_it_came(name: str, confidence: float, speed: float, told_at: float) -> None:
    tracker = new()
    back = np.linspace(0.4, 0.9, 6)
    boxes = np.array([[at(100 + speed * t) for t in back]], np.float32)
    traces = Traces(np.array([0], np.int32), back, boxes, np.array([2], np.int32))
    scenes = [tracker.update(look(1.0, (at(100 + speed), confidence, CAR), traces=traces))]
    second = (at(100 + 1.5 * speed), confidence, CAR)
    scenes.append(tracker.update(look(1.5, second, carried=moved(tracker, 1.5, speed / 2, 1.0))))
    first = next(scene for scene in scenes if scene.tracks)
    assert first.at == told_at, name
    assert first.tracks[0].times[0] == pytest.approx(0.6)
    assert (np.diff(first.tracks[0].times) > 0).all()


def test_one_object_reported_twice_is_one_track() -> None:
    tracker = new()
    rows: tuple[Row, Row] = ((at(100), 0.8, CAR), ([102.0, 101, 161, 139], 0.6, TRUCK))
    tracker.update(look(0.0, *rows))
    scene = tracker.update(look(0.5, *rows, carried=moved(tracker, 0.5, 0, 0.0)))
    assert len(scene.tracks) == 1


def test_a_rider_and_the_motorcycle_are_two() -> None:
    tracker = new()
    rows: tuple[Row, Row] = ((at(100), 0.8, 2), ([105.0, 60, 150, 130], 0.7, PERSON))
    tracker.update(look(0.0, *rows))
    scene = tracker.update(look(0.5, *rows, carried=moved(tracker, 0.5, 0, 0.0)))
    assert sorted(s.object for s in scene.tracks) == ["motorcycle", "person"]


def test_nothing_goes_on_over_a_cut() -> None:
    tracker = new()
    drive(tracker, [(0.0, 0, (at(100), 0.8, CAR)), (0.5, 0, (at(100), 0.8, CAR))])
    scene = tracker.update(look(1.0, (at(100), 0.8, CAR), cut=True))
    assert scene.ended == (1,)
    assert tracker.open_boxes().track.tolist() == [2]


def test_a_fresh_tracker_goes_on_from_written_state() -> None:
    one = new()
    drive(one, [(0.0, 0, (at(100), 0.8, CAR)), (0.5, 20, (at(120), 0.8, CAR))])
    two = new()
    two.restore(one.state())
    assert two.state() == one.state()
    results = [t.update(look(1.0, (at(140), 0.8, CAR), carried=moved(t, 1.0, 20, 0.5))) for t in (one, two)]
    assert results[0].tracks[0].boxes.tolist() == results[1].tracks[0].boxes.tolist()
    assert one.state() == two.state()
