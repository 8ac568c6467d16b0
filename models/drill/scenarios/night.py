"""The street at night: lamps, headlights, a noisy sensor."""

from models.drill.scenarios import street
from models.drill.world import World


def build(seed: int, seconds: float, size: tuple[int, int]) -> World:
    """The street of another seed's traffic, lit by lamps."""
    return street.build(seed, seconds, size, night=True)
