"""Compaction: merges the lake's small files, drops rows no reader will see again, deletes what nobody uses. `python -m jobs.compact`.

Of the objects beside the lake, sights and states of folds go that nothing has needed for a while; `jobs.sweeping` says which stay.
"""

import json
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from analytics.errors import Refused
from analytics.tables import CHUNK_TABLES, TABLES
from cluster.settings import Settings, load
from jobs.flags import Parser

if TYPE_CHECKING:
    from cluster.rewrite import Rewritten

ORDER = (*CHUNK_TABLES, "coverage", *(name for name in TABLES if name not in (*CHUNK_TABLES, "coverage")))
"""`coverage` after the tables of the chunks: what it says of a superseded commit is needed to drop that commit's rows."""

STORED = "stored"
"""The objects beside the lake, in reports; they are looked at together with `coverage`."""


@dataclass(frozen=True, slots=True)
class Report:
    """What compaction did with one table, or (`STORED`) with the objects beside the lake."""

    table: str
    days: int
    files_before: int
    files_after: int
    rows: int
    dropped: int
    deleted_files: int


def compact(
    settings: Settings,
    *,
    tables: Sequence[str] = ORDER,
    first: str | None = None,
    last: str | None = None,
    keep_h: float = 24.0,
) -> Iterator[Report]:
    """Compacts the lake, table by table; indexing and searching may go on meanwhile.

    Args:
        first, last: only these UTC days, "YYYY-MM-DD".
        keep_h: hours for which files stay that only older snapshots use, rows of writes that never finished, and objects that
            nothing needs any more; at least 1.

    Raises:
        Refused: an unknown table, a day that is none, or a store that will not.
    """
    from cluster.lake import Lake
    from cluster.store import open_store
    from jobs.sweeping import sweep

    unknown = set(tables) - set(ORDER)
    if unknown:
        raise Refused(
            en=f"No table {', '.join(sorted(unknown))}; the lake has {', '.join(ORDER)}.",
            vi=f"Không có bảng {', '.join(sorted(unknown))}; kho có {', '.join(ORDER)}.",
        )
    for day in (first, last):
        if day and not re.fullmatch(r"\d{4}-\d{2}-\d{2}", day):
            raise Refused(en=f"{day} is no day; wanted YYYY-MM-DD.", vi=f"{day} không phải ngày; cần YYYY-MM-DD.")
    if keep_h < 1:
        raise Refused(en="Keep at least one hour: somebody may be writing.", vi="Hãy giữ ít nhất một giờ: có thể đang có tiến trình ghi.")
    lake = Lake(settings)
    swept = sweep(lake, keep_h) if "coverage" in tables else 0  # before coverage forgets what it says of footage that is removed
    for table in (name for name in ORDER if name in tables):
        done = list(lake.compact(table, first=first, last=last, orphan_h=keep_h))
        deleted = lake.vacuum(table, keep_h=keep_h)
        yield _sum(table, done, deleted)
    if "coverage" in tables:
        yield Report(STORED, 0, 0, 0, 0, 0, swept)
    open_store(settings).sweep(keep_h)


def _sum(table: str, done: Sequence["Rewritten"], deleted: int) -> Report:
    before, after = sum(d.files_before for d in done), sum(d.files_after for d in done)
    return Report(table, len(done), before, after, sum(d.rows for d in done), sum(d.dropped for d in done), deleted)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line of this job."""
    settings = load()
    vi = settings.language == "vi"
    Parser.vi = vi
    about = (
        "Gộp các tệp nhỏ của kho, bỏ những dòng không còn ai thấy, xóa những gì không còn ai dùng."
        if vi
        else "Merges the lake's small files, drops rows no reader will see again, deletes what nobody uses."
    )
    parser = Parser(prog="python -m jobs.compact", description=about)
    listed = ", ".join(ORDER)
    parser.add_argument(
        "tables",
        nargs="*",
        default=list(ORDER),
        metavar="BẢNG" if vi else "TABLE",
        help=f"trong số {listed}; không ghi là tất cả" if vi else f"of {listed}; all where left out",
    )
    day = "NGÀY" if vi else "DAY"
    parser.add_argument("--from", dest="first", metavar=day, help="ngày UTC đầu, YYYY-MM-DD" if vi else "first UTC day, YYYY-MM-DD")
    parser.add_argument("--to", dest="last", metavar=day, help="ngày UTC cuối" if vi else "last UTC day")
    keep = "giữ những gì không còn dùng bao nhiêu giờ (mặc định 24)" if vi else "how long unused files stay (default 24)"
    parser.add_argument("--keep-hours", type=float, metavar="H", default=24.0, help=keep)
    told = "dạng của câu trả lời (mặc định: table)" if vi else "how the answer is written (default: table)"
    parser.add_argument("--format", choices=("table", "json"), default="table", help=told)
    asked = parser.parse_args(arguments)
    days, files, rows, dropped, deleted = (
        ("ngày", "tệp", "dòng", "dòng bỏ", "tệp xóa") if vi else ("days", "files", "rows", "dropped", "files deleted")
    )
    try:
        reports = []
        for report in compact(settings, tables=asked.tables, first=asked.first, last=asked.last, keep_h=asked.keep_hours):
            reports.append(report)
            if asked.format == "table":
                print(
                    f"{report.table:<10}{report.days:>5} {days} {report.files_before:>7} → {report.files_after:<6} {files}"
                    f"{report.rows:>13,} {rows}{report.dropped:>10,} {dropped}{report.deleted_files:>8} {deleted}",
                    flush=True,
                )
    except Refused as told:
        print(told.say(settings.language), file=sys.stderr)
        return 2
    if asked.format == "json":
        print(json.dumps({"tables": [asdict(report) for report in reports]}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
