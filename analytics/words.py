"""The words people use for objects, colours, events and directions, in Vietnamese (with or without its marks) and English."""

import unicodedata
from collections.abc import Iterable, Mapping

from analytics.errors import Refused
from analytics.names import nearest
from analytics.taxonomy import COLOURS, OBJECTS

OBJECT_WORDS: Mapping[str, tuple[str, ...]] = {
    "person": ("người", "người đi bộ", "pedestrian", "people", "persons"),
    "bicycle": ("xe đạp", "bicycles", "bike", "cycle"),
    "motorcycle": ("xe máy", "xe gắn máy", "mô tô", "xe mô tô", "motorbike", "motorbikes", "motorcycles", "scooter"),
    "car": ("ô tô", "xe ô tô", "xe hơi", "xe con", "cars", "automobile"),
    "bus": ("xe buýt", "xe khách", "buses", "coach"),
    "truck": ("xe tải", "trucks", "lorry", "lorries"),
}
COLOUR_WORDS: Mapping[str, tuple[str, ...]] = {
    "red": ("đỏ",),
    "orange": ("cam", "da cam"),
    "yellow": ("vàng",),
    "green": ("xanh lá", "xanh lá cây", "xanh lục", "lục"),
    "blue": ("xanh dương", "xanh da trời", "xanh lam", "xanh nước biển", "lam"),
    "purple": ("tím", "violet"),
    "pink": ("hồng",),
    "brown": ("nâu",),
    "black": ("đen",),
    "grey": ("xám", "ghi", "gray"),
    "silver": ("bạc",),
    "white": ("trắng",),
}
EVENT_WORDS: Mapping[str, tuple[str, ...]] = {
    "wrong_way": ("ngược chiều", "đi ngược chiều"),
    "illegal_stop": ("dừng đỗ trái phép", "dừng đỗ sai quy định", "đỗ xe trái phép", "illegal parking"),
    "speeding": ("quá tốc độ", "chạy quá tốc độ", "vượt quá tốc độ"),
    "intrusion": ("xâm nhập", "vào vùng cấm"),
    "loitering": ("lảng vảng", "quanh quẩn"),
    "congestion": ("ùn tắc", "tắc đường", "kẹt xe", "traffic jam"),
    "red_light": ("vượt đèn đỏ",),
}
"""Kinds of rules that are not here have their own name alone; which kinds there are is the registry's to say."""
DIRECTION_WORDS: Mapping[str, tuple[str, ...]] = {
    "N": ("bắc", "north"),
    "NE": ("đông bắc", "northeast"),
    "E": ("đông", "east"),
    "SE": ("đông nam", "southeast"),
    "S": ("nam", "south"),
    "SW": ("tây nam", "southwest"),
    "W": ("tây", "west"),
    "NW": ("tây bắc", "northwest"),
    "up": ("lên",),
    "down": ("xuống",),
    "left": ("trái", "sang trái"),
    "right": ("phải", "sang phải"),
}
BEARINGS: Mapping[str, float] = {name: 45.0 * i for i, name in enumerate(("N", "NE", "E", "SE", "S", "SW", "W", "NW"))}
"""Degrees clockwise from north."""
PICTURE_DEG: Mapping[str, float] = {"up": 0.0, "right": 90.0, "down": 180.0, "left": 270.0}
"""Degrees clockwise from up in the picture."""


def plain(text: str) -> str:
    """Lower case, without marks, single spaces.

    >>> plain("  Xe_MÁY  đỏ ")
    'xe may do'
    """
    lower = text.lower().replace("đ", "d").replace("_", " ").replace("-", " ")
    bare = "".join(c for c in unicodedata.normalize("NFD", lower) if not unicodedata.combining(c))
    return " ".join(bare.split())


def object_name(word: str) -> str:
    """The class that a word means.

    >>> object_name("xe may"), object_name("Motorcycle")
    ('motorcycle', 'motorcycle')

    Raises:
        Refused: no class is called so; the message names the nearest word and all classes.
    """
    return _meant(word, OBJECT_WORDS, OBJECTS, "object", "loại đối tượng")


def colour_name(word: str) -> str:
    """The colour that a word means.

    >>> colour_name("đỏ"), colour_name("mau do"), colour_name("gray")
    ('red', 'red', 'grey')

    Raises:
        Refused: no colour is called so, or more than one ("xanh").
    """
    bare = plain(word).removeprefix("mau ")
    if bare == "xanh":
        raise Refused(
            en="xanh is green or blue: say xanh lá (green) or xanh dương (blue).",
            vi="xanh có thể là green hoặc blue: hãy ghi xanh lá hoặc xanh dương.",
        )
    return _meant(bare, COLOUR_WORDS, COLOURS, "colour", "màu")


def event_kind(word: str, kinds: Iterable[str]) -> str:
    """The kind of event that a word means, of those there are.

    >>> event_kind("nguoc chieu", ["wrong_way", "speeding"])
    'wrong_way'

    Raises:
        Refused: no kind is called so.
    """
    return _meant(word, EVENT_WORDS, tuple(kinds), "kind of event", "loại sự kiện")


def direction_name(word: str) -> str:
    """N, NE, … or up, down, left, right.

    >>> direction_name("đông bắc"), direction_name("sw"), direction_name("Left")
    ('NE', 'SW', 'left')

    Raises:
        Refused: it is no direction.
    """
    return _meant(word, DIRECTION_WORDS, tuple(DIRECTION_WORDS), "direction", "hướng")


def say(name: str, language: str) -> str:
    """An object, colour, event or direction as people call it in `language` ("vi" or "en").

    >>> say("motorcycle", "vi"), say("wrong_way", "en"), say("unheard_of", "vi")
    ('xe máy', 'wrong way', 'unheard of')
    """
    for table in (OBJECT_WORDS, COLOUR_WORDS, EVENT_WORDS, DIRECTION_WORDS):
        if language == "vi" and name in table:
            return table[name][0]
    return name.replace("_", " ")


def _meant(word: str, table: Mapping[str, tuple[str, ...]], names: tuple[str, ...], en: str, vi: str) -> str:
    known = {plain(other): name for name in names for other in (name, *table.get(name, ()))}
    bare = plain(word)
    if bare in known:
        return known[bare]
    near = nearest(bare, known)
    hint = (f"; did you mean `{known[near]}`?", f"; có phải `{known[near]}`?") if near else (".", ".")
    listed = ", ".join(names)
    raise Refused(f"unknown {en} `{word}`{hint[0]} Known: {listed}.", f"không có {vi} `{word}`{hint[1]} Hiện có: {listed}.")
