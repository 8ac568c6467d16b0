"""Indexing on real Ray: a cluster made by `ray start`, a Ray job, a session of its own; workers and whole jobs that die."""

import json
import os
import random
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from cluster.lake import Lake
from cluster.settings import Settings
from jobs.crew import TRIES
from tests.jobs.blocks import CROSSINGS
from tests.jobs.conftest import Reel
from tests.jobs.lakes import Rows, covered, crossings, everything, indexed, settle, written

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
START = "2026-11-01T08:00"
WITHIN_S = 120.0
pytestmark = [pytest.mark.ray, pytest.mark.timeout(600)]


@dataclass(frozen=True)
class Head:
    """A running Ray cluster of two cores on the loopback address."""

    address: str
    dashboard: str
    process: subprocess.Popen[bytes]
    environment: dict[str, str]

    def workers(self, *reading: Path) -> list[psutil.Process]:
        """Its actors; only those that have one of these files open, where any are given."""
        return eyes_below(psutil.Process(self.process.pid), *reading)


def eyes_below(parent: psutil.Process, *reading: Path) -> list[psutil.Process]:
    found = []
    for process in parent.children(recursive=True):
        try:
            mine = process.status() != psutil.STATUS_ZOMBIE and " ".join(process.cmdline()).startswith("ray::Eyes")
            if mine and (not reading or {f.path for f in process.open_files()} & {str(path) for path in reading}):
                found.append(process)
        except psutil.NoSuchProcess:
            continue
    return found


def wait_for(what: Callable[[], Any], within_s: float = WITHIN_S) -> Any:
    """Waits until it is true."""
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        if found := what():
            return found
        time.sleep(0.05)
    raise TimeoutError


def free_ports(count: int) -> list[int]:
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


@pytest.fixture(scope="module")
def head() -> Iterator[Head]:
    """The cluster that the tests of this module share."""
    temp = tempfile.mkdtemp(prefix="mt-ray-")  # the paths of its sockets may not be long
    port, dashboard, agent = free_ports(3)
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("MATTHAN_", "AWS_", "RAY_"))} | {
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        "HOME": temp,
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": secrets.token_hex(32),
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # listens on the loopback address
        "RAY_USAGE_STATS_ENABLED": "0",
    }
    command = [BIN / "ray", "start", "--head", "--block", f"--port={port}", "--num-cpus=2", f"--temp-dir={temp}", "--disable-usage-stats",
               "--include-dashboard=true", f"--dashboard-port={dashboard}", f"--dashboard-agent-listen-port={agent}",
               "--node-ip-address=127.0.0.1", "--object-store-memory=128000000"]  # fmt: skip
    with (Path(temp) / "head.log").open("wb") as log:
        process = subprocess.Popen([str(word) for word in command], env=environment, stdout=log, stderr=subprocess.STDOUT)
    one = Head(f"127.0.0.1:{port}", f"http://127.0.0.1:{dashboard}", process, environment)
    status = [str(BIN / "ray"), "job", "list", "--address", one.dashboard]

    def answers() -> bool:
        assert process.poll() is None, (Path(temp) / "head.log").read_text()
        return subprocess.run(status, env=environment, capture_output=True, check=False).returncode == 0

    try:
        wait_for(answers)
        yield one
    finally:
        below = psutil.Process(process.pid).children(recursive=True)
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
        for child in psutil.wait_procs(below, 10)[1]:
            child.kill()
        shutil.rmtree(temp, ignore_errors=True)


def films(reel: Reel) -> list[Path]:
    """The street in six files that follow each other."""
    return [reel(a, a + 4) for a in range(0, 24, 4)]


@pytest.fixture(scope="module")
def whole(studio: Path, reel: Reel, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Rows]:
    """What an undisturbed job in one process writes of the street."""
    calm = settle(tmp_path_factory.mktemp("calm") / "home", studio)
    indexed(calm, *films(reel))
    assert crossings(calm) == CROSSINGS
    return everything(calm)


Drive = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def drive(town: Settings, reel: Reel) -> Iterator[Drive]:
    """`drive(head)` starts an index job of the street in a process of its own; on a Ray of its own without a head."""
    begun: list[subprocess.Popen[str]] = []

    def start(head: Head | None, *more: str, of: Sequence[Path] = ()) -> subprocess.Popen[str]:
        environment = town.environment() | (head.environment if head else {})
        environment |= {"MATTHAN_RAY_ADDRESS": head.address} if head else {}
        command = [sys.executable, "-m", "jobs.index", *map(str, of or films(reel)), "--camera", "gate", "--start", START, *more]
        begun.append(subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
        return begun[-1]

    yield start
    for process in begun:
        if process.poll() is None:
            process.kill()
            process.wait()


def told(process: "subprocess.Popen[str]") -> tuple[int, str, str]:
    """Its exit code, standard output and standard error."""
    out, err = process.communicate(timeout=300)
    return process.returncode, out, err


def test_on_a_cluster(head: Head, drive: Drive, town: Settings, whole: dict[str, Rows]) -> None:
    code, out, err = told(drive(head, "--format", "json"))
    assert code == 0, err
    report = json.loads(out)
    assert (report["complete"], report["footage_s"], report["tracks"], report["crossings"]) == (True, 24.0, 6, 5)
    assert {f["state"] for f in report["files"]} == {"indexed"}
    noise = [line for line in err.splitlines() if " of footage, " not in line]
    assert noise == [], "Ray is quiet"
    assert everything(town) == whole, "on Ray or in one process, the rows are the same"
    wait_for(lambda: head.workers() == [])


def test_as_a_ray_job(head: Head, town: Settings, reel: Reel, whole: dict[str, Rows]) -> None:
    environment = {k: v for k, v in town.environment().items() if k.startswith("MATTHAN_")}
    command = [str(BIN / "ray"), "job", "submit", "--address", head.dashboard, "--working-dir", str(ROOT),
               "--runtime-env-json", json.dumps({"env_vars": environment}), "--",
               "python", "-m", "jobs.index", *map(str, films(reel)), "--camera", "gate", "--start", START]  # fmt: skip
    done = subprocess.run(command, env=head.environment, capture_output=True, text=True, check=False, timeout=400)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Found 6 tracks, 5 crossings" in done.stdout
    assert everything(town) == whole


@pytest.mark.parametrize("seed", [1, 2])
def test_workers_killed_at_random_moments(head: Head, drive: Drive, town: Settings, reel: Reel, whole: dict[str, Rows], seed: int) -> None:
    chance = random.Random(seed)
    process = drive(head)
    for _ in range(3):
        victims = wait_for(lambda: head.workers(*films(reel)) or process.poll() is not None)
        if victims is True:
            break
        time.sleep(chance.uniform(0.0, 0.3))
        with suppress(psutil.NoSuchProcess):
            chance.choice(victims).kill()
    code, _, err = told(process)
    assert code == 0, err
    assert everything(town) == whole


@pytest.mark.parametrize("seed", [1, 2])
def test_the_job_killed_at_random_moments(head: Head, drive: Drive, town: Settings, whole: dict[str, Rows], seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(2):
        process = drive(head)
        wait_for(lambda job=process: head.workers() or job.poll() is not None)
        time.sleep(chance.uniform(0.0, 4.0))
        process.kill()
        told(process)
        wait_for(lambda: head.workers() == [])
        assert all(row in whole["points"] for row in everything(town)["points"])
    code, _, err = told(drive(head))
    assert code == 0, err
    assert everything(town) == whole


def test_what_kills_its_worker_again_and_again_is_named_and_the_rest_goes_on(head: Head, drive: Drive, town: Settings, reel: Reel) -> None:
    long, short = reel(0, 24), reel(8, 12)
    process = drive(head, "--workers", "1", "--fps", "10", "--format", "json", of=(long, short))
    for _ in range(TRIES):
        [victim] = wait_for(lambda: head.workers(long))
        victim.kill()
        psutil.wait_procs([victim], WITHIN_S)
    code, out, err = told(process)
    assert code == 3, err
    bad, good = json.loads(out)["files"]
    assert (bad["state"], good["state"]) == ("unread", "indexed")
    assert f"the worker died {TRIES} times over it; check the machine's memory" in bad["reason"]
    assert long.name in bad["reason"]
    assert "raylet" not in err
    [(a, b, state, why), (*_, other, _)] = covered(town)
    assert (a, b, state, other) == (0.0, 24.0, "unread", "seen")
    assert f"the worker died {TRIES} times" in (why or "")
    assert indexed(town, chunk_s=None, fps=10.0).complete, "it is tried again the next time"


def test_ctrl_c_loses_nothing_committed_and_ends_the_workers(head: Head, drive: Drive, town: Settings, whole: dict[str, Rows]) -> None:
    process = drive(head, "--workers", "1")
    wait_for(lambda: written(town)["coverage"])
    process.send_signal(signal.SIGINT)
    code, out, err = told(process)
    assert (code, out) == (130, "")
    assert "Stopped. What was committed is kept" in err
    assert "Traceback" not in err
    assert covered(town) != []
    wait_for(lambda: head.workers() == [])
    assert told(drive(head))[0] == 0
    assert everything(town) == whole


def test_a_store_that_will_not_take_what_was_seen_is_named(head: Head, drive: Drive, town: Settings) -> None:
    (town.home / "store").mkdir()
    (town.home / "store" / "sight").write_bytes(b"")  # a file where a folder is wanted
    code, out, err = told(drive(head, "--workers", "1"))
    assert (code, out) == (2, "")
    assert "store/sight" in err
    assert "Traceback" not in err
    wait_for(lambda: head.workers() == [])
    [run] = Lake(town).rows("SELECT state FROM runs", ["runs"])
    assert run["state"] == "failed"


def test_no_cluster_there(drive: Drive, head: Head, town: Settings) -> None:
    [port] = free_ports(1)
    nobody = Head(f"127.0.0.1:{port}", "", head.process, head.environment)
    code, out, err = told(drive(nobody))
    assert (code, out) == (2, "")
    assert f"No Ray cluster answers at 127.0.0.1:{port}" in err


def test_a_session_of_its_own_is_nobody_elses_and_dies_with_it(drive: Drive, town: Settings, reel: Reel, whole: dict[str, Rows]) -> None:
    process = drive(None)
    me = psutil.Process(process.pid)
    wait_for(lambda: eyes_below(me, *films(reel)))
    below = me.children(recursive=True)
    names = {p: " ".join(p.cmdline()) for p in below}
    open_to_all = [
        (p.name(), c.laddr) for p in [me, *below] if p.is_running()
        for c in p.net_connections("inet") if c.status == psutil.CONN_LISTEN and not re.fullmatch(r"(::ffff:)?127\.0\.0\.1", c.laddr.ip)
    ]  # fmt: skip
    assert open_to_all == []
    process.kill()
    _, _, err = told(process)
    assert [line for line in err.splitlines() if " of footage, " not in line] == []
    # Ray's small agents notice some minutes later that they are alone; what computes and what listens for work is gone at once.
    left = psutil.wait_procs([p for p in below if "Agent" not in names[p]], 60)[1]
    assert [names[p] for p in left] == []
    for agent in psutil.wait_procs(below, 0)[1]:
        agent.kill()
    indexed(town, *films(reel))
    assert everything(town) == whole
