"""Brings a file over HTTP: resumable, checked by its hash, visible under its name only when it is whole."""

import errno
import fcntl
import hashlib
import http.client
import urllib.error
import urllib.request
from collections.abc import Callable, Collection
from pathlib import Path

from analytics.errors import Refused

Progress = Callable[[int, int | None], None]
"""Called with the bytes that are here and the bytes of the whole, None where the server does not say."""

ATTEMPTS = 3
TIMEOUT_S = 30.0
_BLOCK = 1 << 18


def fetch(url: str, target: Path, *, sha256: Collection[str], progress: Progress | None = None) -> None:
    """Puts the file at `url` to `target`; what an interrupted call left behind is gone on with, not fetched again.

    Args:
        url: http or https.
        target: where to put it; its folder is made.
        sha256: the accepted hashes, hexadecimal; the first one is named where none fits.
        progress: called as bytes arrive.

    Raises:
        Refused: no network, the server does not have it, it broke off, the content is another, or the disk is full;
            nothing stands at `target` then.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}.part")
    with part.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if target.exists():  # another process was faster
            return
        resumed = part.exists()
        try:
            _complete(url, part, target, progress)
            if resumed and _hash(part) not in sha256:  # the rest of one file on the beginning of another
                part.unlink()
                _complete(url, part, target, progress)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            raise Refused(
                en=f"The disk of {target.parent} is full. Make room and run it again; it goes on where it stopped.",
                vi=f"Ổ đĩa chứa {target.parent} đã đầy. Hãy giải phóng dung lượng rồi chạy lại; việc tải sẽ tiếp tục từ chỗ dừng.",
            ) from error
        found = _hash(part)
        if found not in sha256:
            part.unlink()
            wanted = next(iter(sha256))
            raise Refused(
                en=f"{url} gave another file than expected: SHA-256 {found}, wanted {wanted}. It was thrown away. "
                f"Get the right file elsewhere and put it at {target}.",
                vi=f"{url} trả về tệp không đúng: SHA-256 {found}, cần {wanted}. Tệp đã bị bỏ. "
                f"Hãy lấy đúng tệp từ nơi khác rồi đặt vào {target}.",
            )
        part.replace(target)


def _complete(url: str, part: Path, target: Path, progress: Progress | None) -> None:
    """Fetches until `part` is whole, going on where a connection broke off."""
    have = total = None
    for _ in range(ATTEMPTS):
        have = part.stat().st_size if part.exists() else 0
        try:
            total = _once(url, part, have, progress)
        except urllib.error.HTTPError as error:
            error.close()
            if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                return  # all of it was here already; its hash decides
            raise Refused(
                en=f"{url} answers {error.code} {error.reason}. Get the file elsewhere and put it at {target}.",
                vi=f"{url} trả lời {error.code} {error.reason}. Hãy lấy tệp từ nơi khác rồi đặt vào {target}.",
            ) from error
        except (urllib.error.URLError, http.client.HTTPException, ConnectionError, TimeoutError) as error:
            why = getattr(error, "reason", None) or error
            raise Refused(
                en=f"Cannot reach {url} ({why}). On a machine with a network, get that file and put it at {target}.",
                vi=f"Không kết nối được {url} ({why}). Hãy tải tệp đó trên máy có mạng rồi đặt vào {target}.",
            ) from error
        have = part.stat().st_size
        if total is None or have >= total:
            return
    raise Refused(
        en=f"{url} broke off at {have} of {total} bytes, {ATTEMPTS} times. Run it again; it goes on where it stopped.",
        vi=f"{url} bị ngắt ở {have} trên {total} byte, {ATTEMPTS} lần. Hãy chạy lại; việc tải sẽ tiếp tục từ chỗ dừng.",
    )


def _once(url: str, part: Path, have: int, progress: Progress | None) -> int | None:
    """One request from byte `have` on; the size of the whole, None where the server does not say."""
    request = urllib.request.Request(url, headers={"User-Agent": "matthan", **({"Range": f"bytes={have}-"} if have else {})})
    with urllib.request.urlopen(request, timeout=TIMEOUT_S) as response:
        goes_on = response.status == http.HTTPStatus.PARTIAL_CONTENT
        have = have if goes_on else 0
        length = response.headers.get("Content-Length")
        total = have + int(length) if length else None
        with part.open("ab" if goes_on else "wb") as out:
            while block := _read(response):
                out.write(block)
                have += len(block)
                if progress:
                    progress(have, total)
    return total


def _read(response: http.client.HTTPResponse) -> bytes:
    try:
        return response.read(_BLOCK)
    except (http.client.IncompleteRead, ConnectionError, TimeoutError):
        return b""  # what came so far is kept, and the next request goes on from there


def _hash(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
