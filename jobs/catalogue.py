"""`matthan models list | pull | bench`: the catalogue at the front door, and the fastest way to run a model on this machine."""

import json
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analytics.errors import Refused
from analytics.words import say
from cluster.settings import Settings
from jobs import listing, progress
from jobs.answers import grid
from jobs.terminal import Terminal
from models import catalog

if TYPE_CHECKING:
    from models.backends import Choice
    from models.bench import Measured

PICTURES = 32
"""How many pictures a bench looks at."""


def list_(settings: Settings, given: Namespace, terminal: Terminal) -> int:
    """What the catalogue has, and what of it is on this machine."""
    rows: list[dict[str, Any]] = []
    for entry in catalog.entries().values():
        try:
            here: str | None = str(catalog.resolve(entry.name, folders=_folders(settings), cache=settings.cache).path)
        except Refused:
            here = None
        rows.append(
            {
                "name": entry.name,
                "title": entry.title[settings.language],
                "task": entry.task,
                "classes": dict(entry.classes),
                "input_size": entry.input_size,
                "licence": entry.licence,
                "source": entry.source,
                "url": entry.url,
                "sha256": entry.sha256,
                "path": here,
            }
        )
    headings = (("model", "mô hình"), ("what it is", "là gì"), ("finds", "nhận ra"), ("licence", "giấy phép"), ("here", "trên máy"))
    lines = []
    for row in rows:
        finds = ", ".join(say(name, settings.language) for name in dict.fromkeys(row["classes"].values()))
        here = row["path"] or terminal.say(f"no: matthan models pull {row['name']}", f"chưa: matthan models pull {row['name']}")
        lines.append((row["name"], row["title"], finds, row["licence"], here))
    return listing.give(terminal, given.format, "models", rows, headings, lines)


def pull(settings: Settings, given: Namespace, terminal: Terminal) -> int:
    """Fetches weights, or finds them where they are already."""
    try:
        weights = catalog.resolve(given.name, folders=_folders(settings), cache=settings.cache)
    except Refused:
        with progress.counted(given.name) as tell:
            weights = catalog.pull(given.name, cache=settings.cache, progress=tell)
    terminal.answer(f"{weights.path}\nSHA-256 {weights.sha256}")
    return 0


def bench(settings: Settings, given: Namespace, terminal: Terminal) -> int:
    """Measures every likely way to run a model on pictures at hand, and remembers the fastest that agrees with f32."""
    from models import bench as measuring

    weights = catalog.resolve(given.model, folders=_folders(settings), cache=settings.cache)
    frames = pictures(settings, given.footage)

    def tell(choice: "Choice") -> None:
        terminal.note(f"measuring {choice}, {choice.threads} thread(s)", f"đang đo {choice}, {choice.threads} luồng")

    threads = (1, 2, 4) if given.all else (1,)
    rows = measuring.bench(weights, settings.cache, frames, threads=threads, progress=tell)
    chosen = measuring.remember(weights, settings.cache, rows)
    document = {"model": given.model, "weights": weights.sha256, "chosen": chosen.document(), "measured": [r.document() for r in rows]}
    if given.format == "json":
        terminal.answer(json.dumps(document, ensure_ascii=False, indent=1))
    else:
        terminal.answer(_table(rows, terminal))
        told = f"{chosen}, {chosen.size} px"
        terminal.answer(terminal.say(f"Remembered: {told}.", f"Đã nhớ: {told}."))
    return 0


def pictures(settings: Settings, footage: str | None) -> Sequence[Any]:
    """Pictures of a file, else of the latest footage that is registered: (H, W, 3) uint8 BGR.

    Raises:
        Refused: there is no footage to take them from.
    """
    from cluster.lake import Lake
    from cluster.store import localise
    from jobs.eyes import sampled
    from jobs.footage import recall
    from jobs.sources import expand

    if footage is not None:
        path = expand(settings, [footage])[0].local
        return list(sampled(path or localise(settings, footage), PICTURES))
    there = [one for one in recall(Lake(settings)) if one.error is None]
    if not there:
        raise Refused(
            en="There is no footage at hand to measure with. Give some with --footage FILE, or register it with `matthan footage add`.",
            vi="Chưa có phim nào để đo. Hãy cho một tệp bằng --footage TỆP, hoặc ghi nhận bằng `matthan footage add`.",
        )
    latest = max(there, key=lambda one: one.start)
    return list(sampled(localise(settings, latest.uri), PICTURES))


def _table(rows: "Sequence[Measured]", terminal: Terminal) -> str:
    titles = ("backend", "threads", "CPU ms", "ms", "agrees with f32", "opened in s")
    titles_vi = ("backend", "số luồng", "ms CPU", "ms", "khớp với f32", "mở trong (s)")
    headings = [(title, i > 0) for i, title in enumerate(titles_vi if terminal.language == "vi" else titles)]
    ordered = sorted(rows, key=lambda r: r.cpu_ms)
    lines = [
        (str(r.choice), str(r.choice.threads), f"{r.cpu_ms:.1f}", f"{r.wall_ms:.1f}", f"{r.agreement:.1%}", f"{r.open_s:.1f}")
        for r in ordered
    ]
    return grid(headings, lines, terminal.width)


def _folders(settings: Settings) -> list[Path]:
    return [settings.weights] if settings.weights else []
