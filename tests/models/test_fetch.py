"""Fetching over HTTP, against a real server on this host."""

import errno
import hashlib
import http.server
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from analytics.errors import Refused
from models.fetch import ATTEMPTS, fetch

BODY = bytes(range(256)) * 4000
HASH = hashlib.sha256(BODY).hexdigest()


@dataclass
class Server:
    """Serves BODY in the way that a test asks for, and keeps what it was asked."""

    url: str = ""
    breaks_at: list[int] = field(default_factory=list)
    """Bytes after which each of the next answers breaks off."""
    ranges: bool = True
    length: bool = True
    asked: list[str | None] = field(default_factory=list)


@pytest.fixture
def server() -> Iterator[Server]:
    state = Server()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            wanted = self.headers.get("Range")
            state.asked.append(wanted)
            if self.path != "/weights.pt":
                self.send_error(404)
                return
            start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted and state.ranges else 0
            if wanted and state.ranges and start >= len(BODY):
                self.send_error(416)
                return
            body = BODY[start:]
            self.send_response(206 if wanted and state.ranges else 200)
            if state.length:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: state.breaks_at.pop(0)] if state.breaks_at else body)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as httpd:
        thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        state.url = f"http://127.0.0.1:{httpd.server_address[1]}/weights.pt"
        yield state
        httpd.shutdown()
        thread.join()


def left(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if path.suffix != ".lock"}


def test_whole_file_with_progress(server: Server, tmp_path: Path) -> None:
    seen: list[tuple[int, int | None]] = []
    fetch(server.url, tmp_path / "new" / "weights.pt", sha256=[HASH], progress=lambda have, total: seen.append((have, total)))
    assert (tmp_path / "new" / "weights.pt").read_bytes() == BODY
    assert left(tmp_path / "new") == {"weights.pt"}
    assert seen[-1] == (len(BODY), len(BODY))
    assert [have for have, _ in seen] == sorted(have for have, _ in seen)


@pytest.mark.parametrize(
    ("there", "ranges", "length", "breaks_at", "asked"),
    [
        pytest.param(0, True, True, [1000], [None, "bytes=1000-"], id="a break is gone on from"),
        pytest.param(5000, True, True, [], ["bytes=5000-"], id="what an earlier call left is gone on from"),
        pytest.param(5000, False, True, [], ["bytes=5000-"], id="a server without ranges sends all again"),
        pytest.param(len(BODY), True, True, [], [f"bytes={len(BODY)}-"], id="all was there but the name"),
        pytest.param(0, True, False, [], [None], id="a server that does not say the length"),
        pytest.param(0, True, True, [10, 10], [None, "bytes=10-", "bytes=20-"], id="two breaks"),
    ],
)
def test_resumes(
    server: Server, tmp_path: Path, there: int, ranges: bool, length: bool, breaks_at: list[int], asked: list[str | None]
) -> None:
    if there:
        (tmp_path / "weights.pt.part").write_bytes(BODY[:there])
    server.ranges, server.length, server.breaks_at = ranges, length, breaks_at
    fetch(server.url, tmp_path / "weights.pt", sha256=[HASH])
    assert (tmp_path / "weights.pt").read_bytes() == BODY
    assert server.asked == asked
    assert left(tmp_path) == {"weights.pt"}


def test_a_part_of_another_file_is_not_built_on(server: Server, tmp_path: Path) -> None:
    (tmp_path / "weights.pt.part").write_bytes(b"x" * 5000)
    fetch(server.url, tmp_path / "weights.pt", sha256=[HASH])
    assert (tmp_path / "weights.pt").read_bytes() == BODY


def test_a_file_that_is_there_is_not_asked_for(server: Server, tmp_path: Path) -> None:
    (tmp_path / "weights.pt").write_bytes(BODY)
    fetch(server.url, tmp_path / "weights.pt", sha256=[HASH])
    assert server.asked == []


def test_two_at_once_fetch_it_once(server: Server, tmp_path: Path) -> None:
    threads = [threading.Thread(target=fetch, args=(server.url, tmp_path / "weights.pt"), kwargs={"sha256": [HASH]}) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (tmp_path / "weights.pt").read_bytes() == BODY
    assert len(server.asked) == 1


def test_wrong_content_is_thrown_away(server: Server, tmp_path: Path) -> None:
    with pytest.raises(Refused, match=f"SHA-256 {HASH}, wanted 00") as caught:
        fetch(server.url, tmp_path / "weights.pt", sha256=["00", "11"])
    assert str(tmp_path / "weights.pt") in caught.value.vi
    assert left(tmp_path) == set()


def test_no_such_file(server: Server, tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"nothing\.pt answers 404 .* put it at .*weights\.pt"):
        fetch(server.url.replace("weights", "nothing"), tmp_path / "weights.pt", sha256=[HASH])
    assert left(tmp_path) == set()


def test_always_broken_off_keeps_what_came(server: Server, tmp_path: Path) -> None:
    server.breaks_at = [100] * ATTEMPTS
    with pytest.raises(Refused, match=f"broke off at {100 * ATTEMPTS} of {len(BODY)} bytes"):
        fetch(server.url, tmp_path / "weights.pt", sha256=[HASH])
    assert left(tmp_path) == {"weights.pt.part"}
    fetch(server.url, tmp_path / "weights.pt", sha256=[HASH])
    assert server.asked[-1] == f"bytes={100 * ATTEMPTS}-"
    assert (tmp_path / "weights.pt").read_bytes() == BODY


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/weights.pt", "http://no-such-host.invalid/weights.pt"])
def test_no_network_names_the_file_and_the_place(tmp_path: Path, url: str) -> None:
    with pytest.raises(Refused, match="Cannot reach") as caught:
        fetch(url, tmp_path / "weights.pt", sha256=[HASH])
    for said in (caught.value.en, caught.value.vi):
        assert url in said
        assert str(tmp_path / "weights.pt") in said


def test_full_disk(server: Server, tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full, which stands for a full disk here")
    (tmp_path / "weights.pt.part").symlink_to("/dev/full")
    with pytest.raises(Refused, match="is full") as caught:
        fetch(server.url, tmp_path / "weights.pt", sha256=[HASH])
    assert isinstance(caught.value.__cause__, OSError)
    assert caught.value.__cause__.errno == errno.ENOSPC
    assert not (tmp_path / "weights.pt").exists()
