"""How things are told to people."""

from typing import Any

import pytest

from analytics.taxonomy import COLOURS, OBJECTS
from jobs import words


@pytest.mark.parametrize(
    ("evidence", "en", "vi"),
    [
        ({}, "", ""),
        ({"speed_kmh": 58.123, "limit_kmh": 50}, "speed 58.1 km/h, limit 50 km/h", "tốc độ 58.1 km/h, giới hạn 50 km/h"),
        ({"speed_range_kmh": [54.0, 62.51]}, "speed range 54–62.5 km/h", "speed range 54–62.5 km/h"),
        ({"rule": "x", "weights_sha256": "y", "side": "left"}, "side left", "side left"),
        (
            {"heading_deg": 150.0, "zones": ["all", "road"], "speed_kmh": None},
            "heading 150°, zones all, road",
            "hướng 150°, vùng all, road",
        ),
        ({"zones": [], "vehicles": 4}, "vehicles 4", "số xe 4"),
        ({"speed_sizes_s": 0.31, "min_sizes": 1.0}, "speed 0.31 sizes/s, min 1 sizes", "tốc độ 0.31 thân/giây, ít nhất 1 thân"),
    ],
)
def test_brief(evidence: dict[str, Any], en: str, vi: str) -> None:
    assert (words.brief(evidence, "en"), words.brief(evidence, "vi")) == (en, vi)


@pytest.mark.parametrize("name", OBJECTS)
@pytest.mark.parametrize("colour", COLOURS)
def test_every_object_and_colour_has_words_and_a_swatch(name: str, colour: str) -> None:
    assert words.described(name, colour, "en") == f"{colour} {name}"
    assert words.described(name, colour, "vi").split()[0] != name
    assert words.SWATCHES[colour].startswith("#")


def test_sides_of_a_line() -> None:
    assert [words.direction(d, "vi") for d in ("in", "out", "vào phố")] == ["vào", "ra", "vào phố"]
    assert words.direction("in", "en") == "in"
