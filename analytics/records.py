"""Scenes as columns of the lake's `points` and `signals`, and back: what indexing folded, rewinding folds again."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from analytics.scene import Scene, TrackStep

Columns = dict[str, list[Any]]

POINT_COLUMNS = ("track", "at", "known_at", "x1", "y1", "x2", "y2", "object", "colour", "confidence")
SIGNAL_COLUMNS = ("at", "zone", "name", "value", "track")


@dataclass(frozen=True, slots=True)
class Records:
    """`points` and `signals` columns of the same length each; names and units in `tables.POINTS` and `tables.SIGNALS`."""

    points: Columns
    signals: Columns


def records_of(scenes: Sequence[Scene]) -> Records:
    """Writes scenes down. A scene without tracks leaves its row in `signals`, so that time passes in a rewind as it did."""
    points: Columns = {name: [] for name in POINT_COLUMNS}
    signals: Columns = {name: [] for name in SIGNAL_COLUMNS}

    def signal(at: float, zone: str, name: str, value: float, track: int | None) -> None:
        for column, cell in zip(SIGNAL_COLUMNS, (at, zone, name, value, track), strict=True):
            signals[column].append(cell)

    for scene in scenes:
        signal(scene.at, "", "scene", float(len(scene.tracks)), None)
        for track in scene.ended:
            signal(scene.at, "", "ended", 1.0, track)
        for (zone, name), value in scene.signals.items():
            signal(scene.at, zone, name, value, None)
        for step in scene.tracks:
            n = len(step.times)
            points["track"] += [step.track] * n
            points["at"] += step.times.tolist()
            points["known_at"] += [scene.at] * n
            for i, side in enumerate(("x1", "y1", "x2", "y2")):
                points[side] += step.boxes[:, i].tolist()
            points["object"] += [step.object] * n
            points["colour"] += [step.colour] * n
            points["confidence"] += [step.confidence] * n
    return Records(points, signals)


def scenes_of(points: Mapping[str, Any], signals: Mapping[str, Any]) -> Iterator[Scene]:
    """Reads scenes back, in order of time, exactly as `records_of` was given them.

    Args:
        points: columns as sequences or arrays, in any order of rows.
        signals: the same.
    """
    known = np.asarray(points["known_at"], np.float64)
    track = np.asarray(points["track"], np.int64)
    at = np.asarray(points["at"], np.float64)
    order = np.lexsort((at, track, known))
    known, track, at = known[order], track[order], at[order]
    boxes = np.stack([np.asarray(points[side], np.float32)[order] for side in ("x1", "y1", "x2", "y2")], axis=1)
    edges = np.flatnonzero((np.diff(known) != 0) | (np.diff(track) != 0)) + 1
    steps: dict[float, list[TrackStep]] = {}
    for rows in np.split(np.arange(len(order)), edges) if len(order) else []:
        first = int(order[rows[0]])
        steps.setdefault(float(known[rows[0]]), []).append(
            TrackStep(
                int(track[rows[0]]),
                str(points["object"][first]),
                points["colour"][first] or None,
                float(points["confidence"][first]),
                at[rows],
                boxes[rows],
            )
        )
    ended: dict[float, list[int]] = {}
    numbers: dict[float, dict[tuple[str, str], float]] = {}
    for moment, zone, name, value, gone in zip(*(signals[c] for c in SIGNAL_COLUMNS), strict=True):
        if name == "scene":
            numbers.setdefault(float(moment), {})
        elif name == "ended":
            ended.setdefault(float(moment), []).append(int(gone))
        else:
            numbers.setdefault(float(moment), {})[(zone, name)] = float(value)
    for moment in sorted(numbers):
        yield Scene(moment, tuple(steps.get(moment, ())), tuple(sorted(ended.get(moment, ()))), numbers[moment])
