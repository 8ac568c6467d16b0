"""The tables of the benches, in both languages: the same figures, words in one language only."""

import re
from dataclasses import fields
from typing import Any

import pytest

from jobs import bench_archive, bench_engine, bench_search

COST = {"cpu_s": 30.0, "wall_s": 20.0, "start_up_s": 10.0}
ARCHIVE = {
    "footage_s": 100.0, "made_of": "drill", "weights": "w.pt", "backend": "openvino-f32",
    "recipe": {**COST, "cpu_s": 90.0}, "matthan": COST, "ratio": 4.0, "counts": [{"line": "across", "counted": 11, "truth": (10, 12)}],
}  # fmt: skip
ENGINE = [{"scene": "jam", "footage_s": 60.0, "looks": 150, "boxes_a_look": 4.5, "rules": 3, "ms_a_look": 0.25, "cpu_s_an_hour": 2.5}]
SEARCH = bench_search.Report(20_000, 40, 20, 1.5, 0.5, 40, 1, 2.25, 50, 3.5, 30.0, 10.0, 20.0, 40.0, None)

TABLES: dict[str, Any] = {
    "archive": lambda language: bench_archive.table(ARCHIVE, language),
    "engine": lambda language: bench_engine.table(ENGINE, language),
    "search": SEARCH.table,
}
ENGLISH = r"CPU-s|start-up|wall|recipe|ratio|counted|person|footage|scene|looks|rules|queries|chunks|files|_s\b|_ms\b"


@pytest.mark.parametrize("bench", TABLES)
def test_both_languages_tell_the_same_figures(bench: str) -> None:
    en, vi = (TABLES[bench](language) for language in ("en", "vi"))
    figures = [re.findall(r"\d[\d.,]*(?=\s|$)", text) for text in (en, vi)]
    assert sorted(figures[0]) == sorted(figures[1])
    assert re.search(ENGLISH, en)
    assert not re.search(ENGLISH, vi)


def test_every_figure_of_the_search_has_a_name_in_vietnamese() -> None:
    assert {field.name for field in fields(bench_search.Report)} == set(bench_search.VI)
