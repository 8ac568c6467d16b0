"""The bench: what it calls agreement, what it chooses, and that it remembers."""

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from analytics.detections import Detections
from analytics.errors import Refused
from models.backends import Choice
from models.bench import EVIDENCE, Measured, agreement, bench, choose, fastest
from models.catalog import Weights
from models.detector import default_choice

A, NEAR_A, B = (0, 0, 10, 10), (1, 0, 11, 10), (50, 50, 60, 60)


def found(*boxes: tuple[tuple[int, ...], float, int]) -> Detections:
    return Detections.of([box for box, _, _ in boxes], [c for _, c, _ in boxes], [i for _, _, i in boxes])


@pytest.mark.parametrize(
    ("truth", "given", "recall", "precision"),
    [
        pytest.param(found((A, 0.9, 3)), found((NEAR_A, 0.8, 3)), 1.0, 1.0, id="nearly the same box"),
        pytest.param(found((A, 0.9, 3)), found((NEAR_A, 0.8, 5)), 0.0, 0.0, id="another class"),
        pytest.param(found((A, 0.9, 3), (B, 0.9, 3)), found((A, 0.8, 3)), 0.5, 1.0, id="one lost"),
        pytest.param(found((A, 0.9, 3)), found((A, 0.8, 3), (B, 0.4, 3)), 1.0, 0.5, id="one invented"),
        pytest.param(found((A, 0.31, 3)), found((A, 0.25, 3)), 1.0, 1.0, id="one at the threshold is not lost"),
        pytest.param(found((A, 0.25, 3)), found(), 1.0, 1.0, id="one that is not sure need not be found"),
        pytest.param(found((A, 0.9, 3)), found((A, 0.8, 3), (NEAR_A, 0.8, 3)), 1.0, 0.5, id="two for one"),
        pytest.param(found(), found(), 1.0, 1.0, id="nothing there"),
    ],
)
def test_agreement(truth: Detections, given: Detections, recall: float, precision: float) -> None:
    assert agreement([truth], [given]) == (recall, precision)


def measured(precision: str, cpu_ms: float, agrees: float, boxes: int = 100) -> Measured:
    return Measured(Choice("openvino", precision), cpu_ms, cpu_ms, agrees, 1.0, boxes, 0.0)


@pytest.mark.parametrize(
    ("rows", "chosen"),
    [
        pytest.param([("f32", 50, 1.0), ("bf16", 15, 0.98), ("int8", 20, 0.98)], "bf16", id="the least CPU time"),
        pytest.param([("f32", 50, 1.0), ("bf16", 30, 0.98), ("int8", 20, 0.98)], "int8", id="int8 where it is fastest"),
        pytest.param([("f32", 50, 1.0), ("bf16", 30, 0.98), ("int8", 20, 0.9)], "bf16", id="unless it disagrees"),
        pytest.param([("f32", 50, 1.0), ("bf16", 30, 0.98), ("int8", 20, 1.0, EVIDENCE - 1)], "bf16", id="or little was there to see"),
        pytest.param([("f32", 50, 1.0), ("bf16", 15, 0.95, 20)], "bf16", id="one box of twenty may be chance"),
        pytest.param([("f32", 50, 1.0), ("bf16", 15, 0.90, 20)], "f32", id="two are not"),
        pytest.param([("f32", 50, 1.0), ("bf16", 60, 1.0)], "f32", id="bf16 is slow where it is emulated"),
    ],
)
def test_fastest(rows: list[tuple[str, float, float]], chosen: str) -> None:
    assert fastest(measured(*row) for row in rows).precision == chosen


def test_bench_measures_what_it_is_asked(network: Weights, pictures: list[NDArray[np.uint8]], cache: Path) -> None:
    ways = [Choice("onnxruntime", "f32", 1, 160), Choice("openvino", "bf16", 2, 160)]
    asked: list[Choice] = []
    rows = bench(network, cache, pictures, size=160, candidates=ways, each_s=0.0, progress=asked.append)
    assert [row.choice for row in rows] == asked == [Choice("openvino", "f32", 1, 160), *ways]
    assert (rows[0].recall, rows[0].precision) == (1.0, 1.0)
    assert rows[1].agreement > 0.99, "f32 is f32 on either runtime"
    assert all(row.cpu_ms > 0 and row.wall_ms > 0 and row.boxes > 50 for row in rows)
    assert json.loads(json.dumps(rows[1].document()))["choice"] == {"backend": "onnxruntime", "precision": "f32", "threads": 1, "size": 160}


def test_bench_stops_when_its_time_is_up(network: Weights, pictures: list[NDArray[np.uint8]], cache: Path) -> None:
    assert len(bench(network, cache, pictures, size=160, budget_s=0.0, each_s=0.0)) == 1


def test_bench_needs_pictures(network: Weights, pictures: list[NDArray[np.uint8]], cache: Path) -> None:
    with pytest.raises(Refused, match="at least 4 pictures of the footage at hand, given 3"):
        bench(network, cache, pictures[:3])


def test_a_choice_is_remembered_by_weights_and_size(network: Weights, pictures: list[NDArray[np.uint8]], cache: Path) -> None:
    asked = []

    def frames() -> list[NDArray[np.uint8]]:
        asked.append(1)
        return pictures

    first = choose(network, cache, frames, size=160, least=0.5, budget_s=0.0)
    assert choose(network, cache, frames, size=160, least=0.5, budget_s=0.0) == first
    assert len(asked) == 1
    assert choose(network, cache, frames, size=128, least=0.5, budget_s=0.0).size == 128
    assert len(asked) == 2
    for path in (cache / "choices").iterdir():
        path.write_text("{broken")
    assert choose(network, cache, frames, size=160, least=0.5, budget_s=0.0) == first
    assert len(asked) == 3


def test_without_pictures_nothing_is_remembered(network: Weights, tmp_path: Path) -> None:
    assert choose(network, tmp_path, list, size=160) == default_choice(160)
    assert not (tmp_path / "choices").exists()
