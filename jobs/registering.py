"""`matthan footage add | list | remove`: the register of recordings at the front door."""

import time
from argparse import Namespace
from collections.abc import Callable, Sequence

from cluster.lake import Lake
from cluster.settings import Settings
from jobs import footage, listing, reasons, times
from jobs.footage import Registered
from jobs.progress import EVERY_S
from jobs.terminal import Terminal

START_FROM = {
    "given": ("as given", "như đã cho"),
    "name": ("from its name", "theo tên tệp"),
    "container": ("the container's creation time", "giờ tạo ghi trong tệp"),
    "file": ("the file's time", "giờ của tệp"),
}
"""Where a start came from, in words."""


def add(settings: Settings, given: Namespace, terminal: Terminal) -> int:
    """Registers files; exit code 3 where one of them cannot be read."""
    start = times.parse(given.start, settings.zone) if given.start else None
    files = footage.register(settings, Lake(settings), given.paths, given.camera, start, given.start_from_name, _teller(terminal))
    terminal.answer("\n".join(said(one, settings) for one in files))
    return 3 if any(one.error for one in files) else 0


def _teller(terminal: Terminal, clock: Callable[[], float] = time.monotonic) -> Callable[[str], None]:
    """Says every few seconds at which file it is."""
    last, number = clock(), 0

    def tell(path: str) -> None:
        nonlocal last, number
        number += 1
        if clock() - last >= EVERY_S:
            last = clock()
            terminal.note(f"file {number}: {path}", f"tệp thứ {number}: {path}")

    return tell


def said(one: Registered, settings: Settings) -> str:
    """What became of a file, in one line and a line for each remark."""
    language = settings.language
    if one.error:
        line = f"{one.path}: {'không đọc được' if language == 'vi' else 'unreadable'}: {reasons.half(one.error, language)}"
    else:
        start, lasting = times.show(one.start, settings.zone), times.lasting(one.end - one.start, language)
        known = "" if one.new else (", đã có trong sổ" if language == "vi" else ", registered before")
        came = START_FROM[one.start_from][language == "vi"]
        line = f"{one.path}: {one.camera}, {start} ({came}), {lasting}{known}"
    return "\n".join([line, *(f"  {note}" for note in one.note.split("; ") if note)])


def list_(settings: Settings, given: Namespace, terminal: Terminal) -> int:
    """What is registered, by camera and time."""
    rows = footage.listed(Lake(settings), given.camera)
    keys = ("camera", "footage", "uri", "start", "end", "codec", "width", "height", "fps", "bytes", "start_from", "error")
    plain = [{k: times.iso(r[k]) if k in ("start", "end") else r[k] for k in keys} for r in rows]
    language = settings.language
    lines = [
        (
            r["camera"],
            times.show(r["start"], settings.zone),
            times.lasting(r["end"] - r["start"], language),
            f"{r['codec']} {r['width']}×{r['height']} {r['fps']:.3g}/s" if r["codec"] else "",
            r["footage"][:12],
            r["uri"].removeprefix("file://") + (f"  ! {reasons.half(r['error'], language)}" if r["error"] else ""),
        )
        for r in rows
    ]
    headings: Sequence[tuple[str, str]] = (
        ("camera", "camera"),
        ("from", "từ"),
        ("lasting", "kéo dài"),
        ("video", "hình"),
        ("SHA-256", "SHA-256"),
        ("file", "tệp"),
    )
    nothing = (
        "No footage is registered. `matthan footage add PATH` does it, `matthan index PATH` does it and looks at it.",
        "Chưa ghi nhận đoạn phim nào. Dùng `matthan footage add PATH`, hoặc `matthan index PATH` để ghi nhận và xem luôn.",
    )
    return listing.give(terminal, given.format, "footage", plain, headings, lines, nothing)


def remove(settings: Settings, given: Namespace, terminal: Terminal) -> int:
    """Takes footage out of the register."""
    gone = footage.remove(Lake(settings), given.names, given.camera)
    for row in gone:
        path, camera = row["uri"].removeprefix("file://"), row["camera"]
        terminal.answer(terminal.say(f"{path}: no longer registered for {camera}", f"{path}: đã bỏ khỏi sổ của {camera}"))
    return 0
