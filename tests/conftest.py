"""Fixtures that many tests share: throwaway settings, a real MinIO server, the folder of real footage beside the checkout."""

import fcntl
import logging
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from cluster.settings import S3, Settings, load

MINIO_CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "matthan" / "bin"
"""Outside the tree, so that a clean clone finds the server that an earlier one built."""

_FOREIGN = ("MATTHAN_", "AWS_")


@pytest.fixture(autouse=True)
def no_error_lines(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """An error-level log line fails the test; one that means to provoke it calls `caplog.clear()`."""
    yield
    lines = [r.getMessage() for r in caplog.get_records("call") if r.levelno >= logging.ERROR]
    assert not lines, f"error-level log lines: {lines}"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings of a throwaway home. Neither the caller's settings nor S3 keys reach the test or what it starts."""
    for name in list(os.environ):
        if name.startswith(_FOREIGN) and name != "MATTHAN_REQUIRE_MINIO":
            monkeypatch.delenv(name)
    monkeypatch.setenv("MATTHAN_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MATTHAN_LANGUAGE", "en")
    return load()


@dataclass(frozen=True)
class Minio:
    """A running MinIO server."""

    s3: S3

    def bucket(self) -> str:
        """Makes a bucket that no other test uses."""
        name = f"t{uuid.uuid4().hex[:20]}"
        from minio import Minio as Client

        Client(self.s3.endpoint or "", self.s3.access_key, self.s3.secret_key, secure=False).make_bucket(name)
        return name


def pytest_configure() -> None:
    """What is started in the background of a script ignores Ctrl-C, and so would all that the tests start and interrupt."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Builds MinIO before the first test where tests want it, so that no test's time limit counts the build."""
    if not session.config.option.collectonly and any(item.get_closest_marker("minio") for item in session.items):
        _minio_program(build=True)


def _minio_program(*, build: bool) -> Path | None:
    cached = MINIO_CACHE / "minio"
    found = shutil.which("minio") or (str(cached) if cached.exists() else None)
    go = shutil.which("go")
    if found or not build or not go:
        return Path(found) if found else None
    MINIO_CACHE.mkdir(parents=True, exist_ok=True)
    with (MINIO_CACHE / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several test workers may want it at once
        if not cached.exists():
            install = [go, "install", "github.com/minio/minio@latest"]
            subprocess.run(install, env=os.environ | {"GOBIN": str(MINIO_CACHE)}, check=False, capture_output=True)
    return cached if cached.exists() else None


@pytest.fixture(scope="session")
def minio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Minio]:
    """A MinIO server on a free port of 127.0.0.1 with a throwaway data folder."""
    program = _minio_program(build=False)
    if program is None:
        reason = "no minio on the PATH or in the cache folder, and no Go to build it with: install either"
        if os.environ.get("MATTHAN_REQUIRE_MINIO") == "1":
            pytest.fail(f"MATTHAN_REQUIRE_MINIO=1, but {reason}")
        pytest.skip(reason)
    data = tmp_path_factory.mktemp("minio")
    keys = {"MINIO_ROOT_USER": "throwaway", "MINIO_ROOT_PASSWORD": uuid.uuid4().hex}
    for attempt in range(4):
        port = _free_port()
        command = [program, "server", "--quiet", "--address", f"127.0.0.1:{port}", "--console-address", f"127.0.0.1:{_free_port()}", data]
        with (data.parent / f"{data.name}.log").open("wb") as log:
            server = subprocess.Popen(
                [str(word) for word in command],
                env={"PATH": os.environ["PATH"], "HOME": str(data), "MINIO_BROWSER": "off", "MINIO_UPDATE": "off", **keys},
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        if _answers(server, f"http://127.0.0.1:{port}/minio/health/ready"):
            break
        server.kill()
        server.wait()
        assert attempt < 3, (data.parent / f"{data.name}.log").read_text()
    try:
        yield Minio(S3(f"127.0.0.1:{port}", keys["MINIO_ROOT_USER"], keys["MINIO_ROOT_PASSWORD"], secure=False))
    finally:
        server.terminate()
        server.wait(30)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(server: subprocess.Popen[bytes], url: str, within_s: float = 60.0) -> bool:
    end = time.monotonic() + within_s
    while time.monotonic() < end and server.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return True
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.1)
    return False


@pytest.fixture(params=["folder", pytest.param("minio", marks=pytest.mark.minio)])
def storage(request: pytest.FixtureRequest, home: Settings) -> Settings:
    """Settings whose store is a folder, then ones whose store is a fresh bucket of a real MinIO server."""
    if request.param == "folder":
        return home
    server: Minio = request.getfixturevalue("minio")
    return Settings(home=home.home, cameras=home.cameras, store=f"s3://{server.bucket()}/inner", s3=server.s3)


@pytest.fixture(scope="session")
def shared_folder() -> Path:
    """The folder of real footage, truth and weights beside the checkout."""
    folder = Path(__file__).resolve().parents[2] / "shared"
    if not (folder / "footage").is_dir():
        pytest.skip("../shared with the real footage is not beside this checkout")
    return folder
