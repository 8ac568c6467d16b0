"""Indexes footage: what was not seen yet is seen by one long-lived actor a core, then folded and committed in order.

Runs from the front door, and as a Ray job: `ray job submit --working-dir . -- python -m jobs.index FILE… --camera ID`.
"""

import platform
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from analytics.camera import Camera
from analytics.errors import Refused
from analytics.identity import canonical
from cluster.settings import Settings
from jobs import crew
from jobs import plan as planning
from jobs.chain import Chain
from jobs.eyes import Eyes, Lens, Look, Seen, sampled
from jobs.folding import Piece
from jobs.plan import Plan, Wanted
from models.sight import SightParams

if TYPE_CHECKING:
    from cluster.lake import Lake
    from jobs.footage import Registered

DENSE_FPS = 10.0


@dataclass(frozen=True, slots=True)
class IndexRequest:
    """What is to be indexed.

    Attributes:
        paths: files or folders to register first; without any, all registered footage (of `camera`) that is missing.
        start: media time of the first file's first frame.
        fps: detections a second; None follows the scene.
        model: a catalogue name or a path; None takes the camera's own, else `street`.
        dense: look ten times a second, for footage on which the usual rate is not enough.
        workers: actors; None is one a core, 0 works in this process without Ray.
        cameras: where no paths are given, only these; all where left out.
        within: only chunks that touch this stretch of media time.
        chunk_s: how long new chunks are at most; None goes by the file's length. Short ones bring first results sooner.
    """

    paths: tuple[str, ...] = ()
    camera: str | None = None
    start: float | None = None
    start_from_name: str | None = None
    fps: float | None = None
    model: str | None = None
    dense: bool = False
    workers: int | None = None
    cameras: tuple[str, ...] = ()
    within: tuple[float, float] | None = None
    chunk_s: float | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job is; `eta_s` is None while nothing is known."""

    footage_s_done: float
    footage_s_total: float
    rate: float
    eta_s: float | None
    note: str = ""


@dataclass(frozen=True, slots=True)
class FileReport:
    """What became of one file: `state` is indexed, already or unread (not all of it, at least); `reason` is in both languages."""

    path: str
    camera: str
    start: float
    end: float
    start_from: str
    state: str
    reason: str | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """What a job did. `cpu_s` are the workers' CPU-seconds, `complete` is False where footage could not be read.

    `files` are those that were given; where none were, those that there was something to do or to say about.
    """

    run: str
    files: tuple[FileReport, ...] = ()
    tracks: int = 0
    crossings: int = 0
    events: dict[str, int] = field(default_factory=dict)
    footage_s: float = 0.0
    looks: int = 0
    cpu_s: float = 0.0
    wall_s: float = 0.0
    backend: str = ""
    complete: bool = True


@dataclass(frozen=True, slots=True)
class Estimate:
    """How long a job will take, and how that is known (in both languages)."""

    footage_s: float
    todo_s: float
    seconds: float
    basis: str


Tell = Callable[[Progress], None]


def run(settings: Settings, request: IndexRequest, progress: Tell | None = None) -> Report:
    """Registers, sees, folds and commits; running it again does only what is missing.

    Raises:
        Refused: the request is wrong (unknown camera, model, path); nothing was indexed then. Or the store or a camera's file is
            at fault; what was committed before, or is of other cameras, stays.
    """
    from cluster.lake import Lake

    began = time.monotonic()
    lake = Lake(settings)
    work = _prepare(settings, lake, request)
    job = _Job(lake, uuid.uuid4().hex[:12], work, progress or (lambda _: None))
    job.log("started", request)
    try:
        crew.see(settings, job.looks, request.workers, job.take, job.partly)
        job.finish()
    except KeyboardInterrupt:
        job.log("stopped", request)
        raise
    except BaseException:
        job.log("failed", request)
        raise
    job.log("done", request)
    if work.refused:
        raise Refused("\n".join(r.en for r in work.refused), "\n".join(r.vi for r in work.refused))
    return replace(job.report(), wall_s=time.monotonic() - began)


def estimate(settings: Settings, request: IndexRequest) -> Estimate:
    """How long `run` would take, by this machine's earlier runs, else by seeing the first seconds of what is to be done.

    Nothing is registered or written, no camera is made and no weights are fetched.

    Raises:
        Refused: as `run` would before it begins; also where the weights are not on this machine yet.
    """
    from jobs.foreseen import Foreseen

    with TemporaryDirectory(prefix="matthan-estimate-") as folder:
        lake = Foreseen(settings, Path(folder))
        plans = _prepare(settings, lake, request).plans
        footage_s, todo_s = sum(p.footage_s for p in plans), sum(p.todo_s for p in plans)
        cores = max(1, _cores() if request.workers is None else request.workers)
        sql = "SELECT sum(footage_s) AS s, sum(cpu_s) AS cpu FROM runs WHERE job = 'index' AND state = 'done' AND host = ? AND cpu_s > 1"
        known = lake.rows(sql, ["runs"], [platform.node()])[0]
        if todo_s == 0:
            return Estimate(footage_s, 0.0, 0.0, "nothing is missing / không thiếu gì")
        if known["s"]:
            before = f"{known['s']:.0f} s indexed here before / {known['s']:.0f} giây đã lập chỉ mục trên máy này"
            return Estimate(footage_s, todo_s, todo_s * known["cpu"] / known["s"] / cores, before)
        eyes = Eyes(replace(settings, store=folder))  # what it sees is kept nowhere
        for plan, piece in _missing(plans):
            span = min(piece.end_s - piece.start_s, 10.0)
            look = replace(_look(plan, piece), end_s=piece.start_s + span, lead_s=0.0)
            eyes.see(replace(look, end_s=look.start_s + min(span, 0.5)))  # opens the network, so that its time does not count
            seen = eyes.see(look)
            if seen.error is None:
                tried = f"the first {span:.0f} s, seen just now / {span:.0f} giây đầu, vừa xem thử"
                return Estimate(footage_s, todo_s, todo_s * seen.cpu_s / span / cores, tried)
        return Estimate(footage_s, todo_s, 0.0, "none of it can be read / không đọc được đoạn nào")


@dataclass(frozen=True, slots=True)
class _Work:
    """What a request comes to.

    Attributes:
        files: those given, or all that are registered of the cameras asked for.
        given: whether they were given.
        refused: why some cameras cannot be worked on.
    """

    plans: list[Plan]
    files: list["Registered"]
    given: bool
    refused: list[Refused]


def _prepare(settings: Settings, lake: "Lake", request: IndexRequest) -> _Work:
    """Registers what is given and plans; with a lake that is only foreseen, nothing is written."""
    from cluster import cameras
    from jobs import footage
    from jobs.foreseen import Foreseen

    bare: dict[str, Camera] = {}
    asked = request.paths, request.camera, request.start, request.start_from_name
    if request.paths and isinstance(lake, Foreseen):
        files, bare = footage.foresee(settings, lake, *asked)
    elif request.paths:
        files = footage.register(settings, lake, *asked)
    else:
        files = [f for f in footage.recall(lake, request.camera) if not request.cameras or f.camera in request.cameras]
        if request.camera is not None and not files:
            how = f"`matthan footage add PATH --camera {request.camera}`"
            raise Refused(
                en=f"No footage of camera {request.camera} is registered; add some with {how}.",
                vi=f"Chưa có đoạn phim nào của camera {request.camera}; hãy thêm bằng {how}.",
            )
    known, wrong = cameras.check(settings.cameras)
    known |= bare
    probed = {f.footage: f.probe for f in files if f.probe is not None}
    plans: list[Plan] = []
    refused: list[Refused] = []
    lenses: dict[Any, Lens] = {}
    for name in sorted({f.camera for f in files if not f.error}):
        mine = [f for f in files if f.camera == name and not f.error]
        if name not in known:
            refused += [e for e in wrong if e not in refused] or [_no_camera(settings, name)]
            continue
        chosen = frozenset(f.footage for f in mine) if request.paths else None
        lens = _lens(settings, known[name], request, mine, lenses, fetch=not isinstance(lake, Foreseen))
        plans.append(planning.plan(lake, known[name], lens, Wanted(chosen, request.within, request.chunk_s, probed)))
    if refused and not plans:
        raise Refused("\n".join(r.en for r in refused), "\n".join(r.vi for r in refused))
    return _Work(plans, files, bool(request.paths), refused)


def _no_camera(settings: Settings, name: str) -> Refused:
    return Refused(
        en=f"Footage of camera {name} is registered, but {settings.cameras}/{name}.yaml is not there; restore it.",
        vi=f"Đã có đoạn phim của camera {name} nhưng thiếu {settings.cameras}/{name}.yaml; hãy khôi phục tệp.",
    )


def _lens(
    settings: Settings, camera: Camera, request: IndexRequest, files: Sequence["Registered"], known: dict[Any, Lens], *, fetch: bool
) -> Lens:
    """What looks at a camera, and how; `files` are some that it can be measured with. `fetch`: weights that are not here."""
    from jobs import progress
    from models import bench, catalog

    model = request.model or (camera.analysis.models[0] if camera.analysis.models else "street")
    fps = DENSE_FPS if request.dense else request.fps or (None if camera.analysis.fps == "auto" else float(camera.analysis.fps))
    if (model, fps) not in known:
        folders = [settings.weights] if settings.weights else []
        entry = catalog.entries().get(model)
        try:
            weights = catalog.resolve(model, folders=folders, cache=settings.cache)
        except Refused:
            if entry is None or entry.url is None or not fetch:
                raise
            with progress.counted(model) as tell:
                weights = catalog.pull(model, cache=settings.cache, progress=tell)
        choice = bench.choose(weights, settings.cache, lambda: _pictures(settings, files))
        known[(model, fps)] = Lens(model, weights.path, weights.sha256, choice, SightParams(fps=fps))
    return known[(model, fps)]


def _pictures(settings: Settings, files: Sequence["Registered"]) -> list[Any]:
    """Pictures of the first file that can be read."""
    from analytics.errors import Unreadable
    from cluster.store import localise

    for file in files:
        try:
            return list(sampled(localise(settings, file.uri)))
        except Unreadable:
            continue
    return []


def _missing(plans: Sequence[Plan]) -> Iterator[tuple[Plan, Piece]]:
    return ((plan, piece) for plan in plans for piece in plan.pieces if piece.sight in plan.todo)


def _look(plan: Plan, piece: Piece) -> Look:
    return Look(piece.sight, plan.camera, piece.uri, piece.start_s, piece.end_s, piece.lead_s, plan.lens)


def _cores() -> int:
    import os

    return len(os.sched_getaffinity(0))


class _Job:
    """One run: what is seen is folded at once, camera by camera, and progress is told."""

    def __init__(self, lake: "Lake", run: str, work: _Work, tell: Tell) -> None:
        self._lake = lake
        self._run = run
        self._work = work
        self._tell = tell
        self._chains = {p.camera.id: Chain(lake, p, run) for p in work.plans}
        self.looks = [_look(plan, piece) for plan, piece in _missing(work.plans)]
        self._total_s = sum(look.end_s - look.start_s for look in self.looks)
        self._finished_s = self._furthest_s = 0.0
        self._cpu_s = 0.0
        self._began = time.monotonic()

    def take(self, look: Look, seen: Seen) -> None:
        self._cpu_s += seen.cpu_s
        self._finished_s += look.end_s - look.start_s
        self._chains[look.camera.id].take(seen)
        self.partly(0.0)

    def partly(self, seconds: float, remark: str = "") -> None:
        """`seconds` of the chunks that are being looked at are seen."""
        self._furthest_s = min(max(self._furthest_s, self._finished_s + seconds), self._total_s)
        spent = time.monotonic() - self._began
        rate = self._furthest_s / spent if spent > 0 else 0.0
        eta_s = (self._total_s - self._furthest_s) / rate if rate > 0 else None
        self._tell(Progress(self._furthest_s, self._total_s, rate, eta_s, remark))

    def finish(self) -> None:
        for chain in self._chains.values():
            chain.finish()

    def report(self) -> Report:
        chains = list(self._chains.values())
        seen = [s for chain in chains for s in chain.seen.values()]
        events: dict[str, int] = {}
        for chain in chains:
            for kind in chain.folder.events.values():
                events[kind] = events.get(kind, 0) + 1
        files = [self._file(file) for file in self._work.files]
        return Report(
            run=self._run,
            files=tuple(f for f in files if self._work.given or f.state != "already"),
            tracks=sum(len(chain.folder.tracks) for chain in chains),
            crossings=sum(sum(chain.folder.crossings.values()) for chain in chains),
            events=events,
            footage_s=self._seen_s(),
            looks=sum(s.looks for s in seen),
            cpu_s=self._cpu_s,
            backend=next((s.backend for s in seen if s.backend), ""),
            complete=all(f.state != "unread" for f in files),
        )

    def log(self, state: str, request: IndexRequest) -> None:
        """Writes how far the run is into the table of runs."""
        import pyarrow as pa

        arguments = canonical({k: getattr(request, k) for k in IndexRequest.__slots__})
        row = {
            "run": self._run, "job": "index", "state": state, "arguments": arguments, "host": platform.node(),
            "footage_s": self._seen_s(), "cpu_s": self._cpu_s, "written_at": datetime.now(UTC),
        }  # fmt: skip
        self._lake.append("runs", pa.Table.from_pylist([row], self._lake.schema("runs")))

    def _seen_s(self) -> float:
        return sum(p.end_s - p.start_s for c in self._chains.values() for p in c.plan.pieces if p.sight in c.seen)

    def _file(self, one: "Registered") -> FileReport:
        chain = self._chains.get(one.camera)
        bad = one.error or (chain.why_unread(one.footage) if chain else None)
        seen = chain is not None and any(p.footage == one.footage and p.sight in chain.seen for p in chain.plan.pieces)
        state = "unread" if bad else "indexed" if seen else "already"
        return FileReport(one.path, one.camera, one.start, one.end, one.start_from, state, bad, one.note)


def main(arguments: Sequence[str] | None = None) -> int:
    """The same as `matthan index`, for `ray job submit`."""
    import sys

    from cluster import settings as configuration
    from jobs import flags, indexing
    from jobs.terminal import guarded

    words = sys.argv[1:] if arguments is None else list(arguments)
    settings = configuration.load()
    flags.Parser.vi = settings.language == "vi"
    parser = flags.Parser(prog="python -m jobs.index")
    flags.index(parser, settings.language)
    given = parser.parse_args(words)
    return guarded(settings, lambda terminal: indexing.command(settings, given, terminal), ["index", *words])


if __name__ == "__main__":
    raise SystemExit(main())
