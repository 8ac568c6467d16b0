"""Traffic lamps: painted ones under every light, and a real one."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml
from numpy.typing import NDArray

from models.signals import AMBER, GREEN, RED, UNLIT, brightness, cropper, lamp_states

LAMPS = {"red": (20, 10, 32, 22), "amber": (20, 26, 32, 38), "green": (20, 42, 32, 54)}
SHINE = {"red": (30, 20, 230), "amber": (20, 170, 240), "green": (170, 200, 30)}
"""BGR of lit lamps."""


def signal(*lit: str, light: float = 1.0, tint: tuple[float, float, float] = (1, 1, 1), core: bool = False) -> NDArray[np.uint8]:
    """A (64, 52, 3) BGR picture of a signal; `light` and `tint` are the day's, `core` is a lamp too bright for the camera."""
    picture = np.full((64, 52, 3), 120, np.float32) * light
    picture[6:58, 16:36] = 40 * light
    for colour, (x1, y1, x2, y2) in LAMPS.items():
        centre = ((x1 + x2) // 2, (y1 + y2) // 2)
        dull = np.array(SHINE[colour]) * 0.06 + 30
        cv2.circle(picture, centre, 6, (dull * light).tolist(), -1)
        if colour in lit:
            cv2.circle(picture, centre, 5, SHINE[colour], -1)
            if core:
                cv2.circle(picture, centre, 4, (255, 255, 255), -1)
    picture = picture * np.array(tint, np.float32) + np.random.default_rng(5).normal(0, 3, picture.shape)
    return np.clip(picture, 0, 255).astype(np.uint8)


def state(picture: NDArray[np.uint8], lamps: dict[str, tuple[int, ...]] | None = None) -> float:
    return lamp_states(cropper(picture, (52, 64)), {"north": lamps or LAMPS})[("north", "state")]


LIGHTS = {
    "day": {},
    "glare": {"light": 1.8},
    "night": {"light": 0.1},
    "blue camera": {"tint": (1.3, 1.0, 0.8)},
    "yellow street light": {"light": 0.4, "tint": (0.6, 1.0, 1.2)},
    "too bright for the camera": {"light": 0.2, "core": True},
}


@pytest.mark.parametrize("light", LIGHTS.values(), ids=LIGHTS)
@pytest.mark.parametrize(
    ("lit", "wanted"), [(("red",), RED), (("amber",), AMBER), (("green",), GREEN), ((), UNLIT)], ids=["red", "amber", "green", "unlit"]
)
def test_every_lamp_in_every_light(lit: tuple[str, ...], wanted: float, light: dict[str, object]) -> None:
    assert state(signal(*lit, **light)) == wanted  # type: ignore[arg-type]


def test_two_lamps_at_once_are_no_state() -> None:
    assert state(signal("red", "green")) == UNLIT


@pytest.mark.parametrize("paint", [(40, 30, 200), (250, 250, 250), (60, 160, 230)], ids=["red bus", "white van", "yellow lorry"])
def test_what_stands_before_the_signal_lights_no_lamp(paint: tuple[int, int, int]) -> None:
    assert state(np.full((64, 52, 3), paint, np.uint8)) == UNLIT


def test_a_signal_of_one_lamp() -> None:
    only = {"red": LAMPS["red"]}
    assert state(signal("red"), only) == RED
    assert state(signal("green"), only) == UNLIT


def test_several_signals_and_none() -> None:
    crop = cropper(np.hstack([signal("red"), signal("green")]), (104, 64))
    right = {colour: (x1 + 52, y1, x2 + 52, y2) for colour, (x1, y1, x2, y2) in LAMPS.items()}
    assert lamp_states(crop, {"left": LAMPS, "right": right}) == {("left", "state"): RED, ("right", "state"): GREEN}
    assert lamp_states(crop, {}) == {}


def test_only_the_lamps_are_looked_at() -> None:
    asked: list[tuple[float, ...]] = []
    inner = cropper(signal("red"), (52, 64))

    def crop(box: tuple[float, ...]) -> NDArray[np.uint8]:
        asked.append(tuple(box))
        return inner(box)

    lamp_states(crop, {"north": LAMPS})  # type: ignore[arg-type]
    assert asked == list(LAMPS.values())


@pytest.mark.parametrize(
    ("box", "shape"),
    [
        pytest.param((10, 20, 30, 40), (40, 40), id="scaled to the picture"),
        pytest.param((30, 40, 10, 20), (40, 40), id="corners the other way round"),
        pytest.param((10, 20, 10.2, 20.2), (1, 1), id="never empty"),
        pytest.param((-50, -50, -10, -10), (1, 1), id="outside"),
        pytest.param((95, 95, 300, 300), (10, 10), id="half outside"),
    ],
)
def test_cropper(box: tuple[float, ...], shape: tuple[int, int]) -> None:
    assert cropper(np.zeros((200, 200, 3), np.uint8), (100, 100))(box).shape[:2] == shape


def test_brightness() -> None:
    assert brightness(np.full((90, 160), 77, np.uint8)) == {("", "brightness"): 77.0}


@pytest.mark.footage
@pytest.mark.parametrize("scale", [1.0, 0.8])
def test_a_real_signal(shared_folder: Path, scale: float) -> None:
    truth = json.loads((shared_folder / "truth" / "truth.json").read_text(encoding="utf-8"))["vn_giangvo_langha.mp4"]
    camera = yaml.safe_load((shared_folder / "truth" / "cameras" / "vn_giangvo_langha.yaml").read_text(encoding="utf-8"))
    lamps = {name: signal["lamps"] for name, signal in camera["signals"].items()}
    values = {"red": RED, "green": GREEN, "unlit": UNLIT}
    capture = cv2.VideoCapture(str(shared_folder / "footage" / "vn_giangvo_langha.mp4"))
    looked_at = 0
    while capture.grab():
        at = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
        wanted = [values[span["state"]] for span in truth["signals"]["north"] if span["start"] + 0.1 < at < span["end"] - 0.1]
        if not wanted:
            continue
        picture = cv2.resize(capture.retrieve()[1], None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        assert lamp_states(cropper(picture, (640, 480)), lamps) == {("north", "state"): wanted[0]}, f"at {at:.2f} s"
        looked_at += 1
    capture.release()
    assert looked_at > 370
