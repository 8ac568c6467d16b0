"""A short mixed street for `matthan demo`: a bit of everything that a street shows."""

import numpy as np

from models.drill.scenarios import street
from models.drill.world import World


def build(seed: int, seconds: float, size: tuple[int, int]) -> World:
    """Street traffic with an illegal stop, a wrong-way rider and a speeder within forty seconds."""
    script = street.start("demo", seed, seconds, size, np.random.default_rng([seed, 31]), False)
    street.plan(script, every_s=3.0, long_stops=0.85)
    return script.done()
