"""Which files are meant by paths, folders and `s3://` addresses, and what is in each. Knows no camera, no time, no lake."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from analytics.errors import Refused, Unreadable
from cluster.settings import Settings

if TYPE_CHECKING:
    from cluster.video import Probe

SUFFIXES = frozenset(
    {
        ".mp4", ".m4v", ".mov", ".mkv", ".avi", ".ts", ".mts", ".m2ts", ".mpg", ".mpeg", ".webm", ".flv", ".wmv", ".3gp", ".asf", ".dav",
        ".h264", ".264", ".h265", ".265", ".hevc", ".mjpeg", ".mjpg",
    }
)  # fmt: skip
"""What a folder is searched for; a file that is named itself may be called anything."""


@dataclass(slots=True)
class Source:
    """A file of footage.

    Attributes:
        path: as a person calls it.
        uri: `file:///…` or `s3://bucket/key`.
        local: where it lies on this machine; an object in S3 lies there once it was looked at.
        footage: SHA-256 of its content; of its address where it cannot be read, so that two empty files are two.
        probe: what is in it; None where it cannot be read.
        error: why it cannot be read.
    """

    path: str
    uri: str
    local: Path | None = None
    footage: str = ""
    probe: "Probe | None" = None
    error: Unreadable | None = None

    @property
    def name(self) -> PurePosixPath:
        return PurePosixPath(self.path)


def expand(settings: Settings, paths: Sequence[str]) -> list[Source]:
    """The files that are meant, in the order given; those of a folder in the order of their names.

    Raises:
        Refused: something does not exist, is a stream, or a folder holds no video file.
    """
    out: list[Source] = []
    for path in paths:
        if path.startswith("s3://"):
            out += [Source(uri, uri) for uri in _objects(settings, path)]
            continue
        if "://" in path and not path.startswith("file://"):
            raise Refused(
                en=f"{path}: footage is a file, a folder or s3://bucket/key. Save the stream to a file first.",
                vi=f"{path}: đoạn phim là tệp, thư mục hoặc s3://bucket/key. Hãy lưu luồng thành tệp trước.",
            )
        local = Path(on_disk(path) or path).expanduser()
        if not local.exists():
            raise Refused(en=f"There is no {path}. Check the path.", vi=f"Không có {path}. Hãy kiểm tra đường dẫn.")
        found = [local]
        if local.is_dir():
            found = sorted((p for p in local.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file()), key=lambda p: _natural(str(p)))
            if not found:
                raise Refused(en=f"The folder {path} holds no video files.", vi=f"Thư mục {path} không có tệp video nào.")
        out += [Source(str(p), p.absolute().as_uri(), p.absolute()) for p in found]
    return out


def on_disk(uri: str) -> str | None:
    """The path that a `file:///…` names; None for anything else."""
    return unquote(urlsplit(uri).path) if uri.startswith("file://") else None


def look(settings: Settings, source: Source) -> None:
    """Fetches, hashes and probes the file; what keeps it from being read is kept as its error."""
    from cluster import video
    from cluster.store import localise

    try:
        if source.local is None:
            source.local = localise(settings, source.uri)
        source.footage = video.sha256(source.local)
        source.probe = video.probe(source.local)
    except Unreadable as error:
        source.error = error
    except PermissionError:
        source.error = Unreadable(
            en=f"{source.path} may not be read: check its permissions",
            vi=f"Không có quyền đọc {source.path}: hãy kiểm tra quyền truy cập",
        )
    if source.error:
        source.footage = hashlib.sha256(source.uri.encode()).hexdigest()


def _natural(name: str) -> list[tuple[int, int, str]]:
    """Sorts `part-2` before `part-10`."""
    return [(0, int(piece), "") if piece.isdecimal() else (1, 0, piece.lower()) for piece in re.split(r"(\d+)", name) if piece]


def _objects(settings: Settings, uri: str) -> list[str]:
    """The objects that an `s3://` address means: one, or all videos under it."""
    from cluster.store import open_store

    bucket, _, key = uri.removeprefix("s3://").partition("/")
    store = open_store(replace(settings, store=f"s3://{bucket}"))
    if key and not key.endswith("/") and store.exists(key):
        return [uri]
    prefix = f"{key.rstrip('/')}/" if key else ""
    found = sorted((k for k in store.keys(prefix) if PurePosixPath(k).suffix.lower() in SUFFIXES), key=_natural)
    if not found:
        raise Refused(en=f"There is no {uri}, and no video file under it.", vi=f"Không có {uri}, cũng không có tệp video nào dưới đó.")
    return [f"s3://{bucket}/{k}" for k in found]
