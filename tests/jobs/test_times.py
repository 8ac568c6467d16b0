"""Times in and out, whatever their form."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.errors import Refused
from jobs import times

HCM = ZoneInfo("Asia/Ho_Chi_Minh")
EIGHT = datetime.fromisoformat("2026-11-01T08:00:00+07:00").timestamp()


@pytest.mark.parametrize(
    ("text", "offset_s"),
    [
        pytest.param("2026-11-01T08:00:00", 0, id="no zone is the installation's"),
        pytest.param("2026-11-01 08:00", 0, id="space, no seconds"),
        pytest.param("2026-11-01T08:00:00+07:00", 0, id="with its zone"),
        pytest.param("2026-11-01T01:00:00Z", 0, id="UTC"),
        pytest.param("2026-11-01T03:00:00+02:00", 0, id="another zone"),
        pytest.param(" 2026-11-01T08:00:00.250 ", 0.25, id="parts of a second, blanks around"),
        pytest.param("2026-11-01", -8 * 3600, id="a day begins at midnight"),
    ],
)
def test_parse(text: str, offset_s: float) -> None:
    assert times.parse(text, HCM) == EIGHT + offset_s


@pytest.mark.parametrize(
    ("text", "fine"),
    [
        ("0001-01-01", False),
        ("1969-12-30T23:59:59", False),
        ("1969-12-31T12:00:00-12:00", True),
        ("1970-01-01", True),
        ("2200-12-31T23:59:59", True),
        ("2201-01-02", False),
        ("9999-12-31T23:59:59Z", False),
    ],
)
def test_years_that_no_camera_filmed_are_refused(text: str, fine: bool) -> None:
    if fine:
        assert times.iso(times.parse(text, HCM))
    else:
        with pytest.raises(Refused, match="between 1970 and 2200"):
            times.parse(text, HCM)


@pytest.mark.parametrize("text", ["yesterday", "", "2026-13-01", "08:00", "2026-11-01T25:00", "01/11/2026"])
def test_what_is_no_time_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(Refused) as refused:
        times.parse(text, HCM)
    assert "2026-11-01T08:00:00" in refused.value.en
    assert "2026-11-01T08:00:00" in refused.value.vi


@pytest.mark.parametrize(
    ("start", "end", "fine"),
    [
        pytest.param("2026-11-01T08:00", "2026-11-01T09:00", True, id="in order"),
        pytest.param("2026-11-01T08:00", None, True, id="open end"),
        pytest.param(None, "2026-11-01T08:00", True, id="open start"),
        pytest.param("2026-11-01T09:00", "2026-11-01T08:00", False, id="reversed"),
        pytest.param("2026-11-01T08:00", "2026-11-01T01:00Z", False, id="the same moment in two zones"),
        pytest.param("2026-11-01", "2026-11-01", False, id="the same day twice"),
    ],
)
def test_span(start: str | None, end: str | None, fine: bool) -> None:
    if fine:
        assert times.span(start, end, HCM) == tuple(times.parse(t, HCM) if t else None for t in (start, end))
    else:
        with pytest.raises(Refused, match="reversed or empty"):
            times.span(start, end, HCM)


@pytest.mark.parametrize(
    ("name", "pattern", "wanted"),
    [
        pytest.param("20261101_080000.mp4", "%Y%m%d_%H%M%S", "2026-11-01T08:00", id="alone"),
        pytest.param("gate-2_20261101_080000_main.mp4", "%Y%m%d_%H%M%S", "2026-11-01T08:00", id="inside a longer name"),
        pytest.param("4420261101_080000.mp4", "%Y%m%d_%H%M%S", "2026-11-01T08:00", id="digits before it that make no time"),
        pytest.param("ch01-2026-11-01T08-30.mkv", "%Y-%m-%dT%H-%M", "2026-11-01T08:30", id="dashes, no seconds"),
        pytest.param("261101080000.avi", "%y%m%d%H%M%S", "2026-11-01T08:00", id="two digits of the year"),
        pytest.param("a (1)_01.11.2026 08.00.00.mp4", "%d.%m.%Y %H.%M.%S", "2026-11-01T08:00", id="dots are dots"),
        pytest.param("20261101T010000+0000.mp4", "%Y%m%dT%H%M%S%z", "2026-11-01T08:00", id="with a zone"),
        pytest.param("20261101_0800.mp4", "%Y%m%d_%H%M%S", None, id="too short"),
        pytest.param("20261301_080000.mp4", "%Y%m%d_%H%M%S", None, id="month 13"),
        pytest.param("clip.mp4", "%Y%m%d_%H%M%S", None, id="none"),
    ],
)
def test_from_name(name: str, pattern: str, wanted: str | None) -> None:
    assert times.from_name(name, pattern, HCM) == (times.parse(wanted, HCM) if wanted else None)


@pytest.mark.parametrize("pattern", ["%Q", "clip", "%Y%m%d", "%H%M%S", "%Y-%H"])
def test_a_pattern_that_makes_no_time_is_refused(pattern: str) -> None:
    with pytest.raises(Refused, match="wanted year, month, day and hour"):
        times.from_name("20261101_080000.mp4", pattern, HCM)


@given(st.datetimes(min_value=datetime(1980, 1, 1), max_value=datetime(2100, 1, 1)))
def test_what_is_shown_reads_back(at: datetime) -> None:
    seconds = at.replace(microsecond=0, tzinfo=HCM).timestamp()
    assert times.parse(times.show(seconds, HCM), HCM) == seconds
    assert times.parse(times.iso(seconds), HCM) == seconds
