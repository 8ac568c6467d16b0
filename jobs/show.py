"""`matthan show`: the clip or the picture behind a hit, with its boxes along the stored path and what the rule watches."""

from argparse import Namespace
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from analytics.camera import Camera
from analytics.errors import Refused, Unreadable
from cluster.lake import Lake
from cluster.search import CLIP_S, Hit, hit
from cluster.settings import Settings
from jobs import footage, progress, times, words
from jobs.finding import cameras_of
from jobs.terminal import Terminal

if TYPE_CHECKING:
    from jobs.footage import Registered

Picture = NDArray[np.uint8]
STILLS = (".jpg", ".jpeg", ".png")
LONGEST_S = 120.0
"""A clip of something that lasts for hours is cut off here."""
GAP_S = 2.0
"""Between points that are further apart nothing is drawn: it was not followed there."""
TRACE_S = 6.0
"""How much of the path a picture shows."""


def command(settings: Settings, given: Namespace, terminal: Terminal) -> int:
    """Writes the clip or the picture; says on standard output where."""
    out = Path(given.out)
    ending = out.suffix.lower()
    if ending != ".mp4" and ending not in STILLS:
        raise Refused(
            en=f"--out {out}: wanted a file that ends in .mp4 for a clip, or in .jpg or .png for a picture.",
            vi=f"--out {out}: cần tệp có đuôi .mp4 cho đoạn phim, hoặc .jpg, .png cho ảnh.",
        )
    scene = Scene.of(settings, given.hit)
    if ending == ".mp4":
        until = min(scene.hit.end + CLIP_S, scene.hit.start - CLIP_S + LONGEST_S)
        if until < scene.hit.end:
            lasting = times.lasting(LONGEST_S, settings.language)
            terminal.note(f"it lasts longer: the clip shows the first {lasting}", f"sự việc kéo dài hơn: đoạn phim chỉ có {lasting} đầu")
        _clip(scene, scene.hit.start - CLIP_S, until, out)
    else:
        at = scene.hit.box_at if scene.hit.box_at is not None else (scene.hit.start + scene.hit.end) / 2
        write_picture(scene.drawn(scene.still(at), at), out)
    terminal.answer(str(out))
    return 0


def _clip(scene: "Scene", since: float, until: float, out: Path) -> None:
    from cluster.clips import encode_at

    with progress.shown(scene.settings.language) as display:
        pace = progress.Pace(display, until - since)

        def drawn() -> Iterator[tuple[float, Picture]]:
            for at, picture in scene.pictures(since, until):
                yield at, scene.drawn(picture, at)
                pace.at(at - since)

        encode_at(drawn(), out)


@dataclass(frozen=True, slots=True)
class Path2D:
    """Where a track was.

    Attributes:
        times: (K,) media time, ascending.
        boxes: (K, 4) xyxy, pixels of the camera's resolution.
    """

    times: NDArray[np.float64]
    boxes: NDArray[np.float64]

    def at(self, moment: float) -> NDArray[np.float64] | None:
        """Its box between two points, None before the first, after the last, and where it was lost in between."""
        after = int(np.searchsorted(self.times, moment))
        near = self.times[max(after - 1, 0) : after + 1]
        if len(near) == 2 and near[1] - near[0] > GAP_S:
            return None
        if not len(near) or not self.times[0] - 0.05 <= moment <= self.times[-1] + 0.05:
            return None
        return np.array([np.interp(moment, self.times, self.boxes[:, i]) for i in range(4)])

    def until(self, moment: float) -> NDArray[np.float64]:
        """The boxes of the last seconds up to a moment, oldest first."""
        recent = (self.times <= moment) & (self.times >= moment - TRACE_S)
        return self.boxes[recent]


@dataclass(frozen=True, slots=True)
class Scene:
    """A hit with everything that is drawn of it."""

    settings: Settings
    hit: Hit
    camera: Camera
    place: str | None
    paths: tuple[Path2D, ...]
    files: "tuple[Registered, ...]"

    @classmethod
    def of(cls, settings: Settings, id: str) -> "Scene":
        """Gathers what the lake has.

        Raises:
            Refused: there is no such hit, or no footage of it any more.
        """
        lake, known = Lake(settings), cameras_of(settings)
        found = hit(lake, id, known)
        files = tuple(one for one in footage.recall(lake, found.camera) if one.error is None)
        offset_s = known[found.camera].clock_offset_s if found.camera in known else 0.0
        files = tuple(one for one in files if one.start + offset_s < found.end + 1e-3 and one.end + offset_s > found.start - 1e-3)
        if not files:
            raise Refused(
                en=f"The footage of {id} is not registered any more; add it again with `matthan footage add`.",
                vi=f"Phim của {id} không còn trong sổ; hãy thêm lại bằng `matthan footage add`.",
            )
        place = None
        if found.type == "event":
            rows = lake.rows("SELECT zone FROM events WHERE event = ?", ["events"], [int(id[1:], 16)], cameras=[found.camera])
            place = rows[0]["zone"] if rows else None
        camera = known.get(found.camera) or Camera.bare(found.camera, _size_of(lake, files[0].footage))
        paths = tuple(_path(lake, found, track) for track in found.tracks)
        return cls(settings, found, camera, place, tuple(p for p in paths if len(p.times)), files)

    def pictures(self, since: float, until: float) -> Iterator[tuple[float, Picture]]:
        """Media time and picture of every frame of a span, over as many files as it takes."""
        from cluster.video import Damaged, read

        last = -np.inf
        for one in self.files:
            start = one.start + self.camera.clock_offset_s
            try:
                for frame in read(self._local(one), since - start, until - start, skip_loop_filter=False, skip_nonref=False):
                    if start + frame.at > last:
                        last = start + frame.at
                        yield last, frame.bgr()
            except Damaged:
                continue  # a clip of damaged footage holds what is left of it

    def still(self, at: float) -> Picture:
        """The picture at a moment."""
        from cluster.stills import stills

        offset_s = self.camera.clock_offset_s
        one = next((f for f in self.files if f.start + offset_s - 1e-3 <= at <= f.end + offset_s + 1e-3), self.files[0])
        return stills(self._local(one), [at - one.start - offset_s])[0]

    def _local(self, one: "Registered") -> Path:
        from cluster.store import localise

        path = localise(self.settings, one.uri)
        if not path.exists():
            raise Unreadable(
                en=f"The footage {path} is not there any more; put it back, or add it from where it is now.",
                vi=f"Không còn phim {path}; hãy đặt lại tệp, hoặc thêm lại từ chỗ mới.",
            )
        return path

    def drawn(self, picture: Picture, at: float) -> Picture:
        """The picture with boxes, path, and what is watched."""
        from models.drawing import draw_hit

        shown = [(i, box) for i, path in enumerate(self.paths) if (box := path.at(at)) is not None]
        if not shown and self.hit.box is not None and self.hit.box_at is not None and abs(self.hit.box_at - at) < 0.5:
            shown = [(0, np.array(self.hit.box))]
        labels = [self._label() if i == 0 else "" for i, _ in shown]
        boxes = np.array([box for _, box in shown]).reshape(-1, 4)
        trace = self.paths[0].until(at) if self.paths and shown else None
        places = [self.place] if self.place else []
        return draw_hit(picture, self.camera, boxes, labels, trace, places=places, caption=self._caption(at))

    def _label(self) -> str:
        language = self.settings.language
        thing = words.described(self.hit.object, self.hit.colour, language)
        speed = self.hit.evidence.get("speed_kmh")
        parts = [words.word(self.hit.event, language), thing, f"{speed:.0f} km/h" if speed is not None else ""]
        return " · ".join(p for p in parts if p)

    def _caption(self, at: float) -> str:
        parts = [self.camera.title(self.settings.language), times.show(at, self.settings.zone)]
        if self.hit.event:
            parts += [words.word(self.hit.event, self.settings.language), words.brief(self.hit.evidence, self.settings.language)]
        return " · ".join(p for p in parts if p)


def write_picture(picture: Picture, out: Path) -> None:
    """Writes a JPEG or PNG, whole or not at all."""
    import cv2

    from jobs.terminal import write_whole

    quality = [] if out.suffix.lower() == ".png" else [cv2.IMWRITE_JPEG_QUALITY, 92]
    done, data = cv2.imencode(out.suffix.lower(), picture, quality)
    if not done:
        raise ValueError(f"{out}: OpenCV cannot encode a picture of shape {picture.shape}")
    write_whole(data.tobytes(), out)


def _path(lake: Lake, found: Hit, track: int) -> Path2D:
    sql = "SELECT DISTINCT points.at AS t, x1, y1, x2, y2 FROM points WHERE track = ? ORDER BY t"
    rows = lake.rows(sql, ["points"], [track], cameras=[found.camera], span=(found.start - 60.0, found.end + 60.0))
    return path_of([(r["t"], r["x1"], r["y1"], r["x2"], r["y2"]) for r in rows])


def path_of(rows: Sequence[tuple[float, float, float, float, float]]) -> Path2D:
    """A path from (at, x1, y1, x2, y2), ascending."""
    table = np.array(rows, np.float64).reshape(-1, 5)
    return Path2D(table[:, 0], table[:, 1:])


def _size_of(lake: Lake, sha: str) -> tuple[int, int]:
    rows = lake.rows("SELECT width, height FROM footage WHERE footage = ?", ["footage"], [sha])
    return (rows[0]["width"] or 1, rows[0]["height"] or 1) if rows else (1, 1)
