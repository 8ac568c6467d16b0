"""Indexes footage on Ray: what was not seen yet is seen by one long-lived actor a core, then folded and committed in order.

Runs from the front door, and as a Ray job: `ray job submit --working-dir . -- python -m jobs.index FILE… --camera ID`.
"""

import platform
import time
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analytics.camera import Camera
from analytics.errors import Refused
from analytics.identity import canonical
from cluster.session import session
from cluster.settings import Settings
from jobs import plan as planning
from jobs.eyes import Eyes, Lens, Look, Seen, load, sampled
from jobs.folding import Folder, Link, Piece
from jobs.plan import Plan
from models.sight import SightParams

if TYPE_CHECKING:
    from cluster.lake import Lake
    from jobs.footage import Registered

TRIES = 3
"""A chunk whose worker died so often is unreadable: something in it kills workers."""
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
        workers: actors; None is one a core.
    """

    paths: tuple[str, ...] = ()
    camera: str | None = None
    start: float | None = None
    start_from_name: str | None = None
    fps: float | None = None
    model: str | None = None
    dense: bool = False
    workers: int | None = None


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
    """What became of one file: `state` is indexed, already or unread."""

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
    """What a job did. `cpu_s` are the workers' CPU-seconds, `complete` is False where footage could not be read."""

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
    """How long a job will take, and how that is known."""

    footage_s: float
    todo_s: float
    seconds: float
    basis: str


Tell = Callable[[Progress], None]


def run(settings: Settings, request: IndexRequest, progress: Tell | None = None) -> Report:
    """Registers, sees, folds and commits; running it again does only what is missing.

    Raises:
        Refused: the request is wrong (unknown camera, model, path); nothing was indexed then.
    """
    from cluster.lake import Lake

    tell = progress or (lambda _: None)
    began = time.monotonic()
    lake = Lake(settings)
    registered, plans = _prepare(settings, lake, request)
    name = uuid.uuid4().hex[:12]
    _log(lake, name, "started", request, 0.0, None)
    job = _Job(settings, lake, name, plans, tell)
    try:
        with session(settings, cpus=None):
            job.see(request.workers)
        job.fold()
    except KeyboardInterrupt:
        _log(lake, name, "stopped", request, job.seen_s, job.cpu_s)
        raise
    except BaseException:
        _log(lake, name, "failed", request, job.seen_s, job.cpu_s)
        raise
    _log(lake, name, "done", request, job.seen_s, job.cpu_s)
    return replace(job.report(registered), wall_s=time.monotonic() - began)


def estimate(settings: Settings, request: IndexRequest) -> Estimate:
    """How long `run` would take, by this machine's earlier runs, else by seeing the first seconds of what is to be done."""
    from cluster.lake import Lake

    lake = Lake(settings)
    _, plans = _prepare(settings, lake, request)
    footage_s, todo_s = sum(p.footage_s for p in plans), sum(p.todo_s for p in plans)
    cores = request.workers or _cores()
    sql = "SELECT sum(footage_s) AS s, sum(cpu_s) AS cpu FROM runs WHERE job = 'index' AND state = 'done' AND host = ? AND cpu_s > 1"
    known = lake.rows(sql, ["runs"], [platform.node()])[0]
    if todo_s == 0:
        return Estimate(footage_s, 0.0, 0.0, "nothing is missing")
    if known["s"]:
        return Estimate(footage_s, todo_s, todo_s * known["cpu"] / known["s"] / cores, f"{known['s']:.0f} s indexed here before")
    first = next(p for p in plans if p.todo)
    piece = next(p for p in first.pieces if p.sight in first.todo)
    span = min(piece.end_s - piece.start_s, 10.0)
    look = replace(_look(first, piece), start_s=piece.start_s, end_s=piece.start_s + span, lead_s=0.0, sight="estimate")
    eyes = Eyes(settings)
    warm = replace(look, end_s=look.start_s + min(span, 0.5))
    eyes.see(warm)
    cpu_s = eyes.see(look).cpu_s
    for key in list(lake.store.keys(f"sight/{first.camera.id}/estimate")):
        lake.store.delete(key)
    return Estimate(footage_s, todo_s, todo_s * cpu_s / span / cores, f"the first {span:.0f} s, seen just now")


def _prepare(settings: Settings, lake: "Lake", request: IndexRequest) -> tuple[list["Registered"], list[Plan]]:
    from cluster import cameras
    from jobs import footage

    registered: list[Registered] = []
    if request.paths:
        registered = footage.register(settings, lake, request.paths, request.camera, request.start, request.start_from_name)
    known = cameras.load(settings.cameras) if settings.cameras.is_dir() else {}
    if registered:
        asked = {r.camera: frozenset(x.footage for x in registered if x.camera == r.camera) for r in registered}
    else:
        rows = lake.rows("SELECT DISTINCT camera FROM footage ORDER BY camera", ["footage"])
        asked = {row["camera"]: None for row in rows if request.camera in (None, row["camera"])}
        if request.camera is not None and not asked:
            how = f"`matthan footage add PATH --camera {request.camera}`"
            raise Refused(
                en=f"No footage of camera {request.camera} is registered; add some with {how}.",
                vi=f"Chưa có đoạn phim nào của camera {request.camera}; hãy thêm bằng {how}.",
            )
    probed = {r.footage: r.probe for r in registered if r.probe is not None}
    plans = []
    lenses: dict[Any, Lens] = {}
    for name, wanted in asked.items():
        camera = known.get(name)
        if camera is None:
            camera = Camera.bare(name, (1, 1))
            if not all(r.error for r in registered if r.camera == name):
                raise Refused(
                    en=f"Footage of camera {name} is registered, but {settings.cameras}/{name}.yaml is not there; restore it.",
                    vi=f"Đã có đoạn phim của camera {name} nhưng thiếu {settings.cameras}/{name}.yaml; hãy khôi phục tệp.",
                )
        plans.append(planning.plan(lake, camera, _lens(settings, lake, camera, request, wanted, probed, lenses), wanted, probed))
    return registered, plans


def _lens(
    settings: Settings,
    lake: "Lake",
    camera: Camera,
    request: IndexRequest,
    wanted: frozenset[str] | None,
    probed: dict[str, Any],
    known: dict[Any, Lens],
) -> Lens:
    from models import bench, catalog

    model = request.model or (camera.analysis.models[0] if camera.analysis.models else "street")
    fps = DENSE_FPS if request.dense else request.fps or (None if camera.analysis.fps == "auto" else float(camera.analysis.fps))
    if (model, fps) not in known:
        folders = [settings.weights] if settings.weights else []
        entry = catalog.entries().get(model)
        try:
            weights = catalog.resolve(model, folders=folders, cache=settings.cache)
        except Refused:
            if entry is None or entry.url is None:
                raise
            weights = catalog.pull(model, cache=settings.cache)
        at_hand = _at_hand(lake, camera, wanted, probed)
        choice = bench.choose(weights, settings.cache, lambda: list(sampled(at_hand)) if at_hand else [])
        known[(model, fps)] = Lens(model, weights.path, weights.sha256, choice, SightParams(fps=fps))
    return known[(model, fps)]


def _at_hand(lake: "Lake", camera: Camera, wanted: frozenset[str] | None, probed: dict[str, Any]) -> Path | None:
    """A readable file of the camera."""
    from cluster.store import localise

    for sha in sorted(wanted or ()):
        if sha in probed:
            return Path(probed[sha].path)
    rows = lake.rows("SELECT uri FROM footage WHERE error IS NULL ORDER BY start LIMIT 1", ["footage"], cameras=[camera.id])
    return localise(lake.settings, rows[0]["uri"]) if rows else None


def _look(plan: Plan, piece: Piece) -> Look:
    return Look(piece.sight, plan.camera, piece.local, piece.start_s, piece.end_s, piece.lead_s, plan.lens)


def _cores() -> int:
    import os

    return len(os.sched_getaffinity(0))


class _Job:
    """One run: sees what is missing on Ray and folds each camera's chunks as soon as they and their neighbours are seen."""

    def __init__(self, settings: Settings, lake: "Lake", run: str, plans: list[Plan], tell: Tell) -> None:
        self.settings = settings
        self.lake = lake
        self.run = run
        self.plans = plans
        self.tell = tell
        self.seen: dict[str, Seen] = {}
        self.failed: dict[str, str] = {}
        self.folders = {p.camera.id: Folder(lake, p.camera, run, p.lens.model, p.lens.weights) for p in plans}
        self.folded: set[str] = set()
        self.done = {p.camera.id: self._standing(p) for p in plans}
        self.began = time.monotonic()

    @property
    def cpu_s(self) -> float:
        return sum(s.cpu_s for s in self.seen.values())

    @property
    def seen_s(self) -> float:
        return sum(p.end_s - p.start_s for plan in self.plans for p in plan.pieces if p.sight in self.seen)

    def see(self, workers: int | None) -> None:
        """Hands the missing chunks to actors, the longest waiting first, and folds while they see."""
        looks = [(plan, _look(plan, piece)) for plan in self.plans for piece in plan.pieces if piece.sight in plan.todo]
        if not looks:
            return
        import ray

        cores = int(ray.cluster_resources().get("CPU", 1))
        count = max(1, min(len(looks), workers or cores))
        remote = ray.remote(num_cpus=1, max_concurrency=2, max_restarts=0)(Eyes)
        total = sum(look.end_s - look.start_s for _, look in looks)
        waiting = looks[::-1]
        tries: dict[str, int] = {}
        actors: list[Any] = [remote.remote(self.settings) for _ in range(count)]
        idle = list(actors)
        running: dict[Any, tuple[Any, Look]] = {}
        finished_s = 0.0
        try:
            while waiting or running:
                while waiting and idle:
                    actor, (_, look) = idle.pop(), waiting.pop()
                    running[actor.see.remote(look)] = (actor, look)
                ready, _ = ray.wait(list(running), timeout=1.0)
                for reference in ready:
                    actor, look = running.pop(reference)
                    try:
                        self._take(ray.get(reference), look)
                        idle.append(actor)
                    except ray.exceptions.RayTaskError as error:
                        raise error.as_instanceof_cause() from None
                    except ray.exceptions.RayActorError:
                        # The worker died: out of memory, killed, or killed by what it decoded. Its chunk goes to a new one.
                        tries[look.sight] = tries.get(look.sight, 0) + 1
                        idle.append(remote.remote(self.settings))
                        if tries[look.sight] < TRIES:
                            waiting.append((None, look))
                            continue
                        self.failed[look.sight] = f"a worker died {TRIES} times over it / tiến trình chết {TRIES} lần khi xử lý"
                    finished_s += look.end_s - look.start_s
                if ready:
                    self.fold(final=False)
                self._report(finished_s + self._partly(ray, running), total)
        finally:
            for actor in {id(a): a for a in [*idle, *(a for a, _ in running.values())]}.values():
                ray.kill(actor)

    def fold(self, final: bool = True) -> None:
        """Folds what can be folded: chunks that are seen, as is all before them, and whose successor's fate is known."""
        for plan in self.plans:
            folder = self.folders[plan.camera.id]
            links = plan.links(frozenset(self.failed))
            for i, link in enumerate(links):
                successor = links[i + 1].piece.sight if i + 1 < len(links) else None
                if not self._known(plan, link.piece.sight) or (successor and not link.last and not self._known(plan, successor)):
                    break
                self._fold(folder, link)
            if final:
                for bad in plan.unread:
                    folder.unread(bad.piece, bad.reason)
                for piece in plan.pieces:
                    if piece.sight in self.failed:
                        folder.unread(piece, self.failed[piece.sight])

    def report(self, registered: Iterable["Registered"]) -> Report:
        files = []
        for one in registered:
            plan = next(p for p in self.plans if p.camera.id == one.camera)
            mine = [p for p in plan.pieces if p.footage == one.footage]
            bad = one.error or next((self.failed[p.sight] for p in mine if p.sight in self.failed), None)
            gaps = [u.reason for u in plan.unread if u.piece.footage == one.footage]
            gaps += [why for p in mine if p.sight in self.seen for _, _, why in self.seen[p.sight].gaps]
            bad = bad or next(iter(gaps), None)
            state = "unread" if bad else "indexed" if any(p.sight in self.seen for p in mine) else "already"
            files.append(FileReport(one.path, one.camera, one.start, one.end, one.start_from, state, bad, one.note))
        events: dict[str, int] = {}
        for folder in self.folders.values():
            for kind, n in folder.events.items():
                events[kind] = events.get(kind, 0) + n
        return Report(
            run=self.run,
            files=tuple(files),
            tracks=sum(f.tracks for f in self.folders.values()),
            crossings=sum(f.crossings for f in self.folders.values()),
            events=events,
            footage_s=self.seen_s,
            looks=sum(s.looks for s in self.seen.values()),
            cpu_s=self.cpu_s,
            backend=next((s.backend for s in self.seen.values() if s.backend), ""),
            complete=not self.failed and not any(p.unread for p in self.plans) and not any(s.gaps for s in self.seen.values()),
        )

    def _take(self, seen: Seen, look: Look) -> None:
        if seen.error is not None:
            self.failed[look.sight] = seen.error
        else:
            self.seen[look.sight] = seen

    def _known(self, plan: Plan, sight: str) -> bool:
        return sight not in plan.todo or sight in self.seen

    def _fold(self, folder: Folder, link: Link) -> None:
        if link.fold in self.folded or link.fold in self.done[link.piece.camera]:
            return
        records, seen = load(self.settings, link.piece.camera, link.piece.sight)
        folder.fold(link, records, seen)
        self.folded.add(link.fold)

    def _standing(self, plan: Plan) -> set[str]:
        """Folds whose rows hold already."""
        rows = self.lake.rows("SELECT fold FROM coverage WHERE state = 'seen'", ["coverage"], cameras=[plan.camera.id])
        return {row["fold"] for row in rows}

    def _partly(self, ray: Any, running: dict[Any, tuple[Any, Look]]) -> float:
        """Seconds of the running chunks that are seen already."""
        asked = {actor.done_s.remote(): look for actor, look in running.values()}
        ready, _ = ray.wait(list(asked), num_returns=len(asked), timeout=0.5) if asked else ([], [])
        done = 0.0
        for reference in ready:
            try:
                done += float(ray.get(reference))
            except ray.exceptions.RayActorError:
                continue
        return done

    def _report(self, done_s: float, total_s: float) -> None:
        spent = time.monotonic() - self.began
        rate = done_s / spent if spent > 0 else 0.0
        eta = (total_s - done_s) / rate if rate > 0 else None
        self.tell(Progress(min(done_s, total_s), total_s, rate, eta))


def _log(lake: "Lake", name: str, state: str, request: IndexRequest, footage_s: float, cpu_s: float | None) -> None:
    import pyarrow as pa

    arguments = canonical({k: getattr(request, k) for k in IndexRequest.__slots__})
    row = {
        "run": name, "job": "index", "state": state, "arguments": arguments, "host": platform.node(),
        "footage_s": footage_s, "cpu_s": cpu_s, "written_at": datetime.now(UTC),
    }  # fmt: skip
    lake.append("runs", pa.Table.from_pylist([row], lake.schema("runs")))


def main(arguments: Sequence[str] | None = None) -> int:
    """The same as `matthan index`, for `ray job submit`."""
    import sys

    import matthan

    return matthan.main(["index", *(sys.argv[1:] if arguments is None else arguments)])


if __name__ == "__main__":
    raise SystemExit(main())
