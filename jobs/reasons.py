"""Reasons as the lake keeps them, in both languages, and one of them as a person reads it."""

from analytics.errors import Refused

_BETWEEN = " / "


def both(error: Refused) -> str:
    """English, then Vietnamese."""
    return f"{error.en}{_BETWEEN}{error.vi}"


def half(reason: str, language: str) -> str:
    """The reason in `language` ("vi" or "en"); as it stands where it is in one language.

    >>> half("no footage / không có phim", "vi"), half("no footage", "vi")
    ('không có phim', 'no footage')
    """
    pieces = reason.split(_BETWEEN)
    if len(pieces) < 2 or len(pieces) % 2:
        return reason
    middle = len(pieces) // 2
    return _BETWEEN.join(pieces[middle:] if language == "vi" else pieces[:middle])
