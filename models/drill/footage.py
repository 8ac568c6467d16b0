"""Renders a scene to disk: the video, the truth and the camera file."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.drill.truth import document
from models.drill.world import World


@dataclass(frozen=True)
class Rendered:
    """What `render` wrote.

    Attributes:
        camera_id: the camera's id, also the name of its file.
        video, truth, camera: the files.
    """

    scene: str
    seed: int
    camera_id: str
    video: Path
    truth: Path
    camera: Path


def frame_count(seconds: float, fps: float) -> int:
    return round(seconds * fps)


def frames(world: World, fps: float, progress: Callable[[int, int], None] | None = None) -> Iterator[NDArray[np.uint8]]:
    """The world's pictures at `fps`, (h, w, 3) blue first; `progress(done, of)` after each."""
    import cv2

    from models.drill.film import Film

    cv2.setNumThreads(1)
    film, count = Film(world), frame_count(world.seconds, fps)
    for i in range(count):
        yield film.frame(i / fps)
        if progress is not None:
            progress(i + 1, count)


def camera_document(world: World, camera_id: str) -> dict[str, Any]:
    """The camera file's content."""
    name = {"vi": f"Cảnh dựng {world.scene} số {world.seed}", "en": f"Drill scene {world.scene} no. {world.seed}"}
    return {"id": camera_id, "name": name, **world.camera}


def render(
    scene: str,
    seed: int,
    seconds: float,
    out_dir: Path,
    *,
    fps: float = 12.5,
    size: tuple[int, int] = (960, 540),
    codec: str = "h264",
    gop: int = 50,
    crf: int = 23,
    progress: Callable[[int, int], None] | None = None,
) -> Rendered:
    """Renders `seconds` of a scene into `out_dir`: `<id>.mp4`, `<id>.truth.json`, `<id>.yaml`.

    Args:
        seed: the same seed makes the same world, whatever the frame rate.
        fps: frames a second; gop: frames from one key frame to the next; crf: x264's and x265's constant rate factor.

    Raises:
        ValueError: there is no such scene or codec.
    """
    import yaml

    from models.drill import build
    from models.drill.encode import encode

    world = build(scene, seed, seconds, size)
    out_dir.mkdir(parents=True, exist_ok=True)
    done = _files(scene, seed, out_dir)
    described = camera_document(world, done.camera_id)
    done.camera.write_text(yaml.safe_dump(described, allow_unicode=True, sort_keys=False), encoding="utf-8")
    truth = document(world, fps, frame_count(seconds, fps), size)
    done.truth.write_text(json.dumps(truth, ensure_ascii=False), encoding="utf-8")
    part = done.video.with_name(f".{done.video.name}")
    encode(frames(world, fps, progress), part, fps=fps, codec=codec, gop=gop, crf=crf)
    part.replace(done.video)
    return done


def rendered_before(scene: str, seed: int, out_dir: Path) -> Rendered | None:
    """What `render` wrote into `out_dir` before, if it came to its end."""
    there = _files(scene, seed, out_dir)
    return there if there.video.exists() else None


def _files(scene: str, seed: int, folder: Path) -> Rendered:
    camera_id = f"drill-{scene}-{seed}"
    return Rendered(scene, seed, camera_id, *(folder / f"{camera_id}{end}" for end in (".mp4", ".truth.json", ".yaml")))
