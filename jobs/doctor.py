"""`matthan doctor`: what this machine has, what is missing, and how to get it. A probe put into the store is taken out again."""

import json
import os
import platform
import shutil
import socket
import subprocess
import sys
from argparse import Namespace
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path

from analytics.errors import Refused
from cluster.settings import Settings
from jobs.terminal import Terminal

LEAST_DISK_GB = 5.0
LEAST_MEMORY_GB = 4.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked for.

    Attributes:
        name: what, in English and Vietnamese.
        state: "ok", "missing" (nothing works without it) or "optional" (absent, and it may stay so).
        detail: what there is.
        remedy: how to get what is missing; empty where all is well.
    """

    name: tuple[str, str]
    state: str
    detail: str
    remedy: tuple[str, str] = ("", "")


def command(settings: Settings, given: Namespace, terminal: Terminal) -> int:
    """Exit code 0 where matthan can be used here, 1 where something that it needs is missing."""
    found = list(examine(settings))
    usable = all(f.state != "missing" for f in found)
    vi = settings.language == "vi"
    if given.format == "json":
        rows = [{**asdict(f), "name": f.name[vi], "remedy": f.remedy[vi]} for f in found]
        terminal.answer(json.dumps({"usable": usable, "findings": rows}, ensure_ascii=False, indent=1))
        return 0 if usable else 1
    marks = {"ok": "✓", "missing": "✗", "optional": "–"}
    wide = max(len(f.name[vi]) for f in found)
    for f in found:
        terminal.answer(f"{marks[f.state]} {f.name[vi]:<{wide}}  {f.detail}".rstrip())
        if f.remedy[vi]:
            terminal.answer(f"  {'':<{wide}}  → {f.remedy[vi]}")
    good = terminal.say("Ready. `matthan demo` shows it at work.", "Sẵn sàng. `matthan demo` cho xem thử.")
    bad = terminal.say("Not ready: see the lines with ✗.", "Chưa sẵn sàng: xem các dòng có ✗.")
    terminal.answer(good if usable else bad)
    return 0 if usable else 1


def examine(settings: Settings) -> Iterator[Finding]:
    """Looks for everything, one after the other; a check that fails in an unforeseen way is a finding, not an end."""
    for check in CHECKS:
        try:
            yield from check(settings)
        except Refused as refusal:
            yield Finding((check.__name__.strip("_"), check.__name__.strip("_")), "missing", "", (refusal.en, refusal.vi))
        except Exception as error:  # noqa: BLE001 - whatever is broken on the machine is what a doctor is asked about
            name = check.__name__.strip("_")
            yield Finding((name, name), "missing", f"{type(error).__name__}: {error}", ("reinstall: make install", "cài lại: make install"))


def _python(_: Settings) -> Iterator[Finding]:
    good = (3, 11) <= sys.version_info[:2] <= (3, 13)
    remedy = ("", "") if good else ("install Python 3.11, 3.12 or 3.13", "cài Python 3.11, 3.12 hoặc 3.13")
    yield Finding(("Python", "Python"), "ok" if good else "missing", platform.python_version(), remedy)


def _machine(settings: Settings) -> Iterator[Finding]:
    flags, model = _processor()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    fast = " ".join(f for f in ("avx2", "avx512_vnni", "avx_vnni", "avx512_bf16", "amx_bf16", "amx_int8") if f in flags)
    detail = f"{cores} × {model}{f' ({fast})' if fast else ''}"
    yield Finding(("processor", "bộ xử lý"), "ok", detail)
    memory_gb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    good = memory_gb >= LEAST_MEMORY_GB
    yield Finding(
        ("memory", "bộ nhớ"),
        "ok" if good else "missing",
        f"{memory_gb:.1f} GB",
        ("", "") if good else (f"{LEAST_MEMORY_GB:.0f} GB are needed", f"cần {LEAST_MEMORY_GB:.0f} GB"),
    )
    home = next(p for p in (settings.home, *settings.home.parents) if p.exists())
    free_gb = shutil.disk_usage(home).free / 1e9
    good = free_gb >= LEAST_DISK_GB
    remedy = (
        f"make room, or set MATTHAN_HOME to a disk with {LEAST_DISK_GB:.0f} GB",
        f"dọn đĩa, hoặc đặt MATTHAN_HOME ở ổ còn {LEAST_DISK_GB:.0f} GB",
    )
    yield Finding(("disk", "đĩa"), "ok" if good else "missing", f"{free_gb:.1f} GB, {settings.home}", ("", "") if good else remedy)
    # On Linux a process that starts many workers needs many open files; Ray stops at 1024.
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    good = soft >= 4096 or soft == resource.RLIM_INFINITY
    state, remedy = ("ok", ("", "")) if good else ("optional", ("ulimit -n 65536 before long jobs", "ulimit -n 65536 trước các việc dài"))
    yield Finding(("open files", "số tệp mở"), state, str(soft), remedy)


def _processor() -> tuple[frozenset[str], str]:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return frozenset(), platform.processor() or platform.machine()
    known = dict(line.split(":", 1) for line in lines if ":" in line)
    plain = {k.strip(): v.strip() for k, v in known.items()}
    return frozenset(plain.get("flags", "").split()), plain.get("model name", platform.machine())


def _gpu(_: Settings) -> Iterator[Finding]:
    program = shutil.which("nvidia-smi")
    listed = ""
    if program:
        command = [program, "--query-gpu=name,memory.total", "--format=csv,noheader"]
        listed = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False).stdout.strip().replace("\n", "; ")
    none = ("not needed; with one, detection is faster", "không bắt buộc; có thì phát hiện nhanh hơn")
    yield Finding(("GPU", "GPU"), "ok" if listed else "optional", listed, ("", "") if listed else none)


def _opencv(_: Settings) -> Iterator[Finding]:
    remedy = (
        "pip uninstall -y opencv-python opencv-python-headless && pip install opencv-python-headless (make install does it); "
        "with opencv-python: apt-get install libgl1 libglib2.0-0",
        "pip uninstall -y opencv-python opencv-python-headless && pip install opencv-python-headless (make install làm việc này); "
        "nếu dùng opencv-python: apt-get install libgl1 libglib2.0-0",
    )
    try:
        import cv2
    except ImportError as error:  # most often libGL.so.1, on a server without a screen
        yield Finding(("OpenCV", "OpenCV"), "missing", str(error), remedy)
        return
    yield Finding(("OpenCV", "OpenCV"), "ok", f"{cv2.__version__}{' headless' if _installed('opencv-python-headless') else ''}")


def _video(_: Settings) -> Iterator[Finding]:
    import av
    import av.codec

    lacking = [c for c in ("h264", "hevc", "mjpeg", "mpeg4") if c not in av.codecs_available]
    remedy = (
        f"no decoder for {', '.join(lacking)}: pip install --force-reinstall av",
        f"thiếu bộ giải mã {', '.join(lacking)}: pip install --force-reinstall av",
    )
    yield Finding(("video (PyAV)", "phim (PyAV)"), "missing" if lacking else "ok", av.__version__, remedy if lacking else ("", ""))


def _ray(settings: Settings) -> Iterator[Finding]:
    version = _installed("ray") or ""
    remedy = ("pip install 'ray[default,serve]' (make install does it)", "pip install 'ray[default,serve]' (make install làm việc này)")
    if not version:
        yield Finding(("Ray", "Ray"), "missing", "", remedy)
        return
    address = settings.ray_address
    host, _, port = (address or "").removeprefix("ray://").rpartition(":")
    if host and port.isdecimal():
        try:
            socket.create_connection((host, int(port)), timeout=5).close()
        except OSError as error:
            told = (
                f"start the cluster, or correct MATTHAN_RAY_ADDRESS ({error})",
                f"khởi động cụm, hoặc sửa MATTHAN_RAY_ADDRESS ({error})",
            )
            yield Finding(("Ray", "Ray"), "missing", f"{version}, {address}", told)
            return
    yield Finding(("Ray", "Ray"), "ok", f"{version}, {address or 'local'}")


def _weights(settings: Settings) -> Iterator[Finding]:
    from models import catalog

    folders = [settings.weights] if settings.weights else []
    for name, entry in catalog.entries().items():
        title = f"model {name}", f"mô hình {name}"
        try:
            yield Finding(title, "ok", str(catalog.resolve(name, folders=folders, cache=settings.cache).path))
        except Refused as refusal:
            # Only what is part of the project must be here; the rest is fetched when it is first wanted.
            yield Finding(title, "optional" if entry.url else "missing", "", (refusal.en, refusal.vi))


def _store(settings: Settings) -> Iterator[Finding]:
    from cluster.store import open_store

    title = ("store", "kho") if not settings.on_s3 else ("store (S3)", "kho (S3)")
    try:
        store = open_store(settings)
        store.check()
        probe = f"doctor/{os.getpid()}"
        store.put(probe, b"probe")
        whole = store.get(probe) == b"probe"
        store.delete(probe)
    except Refused as refusal:
        yield Finding(title, "missing", settings.store, (refusal.en, refusal.vi))
        return
    yield Finding(title, "ok" if whole else "missing", settings.store)
    if not settings.on_s3:
        where = "MATTHAN_STORE=s3://bucket MATTHAN_S3_ENDPOINT=http://host:9000"
        yield Finding(
            ("S3 / MinIO", "S3 / MinIO"), "optional", "", (f"not needed on one machine; {where}", f"không cần khi chỉ có một máy; {where}")
        )


def _lake(settings: Settings) -> Iterator[Finding]:
    from cluster.lake import Lake

    title = ("lake", "hồ dữ liệu")
    try:
        row = Lake(settings).rows("SELECT count(*) AS files, count(DISTINCT camera) AS cameras FROM footage", ["footage"])[0]
    except Refused as refusal:
        yield Finding(title, "missing", settings.lake_uri, (refusal.en, refusal.vi))
        return
    yield Finding(title, "ok", f"{settings.lake_uri}: {row['files']} × footage, {row['cameras']} × camera")


def _cameras(settings: Settings) -> Iterator[Finding]:
    from cluster import cameras

    title = ("camera files", "tệp camera")
    try:
        known = cameras.load(settings.cameras)
    except Refused as refusal:
        yield Finding(title, "missing", str(settings.cameras), (refusal.en, refusal.vi))
        return
    told = ("`matthan index FILE` makes a first one", "`matthan index TỆP` tạo camera đầu tiên")
    yield Finding(title, "ok" if known else "optional", f"{len(known)}, {settings.cameras}", ("", "") if known else told)


def _bench(settings: Settings) -> Iterator[Finding]:
    remembered = []
    for path in sorted((settings.cache / "choices").glob("*.json")):
        choice = json.loads(path.read_text(encoding="utf-8"))["choice"]
        remembered.append(f"{choice['backend']}-{choice['precision']} {choice['size']}")
    told = (
        "measured by itself at the first index; `matthan models bench` does it now",
        "tự đo ở lần index đầu; `matthan models bench` đo ngay",
    )
    name = ("fastest backend", "backend nhanh nhất")
    yield Finding(name, "ok" if remembered else "optional", ", ".join(dict.fromkeys(remembered)), ("", "") if remembered else told)


def _fonts(_: Settings) -> Iterator[Finding]:
    from models.drawing import font_path

    path = font_path()
    remedy = ("pip install matplotlib: its font has the Vietnamese letters", "pip install matplotlib: phông của nó có chữ Việt")
    yield Finding(("font", "phông chữ"), "ok" if path else "optional", Path(path).name if path else "", ("", "") if path else remedy)


def _installed(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


CHECKS: tuple[Callable[[Settings], Iterator[Finding]], ...] = (
    _python, _machine, _gpu, _opencv, _video, _fonts, _ray, _weights, _store, _lake, _cameras, _bench,
)  # fmt: skip
