"""Measures the engine alone: tracker and rules over a drill scene's true boxes, no video and no network."""

import json
import time
from argparse import Namespace
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
    rows = [f"{'scene':<10}{'footage s':>10}{'looks':>8}{'boxes a look':>14}{'rules':>7}{'ms a look':>11}{'CPU-s an hour':>15}"]
    for t in told:
        rows.append(
            f"{t['scene']:<10}{t['footage_s']:>10.0f}{t['looks']:>8}{t['boxes_a_look']:>14.1f}{t['rules']:>7}"
            f"{t['ms_a_look']:>11.2f}{t['cpu_s_an_hour']:>15.1f}"
        )
    terminal.answer("\n".join(rows))
    return 0


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
