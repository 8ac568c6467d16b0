"""Camera ids out of file names, and reasons in two languages."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.errors import Unreadable
from jobs import naming, reasons


@pytest.mark.parametrize(
    ("stem", "wanted"),
    [
        ("motorway", "motorway"),
        ("vn_giangvo_langha", "vn-giangvo-langha"),
        ("Đường Hàng Bài (2)", "duong-hang-bai-2"),
        ("GATE.01", "gate-01"),
        ("街道", "camera"),
        ("x" * 90, "x" * 60),
    ],
)
def test_slug(stem: str, wanted: str) -> None:
    assert naming.slug(stem) == wanted


@given(st.text(max_size=80))
def test_a_slug_is_always_an_id(stem: str) -> None:
    assert re.fullmatch("[a-z0-9](?:[a-z0-9-]{0,58}[a-z0-9])?", naming.slug(stem))


@pytest.mark.parametrize(
    ("holders", "wanted"),
    [
        pytest.param({}, "clip", id="nothing yet"),
        pytest.param({"clip": {"aa"}}, "clip", id="the same content again"),
        pytest.param({"clip": {"bb"}}, "clip-2", id="another file of that name"),
        pytest.param({"clip": {"bb"}, "clip-2": {"aa"}}, "clip-2", id="the second one again"),
        pytest.param({"clip": {"bb"}, "clip-2": {"cc"}}, "clip-3", id="the third"),
        pytest.param({"gate": {"aa"}}, "gate", id="its content is another camera's"),
        pytest.param({"gate": {"aa"}, "clip": {"aa"}}, "clip", id="its content is two cameras'"),
    ],
)
def test_bare_id(holders: dict[str, set[str]], wanted: str) -> None:
    assert naming.bare_id("Clip", "aa", holders) == wanted


@given(st.text(), st.text())
def test_reasons_come_apart_again(en: str, vi: str) -> None:
    if en.count(" / ") == vi.count(" / ") and not (en.endswith((" ", " /")) or vi.startswith((" ", "/ "))):
        kept = reasons.both(Unreadable(en, vi))
        assert (reasons.half(kept, "en"), reasons.half(kept, "vi")) == (en, vi)
