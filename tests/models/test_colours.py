"""Colour names of painted patches, in sun, shade and coloured light, and of real objects named by eye."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from analytics.taxonomy import COLOURS, ID_OF
from models.colours import Light, names, votes

PAINTS = {
    "red": (190, 25, 30),
    "orange": (235, 120, 20),
    "yellow": (235, 195, 30),
    "green": (30, 120, 50),
    "blue": (30, 70, 170),
    "purple": (110, 40, 130),
    "pink": (240, 150, 180),
    "brown": (110, 65, 30),
    "black": (22, 22, 24),
    "grey": (105, 106, 108),
    "silver": (150, 152, 155),
    "white": (235, 236, 238),
}
"""RGB of ordinary paints in daylight."""

ROAD, SKY = (95, 95, 95), (243, 243, 243)


def street(paint: tuple[int, int, int], light: tuple[float, float, float] = (1, 1, 1)) -> NDArray[np.uint8]:
    """A (180, 320, 3) BGR picture: road, a bright strip, and a car of the paint with windows, wheels and noise at CAR."""
    picture = np.full((180, 320, 3), ROAD, np.float32)
    picture[:14] = SKY
    x1, y1, x2, y2 = CAR
    picture[y1:y2, x1:x2] = paint
    picture[y1 + 12 : y1 + 26, x1 + 14 : x2 - 14] = (35, 40, 45)
    for wheel in (x1 + 10, x2 - 24):
        picture[y2 - 12 : y2, wheel : wheel + 14] = (20, 20, 20)
    picture = picture * np.array(light, np.float32) + np.random.default_rng(1).normal(0, 4, picture.shape)
    return np.clip(picture[..., ::-1], 0, 255).astype(np.uint8)


CAR = (100, 60, 200, 130)
BOX = np.array([CAR], np.float32)
A_CAR = np.array([ID_OF["car"]], np.int16)


def name_of(picture: NDArray[np.uint8], box: NDArray[np.float32] = BOX, kind: str = "car") -> str:
    colour = int(names(picture, box, np.array([ID_OF[kind]], np.int16))[0])
    return COLOURS[colour] if colour >= 0 else "unknown"


@pytest.mark.parametrize(
    "light", [(1.0, 1.0, 1.0), (0.78, 0.78, 0.78), (1.0, 0.97, 0.9), (0.88, 0.93, 1.0)], ids=["sun", "overcast", "evening", "shade"]
)
@pytest.mark.parametrize("paint", PAINTS)
def test_paints(paint: str, light: tuple[float, float, float]) -> None:
    assert name_of(street(PAINTS[paint], light)) == paint


@pytest.mark.parametrize("paint", ["red", "yellow", "blue", "black", "white"])
def test_paints_survive_the_encoder(paint: str) -> None:
    ok, jpeg = cv2.imencode(".jpg", street(PAINTS[paint]), [cv2.IMWRITE_JPEG_QUALITY, 30])
    assert ok
    assert name_of(cv2.imdecode(jpeg, cv2.IMREAD_COLOR)) == paint


@pytest.mark.parametrize(
    ("shirt", "trousers", "named"),
    [("red", "blue", "red"), ("white", "black", "white"), ("black", "white", "black"), ("blue", "black", "blue"), ("grey", "blue", "grey")],
)
def test_a_person_is_named_by_what_is_worn_above(shirt: str, trousers: str, named: str) -> None:
    picture = street(ROAD)
    picture[60:130, 100:130] = ROAD
    picture[74:96, 104:126] = PAINTS[shirt][::-1]
    picture[96:130, 106:124] = PAINTS[trousers][::-1]
    assert name_of(picture, np.array([[100, 60, 130, 130]], np.float32), "person") == named


def test_tail_lamps_do_not_make_a_car_red() -> None:
    picture = street(PAINTS["black"])
    for x in (102, 186):
        picture[92:100, x : x + 12] = (40, 30, 230)
    assert name_of(picture) == "black"


def test_leaves_behind_a_car_do_not_make_it_green() -> None:
    picture = street(PAINTS["silver"])
    picture[60:74, 100:200] = PAINTS["green"][::-1]
    assert name_of(picture) == "silver"


def test_at_night_only_what_shines_has_a_colour() -> None:
    dark = (street(PAINTS["grey"]) * 0.12).astype(np.uint8)
    assert name_of(dark) == "unknown"
    dark[70:125, 105:195] = (20, 20, 160)
    assert name_of(dark) == "red"


@pytest.mark.parametrize(
    "box",
    [
        pytest.param((100, 60, 109, 130), id="too narrow"),
        pytest.param((100, 60, 200, 66), id="too low"),
        pytest.param((100, 60, 100, 60), id="empty"),
    ],
)
def test_what_is_too_small_is_unknown(box: tuple[int, ...]) -> None:
    colour, weight = votes(street(PAINTS["red"]), np.array([box], np.float32), A_CAR)
    assert (colour.tolist(), weight.tolist()) == ([-1], [0.0])


def test_boxes_that_reach_out_of_the_picture() -> None:
    outside = np.array([[-50, -50, 40, 40], [300, 150, 500, 400], [-20, 60, 400, 130]], np.float32)
    colour, weight = votes(street(PAINTS["red"]), outside, np.zeros(3, np.int16))
    assert (colour.shape, weight.shape) == ((3,), (3,))


def test_no_boxes() -> None:
    colour, weight = votes(street(PAINTS["red"]), np.zeros((0, 4), np.float32), np.zeros(0, np.int16))
    assert (len(colour), colour.dtype, len(weight)) == (0, np.int16, 0)


def test_many_at_once_are_as_one_by_one() -> None:
    picture = street(PAINTS["red"])
    boxes = np.array([CAR, (0, 20, 90, 100), (10, 120, 90, 170)], np.float32)
    kinds = np.array([ID_OF["car"], ID_OF["person"], ID_OF["truck"]], np.int16)
    together, weight = votes(picture, boxes, kinds, Light.of(picture))
    assert together.tolist() == [int(names(picture, boxes[i : i + 1], kinds[i : i + 1])[0]) for i in range(3)]
    assert COLOURS[together[0]] == "red"
    assert ((weight >= 0) & (weight <= 1)).all()


def test_a_clear_and_near_object_counts_more_than_a_far_one() -> None:
    large = street(PAINTS["red"])
    small = cv2.resize(large, (80, 45), interpolation=cv2.INTER_AREA)
    assert votes(large, BOX, A_CAR)[1][0] > votes(small, BOX / 4, A_CAR)[1][0] > 0


@pytest.mark.parametrize("value", [0, 255])
def test_pictures_of_one_value(value: int) -> None:
    assert name_of(np.full((180, 320, 3), value, np.uint8)) == ("unknown" if value == 0 else "white")


@pytest.mark.footage
@pytest.mark.parametrize(
    ("clip", "frame", "size", "box", "kind", "named"),
    [
        pytest.param("motorway.mp4", 134, (640, 360), (492, 233, 612, 358), "car", "red", id="a red car from above"),
        pytest.param("bend.mp4", 53, (640, 360), (368, 131, 458, 204), "car", "red", id="a red car from the front"),
        pytest.param("bend.mp4", 53, (640, 360), (276, 211, 383, 298), "car", "black", id="a black car that mirrors the sky"),
        pytest.param("suburb.mp4", 362, (640, 352), (351, 133, 414, 166), "car", "black", id="a black car from the side"),
        pytest.param("suburb.mp4", 181, (640, 352), (260, 148, 440, 262), "truck", "white", id="a white pickup"),
        pytest.param("vn_truccat_junction.mp4", 152, (640, 360), (317, 90, 401, 128), "car", "white", id="a white car"),
        pytest.param("vn_haiphong_junction.mp4", 85, (640, 458), (172, 358, 322, 453), "car", "red", id="a red roof in blue light"),
        pytest.param("street_incident.mp4", 480, (640, 491), (351, 102, 415, 155), "bus", "yellow", id="a yellow auto-rickshaw"),
        pytest.param("vn_giangvo_langha.mp4", 307, (640, 480), (211, 361, 256, 442), "person", "blue", id="a blue shirt"),
        pytest.param("street_incident.mp4", 360, (640, 491), (356, 229, 396, 322), "person", "white", id="a white shirt"),
        pytest.param("people_one_by_one.mp4", 836, (640, 360), (302, 30, 414, 316), "person", "black", id="a black shirt"),
    ],
)
def test_real_objects(
    shared_folder: Path, clip: str, frame: int, size: tuple[int, int], box: tuple[int, ...], kind: str, named: str
) -> None:
    capture = cv2.VideoCapture(str(shared_folder / "footage" / clip))
    capture.set(cv2.CAP_PROP_POS_FRAMES, frame)
    ok, picture = capture.read()
    capture.release()
    assert ok
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    assert name_of(small, np.array([box], np.float32), kind) == named
