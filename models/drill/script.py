"""What scene scripts are written with: actors added one by one, clear ways, zones and lines drawn from metres."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.drill.actors import PEOPLE, SIZES, Actor, dressed
from models.drill.light import Light
from models.drill.motion import Motion, Way, strolling
from models.drill.stage import Stage
from models.drill.traffic import Driver, drive
from models.drill.view import View
from models.drill.world import World

Array = NDArray[np.float64]
CITY_MIX = {
    "wave": 0.2,
    "scooter": 0.2,
    "sedan": 0.16,
    "hatch": 0.14,
    "suv": 0.12,
    "taxi": 0.05,
    "van": 0.04,
    "box": 0.03,
    "bed": 0.02,
    "city": 0.02,
    "mini": 0.02,
}
"""What drives, by chance; Vietnamese streets carry far more motorbikes, which would leave too few events of the others."""


class Script:
    """A scene in the making; every choice comes out of its `rng`."""

    def __init__(self, name: str, seed: int, seconds: float, view: View, light: Light, stage: Stage, rng: np.random.Generator) -> None:
        self.name, self.seed, self.seconds = name, seed, seconds
        self.view, self.light, self.stage, self.rng = view, light, stage, rng
        self.actors: list[Actor] = []
        self._next = 1
        self.camera: dict[str, Any] = {"resolution": list(view.size), "zones": {}, "lines": {}, "rules": []}
        self.areas: dict[str, Array] = {}

    def ground(self, corners: Sequence[tuple[float, float]]) -> None:
        """Gives the camera file its ground points: places on the ground that show in the picture."""
        image = self.view.ground_pixels(np.array(corners))
        self.camera["ground"] = {"image": np.round(image, 3).tolist(), "metres": [list(c) for c in corners]}

    def nearest(self, x: float, y: float) -> float:
        """The smallest y from `y` on at which the ground at `x` is in the picture, a little off its edge."""
        w, h = self.view.size
        for at in np.arange(y, 60.0, 0.25):
            px, py = self.view.ground_pixels(np.array([[x, at]]))[0]
            if 0.01 * w < px < 0.99 * w and 0 < py < 0.97 * h and self.view.camera_points(np.array([[x, at, 0]]))[0, 2] > 1:
                return float(at)
        return y

    def zone(self, name: str, corners: Sequence[tuple[float, float]]) -> None:
        """A zone drawn as the picture of a polygon on the ground."""
        self.areas[name] = np.array(corners, np.float64)
        self.camera["zones"][name] = np.round(self.view.ground_pixels(np.array(corners)), 2).tolist()

    def line(self, name: str, a: tuple[float, float], b: tuple[float, float]) -> None:
        """A counting line between two places on the ground."""
        self.camera["lines"][name] = np.round(self.view.ground_pixels(np.array([a, b])), 2).tolist()

    def direction(self, at: tuple[float, float], towards: tuple[float, float]) -> list[float]:
        """How a direction on the ground looks in the picture at a place: unit vector, x right, y down."""
        a, b = self.view.ground_pixels(np.array([at, (at[0] + towards[0], at[1] + towards[1])]))
        way = (b - a) / np.linalg.norm(b - a)
        return [round(float(way[0]), 4), round(float(way[1]), 4)]

    def rule(self, kind: str, **parameters: Any) -> None:
        self.camera["rules"].append({"kind": kind, **parameters})

    def add(self, kind: str, motion: Motion, role: str = "", paint: str | None = None) -> Actor:
        """Adds an actor; ids leave room for its riders, and are not given twice though an actor be taken out again."""
        actor = dressed(kind, motion, self._next, self.rng, paint=paint, night=self.light.night, role=role)
        self.actors.append(actor)
        self._next += 4
        return actor

    def traffic(
        self,
        way: Way,
        drivers: Sequence[tuple[str, Driver]],
        roles: Sequence[str] = (),
        red: Sequence[tuple[float, float]] = (),
        red_at_m: float = 0.0,
    ) -> list[Actor]:
        """Adds a lane's vehicles as they really drive when each follows the one ahead."""
        motions = drive(way, [d for _, d in drivers], self.seconds + 1, red, red_at_m)
        roles = roles or [""] * len(drivers)
        return [self.add(kind, motion, role) for (kind, _), motion, role in zip(drivers, motions, roles, strict=True) if len(motion.xy) > 2]

    def kind(self, mix: dict[str, float] = CITY_MIX, only: Iterable[str] | None = None) -> str:
        """A kind of vehicle by chance."""
        names = [k for k in mix if only is None or SIZES[k][0] in only]
        odds = np.array([mix[k] for k in names])
        return str(self.rng.choice(names, p=odds / odds.sum()))

    def walker(self, way: Way, start_s: float, speed: float, pauses: Sequence[tuple[float, float]] = (), role: str = "") -> Actor:
        """Adds a person on foot."""
        kind = str(self.rng.choice(PEOPLE, p=[0.36, 0.3, 0.1, 0.14, 0.1]))
        return self.add(kind, way.motion(start_s, strolling(way.length, speed, pauses)), role)

    def clear(self, motion: Motion, apart_m: float, against: Sequence[Actor] | None = None, from_s: float = -5.0) -> bool:
        """Whether a motion's middle stays `apart_m` metres away from the outlines of all others."""
        for other in self.actors if against is None else against:
            a, b = max(motion.start_s, other.motion.start_s, from_s), min(motion.end_s, other.motion.end_s, self.seconds + 1)
            times = np.arange(a, b, 0.2)
            if not len(times):
                continue
            gap = _xy(motion, times) - _xy(other.motion, times)
            heading = np.interp(times, other.motion.times, other.motion.heading)
            c, s = np.cos(heading), np.sin(heading)
            ahead, aside = np.abs(gap[:, 0] * c + gap[:, 1] * s), np.abs(gap[:, 1] * c - gap[:, 0] * s)
            half_wide = 0.3 if other.object == "person" else SIZES[other.shape][3] / 2
            if (np.hypot(np.maximum(ahead - other.radius, 0), np.maximum(aside - half_wide, 0)) < apart_m).any():
                return False
        return True

    def when_clear(self, make: Callable[[float], Motion], around_s: float, apart_m: float, reach_s: float = 6.0) -> Motion | None:
        """The motion that starts nearest to `around_s` and is clear of all others; None where there is none."""
        for shift in sorted(np.arange(-reach_s, reach_s + 0.1, 0.5), key=abs):
            motion = make(around_s + float(shift))
            if self.clear(motion, apart_m):
                return motion
        return None

    def done(self) -> World:
        return World(self.name, self.seed, self.seconds, self.view, self.light, self.stage, self.actors, self.camera, self.areas)


def _xy(motion: Motion, times: Array) -> Array:
    return np.stack([np.interp(times, motion.times, motion.xy[:, i]) for i in (0, 1)], 1)
