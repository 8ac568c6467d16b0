"""The page of hits: one file, a picture for each hit at its own moment, everything told in the user's language and zone."""

import base64
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from cluster.lake import Lake
from cluster.search import CountQuery, Query, counts, search
from cluster.settings import Settings
from jobs import page
from jobs.finding import cameras_of


class Tags(HTMLParser):
    """Counts tags and checks that they close."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.count: dict[str, int] = {}
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.count[tag] = self.count.get(tag, 0) + 1
        if tag not in ("img", "meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def rendered(settings: Settings, query: Query) -> str:
    return page.render(settings, "search", search(Lake(settings), query, cameras_of(settings)).document())


def pictures(text: str) -> list[np.ndarray[Any, Any]]:
    found = re.findall(r'src="data:image/jpeg;base64,([^"]+)"', text)
    return [cv2.imdecode(np.frombuffer(base64.b64decode(f), np.uint8), cv2.IMREAD_COLOR) for f in found]


def test_a_page_of_hits(watched: Settings) -> None:
    text = rendered(watched, Query(("gate",)))
    assert Tags(text).count["article"] == 1
    assert "red motorcycle" in text
    assert "2026-11-01 08:00:00" in text
    assert "matthan show t000000000000002a --out clip.mp4" in text
    assert not re.search(r'(src|href)="(?!data:)', text), "nothing is loaded from anywhere"
    [picture] = pictures(text)
    assert picture.shape[1] == page.SIZE[0] or picture.shape[0] == page.SIZE[1]
    assert (picture[..., 2].astype(int) - picture[..., 0] > 90).mean() > 0.05, "the square is in the thumbnail"


def test_events_in_vietnamese_with_and_without_a_box(watched: Settings) -> None:
    text = rendered(replace(watched, language="vi"), Query(("gate",), event="any"))
    assert Tags(text).count["article"] == 2
    assert len(pictures(text)) == 2, "a congestion has no box: the whole picture"
    for word in ("ngược chiều", "ùn tắc", "xe máy đỏ", "kết quả", 'lang="vi"'):
        assert word in text


def test_footage_that_is_gone_leaves_the_card(watched: Settings, tmp_path: Path) -> None:
    (tmp_path / "footage" / "gate.mp4").unlink()
    text = rendered(watched, Query(("gate",)))
    assert "the footage is not at hand" in text
    assert pictures(text) == []


def test_what_is_missing_is_on_the_page(watched: Settings) -> None:
    start = page.times.parse("2026-11-01T08:00", watched.zone)
    text = rendered(watched, Query(("gate",), start, start + 600))
    assert "Not looked at" in text
    assert "no footage" in text


def test_counts(watched: Settings) -> None:
    document = counts(Lake(watched), CountQuery(("gate",)), cameras_of(watched)).document()
    text = page.render(watched, "counts", document)
    assert Tags(text).count["tr"] == 2
    assert "motorcycle" in text


def test_names_cannot_break_the_page(watched: Settings) -> None:
    document = search(Lake(watched), Query(("gate",)), cameras_of(watched)).document()
    hit = document["hits"][0] | {"camera": "<script>alert(1)</script>", "evidence": {"a": "<b>"}}
    text = page.render(watched, "search", document | {"hits": [hit]})
    assert "<script>" not in text
    assert "<b>" not in text.split("<main>")[1].replace("<h2><i", "").replace("<b>Red", "").replace("<b>red", "")


@pytest.mark.parametrize(
    ("box", "wide"),
    [
        pytest.param((0.0, 0.0, 8.0, 8.0), True, id="tiny, in a corner"),
        pytest.param((100.0, 40.0, 60.0, 56.0), True, id="large, at the edge"),
        pytest.param(None, True, id="none"),
        pytest.param((-5.0, -5.0, 300.0, 200.0), True, id="larger than the picture"),
    ],
)
def test_thumbnails_of_any_box(box: tuple[float, ...] | None, wide: bool) -> None:
    for shape in ((96, 160, 3), (160, 96, 3), (1, 1, 3), (2160, 3840, 3)):
        picture = cv2.imdecode(np.frombuffer(page._jpeg(np.full(shape, 90, np.uint8), box), np.uint8), cv2.IMREAD_COLOR)
        assert picture is not None
        assert picture.shape[0] <= page.SIZE[1]
        assert picture.shape[1] <= page.SIZE[0]
