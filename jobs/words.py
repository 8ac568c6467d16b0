"""How an answer's things are told to people; the words themselves are in `analytics/words.py`."""

from analytics.words import say

SWATCHES = {
    "red": "#d33", "orange": "#f80", "yellow": "#fc0", "green": "#3a3", "blue": "#36c", "purple": "#84c",
    "pink": "#f8b", "brown": "#853", "black": "#222", "grey": "#888", "silver": "#bbc", "white": "#fff",
}  # fmt: skip
"""What colours look like on a page."""
_SIDES = {"in": "vào", "out": "ra"}


def word(name: str | None, language: str) -> str:
    """A class, colour, kind of event or direction, or nothing."""
    return "" if name is None else say(name, language)


def direction(name: str, language: str) -> str:
    """A side of a line; names that the line itself gives stay as they are."""
    return _SIDES.get(name, name) if language == "vi" else name


def described(name: str | None, painted: str | None, language: str) -> str:
    """An object with its colour, in the order of the language.

    >>> described("motorcycle", "red", "vi"), described("motorcycle", "red", "en"), described("car", None, "en")
    ('xe máy đỏ', 'red motorcycle', 'car')
    """
    words = [word(name, language), word(painted, language)]
    return " ".join(w for w in (words if language == "vi" else words[::-1]) if w)
