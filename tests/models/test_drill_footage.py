"""Rendered footage: as many frames as asked for, at their times, with key frames, truth and a camera file that reads."""

import json
from pathlib import Path

import numpy as np
import pytest
import yaml

from analytics.camera import Camera
from models.drill import build
from models.drill.encode import encode
from models.drill.film import Film
from models.drill.footage import frame_count, render

SIZE = (320, 180)


@pytest.mark.parametrize(("fps", "codec", "name"), [(5.0, "h264", "h264"), (12.5, "h265", "hevc"), (30.0, "h264", "h264")])
def test_render(fps: float, codec: str, name: str, tmp_path: Path) -> None:
    import av

    done = render("gate", 2, 2.0, tmp_path, fps=fps, size=SIZE, codec=codec, gop=10)
    with av.open(str(done.video)) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.name == name
        frames = [(float(f.pts * f.time_base), f.key_frame, f.width, f.height) for f in container.decode(stream)]
    assert len(frames) == frame_count(2.0, fps)
    assert np.allclose([f[0] for f in frames], np.arange(len(frames)) / fps, atol=2e-3)
    assert [i for i, f in enumerate(frames) if f[1]][:2] == [0, 10] or len(frames) <= 10
    assert frames[0][2:] == SIZE
    truth = json.loads(done.truth.read_text())
    assert [p["at"] for p in truth["frames"]] == pytest.approx([i / fps for i in range(len(frames))], abs=1e-4)
    camera = Camera.read(yaml.safe_load(done.camera.read_text()))
    assert (camera.id, camera.resolution) == (done.camera_id, SIZE)


def test_an_unknown_codec(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="there are h264, h265"):
        encode(iter([]), tmp_path / "x.mp4", fps=5, codec="vp9")


def test_a_picture_depends_on_its_time_alone() -> None:
    film = Film(build("street", 6, 10.0, SIZE))
    first = film.frame(4.2)
    film.frame(8.0)
    assert (film.frame(4.2) == first).all()
    assert (Film(build("street", 6, 10.0, SIZE)).frame(4.2) == first).all()


@pytest.mark.parametrize(("scene", "dark"), [("street", False), ("night", True)])
def test_day_and_night(scene: str, dark: bool) -> None:
    picture = Film(build(scene, 6, 10.0, SIZE)).frame(5.0)
    assert picture.shape == (SIZE[1], SIZE[0], 3)
    assert (picture.mean() < 75) == dark
    assert picture.std() > 15
