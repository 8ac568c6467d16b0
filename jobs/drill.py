"""The drill: renders scenes, lets the engine and then the whole index find their events, and scores both against the truth."""

import json
import tempfile
from argparse import Namespace
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analytics.errors import Refused
from analytics.event import Crossing, Event, Finding
from cluster.settings import Settings
from jobs.scoring import Score, Span
from jobs.terminal import Terminal

if TYPE_CHECKING:
    from analytics.camera import Camera
    from models.drill.footage import Rendered
    from models.drill.world import World

START = 1_767_225_600.0
"""Media time at which scored scenes begin: 2026-01-01 00:00 UTC."""
SECONDS = {"street": 120.0, "night": 120.0, "gate": 180.0, "jam": 240.0}
"""The scenes that are scored, and how long each is."""
SEEDS, FIRST_SEED = 4, 100
LOOK_EVERY_S = 5.0
"""Between two pictures on which detectors are measured."""
Say = Callable[[str, str], None]


@dataclass(frozen=True, slots=True)
class Task:
    """One clip that is to be scored."""

    scene: str
    seed: int
    seconds: float
    fps: float
    size: tuple[int, int]

    @property
    def name(self) -> str:
        return f"{self.scene} {self.seed}"


def render_command(settings: Settings, given: Namespace, terminal: Terminal) -> int:
    """`matthan drill render SCENE --seed N --seconds S --out DIR`."""
    from models.drill import scenes
    from models.drill.footage import render

    if given.scene not in scenes():
        known = ", ".join(scenes())
        raise Refused(en=f"There is no scene {given.scene!r}; there are {known}.", vi=f"Không có cảnh {given.scene!r}; có {known}.")
    done = render(given.scene, given.seed, given.seconds, Path(given.out), fps=getattr(given, "fps", None) or 12.5)
    terminal.answer("\n".join(str(path) for path in (done.video, done.truth, done.camera)))
    copy = f"copy {done.camera} to {settings.cameras}, then `matthan index {done.video} --camera {done.camera_id} --model drill`"
    chep = f"chép {done.camera} vào {settings.cameras}, rồi `matthan index {done.video} --camera {done.camera_id} --model drill`"
    terminal.note(f"Next: {copy}.", f"Tiếp theo: {chep}.")
    return 0


def score_command(settings: Settings, given: Namespace, terminal: Terminal) -> int:
    """`matthan drill score [--seeds N] [--format table|json]`."""
    scenes = getattr(given, "scenes", None) or tuple(SECONDS)
    fps = getattr(given, "fps", None) or 12.5
    result = score(settings, range(FIRST_SEED, FIRST_SEED + (given.seeds or SEEDS)), scenes, fps=fps, say=terminal.note)
    terminal.answer(json.dumps(result, ensure_ascii=False, indent=1) if given.format == "json" else table(result, settings.language))
    return 0


def score(
    settings: Settings,
    seeds: Sequence[int],
    scenes: Sequence[str] = tuple(SECONDS),
    *,
    fps: float = 12.5,
    size: tuple[int, int] = (960, 540),
    model: str = "drill",
    pixels: bool = True,
    seconds: float | None = None,
    work: Path | None = None,
    say: Say | None = None,
) -> dict[str, Any]:
    """Scores scenes from true boxes and, with `pixels`, from rendered video through the index.

    Args:
        seeds: of each scene; seeds from 9000 on are the detector's own.
        model: what looks at the pictures.
        seconds: length of each clip; each scene's own where left out.
        work: folder for videos and lake, kept; a temporary one where left out.

    Returns:
        the document that `--format json` prints: `boxes` and `pixels` with kinds and speeds, `detector`, `stranger`.
    """
    tasks = [Task(scene, seed, seconds or SECONDS.get(scene, 60.0), fps, size) for scene in scenes for seed in seeds]
    with tempfile.TemporaryDirectory(prefix="matthan-drill-") as temporary:
        return _Scoring(settings, tasks, model, work or Path(temporary), say or (lambda *_: None)).document(pixels)


class _Scoring:
    """One scoring: its clips, its own home with its own lake, and what came out."""

    def __init__(self, settings: Settings, tasks: Sequence[Task], model: str, work: Path, say: Say) -> None:
        self.tasks, self.model, self.work, self.say = tasks, model, work, say
        work.mkdir(parents=True, exist_ok=True)
        settings.cache.mkdir(parents=True, exist_ok=True)
        if not (work / "cache").exists():
            (work / "cache").symlink_to(settings.cache.absolute())  # converted networks and measured choices are used again
        self.settings = replace(settings, home=work, cameras=work / "cameras", store=str(work / "store"), s3=None)

    def document(self, pixels: bool) -> dict[str, Any]:
        from cluster.session import session

        with session(self.settings):
            boxes, from_pixels, truths = Score(), Score(), {}
            outcomes = dict(self._each(_from_boxes, "true boxes", "khung thật"))
            for task in self.tasks:
                outcome = outcomes[task.name]
                truths[task.name] = outcome["true"]
                boxes.add(task.name, outcome["true"], outcome["found"], outcome["kinds"], task.seconds)
            result: dict[str, Any] = {
                "fps": self.tasks[0].fps,
                "clips": len(self.tasks),
                "footage_s": sum(t.seconds for t in self.tasks),
                "boxes": boxes.document(),
            }
            if pixels:
                rendered = dict(self._each(_render, "rendered", "đã dựng", str(self.work / "footage")))
                self._index(rendered)
                for task in self.tasks:
                    found, kinds = self._found(rendered[task.name])
                    from_pixels.add(task.name, truths[task.name], found, kinds, task.seconds)
                result |= {"pixels": from_pixels.document(), "model": self.model, **self._detectors(rendered)}
        return result

    def _each(self, do: Callable[..., Any], en: str, vi: str, *more: str) -> list[tuple[str, Any]]:
        """Does something for every clip on all cores."""
        import ray

        remote = ray.remote(num_cpus=1, max_retries=1)(do)
        pending = {remote.remote(task, *more): task for task in self.tasks}
        done: dict[str, Any] = {}
        while pending:
            ready, _ = ray.wait(list(pending), num_returns=1)
            task = pending.pop(ready[0])
            done[task.name] = ray.get(ready[0])
            self.say(f"{en}: {task.name} ({len(done)}/{len(self.tasks)})", f"{vi}: {task.name} ({len(done)}/{len(self.tasks)})")
        return [(task.name, done[task.name]) for task in self.tasks]

    def _index(self, rendered: dict[str, "Rendered"]) -> None:
        from cluster.lake import Lake
        from jobs import footage, index

        lake = Lake(self.settings)
        self.settings.cameras.mkdir(parents=True, exist_ok=True)
        for clip in rendered.values():
            (self.settings.cameras / clip.camera.name).write_bytes(clip.camera.read_bytes())
            footage.register(self.settings, lake, [str(clip.video)], clip.camera_id, START, None)
        report = index.run(self.settings, index.IndexRequest(model=self.model))
        self.say(
            f"indexed {report.footage_s:.0f} s in {report.cpu_s:.0f} CPU-s",
            f"đã lập chỉ mục {report.footage_s:.0f} s, {report.cpu_s:.0f} giây CPU",
        )

    def _found(self, clip: "Rendered") -> tuple[list[Span], list[str]]:
        """What the lake holds of a clip, and the kinds that its camera watches for."""
        import yaml

        from cluster.lake import Lake

        lake = Lake(self.settings)
        events = lake.rows(
            'SELECT kind, epoch(start) AS a, epoch("end") AS b, zone, evidence FROM events', ["events"], cameras=[clip.camera_id]
        )
        found = [Span(e["kind"], e["zone"] or "", e["a"] - START, e["b"] - START, _numbers(json.loads(e["evidence"]))) for e in events]
        crossings = lake.rows('SELECT line, epoch("at") AS a, direction FROM counts', ["counts"], cameras=[clip.camera_id])
        found += [Span("line_count", f"{c['line']} {c['direction']}", c["a"] - START, c["a"] - START) for c in crossings]
        rules = yaml.safe_load(clip.camera.read_text(encoding="utf-8"))["rules"]
        return found, sorted({rule["kind"] for rule in rules})

    def _detectors(self, rendered: dict[str, "Rendered"]) -> dict[str, Any]:
        """How the model sees the pictures, and how plain `street` does, which never saw a drawn one."""
        from models.detector import Detector
        from models.drill.measure import Measure

        out: dict[str, Any] = {}
        for key, name in (("detector", self.model), ("stranger", "street")):
            try:
                weights = _weights(self.settings, name)
            except Refused as refused:
                out[key] = {"missing": refused.en}
                continue
            detector, measure = Detector.open(weights, cache=self.settings.cache, confidence=0.02), Measure()
            for clip in rendered.values():
                for picture, boxes in _pictures(clip):
                    measure.add(detector.detect(picture), boxes, picture.shape[1])
            out[key] = {"name": name, **measure.document()}
        return out


def _weights(settings: Settings, name: str) -> Any:
    from models import catalog

    return catalog.resolve(name, folders=[settings.weights] if settings.weights else [], cache=settings.cache)


def _pictures(clip: "Rendered") -> Any:
    """Some of a clip's pictures with their true boxes."""
    import av

    truth = json.loads(clip.truth.read_text(encoding="utf-8"))
    every = max(round(LOOK_EVERY_S * truth["fps"]), 1)
    with av.open(str(clip.video)) as container:
        for i, frame in enumerate(container.decode(video=0)):
            if i % every == every // 2:
                yield frame.to_ndarray(format="bgr24"), truth["frames"][i]["boxes"]


def _from_boxes(task: Task) -> dict[str, Any]:
    """Truth, and what the engine finds from true boxes, of one clip."""
    from analytics.camera import Camera
    from models.drill import build
    from models.drill.footage import camera_document
    from models.drill.truth import facts

    _gently()
    world = build(task.scene, task.seed, task.seconds, task.size)
    camera = Camera.read(camera_document(world, f"drill-{task.scene}-{task.seed}"))
    true = facts(world)
    spans = [Span(h.kind, h.zone, h.start, h.end, dict(h.numbers)) for h in true.happenings]
    spans += [Span("line_count", f"{p.line} {p.direction}", p.at, p.at) for p in true.passages]
    return {"true": spans, "found": perfect(world, camera, task.fps), "kinds": sorted({rule.kind for rule in camera.rules})}


def perfect(world: "World", camera: "Camera", fps: float) -> list[Span]:
    """What the engine finds where sight is perfect."""
    from analytics.engine import CameraEngine
    from analytics.fold import RuleFold
    from analytics.tracker import CarryTracker
    from models.drill.observe import observations

    engine = CameraEngine(CarryTracker(camera.resolution), RuleFold(camera))
    findings: list[Finding] = []
    for observation in observations(world, fps, engine.open_boxes, start=START):
        findings += engine.step(observation).findings
    findings += engine.finish(START + world.seconds).findings
    return _spans(findings, camera.id)


def _spans(findings: Sequence[Finding], camera: str) -> list[Span]:
    """The last word on every event, and every crossing; seconds from `START`."""
    events: dict[int, Event] = {f.id(camera): f for f in findings if isinstance(f, Event)}
    spans = [Span(e.kind, e.zone or "", e.start - START, e.end - START, _numbers(e.evidence)) for e in events.values()]
    return spans + [Span("line_count", f"{f.line} {f.direction}", f.at - START, f.at - START) for f in findings if isinstance(f, Crossing)]


def _numbers(evidence: Any) -> dict[str, float]:
    return {k: float(v) for k, v in evidence.items() if isinstance(v, int | float)}


def _render(task: Task, folder: str) -> "Rendered":
    from models.drill.footage import render, rendered_before

    _gently()
    out = Path(folder) / f"{task.scene}-{task.seed}-{task.fps:g}-{task.seconds:g}-{task.size[0]}"
    if there := rendered_before(task.scene, task.seed, out):
        return there
    return render(task.scene, task.seed, task.seconds, out, fps=task.fps, size=task.size, gop=round(task.fps * 4))


def _gently() -> None:
    import cv2

    cv2.setNumThreads(1)


def table(result: dict[str, Any], language: str) -> str:
    """The document in words, for a person."""
    from io import StringIO

    from rich.console import Console
    from rich.table import Table

    vi = language == "vi"
    out = StringIO()
    console = Console(file=out, width=100)
    for key, title in (("boxes", ("from true boxes", "từ khung thật")), ("pixels", ("from pixels", "từ hình ảnh"))):
        if key not in result:
            continue
        grid = Table(title=title[vi], title_justify="left")
        for name in (
            ("loại", "thật", "tìm được", "bỏ sót", "bịa", "độ đúng", "độ đủ", "F1")
            if vi
            else ("kind", "true", "found", "missed", "invented", "precision", "recall", "F1")
        ):
            grid.add_column(name, justify="left" if name in ("kind", "loại") else "right")
        for kind, row in result[key]["kinds"].items():
            grid.add_row(
                kind,
                *(str(row[n]) for n in ("true", "found", "missed", "invented")),
                *(f"{row[n]:.3f}" for n in ("precision", "recall", "f1")),
            )
        console.print(grid)
        error, covered = result[key]["median_speed_error"], result[key]["speed_interval_coverage"]
        if error is not None:
            console.print(
                f"sai số tốc độ trung vị {error:.1%}; khoảng chứa tốc độ thật {covered:.0%}"
                if vi
                else f"median speed error {error:.1%}; the stated interval holds the true speed in {covered:.0%}"
            )
    for key in ("detector", "stranger"):
        seen = result.get(key)
        if seen and "missing" in seen:
            console.print(seen["missing"])
        elif seen:
            recall = seen["recall"]
            seen_of = f"recall of vehicles {recall['vehicles']}, of people {recall['people']}"
            console.print(f"{seen['name']}: mAP50 {seen['map50']:.3f}, {seen_of} ({seen['pictures']} pictures)")
    return out.getvalue()
