"""What to say about a name that nobody knows: the nearest known one, and all of them."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Annotated

from pydantic import AfterValidator

from analytics.errors import Refused
from analytics.taxonomy import OBJECTS


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that `name` was probably meant to be, or None.

    >>> nearest("motorcicle", ["car", "motorcycle"])
    'motorcycle'
    """
    by_lower = {k.lower(): k for k in known}
    close = get_close_matches(name.lower(), by_lower, n=1, cutoff=0.5)
    return by_lower[close[0]] if close else None


def unknown(what_en: str, what_vi: str, name: str, known: Iterable[str]) -> Refused:
    """The refusal of an unknown name, with the nearest known one and the list of all."""
    names = sorted(known)
    near = nearest(name, names)
    en, vi = f"unknown {what_en} `{name}`", f"không có {what_vi} `{name}`"
    if near:
        en, vi = f"{en}; did you mean `{near}`?", f"{vi}; có phải `{near}`?"
    listed = ", ".join(names)
    return Refused(f"{en} Known: {listed or 'none'}.", f"{vi} Hiện có: {listed or 'chưa có gì'}.")


def _object(name: str) -> str:
    if name not in OBJECTS:
        raise unknown("class", "lớp đối tượng", name, OBJECTS)
    return name


ObjectName = Annotated[str, AfterValidator(_object)]
"""A name of `taxonomy.OBJECTS`, checked where a configuration is read."""
