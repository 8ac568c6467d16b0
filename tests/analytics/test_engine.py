"""The engine on observations recorded from real clips: counts that a person made, and folds that stop and go on."""

import json
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from analytics.engine import CameraEngine
from analytics.event import Crossing
from analytics.fold import RuleFold
from analytics.records import records_of, scenes_of
from analytics.scene import Scene
from analytics.tracker import CarryTracker
from tests import recordings

BUSY = [
    {"kind": "loitering", "zone": "all", "after_s": 2, "classes": ["car", "person"]},
    {"kind": "illegal_stop", "zone": "all", "after_s": 2},
    {"kind": "wrong_way", "zone": "all", "allowed": [0, -1]},
    {"kind": "intrusion", "zone": "all", "classes": ["car"]},
    {"kind": "congestion", "zone": "all"},
]
"""Rules that find much on the clips, to have something to compare."""


def engine(clip: str, rules: list[dict[str, object]] | None = None) -> CameraEngine:
    camera = recordings.camera(clip, rules)
    return CameraEngine(CarryTracker(camera.resolution), RuleFold(camera))


def plain(findings: list[object]) -> list[str]:
    return [repr(f) for f in findings]


@pytest.mark.parametrize("clip", recordings.CLIPS)
def test_counts_are_a_persons(clip: str) -> None:
    it = engine(clip)
    observations = recordings.load(clip)
    found = [f for o in observations for f in it.step(o).findings] + it.finish(observations[-1].at).findings
    for line, (_, (least, most)) in recordings.LINES[clip].items():
        counted = sum(isinstance(f, Crossing) and f.line == line for f in found)
        assert least - 1 <= counted <= most + 1, f"{clip} {line}: {counted}, a person counted {least} to {most}"


def whole(clip: str) -> tuple[list[str], list[Scene]]:
    it = engine(clip, BUSY)
    found, scenes = [], []
    observations = recordings.load(clip)
    for o in observations:
        step = it.step(o)
        found += plain(step.findings)
        scenes.append(step.scene)
    last = it.finish(observations[-1].at + 0.1)
    return found + plain(last.findings), [*scenes, last.scene]


def step_points(scenes: list[Scene]) -> list[tuple[object, ...]]:
    return [(s.at, t.track, t.object, t.times.tolist(), t.boxes.tolist()) for s in scenes for t in s.tracks]


GO_ON = """
import json, sys
from tests.analytics.test_engine import engine, plain, step_points, BUSY
from tests import recordings
clip, first, last, path = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
it = engine(clip, BUSY)
if first:
    it.restore(tuple(json.load(open(path))))
found, scenes = [], []
observations = recordings.load(clip)
for o in observations[first:last]:
    step = it.step(o)
    found += plain(step.findings)
    scenes.append(step.scene)
if last >= len(observations):
    end = it.finish(observations[-1].at + 0.1)
    found += plain(end.findings)
    scenes.append(end.scene)
with open(path, "w") as file:
    json.dump(it.state(), file)
print(json.dumps([found, step_points(scenes)]))
"""


@pytest.mark.parametrize("clip", recordings.CLIPS)
def test_a_fold_stopped_after_every_chunk_and_gone_on_by_a_fresh_process_is_the_same(clip: str, tmp_path: Path) -> None:
    found, scenes = whole(clip)
    assert len(found) > 5
    count = len(recordings.load(clip))
    edges = [0, count // 4, count // 2, count - 3, count]
    pieces: list[list[object]] = [[], []]
    for first, last in pairwise(edges):
        run = [sys.executable, "-c", GO_ON, clip, str(first), str(last), str(tmp_path / "state.json")]
        out = subprocess.run(run, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
        for all_, part in zip(pieces, json.loads(out.stdout), strict=True):
            all_ += part
    assert pieces[0] == found
    assert pieces[1] == json.loads(json.dumps(step_points(scenes)))


@pytest.mark.parametrize("clip", recordings.CLIPS)
def test_stopping_after_every_single_observation_changes_nothing(clip: str) -> None:
    found, _ = whole(clip)
    again: list[str] = []
    it = engine(clip, BUSY)
    observations = recordings.load(clip)
    for o in observations:
        fresh = engine(clip, BUSY)
        fresh.restore(it.state())
        it = fresh
        again += plain(it.step(o).findings)
    assert again + plain(it.finish(observations[-1].at + 0.1).findings) == found


@pytest.mark.parametrize("clip", recordings.CLIPS)
def test_rules_over_records_find_what_they_found_live(clip: str) -> None:
    found, scenes = whole(clip)
    records = records_of(scenes)
    again = RuleFold(recordings.camera(clip, BUSY))
    read = list(scenes_of(records.points, records.signals))
    assert step_points(read) == step_points(scenes)
    assert plain([f for scene in read for f in again.step(scene)] + again.finish(scenes[-1].at)) == found
