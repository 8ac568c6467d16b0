"""Measures indexing against the usual recipe (Ultralytics' own track loop) over the same ten minutes of 720p.

The file is made of real clips that lie beside the checkout (`../shared/footage`) and a drill scene, remuxed without
re-encoding; without the clips it is the drill alone. Each way runs in processes of its own, in turn, and the CPU time of
all of them is summed, Ray's included. Start-up (imports, Ray, opening the network) is measured apart, on the first seconds.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from argparse import Namespace
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cluster.settings import Settings

if TYPE_CHECKING:
    from jobs.terminal import Terminal

SHARED = Path(__file__).resolve().parents[2] / "shared"
CLIPS: dict[str, dict[str, tuple[list[list[int]], tuple[int, int]]]] = {
    "motorway": {"across": ([[180, 450], [1200, 450]], (11, 11))},
    "bend": {"left": ([[380, 450], [745, 450]], (4, 5)), "right": ([[745, 450], [1120, 450]], (2, 2))},
}
"""Real clips of 1280x720, their lines, and the vehicles that a person counted over them: at least, at most."""
COUNTED = ("car", "truck", "bus", "motorcycle")
START = datetime(2026, 11, 1, 1, 0, tzinfo=UTC).timestamp()
DRILL_S = 20.0
SMALL_S = 5.0
"""What start-up is measured on."""


@dataclass(frozen=True, slots=True)
class Part:
    """One clip's stretch in the long file, seconds from its start."""

    clip: str
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU-seconds of all processes, wall seconds; `start_up` is what the first seconds alone cost."""

    cpu_s: float
    wall_s: float
    start_up_s: float

    @property
    def work_s(self) -> float:
        return self.cpu_s - self.start_up_s


def command(settings: Settings, given: Namespace, terminal: "Terminal") -> int:
    """`matthan bench archive`."""
    seconds = float(getattr(given, "seconds", None) or 600.0)
    told = run(settings, seconds, terminal.note)
    if given.format == "json":
        terminal.answer(json.dumps(told, ensure_ascii=False, indent=1))
        return 0
    terminal.answer(table(told, terminal.language))
    return 0


def table(told: Mapping[str, Any], language: str) -> str:
    """What was measured, for people."""
    vi = language == "vi"
    footage = f"{told['footage_s']:.0f} {'giây phim' if vi else 's of footage,'} 1280x720 ({told['made_of']})"
    heads = ("", "giây CPU", "khởi động", "giây thực", "CPU/giây phim") if vi else ("", "CPU-s", "start-up", "wall s", "CPU-s/footage-s")
    first, *others = heads
    rows = [f"{footage}, {told['weights']}, {told['backend']}"]
    rows += [f"{first:<26}" + "".join(f"{head:>{width}}" for head, width in zip(others, (10, 10, 10, 18), strict=True))]
    for key, name in (("recipe", "cách thường dùng" if vi else "recipe"), ("matthan", "matthan")):
        cost = told[key]
        work = cost["cpu_s"] - cost["start_up_s"]
        rows.append(f"{name:<26}{work:>10.1f}{cost['start_up_s']:>10.1f}{cost['wall_s']:>10.1f}{work / told['footage_s']:>18.3f}")
    rows.append(f"{'tỉ lệ' if vi else 'ratio'} {told['ratio']:.1f}")
    for line in told["counts"]:
        low, high = line["truth"]
        counted = f"đếm được {line['counted']:>5}   người đếm {low} đến {high}" if vi else ""
        rows.append(f"{line['line']:<10} " + (counted or f"counted {line['counted']:>5}   a person {low} to {high}"))
    return "\n".join(rows)


def run(settings: Settings, seconds: float, note: Any) -> dict[str, Any]:
    """Makes the file, measures both ways, and counts.

    Args:
        seconds: length of the file.
        note: called with what is going on, in English and Vietnamese.
    """
    from models import catalog

    weights = catalog.resolve("street", folders=[settings.weights] if settings.weights else [], cache=settings.cache)
    with tempfile.TemporaryDirectory(prefix="matthan-bench-") as folder:
        home = Path(folder)
        note("making the footage", "đang tạo đoạn phim")
        clips, drill_lines = _clips(home)
        parts = join([clips[name] for name in clips], list(clips), seconds, home / "long.ts")
        small_s = join([clips[name] for name in clips], list(clips), SMALL_S, home / "small.ts")[-1].end_s
        _camera(home, drill_lines)
        note("matthan index, start-up", "matthan index, khởi động")
        cold = _matthan(settings, home, home / "small.ts", "bench-small")
        warm = _matthan(settings, home, home / "small.ts", "bench-warm", shift=3600.0)
        note("matthan index", "matthan index")
        ours = _matthan(settings, home, home / "long.ts", "bench")
        counts = _counts(settings, home, parts, drill_lines)
        note("the recipe", "cách thường dùng")
        theirs = _recipe(weights.path, home / "long.ts")
    # The small file's own footage is work, not start-up.
    per_s = (ours.cpu_s - warm.cpu_s) / max(parts[-1].end_s - small_s, 1.0)
    ours = replace(ours, start_up_s=max(warm.cpu_s - per_s * small_s, 0.0))
    total = parts[-1].end_s
    return {
        "footage_s": total,
        "made_of": " + ".join(dict.fromkeys(p.clip for p in parts)),
        "weights": weights.path.name,
        "backend": counts["backend"],
        "recipe": asdict(theirs),
        "matthan": asdict(ours),
        "first_ever_cpu_s": cold.cpu_s,
        "ratio": theirs.work_s / ours.work_s,
        "counts": counts["lines"],
    }


def _clips(home: Path) -> tuple[dict[str, Path], dict[str, Any]]:
    """The clips by name, and the drill's lines with their true number of crossings."""
    from models.drill.footage import render

    clips = {name: SHARED / "footage" / f"{name}.mp4" for name in CLIPS if (SHARED / "footage" / f"{name}.mp4").exists()}
    drill = render("street", 7001, DRILL_S, home / "drill", fps=30, size=(1280, 720), gop=60)
    truth = json.loads(drill.truth.read_text())
    import yaml

    lines = yaml.safe_load(drill.camera.read_text()).get("lines", {})
    crossed = Counter(c["line"] for c in truth["crossings"] if c["object"] in COUNTED)
    return {**clips, "drill": drill.video}, {name: (points, crossed[name]) for name, points in lines.items()}


def join(files: Sequence[Path], names: Sequence[str], seconds: float, out: Path) -> list[Part]:
    """Writes H.264 files one after another, again and again, into one MPEG-TS file without re-encoding them."""
    import av

    parts: list[Part] = []
    clock = Fraction(0)
    with av.open(str(out), "w", format="mpegts") as writer:
        stream = None
        while clock < seconds:
            for path, name in zip(files, names, strict=True):
                with av.open(str(path)) as reader:
                    video = reader.streams.video[0]
                    stream = stream or writer.add_stream_from_template(video)
                    packets = [p for p in reader.demux(video) if p.size and p.pts is not None]
                    first, base = min(p.pts for p in packets), video.time_base
                    frame = Fraction(1, 1) / Fraction(video.average_rate)
                    last = max(p.pts for p in packets)
                    annexb = av.BitStreamFilterContext("h264_mp4toannexb", video)
                    for packet in packets:
                        for made in annexb.filter(packet):
                            made.pts, made.dts = (
                                int(((v - first) * base + clock) * 90000) if v is not None else None for v in (made.pts, made.dts)
                            )
                            made.time_base, made.stream = Fraction(1, 90000), stream
                            writer.mux(made)
                    start = clock
                    clock += (last - first) * base + frame
                    parts.append(Part(name, float(start), float(clock)))
                if clock >= seconds:
                    break
    return parts


def _camera(home: Path, drill_lines: dict[str, Any]) -> None:
    import yaml

    lines: dict[str, Any] = {name: points for clip in CLIPS.values() for name, (points, _) in clip.items()}
    lines |= {f"drill-{name}": points for name, (points, _) in drill_lines.items()}
    (home / "cameras").mkdir()
    for camera in ("bench", "bench-small", "bench-warm"):
        rules = [{"kind": "line_count", "line": name, "classes": list(COUNTED)} for name in lines]
        document = {"id": camera, "resolution": [1280, 720], "lines": lines, "rules": rules}
        (home / "cameras" / f"{camera}.yaml").write_text(yaml.safe_dump(document, allow_unicode=True))


def _settings(settings: Settings, home: Path) -> Settings:
    return replace(settings, home=home, cameras=home / "cameras", store=str(home / "store"), ray_address=None)


def _matthan(settings: Settings, home: Path, path: Path, camera: str, shift: float = 0.0) -> Cost:
    import pickle

    own = home / f"{camera}.settings"
    # The converted network and the backend's choice are this host's, not this run's.
    own.write_bytes(pickle.dumps((_settings(settings, home), settings.cache)))
    return _measured([sys.executable, "-m", "jobs.bench_archive", "ours", str(own), str(path), camera, str(START + shift)])


def _recipe(weights: Path, path: Path) -> Cost:
    return _measured([sys.executable, "-m", "jobs.bench_archive", "theirs", str(weights), str(path)], keep=True)


def _measured(run: list[str], keep: bool = False) -> Cost:
    """Runs a program and sums the CPU time of it and of every process it starts, by looking at them all the while."""
    import psutil

    began = time.monotonic()
    with tempfile.TemporaryFile("w+") as out:
        process = subprocess.Popen(run, stdout=out, stderr=subprocess.PIPE, text=True, cwd=Path(__file__).parents[1])
        spent: dict[tuple[int, float], float] = {}
        root = psutil.Process(process.pid)
        while process.poll() is None:
            try:
                everyone = [root, *root.children(recursive=True)]
            except psutil.NoSuchProcess:
                break
            for one in everyone:
                try:
                    times = one.cpu_times()
                    spent[(one.pid, one.create_time())] = times.user + times.system
                except psutil.NoSuchProcess:
                    continue
            time.sleep(0.2)
        _, errors = process.communicate()
        if process.returncode:
            raise RuntimeError(f"{' '.join(run[2:5])} failed: {errors[-2000:]}")
        out.seek(0)
        told = out.read().strip().splitlines()
    start_up = float(told[-1]) if keep else 0.0
    return Cost(sum(spent.values()), time.monotonic() - began, start_up)


def _counts(settings: Settings, home: Path, parts: list[Part], drill_lines: dict[str, Any]) -> dict[str, Any]:
    from cluster.lake import Lake

    lake = Lake(_settings(settings, home))
    rows = lake.rows('SELECT line, epoch("at") - ? AS moment FROM counts', ["counts"], [START], cameras=["bench"])
    backend = lake.rows("SELECT backend FROM coverage LIMIT 1", ["coverage"], cameras=["bench"])[0]["backend"]
    lines = []
    truth = {name: (clip, span) for clip, all_ in CLIPS.items() for name, (_, span) in all_.items()}
    truth |= {f"drill-{name}": ("drill", (n, n)) for name, (_, n) in drill_lines.items()}
    for name, (clip, (least, most)) in truth.items():
        mine = [p for p in parts if p.clip == clip]
        if mine:
            at = np.array([r["moment"] for r in rows if r["line"] == name])
            counted = sum(int(((at >= p.start_s) & (at < p.end_s)).sum()) for p in mine)
            lines.append({"line": name, "counted": counted, "truth": [least * len(mine), most * len(mine)]})
    return {"backend": backend, "lines": lines}


def _ours(given: Namespace) -> None:
    import pickle
    import shutil

    from jobs import index

    settings, cache = pickle.loads(Path(given.settings).read_bytes())
    if cache.exists() and not settings.cache.exists():
        settings.cache.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(cache, settings.cache, ignore=shutil.ignore_patterns("objects", "duckdb"))
    index.run(settings, index.IndexRequest(paths=(given.path,), camera=given.camera, start=given.start, model="street"))


def _theirs(given: Namespace) -> None:
    """The loop of Ultralytics' own documentation; prints the CPU-seconds up to its first result."""
    from ultralytics import YOLO

    model = YOLO(given.weights)
    start_up = 0.0
    for i, _ in enumerate(model.track(given.path, tracker="bytetrack.yaml", stream=True, verbose=False)):
        if i == 0:
            start_up = time.process_time()
    print(start_up)


def main(arguments: Sequence[str] | None = None) -> None:
    """One way, in a process of its own; `run` starts it."""
    parser = argparse.ArgumentParser(prog="python -m jobs.bench_archive")
    ways = parser.add_subparsers(required=True)
    ours = ways.add_parser("ours")
    ours.add_argument("settings")
    ours.add_argument("path")
    ours.add_argument("camera")
    ours.add_argument("start", type=float)
    ours.set_defaults(act=_ours)
    theirs = ways.add_parser("theirs")
    theirs.add_argument("weights")
    theirs.add_argument("path")
    theirs.set_defaults(act=_theirs)
    given = parser.parse_args(arguments)
    given.act(given)


if __name__ == "__main__":
    main()
