"""`matthan index` at the front door: the request, the progress bar, and the report."""

import json
from argparse import Namespace
from dataclasses import asdict

from cluster.settings import Settings
from jobs import index, progress, reasons, times, words
from jobs.index import Estimate, FileReport, IndexRequest, Report
from jobs.registering import START_FROM
from jobs.terminal import Terminal


def command(settings: Settings, given: Namespace, terminal: Terminal) -> int:
    """Indexes, or says how long it would take; exit code 3 where some footage could not be read."""
    request = IndexRequest(
        paths=tuple(given.paths),
        camera=given.camera,
        start=times.parse(given.start, settings.zone) if given.start else None,
        start_from_name=given.start_from_name,
        fps=given.fps,
        model=given.model,
        dense=given.dense,
        workers=given.workers,
    )
    if given.estimate:
        told = index.estimate(settings, request)
        terminal.answer(json.dumps(asdict(told)) if given.format == "json" else estimated(told, settings.language))
        return 0
    with progress.shown(settings.language) as tell:
        report = index.run(settings, request, tell)
    terminal.answer(json.dumps(asdict(report), ensure_ascii=False, indent=1) if given.format == "json" else reported(report, settings))
    return 0 if report.complete else 3


def estimated(told: Estimate, language: str) -> str:
    """An estimate in words."""
    footage, todo, seconds = (times.lasting(s, language) for s in (told.footage_s, told.todo_s, told.seconds))
    basis = reasons.half(told.basis, language)
    if language == "vi":
        return f"{todo} trên {footage} phim chưa xem: mất chừng {seconds} (theo {basis})."
    return f"{todo} of {footage} of footage is yet to be looked at: about {seconds} (by {basis})."


def reported(report: Report, settings: Settings) -> str:
    """A report in words: a line a file, then what was found, then what to do next."""
    vi = settings.language == "vi"
    lines = [line for file in report.files for line in _file(file, settings)]
    if report.footage_s or report.tracks or report.crossings or report.events:
        found = [f"{report.tracks} {'vết' if vi else 'tracks'}"]
        found += [f"{report.crossings} {'lượt qua vạch' if vi else 'crossings'}"] if report.crossings else []
        found += [f"{words.word(kind, settings.language)}: {n}" for kind, n in sorted(report.events.items())]
        lines.append(("Tìm được " if vi else "Found ") + ", ".join(found) + ".")
        footage, wall = times.lasting(report.footage_s, settings.language), times.lasting(report.wall_s, settings.language)
        if vi:
            lines.append(f"Đã xem {footage} phim trong {wall} ({report.cpu_s:.1f} giây CPU, {report.backend}).")
        else:
            lines.append(f"Looked at {footage} of footage in {wall} ({report.cpu_s:.1f} CPU-seconds, {report.backend}).")
    else:
        lines.append("Không còn gì phải xem." if vi else "Nothing was left to look at.")
    if not report.complete:
        some = "Some footage could not be read; `matthan coverage` says which and why."
        lines.append("Có phim không đọc được; `matthan coverage` cho biết đoạn nào và vì sao." if vi else some)
    return "\n".join(lines)


def _file(file: FileReport, settings: Settings) -> list[str]:
    language = settings.language
    states = {
        "indexed": ("indexed", "đã lập chỉ mục"),
        "already": ("was indexed before", "đã có chỉ mục từ trước"),
        "unread": ("not all of it can be read", "không đọc được hết"),
    }
    state = states[file.state][language == "vi"]
    start = times.show(file.start, settings.zone)
    came = START_FROM[file.start_from][language == "vi"]
    lines = [f"{file.path}: {state}. {file.camera}, {start} ({came}), {times.lasting(file.end - file.start, language)}"]
    lines += [f"  {reasons.half(file.reason, language)}"] if file.reason else []
    return [*lines, *(f"  {note}" for note in file.note.split("; ") if note)]
