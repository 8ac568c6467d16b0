"""Little videos for tests of jobs, a square that moves over grey, and a lake that has seen one."""

import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from cluster.lake import Lake
from cluster.settings import Settings, load
from jobs.footage import register
from tests.chronicle import T0, rows
from tests.jobs import blocks
from tests.jobs.lakes import settle

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


TRACK, EVENT = 0x2A, 0xBEE
"""The ids of what `watched` holds."""


def place(second: float) -> tuple[float, float, float, float]:
    """Where the square of `write_clip` is, xyxy px."""
    x = 4.0 + 30.0 * second
    return (x, 30.0, x + 30.0, 60.0)


@pytest.fixture
def watched(home: Settings, clip: Maker) -> Settings:
    """A camera `gate` with four seconds of footage, its square as a track and as an event of a zone, and a congestion without a box."""
    home.cameras.mkdir(parents=True)
    zone, line = "[[0, 10], [159, 10], [159, 90], [0, 90]]", "[[80, 0], [80, 95]]"
    text = f"id: gate\nname: {{vi: Cổng, en: Gate}}\nresolution: [160, 96]\nzones: {{road: {zone}}}\nlines: {{across: {line}}}\n"
    (home.cameras / "gate.yaml").write_text(text, encoding="utf-8")
    lake = Lake(home)
    [one] = register(home, lake, [str(clip("gate.mp4", seconds=4.0))], "gate", T0)
    seen = {"camera": "gate", "track": TRACK, "object": "motorcycle", "colour": "red"}
    look = {"box_at": T0 + 2.0, "box": list(place(2.0)), "start": T0 + 0.5, "end": T0 + 3.5}
    points = [dict(zip(("x1", "y1", "x2", "y2"), place(i / 10), strict=True)) | {"at": T0 + i / 10} for i in range(5, 36)]
    event = {"camera": "gate", "event": EVENT, "kind": "wrong_way", "zone": "road", "tracks": [TRACK], "evidence": '{"against_s": 3.0}'}
    scene = {"camera": "gate", "event": EVENT + 1, "kind": "congestion", "zone": "road", "object": None, "box": None, "box_at": None}
    lake.commit_chunk(
        {
            "points": rows(lake, "points", *[seen | p for p in points]),
            "tracks": rows(lake, "tracks", seen | look | {"heading_deg": 90.0, "zones": ["road"]}),
            "events": rows(
                lake, "events", event | look | {"object": "motorcycle", "colour": "red"}, scene | {"start": T0 + 1, "end": T0 + 3}
            ),
            "counts": rows(lake, "counts", {"camera": "gate", "at": T0 + 2.0, "track": TRACK, "object": "motorcycle", "pcu": 0.3}),
        },
        rows(
            lake,
            "coverage",
            {"camera": "gate", "footage": one.footage, "start": T0, "end": T0 + 4.0, "written_at": time.time(),
             "rules": "wrong_way-1-0,congestion-1-0,line_count-1-0"},
        ),
    )  # fmt: skip
    return home


@pytest.fixture(scope="session")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the network of `blocks` and how it is run on this host, and with `street.mp4`, filmed once."""
    from models import bench, catalog
    from models.backends import Choice
    from models.bench import Measured

    folder = tmp_path_factory.mktemp("studio")
    weights = catalog.resolve(blocks.write_network(folder / blocks.MODEL), folders=(), cache=folder)
    way = Measured(Choice("openvino", "f32", 1, 640), 1.0, 1.0, 1.0, 1.0, 100, 0.0)
    bench.remember(weights, folder / "cache", [way])
    blocks.film(folder / "street.mp4", blocks.STREET, 0.0, blocks.STREET_S)
    return folder


@pytest.fixture
def town(home: Settings, studio: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A home that has everything to index the world of `blocks`, in the environment too."""
    monkeypatch.setenv("MATTHAN_WEIGHTS", str(studio))
    assert settle(home.home, studio) == load()
    return load()


Reel = Callable[[float, float], Path]


@pytest.fixture(scope="session")
def reel(studio: Path) -> Reel:
    """`reel(a, b)` is a film of the street of `blocks` from `a` to `b` seconds, filmed on first use."""

    def film(a: float, b: float) -> Path:
        path = studio / f"street_{a:g}_{b:g}.mp4"
        return path if path.exists() else blocks.film(path, blocks.STREET, a, b)

    return film
