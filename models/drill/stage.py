"""What stands still in a scene: ground, markings, houses, trees, posts; in metres. How it looks is `backdrop`'s."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Region:
    """A piece of ground of one material (asphalt, pavement, grass, plaza, kerb, white, yellow); later ones lie over earlier ones."""

    polygon: tuple[tuple[float, float], ...]
    material: str


@dataclass(frozen=True)
class House:
    """A box of a house: its front runs from `a` to `b` (the wall shows to the left of a→b), `depth` goes behind it."""

    a: tuple[float, float]
    b: tuple[float, float]
    height: float
    depth: float
    seed: int


@dataclass(frozen=True)
class Tree:
    """A street tree."""

    at: tuple[float, float]
    height: float
    crown: float
    seed: int


@dataclass(frozen=True)
class Post:
    """A post; `arm` (dx, dy) carries a street lamp where it is not zero."""

    at: tuple[float, float]
    height: float
    radius: float = 0.07
    arm: tuple[float, float] = (0.0, 0.0)


@dataclass
class Stage:
    """All that stands still."""

    regions: list[Region] = field(default_factory=list)
    houses: list[House] = field(default_factory=list)
    trees: list[Tree] = field(default_factory=list)
    posts: list[Post] = field(default_factory=list)
    wheel_tracks: list[tuple[float, float]] = field(default_factory=list)
    """(x, half width) of the polished or darkened strips that wheels leave along a road in y."""

    def strip(self, x0: float, x1: float, y0: float, y1: float, material: str) -> None:
        """A rectangle."""
        self.regions.append(Region(((x0, y0), (x1, y0), (x1, y1), (x0, y1)), material))

    def dashes(
        self, x: float, y0: float, y1: float, material: str = "white", dash: float = 3.0, gap: float = 5.0, wide: float = 0.13
    ) -> None:
        """A dashed line along y."""
        for y in np.arange(y0, y1, dash + gap):
            self.strip(x - wide / 2, x + wide / 2, float(y), float(min(y + dash, y1)), material)

    def row_of_houses(
        self, x: float, y0: float, y1: float, facing: int, rng: np.random.Generator, height: tuple[float, float] = (7, 17)
    ) -> None:
        """Narrow houses side by side along y whose fronts look towards `facing` (-1: to the left, 1: to the right)."""
        y = y0
        while y < y1:
            wide = float(rng.uniform(4, 7.5))
            a, b = ((x, y), (x, y + wide)) if facing < 0 else ((x, y + wide), (x, y))
            self.houses.append(House(a, b, float(rng.uniform(*height)), float(rng.uniform(8, 14)), int(rng.integers(1 << 31))))
            y += wide + (float(rng.uniform(0.5, 3)) if rng.random() < 0.15 else 0.0)

    def lamps(self) -> Array:
        """(L, 3) of the street lamps' lights."""
        at = [(p.at[0] + p.arm[0], p.at[1] + p.arm[1], p.height) for p in self.posts if p.arm != (0.0, 0.0)]
        return np.array(at, np.float64).reshape(-1, 3)
