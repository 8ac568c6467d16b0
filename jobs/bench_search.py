"""Bench of the search: millions of stored tracks, committed as the index commits them, compacted, then asked for."""

import argparse
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from analytics.identity import digest
from analytics.taxonomy import COLOURS, OBJECTS
from cluster.settings import Settings, load
from jobs.flags import Parser, positive

if TYPE_CHECKING:
    import pyarrow as pa

    from cluster.lake import Lake
    from cluster.search import Query
    from jobs.terminal import Terminal

TRACKS_A_CHUNK = 500
"""A busy junction: a hundred road users a minute."""
CHUNK_S = 300.0
CAMERAS = 20
ASKED_S = 7200.0
T0 = datetime(2026, 11, 1, tzinfo=UTC).timestamp()
_SHARES = (0.08, 0.04, 0.62, 0.2, 0.02, 0.04)
"""Of `OBJECTS`, about as on a Vietnamese street."""


@dataclass(frozen=True, slots=True)
class Report:
    """What was measured; milliseconds of one query inside a running process, seconds of everything else."""

    tracks: int
    chunks: int
    cameras: int
    write_s: float
    compact_s: float
    files_before: int
    files_after: int
    stored_mb: float
    queries: int
    hits_a_query: float
    first_ms: float
    p50_ms: float
    p95_ms: float
    max_ms: float
    command_s: float | None

    def document(self) -> dict[str, float | int | None]:
        """The JSON that other programs rely on."""
        return {name: round(v, 3) if isinstance(v, float) else v for name, v in asdict(self).items()}

    def table(self, language: str = "en") -> str:
        """The same for people."""
        names = {name: VI[name] if language == "vi" else name for name in self.document()}
        width = max(map(len, names.values())) + 2
        return "\n".join(f"{names[name]:<{width}}{'-' if value is None else f'{value:,}':>16}" for name, value in self.document().items())


VI = {
    "tracks": "số vết",
    "chunks": "số đoạn",
    "cameras": "số camera",
    "write_s": "giây ghi",
    "compact_s": "giây gộp tệp",
    "files_before": "số tệp trước khi gộp",
    "files_after": "số tệp sau khi gộp",
    "stored_mb": "MB lưu trữ",
    "queries": "số câu hỏi",
    "hits_a_query": "kết quả mỗi câu",
    "first_ms": "ms câu đầu tiên",
    "p50_ms": "ms trung vị",
    "p95_ms": "ms 95% câu không quá",
    "max_ms": "ms lâu nhất",
    "command_s": "giây cả lệnh matthan search",
}
"""What each figure of a `Report` is called in Vietnamese."""


def run(
    settings: Settings, *, tracks: int = 10_000_000, queries: int = 50, keep: bool = False, say: Callable[[str], None] = print
) -> Report:
    """Measures in a home of its own under the cache folder.

    Args:
        keep: leaves the tracks there, for a second run to search at once.
        say: takes lines of progress.
    """
    from cluster.lake import Lake
    from jobs.compact import compact

    vi = settings.language == "vi"
    home = settings.cache / f"bench-search-{tracks}"
    own = Settings(home=home, cameras=home / "cameras", store=str(home / "store"), language=settings.language)
    made = home / "made.json"
    try:
        if not made.exists():
            shutil.rmtree(home, ignore_errors=True)
            begun = time.perf_counter()
            lake = Lake(own)
            chunks = _write(lake, tracks, say)
            written = time.perf_counter()
            say("đang gộp tệp" if vi else "compacting")
            reports = list(compact(own, tables=("tracks", "coverage", "footage")))
            of_tracks = next(r for r in reports if r.table == "tracks")
            figures = {
                "chunks": chunks,
                "write_s": written - begun,
                "compact_s": time.perf_counter() - written,
                "files_before": of_tracks.files_before,
                "files_after": of_tracks.files_after,
                "stored_mb": lake.stored_bytes("tracks") / 1e6,
            }
            made.write_text(json.dumps(figures))
        figures = json.loads(made.read_text())
        hours = f"{ASKED_S / 3600:g}"
        asked = f"{queries} different queries: one camera, {hours} hours, class and colour"
        say(f"{queries} câu hỏi khác nhau: một camera, {hours} giờ, loại và màu" if vi else asked)
        # One more comes first, and is told apart: a running process has its modules and the files' footers in memory.
        (first_ms, *times_ms), hits = _searched(Lake(own), _questions(tracks, queries + 1))
        return Report(
            tracks=tracks,
            cameras=CAMERAS,
            queries=queries,
            hits_a_query=hits / (queries + 1),
            first_ms=first_ms,
            p50_ms=float(np.percentile(times_ms, 50)),
            p95_ms=float(np.percentile(times_ms, 95)),
            max_ms=max(times_ms),
            command_s=_command(own, next(iter(_questions(tracks, 1)))),
            **figures,
        )
    finally:
        if not keep:
            shutil.rmtree(home, ignore_errors=True)


def _write(lake: "Lake", tracks: int, say: Callable[[str], None]) -> int:
    """Commits the tracks chunk by chunk, cameras in turn, as an index job that keeps up with them would."""
    import pyarrow as pa

    count = -(-tracks // TRACKS_A_CHUNK)
    rng = np.random.default_rng(20261101)
    a_camera = -(-count // CAMERAS)
    footage = [_file(camera, a_camera) for camera in map(_camera, range(CAMERAS))]
    lake.append("footage", pa.Table.from_pylist(footage, lake.schema("footage")))
    told = time.perf_counter()
    for i in range(count):
        camera, at = _camera(i % CAMERAS), T0 + (i // CAMERAS) * CHUNK_S
        n = min(TRACKS_A_CHUNK, tracks - i * TRACKS_A_CHUNK)
        chunk = digest(camera, i)
        own = {"camera": camera, "chunk": chunk, "commit": f"{chunk}-bench"}
        lake.commit_chunk({"tracks": _tracks(rng, own, at, n)}, _look(lake, own, at))
        if time.perf_counter() - told > 5 or i + 1 == count:
            told = time.perf_counter()
            said = f"đã lưu {i + 1} trên {count} đoạn" if lake.settings.language == "vi" else f"{i + 1} of {count} chunks committed"
            say(said)
    return count


def _camera(number: int) -> str:
    return f"bench-{number:02}"


def _stamps(seconds: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> "pa.Array":
    import pyarrow as pa

    return pa.array(np.round(seconds * 1e6).astype(np.int64)).cast(pa.timestamp("us", "UTC"))


def _tracks(rng: np.random.Generator, own: dict[str, str], at: float, n: int) -> "pa.Table":
    import pyarrow as pa

    start = np.sort(rng.uniform(at, at + CHUNK_S, n))
    end = np.minimum(start + rng.exponential(9.0, n) + 0.5, at + CHUNK_S)
    corner = rng.uniform(0, 600, (n, 2)).astype(np.float32)
    box = np.hstack([corner, corner + rng.uniform(20, 120, (n, 2)).astype(np.float32)])
    columns = {
        **{name: pa.array([value] * n) for name, value in own.items()},
        "track": rng.integers(0, 2**63 - 1, n),
        "start": _stamps(start),
        "end": _stamps(end),
        "object": pa.array(rng.choice(OBJECTS, n, p=_SHARES)),
        "colour": pa.array(rng.choice(COLOURS, n)),
        "confidence": rng.uniform(0.3, 0.95, n).astype(np.float32),
        "heading_deg": rng.uniform(0, 360, n).astype(np.float32),
        "distance_px": rng.uniform(10, 900, n).astype(np.float32),
        "speed_kmh": rng.normal(28, 9, n).clip(1).astype(np.float32),
        "zones": pa.array([["road"]] * n, pa.list_(pa.string())),
        "box_at": (start + end) / 2,
        "box": pa.array(list(box), pa.list_(pa.float32())),
    }
    return pa.table(columns)


def _look(lake: "Lake", own: dict[str, str], at: float) -> "pa.Table":
    import pyarrow as pa

    row = own | {
        "footage": digest(own["camera"]) * 4,
        "start": datetime.fromtimestamp(at, UTC),
        "end": datetime.fromtimestamp(at + CHUNK_S, UTC),
        "state": "seen",
        "reason": None,
        "sight": own["chunk"],
        "fold": own["chunk"],
        "rules": "",
        "models": ["bench"],
        "weights": ["0" * 64],
        "backend": "none",
        "classes": list(OBJECTS),
        "detections": 900,
        "brightness": 110.0,
        "run": "bench",
        "written_at": datetime.now(UTC),
    }
    schema = lake.schema("coverage")
    return pa.Table.from_pylist([row], pa.schema([field for field in schema if field.name != "day"]))


def _file(camera: str, chunks: int) -> dict[str, object]:
    return {
        "camera": camera,
        "footage": digest(camera) * 4,
        "uri": f"file:///bench/{camera}.mp4",
        "start": datetime.fromtimestamp(T0, UTC),
        "end": datetime.fromtimestamp(T0 + chunks * CHUNK_S, UTC),
        "codec": "h264",
        "width": 1280,
        "height": 720,
        "fps": 25.0,
        "bytes": 0,
        "start_from": "given",
        "error": None,
        "removed": False,
        "added_at": datetime.now(UTC),
    }


def _questions(tracks: int, count: int) -> Iterator["Query"]:
    """Different questions, the same in every run."""
    from cluster.search import Query

    rng = np.random.default_rng(7)
    long_s = max(tracks / TRACKS_A_CHUNK / CAMERAS * CHUNK_S - ASKED_S, 1.0)
    for _ in range(count):
        start = T0 + float(rng.integers(0, int(long_s)))
        camera, thing, colour = _camera(int(rng.integers(CAMERAS))), str(rng.choice(OBJECTS[1:])), str(rng.choice(COLOURS))
        yield Query((camera,), start, start + ASKED_S, thing, colour)


def _searched(lake: "Lake", questions: Iterator["Query"]) -> tuple[list[float], int]:
    """Milliseconds of each search, coverage included, and all their hits."""
    from cluster.search import search

    times_ms, hits = [], 0
    for question in questions:
        begun = time.perf_counter()
        answer = search(lake, question)
        times_ms.append((time.perf_counter() - begun) * 1000)
        hits += len(answer.hits)
        if not answer.coverage.indexed_s:
            raise AssertionError(f"the bench asked where it wrote nothing: {answer.coverage.missing}")
    return times_ms, hits


def _command(settings: Settings, question: "Query") -> float | None:
    """Seconds of a whole `matthan search`, the median of five; None where the command is not installed beside this Python."""
    program = Path(sys.executable).with_name("matthan")
    if not program.exists():
        return None
    span = [datetime.fromtimestamp(at or 0.0, UTC).isoformat() for at in (question.start, question.end)]
    words = ["--from", span[0], "--to", span[1], "--camera", question.cameras[0], "--object", question.object or "car"]
    command = [str(program), "search", *words, "--colour", question.colour or "red", "--format", "json"]
    taken = []
    for _ in range(5):
        begun = time.perf_counter()
        done = subprocess.run(command, env=settings.environment(), capture_output=True, text=True, check=False)
        taken.append(time.perf_counter() - begun)
        if done.returncode or not json.loads(done.stdout)["hits"]:
            raise AssertionError(f"{' '.join(command)} ended with {done.returncode}: {done.stderr[-500:] or done.stdout[:500]}")
    return float(np.median(taken))


def command(settings: Settings, given: argparse.Namespace, terminal: "Terminal") -> int:
    """`matthan bench search`."""
    report = run(
        settings,
        tracks=int(getattr(given, "tracks", None) or 10_000_000),
        keep=bool(getattr(given, "keep", False)),
        say=lambda line: print(line, file=sys.stderr, flush=True),
    )
    terminal.answer(json.dumps(report.document(), indent=1) if given.format == "json" else report.table(terminal.language))
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """`python -m jobs.bench_search`, with a number of tracks and the choice to keep them."""
    from jobs.terminal import Terminal

    settings = load()
    vi = settings.language == "vi"
    Parser.vi = vi
    about = "Đo thời gian tìm trên mười triệu vết đã lưu." if vi else "Measures how long questions to ten million stored tracks take."
    parser = Parser(prog="python -m jobs.bench_search", description=about)
    many = "bao nhiêu vết (mặc định 10 triệu)" if vi else "how many tracks (default 10 million)"
    parser.add_argument("--tracks", type=positive, metavar="N", default=10_000_000, help=many)
    keep = (
        "giữ các vết trong thư mục cache để lần sau tìm ngay"
        if vi
        else "leave the tracks in the cache folder; a second run searches them at once"
    )
    parser.add_argument("--keep", action="store_true", help=keep)
    told = "dạng của câu trả lời (mặc định: table)" if vi else "how the answer is written (default: table)"
    parser.add_argument("--format", choices=("table", "json"), default="table", help=told)
    return command(settings, parser.parse_args(arguments), Terminal(sys.stdout.buffer, settings.language))


if __name__ == "__main__":
    sys.exit(main())
