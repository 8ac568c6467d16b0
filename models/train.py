"""Trains the project's own detectors: `python -m models.train drill` renders scenes, tunes a nano model, measures it.

The recipe and what it reached stand beside the weights, in `models/weights/drill.toml`.
"""

import argparse
import hashlib
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from analytics.taxonomy import OBJECTS

if TYPE_CHECKING:
    from models.drill.world import Seen, World

COCO = {"person": 0, "bicycle": 1, "car": 2, "motorcycle": 3, "bus": 5, "truck": 7}
WEIGHTS = Path(__file__).parent / "weights"
SMALLEST_PX, LEAST_VISIBLE = 9, 0.25
"""Objects less high, or more hidden, are not labelled."""
RARE = {"bicycle": 3, "bus": 1, "truck": 1}
"""Classes that streets show seldom, and what one of them counts when the moment of a picture is chosen."""
MOMENTS = 6
"""Moments from which that of a picture is chosen."""


@dataclass(frozen=True)
class Recipe:
    """How a detector is made; seeds of training and of measuring do not meet, nor those of `drill score` (under 9000)."""

    scenes: tuple[str, ...] = ("street", "night", "gate", "jam")
    train_seeds: tuple[int, int] = (10_000, 10_030)
    held_out_seeds: tuple[int, int] = (9_000, 9_004)
    frames: int = 8
    size: tuple[int, int] = (960, 540)
    imgsz: int = 544
    epochs: int = 8
    batch: int = 8
    frozen_layers: int = 10
    lr0: float = 0.0012


def render_set(folder: Path, scenes: Sequence[str], seeds: range, frames: int, size: tuple[int, int], say: bool = True) -> int:
    """Renders `frames` pictures of each scene and seed with YOLO labels (COCO's class numbers); says how many there are.

    Every other picture is of the moment, out of several, that shows most of the classes that are rare.
    Pictures that are there already are kept, so that an interrupted run goes on.
    """
    import cv2

    from models.drill import build
    from models.drill.film import Film

    cv2.setNumThreads(1)
    for part in ("images", "labels"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    for seed in seeds:
        for scene in scenes:
            name = f"{scene}-{seed}"
            if (folder / "labels" / f"{name}-{frames - 1}.txt").exists():
                continue
            rng = np.random.default_rng([seed, 5])
            world = build(scene, seed, 40.0, size)
            film = Film(world)
            for i in range(frames):
                moments = [float((i + at) * 40 / frames) for at in rng.uniform(0, 1, MOMENTS if i % 2 else 1)]
                t = max(moments, key=lambda t: sum(RARE.get(s.object, 0) for s in _labelled(world, t)))
                quality = int(rng.integers(55, 95))
                cv2.imwrite(str(folder / "images" / f"{name}-{i}.jpg"), film.frame(t), [cv2.IMWRITE_JPEG_QUALITY, quality])
                lines = []
                for seen in _labelled(world, t):
                    x0, y0, x1, y1 = seen.box
                    centre = ((x0 + x1) / 2 / size[0], (y0 + y1) / 2 / size[1], (x1 - x0) / size[0], (y1 - y0) / size[1])
                    lines.append(f"{COCO[seen.object]} " + " ".join(f"{v:.6f}" for v in centre))
                (folder / "labels" / f"{name}-{i}.txt").write_text("\n".join(lines))
            if say:
                print(f"rendered {name}", file=sys.stderr, flush=True)
    return len(list((folder / "images").glob("*.jpg")))


def _labelled(world: "World", t: float) -> "list[Seen]":
    """What is labelled in a picture of a moment."""
    return [s for s in world.seen(t) if s.visible >= LEAST_VISIBLE and s.box[3] - s.box[1] >= SMALLEST_PX]


def train(base: Path, recipe: Recipe, work: Path) -> Path:
    """Tunes `base` by the recipe; the result has all of COCO's classes still."""
    import torch
    import yaml
    from ultralytics import YOLO

    torch.set_num_threads(1)
    for part, (first, last) in (("train", recipe.train_seeds), ("val", recipe.held_out_seeds)):
        render_set(work / part, recipe.scenes, range(first, last), recipe.frames, recipe.size)
    model = YOLO(str(base))
    data = work / "data.yaml"
    data.write_text(yaml.safe_dump({"path": str(work), "train": "train/images", "val": "val/images", "names": dict(model.names)}))
    model.train(
        data=str(data), imgsz=recipe.imgsz, rect=True, epochs=recipe.epochs, batch=recipe.batch, freeze=recipe.frozen_layers,
        optimizer="AdamW", lr0=recipe.lr0, lrf=0.05, cos_lr=True, warmup_epochs=0.5, mosaic=0.0, scale=0.35, translate=0.08,
        hsv_h=0.02, hsv_s=0.5, hsv_v=0.35, erasing=0.0, workers=0, device="cpu", amp=False, val=False, plots=False, seed=1,
        project=str(work), name="run", exist_ok=True, verbose=False,
    )  # fmt: skip
    return work / "run" / "weights" / "last.pt"


def narrowed(path: Path, out: Path, imgsz: int) -> None:
    """Keeps of a COCO detector only the project's classes, without optimiser, in half precision.

    The class branch is cut, not trained anew: what COCO taught about a car stays where it is.
    """
    import torch
    from ultralytics import YOLO

    model = YOLO(str(path)).model.float()
    head = model.model[-1]
    keep = torch.tensor([COCO[name] for name in OBJECTS])
    for branch in head.cv3:
        last = branch[-1]
        cut = torch.nn.Conv2d(last.in_channels, len(keep), 1)
        with torch.no_grad():
            cut.weight.copy_(last.weight[keep])
            cut.bias.copy_(last.bias[keep])
        branch[-1] = cut
    head.nc, head.no = len(keep), len(keep) + head.reg_max * 4
    model.nc, model.names = len(keep), dict(enumerate(OBJECTS))
    model.yaml = {**model.yaml, "nc": len(keep)}
    model.args = {"imgsz": imgsz, "task": "detect"}
    model.half().eval()
    for parameter in model.parameters():
        parameter.requires_grad = False
    torch.save({"model": model, "train_args": {"imgsz": imgsz, "task": "detect"}, "date": "", "version": ""}, out)


def measure(weights: Path, folder: Path, imgsz: int) -> dict[str, Any]:
    """Mean average precision on a rendered set, by class and in all, by supervision's metric."""
    import cv2
    import supervision as sv
    import torch
    from supervision.metrics import MeanAveragePrecision
    from ultralytics import YOLO

    torch.set_num_threads(1)
    model = YOLO(str(weights))
    number = {name: i for i, name in enumerate(OBJECTS)}
    of = {i: number[name] for i, name in model.names.items() if name in number}
    coco = {c: number[name] for name, c in COCO.items()}
    found, truth = [], []
    for path in sorted((folder / "images").glob("*.jpg")):
        image = cv2.imread(str(path))
        h, w = image.shape[:2]
        boxes = model.predict(image, imgsz=imgsz, conf=0.01, verbose=False, device="cpu")[0].boxes
        keep = [i for i, c in enumerate(boxes.cls.tolist()) if int(c) in of]
        found.append(
            sv.Detections(
                boxes.xyxy.numpy()[keep].reshape(-1, 4),
                confidence=boxes.conf.numpy()[keep],
                class_id=np.array([of[int(boxes.cls[i])] for i in keep], int),
            )
        )
        rows = np.loadtxt(folder / "labels" / f"{path.stem}.txt", ndmin=2).reshape(-1, 5)
        centre, half = rows[:, 1:3] * [w, h], rows[:, 3:5] * [w, h] / 2
        truth.append(sv.Detections(np.hstack([centre - half, centre + half]), class_id=np.array([coco[int(c)] for c in rows[:, 0]], int)))
    result = MeanAveragePrecision().update(found, truth).compute()
    by_class = {OBJECTS[c]: round(float(ap[0]), 4) for c, ap in zip(result.matched_classes, result.ap_per_class, strict=True)}
    return {"map50": round(float(result.map50), 4), "map50_95": round(float(result.map50_95), 4), "ap50": by_class, "pictures": len(found)}


def drill(base: Path, recipe: Recipe, work: Path, out_dir: Path = WEIGHTS) -> dict[str, Any]:
    """Makes `drill.pt` and the card beside it."""
    out_dir.mkdir(parents=True, exist_ok=True)
    tuned = train(base, recipe, work)
    out = out_dir / "drill.pt"
    narrowed(tuned, out, recipe.imgsz)
    card = {
        "recipe": {**asdict(recipe), "base": base.name},
        "sha256": hashlib.sha256(out.read_bytes()).hexdigest(),
        "bytes": out.stat().st_size,
        "held_out": measure(out, work / "val", recipe.imgsz),
        "base_held_out": measure(base, work / "val", recipe.imgsz),
    }
    write_card(card, out_dir / "drill.toml")
    return card


def write_card(card: dict[str, Any], path: Path) -> None:
    """Writes the recipe and what it reached."""

    def section(name: str, of: dict[str, Any]) -> list[str]:
        flat = {k: v for k, v in of.items() if not isinstance(v, dict)}
        lines = [f"[{name}]", *(f"{k} = {json.dumps(v)}" for k, v in flat.items()), ""]
        for k, v in of.items():
            if isinstance(v, dict):
                lines += section(f"{name}.{k}", v)
        return lines

    head = [
        "# The drill's detector: official yolov8n.pt (AGPL-3.0) tuned on rendered scenes by `python -m models.train drill`.",
        "# Seeds of training, of measuring and of `matthan drill score` do not meet.",
        f"sha256 = {json.dumps(card['sha256'])}", f"bytes = {card['bytes']}", "",
    ]  # fmt: skip
    body = [line for name in ("recipe", "held_out", "base_held_out") for line in section(name, card[name])]
    path.write_text("\n".join([*head, *body]).rstrip() + "\n", encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    """`python -m models.train drill --base yolov8n.pt [--work FOLDER]`."""
    parser = argparse.ArgumentParser(prog="python -m models.train", description=__doc__)
    parser.add_argument("what", choices=["drill"])
    parser.add_argument("--base", type=Path, required=True, help="the official yolov8n.pt (`matthan models pull street` fetches it)")
    parser.add_argument("--work", type=Path, help="folder for pictures and runs; kept, and an interrupted run goes on from it")
    parser.add_argument("--out", type=Path, default=WEIGHTS, help="folder of drill.pt and drill.toml (default: models/weights)")
    parser.add_argument("--epochs", type=int, default=Recipe.epochs)
    given = parser.parse_args(arguments)
    recipe = Recipe(epochs=given.epochs)
    with tempfile.TemporaryDirectory() as temporary:
        card = drill(given.base, recipe, given.work or Path(temporary), given.out)
    print(json.dumps(card, indent=1))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
