"""Which camera a file belongs to where nobody says: a bare one, named after the file."""

import re
import unicodedata
from collections.abc import Mapping, Set

_ENOUGH = 60
"""An id is also a file's name; longer ones are cut."""


def slug(stem: str) -> str:
    """A camera id made of a file's name: small letters, digits and `-` only.

    >>> slug("vn_giangvo_langha"), slug("Cổng số 2 – Đại lộ"), slug("___")
    ('vn-giangvo-langha', 'cong-so-2-dai-lo', 'camera')
    """
    plain = unicodedata.normalize("NFD", stem.replace("đ", "d").replace("Đ", "D"))
    letters = "".join(c for c in plain if not unicodedata.combining(c)).lower()
    return re.sub(r"[^a-z0-9]+", "-", letters).strip("-")[:_ENOUGH].rstrip("-") or "camera"


def bare_id(stem: str, footage: str, holders: Mapping[str, Set[str]]) -> str:
    """The camera that a file without one gets: the one that has its content already, else `name`, or `name-2`, … where `name` holds others.

    Two files called `clip.mp4` from two places are two cameras; the same content again is the same one, so nothing counts double.

    Args:
        footage: what names the file's content.
        holders: for each camera known so far, the footage it has.
    """
    base = slug(stem)
    holding = [camera for camera, held in holders.items() if footage in held]
    if holding:
        return base if base in holding else holding[0]
    number = 1
    while True:
        name = base if number == 1 else f"{base}-{number}"
        if not holders.get(name):
            return name
        number += 1
