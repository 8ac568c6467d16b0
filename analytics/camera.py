"""A camera as its file describes it: geometry in pixels, ground, rules. Frozen and checked; knows nothing of files."""

from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializeAsAny,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from analytics.camera_problems import CameraRefused, Problem, problems_of, refuse_unknown_keys
from analytics.errors import Refused
from analytics.geometry import EDGE_PX, Area, Point, clear_of_edge, polygon_problem
from analytics.ground import Plane, Speed
from analytics.identity import canonical, digest
from analytics.names import unknown
from analytics.rules import registry
from analytics.rules.base import RuleConfig, rule_identity

Polygon = Annotated[tuple[Point, ...], Field(description="corners [[x, y], …] in pixels of `resolution`, in order around the area")]
Box = Annotated[tuple[float, float, float, float], Field(description="left, top, right, bottom in pixels of `resolution`")]


class Part(BaseModel):
    """A piece of a camera file: frozen, unknown keys refused with the nearest known one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _keys(cls, data: Any) -> Any:
        if isinstance(data, Mapping):
            refuse_unknown_keys(data, cls)
        return data


class Name(Part):
    """What people call it."""

    vi: str = Field(description="in Vietnamese")
    en: str = Field(description="in English")


class Location(Part):
    """Where it stands and looks."""

    lat: float = Field(ge=-90, le=90, description="latitude, degrees north (WGS 84)")
    lon: float = Field(ge=-180, le=180, description="longitude, degrees east (WGS 84)")
    heading_deg: float | None = Field(
        default=None, ge=0, lt=360, description="compass bearing of the ground's +y, or of up in the picture where there is no ground"
    )


class Ground(Part):
    """Places on the road whose distances are known: four or more, spread out, each in the picture and in metres."""

    image: tuple[Point, ...] = Field(description="pixels of `resolution`")
    metres: tuple[Point, ...] = Field(description="the same places in metres, x to the right, y away from the camera")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        Plane.fit(self.image, self.metres)
        return self


class LineNames(Part):
    """What the two directions over a line are called, instead of `in` and `out`."""

    inward: str = Field(default="in", alias="in", min_length=1, description="to the side that supervision's LineZone calls in")
    outward: str = Field(default="out", alias="out", min_length=1, description="to the other side")


class Line(Part):
    """A line over which objects are counted; `in` is up where it runs from left to right."""

    points: tuple[Point, Point] = Field(description="its two ends [[x, y], [x, y]] in pixels of `resolution`")
    names: LineNames = Field(default_factory=lambda: LineNames(), description="names of the two directions")

    @model_validator(mode="before")
    @classmethod
    def _plain(cls, data: Any) -> Any:
        points = data.get("points") if isinstance(data, Mapping) else data
        if isinstance(points, list | tuple):
            distinct = {tuple(p) if isinstance(p, list) else p for p in points}
            if len(points) != 2 or len(distinct) != 2:
                raise Refused(
                    f"a line has two different ends; this one has {len(distinct)} different of {len(points)} points",
                    f"một vạch có hai đầu khác nhau; vạch này có {len(distinct)} điểm khác nhau trong {len(points)} điểm",
                )
        return data if isinstance(data, Mapping) else {"points": data}


class Signal(Part):
    """A traffic light seen in the picture."""

    lamps: dict[Literal["red", "amber", "green"], Box] = Field(min_length=1, description="where each of its lamps is")


class Analysis(Part):
    """How the camera is looked at."""

    fps: Literal["auto"] | float = Field(default="auto", description="detections a second, or auto: the rate follows the scene")
    models: tuple[str, ...] = Field(default=(), description="models by catalogue name or path; empty: what the rules need")

    @field_validator("fps", mode="before")
    @classmethod
    def _rate(cls, value: Any) -> Any:
        if value != "auto" and not (isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 1000):
            raise Refused(
                f"fps is `auto` or a number above 0 (given: {value!r})", f"fps là `auto` hoặc một số lớn hơn 0 (đã ghi: {value!r})"
            )
        return value


class Camera(Part):
    """One camera. Build it from a file's content with `Camera.read`, which says everything that is wrong at once."""

    id: str = Field(pattern=r"^[\w][\w.-]*$", description="letters, digits, `-`, `_` and `.`; also the file's name")
    name: Name | None = Field(default=None, description="what people call it; the id where left out")
    agency: str | None = Field(default=None, description="who is responsible for it")
    location: Location | None = Field(default=None, description="where it stands")
    source: str | None = Field(default=None, description="where its video comes from: rtsp://, http://, file://")
    substream: str | None = Field(default=None, description="a smaller stream of the same picture for analysis")
    clock_offset_s: float = Field(default=0.0, description="seconds to add to the camera's clock to get true time")
    resolution: tuple[Annotated[int, Field(gt=0)], Annotated[int, Field(gt=0)]] = Field(
        description="width and height in pixels in which everything below is drawn"
    )
    ground: Ground | None = Field(default=None, description="the road's plane in metres; speeds need it")
    zones: dict[str, Polygon] = Field(default_factory=dict, description="areas by name")
    lines: dict[str, Line] = Field(default_factory=dict, description="lines by name")
    signals: dict[str, Signal] = Field(default_factory=dict, description="traffic lights by name")
    analysis: Analysis = Field(default_factory=lambda: Analysis(), description="how it is looked at")
    rules: tuple[SerializeAsAny[RuleConfig], ...] = Field(
        default=(), description="what is watched for; each has a `kind` and that kind's parameters"
    )

    @classmethod
    def read(cls, data: Any) -> "Camera":
        """A camera from the plain content of its file.

        Raises:
            CameraRefused: with every problem, where it is in the file, in Vietnamese and English.
        """
        try:
            return cls.model_validate(data)
        except ValidationError as e:
            raise CameraRefused(problems_of(e)) from None

    @classmethod
    def bare(cls, id: str, resolution: tuple[int, int]) -> "Camera":
        """A camera of which nothing but its picture is known."""
        return cls(id=id, resolution=resolution)

    def with_rules(self, rules: Any) -> "Camera":
        """The same camera under other rules: the plain content of a `rules:` list.

        Raises:
            CameraRefused: a rule is wrong, or names what this camera does not have.
        """
        return Camera.read({**self.model_dump(by_alias=True, exclude={"rules"}), "rules": rules})

    def title(self, language: str) -> str:
        """Its name in `language` ("vi" or "en")."""
        if self.name is None:
            return self.id
        return self.name.vi if language == "vi" else self.name.en

    @field_validator("rules", mode="before")
    @classmethod
    def _by_kind(cls, entries: Any) -> Any:
        if not isinstance(entries, list | tuple):
            return entries
        out, bad = [], []
        for i, entry in enumerate(entries):
            try:
                out.append(_rule(entry))
            except ValidationError as e:
                bad += [Problem((i, *p.path), p.en, p.vi) for p in problems_of(e)]
            except CameraRefused as e:
                bad += [Problem((i, *p.path), p.en, p.vi) for p in e.problems]
            except Refused as e:
                bad.append(Problem((i,), e.en, e.vi))
        if bad:
            raise CameraRefused(bad)
        return tuple(out)

    @field_validator("zones", mode="after")
    @classmethod
    def _polygons(cls, zones: dict[str, tuple[Point, ...]], info: ValidationInfo) -> dict[str, tuple[Point, ...]]:
        bad = [
            Problem((name,), f"zone `{name}` is no area: {why[0]}", f"`{name}` không phải là một vùng: {why[1]}")
            for name, points in zones.items()
            if (why := polygon_problem(points))
        ]
        bad += [Problem((name,), *_OUTSIDE) for name, points in zones.items() if _outside(points, info.data.get("resolution"))]
        if bad:
            raise CameraRefused(bad)
        return zones

    @field_validator("lines", mode="after")
    @classmethod
    def _in_picture(cls, lines: dict[str, Line], info: ValidationInfo) -> dict[str, Line]:
        bad = [Problem((name,), *_OUTSIDE) for name, line in lines.items() if _outside(line.points, info.data.get("resolution"))]
        if bad:
            raise CameraRefused(bad)
        return lines

    @model_validator(mode="after")
    def _rules_know_the_camera(self) -> Self:
        bad: list[Problem] = []
        seen: dict[str, int] = {}
        for i, rule in enumerate(self.rules):
            wanted: tuple[tuple[str, str, tuple[str, ...], Mapping[str, Any]], ...] = (
                ("zone", "vùng", rule.zones_used(), self.zones),
                ("line", "vạch", rule.lines_used(), self.lines),
                ("signal", "đèn tín hiệu", rule.signals_used(), self.signals),
            )
            for en, vi, names, known in wanted:
                for e in (unknown(en, vi, name, known) for name in names if name not in known):
                    bad.append(Problem(("rules", i, en), f"{rule.kind}: {e.en}", f"{rule.kind}: {e.vi}"))
            if rule.needs_ground() and self.ground is None:
                en = (
                    f"{rule.kind} needs `ground:` with four or more points; `matthan cameras still {self.id}` gives a picture to place them"
                )
                vi = f"{rule.kind} cần mục `ground:` với ít nhất bốn điểm; `matthan cameras still {self.id}` cho ảnh để đặt điểm"
                bad.append(Problem(("rules", i), en, vi))
            same = seen.setdefault(canonical(rule.model_dump(mode="json")), i)
            if same != i:
                bad.append(Problem(("rules", i), f"the same as rule {same + 1}; remove one", f"trùng với luật thứ {same + 1}; hãy bỏ một"))
        if bad:
            raise CameraRefused(bad)
        return self

    def area(self, zone: str | None) -> Area:
        """A zone by name; the whole picture for None."""
        w, h = self.resolution
        return Area.of(self.zones[zone] if zone is not None else ((0, 0), (w, 0), (w, h), (0, h)))

    @cached_property
    def plane(self) -> Plane | None:
        """The fitted ground plane, or None where the file has no ground."""
        return Plane.fit(self.ground.image, self.ground.metres) if self.ground else None

    def speed_of(self, times: ArrayLike, boxes: ArrayLike) -> Speed | None:
        """Mean speed along a track's path, where it is clear of the picture's edge; None without ground or too little of it.

        Args:
            times: (K,) ascending seconds.
            boxes: (K, 4) pixels of `resolution`.
        """
        if self.plane is None:
            return None
        clear = clear_of_edge(boxes, self.resolution) > EDGE_PX
        t, b = np.asarray(times, np.float64)[clear], np.asarray(boxes, np.float64).reshape(-1, 4)[clear]
        return self.plane.speed(t, b) if len(t) > 1 and t[-1] - t[0] >= 0.5 else None

    def geometry_of(self, rule: RuleConfig) -> dict[str, Any]:
        """What of this camera the rule reads; part of the rule's identity."""
        used: dict[str, Any] = {"resolution": self.resolution, "zones": {z: self.zones[z] for z in rule.zones_used()}}
        used["lines"] = {x: self.lines[x].model_dump(mode="json") for x in rule.lines_used()}
        if rule.needs_ground() and self.ground:
            used["ground"] = self.ground.model_dump(mode="json")
        return used

    def rule_identities(self) -> tuple[str, ...]:
        """The identity of each rule, in the file's order."""
        return tuple(rule_identity(rule, self.geometry_of(rule)) for rule in self.rules)

    def rules_identity(self) -> str:
        """Names what this camera's rules find, whatever their order."""
        return digest(sorted(self.rule_identities()))


_OUTSIDE = ("it lies wholly outside the picture; is `resolution` right?", "nằm hoàn toàn ngoài ảnh; `resolution` có đúng không?")


def _outside(points: tuple[Point, ...], resolution: tuple[int, int] | None) -> bool:
    if resolution is None:
        return False
    w, h = resolution
    xs, ys = [p[0] for p in points], [p[1] for p in points]
    return max(xs) < 0 or min(xs) > w or max(ys) < 0 or min(ys) > h


def _rule(entry: Any) -> RuleConfig:
    if isinstance(entry, RuleConfig):
        return entry
    if not isinstance(entry, Mapping) or not isinstance(entry.get("kind"), str):
        raise Refused(
            f"a rule is a mapping with a `kind`, such as {{kind: line_count, line: …}} {registry.SEE_EN}",
            f"mỗi luật cần có `kind`, ví dụ {{kind: line_count, line: …}} {registry.SEE_VI}",
        )
    config = registry.config_of(entry["kind"])
    refuse_unknown_keys(entry, config)
    return config.model_validate(entry)
