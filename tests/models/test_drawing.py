"""What is drawn lies where it should, in any language, on pictures of any size."""

import cv2
import numpy as np
import pytest
import supervision as sv
from PIL import ImageFont

from analytics.camera import Camera
from models import drawing

CAMERA = Camera.read(
    {
        "id": "hang-bai-01",
        "resolution": [1280, 720],
        "zones": {"làn đường": [[200, 700], [500, 200], [800, 200], [1200, 700]]},
        "lines": {"vạch": {"points": [[200, 450], [1100, 450]], "names": {"in": "vào", "out": "ra"}}},
        "signals": {"bắc": {"lamps": {"red": [1000, 40, 1020, 60], "green": [1000, 80, 1020, 100]}}},
        "ground": {"image": [[412, 300], [860, 300], [1180, 690], [90, 690]], "metres": [[0, 30], [12, 30], [12, 0], [0, 0]]},
    }
)


def grey(width: int = 1280, height: int = 720) -> np.ndarray:
    return np.full((height, width, 3), 90, np.uint8)


def changed(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return (a != b).any(2)


def near(picture: np.ndarray, x: float, y: float, colour: sv.Color, reach: int = 4) -> bool:
    """Whether `colour` (roughly) is within `reach` pixels of (x, y)."""
    part = picture[max(0, round(y) - reach) : round(y) + reach + 1, max(0, round(x) - reach) : round(x) + reach + 1].astype(int)
    return bool((np.abs(part - np.array(colour.as_bgr())).max(2) < 60).any())


def test_vietnamese_letters_have_shapes_of_their_own() -> None:
    path = drawing.font_path()
    assert path is not None
    font = ImageFont.truetype(path, 24)
    missing = bytes(font.getmask("\U0010fffd"))
    shapes = {c: bytes(font.getmask(c)) for c in "ạảãâấầẩẫậăắằẳẵặđẹẻẽêếềểễệỉĩịọỏõôốồổỗộơớờởỡợụủũưứừửữựỳỵỷỹĐÀÂĂÊÔƠƯ–·±"}
    assert missing not in shapes.values()
    assert len(set(shapes.values())) == len(shapes)


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (640, 360), (2560, 1440), (320, 180)])
def test_a_hit_is_drawn_where_it_is(width: int, height: int) -> None:
    given = grey(width, height)
    out = drawing.draw_hit(given, CAMERA, [[400, 300, 600, 500], [800, 300, 900, 400]], ["xe máy đỏ", "ô tô"])
    scale = width / 1280
    assert out.shape == given.shape
    assert (given == 90).all(), "the picture given is left as it is"
    first, second = sv.Color.from_hex("#ff3b30"), sv.Color.from_hex("#34c759")
    for x, y in ((400, 400), (600, 400), (500, 500)):
        assert near(out, x * scale, y * scale, first)
    assert near(out, 850 * scale, 400 * scale, second)
    inside = out[round(320 * scale) : round(480 * scale), round(420 * scale) : round(580 * scale)]
    assert (inside == 90).all(), "what is inside stays to be seen"


def test_the_path_runs_through_the_boxes_feet() -> None:
    trace = np.array([[100 + i * 20, 100 + i * 10, 140 + i * 20, 160 + i * 10] for i in range(20)])
    out = drawing.draw_hit(grey(), CAMERA, trace[-1:], ["xe tải"], trace)
    for box in trace[1:-1]:
        assert near(out, box[[0, 2]].mean(), box[3], sv.Color.from_hex("#ff3b30"), 2)
    assert np.array_equal(out, drawing.draw_hit(grey(), CAMERA, trace[-1:], ["xe tải"], trace)), "nothing is remembered"


def test_only_the_places_asked_for_are_drawn() -> None:
    nothing = drawing.draw_hit(grey(), CAMERA, [], [])
    assert (nothing == 90).all()
    zone = drawing.draw_hit(grey(), CAMERA, [], [], places=["làn đường"])
    line = drawing.draw_hit(grey(), CAMERA, [], [], places=["vạch", "unknown"])
    assert near(zone, 650, 200, drawing._ZONE)
    assert not near(zone, 1000, 450, drawing._LINE)
    assert near(line, 1000, 450, drawing._LINE)
    assert not near(line, 650, 200, drawing._ZONE)


def test_a_caption_lies_at_the_bottom() -> None:
    out = drawing.draw_hit(grey(), CAMERA, [], [], caption="Hàng Bài – 14:03:22")
    where = changed(out, grey())
    assert where[680:].any()
    assert not where[:670].any()


def test_a_label_for_each_box() -> None:
    with pytest.raises(ValueError, match="one label for each of 1 boxes, given 2"):
        drawing.draw_hit(grey(), CAMERA, [[1, 2, 3, 4]], ["a", "b"])


def test_boxes_over_the_edge() -> None:
    out = drawing.draw_hit(grey(), CAMERA, [[-50, -50, 30, 30], [1200, 700, 1400, 900]], ["góc trên", "góc dưới bên phải"])
    assert changed(out, grey()).any()


def test_the_grid_shows_what_the_file_draws() -> None:
    out = drawing.draw_grid(grey(), CAMERA)
    assert out.shape == (720, 1280, 3)
    for x, y in ((350, 450), (1000, 450)):
        assert near(out, x, y, drawing._LINE), "the line"
    for x, y in ((350, 450 - 0), (500, 200), (800, 200)):
        assert near(out, x, y, drawing._ZONE, 8), "the zone"
    for x, y in ((412, 300), (860, 300), (1180, 690), (90, 690)):
        assert near(out, x, y, drawing._GROUND), "the ground's points"
    assert near(out, 1000, 50, drawing._LAMPS["red"])
    assert near(out, 1000, 90, drawing._LAMPS["green"])
    for x in range(100, 1280, 100):
        assert (out[150:160, x].mean(0) > out[150:160, x - 30].mean(0)).all(), "grid lines stand at round pixels"


@pytest.mark.parametrize(("width", "height"), [(480, 368), (352, 288), (160, 96), (1, 1), (7680, 96), (1080, 1920), (1920, 1080)])
def test_the_grid_fits_any_picture(width: int, height: int) -> None:
    out = drawing.draw_grid(grey(width, height), Camera.bare("c", (width, height)))
    factor = out.shape[1] // width
    assert out.shape == (height * factor, width * factor, 3)
    assert out.shape[1] >= 960
    assert changed(out, np.full_like(out, 90)).any()


def test_a_picture_of_another_size_than_the_files() -> None:
    large, small = drawing.draw_grid(grey(), CAMERA), drawing.draw_grid(grey(1920, 1080), CAMERA)
    for x, y in ((350, 450), (1000, 450)):
        assert near(large, x, y, drawing._LINE)
        assert near(small, x * 1.5, y * 1.5, drawing._LINE)


@pytest.mark.parametrize("ends", [((200, 450), (1100, 450)), ((1100, 450), (200, 450)), ((600, 100), (600, 600)), ((300, 600), (900, 200))])
def test_the_arrow_points_to_the_side_that_supervision_calls_in(ends: tuple[tuple[int, int], tuple[int, int]]) -> None:
    camera = Camera.read({"id": "c", "resolution": [1280, 720], "lines": {"l": [list(e) for e in ends]}})
    out = drawing.draw_hit(grey(), camera, [], [], places=["l"])
    a, b = (np.array(e, float) for e in ends)
    middle, along = (a + b) / 2, (b - a) / np.hypot(*(b - a))
    side = np.array([along[1], -along[0]])
    ahead, behind = (near(out, *(middle + s * side * 30), drawing._LINE, 3) for s in (1, -1))
    assert ahead != behind
    pointed = side if ahead else -side
    zone = sv.LineZone(sv.Point(*a), sv.Point(*b), triggering_anchors=[sv.Position.CENTER], minimum_crossing_threshold=1)
    for reach in (-60, -30, 30, 60):
        x, y = middle + pointed * reach
        box = np.array([[x - 5, y - 5, x + 5, y + 5]], np.float32)
        zone.trigger(sv.Detections(xyxy=box, class_id=np.array([0]), tracker_id=np.array([1])))
    assert (zone.in_count, zone.out_count) == (1, 0)


def test_pictures_stay_plain_arrays() -> None:
    for out in (drawing.draw_grid(grey(), CAMERA), drawing.draw_hit(grey(), CAMERA, [[1, 1, 9, 9]], ["đ"], caption="x")):
        assert out.dtype == np.uint8
        assert cv2.imencode(".jpg", out)[0]


def test_a_long_caption_is_broken_between_its_parts_and_stays_whole():
    from models.drawing import _font, _wrapped

    text = "camera seven · 2026-01-01 08:00:05 · speeding · limit 50 km/h, margin 0 km/h, measured 1.8 s, speed high 63.7 km/h"
    font = _font(18)
    lines = _wrapped(text, font, 400)
    assert len(lines) > 1
    assert all(font.getlength(line.rstrip()) <= 400 for line in lines)
    assert [w for line in lines for w in line.split() if w != "·"] == [w for w in text.split() if w != "·"]
    assert _wrapped("short", font, 400) == ["short"]
