"""What `show` writes: the right moment, boxes where the thing is, nothing half-written."""

import io
from argparse import Namespace
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from analytics.errors import Refused
from cluster.lake import Lake
from cluster.settings import Settings
from cluster.stills import stills
from cluster.video import probe
from jobs import footage, show
from jobs.show import Scene, path_of
from jobs.terminal import Terminal
from tests.chronicle import T0
from tests.jobs.conftest import EVENT, TRACK, Maker, place

TRACK_ID, EVENT_ID, SCENE_ID = f"t{TRACK:016x}", f"e{EVENT:016x}", f"e{EVENT + 1:016x}"


def shown(settings: Settings, hit: str, out: Path) -> bytes:
    answer = io.BytesIO()
    assert show.command(settings, Namespace(hit=hit, out=str(out)), Terminal(answer, settings.language)) == 0
    assert answer.getvalue().decode() == f"{out}\n"
    return out.read_bytes()


def square(picture: NDArray[np.uint8]) -> tuple[int, int]:
    """Left and right edge of the square that `write_clip` drew."""
    red = np.flatnonzero((picture[44, :, 2].astype(int) - picture[44, :, 0]) > 100)
    return int(red[0]), int(red[-1])


@pytest.mark.parametrize("hit", [TRACK_ID, EVENT_ID, SCENE_ID])
@pytest.mark.parametrize("ending", [".jpg", ".jpeg", ".png", ".JPG"])
def test_a_picture(watched: Settings, tmp_path: Path, hit: str, ending: str) -> None:
    out = tmp_path / f"still{ending}"
    shown(watched, hit, out)
    picture = cv2.imread(str(out))
    assert picture is not None
    assert picture.shape == (96, 160, 3)
    assert [p.name for p in tmp_path.iterdir() if p.suffix == ending or "part" in p.name] == [out.name]


def test_the_box_is_drawn_where_the_thing_is_at_that_moment(watched: Settings) -> None:
    scene = Scene.of(watched, TRACK_ID)
    plain = scene.still(T0 + 2.0)
    left, right = square(plain)
    assert (left, right) == pytest.approx((place(2.0)[0], place(2.0)[2]), abs=2)
    changed = np.flatnonzero((scene.drawn(plain, T0 + 2.0) != plain)[45].any(1))
    assert min(abs(changed - left)) <= 2, "its left edge is drawn"
    assert min(abs(changed - right)) <= 2, "and its right one"


def test_a_clip_has_the_seconds_around_the_hit(watched: Settings, tmp_path: Path) -> None:
    shown(watched, TRACK_ID, tmp_path / "clip.mp4")
    known = probe(tmp_path / "clip.mp4")
    assert (known.codec, known.width, known.height) == ("h264", 160, 96)
    assert known.duration_s == pytest.approx(4.0, abs=0.11), "two seconds more on both sides, as far as the footage goes"
    before, during = stills(tmp_path / "clip.mp4", [0.1, 2.0])
    plain = Scene.of(watched, TRACK_ID)
    assert np.abs(during.astype(int) - plain.still(T0 + 2.0)).max() > 100, "boxes are drawn"
    assert np.abs(before[:80].astype(int) - plain.still(T0 + 0.1)[:80]).max() < 100, "not before it is there"


def test_a_hit_that_goes_on_in_the_next_file(watched: Settings, clip: Maker, tmp_path: Path) -> None:
    footage.register(watched, Lake(watched), [str(clip("next.mp4", shade=160))], "gate", T0 + 4.0)
    pictures = list(Scene.of(watched, TRACK_ID).pictures(T0 + 1.5, T0 + 5.5))
    assert [round(at - T0, 3) for at, _ in pictures] == [round(1.5 + i / 10, 3) for i in range(25)], "only files that the hit is in"
    longer = replace(Scene.of(watched, TRACK_ID), files=tuple(footage.recall(Lake(watched), "gate")))
    moments = [round(at - T0, 3) for at, _ in longer.pictures(T0 + 1.5, T0 + 5.5)]
    assert moments == [round(1.5 + i / 10, 3) for i in range(40)], "one file after the other, no moment twice"


@pytest.mark.parametrize(
    ("language", "label", "caption"),
    [
        ("en", "wrong way · red motorcycle", "Gate · 2026-11-01 08:00:02 · wrong way · against 3 s"),
        ("vi", "ngược chiều · xe máy đỏ", "Cổng · 2026-11-01 08:00:02 · ngược chiều · ngược chiều 3 giây"),
    ],
)
def test_words_on_the_picture(watched: Settings, language: str, label: str, caption: str) -> None:
    scene = Scene.of(replace(watched, language=language), EVENT_ID)  # type: ignore[arg-type]
    assert (scene._label(), scene._caption(T0 + 2.0)) == (label, caption)
    assert scene.place == "road"


@pytest.mark.parametrize(
    ("moment", "wanted"),
    [
        pytest.param(0.9, None, id="before it"),
        pytest.param(1.0, [0, 0, 10, 10], id="its first point"),
        pytest.param(1.5, [5, 0, 15, 10], id="between two"),
        pytest.param(4.0, None, id="lost in between"),
        pytest.param(8.0, [80, 0, 90, 10], id="its last point"),
        pytest.param(8.2, None, id="after it"),
    ],
)
def test_where_a_track_is(moment: float, wanted: list[float] | None) -> None:
    path = path_of([(t, 10.0 * x, 0.0, 10.0 * x + 10, 10.0) for t, x in ((1.0, 0), (2.0, 1), (7.0, 7), (8.0, 8))])
    box = path.at(moment)
    assert (box is None) == (wanted is None)
    if wanted is not None and box is not None:
        assert box.tolist() == pytest.approx(wanted)


def test_no_points_no_box() -> None:
    assert path_of([]).at(1.0) is None


@pytest.mark.parametrize("language", ["en", "vi"])
def test_footage_that_is_gone(watched: Settings, tmp_path: Path, language: str) -> None:
    spoken = replace(watched, language=language)  # type: ignore[arg-type]
    (tmp_path / "footage" / "gate.mp4").unlink()
    with pytest.raises(Refused) as refused:
        shown(spoken, TRACK_ID, tmp_path / "still.jpg")
    assert "gate.mp4" in refused.value.say(language)
    assert not (tmp_path / "still.jpg").exists()


def test_where_nothing_can_be_written(watched: Settings, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    for name in ("still.jpg", "clip.mp4"):
        with pytest.raises(Refused, match="cannot be written"):
            shown(watched, TRACK_ID, tmp_path / "file" / name)
