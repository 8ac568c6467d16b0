"""Measures the engine alone: tracker and rules over a drill scene's true boxes, no video and no network."""

import json
import time
from argparse import Namespace
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cluster.settings import Settings

if TYPE_CHECKING:
    from jobs.terminal import Terminal

SCENES = ("street", "jam")
SEED, SECONDS, RATE = 7001, 60.0, 2.5
"""`RATE` looks a second is what sight asks of a busy road."""


def command(_: Settings, given: Namespace, terminal: "Terminal") -> int:
    """`matthan bench engine`."""
    told = [measure(scene) for scene in SCENES]
    if given.format == "json":
        terminal.answer(json.dumps(told, indent=1))
        return 0
    terminal.answer(table(told, terminal.language))
    return 0


def table(told: Sequence[Mapping[str, Any]], language: str) -> str:
    """What was measured, for people."""
    en = ("scene", "footage s", "looks", "boxes a look", "rules", "ms a look", "CPU-s an hour")
    vi = ("cảnh", "giây phim", "lần xem", "khung mỗi lần", "luật", "ms mỗi lần", "giây CPU mỗi giờ")
    scene, *others = vi if language == "vi" else en
    rows = [f"{scene:<10}" + "".join(f"{name:>{width}}" for name, width in zip(others, (10, 8, 14, 7, 11, 17), strict=True))]
    for t in told:
        rows.append(
            f"{t['scene']:<10}{t['footage_s']:>10.0f}{t['looks']:>8}{t['boxes_a_look']:>14.1f}{t['rules']:>7}"
            f"{t['ms_a_look']:>11.2f}{t['cpu_s_an_hour']:>17.1f}"
        )
    return "\n".join(rows)


def measure(scene: str, seconds: float = SECONDS, rate: float = RATE) -> dict[str, Any]:
    """CPU time of `CameraEngine.step` over one scene; making the observations is not in it."""
    from analytics.camera import Camera
    from analytics.engine import CameraEngine
    from analytics.fold import RuleFold
    from analytics.tracker import CarryTracker
    from models.drill import build
    from models.drill.footage import camera_document
    from models.drill.observe import observations

    world = build(scene, SEED, seconds)
    camera = Camera.read(camera_document(world, "bench"))
    engine = CameraEngine(CarryTracker(camera.resolution), RuleFold(camera))
    spent, looks, boxes = 0.0, 0, 0
    for observation in observations(world, rate, engine.open_boxes):
        began = time.thread_time()
        engine.step(observation)
        spent += time.thread_time() - began
        looks += 1
        boxes += len(observation.detections or ())
    return {
        "scene": scene,
        "footage_s": seconds,
        "looks": looks,
        "boxes_a_look": boxes / looks,
        "rules": len(camera.rules),
        "ms_a_look": 1000 * spent / looks,
        "cpu_s_an_hour": 3600 * spent / seconds,
    }
