"""Little videos for tests of jobs: a square that moves over grey."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

Maker = Callable[..., Path]


def write_clip(
    path: Path, seconds: float = 2.0, fps: int = 10, size: tuple[int, int] = (160, 96), shade: int = 90, created: str | None = None
) -> Path:
    """An H.264 file; `shade` of grey makes contents differ, `created` is the container's creation time (ISO 8601)."""
    width, height = size
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        if created:
            container.metadata["creation_time"] = created
        stream = container.add_stream("libx264", rate=fps, options={"preset": "ultrafast", "g": "10"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.time_base = Fraction(1, fps)
        for i in range(round(seconds * fps)):
            picture = np.full((height, width, 3), shade, np.uint8)
            x = 4 + 3 * i % (width - 40)
            picture[30:60, x : x + 30] = (200, 60, 40)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return path


@pytest.fixture
def clip(tmp_path: Path) -> Maker:
    """Makes a little video: `clip("a.mp4", seconds=2, shade=90, …)`."""

    def make(name: str, **given: object) -> Path:
        return write_clip(tmp_path / "footage" / name, **given)  # type: ignore[arg-type]

    return make
