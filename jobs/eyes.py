"""The long-lived actor that sees chunks: decode, gate, carry, detect and track in one process. Frames never leave it."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analytics.camera import Camera
from analytics.errors import Refused, Unreadable
from analytics.identity import digest
from analytics.records import Records, records_of
from analytics.tracker import CarryTracker, TrackerParams
from cluster.settings import Settings
from cluster.store import localise, open_store
from jobs import logbook, reasons
from models.backends import Choice
from models.sight import Sight, SightParams

if TYPE_CHECKING:
    from cluster.frame import Frame
    from models.detector import Detector

SIGHT_VERSION = 1
"""Counts changes of the code of sight or tracking that change what is seen."""
LEAD_S = 4.0
"""A chunk that follows another of its file is seen from this long before its start, so that tracks can be stitched."""


@dataclass(frozen=True, slots=True)
class Lens:
    """What looks, and how: the part of a sight's identity that is not the footage."""

    model: str
    path: Path
    weights: str
    choice: Choice
    params: SightParams
    tracker: TrackerParams = field(default_factory=TrackerParams)

    def identity(self, camera: Camera) -> str:
        """Backend and precision are recorded, not part of it: two hosts agree."""
        lamps = {name: signal.model_dump(mode="json") for name, signal in camera.signals.items()}
        size = self.choice.size
        return digest(
            SIGHT_VERSION, self.weights, size, self.params.identity(), self.tracker.model_dump(), camera.resolution, lamps, LEAD_S
        )


@dataclass(frozen=True, slots=True)
class Look:
    """One chunk to be seen. Times in seconds from the file's first frame."""

    sight: str
    camera: Camera
    uri: str
    start_s: float
    end_s: float
    lead_s: float
    lens: Lens


@dataclass(frozen=True, slots=True)
class Seen:
    """What came of a look; `gaps` are stretches that could not be read, with their reasons."""

    sight: str
    looks: int = 0
    brightness: float | None = None
    backend: str = ""
    classes: tuple[str, ...] = ()
    cpu_s: float = 0.0
    gaps: tuple[tuple[float, float, str], ...] = ()
    error: str | None = None


def keys_of(camera: str, sight: str) -> tuple[str, str]:
    """Where the store keeps a chunk's sight: points, and signals with the `Seen`; the latter is written last."""
    return f"sight/{camera}/{sight}.points.parquet", f"sight/{camera}/{sight}.signals.parquet"


def load(settings: Settings, camera: str, sight: str) -> tuple[Records, Seen]:
    """A chunk's sight out of the store, times in seconds from the file's first frame."""
    import io

    import pyarrow.parquet as pq

    store = open_store(settings)
    points, signals = (pq.read_table(io.BytesIO(store.get(key))) for key in keys_of(camera, sight))
    kept = json.loads((signals.schema.metadata or {})[b"seen"])
    kept["gaps"], kept["classes"] = tuple(tuple(g) for g in kept["gaps"]), tuple(kept["classes"])
    return Records(points.to_pydict(), signals.to_pydict()), Seen(**kept)


class Eyes:
    """Sees one chunk after another. Made into a Ray actor by `jobs.crew`; works without Ray as well.

    Args:
        tell: called with the seconds of the running chunk that are seen, after every frame.
    """

    def __init__(self, settings: Settings, tell: Callable[[float], None] | None = None) -> None:
        self._settings = settings
        self._tell = tell
        self._detectors: dict[str, Detector] = {}
        self._done_s = 0.0

    def pid(self) -> int:
        import os

        return os.getpid()

    def done_s(self) -> float:
        """Seconds of the running chunk that are seen."""
        return self._done_s

    def see(self, look: Look) -> Seen:
        """Sees a chunk and puts what it saw into the store; what cannot be read is in the answer, not raised.

        Raises:
            Refused: weights, settings or the store are at fault, not the footage.
        """
        import cv2

        cv2.setNumThreads(1)
        began, self._done_s = time.process_time(), 0.0
        try:
            return self._see(look, began)
        except Unreadable as error:
            return Seen(look.sight, error=reasons.both(error), cpu_s=time.process_time() - began)
        except Refused:
            raise
        except Exception as error:  # noqa: BLE001 - one strange file must not end the work on all others
            return Seen(look.sight, error=self._unexpected(look, error), cpu_s=time.process_time() - began)
        finally:
            self._done_s = 0.0

    def _unexpected(self, look: Look, error: Exception) -> str:
        told = [
            logbook.keep(replace(self._settings, language=language), error, ["index", look.uri, f"{look.start_s:.3f}"])
            for language in ("en", "vi")
        ]
        return reasons.both(Refused(*(f"{look.uri}: {one}" for one in told)))

    def _see(self, look: Look, began: float) -> Seen:
        from cluster.video import Damaged, read
        from models import colours, signals

        path = localise(self._settings, look.uri)
        detector = self._detector(look, path)
        lamps = {name: {lamp: tuple(box) for lamp, box in s.lamps.items()} for name, s in look.camera.signals.items()}
        sight = Sight(
            detector,
            look.camera.resolution,
            look.lens.params,
            colours=colours.names,
            signals=(lambda frame: signals.lamp_states(signals.cropper(frame.bgr(), look.camera.resolution), lamps)) if lamps else None,
        )
        tracker = CarryTracker(look.camera.resolution, look.lens.tracker)
        gaps: tuple[tuple[float, float, str], ...] = ()
        scenes, brightness = [], []
        fault: list[Damaged] = []

        def frames() -> Iterator["Frame"]:
            try:
                for frame in read(path, look.start_s, look.end_s, lead_s=look.lead_s):
                    self._done_s = max(frame.at - look.start_s, 0.0)
                    if self._tell:
                        self._tell(self._done_s)
                    yield frame
            except Damaged as error:
                fault.append(error)

        for observation in sight.observe(frames(), tracker.open_boxes):
            scenes.append(tracker.update(observation))
            brightness.append(observation.signals[("", "brightness")])
        scenes.append(tracker.finish(look.end_s))
        if fault:
            gaps = tuple((max(g.start_s, look.start_s), min(g.end_s, look.end_s), f"{g.en} / {g.vi}") for g in fault[0].gaps)
            gaps = tuple(g for g in gaps if g[1] > g[0])
        seen = Seen(
            look.sight,
            sight.looks,
            sum(brightness) / len(brightness) if brightness else None,
            detector.backend,
            detector.classes,
            time.process_time() - began,
            gaps,
        )
        self._keep(look, records_of(scenes), seen)
        return seen

    def _keep(self, look: Look, records: Records, seen: Seen) -> None:
        store = open_store(self._settings)
        for key, columns, types, metadata in (
            (keys_of(look.camera.id, look.sight)[0], records.points, _POINT_TYPES, {}),
            (keys_of(look.camera.id, look.sight)[1], records.signals, _SIGNAL_TYPES, {"seen": json.dumps(asdict(seen))}),
        ):
            store.put(key, _parquet(columns, types, metadata))

    def _detector(self, look: Look, path: Path) -> "Detector":
        from models.catalog import Weights, entries
        from models.detector import Detector

        lens = look.lens
        key = f"{lens.weights}-{lens.choice}-{lens.choice.size}"
        if key not in self._detectors:
            weights = Weights(lens.path, lens.weights, entries().get(lens.model))
            frames = sampled(path)
            self._detectors[key] = Detector.open(weights, lens.choice, cache=self._settings.cache, frames=frames)
        return self._detectors[key]


def sampled(path: Path, count: int = 32) -> Iterator[Any]:
    """Pictures spread over a file, (H, W, 3) uint8 BGR: what int8 is calibrated on and backends are measured with."""
    from cluster.video import probe, read

    known = probe(path)
    keys = list(known.keyframes)
    step = max(1, len(keys) // count)
    taken = 0
    for start in keys[::step][:count]:
        every = max(1, count // max(1, len(keys[::step])))
        span = min(known.duration_s - start, 8.0)
        for i, frame in enumerate(read(path, start, start + span, max_fps=max(every / max(span, 0.1), 0.5))):
            if i >= every or taken >= count:
                break
            taken += 1
            yield frame.bgr()


_POINT_TYPES = {
    "track": "int64", "at": "float64", "known_at": "float64", "x1": "float32", "y1": "float32", "x2": "float32", "y2": "float32",
    "object": "string", "colour": "string", "confidence": "float64",
}  # fmt: skip
_SIGNAL_TYPES = {"at": "float64", "zone": "string", "name": "string", "value": "float64", "track": "int64"}


def arrow(columns: dict[str, list[Any]], types: dict[str, str]) -> Any:
    """Columns as an Arrow table of the named types."""
    import pyarrow as pa

    return pa.table({name: pa.array(columns[name], pa.type_for_alias(kind)) for name, kind in types.items()})


def _parquet(columns: dict[str, list[Any]], types: dict[str, str], metadata: dict[str, str]) -> bytes:
    import io

    import pyarrow.parquet as pq

    out = io.BytesIO()
    pq.write_table(arrow(columns, types).replace_schema_metadata(metadata), out, compression="zstd")
    return out.getvalue()
