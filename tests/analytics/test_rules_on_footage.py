"""Rules on observations recorded from real clips: silent where a person saw nothing wrong, and loud when told the reverse."""

import pytest

from analytics.camera import Camera
from analytics.engine import CameraEngine
from analytics.event import Event
from analytics.fold import RuleFold
from analytics.tracker import CarryTracker
from tests import recordings

ROADS = {"motorway": [[180, 719], [560, 120], [760, 120], [1279, 640], [1279, 719]]}


def told(clip, *rules):
    """The closed events of some rules on a clip."""
    plain = recordings.camera(clip)
    zones = {**plain.zones, "road": ROADS.get(clip, plain.zones["all"])}
    camera = Camera.read({"id": clip, "resolution": plain.resolution, "zones": zones, "rules": list(rules)})
    engine = CameraEngine(CarryTracker(camera.resolution), RuleFold(camera))
    observations = recordings.load(clip)
    found = [f for o in observations for f in engine.step(o).findings] + engine.finish(observations[-1].at).findings
    return [f for f in found if isinstance(f, Event) and not f.ongoing]


@pytest.mark.parametrize(
    ("clip", "rule"),
    [
        # What ../shared/truth says must not fire, and the same of the other clips' traffic.
        ("motorway", {"kind": "wrong_way", "zone": "road", "allowed": [0, 1]}),
        ("motorway", {"kind": "illegal_stop", "zone": "road"}),
        ("motorway", {"kind": "congestion", "zone": "road"}),
        ("suburb", {"kind": "wrong_way", "zone": "all", "allowed": [0, 1]}),
        ("bend", {"kind": "wrong_way", "zone": "all", "allowed": [0, 1]}),
        ("bend", {"kind": "wrong_way", "zone": "all", "allowed": [1, 0]}),
        ("bend", {"kind": "illegal_stop", "zone": "all"}),
        ("suburb", {"kind": "congestion", "zone": "all"}),
        ("bend", {"kind": "congestion", "zone": "all"}),
        ("motorway", {"kind": "intrusion", "zone": "all"}),
        ("suburb", {"kind": "intrusion", "zone": "all"}),
        ("motorway", {"kind": "loitering", "zone": "all", "after_s": 5}),
    ],
    ids=lambda v: v if isinstance(v, str) else v["kind"],
)
def test_silent(clip, rule):
    assert [(e.kind, e.tracks, dict(e.evidence)) for e in told(clip, rule)] == []


@pytest.mark.parametrize(("clip", "least", "most"), [("motorway", 9, 11), ("suburb", 7, 9), ("bend", 5, 8)])
def test_the_same_traffic_is_wrong_where_the_reverse_is_allowed(clip, least, most):
    found = told(clip, {"kind": "wrong_way", "zone": "road", "allowed": [0, -1]})
    assert least <= len(found) <= most
    assert len({e.tracks[0] for e in found}) == len(found)
    assert all(90 < e.evidence["heading_deg"] < 270 for e in found)


def test_parked_cars_of_the_suburb_stand_to_the_end():
    found = told("suburb", {"kind": "illegal_stop", "zone": "all", "after_s": 15})
    assert {e.object for e in found} <= {"car", "truck"}
    assert max(e.end - e.start for e in found) > 30
