"""One row per object: what a track's whole life says of it. A fold over scenes, like the rules."""

from dataclasses import dataclass

import numpy as np
from pydantic import BaseModel, ConfigDict

from analytics.camera import Camera
from analytics.geometry import bottom_centres
from analytics.scene import Scene, TrackStep

STOOD = 0.5
"""A track that got less far than this share of its box's size stood, and has no heading."""
SPEED_LEG_S = 1.0
"""Speeds are taken over stretches of about this many seconds, and their median is the track's."""


@dataclass(frozen=True, slots=True)
class TrackSummary:
    """What the lake's `tracks` holds of one track; units in `tables.TRACKS`."""

    track: int
    start: float
    end: float
    object: str
    colour: str | None
    confidence: float
    heading_deg: float | None
    distance_px: float
    speed_kmh: float | None
    zones: tuple[str, ...]
    box_at: float
    box: tuple[float, float, float, float]


class _Life(BaseModel):
    model_config = ConfigDict(extra="forbid")
    start: float
    end: float
    first: tuple[float, float]
    last: tuple[float, float]
    size: float
    objects: dict[str, float] = {}
    colours: dict[str, float] = {}
    confidence: float = 0.0
    zones: list[str] = []
    speeds: list[float] = []
    leg: list[tuple[float, float, float, float, float]] = []
    box_at: float = 0.0
    box: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    worth: float = -1.0


class Summaries:
    """Keeps the life of every open track; `taken` gives the rows of those that changed since it was last asked."""

    def __init__(self, camera: Camera) -> None:
        self._resolution = camera.resolution
        self._areas = {name: camera.area(name) for name in camera.zones}
        self._plane = camera.plane
        self._lives: dict[int, _Life] = {}
        self._changed: set[int] = set()
        self._over: set[int] = set()

    def step(self, scene: Scene) -> None:
        for step in scene.tracks:
            self._step(step)
        self._over.update(t for t in scene.ended if t in self._lives)

    def taken(self) -> list[TrackSummary]:
        """Rows of the tracks that changed, in order of their start; those that have ended are forgotten."""
        rows = [self._row(t, self._lives[t]) for t in self._changed]
        for track in self._over:
            del self._lives[track]
        self._changed, self._over = set(), set()
        return sorted(rows, key=lambda r: (r.start, r.track))

    def state(self) -> dict[str, object]:
        """Plain content for JSON; call it after `taken`."""
        return {str(t): life.model_dump(mode="json") for t, life in self._lives.items()}

    def restore(self, state: dict[str, object]) -> None:
        self._lives = {int(t): _Life.model_validate(life) for t, life in state.items()}

    def _step(self, step: TrackStep) -> None:
        feet = bottom_centres(step.boxes, self._resolution)
        boxes = step.boxes.astype(np.float64)
        side = np.sqrt(np.maximum(np.prod(boxes[:, 2:] - boxes[:, :2], axis=1), 1.0))
        here = (float(feet[-1, 0]), float(feet[-1, 1]))
        life = self._lives.get(step.track)
        if life is None:
            life = _Life(start=float(step.times[0]), end=0.0, first=(float(feet[0, 0]), float(feet[0, 1])), last=here, size=float(side[0]))
            self._lives[step.track] = life
        # A vote weighs as long as it held and by how near it was; a single look weighs a little.
        weight = max(float(step.times[-1]) - max(life.end, float(step.times[0])), 0.05) * float(side.mean())
        life.objects[step.object] = life.objects.get(step.object, 0.0) + weight
        if step.colour is not None:
            life.colours[step.colour] = life.colours.get(step.colour, 0.0) + weight
        life.end, life.last, life.confidence = float(step.times[-1]), here, step.confidence
        life.size = max(life.size, float(side.max()))
        for name, area in self._areas.items():
            if name not in life.zones and area.contains(feet).any():
                life.zones.append(name)
        self._best(life, step.times, boxes)
        if self._plane is not None:
            self._speed(life, step.times, boxes)
        self._changed.add(step.track)

    def _best(self, life: _Life, times: np.ndarray, boxes: np.ndarray) -> None:
        """The largest box that lies wholly inside the picture; a cut one only where there is no whole one."""
        width, height = self._resolution
        shown = np.clip(boxes, 0, [width, height, width, height])
        area = np.prod(shown[:, 2:] - shown[:, :2], axis=1)
        whole = (boxes[:, 0] > 2) & (boxes[:, 1] > 2) & (boxes[:, 2] < width - 2) & (boxes[:, 3] < height - 2)
        worth = np.where(whole, area, area / 1e4)
        i = int(worth.argmax())
        if worth[i] > life.worth:
            life.worth, life.box_at = float(worth[i]), float(times[i])
            x1, y1, x2, y2 = (float(v) for v in shown[i])
            life.box = (x1, y1, x2, y2)

    def _speed(self, life: _Life, times: np.ndarray, boxes: np.ndarray) -> None:
        assert self._plane is not None
        rows = [(float(t), *(float(v) for v in b)) for t, b in zip(times, boxes, strict=True)]
        for t, x1, y1, x2, y2 in rows:
            life.leg.append((t, x1, y1, x2, y2))
            if t - life.leg[0][0] >= SPEED_LEG_S:
                leg = np.array(life.leg)
                speed = self._plane.speed(leg[:, 0], leg[:, 1:])
                if speed is not None:
                    life.speeds = [*life.speeds[-199:], speed.kmh]
                life.leg = [life.leg[-1]]

    def _row(self, track: int, life: _Life) -> TrackSummary:
        speeds = list(life.speeds)
        if self._plane is not None and not speeds and len(life.leg) > 1:
            leg = np.array(life.leg)
            short = self._plane.speed(leg[:, 0], leg[:, 1:])
            speeds = [] if short is None else [short.kmh]
        dx, dy = life.last[0] - life.first[0], life.last[1] - life.first[1]
        distance = float(np.hypot(dx, dy))
        heading = float(np.degrees(np.arctan2(dx, -dy)) % 360) if distance > STOOD * life.size else None
        return TrackSummary(
            track=track,
            start=life.start,
            end=life.end,
            object=max(life.objects, key=lambda name: life.objects[name]),
            colour=max(life.colours, key=lambda name: life.colours[name]) if life.colours else None,
            confidence=life.confidence,
            heading_deg=heading,
            distance_px=distance,
            speed_kmh=float(np.median(speeds)) if speeds else None,
            zones=tuple(sorted(life.zones)),
            box_at=life.box_at,
            box=life.box,
        )
