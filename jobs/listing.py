"""Lists of what there is (cameras, footage, models) in the forms that people and programs want."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

from jobs.answers import grid
from jobs.terminal import Terminal


def give(
    terminal: Terminal,
    form: str,
    name: str,
    rows: Sequence[Mapping[str, Any]],
    headings: Sequence[tuple[str, str]],
    lines: Sequence[Sequence[str]],
    nothing: tuple[str, str] | None = None,
) -> int:
    """Writes a list; returns exit code 0.

    Args:
        form: "table", "json" or "csv".
        name: of the list in the JSON document.
        rows: for programs.
        headings: of the table, in English and Vietnamese.
        lines: the table's cells.
        nothing: what to say instead of an empty table.
    """
    if form == "json":
        terminal.answer(json.dumps({name: list(rows)}, ensure_ascii=False, indent=1))
    elif form == "csv":
        out = io.StringIO()
        if rows:
            writer = csv.DictWriter(out, list(rows[0]))
            writer.writeheader()
            writer.writerows(
                {k: json.dumps(v, ensure_ascii=False) if isinstance(v, list | dict) else v for k, v in r.items()} for r in rows
            )
        terminal.answer(out.getvalue().encode())
    elif not lines and nothing:
        terminal.note(*nothing)
    else:
        titles = [(vi if terminal.language == "vi" else en, False) for en, vi in headings]
        terminal.answer(grid(titles, lines, terminal.width))
    return 0
