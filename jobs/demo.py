"""`matthan demo`: renders a small scene, indexes it on Ray, searches it, and prints what was found beside the truth."""

import shutil
from argparse import Namespace
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from analytics.words import say
from cluster.settings import Settings
from jobs import progress, times, words
from jobs.answers import grid
from jobs.scoring import Span, matched
from jobs.terminal import Terminal

if TYPE_CHECKING:
    from models.drill.footage import Rendered

SCENE, SECONDS, FPS, SIZE = "demo", 40.0, 12.5, (960, 540)
MODEL = "drill"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: what, how often it truly happened, how often it was found, how many of those are the true ones, and when."""

    what: str
    true: int
    found: int
    right: int | None = None
    truly: str = ""
    says: str = ""


def command(settings: Settings, given: Namespace, terminal: Terminal) -> int:
    """Runs the demo in a home of its own under the settings' home; a former one there is replaced."""
    own = demo_settings(settings)
    shutil.rmtree(own.home, ignore_errors=True)
    own.home.mkdir(parents=True)
    own.cameras.mkdir()
    settings.cache.mkdir(parents=True, exist_ok=True)
    own.cache.symlink_to(settings.cache.absolute())  # converted networks are used again
    terminal.note(f"1/3 rendering {SECONDS:.0f} s of a street", f"1/3 dựng {SECONDS:.0f} giây đường phố")
    clip = _render(own, given.seed)
    start = times.parse("2026-01-01T08:00", own.zone)
    terminal.note("2/3 indexing it with a Ray job", "2/3 lập chỉ mục bằng một việc Ray")
    report = _index(own, clip, start)
    terminal.note("3/3 searching", "3/3 tìm kiếm")
    rows = compare(own, clip, start)
    _tell(own, rows, clip, report, terminal)
    return 0


def demo_settings(settings: Settings) -> Settings:
    """The same machine with a home, cameras and a store of its own."""
    home = settings.home / "demo"
    return replace(settings, home=home, cameras=home / "cameras", store=str(home / "store"), s3=None)


def _render(settings: Settings, seed: int) -> "Rendered":
    from models.drill.footage import render

    with progress.shown(settings.language) as display:
        pace = progress.Pace(display, SECONDS)
        out = settings.home / "footage"
        return render(SCENE, seed, SECONDS, out, fps=FPS, size=SIZE, progress=lambda done, _: pace.at(done / FPS))


def _index(settings: Settings, clip: "Rendered", start: float) -> Any:
    from jobs import index

    shutil.copy(clip.camera, settings.cameras / clip.camera.name)
    request = index.IndexRequest(paths=(str(clip.video),), camera=clip.camera_id, start=start, model=MODEL)
    with progress.shown(settings.language) as display:
        return index.run(settings, request, display)


def compare(settings: Settings, clip: "Rendered", start: float) -> list[Row]:
    """What the search finds beside the truth: objects by class, crossings by line and direction, events by kind.

    Args:
        start: media time of the clip's first frame.
    """
    import json

    from cluster.lake import Lake
    from cluster.search import Query, search
    from jobs.finding import cameras_of

    language = settings.language
    truth = json.loads(clip.truth.read_text(encoding="utf-8"))
    lake, known = Lake(settings), cameras_of(settings)
    rows = []
    tracks = search(lake, Query((clip.camera_id,)), known).hits
    objects = Counter(hit.object for hit in tracks)
    for name, true in sorted(_seen(truth).items()):
        rows.append(Row(say(name, language), true, objects.get(name, 0)))
    crossed = lake.rows("SELECT line, direction FROM counts", ["counts"], cameras=[clip.camera_id])
    counted = Counter((c["line"], c["direction"]) for c in crossed)
    truly = Counter((p["line"], p["direction"]) for p in truth["crossings"])
    for line, direction in sorted(truly | counted):
        what = f"{'qua vạch' if language == 'vi' else 'over line'} {line}, {words.direction(direction, language)}"
        rows.append(Row(what, truly[(line, direction)], counted[(line, direction)]))
    events = search(lake, Query((clip.camera_id,), event="any"), known).hits
    found = [Span(hit.event or "", "", hit.start - start, hit.end - start) for hit in events]
    true_ones = [Span(h["kind"], "", h["start"], h["end"]) for h in truth["events"]]
    for kind in sorted({s.kind for s in (*true_ones, *found)}):
        mine, theirs = [s for s in true_ones if s.kind == kind], [s for s in found if s.kind == kind]
        right = len(matched(mine, theirs))
        rows.append(Row(say(kind, language), len(mine), len(theirs), right, _moments(mine), _moments(theirs)))
    return rows


def _seen(truth: Mapping[str, Any]) -> Counter[str]:
    """How many objects of each class can be seen for a second or more."""
    frames: Counter[tuple[int, str]] = Counter(
        (box["track"], box["object"]) for frame in truth["frames"] for box in frame["boxes"] if box["visible"] > 0.5
    )
    return Counter(name for (_, name), n in frames.items() if n >= truth["fps"])


def _moments(spans: Sequence[Span]) -> str:
    return ", ".join(f"{s.start:.1f}–{s.end:.1f} s" for s in sorted(spans, key=lambda s: s.start)[:4])


def _tell(settings: Settings, rows: Sequence[Row], clip: "Rendered", report: Any, terminal: Terminal) -> None:
    vi = settings.language == "vi"
    titles = ("what", "truth", "found", "right", "truly at", "found at")
    titles_vi = ("cái gì", "sự thật", "tìm được", "đúng", "thật lúc", "tìm thấy lúc")
    headings = [(title, 0 < i < 4) for i, title in enumerate(titles_vi if vi else titles)]
    lines = [(r.what, str(r.true), str(r.found), "" if r.right is None else str(r.right), r.truly, r.says) for r in rows]
    terminal.answer(grid(headings, lines, terminal.width))
    wall = times.lasting(report.wall_s, settings.language)
    done = f"{report.footage_s:.0f} s → {wall}, {report.cpu_s:.1f} CPU-s, {report.backend}"
    terminal.answer(terminal.say(f"Indexing: {done}.", f"Lập chỉ mục: {done}."))
    terminal.answer(terminal.say("What to try next:", "Thử tiếp:"))
    home = f"MATTHAN_HOME={settings.home}"
    event = _first_event(settings, clip)
    tries = [
        f"{home} matthan search --object motorcycle --format html --out hits.html",
        f"{home} matthan counts --camera {clip.camera_id} --by class,direction",
        f"{home} matthan show {event} --out clip.mp4" if event else "",
        f"{home} matthan cameras still {clip.camera_id} --out grid.jpg",
        f"matthan index {'VIDEO_CỦA_BẠN.mp4' if vi else 'YOUR_VIDEO.mp4'}",
    ]
    terminal.answer("\n".join(f"  {line}" for line in tries if line))


def _first_event(settings: Settings, clip: "Rendered") -> str | None:
    from cluster.lake import Lake
    from cluster.search import Query, search
    from jobs.finding import cameras_of

    lake, known = Lake(settings), cameras_of(settings)
    for query in (Query((clip.camera_id,), event="any", limit=1), Query((clip.camera_id,), limit=1)):
        hits = search(lake, query, known).hits
        if hits:
            return hits[0].id
    return None
