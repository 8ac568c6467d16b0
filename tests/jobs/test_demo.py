"""The demo's table: what was found beside the truth of a rendered scene."""

import json
from pathlib import Path

import pytest

from cluster.settings import Settings
from jobs import demo
from models.drill.footage import Rendered
from tests.chronicle import T0


def test_what_was_found_beside_the_truth(watched: Settings, tmp_path: Path) -> None:
    boxes = [{"track": 1, "object": "motorcycle", "visible": 1.0}, {"track": 2, "object": "person", "visible": 0.2}]
    event = {"kind": "wrong_way", "start": 0.4, "end": 3.4, "zone": "road", "track": 1, "object": "motorcycle", "numbers": {}}
    truth = {
        "fps": 10,
        "frames": [{"at": i / 10, "boxes": boxes} for i in range(40)],
        "events": [event, event | {"kind": "speeding"}],
        "crossings": [{"line": "across", "at": 2.0, "track": 1, "object": "motorcycle", "direction": "in"}] * 2,
    }
    (tmp_path / "truth.json").write_text(json.dumps(truth), encoding="utf-8")
    clip = Rendered("demo", 7, "gate", tmp_path / "a.mp4", tmp_path / "truth.json", tmp_path / "gate.yaml")
    rows = {row.what: (row.true, row.found, row.right) for row in demo.compare(watched, clip, T0)}
    assert rows == {
        "motorcycle": (1, 1, None),
        "over line across, in": (2, 1, None),
        "congestion": (0, 1, 0),
        "speeding": (1, 0, 0),
        "wrong way": (1, 1, 1),
    }


def test_its_home_is_its_own(home: Settings) -> None:
    own = demo.demo_settings(home)
    assert own.home == home.home / "demo"
    assert Path(own.store).is_relative_to(own.home)
    assert own.cameras.is_relative_to(own.home)


@pytest.mark.parametrize("n", [0, 1, 9])
def test_moments_are_few(n: int) -> None:
    spans = [demo.Span("k", "", float(i), i + 1.0) for i in range(n)]
    assert demo._moments(spans).count("s") == min(n, 4)
