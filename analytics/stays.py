"""Who stays where: dwelling at a place or in a zone, in media time, through jitter, brief loss and changes of track id.

Used by the rules about stopping, loitering and intruding; those say what a stay must be to matter.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import hypot, inf
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from analytics.geometry import Area, bottom_centres
from analytics.scene import Scene, TrackStep
from analytics.taxonomy import VEHICLES
from analytics.ticks import TICK_S, Box, Trail, as_box, read, trail_of

VACATED_S = 3.0
"""A track that walks away from a place may have been taken over by a passer-by; who is born there this soon after goes on."""
RECENT_S = 3.0
"""How far back a stay looks for the moment at which its object set off."""
SLACK = 1.5
"""Leaving takes this many radii, so that who stands on the edge does not come and go."""


class Spot(BaseModel):
    """Where a subject was at one instant: middle of the box, its bottom and top, its yardstick, whether in the zone."""

    model_config = ConfigDict(extra="forbid")
    at: float
    x: float
    bottom: float
    top: float
    unit: float
    inside: bool

    def away(self, other: "Spot") -> float:
        """Pixels between bottoms or between tops, whichever is less: a passing bus hides one of them, seldom both."""
        dx = self.x - other.x
        return min(hypot(dx, self.bottom - other.bottom), hypot(dx, self.top - other.top))


class Subject(BaseModel):
    """One object through one or more track ids, and its stay, if it has one."""

    model_config = ConfigDict(extra="forbid")
    tracks: list[int]
    trail: Trail
    object: str
    colour: str | None
    confidence: float
    spots: list[Spot] = Field(default_factory=list)
    born: Spot | None = None
    """Where its present track was first seen."""
    since: float | None = None
    """When the stay began."""
    place: Spot | None = None
    place_box: Box | None = None
    there_at: float = 0.0
    """Last seen at its place."""
    left_at: float | None = None
    """Since when it is away from its place, not yet for long enough to have left."""
    lost_at: float | None = None
    """When its track ended, or left the place without it."""
    start: float | None = None
    """Start of its event, once that is confirmed."""
    box_at: float | None = None


class Stays(BaseModel):
    """Everything remembered: subjects by their present track, and stays that no track has at the moment."""

    model_config = ConfigDict(extra="forbid")
    subjects: dict[int, Subject] = Field(default_factory=dict)
    ghosts: list[Subject] = Field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Change:
    """A subject's stay became an event (`over` False) at media time `at`, or that event is over."""

    subject: Subject
    at: float
    over: bool


@dataclass(frozen=True, slots=True)
class Watch:
    """What counts as a stay.

    Attributes:
        area: where.
        within: width and height of the picture, px.
        classes: who.
        radius: how far it may stray from its place, in yardsticks; infinite where only the zone matters.
        fine: how near to its place, in yardsticks, it must have come for the stay to begin; it ends when it was last so near.
        yardstick: "size", sqrt(width x height) of the box, or its "height".
        settle_s: a stay has a place once it has lasted this long.
        lapse_s: being away for less does not end it.
        loss_s: a stay whose track ended waits this long for another track that is born at the same place.
        opens: given when a stay began and the present, the start of its event, or None while it does not matter yet.
    """

    area: Area
    within: tuple[float, float]
    classes: frozenset[str]
    radius: float
    fine: float
    yardstick: Literal["size", "height"]
    settle_s: float
    lapse_s: float
    loss_s: float
    opens: Callable[[float, float], float | None]

    def update(self, stays: Stays, scene: Scene) -> list[Change]:
        """Takes the next scene into `stays`; returns which events began and which are over."""
        changes: list[Change] = []
        seen = {step.track for step in scene.tracks}
        for step in scene.tracks:
            if step.track in stays.subjects or step.object in self.classes:
                changes += self._step(stays, step, seen)
        for track in scene.ended:
            if (subject := stays.subjects.pop(track, None)) is not None:
                subject.lost_at = scene.at
                if subject.since is not None or subject.spots:
                    stays.ghosts.append(subject)
        changes += self._expire(stays, scene.at)
        return changes

    def finish(self, stays: Stays, at: float) -> list[Change]:
        """Ends every event that is open; forgets everything."""
        left = [*stays.ghosts, *stays.subjects.values()]
        stays.ghosts, stays.subjects = [], {}
        return [Change(s, at, over=True) for s in left if s.start is not None]

    def _expire(self, stays: Stays, at: float) -> Iterable[Change]:
        kept = []
        for ghost in stays.ghosts:
            assert ghost.lost_at is not None
            if at - ghost.lost_at <= self.loss_s:
                kept.append(ghost)
            elif ghost.start is not None:
                yield Change(ghost, at, over=True)
        stays.ghosts = kept

    def _step(self, stays: Stays, step: TrackStep, seen: set[int]) -> list[Change]:
        subject = stays.subjects.get(step.track)
        times, boxes = read(subject.trail if subject else None, step)
        if subject is None:
            subject = self._heir(stays, step, seen) or Subject(
                tracks=[], trail=trail_of(step), object=step.object, colour=step.colour, confidence=step.confidence
            )
            subject.tracks = list(dict.fromkeys([*subject.tracks, step.track]))
            stays.subjects[step.track] = subject
        subject.trail, subject.lost_at = trail_of(step), None
        subject.object, subject.colour, subject.confidence = step.object, step.colour, step.confidence
        changes: list[Change] = []
        if not len(times):
            return changes
        points = bottom_centres(boxes, self.within)
        inside = self.area.contains(points).tolist()
        height = boxes[:, 3] - boxes[:, 1]
        unit = height if self.yardstick == "height" else (height * (boxes[:, 2] - boxes[:, 0])) ** 0.5
        for i, at in enumerate(times.tolist()):
            if subject.spots and at <= subject.spots[-1].at:
                continue  # an heir was traced back to before its forerunner was last seen
            x, bottom = points[i].tolist()
            spot = Spot(at=at, x=x, bottom=bottom, top=float(boxes[i, 1]), unit=max(float(unit[i]), 1.0), inside=inside[i])
            subject.spots.append(spot)
            subject.born = subject.born or spot
            if subject.since is None:
                self._settle(subject, spot, as_box(boxes[i]))
            if subject.since is not None and (rest := self._stay(subject, spot)) is not None:
                # The stay is over for this track; another that is born at the place may still turn out to have been it all along.
                subject.lost_at = at + VACATED_S - self.loss_s
                stays.subjects[step.track] = rest
                if not self._hand_over(stays, subject):
                    stays.ghosts.append(subject)
                subject = rest
            if subject.since is not None and subject.start is None and subject.left_at is None and step.object in self.classes:
                subject.start = self.opens(subject.since, at)
                if subject.start is not None:
                    subject.box_at = at
                    subject.place_box = as_box(boxes[i])
                    changes.append(Change(subject, at, over=False))
        return changes

    def _settle(self, subject: Subject, now: Spot, box: Box) -> None:
        """Fixes place and beginning of a stay once the subject has been about here for `settle_s`."""
        spots = subject.spots
        while now.at - spots[0].at > self.settle_s + self.lapse_s + 1.0:
            del spots[0]
        since = self._here_since(spots) if now.inside else None
        if since is not None and now.at - since >= self.settle_s:
            subject.since, subject.place, subject.place_box = self._came_to_rest(spots, now, since), now, box
            subject.there_at, subject.left_at = now.at, None

    def _here_since(self, spots: list[Spot]) -> float:
        """Since when the subject has been about where it is now, away for no longer than `lapse_s` at a time."""
        now, reach = spots[-1], self.radius * spots[-1].unit
        here = len(spots) - 1
        away_from: int | None = None
        for i in range(len(spots) - 2, -1, -1):
            spot = spots[i]
            if spot.inside and (reach == inf or spot.away(now) <= reach):
                here, away_from = i, None
                continue
            away_from = i if away_from is None else away_from
            if i == 0 or spots[away_from].at - spot.at + TICK_S >= self.lapse_s:
                return self._arrival(spots[here - 1], spots[here], now, reach)
        return spots[here].at

    def _came_to_rest(self, spots: list[Spot], now: Spot, since: float) -> float:
        """When, at `since` or after, it first was as near to where it is now as one that stands, interpolated."""
        reach = self.fine * now.unit
        for i, spot in enumerate(spots):
            near = spot.away(now)
            if spot.at >= since and near <= reach:
                far = spots[i - 1].away(now) if i else near
                if far <= reach:
                    return since if i == 0 or spots[i - 1].at < since else spot.at
                return max(since, spots[i - 1].at + (far - reach) / (far - near) * (spot.at - spots[i - 1].at))
        return since

    def _arrival(self, before: Spot, after: Spot, now: Spot, reach: float) -> float:
        """When the way from `before` (away) to `after` (here) came in, interpolated."""
        share = 0.0
        if reach != inf:
            far, near = before.away(now), after.away(now)
            share = (far - reach) / (far - near) if far > reach and far > near else 0.0
        if not before.inside:
            spans = self.area.spans((0.0, 1.0), ((before.x, before.bottom), (after.x, after.bottom)))
            share = max(share, spans[-1][0] if spans else 1.0)
        return before.at + share * (after.at - before.at)

    def _stay(self, subject: Subject, now: Spot) -> Subject | None:
        """Goes on with a stay; when it is over, returns the subject that the track is from here on."""
        place, spots = subject.place, subject.spots
        assert place is not None
        there = now.inside if self.radius == inf else self._about(now, place)
        if there:
            subject.there_at, subject.left_at = now.at, None
            while now.at - spots[0].at > RECENT_S:
                del spots[0]
            return None
        if subject.left_at is None:
            subject.left_at = now.at
            subject.there_at = self._departure(spots, place, subject.there_at)
        if now.at - subject.left_at + TICK_S < self.lapse_s:
            return None
        staying = sum(spot.at <= subject.there_at for spot in spots)
        away = spots[staying:]
        subject.spots = spots[:staying]
        return subject.model_copy(
            update={
                "tracks": subject.tracks[-1:],
                "spots": away,
                "since": None,
                "place": None,
                "place_box": None,
                "left_at": None,
                "lost_at": None,
                "start": None,
                "box_at": None,
            }
        )

    def _departure(self, spots: list[Spot], place: Spot, there_at: float) -> float:
        """When it set off: last as near to its place as one that stands, or where only the zone matters, out of that."""
        before, now = spots[-2] if len(spots) > 1 else spots[-1], spots[-1]
        if self.radius == inf:
            spans = self.area.spans((before.at, now.at), ((before.x, before.bottom), (now.x, now.bottom))) if before is not now else []
            return spans[0][1] if spans and before.inside else there_at
        reach = self.fine * place.unit
        for i in range(len(spots) - 2, -1, -1):
            near = spots[i].away(place)
            if near <= reach:
                far = spots[i + 1].away(place)
                return spots[i].at + (reach - near) / (far - near) * (spots[i + 1].at - spots[i].at)
        return there_at

    def _hand_over(self, stays: Stays, left: Subject) -> bool:
        """Gives a stay that its track has left to a track that was born at the place when that happened, if there is one."""
        for other in stays.subjects.values():
            born = other.born
            if born is None or other.start is not None or not other.spots or left.place is None or left.left_at is None:
                continue
            timely = abs(born.at - left.left_at) <= VACATED_S
            if timely and self._about(born, left.place) and self._about(other.spots[-1], left.place):
                other.tracks = list(dict.fromkeys([*left.tracks, *other.tracks]))
                other.since, other.start, other.box_at = left.since, left.start, left.box_at
                other.place, other.place_box, other.there_at = left.place, left.place_box, other.spots[-1].at
                return True
        return False

    def _about(self, now: Spot, place: Spot) -> bool:
        reach = SLACK * self.radius * place.unit
        if now.away(place) > reach:
            return False
        # A box that jitters over the zone's edge while the object stands has not left the zone.
        return now.inside or self.area.depth((now.x, now.bottom)) > -0.15 * place.unit

    def _heir(self, stays: Stays, step: TrackStep, seen: set[int]) -> Subject | None:
        """The subject that a new track goes on with: one that is not seen now, was last where the new track is born."""
        at, box = float(step.times[0]), step.boxes[0]
        x, bottom, top = float(box[0] + box[2]) / 2, float(box[3]), float(box[1])
        born = Spot(at=at, x=x, bottom=bottom, top=top, unit=1.0, inside=True)
        best: tuple[float, int | None, Subject] | None = None
        unseen: list[tuple[int | None, Subject]] = [(None, s) for s in stays.ghosts]
        unseen += [(t, s) for t, s in stays.subjects.items() if t not in seen]
        for key, subject in unseen:
            last = subject.place if key is None and subject.place is not None else subject.spots[-1] if subject.spots else None
            if last is None or (subject.object in VEHICLES) != (step.object in VEHICLES):
                continue
            known_at = max(subject.there_at, last.at)
            if not known_at - 1.5 <= at <= known_at + self.loss_s + TICK_S:
                continue
            away = last.away(born) / last.unit
            reach = min(max(self.radius, 0.5), 1.0)
            tall = (bottom - top) / max(last.bottom - last.top, 1.0)
            if away <= reach and 0.5 <= tall <= 2.0 and (best is None or away < best[0]):
                best = (away, key, subject)
        if best is None:
            return None
        _, key, subject = best
        if key is None:
            stays.ghosts = [g for g in stays.ghosts if g is not subject]
        else:
            del stays.subjects[key]
        subject.left_at = subject.born = None
        return subject
