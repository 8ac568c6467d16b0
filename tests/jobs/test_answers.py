"""One answer in five forms: the same facts in each, and nothing else on standard output."""

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from analytics.errors import Refused
from cluster.settings import Settings
from jobs import answers
from jobs.answers import COLUMNS, FORMATS
from jobs.terminal import Terminal

COVERAGE: dict[str, Any] = {
    "asked_s": 3600.0,
    "footage_s": 1800.0,
    "indexed_s": 900.0,
    "missing": [
        {"camera": "gate", "start": "2026-11-01T08:15:00+07:00", "end": "2026-11-01T08:30:00+07:00", "reason": "not indexed"},
        {"camera": "gate", "start": "2026-11-01T08:30:00+07:00", "end": "2026-11-01T09:00:00+07:00", "reason": "no footage"},
    ],
}
TRACK: dict[str, Any] = {
    "id": "t00000000000000aa", "type": "track", "camera": "gate", "start": "2026-11-01T08:00:01.500+07:00",
    "end": "2026-11-01T08:00:09.500+07:00", "object": "motorcycle", "colour": "red", "confidence": 0.873, "event": None,
    "evidence": {"heading_deg": 90.0, "speed_kmh": None}, "thumbnail": None, "clip": None,
}  # fmt: skip
EVENT: dict[str, Any] = {
    "id": "e00000000000000bb", "type": "event", "camera": "gate", "start": "2026-11-01T01:02:00Z", "end": "2026-11-01T01:03:35Z",
    "object": "truck", "colour": None, "confidence": 1.0, "event": "illegal_stop",
    "evidence": {"dwell_s": 95.04, "allowed_s": 30, "model": "street", "weights": "f59b"}, "thumbnail": None, "clip": None,
}  # fmt: skip
SEARCH = {"hits": [TRACK, EVENT], "coverage": COVERAGE}
COUNTS = {
    "rows": [
        {"camera": "gate", "line": "across", "start": "2026-11-01T08:00:00+07:00", "end": "2026-11-01T09:00:00+07:00", "class": c,
         "direction": d, "count": n, "pcu": p}
        for c, d, n, p in (("car", "in", 11, 11.0), ("motorcycle", "out", 4, 1.2))
    ],
    "coverage": COVERAGE,
}  # fmt: skip
DOCUMENTS: dict[str, Mapping[str, Any]] = {"search": SEARCH, "rewind": SEARCH, "counts": COUNTS, "coverage": COVERAGE}


class Pipe(io.BytesIO):
    """A standard output that is, or is not, a terminal."""

    def __init__(self, seen: bool = False) -> None:
        super().__init__()
        self.seen = seen

    def isatty(self) -> bool:
        return self.seen

    def fileno(self) -> int:
        raise OSError("no file behind it")


def given(settings: Settings, command: str, form: str, out: Path | None = None) -> bytes:
    pipe = Pipe()
    answers.give(Terminal(pipe, settings.language), settings, command, DOCUMENTS[command], form, out)
    return pipe.getvalue()


@pytest.mark.parametrize("command", DOCUMENTS)
def test_json_is_the_document(home: Settings, command: str) -> None:
    assert json.loads(given(home, command, "json")) == DOCUMENTS[command]


@pytest.mark.parametrize("command", DOCUMENTS)
def test_csv_has_a_line_a_row_and_says_the_coverage_elsewhere(home: Settings, command: str, capsys: pytest.CaptureFixture[str]) -> None:
    heading, *lines = csv.reader(io.StringIO(given(home, command, "csv").decode()))
    rows = answers.rows_of(command, DOCUMENTS[command])
    assert heading == [c.key for c in COLUMNS[command]]
    assert len(lines) == len(rows)
    for line, row in zip(lines, rows, strict=True):
        for key, cell in zip(heading, line, strict=True):
            assert (json.loads(cell) if isinstance(row[key], dict) else cell) == (
                row[key] if isinstance(row[key], dict) else "" if row[key] is None else str(row[key])
            )
    assert "Looked at 15 min 0 s" in capsys.readouterr().err


@pytest.mark.parametrize("command", DOCUMENTS)
def test_parquet_is_typed(home: Settings, command: str, tmp_path: Path) -> None:
    assert given(home, command, "parquet", tmp_path / "answer.parquet") == b""
    table = pq.read_table(tmp_path / "answer.parquet")
    assert table.column_names == [c.key for c in COLUMNS[command]]
    assert table.num_rows == len(answers.rows_of(command, DOCUMENTS[command]))
    assert str(table.schema.field("start").type) == "timestamp[us, tz=UTC]"
    assert json.loads(table.schema.metadata[b"matthan.coverage"]) == COVERAGE
    assert pq.read_table(io.BytesIO(given(home, command, "parquet"))) == table, "the same through a pipe"


def test_parquet_on_a_terminal_is_refused(home: Settings) -> None:
    with pytest.raises(Refused, match="--out FILE"):
        answers.give(Terminal(Pipe(seen=True), "en"), home, "search", SEARCH, "parquet")


@pytest.mark.parametrize(
    ("language", "command", "says"),
    [
        pytest.param("en", "search", ["t00000000000000aa", "2026-11-01 08:00:01", "8 s", "red motorcycle", "87%"], id="track"),
        pytest.param("en", "search", ["illegal stop", "2026-11-01 08:02:00", "1 min 35 s", "dwell 95 s", "allowed 30 s"], id="event"),
        pytest.param("vi", "search", ["xe máy đỏ", "dừng đỗ trái phép", "2 kết quả", "Chưa xem"], id="in Vietnamese"),
        pytest.param("en", "counts", ["across", "11.0", "15 crossings, 12.2 PCU"], id="counts"),
        pytest.param("vi", "counts", ["xe máy", "vào", "15 lượt qua vạch"], id="counts in Vietnamese"),
        pytest.param("en", "coverage", ["(25% of the time)", "08:30:00 – 09:00:00  no footage", "not indexed"], id="coverage"),
    ],
)
def test_table_for_people(home: Settings, language: str, command: str, says: list[str]) -> None:
    text = given(replace(home, language=language), command, "table").decode()  # type: ignore[arg-type]
    assert [word for word in says if word not in text] == []
    assert "f59b" not in text, "names of weights are for programs"


@pytest.mark.parametrize(
    ("language", "lines"),
    [
        ("en", ["across, in, car: 11 (11.0 PCU)", "2026-11-01: 3 × wrong way"]),
        ("vi", ["across, vào, ô tô: 11 (11.0 PCU)", "2026-11-01: 3 × ngược chiều"]),
    ],
)
def test_rewind_tells_alerts_a_day_and_crossings(home: Settings, language: str, lines: list[str]) -> None:
    document = SEARCH | {
        "counts": [{"line": "across", "class": "car", "direction": "in", "count": 11, "pcu": 11.0}],
        "per_day": [{"day": "2026-11-01", "event": "wrong_way", "count": 3}],
    }
    assert answers.summed(document, language) == lines
    for text in (
        answers.as_table(replace(home, language=language), "rewind", document, 200),  # type: ignore[arg-type]
        answers.as_html(replace(home, language=language), "rewind", document, 200),
    ):  # type: ignore[arg-type]
        assert [line for line in lines if line not in text] == []


def test_no_hits_and_no_coverage_are_told_apart(home: Settings) -> None:
    nothing = {"hits": [], "coverage": COVERAGE}
    text = answers.as_table(home, "search", nothing, 100)
    assert text.startswith("0 hits. Looked at 15 min 0 s of the 30 min 0 s of footage in the 1 h 0 min asked for (25% of the time).")
    assert "gate  2026-11-01 08:15:00 – 08:30:00  not indexed" in text


def test_a_long_list_of_what_is_missing_is_cut(home: Settings) -> None:
    many = {**COVERAGE, "missing": COVERAGE["missing"] * 20}
    lines = answers.missing(many, home).splitlines()
    assert len(lines) == 2 + answers.MISSING_SHOWN
    assert "32 more" in lines[-1]


def test_words_in_brackets_are_not_taken_for_colours(home: Settings) -> None:
    odd = {**TRACK, "camera": "[red]gate[/red]"}
    assert "[red]gate[/red]" in answers.as_table(home, "search", {"hits": [odd], "coverage": COVERAGE}, 200)


@pytest.mark.parametrize("form", FORMATS)
def test_to_a_file(home: Settings, tmp_path: Path, form: str, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / f"answer.{form}"
    assert given(home, "counts", form, out) == b""
    assert out.stat().st_size > 0
    assert str(out) in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == [out], "nothing half-written beside it"


def test_a_file_that_cannot_be_written_is_refused(home: Settings, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="cannot be written"):
        given(home, "counts", "csv", tmp_path / "no such folder" / "a.csv")
