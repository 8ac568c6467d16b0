"""Measures on this host how fast and how alike each backend, precision and number of threads runs some weights.

The fastest is not the same on two hosts (bf16 is not int8 is not f32), so it is measured, and the choice is remembered in the
cache by processor, weights and versions.
"""

import json
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analytics.boxes import iou
from analytics.detections import Detections
from analytics.errors import Refused
from analytics.identity import digest
from models.backends import Choice, capabilities, choices
from models.catalog import Weights
from models.detector import Detector, default_choice
from models.runtime import openvino

AGREEMENT = 0.97
"""The least agreement with f32 that a precision needs to be chosen."""

ENOUGH = 0.45
"""A way that takes less than this share of the time of f32 is taken without trying slower conversions: a processor with matrix
units for bf16 is there, and int8 was slower on those (Sapphire Rapids, 384×640: f32 43, bf16 14.5, int8 17 ms)."""

EVIDENCE = 30
"""The least number of boxes on which int8, which was fitted to a few pictures, is believed to agree."""

SURE, SEEN = 0.3, 0.2
"""A box above SURE must be found above SEEN by the other: else the boxes at the threshold itself would count as lost."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One way to run the weights, measured.

    Attributes:
        choice: the way.
        cpu_ms: CPU time an image, all threads, scaling, inference and suppression; the median.
        wall_ms: time an image; the median.
        recall: share of the boxes of f32 that it finds, same class, IoU 0.5 or more.
        precision: share of its boxes that f32 finds.
        boxes: the boxes of f32 that recall is a share of.
        open_s: time to open it, conversion included where none was kept.
    """

    choice: Choice
    cpu_ms: float
    wall_ms: float
    recall: float
    precision: float
    boxes: int
    open_s: float

    def agrees(self, least: float) -> bool:
        """Whether the agreement is `least` or more, but for one box: that may be chance. Int8 needs EVIDENCE besides."""
        seen = self.choice.precision != "int8" or self.boxes >= EVIDENCE
        return seen and self.agreement + 1 / max(self.boxes, 1) >= least

    @property
    def agreement(self) -> float:
        """The worse of recall and precision."""
        return min(self.recall, self.precision)

    def document(self) -> dict[str, Any]:
        """As JSON has it."""
        return {**asdict(self), "choice": self.choice.document(), "agreement": self.agreement}


def bench(
    weights: Weights,
    cache: Path,
    frames: Sequence[NDArray[np.uint8]],
    *,
    size: int = 640,
    threads: Sequence[int] = (1, 2),
    candidates: Iterable[Choice] | None = None,
    budget_s: float = 600.0,
    each_s: float = 1.0,
    enough: Callable[[Sequence[Measured]], bool] = lambda _: False,
    progress: Callable[[Choice], None] | None = None,
) -> list[Measured]:
    """Measures one way after the other, the reference (OpenVINO at f32, one thread) first.

    Args:
        weights: what to run.
        cache: where converted networks are kept.
        frames: (H, W, 3) uint8 BGR pictures of the kind that will be looked at; int8 is calibrated on the even ones, and all
            ways are compared on the odd ones.
        size: longer side of the network's input, pixels.
        threads: numbers of threads to try.
        candidates: the ways to try after the reference; all that the weights can run by default.
        budget_s: no further way is begun after this time.
        each_s: time to spend on measuring each way, opening it aside.
        enough: asked after each way whether to stop.
        progress: called before each way.

    Raises:
        Refused: fewer than four frames.
    """
    if len(frames) < 4:
        raise Refused(
            en=f"A bench needs at least 4 pictures of the footage at hand, given {len(frames)}.",
            vi=f"Đo tốc độ cần ít nhất 4 khung hình từ video có sẵn, mới có {len(frames)}.",
        )
    begun = time.perf_counter()
    reference = Choice("openvino", "f32", 1, size)
    ways = choices(weights.path, size, threads) if candidates is None else candidates
    calibration, pictures = frames[::2], frames[1::2]
    truth: list[Detections] = []
    rows: list[Measured] = []
    for choice in [reference, *(way for way in ways if way != reference)]:
        if rows and (time.perf_counter() - begun > budget_s or enough(rows)):
            break
        if progress:
            progress(choice)
        start = time.perf_counter()
        detector = Detector.open(weights, choice, cache=cache, confidence=SEEN, frames=calibration)
        # Sight hands over pictures in the size that the detector asks for; scaling them from full size is not its cost.
        scaled = [_scaled(picture, detector) for picture in pictures]
        found = [detector.detect(picture) for picture in scaled]
        open_s = time.perf_counter() - start
        truth = truth or found
        cpu_ms, wall_ms = _timed(detector, scaled, each_s)
        recall, precision = agreement(truth, found)
        boxes = sum(int((found.confidence > SURE).sum()) for found in truth)
        rows.append(Measured(choice, cpu_ms, wall_ms, recall, precision, boxes, open_s))
    return rows


def fastest(rows: Iterable[Measured], least: float = AGREEMENT) -> Choice:
    """The way that takes the least CPU time of those that agree with f32 far enough."""
    return min((row for row in rows if row.agrees(least)), key=lambda row: row.cpu_ms).choice


def choose(
    weights: Weights,
    cache: Path,
    frames: Callable[[], Sequence[NDArray[np.uint8]]],
    *,
    size: int = 640,
    least: float = AGREEMENT,
    budget_s: float = 20.0,
    progress: Callable[[Choice], None] | None = None,
) -> Choice:
    """The fastest way on this host with one thread: the remembered one, else measured now and remembered.

    Args:
        weights: what to run.
        cache: where choices and converted networks are kept.
        frames: gives pictures of the footage at hand; called only when something is to be measured.
        size: longer side of the network's input, pixels.
        least: the least agreement with f32.
        budget_s: no further way is begun after this time; the likelier ones come first.
        progress: called before each way.

    Returns:
        the choice; `default_choice`, which is not remembered, where fewer than four frames are at hand.
    """
    path = cache / "choices" / f"{_key(weights, size, least)}.json"
    try:
        return Choice(**json.loads(path.read_text(encoding="utf-8"))["choice"])
    except (OSError, ValueError, KeyError, TypeError):
        pass  # none yet, or one that an older version wrote
    pictures = frames()
    if len(pictures) < 4:
        return default_choice(size)
    likely = {"openvino-bf16": 0 if "BF16" in capabilities() else 3, "openvino-int8": 1, "onnxruntime-f32": 2}
    ways = sorted((way for way in choices(weights.path, size, (1,)) if str(way) in likely), key=lambda way: likely[str(way)])

    def enough(rows: Sequence[Measured]) -> bool:
        best = min(row.cpu_ms for row in rows if row.agrees(least))
        return best <= ENOUGH * rows[0].cpu_ms

    rows = bench(weights, cache, pictures, size=size, candidates=ways, budget_s=budget_s, each_s=0.5, enough=enough, progress=progress)
    return remember(weights, cache, rows, size=size, least=least)


def remember(weights: Weights, cache: Path, rows: Sequence[Measured], *, size: int = 640, least: float = AGREEMENT) -> Choice:
    """Keeps the fastest of the measured ways with one thread for `choose`, with what it rests on; returns it."""
    choice = fastest([row for row in rows if row.choice.threads == 1], least)
    path = cache / "choices" / f"{_key(weights, size, least)}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.{time.time_ns():x}")
    new.write_text(json.dumps({"choice": choice.document(), "measured": [row.document() for row in rows]}, indent=1), encoding="utf-8")
    new.replace(path)
    return choice


def agreement(truth: Sequence[Detections], found: Sequence[Detections]) -> tuple[float, float]:
    """Recall and precision of `found` against `truth`, over all pictures: same class, IoU 0.5 or more, one to one.

    Both hold boxes down to SEEN; only those above SURE must have a partner. 1.0 where there is nothing to find.
    """
    return _share(truth, found), _share(found, truth)


def _share(wanted: Sequence[Detections], given: Sequence[Detections]) -> float:
    """Share of the sure boxes of `wanted` that have a partner in `given`."""
    sure = met = 0
    for ours, theirs in zip(wanted, given, strict=True):
        overlap = iou(ours.xyxy, theirs.xyxy) * (ours.class_id[:, None] == theirs.class_id[None, :])
        free = np.ones(len(theirs), bool)
        for i in np.argsort(-ours.confidence, kind="stable"):
            if ours.confidence[i] <= SURE:
                break
            sure += 1
            best = int(np.argmax(overlap[i] * free)) if len(theirs) else -1
            if best >= 0 and free[best] and overlap[i, best] >= 0.5:
                free[best] = False
                met += 1
    return met / sure if sure else 1.0


def _scaled(picture: NDArray[np.uint8], detector: Detector) -> NDArray[np.uint8]:
    import cv2

    scaled: NDArray[np.uint8] = cv2.resize(picture, detector.input_size(picture.shape[1], picture.shape[0]), interpolation=cv2.INTER_AREA)
    return scaled


def _timed(detector: Detector, pictures: Sequence[NDArray[np.uint8]], each_s: float) -> tuple[float, float]:
    """Median CPU and wall milliseconds of one detection."""
    cpu: list[float] = []
    wall: list[float] = []
    begun = time.perf_counter()
    while time.perf_counter() - begun < each_s or len(cpu) < 3:
        picture = pictures[len(cpu) % len(pictures)]
        cpu_0, wall_0 = time.process_time(), time.perf_counter()
        detector.detect(picture)
        cpu.append(time.process_time() - cpu_0)
        wall.append(time.perf_counter() - wall_0)
    return 1000 * float(np.median(cpu)), 1000 * float(np.median(wall))


def _key(weights: Weights, size: int, least: float) -> str:
    versions = [version(package) for package in ("openvino", "onnxruntime", "ultralytics", "nncf")]
    return digest(openvino().Core().get_property("CPU", "FULL_DEVICE_NAME"), sorted(capabilities()), weights.sha256, size, least, versions)
