"""People, or other classes, inside a zone where nobody should be, if wanted only at certain hours."""

from __future__ import annotations

from datetime import datetime, timedelta
from math import inf
from typing import TYPE_CHECKING, Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field

from analytics.errors import Refused
from analytics.event import Event, Finding
from analytics.names import ObjectName
from analytics.rules import base
from analytics.rules.base import RuleConfig, State, rule_identity
from analytics.scene import Scene
from analytics.stays import Change, Stays, Watch

if TYPE_CHECKING:
    from analytics.camera import Camera


def _hours(text: str) -> str:
    try:
        for part in text.split("-", 1):
            datetime.strptime(part, "%H:%M")
        if "-" not in text:
            raise ValueError(text)
    except ValueError:
        raise Refused(f"hours are written `22:00-05:00` (given: `{text}`)", f"giờ viết dạng `22:00-05:00` (đã ghi: `{text}`)") from None
    return text


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise Refused(f"unknown time zone `{name}`, e.g. Asia/Ho_Chi_Minh", f"không có múi giờ `{name}`, ví dụ Asia/Ho_Chi_Minh") from None
    return name


class Config(RuleConfig):
    """Somebody is inside a zone."""

    kind: Literal["intrusion"] = "intrusion"
    zone: str = Field(description="name of the zone")
    classes: tuple[ObjectName, ...] = Field(default=("person",), description="who must not be there")
    after_s: float = Field(default=1.0, ge=0, description="seconds inside before it counts")
    lapse_s: float = Field(default=1.0, ge=0, description="stepping out for less than this is still the same intrusion")
    loss_s: float = Field(default=5.0, ge=0, description="somebody lost from sight inside may reappear there for this long and is the same")
    hours: tuple[Annotated[str, AfterValidator(_hours)], ...] = Field(
        default=(), description='when it is forbidden, local time, such as "22:00-05:00"; empty: always'
    )
    timezone: Annotated[str, AfterValidator(_zone)] = Field(default="Asia/Ho_Chi_Minh", description="time zone of `hours`")


class Memory(State):
    stays: Stays = Field(default_factory=lambda: Stays())


class Rule(base.Rule[Memory]):
    """An event begins when somebody enters (or when the hours do), and is confirmed `after_s` later."""

    def __init__(self, config: Config, camera: Camera) -> None:
        self.config = config
        self.identity = rule_identity(config, camera.geometry_of(config))
        self.state = Memory()
        self._clock = ZoneInfo(config.timezone)
        self._watch = Watch(
            area=camera.area(config.zone),
            within=camera.resolution,
            classes=frozenset(config.classes),
            radius=inf,
            fine=inf,
            yardstick="size",
            settle_s=config.after_s,
            lapse_s=config.lapse_s,
            loss_s=config.loss_s,
            opens=self._opens,
        )

    def update(self, scene: Scene) -> list[Finding]:
        return [self._event(change) for change in self._watch.update(self.state.stays, scene)]

    def finish(self, at: float) -> list[Finding]:
        return [self._event(change) for change in self._watch.finish(self.state.stays, at)]

    def _opens(self, since: float, at: float) -> float | None:
        if not self.config.hours:
            return since if at - since >= self.config.after_s else None
        for begin, end in self._forbidden(at):
            start = max(since, begin)
            if start <= at < end and at - start >= self.config.after_s:
                return start
        return None

    def _forbidden(self, at: float) -> list[tuple[float, float]]:
        """The forbidden spans that began on the local day of `at` or the day before, as media time."""
        today = datetime.fromtimestamp(at, self._clock).replace(hour=0, minute=0, second=0, microsecond=0)
        spans = []
        for text in self.config.hours:
            begin, end = (datetime.strptime(part, "%H:%M") for part in text.split("-", 1))
            for day in (today - timedelta(days=1), today):
                a = day.replace(hour=begin.hour, minute=begin.minute)
                b = day.replace(hour=end.hour, minute=end.minute)
                if b <= a:
                    b = (b + timedelta(days=1)).replace(hour=end.hour, minute=end.minute)
                spans.append((a.timestamp(), b.timestamp()))
        return spans

    def _event(self, change: Change) -> Event:
        s, c = change.subject, self.config
        assert s.start is not None
        end = max(s.there_at, s.start)
        return Event(
            kind=c.kind,
            rule=self.identity,
            start=s.start,
            end=end,
            ongoing=not change.over,
            tracks=tuple(s.tracks),
            object=s.object,
            colour=s.colour,
            confidence=s.confidence,
            zone=c.zone,
            box=s.place_box,
            box_at=s.box_at,
            evidence={"inside_s": round(end - s.start, 3), "allowed_s": c.after_s, **({"hours": ", ".join(c.hours)} if c.hours else {})},
        )
