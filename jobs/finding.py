"""`matthan search | counts | coverage | rewind` at the front door: the question out of the flags, and the answer."""

import sys
import time
from argparse import Namespace
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from analytics.camera import Camera
from analytics.errors import Refused
from cluster.covered import NO_FOOTAGE, Coverage
from cluster.lake import Lake
from cluster.search import Answer, CountQuery, Hit, Query, counts, search
from cluster.settings import Settings
from jobs import answers, times, words
from jobs.terminal import Terminal


def search_(settings: Settings, given: Namespace, terminal: Terminal) -> int:
    """Objects and events; with `--index-missing` what was not looked at is looked at first."""
    start, end = times.span(given.since, given.until, settings.zone)
    query = Query(
        cameras=tuple(given.camera or ()),
        start=start,
        end=end,
        object=given.object,
        colour=given.colour,
        event=given.event,
        zone=given.zone,
        direction=given.direction,
        min_speed_kmh=given.min_speed,
        min_duration_s=given.min_duration,
        near=near(given.near) if given.near else None,
        limit=given.limit,
    )
    lake, known = Lake(settings), cameras_of(settings, query.cameras)
    answer = search(lake, query, known)
    complete = True
    if given.index_missing and answer.coverage.missing:
        complete = _index_missing(settings, lake, query, known, answer)
        answer = search(lake, query, known)
    _give(settings, given, terminal, "search", answer.document(), answer.coverage)
    if answer.total > len(answer.hits):
        more = answer.total, len(answer.hits)
        terminal.note(f"{more[0]} hits in all, {more[1]} shown (--limit)", f"có {more[0]} kết quả, hiện {more[1]} (--limit)")
    return 0 if complete else 3


def counts_(settings: Settings, given: Namespace, terminal: Terminal) -> int:
    """Crossings of a camera's lines."""
    start, end = times.span(given.since, given.until, settings.zone)
    by = tuple(name.strip() for name in given.by.split(",") if name.strip()) if given.by is not None else CountQuery().by
    query = CountQuery((given.camera,), start, end, given.line, by)
    answer = counts(Lake(settings), query, cameras_of(settings, query.cameras))
    _give(settings, given, terminal, "counts", answer.document(), answer.coverage)
    return 0


def coverage_(settings: Settings, given: Namespace, terminal: Terminal) -> int:
    """Which seconds were looked at, which not, and why."""
    start, end = times.span(given.since, given.until, settings.zone)
    covers = search(Lake(settings), Query((given.camera,), start, end, limit=1), cameras_of(settings, [given.camera])).coverage
    _give(settings, given, terminal, "coverage", covers.document(), covers)
    return 0


def rewind(settings: Settings, given: Namespace, terminal: Terminal) -> int:
    """New rules over stored tracks."""
    from jobs import rewind

    start, end = times.span(given.since, given.until, settings.zone)
    answer = rewind.run(settings, Path(given.rules), given.camera, start, end)
    _give(settings, given, terminal, "rewind", answer.document(), answer.coverage)
    return 0


def cameras_of(settings: Settings, asked: Iterable[str] = ()) -> Mapping[str, Camera]:
    """The cameras whose files are right, none where there is no folder of them yet; what is wrong with others is said on stderr.

    Args:
        asked: the cameras that the question is about; none where it is about all.

    Raises:
        Refused: an asked camera is not among them, and it may be one whose file is wrong.
    """
    from cluster import cameras

    known, wrong = cameras.check(settings.cameras)
    if wrong and not known.keys() >= set(asked):
        raise Refused("\n".join(r.en for r in wrong), "\n".join(r.vi for r in wrong))
    for refusal in wrong:
        print(refusal.say(settings.language), file=sys.stderr)
    if wrong:
        en = "Cameras in these files are left out, or answered for by what was stored before; `matthan cameras check` reads them again."
        vi = "Camera trong các tệp trên bị bỏ qua, hoặc chỉ dùng những gì đã lưu trước; sửa xong hãy chạy `matthan cameras check`."
        print(vi if settings.language == "vi" else en, file=sys.stderr)
    return known


def near(text: str) -> tuple[float, float, float]:
    """Latitude, longitude and metres.

    >>> near("21.0227,105.8524,300")
    (21.0227, 105.8524, 300.0)

    Raises:
        Refused: it is not three numbers, or they are no place.
    """
    try:
        lat, lon, reach_m = (float(part) for part in text.split(","))
        if not (-90 <= lat <= 90 and -180 <= lon <= 180 and 0 < reach_m < float("inf")):
            raise ValueError
    except ValueError:
        raise Refused(
            en=f"--near {text}: wanted latitude,longitude,metres, such as 21.0227,105.8524,300.",
            vi=f"--near {text}: cần vĩ độ,kinh độ,số mét, ví dụ 21.0227,105.8524,300.",
        ) from None
    return lat, lon, reach_m


def _give(settings: Settings, given: Namespace, terminal: Terminal, command: str, document: dict[str, Any], covers: Coverage) -> None:
    """Writes the answer; for people the reasons of what is missing are in their language."""
    if given.format in ("table", "html"):
        for plain, gap in zip(answers.covers_of(command, document)["missing"], covers.missing, strict=True):
            plain["reason"] = gap.say(settings.language)
    answers.give(terminal, settings, command, document, given.format, Path(given.out) if given.out else None)


FIRST_S = 60.0
"""Footage that is looked at because somebody waits for an answer is cut so short, so that first hits come soon."""
ALONE_S = 120.0
"""Up to so much footage is looked at in this process: it is done before Ray would have started."""
OFTEN_S = 1.0
"""Between two looks whether there are new hits."""


def _index_missing(settings: Settings, lake: Lake, query: Query, known: Mapping[str, Camera], answer: Answer) -> bool:
    """Looks at the footage in which the answer has holes; hits are told as they are found. False where some cannot be read."""
    from jobs import index, progress
    from jobs.index import IndexRequest, Progress

    gaps = [gap for gap in answer.coverage.missing if gap.reason != NO_FOOTAGE[0]]
    fine = len(gaps) == len(gaps := [gap for gap in gaps if gap.camera in known])  # without a right file nobody can look
    if not gaps:
        return fine
    told = {hit.id for hit in answer.hits}
    asked = time.monotonic()
    with progress.shown(settings.language) as display:

        def tell(step: Progress) -> None:
            nonlocal asked
            display(step)
            if time.monotonic() - asked < OFTEN_S:
                return
            for hit in search(lake, query, known).hits:
                if hit.id not in told:
                    told.add(hit.id)
                    display.say(_line(hit, settings))
            asked = time.monotonic()

        within = min(gap.start for gap in gaps), max(gap.end for gap in gaps)
        cameras = tuple(dict.fromkeys(gap.camera for gap in gaps))
        few = sum(gap.end - gap.start for gap in gaps) <= ALONE_S
        request = IndexRequest(cameras=cameras, within=within, chunk_s=FIRST_S, workers=0 if few else None)
        return index.run(settings, request, tell).complete and fine


def _line(hit: Hit, settings: Settings) -> str:
    what = words.word(hit.event, settings.language) or words.described(hit.object, hit.colour, settings.language)
    return f"+ {hit.id}  {hit.camera}  {times.show(hit.start, settings.zone)}  {what}"
