"""An answer as one self-contained page: pictures of the hits with their times, because people would rather look than read."""

import base64
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urldefrag

from cluster.settings import Settings
from jobs import answers, times, words

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SIZE = (320, 200)
"""Of a thumbnail, pixels."""
AROUND = 2.2
"""How many times its box a thumbnail shows, so that one sees where the thing is."""
QUALITY = 78
ROUNDED_S = 6e-4
"""An address tells its time to the millisecond; the picture it means may begin this much later."""
AT_ONCE = 12
"""Whole pictures are held in memory until they are cropped."""


def render(settings: Settings, command: str, document: Mapping[str, Any]) -> str:
    """The whole page; it loads nothing from anywhere."""
    vi = settings.language == "vi"
    title = {
        "search": ("Search", "Tìm kiếm"),
        "counts": ("Counts", "Đếm xe"),
        "coverage": ("Coverage", "Độ phủ"),
        "rewind": ("Rewind", "Chạy lại luật"),
    }[command][vi]
    rows = answers.rows_of(command, document)
    if command in ("search", "rewind"):
        body = _cards(settings, rows)
    elif command == "counts":
        body = _table(settings, command, rows)
    else:
        body = ""
    summary = escape(answers.summary(command, document, settings.language))
    sums = "".join(f"<p>{escape(line)}</p>" for line in answers.summed(document, settings.language))
    covers = answers.covers_of(command, document)
    gaps = _gaps(settings, covers)
    zone = escape(f"{'giờ' if vi else 'times in'} {settings.timezone}")
    return f"""<!doctype html>
<html lang="{settings.language}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>Mắt Thần – {escape(title)}</title><style>{_STYLE}</style></head><body>
<header><h1>Mắt Thần <span>{escape(title)}</span></h1><p>{summary}</p>{sums}{_meter(covers)}<p class="dim">{zone}</p></header>
<main>{body}</main>{gaps}
</body></html>
"""


def _cards(settings: Settings, hits: Sequence[Mapping[str, Any]]) -> str:
    pictures = thumbnails(settings, [hit["thumbnail"] or hit["clip"] for hit in hits])
    cards = [_card(settings, hit, picture) for hit, picture in zip(hits, pictures, strict=True)]
    return f'<div class="cards">{"".join(cards)}</div>' if cards else ""


def _card(settings: Settings, hit: Mapping[str, Any], picture: bytes | None) -> str:
    language = settings.language
    start, end = times.parse(hit["start"], settings.zone), times.parse(hit["end"], settings.zone)
    thing = words.described(hit["object"], hit["colour"], language)
    name = words.word(hit["event"], language) or thing
    swatch = ""
    if hit["colour"] in words.SWATCHES:
        swatch = f'<i class="swatch" style="background:{words.SWATCHES[hit["colour"]]}"></i>'
    if picture is None:
        nothing = "không có hình: tệp phim không còn ở đây" if language == "vi" else "no picture: the footage is not at hand"
        image = f'<div class="nothing">{nothing}</div>'
    else:
        image = f'<img alt="{escape(name)}" src="data:image/jpeg;base64,{base64.b64encode(picture).decode()}">'
    sure = "" if hit["confidence"] is None else f"{hit['confidence']:.0%}"
    details = [thing] if hit["event"] and thing else []
    evidence = words.brief(hit["evidence"] or {}, language)
    return f"""<article>{image}<div class="text"><h2>{swatch}<b>{escape(name)}</b><small>{sure}</small></h2>
<p><time datetime="{escape(hit["start"])}">{times.show(start, settings.zone)}</time> · {times.lasting(end - start, language)}</p>
<p>{escape(" · ".join([hit["camera"], *details]))}</p>{f'<p class="dim">{escape(evidence)}</p>' if evidence else ""}
<code>matthan show {escape(hit["id"])} --out clip.mp4</code></div></article>
"""


def _table(settings: Settings, command: str, rows: Sequence[Mapping[str, Any]]) -> str:
    columns = [c for c in answers.COLUMNS[command] if c.en]
    titles = ((c.vi if settings.language == "vi" else c.en, "right" if c.right else "") for c in columns)
    head = "".join(f'<th class="{side}">{escape(title)}</th>' for title, side in titles)
    lines = []
    for row in rows:
        cells = (f'<td class="{"right" if c.right else ""}">{escape(answers.shown(c, row, settings))}</td>' for c in columns)
        lines.append(f"<tr>{''.join(cells)}</tr>")
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table>" if rows else ""


def _gaps(settings: Settings, coverage: Mapping[str, Any]) -> str:
    if not coverage["missing"]:
        return ""
    heading = "Chưa xem" if settings.language == "vi" else "Not looked at"
    lines = []
    for gap in coverage["missing"]:
        span = (times.show(times.parse(gap[end], settings.zone), settings.zone) for end in ("start", "end"))
        reason = escape(gap["reason"])
        lines.append(f"<tr><td>{escape(gap['camera'])}</td><td>{' – '.join(span)}</td><td>{reason}</td></tr>")
    return f"<details{' open' if len(lines) <= 20 else ''}><summary>{heading}</summary><table>{''.join(lines)}</table></details>"


def _meter(coverage: Mapping[str, Any]) -> str:
    """A bar: of the time asked for, how much has footage, and how much of it was seen."""
    asked = coverage["asked_s"] or 1.0
    footage, seen = (f"{100 * min(coverage[k] / asked, 1):.2f}%" for k in ("footage_s", "indexed_s"))
    return f'<div class="meter"><b style="width:{footage}"></b><i style="width:{seen}"></i></div>'


def thumbnails(settings: Settings, addresses: Sequence[str | None]) -> list[bytes | None]:
    """A JPEG for each address with its media fragment (`#t=3.2&xywh=pixel:412,300,90,80`), None where the footage is not at hand."""
    from analytics.errors import Refused
    from cluster.stills import stills
    from cluster.store import localise

    out: list[bytes | None] = [None] * len(addresses)
    by_file: dict[str, list[tuple[int, float, tuple[float, ...] | None]]] = {}
    for i, address in enumerate(addresses):
        if address:
            uri, at, box = fragment(address)
            by_file.setdefault(uri, []).append((i, at, box))
    for uri, wanted in by_file.items():
        wanted.sort(key=lambda w: w[1])
        try:
            path: Path = localise(settings, uri)
            for some in (wanted[n : n + AT_ONCE] for n in range(0, len(wanted), AT_ONCE)):
                for (i, _, box), picture in zip(some, stills(path, [at + ROUNDED_S for _, at, _ in some]), strict=True):
                    out[i] = _jpeg(picture, box)
        except (Refused, OSError):
            continue  # the card says that there is no picture
    return out


def fragment(address: str) -> tuple[str, float, tuple[float, ...] | None]:
    """The footage's address, seconds from its start (the middle of a stretch), and left, top, width, height in pixels.

    >>> fragment("file:///a.mp4#t=3.2&xywh=pixel:412,300,90,80"), fragment("file:///a.mp4#t=3,5")
    (('file:///a.mp4', 3.2, (412.0, 300.0, 90.0, 80.0)), ('file:///a.mp4', 4.0, None))
    """
    uri, rest = urldefrag(address)
    given = parse_qs(rest)
    moments = [float(t) for t in given.get("t", ["0"])[0].split(",")]
    box = given.get("xywh")
    middle = sum(moments) / len(moments)
    return uri, middle, tuple(float(v) for v in box[0].removeprefix("pixel:").split(",")) if box else None


def _jpeg(picture: "NDArray[np.uint8]", box: tuple[float, ...] | None) -> bytes:
    """The box with what is around it, at a thumbnail's size and shape; the whole picture where there is no box."""
    import cv2

    height, width = picture.shape[:2]
    x, y, w, h = box or (0.0, 0.0, float(width), float(height))
    scale = max(w * AROUND / SIZE[0], h * AROUND / SIZE[1]) if box else max(width / SIZE[0], height / SIZE[1])
    scale = min(max(scale, 0.5), width / SIZE[0], height / SIZE[1]) if box else scale
    view_w, view_h = min(width, round(SIZE[0] * scale)), min(height, round(SIZE[1] * scale))
    left = round(min(max(x + w / 2 - view_w / 2, 0), width - view_w))
    top = round(min(max(y + h / 2 - view_h / 2, 0), height - view_h))
    crop = picture[top : top + max(view_h, 1), left : left + max(view_w, 1)]
    fit = min(SIZE[0] / crop.shape[1], SIZE[1] / crop.shape[0])
    size = max(1, round(crop.shape[1] * fit)), max(1, round(crop.shape[0] * fit))
    small = cv2.resize(crop, size, interpolation=cv2.INTER_AREA if fit < 1 else cv2.INTER_CUBIC)
    if box:
        corners = [round((v - o) * fit) for v, o in ((x, left), (y, top), (x + w, left), (y + h, top))]
        cv2.rectangle(small, (corners[0], corners[1]), (corners[2], corners[3]), (60, 200, 255), 2)
    done, data = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    assert done
    return data.tobytes()


_STYLE = """
:root { color-scheme: light dark; --back: #f4f5f7; --card: #fff; --ink: #1a1d21; --dim: #667080; --line: #dde1e6;
 --seen: #1f9d61; --have: #b9c3cf }
@media (prefers-color-scheme: dark) {
 :root { --back: #14171b; --card: #1e2329; --ink: #e8eaed; --dim: #98a2ae; --line: #313841; --have: #4a5560 }
}
* { box-sizing: border-box }
body { margin: 0; background: var(--back); color: var(--ink); font: 15px/1.45 system-ui, "Segoe UI", Roboto, "Noto Sans", sans-serif }
header, main, details { max-width: 1360px; margin: 0 auto; padding: 0 20px }
header { padding-top: 22px }
header p { margin: 6px 0 }
h1 { font-size: 22px; margin: 0 }
h1 span { font-weight: 400; color: var(--dim); margin-left: 8px }
.dim { color: var(--dim); font-size: 13px }
.meter { position: relative; height: 8px; background: var(--line); border-radius: 4px; overflow: hidden; margin: 8px 0 }
.meter b, .meter i { position: absolute; left: 0; top: 0; bottom: 0 }
.meter b { background: var(--have) }
.meter i { background: var(--seen) }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(260px, 1fr)); gap: 16px; margin: 14px 0 24px }
article { background: var(--card); border: 1px solid var(--line); border-radius: 10px; overflow: hidden;
 display: flex; flex-direction: column }
article img, .nothing { width: 100%; aspect-ratio: 8 / 5; object-fit: contain; background: #000; display: block }
.nothing { display: flex; align-items: center; justify-content: center; color: #aab; font-size: 13px; padding: 12px; text-align: center }
.text { padding: 10px 12px 12px; display: flex; flex-direction: column; gap: 3px; flex: 1 }
.text p { margin: 0 }
h2 { font-size: 16px; margin: 0; display: flex; align-items: center; gap: 7px }
h2 b { font-weight: 600 }
h2 b::first-letter { text-transform: uppercase }
h2 small { margin-left: auto; font-weight: 400; color: var(--dim); font-size: 13px }
.swatch { width: 13px; height: 13px; border-radius: 50%; border: 1px solid var(--dim); flex: none }
time { font-variant-numeric: tabular-nums; font-weight: 600 }
code { margin-top: auto; padding-top: 6px; font-size: 11px; color: var(--dim); overflow-wrap: anywhere; user-select: all }
table { border-collapse: collapse; width: 100%; background: var(--card); border: 1px solid var(--line); margin: 12px 0 }
th, td { padding: 7px 12px; text-align: left; border-bottom: 1px solid var(--line); font-variant-numeric: tabular-nums }
th { color: var(--dim); font-weight: 600; font-size: 13px }
.right { text-align: right }
details { padding-bottom: 30px }
summary { cursor: pointer; font-weight: 600 }
"""
