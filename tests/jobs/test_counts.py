"""Counts of real clips at the default settings, from pixels: as they are, mirrored, smaller, and at half the frame rate."""

from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from analytics.camera import Camera
from analytics.engine import CameraEngine
from analytics.event import Crossing
from analytics.fold import RuleFold
from analytics.tracker import CarryTracker
from tests import recordings

pytestmark = pytest.mark.footage


@pytest.fixture(scope="module")
def detector(shared_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    from models.backends import Choice
    from models.catalog import resolve
    from models.detector import Detector

    cache = tmp_path_factory.mktemp("cache")
    weights = resolve("street", folders=[shared_folder / "weights"], cache=cache)
    return Detector.open(weights, Choice("openvino", "f32"), cache=cache)


def counted(path: Path, camera: Camera, detector: Any) -> Counter[str]:
    from cluster.video import read
    from models.sight import Sight

    engine = CameraEngine(CarryTracker(camera.resolution), RuleFold(camera))
    sight = Sight(detector, camera.resolution)
    found, last = [], 0.0
    for observation in sight.observe(read(path), engine.open_boxes):
        found += engine.step(observation).findings
        last = observation.at
    found += engine.finish(last).findings
    return Counter(f.line for f in found if isinstance(f, Crossing))


def held(clip: str, counts: Counter[str], label: str) -> None:
    """Within one or 5 % of what a person counted."""
    for line, (_, (least, most)) in recordings.LINES[clip].items():
        slack = max(1, 0.05 * most)
        assert least - slack <= counts[line] <= most + slack, f"{clip} {label} {line}: {counts[line]}, a person counted {least} to {most}"


@pytest.mark.parametrize("clip", recordings.CLIPS)
def test_counts_are_a_persons(clip: str, detector: Any, shared_folder: Path) -> None:
    held(clip, counted(shared_folder / "footage" / f"{clip}.mp4", recordings.camera(clip), detector), "as it is")


def again(path: Path, out: Path, change: str) -> Path:
    """The clip encoded again: mirrored, at 0.8 of its size, or at 15 frames a second."""
    import av
    import cv2

    with av.open(str(path)) as reader, av.open(str(out), "w") as writer:
        video = reader.streams.video[0]
        rate = Fraction(video.average_rate).limit_denominator(1001)
        width, height = video.width, video.height
        if change == "0.8":
            width, height = int(width * 0.8) // 2 * 2, int(height * 0.8) // 2 * 2
        stream = writer.add_stream("libx264", rate=15 if change == "15 fps" else rate)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.options = {"crf": "20", "preset": "veryfast", "g": "60"}

        def pictures() -> Iterator[Any]:
            due = 0.0
            for i, frame in enumerate(reader.decode(video)):
                if change == "15 fps":
                    if i < due:
                        continue
                    due += float(rate) / 15
                picture = frame.to_ndarray(format="bgr24")
                if change == "mirrored":
                    picture = picture[:, ::-1].copy()
                elif change == "0.8":
                    picture = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
                yield picture

        for picture in pictures():
            writer.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        writer.mux(stream.encode())
    return out


def mirrored(camera: Camera) -> Camera:
    """The same camera in a mirror."""
    width, height = camera.resolution
    lines = {name: [[width - x, y] for x, y in line.points] for name, line in camera.lines.items()}
    rules = [{"kind": "line_count", "line": line, "classes": ["car", "truck", "bus", "motorcycle"]} for line in lines]
    return Camera.read({"id": camera.id, "resolution": [width, height], "lines": lines, "rules": rules})


@pytest.mark.long
@pytest.mark.parametrize("change", ["mirrored", "0.8", "15 fps"])
@pytest.mark.parametrize("clip", recordings.CLIPS)
def test_counts_hold_when_the_clip_is_encoded_again(clip: str, change: str, detector: Any, shared_folder: Path, tmp_path: Path) -> None:
    path = again(shared_folder / "footage" / f"{clip}.mp4", tmp_path / "again.mp4", change)
    camera = recordings.camera(clip)
    held(clip, counted(path, mirrored(camera) if change == "mirrored" else camera, detector), change)
