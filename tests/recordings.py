"""Observations recorded from real clips, kept as numbers: most tests of tracking and rules need no video and no model.

`python -m tests.recordings` records them again from ../shared with the detector and sight of the day.
"""

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np

from analytics.camera import Camera
from analytics.detections import Detections
from analytics.observation import Carried, Observation, Traces

FOLDER = Path(__file__).parent / "golden"
CLIPS = ("motorway", "suburb", "bend")
SHARED = Path(__file__).resolve().parents[2] / "shared"

LINES: dict[str, dict[str, tuple[list[list[int]], tuple[int, int]]]] = {
    "motorway": {"across": ([[180, 450], [1200, 450]], (11, 11))},
    "suburb": {"across": ([[200, 230], [640, 230]], (8, 8))},
    "bend": {"left": ([[380, 450], [745, 450]], (4, 5)), "right": ([[745, 450], [1120, 450]], (2, 2))},
}
"""Lines and the vehicles that a person counted over them: at least, at most."""
RESOLUTION = {"motorway": (1280, 720), "suburb": (640, 352), "bend": (1280, 720)}


def camera(clip: str, rules: list[dict[str, Any]] | None = None) -> Camera:
    """The clip's camera, counting over its lines, with further rules where they are given."""
    width, height = RESOLUTION[clip]
    counting = [{"kind": "line_count", "line": line, "classes": ["car", "truck", "bus", "motorcycle"]} for line in LINES[clip]]
    return Camera.read(
        {
            "id": clip,
            "resolution": [width, height],
            "zones": {"all": [[0, 0], [width, 0], [width, height], [0, height]]},
            "lines": {line: points for line, (points, _) in LINES[clip].items()},
            "rules": counting + (rules or []),
        }
    )


def load(clip: str) -> list[Observation]:
    """The recorded observations of a clip, in order of time."""
    return [_read(row) for row in json.loads(gzip.decompress((FOLDER / f"{clip}.json.gz").read_bytes()))]


def _read(row: dict[str, Any]) -> Observation:
    found, carried, traces = row["detections"], row["carried"], row["traces"]
    way, back = (len(carried["track"]), len(carried["times"]), 4), (len(traces["index"]), len(traces["times"]), 4)
    return Observation(
        row["at"],
        Detections.of(found["xyxy"], found["confidence"], found["class_id"], found["colour_id"]),
        Carried(
            np.array(carried["track"], np.int64), np.array(carried["times"], np.float64),
            np.array(carried["boxes"], np.float32).reshape(way), np.array(carried["steps"], np.int32),
        ),
        Traces(
            np.array(traces["index"], np.int32), np.array(traces["times"], np.float64),
            np.array(traces["boxes"], np.float32).reshape(back), np.array(traces["since"], np.int32),
        ),
        {("", name): value for name, value in row["signals"].items()},
        row["cut"],
    )  # fmt: skip


def _written(o: Observation) -> dict[str, Any]:
    def plain(part: Any) -> dict[str, Any]:
        # Times stay as they are: a path must end at its observation's own moment.
        places = {n: None if n == "times" else 2 for n in part.__slots__}
        return {n: [round(v, p) if p and isinstance(v, float) else v for v in _flat(getattr(part, n))] for n, p in places.items()}

    row: dict[str, Any] = {"at": o.at, "cut": o.cut, "signals": {name: round(value, 3) for (_, name), value in o.signals.items()}}
    return row | {"detections": plain(o.detections), "carried": plain(o.carried), "traces": plain(o.traces)}


def _flat(values: Any) -> list[Any]:
    return list(np.asarray(values).ravel().tolist())


def main() -> None:
    from analytics.tracker import CarryTracker
    from cluster.video import read
    from models import colours
    from models.backends import Choice
    from models.catalog import resolve
    from models.detector import Detector
    from models.sight import Sight

    cache = Path.home() / ".cache" / "matthan"
    detector = Detector.open(resolve("street", folders=[SHARED / "weights"], cache=cache), Choice("openvino", "f32"), cache=cache)
    FOLDER.mkdir(exist_ok=True)
    for clip in CLIPS:
        tracker = CarryTracker(RESOLUTION[clip])
        sight = Sight(detector, RESOLUTION[clip], colours=colours.names)
        rows = []
        for observation in sight.observe(read(SHARED / "footage" / f"{clip}.mp4"), tracker.open_boxes):
            rows.append(_written(observation))
            # The tracker must see what is kept: sight asks it which boxes to follow, by ids that a replay must come to as well.
            tracker.update(_read(rows[-1]))
        # Without a time stamp in it the same numbers give the same file.
        (FOLDER / f"{clip}.json.gz").write_bytes(gzip.compress(json.dumps(rows, separators=(",", ":")).encode(), mtime=0))


if __name__ == "__main__":
    main()
