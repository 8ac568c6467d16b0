"""Letterbox, decode, suppression: small input, exact output."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from analytics.taxonomy import ID_OF
from models.decode import PAD_VALUE, Letterbox, decode, suppress


@pytest.mark.parametrize(
    ("picture", "size", "fixed", "content", "canvas", "left_top"),
    [
        pytest.param((1280, 720), 640, None, (640, 360), (640, 384), (0, 12), id="720p"),
        pytest.param((1280, 720), 448, None, (448, 252), (448, 256), (0, 2), id="720p, small"),
        pytest.param((640, 352), 640, None, (640, 352), (640, 352), (0, 0), id="nothing to pad"),
        pytest.param((1080, 1920), 640, None, (360, 640), (384, 640), (12, 0), id="upright"),
        pytest.param((1006, 720), 640, None, (640, 458), (640, 480), (0, 11), id="odd shape"),
        pytest.param((320, 180), 640, None, (640, 360), (640, 384), (0, 12), id="scaled up, as Ultralytics does"),
        pytest.param((1280, 720), 448, (640, 640), (640, 360), (640, 640), (0, 140), id="a network of one size"),
        pytest.param((1, 1), 640, None, (640, 640), (640, 640), (0, 0), id="one pixel"),
        pytest.param((7680, 4), 640, None, (640, 1), (640, 32), (0, 15), id="a hair's breadth"),
    ],
)
def test_letterbox(
    picture: tuple[int, int],
    size: int,
    fixed: tuple[int, int] | None,
    content: tuple[int, int],
    canvas: tuple[int, int],
    left_top: tuple[int, int],
) -> None:
    box = Letterbox.fit(*picture, size, fixed)
    assert (box.content, box.canvas, (box.left, box.top)) == (content, canvas, left_top)
    laid = box.apply(np.full((picture[1], picture[0], 3), 9, np.uint8))
    assert laid.shape == (canvas[1], canvas[0], 3)
    inner = laid[box.top : box.top + content[1], box.left : box.left + content[0]]
    assert (inner == 9).all()
    assert int((laid == PAD_VALUE).sum()) == laid.size - inner.size


def test_a_picture_of_no_pixels_is_an_error() -> None:
    with pytest.raises(ValueError, match="wanted a picture of at least 1×1 pixels, given 0×4"):
        Letterbox.fit(0, 4, 640)


@given(
    width=st.integers(16, 4000),
    height=st.integers(16, 4000),
    size=st.sampled_from([320, 448, 640]),
    corner=st.tuples(*[st.floats(0, 1)] * 4),
)
def test_boxes_come_back_where_they_were(width: int, height: int, size: int, corner: tuple[float, ...]) -> None:
    box = Letterbox.fit(width, height, size)
    x, y = sorted(corner[:2]), sorted(corner[2:])
    there = np.array([[x[0] * width, y[0] * height, x[1] * width, y[1] * height]], np.float32)
    ratio = np.array([box.content[0] / width, box.content[1] / height] * 2, np.float32)
    canvas = there * ratio + np.array([box.left, box.top] * 2, np.float32)
    assert np.allclose(box.restore(canvas, width, height), there, atol=0.01 * max(1, width / size, height / size))
    outside = np.array([[-1e4, -1e4, 1e4, 1e4]], np.float32)
    assert box.restore(outside, width, height).tolist() == [[0, 0, width, height]]


def raw(*anchors: tuple[float, ...]) -> NDArray[np.float32]:
    return np.array(anchors, np.float32).T


def test_decode_takes_the_best_class_of_each_anchor() -> None:
    xyxy, confidence, number = decode(raw((50, 40, 20, 10, 0.2, 0.7), (5, 5, 2, 2, 0.05, 0.09), (9, 8, 4, 2, 0.3, 0.1)), 2, 0.1)
    assert xyxy.tolist() == [[40, 35, 60, 45], [7, 7, 11, 9]]
    assert confidence.tolist() == pytest.approx([0.7, 0.3])
    assert number.tolist() == [1, 0]


def test_decode_leaves_out_what_is_no_class_score() -> None:
    _, confidence, number = decode(raw((50, 40, 20, 10, 0.2, 0.7, 99.0, 99.0)), 2, 0.1)
    assert (confidence.tolist(), number.tolist()) == (pytest.approx([0.7]), [1])


def test_decode_of_finished_boxes() -> None:
    rows = np.array([[1, 2, 3, 4, 0.9, 2], [1, 2, 3, 4, 0.05, 0]], np.float32)
    xyxy, confidence, number = decode(rows, 80, 0.1)
    assert (xyxy.tolist(), confidence.tolist(), number.tolist()) == ([[1, 2, 3, 4]], pytest.approx([0.9]), [2])


def test_decode_of_another_network() -> None:
    with pytest.raises(ValueError, match=r"wanted \(84 or more, A\) or \(D, 6\), given \(80, 7\)"):
        decode(np.zeros((80, 7), np.float32), 80, 0.1)


CAR = (100, 100, 200, 180)
ALMOST = (102, 101, 201, 182)  # IoU with CAR 0.94
HALF = (100, 100, 200, 150)  # IoU with CAR 0.62
RIDER, BIKE = (110, 60, 160, 180), (110, 62, 160, 180)


@pytest.mark.parametrize(
    ("boxes", "settings", "kept"),
    [
        pytest.param([(CAR, 0.9, "car"), (ALMOST, 0.8, "car")], {}, [0], id="one car found twice"),
        pytest.param([(CAR, 0.4, "car"), (ALMOST, 0.8, "truck")], {}, [1], id="a lorry is not a car as well"),
        pytest.param([(CAR, 0.4, "car"), (ALMOST, 0.8, "truck")], {"vehicles": 2.0}, [1, 0], id="unless that is asked for"),
        pytest.param([(RIDER, 0.4, "person"), (BIKE, 0.8, "motorcycle")], {}, [1, 0], id="a rider survives the motorcycle"),
        pytest.param([(CAR, 0.9, "car"), (HALF, 0.8, "car")], {}, [0, 1], id="half a car is another"),
        pytest.param([(CAR, 0.9, "car"), (HALF, 0.8, "car")], {"same": 0.5}, [0], id="unless less overlap is allowed"),
        pytest.param([(CAR, 0.5, "car"), (ALMOST, 0.6, "bus"), (CAR, 0.7, "truck")], {}, [2], id="the best of three"),
        pytest.param(
            [(CAR, 0.5, "car"), (BIKE, 0.6, "bus"), ((0, 0, 9, 9), 0.7, "car")], {"limit": 2}, [2, 1], id="no more than the limit"
        ),
        pytest.param([(CAR, 0.5, "car")], {}, [0], id="one"),
        pytest.param([], {}, [], id="none"),
        pytest.param([((5, 5, 5, 5), 0.5, "car"), ((5, 5, 5, 5), 0.6, "car")], {}, [1, 0], id="boxes without area"),
    ],
)
def test_suppress(boxes: list[tuple[tuple[int, ...], float, str]], settings: dict[str, float], kept: list[int]) -> None:
    xyxy = np.array([box for box, _, _ in boxes], np.float32).reshape(-1, 4)
    class_id = np.array([ID_OF[name] for _, _, name in boxes], np.int16)
    assert suppress(xyxy, np.array([c for _, c, _ in boxes], np.float32), class_id, **settings).tolist() == kept  # type: ignore[arg-type]
