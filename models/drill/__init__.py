"""Drill: rendered street scenes whose truth is known exactly. Simulates in metres, films with a perspective camera."""

import pkgutil
from importlib import import_module

from models.drill.world import World

__all__ = ["World", "build", "scenes"]


def scenes() -> tuple[str, ...]:
    """Names of the scenes: the files of `models/drill/scenarios`."""
    from models.drill import scenarios as folder

    return tuple(sorted(info.name for info in pkgutil.iter_modules(folder.__path__)))


def build(scene: str, seed: int, seconds: float, size: tuple[int, int] = (960, 540)) -> World:
    """Makes the world of a scene; the same arguments always make the same one.

    Raises:
        ValueError: there is no such scene.
    """
    if scene not in scenes():
        raise ValueError(f"unknown scene {scene!r}; there are {', '.join(scenes())}")
    world: World = import_module(f"models.drill.scenarios.{scene}").build(seed, seconds, size)
    return world
