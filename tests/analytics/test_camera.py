"""Camera files: what is accepted, and what is said about each thing that is wrong."""

import pickle
from copy import deepcopy

import pytest

from analytics.camera import Camera
from analytics.camera_fields import keys
from analytics.camera_problems import CameraRefused
from analytics.rules import registry

GOOD = {
    "id": "hang-bai-01",
    "name": {"vi": "Hàng Bài – Lý Thường Kiệt", "en": "Hang Bai – Ly Thuong Kiet"},
    "agency": "hoan-kiem",
    "location": {"lat": 21.0227, "lon": 105.8524, "heading_deg": 10},
    "source": "rtsp://cam-hb01.example/main",
    "clock_offset_s": 0.0,
    "resolution": [1280, 720],
    "ground": {"image": [[412, 300], [860, 300], [1180, 690], [90, 690]], "metres": [[0, 30], [12, 30], [12, 0], [0, 0]]},
    "zones": {"road": [[180, 719], [560, 120], [760, 120], [1279, 719]], "pavement": [[0, 300], [100, 300], [100, 600], [0, 600]]},
    "lines": {"across": [[180, 450], [1200, 450]], "named": {"points": [[0, 1], [9, 1]], "names": {"in": "vào trung tâm", "out": "ra"}}},
    "signals": {"north": {"lamps": {"red": [560, 40, 572, 52], "amber": [560, 54, 572, 66], "green": [560, 68, 572, 80]}}},
    "analysis": {"fps": "auto", "models": ["street"]},
    "rules": [
        {"kind": "line_count", "line": "across", "classes": ["car", "truck", "bus", "motorcycle"]},
        {"kind": "wrong_way", "zone": "road", "allowed": [0, 1]},
        {"kind": "illegal_stop", "zone": "road", "signal": "north"},
        {"kind": "speeding", "limit_kmh": 50},
        {"kind": "intrusion", "zone": "pavement", "hours": ["22:00-05:00"]},
        {"kind": "loitering", "zone": "pavement"},
        {"kind": "congestion", "zone": "road"},
    ],
}


def changed(path: str, value: object) -> dict:
    """GOOD with one thing set (or, for the value `...`, taken out)."""
    data = deepcopy(GOOD)
    at = data
    *steps, last = [int(s) if s.isdigit() else s for s in path.split("/")]
    for step in steps:
        at = at[step]
    if value is ...:
        del at[last]
    else:
        at[last] = value
    return data


def test_a_whole_file():
    camera = Camera.read(GOOD)
    assert camera.title("vi") == "Hàng Bài – Lý Thường Kiệt"
    assert camera.lines["named"].names.inward == "vào trung tâm"
    assert camera.lines["across"].names.inward == "in"
    assert [r.kind for r in camera.rules] == [r["kind"] for r in GOOD["rules"]]
    assert camera.plane.to_metres([[412, 300]])[0] == pytest.approx([0, 30], abs=1e-6)
    assert camera.area(None).contains([(0, 0), (1280, 720)]).all()


def test_the_least_there_is():
    camera = Camera.read({"id": "x", "resolution": [640, 360]})
    assert camera == Camera.bare("x", (640, 360))
    assert (camera.rules, camera.plane, camera.analysis.fps, camera.title("vi")) == ((), None, "auto", "x")


def test_it_is_frozen_and_travels():
    camera = Camera.read(GOOD)
    with pytest.raises(ValueError, match="frozen"):
        camera.id = "other"
    assert pickle.loads(pickle.dumps(camera)) == camera
    assert Camera.read(camera.model_dump(by_alias=True)).rules_identity() == camera.rules_identity()


@pytest.mark.parametrize(
    ("label", "path", "value", "where", "en", "vi"),
    [
        ("unknown key", "zoness", {}, "zoness", "did you mean `zones`", "có phải `zones`"),
        ("unknown key deep inside", "location/latt", 1, "location.latt", "did you mean `lat`", "có phải `lat`"),
        ("unknown key in a rule", "rules/0/clases", ["car"], "rules[0].clases", "did you mean `classes`", "có phải `classes`"),
        ("unknown key with nothing near", "qqqq", 1, "qqqq", "Known: id, name", "Các khoá có: id"),
        ("no id", "id", ..., "id", "required", "thiếu"),
        ("id that is no file name", "id", "a/b", "id", "only letters", "chỉ gồm"),
        ("no resolution", "resolution", ..., "resolution", "required", "thiếu"),
        ("resolution of nothing", "resolution", [0, 720], "resolution[0]", "greater than 0", "lớn hơn 0"),
        ("latitude beyond the pole", "location/lat", 91, "location.lat", "90 or less", "90 trở xuống"),
        ("heading beyond the circle", "location/heading_deg", 360, "location.heading_deg", "less than 360", "nhỏ hơn 360"),
        ("zone of two points", "zones/road", [[0, 0], [9, 9]], "zones.road", "2 points", "2 điểm"),
        (
            "self-crossing zone",
            "zones/road",
            [[0, 0], [9, 9], [9, 0], [0, 9]],
            "zones.road",
            "cross each other near (4.5, 4.5)",
            "cắt nhau",
        ),
        ("zone without area", "zones/road", [[0, 0], [9, 9], [5, 5]], "zones.road", "no area", "không bao quanh"),
        ("zone outside the picture", "zones/road", [[2000, 0], [2100, 0], [2100, 50]], "zones.road", "outside the picture", "ngoài ảnh"),
        ("zone of words", "zones/road", "everywhere", "zones.road", "a list", "một danh sách"),
        ("zone by words for numbers", "zones/road/0/0", "left", "zones.road[0][0]", "a number (given: 'left')", "phải là số"),
        ("name that is a word", "name", "Hàng Bài", "name", "mapping of keys", "các khoá"),
        ("zones that are a list", "zones", [[0, 0]], "zones", "mapping of names", "có tên"),
        ("half a pixel of resolution", "resolution", [640.5, 360], "resolution[0]", "whole number", "số nguyên"),
        ("certain of what", "rules/3/certain", "perhaps", "rules[3].certain", "true or false", "true hoặc false"),
        ("line of one point", "lines/across", [[1, 2]], "lines.across", "two different ends", "hai đầu"),
        ("line of the same point twice", "lines/across", [[1, 2], [1, 2]], "lines.across", "1 different of 2", "1 điểm khác nhau"),
        ("line of three points", "lines/across", [[1, 2], [3, 4], [5, 6]], "lines.across", "3 different of 3", "3 điểm"),
        ("line outside the picture", "lines/across", [[1, 900], [3, 900]], "lines.across", "outside the picture", "ngoài ảnh"),
        ("line with a wrong name", "lines/named/names", {"inn": "x"}, "lines.named.names.inn", "did you mean `in`", "có phải `in`"),
        (
            "lamp of another colour",
            "signals/north/lamps",
            {"blue": [1, 2, 3, 4]},
            "signals.north.lamps.blue",
            "'red', 'amber' or 'green'",
            "phải là",
        ),
        ("signal without lamps", "signals/north/lamps", {}, "signals.north.lamps", "at least 1, and has 0", "ít nhất 1"),
        (
            "three ground points",
            "ground",
            {"image": [[0, 0], [9, 0], [9, 9]], "metres": [[0, 0], [1, 0], [1, 1]]},
            "ground",
            "4 or more",
            "ít nhất 4",
        ),
        ("unequal ground points", "ground/metres", [[0, 30], [12, 30], [12, 0]], "ground", "as many", "bằng nhau"),
        ("ground on one line", "ground/image", [[0, 0], [10, 10], [20, 20], [30, 0]], "ground", "one line", "thẳng hàng"),
        ("ground points in another order", "ground/metres", [[12, 30], [0, 30], [12, 0], [0, 0]], "ground", "same order", "thứ tự"),
        ("fps of words", "analysis/fps", "fast", "analysis.fps", "`auto` or a number", "`auto` hoặc"),
        ("fps of zero", "analysis/fps", 0, "analysis.fps", "above 0", "lớn hơn 0"),
        ("fps true", "analysis/fps", True, "analysis.fps", "above 0", "lớn hơn 0"),
        ("rules that are no list", "rules", "all", "rules", "a list", "một danh sách"),
        ("a rule that is a word", "rules/0", "line_count", "rules[0]", "a mapping with a `kind`", "cần có `kind`"),
        ("a rule without a kind", "rules/0", {"line": "across"}, "rules[0]", "a mapping with a `kind`", "cần có `kind`"),
        ("unknown kind", "rules/0/kind", "line_cuont", "rules[0]", "did you mean `line_count`", "có phải `line_count`"),
        (
            "kind of a later version",
            "rules/0",
            {"kind": "smoke_fire", "zone": "road"},
            "rules[0]",
            "kind of rule `smoke_fire`",
            "loại luật `smoke_fire`",
        ),
        ("unknown line", "rules/0/line", "acros", "rules[0].line", "did you mean `across`", "có phải `across`"),
        ("unknown zone", "rules/1/zone", "rode", "rules[1].zone", "did you mean `road`? Known: pavement, road", "có phải `road`"),
        ("unknown signal", "rules/2/signal", "nort", "rules[2].signal", "did you mean `north`", "có phải `north`"),
        ("a rule without its zone", "rules/1/zone", ..., "rules[1].zone", "required", "thiếu"),
        ("unknown class", "rules/0/classes", ["motorcicle"], "rules[0].classes[0]", "did you mean `motorcycle`", "có phải `motorcycle`"),
        ("speeding without ground", "ground", ..., "rules[3]", "needs `ground:`", "cần mục `ground:`"),
        ("direction to nowhere", "rules/1/allowed", [0, 0], "rules[1].allowed", "points nowhere", "không chỉ hướng"),
        ("no such hours", "rules/4/hours", ["22h-5h"], "rules[4].hours[0]", "22:00-05:00", "22:00-05:00"),
        ("no such time zone", "rules/4/timezone", "Asia/Hanoi_City", "rules[4].timezone", "unknown time zone", "múi giờ"),
        ("negative time", "rules/2/after_s", -1, "rules[2].after_s", "greater than 0", "lớn hơn 0"),
        (
            "the same rule twice",
            "rules/2",
            {"kind": "wrong_way", "zone": "road", "allowed": [0, 1]},
            "rules[2]",
            "same as rule 2",
            "trùng với luật thứ 2",
        ),
    ],
)
def test_refused_with_the_remedy(label, path, value, where, en, vi):
    with pytest.raises(CameraRefused) as e:
        Camera.read(changed(path, value))
    problem = next(p for p in e.value.problems if p.where == where)
    assert en in problem.en
    assert vi in problem.vi
    assert f"{where}: " in e.value.say("en")
    assert pickle.loads(pickle.dumps(e.value)).say("vi") == e.value.say("vi")


def test_everything_wrong_is_said_at_once():
    data = changed("zones/road", [[0, 0]])
    data["lines"]["across"] = [[1, 1]]
    data["rules"][0]["kind"] = "nothing_like_it"
    data["extra"] = 1
    del data["extra"]
    with pytest.raises(CameraRefused) as e:
        Camera.read(data)
    assert {"zones.road", "lines.across", "rules[0]"} <= {p.where for p in e.value.problems}


@pytest.mark.parametrize("data", [None, 5, "text", [], [1, 2]])
def test_a_file_that_is_no_mapping(data):
    with pytest.raises(CameraRefused):
        Camera.read(data)


def test_with_rules_keeps_the_rest():
    camera = Camera.read(GOOD)
    other = camera.with_rules([{"kind": "loitering", "zone": "pavement", "after_s": 5}])
    assert (other.zones, other.lines, other.ground) == (camera.zones, camera.lines, camera.ground)
    assert [r.kind for r in other.rules] == ["loitering"]
    with pytest.raises(CameraRefused, match="did you mean `pavement`"):
        camera.with_rules([{"kind": "loitering", "zone": "pavment"}])


@pytest.mark.parametrize(
    ("label", "path", "value", "changes"),
    [
        ("a parameter", "rules/2/after_s", 20, {2}),
        ("a zone moves the rules that use it", "zones/pavement", [[0, 0], [9, 0], [9, 9]], {4, 5}),
        ("a line", "lines/across", [[180, 451], [1200, 450]], {0}),
        ("the ground", "ground/metres", [[0, 31], [12, 31], [12, 0], [0, 0]], {3}),
        ("its name", "name", {"vi": "a", "en": "b"}, set()),
        ("its source", "source", None, set()),
        ("another line", "lines/named", [[1, 1], [2, 2]], set()),
        ("a lamp", "signals/north/lamps", {"red": [1, 2, 3, 4]}, set()),
    ],
)
def test_identity_follows_what_a_rule_reads(label, path, value, changes):
    before, after = Camera.read(GOOD), Camera.read(changed(path, value))
    differ = {i for i, (a, b) in enumerate(zip(before.rule_identities(), after.rule_identities(), strict=True)) if a != b}
    assert differ == changes
    assert (before.rules_identity() != after.rules_identity()) is bool(changes)


def test_identity_does_not_hang_on_the_order_of_rules():
    data = deepcopy(GOOD)
    data["rules"].reverse()
    assert Camera.read(data).rules_identity() == Camera.read(GOOD).rules_identity()


def test_speed_of_leaves_out_boxes_that_the_edge_cuts():
    camera = Camera.read(GOOD)
    boxes = [[600, y - 60, 680, y] for y in (400, 440, 480, 520, 560, 600)] + [[600, 700, 680, 720]]
    whole, cut = camera.speed_of(range(6), boxes[:6]), camera.speed_of(range(7), boxes)
    assert whole == cut
    assert Camera.bare("x", (1280, 720)).speed_of(range(6), boxes[:6]) is None


def test_every_key_is_described():
    listed = keys()
    assert [k.path for k in listed if not k.about] == []
    paths = {k.path for k in listed}
    assert {"id", "zones", "lines.<name>.names.in", "signals.<name>.lamps", "rules[speeding].limit_kmh"} <= paths
    assert {f"rules[{kind}]" for kind in registry.kinds()} <= paths


def test_kinds_are_the_files_of_the_folder():
    assert {"congestion", "illegal_stop", "intrusion", "line_count", "loitering", "speeding", "wrong_way"} <= set(registry.kinds())
    assert "base" not in registry.kinds()


DROPPED = '''
from typing import Literal
from analytics.rules import base

class Config(base.RuleConfig):
    """Never fires."""
    kind: Literal["dropped_in"] = "dropped_in"

class Rule(base.Rule):
    def __init__(self, config, camera):
        self.state = base.State()
    def update(self, scene):
        return []
    def finish(self, at):
        return []
'''


def test_a_dropped_in_file_makes_its_kind_valid(tmp_path, monkeypatch):
    import analytics.rules

    with pytest.raises(CameraRefused, match="dropped_in"):
        Camera.read({"id": "x", "resolution": [64, 36], "rules": [{"kind": "dropped_in"}]})
    (tmp_path / "dropped_in.py").write_text(DROPPED)
    monkeypatch.setattr(analytics.rules, "__path__", [*analytics.rules.__path__, str(tmp_path)])
    registry._modules.cache_clear()
    try:
        camera = Camera.read({"id": "x", "resolution": [64, 36], "rules": [{"kind": "dropped_in"}]})
        assert registry.build(camera)[0].update(None) == []
    finally:
        registry._modules.cache_clear()
