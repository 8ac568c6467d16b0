"""The drill's detector: the committed weights are the card's, training pictures have true labels, the class branch is cut, not changed."""

import tomllib
from pathlib import Path

import numpy as np
import pytest

from analytics.detections import Detections
from analytics.taxonomy import OBJECTS
from jobs.drill import FIRST_SEED, SEEDS
from models import catalog
from models.drill.measure import Measure
from models.train import COCO, WEIGHTS, Recipe, narrowed, render_set, write_card


def test_the_card_describes_the_committed_weights(tmp_path: Path) -> None:
    card = tomllib.loads((WEIGHTS / "drill.toml").read_text())
    weights = catalog.resolve("drill", folders=[], cache=tmp_path)
    assert card["sha256"] == weights.sha256
    assert card["bytes"] == weights.path.stat().st_size < 8_000_000
    assert card["held_out"]["map50"] > card["base_held_out"]["map50"]


def test_seeds_of_training_measuring_and_scoring_do_not_meet() -> None:
    recipe = Recipe()
    train, held_out = (set(range(*seeds)) for seeds in (recipe.train_seeds, recipe.held_out_seeds))
    scored = set(range(FIRST_SEED, FIRST_SEED + SEEDS))
    assert not train & held_out
    assert not scored & (train | held_out)


def test_rendered_labels_are_yolos(tmp_path: Path) -> None:
    assert render_set(tmp_path, ["gate"], range(7, 8), 2, (320, 180), say=False) == 2
    rows = np.loadtxt(tmp_path / "labels" / "gate-7-0.txt", ndmin=2)
    assert rows.shape[1] == 5
    assert set(rows[:, 0].astype(int)) <= set(COCO.values())
    assert ((rows[:, 1:] > 0) & (rows[:, 1:] <= 1)).all()
    first = (tmp_path / "images" / "gate-7-0.jpg").stat().st_mtime_ns
    render_set(tmp_path, ["gate"], range(7, 8), 2, (320, 180), say=False)
    assert (tmp_path / "images" / "gate-7-0.jpg").stat().st_mtime_ns == first, "what is there is kept"


def test_the_card_reads_back(tmp_path: Path) -> None:
    measured = {"map50": 0.5, "ap50": {"car": 0.9}}
    write_card(
        {"recipe": {"epochs": 8, "size": [960, 540]}, "sha256": "ab", "bytes": 3, "held_out": measured, "base_held_out": measured},
        tmp_path / "c.toml",
    )
    card = tomllib.loads((tmp_path / "c.toml").read_text())
    assert (card["sha256"], card["recipe"]["size"], card["held_out"]["ap50"]["car"]) == ("ab", [960, 540], 0.9)


@pytest.mark.footage
def test_narrowing_changes_no_box(shared_folder: Path, tmp_path: Path) -> None:
    import cv2
    from ultralytics import YOLO

    from models.drill import build
    from models.drill.film import Film

    cv2.setNumThreads(1)
    narrowed(shared_folder / "weights" / "yolov8n.pt", tmp_path / "n.pt", 640)
    picture = Film(build("street", 5, 10.0, (640, 384))).frame(6.0)
    wide, narrow = (
        YOLO(str(p)).predict(picture, imgsz=640, conf=0.3, verbose=False, device="cpu")[0].boxes
        for p in (shared_folder / "weights" / "yolov8n.pt", tmp_path / "n.pt")
    )
    of = {c: i for i, name in enumerate(OBJECTS) for c in [COCO[name]]}
    before = sorted((of[int(c)], *np.round(b, 0)) for c, b in zip(wide.cls.tolist(), wide.xyxy.tolist(), strict=True) if int(c) in of)
    after = sorted((int(c), *np.round(b, 0)) for c, b in zip(narrow.cls.tolist(), narrow.xyxy.tolist(), strict=True))
    assert len(before) >= 3
    assert np.allclose(before, after, atol=2)


def box(name: str, x: float, visible: float = 1.0, high: float = 40) -> dict[str, object]:
    return {"object": name, "box": [x, 100.0, x + 40, 100.0 + high], "visible": visible}


@pytest.mark.parametrize(
    ("what", "found", "there", "vehicles", "people"),
    [
        ("all seen", [(0, 100, "car", 0.9), (100, 100, "person", 0.9)], [box("car", 0), box("person", 100)], 1.0, 1.0),
        ("a truck for a car is a vehicle", [(0, 100, "truck", 0.9)], [box("car", 0)], 1.0, None),
        ("a person for a car is not", [(0, 100, "person", 0.9)], [box("car", 0)], 0.0, None),
        ("unsure", [(0, 100, "car", 0.2)], [box("car", 0)], 0.0, None),
        ("hidden or tiny ones are not asked for", [], [box("car", 0, 0.3), box("car", 90, 1.0, 10)], None, None),
    ],
)  # fmt: skip
def test_recall(
    what: str, found: list[tuple[float, float, str, float]], there: list[dict[str, object]], vehicles: float | None, people: float | None
) -> None:
    measure = Measure()
    boxes = [(x, y, x + 40, y + 40) for x, y, _, _ in found]
    measure.add(Detections.of(np.array(boxes).reshape(-1, 4), [c for *_, c in found], [OBJECTS.index(n) for _, _, n, _ in found]), there)
    assert measure._recall(["car", "truck"]) == vehicles, what
    assert measure._recall(["person"]) == people, what


def test_a_perfect_detector_measures_one() -> None:
    measure = Measure()
    measure.add(Detections.of([[0, 100, 40, 140]], [0.9], [OBJECTS.index("car")]), [box("car", 0)])
    document = measure.document()
    assert document["map50"] == pytest.approx(1.0, abs=0.01)
    assert document["recall"] == {"vehicles": 1.0, "people": None, "by_class": {"car": 1.0}}
