"""How well a detector sees drill scenes: mean average precision, and recall by class."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from analytics.boxes import iou
from analytics.detections import Detections
from analytics.taxonomy import OBJECTS, VEHICLES

SURE, SAME = 0.25, 0.5
"""Confidence from which a detection counts for recall, and overlap from which it is the object."""
SMALLEST_PX, LEAST_VISIBLE = 16.0, 0.4
"""Objects less high, or more hidden, are not asked for in recall (at 960 px of width)."""


@dataclass
class Measure:
    """Collects pictures: what was found, what was there."""

    _found: list[Detections] = field(default_factory=list)
    _true: list[Detections] = field(default_factory=list)
    asked: dict[str, int] = field(default_factory=dict)
    seen: dict[str, int] = field(default_factory=dict)

    def add(self, found: Detections, boxes: Sequence[dict[str, Any]], width: int = 960) -> None:
        """One picture; `boxes` are a truth file's of that frame.

        A vehicle counts as seen when a vehicle of any kind is found there; what a stranger calls a pickup differs.
        """
        there = [b for b in boxes if b["visible"] >= 0.25]
        true = Detections.of([b["box"] for b in there], np.ones(len(there)), [OBJECTS.index(b["object"]) for b in there])
        self._found.append(found)
        self._true.append(true)
        sure = found.confidence >= SURE
        overlap = iou(true.xyxy, found.xyxy[sure]) if len(true) and sure.any() else np.zeros((len(true), 0))
        wheels = np.array([OBJECTS[c] in VEHICLES for c in found.class_id[sure]], bool)
        for i, box in enumerate(there):
            if box["visible"] < LEAST_VISIBLE or box["box"][3] - box["box"][1] < SMALLEST_PX * width / 960:
                continue
            alike = wheels == (box["object"] in VEHICLES)
            self.asked[box["object"]] = self.asked.get(box["object"], 0) + 1
            self.seen[box["object"]] = self.seen.get(box["object"], 0) + bool((overlap[i] * alike >= SAME).any())

    def document(self) -> dict[str, Any]:
        """map50, map50_95, AP by class, recall of vehicles, people and each class, and how many pictures."""
        import supervision as sv
        from supervision.metrics import MeanAveragePrecision

        def exchanged(d: Detections, sure: bool) -> sv.Detections:
            return sv.Detections(d.xyxy, confidence=d.confidence if sure else None, class_id=d.class_id.astype(int))

        result = (
            MeanAveragePrecision().update([exchanged(d, True) for d in self._found], [exchanged(d, False) for d in self._true]).compute()
        )
        by_class = {OBJECTS[c]: round(float(ap[0]), 4) for c, ap in zip(result.matched_classes, result.ap_per_class, strict=True)}
        vehicles = [name for name in self.asked if name in VEHICLES]
        return {
            "map50": round(float(result.map50), 4),
            "map50_95": round(float(result.map50_95), 4),
            "ap50": by_class,
            "recall": {
                "vehicles": self._recall(vehicles),
                "people": self._recall(["person"]),
                "by_class": {name: self._recall([name]) for name in sorted(self.asked)},
            },
            "pictures": len(self._found),
        }

    def _recall(self, names: Sequence[str]) -> float | None:
        asked = sum(self.asked.get(n, 0) for n in names)
        return round(sum(self.seen.get(n, 0) for n in names) / asked, 4) if asked else None
