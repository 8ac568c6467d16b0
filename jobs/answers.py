"""An answer as a table for people, JSON, CSV or Parquet for programs; `jobs.page` makes the page. Knows the documents, asks nothing."""

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from analytics.errors import Refused
from cluster.settings import Settings
from jobs import times, words
from jobs.terminal import Terminal, write_whole

FORMATS = ("table", "json", "csv", "parquet", "html")
MISSING_SHOWN = 8
"""Lines of what is missing under a table."""
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Column:
    """One column of an answer.

    Attributes:
        key: its name in the document, in CSV and in Parquet.
        type: for Parquet: string, float64, int64, timestamp, json (a string that holds JSON).
        en, vi: its heading; empty where tables leave it out.
        right: numbers stand right.
    """

    key: str
    type: str
    en: str = ""
    vi: str = ""
    right: bool = False


COLUMNS: dict[str, tuple[Column, ...]] = {
    "search": (
        Column("id", "string", "hit", "kết quả"),
        Column("type", "string"),
        Column("camera", "string", "camera", "camera"),
        Column("start", "timestamp", "from", "từ"),
        Column("end", "timestamp", "lasting", "kéo dài", right=True),
        Column("object", "string", "object", "đối tượng"),
        Column("colour", "string"),
        Column("confidence", "float64", "sure", "độ chắc", right=True),
        Column("event", "string", "event", "sự kiện"),
        Column("evidence", "json", "evidence", "bằng chứng"),
        Column("thumbnail", "string"),
        Column("clip", "string"),
    ),
    "counts": (
        Column("camera", "string", "camera", "camera"),
        Column("line", "string", "line", "vạch"),
        Column("start", "timestamp", "from", "từ"),
        Column("end", "timestamp", "to", "đến"),
        Column("class", "string", "class", "loại"),
        Column("direction", "string", "direction", "hướng"),
        Column("count", "int64", "count", "số lượt", right=True),
        Column("pcu", "float64", "PCU", "PCU", right=True),
    ),
    "coverage": (
        Column("camera", "string", "camera", "camera"),
        Column("start", "timestamp", "from", "từ"),
        Column("end", "timestamp", "to", "đến"),
        Column("reason", "string", "not looked at because", "chưa xem vì"),
    ),
}
COLUMNS["rewind"] = COLUMNS["search"]
"""What each command's rows hold; also what its JSON has in each row. Other programs rely on them."""

ROWS = {"search": "hits", "counts": "rows", "coverage": "missing", "rewind": "hits"}
"""Where in a command's document its rows are."""


def give(terminal: Terminal, settings: Settings, command: str, document: Mapping[str, Any], form: str, out: Path | None = None) -> None:
    """Writes an answer to standard output, or to a file.

    Args:
        command: a key of `COLUMNS`.
        document: what `--format json` prints.
        form: one of `FORMATS`.

    Raises:
        Refused: Parquet would go to a terminal, or the file cannot be written.
    """
    if form == "parquet" and out is None and terminal.seen:
        raise Refused(
            en="Parquet is not for reading on a terminal. Add --out FILE, or send it on with >.",
            vi="Parquet không đọc được trên màn hình. Hãy thêm --out TỆP hoặc chuyển hướng bằng >.",
        )
    width = 1000 if out else terminal.width
    written = _WRITERS[form](settings, command, document, width)
    data = written.encode() if isinstance(written, str) else written
    if out is None:
        terminal.answer(data)
    else:
        write_whole(data, out)
        terminal.note(f"written to {out}", f"đã ghi vào {out}")
    if form in ("csv", "parquet"):
        terminal.note(*(covered(covers_of(command, document), language) for language in ("en", "vi")))


def covers_of(command: str, document: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the answer covers: a part of the document, or all of it where that was the question."""
    covers: Mapping[str, Any] = document if command == "coverage" else document["coverage"]
    return covers


def rows_of(command: str, document: Mapping[str, Any]) -> Sequence[Row]:
    """The document's rows."""
    rows: Sequence[Row] = document[ROWS[command]]
    return rows


def as_json(_settings: Settings, _command: str, document: Mapping[str, Any], _width: int) -> str:
    """The document itself."""
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"


def as_csv(_settings: Settings, command: str, document: Mapping[str, Any], _width: int) -> str:
    """One line a row, with a heading; RFC 4180, in UTF-8."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([c.key for c in COLUMNS[command]])
    for row in rows_of(command, document):
        cells = [_plain(row.get(c.key)) for c in COLUMNS[command]]
        writer.writerow(cells)
    return out.getvalue()


def _plain(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, Mapping | list | tuple) else value


def as_parquet(_settings: Settings, command: str, document: Mapping[str, Any], _width: int) -> bytes:
    """Typed columns; what the answer covers stands in the file's metadata as `matthan.coverage`."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    kinds = {
        "string": pa.string(),
        "json": pa.string(),
        "float64": pa.float64(),
        "int64": pa.int64(),
        "timestamp": pa.timestamp("us", "UTC"),
    }
    columns = COLUMNS[command]
    schema = pa.schema(
        [(c.key, kinds[c.type]) for c in columns], {"matthan.coverage": json.dumps(covers_of(command, document), ensure_ascii=False)}
    )
    rows = [{c.key: _typed(row.get(c.key), c.type) for c in columns} for row in rows_of(command, document)]
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows, schema), out, compression="zstd")
    return out.getvalue()


def _typed(value: Any, kind: str) -> Any:
    if value is None:
        return None
    if kind == "timestamp":
        return datetime.fromisoformat(value)
    return _plain(value)


def as_table(settings: Settings, command: str, document: Mapping[str, Any], width: int) -> str:
    """For people: times in their zone, words in their language, and what the answer does not cover."""
    language = settings.language
    rows = rows_of(command, document)
    columns = [c for c in COLUMNS[command] if c.en]
    cells = [[shown(c, row, settings) for c in columns] for row in rows]
    used = [i for i, _ in enumerate(columns) if any(line[i] for line in cells)]
    headings = [(columns[i].vi if language == "vi" else columns[i].en, columns[i].right) for i in used]
    text = grid(headings, [[line[i] for i in used] for line in cells], width) if rows and command != "coverage" else ""
    sums = "\n".join(f"  {line}" for line in summed(document, language))
    told = summary(command, document, language), sums, missing(covers_of(command, document), settings)
    return "\n".join(part for part in (text, *told) if part) + "\n"


def summed(document: Mapping[str, Any], language: str) -> list[str]:
    """What new rules would have found in sums: crossings by line, and alerts a day, which one wants to know before going live."""
    lines = []
    for c in document.get("counts", ()):
        way = words.direction(c["direction"], language)
        lines.append(f"{c['line']}, {way}, {words.word(c['class'], language)}: {c['count']} ({c['pcu']:.1f} PCU)")
    for d in document.get("per_day", ()):
        lines.append(f"{d['day']}: {d['count']} × {words.word(d['event'], language)}")
    return lines


def shown(column: Column, row: Row, settings: Settings) -> str:
    """One cell as a person reads it."""
    language, value = settings.language, row.get(column.key)
    if column.key == "end" and column.en == "lasting":
        return times.lasting(_seconds(row["end"]) - _seconds(row["start"]), language)
    if column.key == "object":
        return words.described(value, row.get("colour"), language)
    if value is None:
        return ""
    if column.type == "timestamp":
        return times.show(_seconds(value), settings.zone)
    if column.key == "confidence":
        return f"{value:.0%}"
    how: dict[str, Callable[[Any], str]] = {
        "event": lambda v: words.word(v, language),
        "class": lambda v: words.word(v, language),
        "direction": lambda v: words.direction(v, language),
        "evidence": lambda v: words.brief(v, language),
        "pcu": lambda v: f"{v:.1f}",
    }
    return how.get(column.key, str)(value)


def grid(headings: Sequence[tuple[str, bool]], lines: Sequence[Sequence[str]], width: int) -> str:
    """A table of text; (heading, whether its column stands right)."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    out = io.StringIO()
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for i, (heading, right) in enumerate(headings):
        table.add_column(heading, justify="right" if right else "left", overflow="fold", no_wrap=i == 0)
    for line in lines:
        table.add_row(*(cell.replace("[", "\\[") for cell in line))
    Console(file=out, width=width, color_system=None, highlight=False).print(table)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"


def summary(command: str, document: Mapping[str, Any], language: str) -> str:
    """What was found, in a line."""
    told = covered(covers_of(command, document), language)
    rows = rows_of(command, document)
    if command == "coverage":
        return told
    if command == "counts":
        total, pcu = sum(r["count"] for r in rows), sum(r["pcu"] or 0 for r in rows)
        return f"{total} lượt qua vạch, {pcu:.1f} PCU. {told}" if language == "vi" else f"{total} crossings, {pcu:.1f} PCU. {told}"
    return f"{len(rows)} kết quả. {told}" if language == "vi" else f"{len(rows)} {'hit' if len(rows) == 1 else 'hits'}. {told}"


def covered(coverage: Mapping[str, Any], language: str) -> str:
    """How much of what was asked for was seen at all.

    >>> covered({"asked_s": 600.0, "footage_s": 300.0, "indexed_s": 150.0, "missing": []}, "en")
    'Looked at 2 min 30 s of the 5 min 0 s of footage in the 10 min 0 s asked for (25% of the time).'
    """
    asked, footage, seen = (times.lasting(coverage[k], language) for k in ("asked_s", "footage_s", "indexed_s"))
    part = coverage["indexed_s"] / coverage["asked_s"] if coverage["asked_s"] else 0.0
    share = "<1%" if 0 < part < 0.01 else f"{part:.0%}"
    if language == "vi":
        return f"Đã xem {seen} trong {footage} phim có được của {asked} được hỏi ({share} thời gian)."
    return f"Looked at {seen} of the {footage} of footage in the {asked} asked for ({share} of the time)."


def missing(coverage: Mapping[str, Any], settings: Settings) -> str:
    """What was not seen and why, the longest first."""
    language = settings.language
    gaps = sorted(coverage["missing"], key=lambda m: _seconds(m["start"]) - _seconds(m["end"]))
    lines = []
    for gap in gaps[:MISSING_SHOWN]:
        start, end = _seconds(gap["start"]), _seconds(gap["end"])
        lines.append(f"  {gap['camera']}  {_between(start, end, settings)}  {gap['reason']}")
    rest = len(gaps) - len(lines)
    if rest > 0:
        lines.append(f"  … {rest} đoạn khác: --format json" if language == "vi" else f"  … and {rest} more: --format json has them")
    if lines:
        lines.insert(0, "Chưa xem:" if language == "vi" else "Not looked at:")
    return "\n".join(lines)


def _between(start: float, end: float, settings: Settings) -> str:
    first, last = times.show(start, settings.zone), times.show(end, settings.zone)
    return f"{first} – {last[11:] if first[:10] == last[:10] else last}"


def _seconds(value: str) -> float:
    return datetime.fromisoformat(value).timestamp()


def as_html(settings: Settings, command: str, document: Mapping[str, Any], _width: int) -> str:
    """A page, see `jobs.page`."""
    from jobs import page

    return page.render(settings, command, document)


_WRITERS: dict[str, Callable[[Settings, str, Mapping[str, Any], int], str | bytes]] = {
    "table": as_table,
    "json": as_json,
    "csv": as_csv,
    "parquet": as_parquet,
    "html": as_html,
}
