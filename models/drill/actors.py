"""Who takes part in a scene: a shape, its colours and its motion; and where its points are at any time."""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from models.drill import people, vehicles
from models.drill.light import PAINTS, linear
from models.drill.mesh import Material as Mat
from models.drill.mesh import Mesh
from models.drill.motion import Motion
from models.drill.paint import Palette

Array = NDArray[np.float64]

SIZES: dict[str, tuple[str, str, float, float]] = {
    "sedan": ("car", "sedan", 4.5, 1.8), "taxi": ("car", "taxi", 4.5, 1.8), "hatch": ("car", "hatch", 3.95, 1.72),
    "suv": ("car", "suv", 4.65, 1.9), "van": ("car", "van", 5.2, 1.9), "box": ("truck", "box", 6.2, 2.1),
    "bed": ("truck", "bed", 5.8, 2.0), "heavy": ("truck", "heavy", 9.0, 2.45),
    "city": ("bus", "city", 11.0, 2.5), "mini": ("bus", "mini", 7.0, 2.1), "wave": ("motorcycle", "wave", 1.95, 0.75),
    "scooter": ("motorcycle", "scooter", 1.95, 0.75), "bicycle": ("bicycle", "bicycle", 1.75, 0.6),
}  # fmt: skip
"""Kind of shape: object class, shape, length and width in metres."""
PEOPLE = ("man", "woman", "skirt", "bag", "conical")

_BASE = {
    Mat.TRIM: (24, 24, 26), Mat.GLASS: (12, 15, 17), Mat.TYRE: (22, 22, 22), Mat.RIM: (150, 150, 154),
    Mat.HEADLAMP: (214, 220, 226), Mat.TAILLAMP: (130, 10, 12), Mat.PLATE: (224, 224, 222), Mat.CARGO: (196, 198, 196),
    Mat.METAL: (128, 128, 132), Mat.SKIN: (190, 146, 116), Mat.HAIR: (24, 20, 18), Mat.SHOES: (40, 36, 34), Mat.BAG: (150, 128, 86),
}  # fmt: skip
_TOPS = [
    (222, 222, 218), (40, 44, 52), (60, 90, 150), (150, 34, 36), (196, 170, 130), (70, 110, 76), (222, 176, 60), (120, 124, 130),
    (186, 110, 130), (150, 190, 214),
]  # fmt: skip
_LEGS = [(34, 38, 50), (52, 68, 100), (26, 26, 28), (112, 104, 92), (70, 72, 76), (150, 140, 122)]
_PAINT_ODDS = {
    "white": 0.3,
    "black": 0.16,
    "silver": 0.14,
    "grey": 0.12,
    "red": 0.1,
    "blue": 0.08,
    "brown": 0.04,
    "yellow": 0.02,
    "green": 0.02,
    "orange": 0.02,
}


@dataclass(eq=False)
class Actor:
    """One vehicle or person, with who rides on it.

    Attributes:
        id: number in the scene; its riders have `id + 1`, `id + 2`.
        object: class of group 0, a name of the taxonomy.
        shape: key of its mesh.
        colour: name of its paint, None for people.
        height_m: of a person on foot.
        riders: people who ride on it.
        role: what it does in the scene's script, for the truth's readers.
    """

    id: int
    object: str
    shape: str
    palette: Palette
    motion: Motion
    colour: str | None = None
    height_m: float = 1.7
    riders: int = 0
    role: str = ""

    @property
    def mesh(self) -> Mesh:
        return _mesh(self.object, self.shape, self.riders)

    @property
    def coarse_mesh(self) -> Mesh:
        """Fewer faces, for when it is seen small."""
        return _mesh(self.object, self.shape, self.riders, True)

    @property
    def corners(self) -> Mesh:
        """The mesh's points that its outline can pass through, without faces: boxes and shadows need no more."""
        return _corners(self.object, self.shape, self.riders)

    @property
    def radius(self) -> float:
        """Half of its length in metres."""
        return 0.3 if self.object == "person" else SIZES[self.shape][2] / 2

    def vertices(self, t: float, mesh: Mesh | None = None) -> Array | None:
        """(V, 3) metres in the world of all points of the mesh (or of another of the same parts) at `t`, or None."""
        return self._placed(t, mesh or self.mesh)

    def outline(self, t: float) -> Array | None:
        """(C, 3) metres in the world of `corners` at `t`, or None where it is not there."""
        return self._placed(t, self.corners)

    def _placed(self, t: float, mesh: Mesh) -> Array | None:
        state = self.motion.at(t)
        if state is None:
            return None
        x, y, heading, distance, speed = state
        local = mesh.vertices.astype(np.float64)
        if self.object == "person":
            near = self.motion.at(min(t + 0.25, self.motion.end_s))
            gait = min(speed, ((near[3] - distance) / 0.25 if near else speed) + 0.3)
            r, place = people.walk(distance + self.id * 0.37, gait, self.height_m)
            local = (_turned(r[mesh.part], local) + place[mesh.part]) * (self.height_m / 1.7)
        elif self.riders:
            r, place = people.rider_pose(self.shape, self.riders, distance)
            local = _turned(r[mesh.part], local) + place[mesh.part]
        c, s = np.cos(heading), np.sin(heading)
        return local @ np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]]) + [x, y, 0]


def _turned(rotations: Array, points: Array) -> Array:
    """(N, 3) points, each turned by its own (3, 3)."""
    turned: Array = (rotations @ points[:, :, None])[:, :, 0]
    return turned


def _mesh(of: str, shape: str, riders: int, coarse: bool = False) -> Mesh:
    if of == "person":
        return people.figure(shape, coarse)
    if of == "motorcycle":
        return people.motorbike(shape, riders, coarse)
    if of == "bicycle":
        return people.bicycle(coarse)
    return {"car": vehicles.car, "truck": vehicles.truck, "bus": vehicles.bus}[of](shape, coarse)


@cache
def _corners(of: str, shape: str, riders: int) -> Mesh:
    """Of each rigid part the vertices of its convex hull: no projection of the part reaches beyond theirs."""
    from scipy.spatial import ConvexHull

    mesh = _mesh(of, shape, riders)
    rows = []
    for part in np.unique(mesh.part):
        mine = np.flatnonzero(mesh.part == part)
        rows.append(mine[ConvexHull(mesh.vertices[mine]).vertices])
    keep = np.sort(np.concatenate(rows))
    none = np.zeros(0, np.int16)
    return Mesh(mesh.vertices[keep], np.zeros((0, 4), np.int32), none, none.astype(np.int8), mesh.part[keep], mesh.group[keep])


def dressed(
    kind: str, motion: Motion, number: int, rng: np.random.Generator, *, paint: str | None = None, night: bool = False, role: str = ""
) -> Actor:
    """An actor of `kind` (a key of `SIZES` or one of `PEOPLE`) with colours by chance."""
    albedo, emission = np.zeros((32, 3)), np.zeros((32, 3))
    for material, rgb in _BASE.items():
        albedo[material] = linear(rgb)
    albedo[Mat.SKIN] *= rng.uniform(0.75, 1.15)
    albedo[Mat.TOP] = linear(_TOPS[rng.integers(len(_TOPS))]) * rng.uniform(0.8, 1.1)
    albedo[Mat.LEGS] = linear(_LEGS[rng.integers(len(_LEGS))]) * rng.uniform(0.8, 1.1)
    albedo[Mat.HELMET] = linear(list(PAINTS.values())[rng.integers(len(PAINTS))])
    albedo[Mat.BAG] = linear(
        [(196, 176, 128), (60, 64, 70), (40, 80, 130), (110, 40, 40)][rng.integers(4)] if kind not in ("conical",) else (212, 190, 140)
    )
    if kind in PEOPLE:
        height = float(rng.uniform(1.62, 1.8) if kind in ("man", "bag") else rng.uniform(1.5, 1.66))
        return Actor(number, "person", kind, Palette(albedo, emission), motion, None, height, 0, role)
    odds = _PAINT_ODDS
    name = paint or str(rng.choice(list(odds), p=list(odds.values())))
    if paint is None and kind == "taxi":
        name = str(rng.choice(["yellow", "white", "green"], p=[0.4, 0.3, 0.3]))
    if paint is None and kind in ("city", "mini"):
        name = str(rng.choice(["red", "yellow", "white", "green", "blue"]))
    albedo[Mat.PAINT] = linear(PAINTS[name]) * rng.uniform(0.9, 1.1)
    if kind in ("box", "heavy") and rng.random() < 0.4:
        albedo[Mat.CARGO] = linear(PAINTS[str(rng.choice(["blue", "orange", "grey", "green"]))])
    if kind in ("city", "mini"):
        albedo[Mat.CARGO] = linear((226, 226, 220))
    if night:
        emission[Mat.HEADLAMP] = [2.6, 2.9, 3.0]
        emission[Mat.TAILLAMP] = [0.03, 0.03, 0.55]
    of, shape, _, _ = SIZES[kind]
    riders = 0 if of not in ("motorcycle", "bicycle") else (2 if of == "motorcycle" and rng.random() < 0.3 else 1)
    return Actor(number, of, shape, Palette(albedo, emission), motion, name, 1.7, riders, role)
