"""What is true in a world: paths, crossings, speeds and events, worked out from the simulation and never from pixels or rules.

An object is where the bottom centre of its outline's box touches the ground, as the rules' documents have it; when it stands,
and how fast it is, comes from its motion in metres.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from models.drill.motion import STEP_S
from models.drill.view import NEAR_M
from models.drill.world import World, shown

Array = NDArray[np.float64]
GRID_S = 0.1
VEHICLES = ("bicycle", "motorcycle", "car", "bus", "truck")
MOTORED = ("motorcycle", "car", "bus", "truck")
STANDS_MPS = 0.05
SLOWER_S, LAPSE_S = 1.0, 2.0
"""A dip below the limit, or a roll while standing, that lasts less does not end an event."""
BEYOND = 0.1
"""Box sizes off the line from which a side counts."""


@dataclass(frozen=True)
class Happening:
    """An event that truly happened, seconds from the scene's start."""

    kind: str
    start: float
    end: float
    zone: str
    track: int | None
    object: str | None
    numbers: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Passage:
    """An object truly crossed a line."""

    line: str
    at: float
    track: int
    object: str
    direction: str


@dataclass(frozen=True, eq=False)
class Course:
    """One object's way through the picture, every `GRID_S` while it can be seen at all.

    Attributes:
        times: (K,) seconds; boxes: (K, 4) px within the picture.
        speed: (K,) m/s of its motion.
    """

    track: int
    object: str
    times: Array
    boxes: Array
    speed: Array

    @property
    def feet(self) -> Array:
        """(K, 2) bottom centres."""
        return np.stack([(self.boxes[:, 0] + self.boxes[:, 2]) / 2, self.boxes[:, 3]], 1)


def courses(world: World) -> list[Course]:
    """Every object's course, in order of their ids."""
    w, h = world.view.size
    grid = np.arange(0, world.seconds + GRID_S / 2, GRID_S)
    out = []
    for actor in world.actors:
        groups: list[list[tuple[float, tuple[float, float, float, float], float]]] = [[] for _ in range(1 + actor.riders)]
        corners = actor.corners
        rows = [np.flatnonzero(corners.group == g) for g in range(1 + actor.riders)]
        for t in grid[(grid >= actor.motion.start_s) & (grid <= actor.motion.end_s)]:
            if not world.may_show(actor, float(t)):
                continue
            vertices = actor.outline(float(t))
            state = actor.motion.at(float(t))
            if vertices is None or state is None:
                continue
            points = world.view.camera_points(vertices)
            if points[:, 2].min() < NEAR_M:
                continue
            pixels = world.view.projected(points).astype(np.float32)
            for g, row in enumerate(rows):
                part = shown(cv2.convexHull(pixels[row]), (w, h))
                if part is not None:
                    groups[g].append((float(t), part[0], state[4]))
        for g, seen in enumerate(groups):
            if len(seen) > 2:
                times, boxes, speed = (np.array(column) for column in zip(*seen, strict=True))
                out.append(Course(actor.id + g, "person" if g else actor.object, times, boxes, speed))
    return out


def sides(line: Sequence[Sequence[float]], points: Array) -> Array:
    """(K,) signed distances; negative is the side that supervision's `LineZone` calls "in"."""
    (x0, y0), (x1, y1) = line
    return np.asarray(((x1 - x0) * (points[:, 1] - y0) - (y1 - y0) * (points[:, 0] - x0)) / np.hypot(x1 - x0, y1 - y0))


def passages(line_name: str, line: Sequence[Sequence[float]], course: Course) -> list[Passage]:
    """Crossings of a line between its ends, by what was seen on both sides, a tenth of its size off the line at least."""
    feet, (a, b) = course.feet, np.asarray(line, np.float64)
    d = sides(line, feet)
    size = np.sqrt(np.maximum(np.prod(course.boxes[:, 2:] - course.boxes[:, :2], axis=1), 1))
    clear = np.where(np.abs(d) > BEYOND * size, np.sign(d), 0)
    found = []
    known = np.flatnonzero(clear)
    for before, after in itertools.pairwise(known.tolist()):
        if clear[before] == clear[after] or course.times[after] - course.times[before] > 60:
            continue
        changes = before + np.flatnonzero((d[before:after] < 0) != (d[before + 1 : after + 1] < 0))
        i = int(changes[-1])
        f = d[i] / (d[i] - d[i + 1])
        where = feet[i] + f * (feet[i + 1] - feet[i])
        if 0 <= (where - a) @ (b - a) / ((b - a) @ (b - a)) <= 1:
            at = float(course.times[i] + f * (course.times[i + 1] - course.times[i]))
            found.append(Passage(line_name, round(at, 3), course.track, course.object, "in" if d[i + 1] < 0 else "out"))
    return found


def inside(polygon: Sequence[Sequence[float]], points: Array) -> Array:
    """(K,) px from a polygon's edge, positive inside."""
    ring = np.asarray(polygon, np.float32).reshape(-1, 1, 2)
    return np.array([cv2.pointPolygonTest(ring, (float(x), float(y)), True) for x, y in points])


def spans(times: Array, value: Array, lapse_s: float = 0.0) -> list[tuple[float, float]]:
    """When `value` is positive, edges interpolated where time goes on without a gap; pauses up to `lapse_s` are bridged."""
    found: list[tuple[float, float]] = []
    start: float | None = None
    for i in range(len(times)):
        joined = i > 0 and times[i] - times[i - 1] < 2.5 * GRID_S
        if value[i] > 0 and start is None:
            start = _between(times, value, i - 1) if joined else float(times[i])
        elif start is not None and (value[i] <= 0 or not joined):
            found.append((start, _between(times, value, i - 1) if joined else float(times[i - 1])))
            start = None if value[i] <= 0 else float(times[i])
    if start is not None:
        found.append((start, float(times[-1])))
    merged: list[tuple[float, float]] = []
    for a, b in found:
        if merged and a - merged[-1][1] <= lapse_s:
            merged[-1] = (merged[-1][0], b)
        else:
            merged.append((a, b))
    return merged


def _between(times: Array, value: Array, i: int) -> float:
    share = value[i] / (value[i] - value[i + 1]) if value[i] != value[i + 1] else 0.5
    return float(times[i] + np.clip(share, 0, 1) * (times[i + 1] - times[i]))


def happenings(rule: Mapping[str, Any], camera: Mapping[str, Any], course: Course) -> list[Happening]:
    """What one object does that `rule` (an entry of the camera file) is about; `line_count` and `congestion` are not here."""
    kind, zone = rule["kind"], rule.get("zone", "")
    if kind in ("line_count", "congestion") or course.object not in _classes(rule):
        return []
    feet = course.feet
    within = inside(camera["zones"][zone], feet) if zone else np.ones(len(feet))

    def happening(a: float, b: float, **numbers: float) -> Happening:
        return Happening(kind, round(a, 3), round(b, 3), zone, course.track, course.object, {k: round(v, 3) for k, v in numbers.items()})

    if kind == "intrusion":
        return [happening(a, b, inside_s=b - a) for a, b in spans(course.times, within, 1.0) if b - a >= rule.get("after_s", 1.0)]
    if kind == "loitering":
        return [happening(a, b, dwell_s=b - a) for a, b in spans(course.times, within, 3.0) if b - a >= rule.get("after_s", 60.0)]
    if kind == "illegal_stop":
        stands = np.where((within > 0) & (course.speed < STANDS_MPS), 1.0, -1.0)
        found = spans(course.times, stands, LAPSE_S)
        return [happening(a, b, dwell_s=b - a) for a, b in found if b - a >= rule.get("after_s", 30.0)]
    if kind == "speeding":
        too_fast = np.minimum(within, (course.speed * 3.6 - rule["limit_kmh"]) * 5)
        return [happening(a, b, speed_kmh=_mean_speed(course, a, b)) for a, b in spans(course.times, too_fast, SLOWER_S) if b - a > 0.6]
    if kind == "wrong_way":
        step = np.gradient(feet, axis=0) if len(feet) > 1 else np.zeros_like(feet)
        length = np.maximum(np.linalg.norm(step, axis=1), 1e-6)
        allowed = np.asarray(rule["allowed"], np.float64)
        turned = step @ (allowed / np.linalg.norm(allowed)) / length
        against = np.where((within > 0) & (turned < -0.5) & (course.speed > 0.5), np.minimum(within, 50), -1.0)
        return [happening(a, b, against_s=b - a) for a, b in spans(course.times, against, LAPSE_S) if b - a >= 1.0]
    return []


def _classes(rule: Mapping[str, Any]) -> Sequence[str]:
    usual = {"intrusion": ("person",), "loitering": ("person",), "wrong_way": VEHICLES, "line_count": VEHICLES}
    return tuple(rule.get("classes", usual.get(rule["kind"], MOTORED)))


def _mean_speed(course: Course, a: float, b: float) -> float:
    during = (course.times >= a) & (course.times <= b)
    return float(course.speed[during].mean() * 3.6)


SLOW, OCCUPANCY, VEHICLES_LEAST, MEAN_S = 0.5, 0.25, 4.0, 5.0
"""What congestion means where the camera file does not say: box sizes a second, share of the zone, vehicles, averaged over."""


def congestions(rule: Mapping[str, Any], camera: Mapping[str, Any], all_courses: Sequence[Course], seconds: float) -> list[Happening]:
    """When the vehicles of a zone stood or crawled close together, in the mean over five seconds around each moment."""
    polygon = np.asarray(camera["zones"][rule["zone"]], np.float64)
    grid = np.arange(0, seconds + 0.01, 0.25)
    numbers = np.zeros((len(grid), 4))  # vehicles, sum of speeds, how many speeds, share covered
    low, high = np.floor(polygon.min(0)).astype(int), np.ceil(polygon.max(0)).astype(int)
    zone = np.zeros((high[1] - low[1] + 1, high[0] - low[0] + 1), np.uint8)
    cv2.fillPoly(zone, [np.round(polygon - low).astype(np.int32)], 1)
    mine = [c for c in all_courses if c.object in _classes(rule)]
    within = [inside(polygon.tolist(), c.feet) for c in mine]
    for i, t in enumerate(grid):
        cover = np.zeros_like(zone)
        for course, depth in zip(mine, within, strict=True):
            k = int(np.searchsorted(course.times, t - 1e-6))
            if k >= len(course.times) or course.times[k] - t > GRID_S or depth[k] <= 0:
                continue
            box = course.boxes[k]
            back = max(k - round(1 / GRID_S), 0)
            size = float(np.sqrt((box[2] - box[0]) * (box[3] - box[1])))
            numbers[i, 0] += 1
            if course.times[k] - course.times[back] > 0.5:
                numbers[i, 1] += float(np.hypot(*(course.feet[k] - course.feet[back]))) / size / (course.times[k] - course.times[back])
                numbers[i, 2] += 1
            x0, y0, x1, y1 = np.round(box - np.concatenate([low, low])).astype(int)
            cover[max(y0, 0) : max(y1, 0), max(x0, 0) : max(x1, 0)] = 1
        numbers[i, 3] = (cover & zone).sum() / zone.sum()
    n = round(MEAN_S / 0.25)
    pad = np.pad(numbers, ((n // 2, n // 2), (0, 0)), mode="edge")
    mean = np.stack([np.convolve(pad[:, c], np.ones(n + 1) / (n + 1), "valid") for c in range(4)], 1)
    speed = np.where(mean[:, 2] > 0, mean[:, 1] / np.maximum(mean[:, 2], 1e-9), 0.0)
    slow, occupancy, least = rule.get("slow", SLOW), rule.get("occupancy", OCCUPANCY), rule.get("min_vehicles", VEHICLES_LEAST)
    jammed = (speed <= slow) & (mean[:, 3] >= occupancy) & (mean[:, 0] >= least)
    released = (speed > 1.5 * slow) | (mean[:, 3] < 0.7 * occupancy) | (mean[:, 0] < 0.7 * least)
    found: list[tuple[float, float]] = []
    start: float | None = None
    for t, jam, free in zip(grid, jammed, released, strict=True):
        if start is None and jam:
            start = float(t)
        elif start is not None and free:
            found.append((start, float(t)))
            start = None
    if start is not None:
        found.append((start, seconds))
    merged: list[tuple[float, float]] = []
    for a, b in found:
        if merged and a - merged[-1][1] < rule.get("clear_s", 10.0):
            merged[-1] = (merged[-1][0], b)
        else:
            merged.append((a, b))
    long = [(a, b) for a, b in merged if b - a >= rule.get("after_s", 30.0)]
    return [Happening("congestion", round(a, 3), round(b, 3), rule["zone"], None, None, {"congested_s": round(b - a, 3)}) for a, b in long]


@dataclass(frozen=True, eq=False)
class Facts:
    """All that is true of a world, whatever the frame rate."""

    happenings: list[Happening]
    passages: list[Passage]
    speeds: dict[int, float]
    """km/h by track: mean over the time in the speeding rule's zone."""


def facts(world: World) -> Facts:
    """Works out what is true of a world."""
    all_courses = courses(world)
    events: list[Happening] = []
    crossed: list[Passage] = []
    speeds: dict[int, float] = {}
    for rule in world.camera["rules"]:
        if rule["kind"] == "congestion":
            events += congestions(rule, world.camera, all_courses, world.seconds)
        for course in all_courses:
            if rule["kind"] == "line_count" and course.object in _classes(rule):
                crossed += passages(rule["line"], world.camera["lines"][rule["line"]], course)
            events += happenings(rule, world.camera, course)
            if rule["kind"] == "speeding" and course.object in _classes(rule):
                for a, b in spans(course.times, inside(world.camera["zones"][rule["zone"]], course.feet))[:1]:
                    speeds[course.track] = round(_mean_speed(course, a, b), 2)
    events.sort(key=lambda e: (e.start, e.kind, e.track or 0))
    crossed.sort(key=lambda c: (c.at, c.track))
    return Facts(events, crossed, speeds)


def document(world: World, fps: float, frames: int, size: tuple[int, int]) -> dict[str, Any]:
    """The truth file's content: what is true of the world, and each frame's boxes in pixels of `size`."""
    known = facts(world)
    pictures = []
    for i in range(frames):
        boxes = [
            {"track": s.id, "object": s.object, "colour": s.colour, "box": [round(v, 2) for v in s.box], "visible": s.visible, "cut": s.cut}
            for s in world.seen(i / fps, size)
        ]
        pictures.append({"at": round(i / fps, 4), "boxes": boxes})
    return {
        "scene": world.scene, "seed": world.seed, "seconds": world.seconds, "fps": fps, "size": list(size), "step_s": STEP_S,
        "events": [asdict(e) for e in known.happenings], "crossings": [asdict(c) for c in known.passages],
        "speeds_kmh": {str(k): v for k, v in known.speeds.items()}, "frames": pictures,
    }  # fmt: skip
