"""Times as people write and read them: ISO 8601 in, the installation's zone out. Inside, time is seconds since the epoch, UTC."""

import re
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from analytics.errors import Refused

_DIRECTIVES = {
    "Y": r"\d{4}", "y": r"\d{2}", "m": r"\d{2}", "d": r"\d{2}", "H": r"\d{2}", "I": r"\d{2}", "M": r"\d{2}", "S": r"\d{2}",
    "f": r"\d{1,6}", "j": r"\d{3}", "p": r"[AaPp][Mm]", "b": r"[A-Za-z]{3}", "z": r"(?:Z|[+-]\d{2}:?\d{2})", "%": "%",
}  # fmt: skip
"""What each directive of strptime looks like in a file's name, at its full width, so that it is found inside longer names."""

FIRST_YEAR, LAST_YEAR = 1970, 2200
"""Of times that people may give: outside, sums with zones and clocks leave what a calendar can say."""


def parse(text: str, zone: ZoneInfo) -> float:
    """Seconds since the epoch of an ISO 8601 time; one without a zone is read in `zone`, a day alone begins at midnight.

    >>> parse("2026-11-01T08:00:00+07:00", ZoneInfo("UTC")) == parse("2026-11-01 08:00", ZoneInfo("Asia/Ho_Chi_Minh"))
    True

    Raises:
        Refused: the text is no such time, or lies in a year in which no camera filmed.
    """
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise Refused(
            en=f"{text!r} is no time. Write it as 2026-11-01T08:00:00, or with its zone, 2026-11-01T08:00:00+07:00.",
            vi=f"{text!r} không phải thời điểm. Hãy viết như 2026-11-01T08:00:00 hoặc kèm múi giờ, 2026-11-01T08:00:00+07:00.",
        ) from error
    if not date(FIRST_YEAR - 1, 12, 31) <= at.date() <= date(LAST_YEAR + 1, 1, 1):  # a day of room for zones
        raise Refused(
            en=f"{text}: wanted a year between {FIRST_YEAR} and {LAST_YEAR}, such as 2026-11-01T08:00:00.",
            vi=f"{text}: cần năm trong khoảng {FIRST_YEAR} đến {LAST_YEAR}, ví dụ 2026-11-01T08:00:00.",
        )
    return (at if at.tzinfo else at.replace(tzinfo=zone)).timestamp()


def span(start: str | None, end: str | None, zone: ZoneInfo) -> tuple[float | None, float | None]:
    """The two ends of an asked time, either of them open.

    Raises:
        Refused: one of them is no time, or the end is not after the start.
    """
    start_s = parse(start, zone) if start else None
    end_s = parse(end, zone) if end else None
    if start_s is not None and end_s is not None and end_s <= start_s:
        raise Refused(
            en=f"The time range is reversed or empty: --from {start} is not before --to {end}. Swap them; a day alone begins at midnight, "
            "so a whole day runs to the next one.",
            vi=f"Khoảng thời gian bị ngược hoặc rỗng: --from {start} không đứng trước --to {end}. Hãy đổi chỗ; một ngày không ghi giờ "
            "bắt đầu lúc nửa đêm, nên cả ngày thì --to là ngày kế tiếp.",
        )
    return start_s, end_s


def from_name(name: str, pattern: str, zone: ZoneInfo) -> float | None:
    """The time that `pattern` (directives of strptime) finds anywhere in a file's name; None where it finds none.

    >>> hcm = ZoneInfo("Asia/Ho_Chi_Minh")
    >>> from_name("gate-2_20261101_080000.mp4", "%Y%m%d_%H%M%S", hcm) == parse("2026-11-01T08:00", hcm)
    True

    Raises:
        Refused: the pattern has an unknown directive, or too few to make a time.
    """
    given = re.findall(r"%(.)", pattern)
    unknown = [d for d in given if d not in _DIRECTIVES]
    if unknown or not ({"Y", "y"} & set(given) and ({"j"} & set(given) or {"d"} <= set(given)) and {"H", "I"} & set(given)):
        raise Refused(
            en=f'--start-from-name {pattern!r}: wanted year, month, day and hour, such as "%Y%m%d_%H%M%S". '
            f"Known: {', '.join('%' + d for d in _DIRECTIVES)}.",
            vi=f'--start-from-name {pattern!r}: cần năm, tháng, ngày và giờ, chẳng hạn "%Y%m%d_%H%M%S". '
            f"Các mã: {', '.join('%' + d for d in _DIRECTIVES)}.",
        )
    pieces = re.split(r"(%.)", pattern)
    expression = "".join(_DIRECTIVES[p[1]] if p.startswith("%") else re.escape(p) for p in pieces)
    for found in re.finditer(f"(?=({expression}))", name):
        try:
            at = datetime.strptime(found[1], pattern)
        except ValueError:  # digits that look right but make no time, such as month 20: look further on
            continue
        return (at if at.tzinfo else at.replace(tzinfo=zone)).timestamp()
    return None


def show(at: float, zone: ZoneInfo, *, seconds: bool = True) -> str:
    """A time for people, in their zone, to the second.

    >>> show(0.0, ZoneInfo("Asia/Ho_Chi_Minh"))
    '1970-01-01 08:00:00'
    """
    return f"{datetime.fromtimestamp(at, zone):{'%Y-%m-%d %H:%M:%S' if seconds else '%Y-%m-%d %H:%M'}}"


def iso(at: float) -> str:
    """A time for programs, in UTC, to the microsecond, ending in Z."""
    return (datetime.fromtimestamp(0, UTC) + timedelta(seconds=at)).isoformat(timespec="microseconds").replace("+00:00", "Z")


def lasting(seconds: float, language: str) -> str:
    """A duration for people.

    >>> lasting(4.2, "en"), lasting(95, "en"), lasting(3720, "vi")
    ('4 s', '1 min 35 s', '1 giờ 2 phút')
    """
    hour, minute = ("giờ", "phút") if language == "vi" else ("h", "min")
    if seconds < 60:
        return f"{seconds:.0f} {'giây' if language == 'vi' else 's'}"
    if seconds < 3600:
        return f"{seconds // 60:.0f} {minute} {seconds % 60:.0f} {'giây' if language == 'vi' else 's'}"
    return f"{seconds // 3600:.0f} {hour} {seconds % 3600 // 60:.0f} {minute}"
