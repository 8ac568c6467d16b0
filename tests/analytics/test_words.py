"""Words: every name has a Vietnamese one, marks do not matter, no word means two things."""

import pytest

from analytics.errors import Refused
from analytics.rules.registry import kinds
from analytics.taxonomy import COLOURS, OBJECTS
from analytics.words import (
    COLOUR_WORDS,
    DIRECTION_WORDS,
    EVENT_WORDS,
    OBJECT_WORDS,
    colour_name,
    direction_name,
    event_kind,
    object_name,
    plain,
    say,
)

TABLES = [OBJECT_WORDS, COLOUR_WORDS, EVENT_WORDS, DIRECTION_WORDS]


def test_every_name_has_words() -> None:
    assert set(OBJECT_WORDS) == set(OBJECTS)
    assert set(COLOUR_WORDS) == set(COLOURS)
    assert set(kinds()) - {"line_count"} <= set(EVENT_WORDS)


@pytest.mark.parametrize("table", TABLES)
def test_no_word_means_two_things(table: dict[str, tuple[str, ...]]) -> None:
    words = [plain(word) for name, others in table.items() for word in {name, *others}]
    assert len(words) == len(set(words))


@pytest.mark.parametrize(
    ("ask", "word", "meant"),
    [
        (object_name, "xe máy", "motorcycle"),
        (object_name, "XE MAY", "motorcycle"),
        (object_name, "lorry", "truck"),
        (object_name, "ô-tô", "car"),
        (object_name, "người đi bộ", "person"),
        (colour_name, "đỏ", "red"),
        (colour_name, "do", "red"),
        (colour_name, "màu xanh lá cây", "green"),
        (colour_name, "xanh duong", "blue"),
        (direction_name, "tây nam", "SW"),
        (direction_name, "ne", "NE"),
        (direction_name, "UP", "up"),
    ],
)
def test_meant(ask, word: str, meant: str) -> None:
    assert ask(word) == meant


@pytest.mark.parametrize(
    ("ask", "word", "says"),
    [
        (object_name, "motorcicle", "did you mean `motorcycle`"),
        (object_name, "xe mayy", "did you mean `motorcycle`"),
        (object_name, "elephant", "Known: person, bicycle"),
        (colour_name, "redd", "did you mean `red`"),
        (colour_name, "xanh", "green or blue"),
        (direction_name, "sideways", "Known: N, NE"),
        (lambda w: event_kind(w, ["wrong_way"]), "wrong-wey", "did you mean `wrong_way`"),
        (lambda w: event_kind(w, ["wrong_way"]), "quá tốc độ", "Known: wrong_way"),
    ],
)
def test_refused(ask, word: str, says: str) -> None:
    with pytest.raises(Refused, match=says) as caught:
        ask(word)
    assert caught.value.vi != caught.value.en


def test_said() -> None:
    assert [say("car", language) for language in ("vi", "en")] == ["ô tô", "car"]
    assert say("wrong_way", "vi") == "ngược chiều"
