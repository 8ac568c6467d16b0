"""How an answer's things are told to people; the words themselves are in `analytics/words.py`."""

from collections.abc import Mapping
from typing import Any

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


_UNTOLD = frozenset({"rule", "model", "models", "weights", "weights_sha256", "configuration", "duration_s", "distance_px"})
"""Names of what decided, for programs; and what an answer tells elsewhere."""
_UNITS = {"sizes_s": ("sizes/s", "thân/giây"), "sizes": ("sizes", "thân"), "heights": ("heights", "chiều cao"), "kmh": ("km/h", "km/h"),
          "deg": ("°", "°"), "px": ("px", "px"), "m": ("m", "m"), "s": ("s", "giây")}  # fmt: skip
_NUMBERS = {
    "after": "tính sau", "against": "ngược chiều", "allowed": "cho phép", "congested": "ùn tắc", "distance": "quãng đường",
    "dwell": "dừng", "heading": "hướng", "hours": "giờ cấm", "inside": "ở trong", "limit": "giới hạn", "margin": "dung sai",
    "measured": "đo trong", "min": "ít nhất", "occupancy": "độ chiếm chỗ", "occupancy_limit": "ngưỡng chiếm chỗ", "roam": "phạm vi",
    "slow": "ngưỡng chậm", "speed": "tốc độ", "speed_high": "tốc độ cao nhất", "speed_low": "tốc độ thấp nhất", "stood": "đứng yên",
    "vehicles": "số xe", "zones": "vùng",
}  # fmt: skip
"""What the numbers of an evidence are called in Vietnamese; one without a word keeps its name."""


def brief(evidence: Mapping[str, Any], language: str) -> str:
    """The numbers of an evidence with their units, without the names of what decided.

    >>> brief({"dwell_s": 41.24, "allowed_s": 30, "interval_kmh": [54.0, 62.2], "model": "street", "zones": []}, "en")
    'dwell 41.2 s, allowed 30 s, interval 54–62.2 km/h'
    >>> brief({"dwell_s": 41.24, "slow_sizes_s": 0.5, "heading_deg": 90.0}, "vi")
    'dừng 41.2 giây, ngưỡng chậm 0.5 thân/giây, hướng 90°'
    """
    vi = language == "vi"
    parts = []
    for name, value in evidence.items():
        if name in _UNTOLD or value is None or isinstance(value, Mapping) or value in ([], ()):
            continue
        suffix = next((u for u in _UNITS if name.endswith(f"_{u}")), "")
        what = name.removesuffix(f"_{suffix}") if suffix else name
        unit = _UNITS[suffix][vi] if suffix else ""
        several = value if isinstance(value, list | tuple) else [value]
        told = (", " if isinstance(several[0], str) else "–").join(f"{v:.3g}" if isinstance(v, float) else str(v) for v in several)
        title = _NUMBERS.get(what, what.replace("_", " ")) if vi else what.replace("_", " ")
        parts.append(f"{title} {told}{'' if unit in ('', '°') else ' '}{unit}")
    return ", ".join(parts)
