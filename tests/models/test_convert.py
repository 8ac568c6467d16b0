"""Converted networks: made once, whole or not at all, silently, without a network connection; unreadable weights say so."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from analytics.errors import Refused
from models.backends import Choice
from models.catalog import Weights, resolve
from models.convert import _kept, convert, quantise
from models.detector import Detector
from models.runtime import ENVIRONMENT

from .conftest import NAMES


def left(cache: Path) -> list[str]:
    return sorted(path.name for path in (cache / "models").iterdir() if path.suffix != ".lock")


def test_conversion_is_kept(network: Weights, cache: Path, capfd: pytest.CaptureFixture[str]) -> None:
    first = convert(network.path, network.sha256, "openvino", cache)
    made = first.path.stat().st_mtime_ns
    assert convert(network.path, network.sha256, "openvino", cache) == first
    assert first.path.stat().st_mtime_ns == made
    assert (first.names, first.fixed) == (NAMES, None)
    assert not (network.path.parent / "tiny_openvino_model").exists(), "nothing is written beside the weights"
    assert capfd.readouterr() == ("", "")


_CHILD = """
import sys
from pathlib import Path

def watch(event, args):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname"):
        print("NETWORK", event, args)

sys.addaudithook(watch)
import numpy as np
from models.backends import Choice
from models.catalog import resolve
from models.detector import Detector
from models.runtime import ENVIRONMENT

weights = resolve(sys.argv[1], folders=[], cache=Path(sys.argv[2]))
picture = np.full((96, 160, 3), 90, np.uint8)
for way in (("openvino", "int8"), ("torch", "f32"), ("openvino", "f32")):
    detector = Detector.open(weights, Choice(*way, 1, 160), cache=Path(sys.argv[2]), frames=[picture] * 2)
    found = detector.detect(picture)
print(found.xyxy.round(1).tolist())
"""


def test_two_processes_at_once_without_network_or_noise(network: Weights, tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    environment = {**os.environ, **ENVIRONMENT, "YOLO_CONFIG_DIR": str(tmp_path / "config"), "PYTHONPATH": str(root)}
    children = [
        subprocess.Popen(
            [sys.executable, "-c", _CHILD, str(network.path), str(tmp_path)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            cwd=tmp_path,
            text=True,
        )
        for _ in range(2)
    ]
    (first, first_errors), (second, second_errors) = [child.communicate() for child in children]
    assert (first_errors, second_errors) == ("", "")
    assert first == second
    assert first.startswith("[[")
    assert "NETWORK" not in first
    assert len(left(tmp_path)) == 2, "two conversions, nothing half-made beside them"


def test_threads_wait_for_the_one_that_makes(tmp_path: Path) -> None:
    made = []

    def make(folder: Path) -> None:
        time.sleep(0.05)
        (folder / "model").write_text("whole")
        made.append(folder)

    seen: list[str] = []
    threads = [threading.Thread(target=lambda: seen.append((_kept(tmp_path, "x", make) / "model").read_text())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(made), seen) == (1, ["whole"] * 4)


def test_a_conversion_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def fails(folder: Path) -> None:
        (folder / "half").write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _kept(tmp_path, "x", fails)
    assert left(tmp_path) == []
    (tmp_path / "models" / ".x-killed").mkdir()
    assert _kept(tmp_path, "x", lambda folder: (folder / "whole").touch()).name == "x"
    assert left(tmp_path) == ["x"]


def test_int8_is_kept_by_size_and_needs_pictures_once(network: Weights, pictures: list[NDArray[np.uint8]], cache: Path) -> None:
    source = convert(network.path, network.sha256, "openvino", cache)
    with pytest.raises(Refused, match="int8 is calibrated on frames"):
        quantise(source, network.sha256, [], 64, cache)
    assert not any("int8-64" in name for name in left(cache))
    made = quantise(source, network.sha256, pictures, 64, cache)
    assert quantise(source, network.sha256, [], 64, cache) == made
    assert made.path.with_suffix(".bin").stat().st_size < source.path.with_suffix(".bin").stat().st_size / 2


def weights_of(path: Path) -> Weights:
    return resolve(path, folders=[], cache=path.parent)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        pytest.param("text.pt", b"hello", "cannot be opened as weights: Ultralytics .* says", id="text named .pt"),
        pytest.param("empty.pt", b"", "cannot be opened as weights: Ultralytics .* says", id="empty .pt"),
        pytest.param("text.onnx", b"hello", "cannot be opened as weights", id="text named .onnx"),
        pytest.param("clip.mp4", b"hello", r"no \.pt, no \.onnx and no OpenVINO folder", id="a video"),
    ],
)
def test_what_is_no_weights_is_refused(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(Refused, match=said) as caught:
        Detector.open(weights_of(tmp_path / name), Choice(), cache=tmp_path)
    assert str(tmp_path / name) in caught.value.vi


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="cannot be opened as weights"):
        Detector.open(weights_of(tmp_path), Choice(), cache=tmp_path)


def test_a_folder_that_does_not_name_its_classes_is_refused(network: Weights, cache: Path) -> None:
    folder = convert(network.path, network.sha256, "openvino", cache).path.parent
    with pytest.raises(Refused, match="it does not name its classes"):
        Detector.open(weights_of(folder), Choice(), cache=cache)


def test_an_onnx_file_by_path_runs_on_both(network: Weights, pictures: list[NDArray[np.uint8]], cache: Path) -> None:
    weights = weights_of(convert(network.path, network.sha256, "onnx", cache).path)
    one, other = (Detector.open(weights, Choice(backend, "f32", 1, 160), cache=cache) for backend in ("openvino", "onnxruntime"))
    assert np.allclose(one.detect(pictures[0]).xyxy, other.detect(pictures[0]).xyxy, atol=0.1)
    assert one.classes == ("person", "car", "truck")
    with pytest.raises(Refused, match=r"does not run on torch-f32; it runs on openvino-f32, openvino-bf16, onnxruntime-f32\."):
        Detector.open(weights, Choice("torch"), cache=cache)
