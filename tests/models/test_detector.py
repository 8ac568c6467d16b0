"""The detector: backends agree with one another and with Ultralytics' own predict."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from analytics.detections import Detections
from analytics.errors import Refused
from analytics.taxonomy import ID_OF, OBJECTS
from models.backends import Choice
from models.bench import agreement
from models.catalog import Weights, resolve
from models.decode import Letterbox
from models.detector import Detector

from .conftest import NAMES


def by_ultralytics(path: Path, picture: NDArray[np.uint8], size: int, confidence: float, names: Sequence[str]) -> Detections:
    """What `YOLO.predict` finds of the classes of `names` that the taxonomy has."""
    from ultralytics import YOLO

    known = [i for i, name in enumerate(names) if name in ID_OF]
    result = YOLO(path).predict(picture, imgsz=size, conf=confidence, classes=known, verbose=False, device="cpu", max_det=300)[0].boxes
    return Detections.of(result.xyxy.numpy(), result.conf.numpy(), [ID_OF[names[int(i)]] for i in result.cls])


def assert_same(ours: Detections, theirs: Detections, width: int) -> None:
    """The same boxes, to what f32 arithmetic in another order may differ by; both come by descending confidence."""
    assert len(ours) == len(theirs)
    assert np.abs(ours.confidence - theirs.confidence).max(initial=0) < 0.005
    for i in range(len(ours)):
        near = np.abs(theirs.confidence - ours.confidence[i]) < 0.005  # two of the same confidence may stand in either order
        apart = np.abs(theirs.xyxy - ours.xyxy[i]).max(axis=1) + 1e9 * (~near | (theirs.class_id != ours.class_id[i]))
        assert apart.min() < 0.003 * width


EXACT = [Choice("openvino", "f32", 1, 160), Choice("onnxruntime", "f32", 2, 160), Choice("torch", "f32", 1, 160)]


@pytest.mark.parametrize("choice", EXACT, ids=str)
def test_f32_is_what_ultralytics_predicts(network: Weights, pictures: list[NDArray[np.uint8]], cache: Path, choice: Choice) -> None:
    detector = Detector.open(network, choice, cache=cache, confidence=0.3, vehicles=2.0)
    found = detector.detect_many(pictures)
    assert sum(map(len, found)) > 100
    for picture, ours in zip(pictures, found, strict=True):
        assert_same(ours, by_ultralytics(network.path, picture, 160, 0.3, NAMES), 160)


@pytest.mark.parametrize(
    "choice", [Choice("openvino", "bf16", 1, 160), Choice("torch", "bf16", 1, 160), Choice("openvino", "int8", 1, 160)], ids=str
)
def test_lower_precision_is_nearly_that(network: Weights, pictures: list[NDArray[np.uint8]], cache: Path, choice: Choice) -> None:
    exact = Detector.open(network, EXACT[0], cache=cache, confidence=0.2).detect_many(pictures)
    ours = Detector.open(network, choice, cache=cache, confidence=0.2, frames=pictures).detect_many(pictures)
    assert min(agreement(exact, ours)) > 0.85  # random weights: a trained network agrees better, see the footage test


def test_what_a_detector_says_of_itself(network: Weights, cache: Path) -> None:
    detector = Detector.open(network, EXACT[0], cache=cache)
    assert detector.classes == ("person", "car", "truck")
    assert detector.identity == network.sha256
    assert detector.backend == "openvino-f32"
    assert detector.input_size(1280, 720) == (160, 90)


def test_a_picture_of_the_asked_size_gives_the_same_boxes_in_its_own_pixels(
    network: Weights, pictures: list[NDArray[np.uint8]], cache: Path
) -> None:
    detector = Detector.open(network, EXACT[0], cache=cache, confidence=0.3)
    large = cv2.resize(pictures[0], (320, 192), interpolation=cv2.INTER_NEAREST)
    small = cv2.resize(large, detector.input_size(320, 192), interpolation=cv2.INTER_LINEAR)
    of_large, of_small = detector.detect(large), detector.detect(small)
    assert np.allclose(of_large.xyxy, of_small.xyxy * 2, atol=0.01)


@pytest.mark.parametrize("shape", [(1, 1), (2, 900), (900, 2), (33, 65)])
def test_odd_pictures(network: Weights, cache: Path, shape: tuple[int, int]) -> None:
    found = Detector.open(network, EXACT[0], cache=cache).detect(np.zeros((*shape, 3), np.uint8))
    assert (found.xyxy[:, 2] <= shape[1]).all()
    assert (found.xyxy[:, 3] <= shape[0]).all()


@pytest.mark.parametrize(
    "picture",
    [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 4), np.uint8), np.zeros((4, 4, 3), np.float32)],
    ids=lambda p: f"{p.dtype}{p.shape}",
)
def test_what_is_no_picture_is_an_error(network: Weights, cache: Path, picture: NDArray[np.uint8]) -> None:
    with pytest.raises(ValueError, match=r"wanted a \(H, W, 3\) uint8 picture, given"):
        Detector.open(network, EXACT[0], cache=cache).detect(picture)


class Blind:
    """A network that finds one box, whatever it is shown."""

    def infer(self, canvas: NDArray[np.uint8]) -> NDArray[np.float32]:
        return np.array([[50, 40, 20, 10, 0.2, 0.7]], np.float32).T


def test_words_are_mapped_and_others_dropped() -> None:
    box = Letterbox.fit(100, 100, 128)
    wanted = box.restore(np.array([[40, 35, 60, 45]], np.float32), 100, 100)
    motor = Detector(Blind(), ["tree", "motor"], {"motor": "motorcycle"}, "00", Choice(size=128))
    found = motor.detect(np.zeros((100, 100, 3), np.uint8))
    assert (found.xyxy.tolist(), found.class_id.tolist()) == (wanted.tolist(), [ID_OF["motorcycle"]])
    assert motor.classes == ("motorcycle",)
    trees = Detector(Blind(), ["motor", "tree"], {"motor": "motorcycle"}, "00", Choice(size=128))
    assert len(trees.detect(np.zeros((100, 100, 3), np.uint8))) == 0


def test_a_network_that_knows_none_of_our_objects_is_refused() -> None:
    with pytest.raises(Refused, match=f"These weights find fire, smoke; none of these is one of {OBJECTS[0]}"):
        Detector(Blind(), ["fire", "smoke"], {}, "00", Choice())


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        (("openvino", "f16"), "No backend openvino-f16; there are openvino-f32"),
        (("tensorrt", "f32"), "No backend tensorrt-f32"),
    ],
)
def test_unknown_backends(choice: tuple[str, str], said: str) -> None:
    with pytest.raises(Refused, match=said):
        Choice(*choice)


# --- the real thing -------------------------------------------------------------------------------------------------------------


def clip_frames(shared: Path, clip: str, at_s: Sequence[float]) -> list[NDArray[np.uint8]]:
    """Frames of a clip of the shared footage."""
    capture = cv2.VideoCapture(str(shared / "footage" / clip))
    frames = []
    for second in at_s:
        capture.set(cv2.CAP_PROP_POS_MSEC, 1000 * second)
        ok, frame = capture.read()
        assert ok
        frames.append(frame)
    capture.release()
    return frames


@pytest.mark.footage
def test_real_frames_as_ultralytics_sees_them(shared_folder: Path, cache: Path) -> None:
    from ultralytics import YOLO

    weights = resolve("street", folders=[shared_folder / "weights"], cache=cache)
    names = list(YOLO(weights.path).names.values())
    frames = [
        f
        for clip in ("motorway.mp4", "vn_haiphong_junction.mp4", "street_fight_acted.mp4")
        for f in clip_frames(shared_folder, clip, [1, 4])
    ]
    exact = Detector.open(weights, Choice("openvino", "f32", 1, 640), cache=cache, vehicles=2.0)
    for frame in frames:
        assert_same(exact.detect(frame), by_ultralytics(weights.path, frame, 640, 0.1, names), frame.shape[1])
    seen = [exact.detect(frame) for frame in frames]
    assert sum(int((found.confidence > 0.3).sum()) for found in seen) > 40
    bf16 = Detector.open(weights, Choice("openvino", "bf16", 1, 640), cache=cache, vehicles=2.0)
    assert min(agreement(seen, bf16.detect_many(frames))) >= 0.95


@pytest.mark.footage
@pytest.mark.parametrize(
    ("path", "classes", "least"),
    [
        pytest.param("yolo11n-seg.pt", OBJECTS, 10, id="masks behind the boxes"),
        pytest.param("vn_car_motor_int8_openvino_model", ("motorcycle", "car"), 10, id="an OpenVINO folder, fixed size"),
        pytest.param("yolo11n_int8_openvino_model", OBJECTS, 10, id="int8 already"),
    ],
)
def test_other_weights_by_path(shared_folder: Path, cache: Path, path: str, classes: tuple[str, ...], least: int) -> None:
    detector = Detector.open(resolve(shared_folder / "weights" / path, folders=[], cache=cache), Choice(), cache=cache, confidence=0.25)
    assert detector.classes == classes
    frame = clip_frames(shared_folder, "vn_haiphong_junction.mp4", [4])[0]
    assert len(detector.detect(frame)) >= least


@pytest.mark.footage
def test_a_fire_detector_is_refused_by_name(shared_folder: Path, cache: Path) -> None:
    weights = resolve(shared_folder / "weights" / "fire_yolov8n_int8.onnx", folders=[], cache=cache)
    with pytest.raises(Refused, match="These weights find fire"):
        Detector.open(weights, Choice(), cache=cache)
