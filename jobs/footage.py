"""The register of footage: which files there are, of which camera, from when to when. Its rows are the lake's table `footage`."""

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analytics.camera import Camera
from analytics.errors import Refused
from analytics.names import unknown
from cluster.settings import Settings
from jobs import naming, reasons, sweeping, times
from jobs.sources import Source, expand, look, on_disk

if TYPE_CHECKING:
    from cluster.lake import Lake
    from cluster.video import Probe
    from jobs.foreseen import Foreseen

_SAME_S = 1e-3
"""Starts that differ by less are the same."""
_OVERLAP_S = 0.5
"""Files that share less time than this only follow each other closely."""
BATCH = 200
"""So many files are written at a time: looking at terabytes takes hours, and an interruption should not cost them all."""
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Registered:
    """One file as the register has it.

    Attributes:
        path: as it was given.
        camera: the id of its camera.
        footage: SHA-256 of its content; of its address where it cannot be read.
        uri: `file:///…` or `s3://bucket/key`.
        local: where it can be read on this machine; None for an object in S3 that was not looked at now.
        start, end: seconds since the epoch on the camera's own clock (its `clock_offset_s` is added where rows are written and
            read); the same where it has no length.
        start_from: "given", "name", "container" or "file".
        error: why it cannot be read, in both languages (`jobs.reasons`).
        note: what the user should know of it, in their language; empty where there is nothing.
        probe: what is in it; None where it cannot be read or was not looked at now.
        new: False where the register had exactly this already.
    """

    path: str
    camera: str
    footage: str
    uri: str
    local: Path | None
    start: float
    end: float
    start_from: str
    error: str | None = None
    note: str = ""
    probe: "Probe | None" = None
    new: bool = True


def register(
    settings: Settings,
    lake: "Lake",
    paths: Sequence[str],
    camera: str | None = None,
    start: float | None = None,
    start_from_name: str | None = None,
    tell: Callable[[str], None] | None = None,
) -> list[Registered]:
    """Puts files into the register and says what became of each.

    A file that is there already under the same camera stays as it is, unless a start is given that differs: then it is moved, and
    what was found in it must be found again. Without `camera` each file gets a bare camera named after it, written into the folder
    of camera files. With `start`, the files follow each other in the order given; an unreadable one has no length. Without any
    start, it is the container's creation time as it stands (phones of one make write when recording began, of another when it
    ended; recorders mostly when it began), else the file's time of modification.

    Args:
        start: media time of the first file's first frame, seconds since the epoch.
        start_from_name: a pattern of strptime that finds the start in each file's name, on the camera's clock.
        tell: called with a file's path before it is looked at, which takes long for large files.

    Raises:
        Refused: a path does not exist, the camera is unknown, or a name has no time in it; nothing was registered then.
    """
    from cluster import cameras

    return _register(settings, lake, paths, camera, start, start_from_name, tell, lambda new: cameras.write(settings.cameras, new))


def foresee(
    settings: Settings,
    lake: "Foreseen",
    paths: Sequence[str],
    camera: str | None = None,
    start: float | None = None,
    start_from_name: str | None = None,
) -> tuple[list[Registered], dict[str, Camera]]:
    """What `register` would return, and the bare cameras that it would write. Only `lake`, which is no lake on disk, changes.

    Raises:
        Refused: as `register` would.
    """
    bare: dict[str, Camera] = {}
    files = _register(settings, lake, paths, camera, start, start_from_name, None, lambda new: bare.update({new.id: new}))
    return files, bare


def _register(
    settings: Settings,
    lake: "Lake",
    paths: Sequence[str],
    camera: str | None,
    start: float | None,
    start_from_name: str | None,
    tell: Callable[[str], None] | None,
    make: Callable[[Camera], object],
) -> list[Registered]:
    """As `register`; `make` takes the bare cameras."""
    known, wrong = _cameras(settings, camera)
    files = expand(settings, paths)
    if camera is None:
        _not_theirs(files, wrong)
    if start_from_name is not None:
        for file in files:
            _start_in_name(file, start_from_name, settings)
    before = _rows(lake)
    holders: dict[str, set[str]] = {}
    for row in before:
        holders.setdefault(row["camera"], set()).add(row["footage"])
    out: list[Registered] = []
    kept = 0
    for file in files:
        if len(out) - kept >= BATCH:
            _write(lake, before, out[kept:])
            kept = len(out)
        if tell:
            tell(file.path)
        look(settings, file)
        mine = camera or naming.bare_id(file.name.stem, file.footage, holders)
        if wrong and mine in holders and mine not in known:  # its camera was there when it was registered
            raise wrong[0] if len(wrong) == 1 else Refused("\n".join(r.en for r in wrong), "\n".join(r.vi for r in wrong))
        bare_note = "" if camera else _ensure(settings, mine, known, file, make)
        twin = next((o for o in out if o.camera == mine and o.footage == file.footage), None)
        if twin is not None:
            same = ("the same content as {0}: registered once", "cùng nội dung với {0}: chỉ ghi nhận một lần")
            out.append(replace(twin, path=file.path, note=_say(settings, *same, twin.path), new=False))
            continue
        mates = [r for r in before if r["camera"] == mine]
        one = _placed(settings, file, mine, known.get(mine), mates, start, start_from_name)
        others = [(r["uri"], r["start"], r["end"]) for r in mates if not r["error"] and r["footage"] != one.footage]
        others += [(o.uri, o.start, o.end) for o in out if o.camera == mine and o.error is None and o.new]
        notes = [one.note, *_overlaps(settings, one, others), bare_note]
        out.append(replace(one, note="; ".join(n for n in notes if n)))
        holders.setdefault(mine, set()).add(one.footage)
        start = one.end if start is not None else None
    _write(lake, before, out[kept:])
    return out


def listed(lake: "Lake", camera: str | None = None) -> list[Row]:
    """The register's rows (columns of `analytics/tables.py`), by camera and start; times in seconds since the epoch."""
    return [row for row in _rows(lake) if camera in (None, row["camera"])]


def recall(lake: "Lake", camera: str | None = None) -> list[Registered]:
    """What is registered, as `register` returned it, without looking at any file."""
    return [
        Registered(
            path=on_disk(r["uri"]) or r["uri"],
            camera=r["camera"],
            footage=r["footage"],
            uri=r["uri"],
            local=Path(local) if (local := on_disk(r["uri"])) else None,
            start=r["start"],
            end=r["end"],
            start_from=r["start_from"],
            error=r["error"],
            new=False,
        )
        for r in listed(lake, camera)
    ]


def remove(lake: "Lake", names: Sequence[str], camera: str | None = None) -> list[Row]:
    """Takes footage out of the register, and with it all that was found in it; the files themselves stay where they are.

    What was kept for indexing it again goes with a later compaction (`jobs.sweeping`).

    Args:
        names: paths, folders, addresses, or the first digits (six or more) of the content's SHA-256.

    Raises:
        Refused: a name fits nothing; nothing was removed then.
    """
    rows = listed(lake, camera)
    gone: list[Row] = []
    for name in names:
        fits = [r for r in rows if _means(name, r)]
        if not fits:
            raise Refused(
                en=f"No footage {name} is registered{f' for {camera}' if camera else ''}. `matthan footage list` shows what is.",
                vi=f"Chưa ghi nhận đoạn phim {name}{f' của {camera}' if camera else ''}. `matthan footage list` liệt kê những gì đã có.",
            )
        gone += [r for r in fits if r not in gone]
    _append(lake, [r | {"removed": True} for r in gone])
    if gone:
        sweeping.mark(lake, sorted({r["camera"] for r in gone}))
    return gone


def _means(name: str, row: Row) -> bool:
    uri = name.rstrip("/") if "://" in name else Path(name).expanduser().absolute().as_uri()
    by_hash = re.fullmatch("[0-9a-f]{6,64}", name) is not None and row["footage"].startswith(name)
    return bool(by_hash or row["uri"] == uri or row["uri"].startswith(f"{uri}/"))


def _cameras(settings: Settings, wanted: str | None) -> tuple[dict[str, Camera], list[Refused]]:
    """The cameras whose files are right, and what is wrong with the others."""
    from cluster import cameras

    known, wrong = cameras.check(settings.cameras)
    if wrong and wanted is not None and wanted not in known:  # it may be in a file that cannot be read
        raise Refused("\n".join(r.en for r in wrong), "\n".join(r.vi for r in wrong))
    if wanted is not None and wanted not in known:
        refusal = unknown("camera", "camera", wanted, known)
        raise Refused(
            en=f"{refusal.en} A new one is a file {settings.cameras / f'{wanted}.yaml'}; without --camera one is made from the footage.",
            vi=f"{refusal.vi} Camera mới là tệp {settings.cameras / f'{wanted}.yaml'}; không có --camera thì sẽ tự tạo từ đoạn phim.",
        )
    return known, wrong


def _not_theirs(files: Sequence[Source], wrong: Sequence[Refused]) -> None:
    """Refuses files that may belong to cameras whose own files are wrong; footage of other cameras may be registered."""
    from cluster.cameras import FileRefused

    for refusal in wrong:
        names = {naming.slug(file.name.stem) for file in files}
        theirs = {naming.slug(refusal.path.stem), *_ids(refusal.path)} if isinstance(refusal, FileRefused) else names
        if any(re.fullmatch(rf"{re.escape(id)}(-\d+)?", other) for id in names for other in theirs):
            raise refusal


def _ids(path: Path) -> set[str]:
    """What a camera file that cannot be read as a whole says its camera's id is."""
    return {naming.slug(id) for id in re.findall(r"""(?m)^[ {"']*id["']?\s*:\s*["']?([^"'#,}\n]+)""", path.read_text("utf-8", "replace"))}


def _ensure(settings: Settings, camera: str, known: dict[str, Camera], file: Source, make: Callable[[Camera], object]) -> str:
    """Makes a bare camera where there is none yet; says what the user should know of the camera that the file got."""
    from cluster import cameras

    if camera in known:
        if camera == naming.slug(file.name.stem):
            return ""
        return _say(settings, "taken as camera {0}; --camera says otherwise", "ghi cho camera {0}; muốn khác hãy dùng --camera", camera)
    if file.probe is None:
        return ""
    known[camera] = cameras.bare(camera, (file.probe.width, file.probe.height))
    make(known[camera])
    return _say(
        settings,
        "a bare camera was written to {0}. For lines, zones and rules, `matthan cameras still {1} --out grid.jpg` gives a picture with a "
        "pixel grid to place them and `matthan cameras schema` all fields",
        "đã tạo camera trống {0}. Để thêm vạch, vùng và luật: `matthan cameras still {1} --out grid.jpg` cho ảnh có lưới tọa độ để đặt, "
        "`matthan cameras schema` cho biết mọi mục",
        settings.cameras / f"{camera}.yaml",
        camera,
    )


def _start_in_name(file: Source, pattern: str, settings: Settings) -> float:
    at = times.from_name(file.name.name, pattern, settings.zone)
    if at is None:
        raise Refused(
            en=f"{file.path}: no time like {pattern!r} in its name. Correct --start-from-name, or give --start.",
            vi=f"{file.path}: tên tệp không chứa thời gian theo mẫu {pattern!r}. Hãy sửa --start-from-name hoặc dùng --start.",
        )
    return at


def _placed(
    settings: Settings, file: Source, camera: str, known: Camera | None, mates: Sequence[Row], given: float | None, pattern: str | None
) -> Registered:
    """The file at its place in time."""
    there = next((r for r in mates if r["footage"] == file.footage), None)
    if given is not None:
        start, start_from = given, "given"
    elif pattern is not None:
        start, start_from = _start_in_name(file, pattern, settings), "name"
    elif there is not None:
        start, start_from = there["start"], there["start_from"]
    elif file.probe is not None and file.probe.creation_time is not None:
        start, start_from = file.probe.creation_time, "container"
    else:
        start, start_from = _modified(file), "file"
    start = round(start, 6)
    moved = there is not None and abs(there["start"] - start) > _SAME_S
    note = ""
    if there is not None and moved:
        span = times.show(there["start"], settings.zone), times.show(start, settings.zone)
        note = _say(settings, "moved from {0} to {1}, to be indexed anew", "chuyển từ {0} sang {1}, cần lập chỉ mục lại", *span)
    elif file.probe and known and _misshapen(file.probe, known):
        sizes = file.probe.width, file.probe.height, *known.resolution
        en = "the picture is {0}×{1} but the camera's is {2}×{3}: lines and zones are stretched to fit"
        vi = "hình là {0}×{1} nhưng camera ghi {2}×{3}: vạch và vùng bị co giãn theo"
        note = _say(settings, en, vi, *sizes)
    return Registered(
        path=file.path,
        camera=camera,
        footage=file.footage,
        uri=file.uri,
        local=file.local,
        start=start,
        end=round(start + (file.probe.duration_s if file.probe else 0.0), 6),
        start_from=start_from,
        error=reasons.both(file.error) if file.error else None,
        note=note,
        probe=file.probe,
        new=there is None or moved or there["uri"] != file.uri or bool(there["error"] or file.error),
    )


def _modified(file: Source) -> float:
    try:
        return file.local.stat().st_mtime if file.local else time.time()
    except OSError:  # gone since it was looked at
        return time.time()


def _misshapen(probe: "Probe", camera: Camera) -> bool:
    w, h = camera.resolution
    return abs(probe.width * h - probe.height * w) > 0.02 * w * probe.height


def _overlaps(settings: Settings, one: Registered, others: Sequence[tuple[str, float, float]]) -> list[str]:
    """Says where the file shows the same time as another one of its camera: no second is counted twice."""
    notes = []
    for uri, start, end in others:
        shared_s = min(end, one.end) - max(start, one.start)
        if one.error is None and shared_s > _OVERLAP_S and uri != one.uri:
            en = "overlaps {0} by {1}: that time is taken from the file that was registered first"
            vi = "trùng thời gian với {0} trong {1}: đoạn đó lấy từ tệp được ghi nhận trước"
            notes.append(_say(settings, en, vi, on_disk(uri) or uri, times.lasting(shared_s, settings.language)))
    return notes


def _rows(lake: "Lake") -> list[Row]:
    sql = """SELECT * REPLACE (epoch(start) AS start, epoch("end") AS "end", epoch(added_at) AS added_at) FROM footage
             ORDER BY camera, start, uri"""
    return lake.rows(sql, ["footage"])


def _write(lake: "Lake", before: Sequence[Row], files: Sequence[Registered]) -> None:
    """Writes what is new. A file that moved, or took the place of another content, first takes the old row out: whatever was found
    before a footage's last removal is seen no more."""
    new = [one for one in files if one.new]
    gone = [
        old | {"removed": True}
        for old in before
        for one in new
        if old["camera"] == one.camera
        and (
            (old["footage"] == one.footage and abs(old["start"] - one.start) > _SAME_S)
            or (old["uri"] == one.uri and old["footage"] != one.footage and one.error is None)
        )
    ]
    _append(lake, gone)
    _append(lake, [_row(one) for one in new])


def _row(one: Registered) -> Row:
    probe = one.probe
    looked = {name: getattr(probe, name) if probe else 0 for name in ("width", "height", "fps", "bytes")}
    kept = {name: getattr(one, name) for name in ("camera", "footage", "uri", "start", "end", "start_from", "error")}
    return {**kept, **looked, "codec": probe.codec if probe else "", "removed": False}


def _append(lake: "Lake", rows: Sequence[Row]) -> None:
    """One commit; of two rows the later one is later in `added_at` too, which decides whose time it is where they overlap."""
    import pyarrow as pa

    if rows:
        now = datetime.now(UTC)
        schema = lake.schema("footage")
        stamped = [
            r | {"start": _stamp(r["start"]), "end": _stamp(r["end"]), "added_at": now + timedelta(microseconds=i)}
            for i, r in enumerate(rows)
        ]
        lake.append("footage", pa.Table.from_pylist(stamped, schema))


def _stamp(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)


def _say(settings: Settings, en: str, vi: str, *values: object) -> str:
    return (vi if settings.language == "vi" else en).format(*values)
