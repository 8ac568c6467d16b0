"""The drill at the front door, and the engine against the truth where sight is perfect, at several frame rates."""

from argparse import Namespace
from io import BytesIO
from pathlib import Path

import pytest

from analytics.camera import Camera
from analytics.errors import Refused
from cluster.settings import Settings
from jobs.drill import START, perfect, render_command, table
from jobs.scoring import Score, Span
from jobs.terminal import Terminal
from models.drill import build
from models.drill.footage import camera_document
from models.drill.observe import observations
from models.drill.truth import facts

SIZE = (960, 540)


@pytest.mark.parametrize(("scene", "seed"), [("street", 5), ("gate", 5), ("jam", 5)])
def test_true_boxes_give_the_true_events_at_every_frame_rate(scene: str, seed: int) -> None:
    world = build(scene, seed, 45.0, SIZE)
    camera = Camera.read(camera_document(world, "c"))
    known = facts(world)
    true = [Span(h.kind, h.zone, h.start, h.end, dict(h.numbers)) for h in known.happenings]
    true += [Span("line_count", f"{p.line} {p.direction}", p.at, p.at) for p in known.passages]
    kinds = sorted({rule.kind for rule in camera.rules})
    found = {fps: perfect(world, camera, fps) for fps in (5.0, 12.5)}
    for fps, spans in found.items():
        score = Score()
        score.add(scene, true, spans, kinds, world.seconds)
        assert all(tally.f1 >= 0.98 for tally in score.kinds.values()), (fps, score.wrong)
        assert all(error < 0.05 for error in score.speed_errors)
    events = {fps: sorted((s.kind, s.zone, s.start) for s in spans if s.kind != "line_count") for fps, spans in found.items()}
    assert [e[:2] for e in events[5.0]] == [e[:2] for e in events[12.5]]
    assert max((abs(a[2] - b[2]) for a, b in zip(*events.values(), strict=True)), default=0) <= 1 / 5.0


def test_perfect_sight_carries_boxes_along_the_truth() -> None:
    from analytics.engine import CameraEngine
    from analytics.fold import RuleFold
    from analytics.tracker import CarryTracker

    world = build("gate", 4, 6.0, SIZE)
    camera = Camera.read(camera_document(world, "c"))
    engine = CameraEngine(CarryTracker(camera.resolution), RuleFold(camera))
    steps = [(o, engine.step(o)) for o in observations(world, 10.0, engine.open_boxes, start=START)]
    assert [round(o.at - START, 3) for o, _ in steps] == [round(i / 10, 3) for i in range(60)]
    followed = [o.carried for o, _ in steps[2:]]
    assert sum(int(c.steps.sum()) for c in followed) >= 0.95 * sum(len(c.steps) for c in followed)
    people = {s.id for t in range(60) for s in world.seen(t / 10) if s.visible > 0.3}
    tracks = {step.track for _, s in steps for step in s.scene.tracks}
    assert len(tracks) <= len(people)


def test_render_command(tmp_path: Path, home: Settings) -> None:
    out = BytesIO()
    given = Namespace(scene="gate", seed=3, seconds=0.4, out=str(tmp_path / "clips"), fps=5.0)
    assert render_command(home, given, Terminal(out, "en")) == 0
    files = [Path(line) for line in out.getvalue().decode().split()]
    assert [f.name for f in files] == ["drill-gate-3.mp4", "drill-gate-3.truth.json", "drill-gate-3.yaml"]
    assert all(f.stat().st_size > 0 for f in files)


def test_an_unknown_scene_is_refused(tmp_path: Path, home: Settings) -> None:
    given = Namespace(scene="strret", seed=3, seconds=1.0, out=str(tmp_path))
    with pytest.raises(Refused, match="there are demo, gate, jam, night, street"):
        render_command(home, given, Terminal(BytesIO(), "en"))


def test_the_table_says_it_all() -> None:
    score = Score()
    score.add("a", [Span("intrusion", "z", 0, 5)], [Span("intrusion", "z", 0, 5)], ["intrusion"], 60)
    result = {"boxes": score.document(), "pixels": score.document(), "detector": {"missing": "no weights"}}
    shown = table(result, "en")
    assert "intrusion" in shown
    assert "1.000" in shown
    assert "no weights" in shown
    assert "từ hình ảnh" in table(result, "vi")
