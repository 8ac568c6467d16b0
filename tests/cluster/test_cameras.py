"""Camera files: what is right is read, what is wrong is named with its file, its line and the remedy."""

import pickle
from pathlib import Path

import pytest

from analytics.camera import Camera
from analytics.errors import Refused
from cluster import cameras

GOOD = """\
id: hang-bai-01
name: {vi: "Hàng Bài – Lý Thường Kiệt", en: "Hang Bai – Ly Thuong Kiet"}
location: {lat: 21.0227, lon: 105.8524, heading_deg: 10}
resolution: [1280, 720]
ground: {image: [[412, 300], [860, 300], [1180, 690], [90, 690]], metres: [[0, 30], [12, 30], [12, 0], [0, 0]]}
zones:
  road: [[200, 700], [500, 200], [800, 200], [1200, 700]]
lines:
  across: [[180, 450], [1200, 450]]
rules:
  - {kind: line_count, line: across, classes: [car, truck]}
  - kind: wrong_way
    zone: road
    allowed: [0, 1]
"""


def put(folder: Path, text: str, name: str = "hang-bai-01.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def changed(old: str, new: str) -> str:
    assert old in GOOD
    return GOOD.replace(old, new)


def test_a_good_file(tmp_path: Path) -> None:
    put(tmp_path, GOOD)
    put(tmp_path, "id: a\nresolution: [640, 360]\n", "a.yml")
    put(tmp_path, "not a camera file", "notes.txt")
    put(tmp_path, "id: nor\nthis: one\n", ".hidden.yaml")
    (tmp_path / "folder.yaml").mkdir()
    got = cameras.load(tmp_path)
    assert list(got) == ["a", "hang-bai-01"]
    camera = got["hang-bai-01"]
    assert camera.title("vi") == "Hàng Bài – Lý Thường Kiệt"
    assert [r.kind for r in camera.rules] == ["line_count", "wrong_way"]


def test_no_folder_no_cameras(tmp_path: Path) -> None:
    assert cameras.load(tmp_path / "none") == {}
    assert cameras.load(tmp_path) == {}


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        pytest.param(changed("zones:", "zonse:"), 6, ["`zonse`", "did you mean `zones`"], id="an unknown key"),
        pytest.param(changed("    zone: road", "    zoen: road"), 13, ["rules[1].zoen", "did you mean `zone`"], id="a rule's unknown key"),
        pytest.param(changed("lat: 21", "lattitude: 21"), 3, ["location.lattitude", "`lat`"], id="an unknown key inside"),
        pytest.param(changed("    zone: road", "    zone: raod"), 13, ["rules[1].zone", "did you mean `road`"], id="an unknown zone"),
        pytest.param(changed("line: across", "line: acros"), 11, ["did you mean `across`"], id="an unknown line"),
        pytest.param(changed("kind: wrong_way", "kind: wrongway"), 12, ["wrongway", "`wrong_way`"], id="an unknown kind"),
        pytest.param(changed("[car, truck]", "[car, lorry]"), 11, ["lorry"], id="an unknown class"),
        pytest.param(
            changed("[500, 200], [800, 200]", "[800, 200], [500, 200]"),
            7,
            ["zones.road"],
            id="a self-crossing zone",
        ),
        pytest.param(changed("[[180, 450], [1200, 450]]", "[[180, 450]]"), 9, ["lines.across", "two"], id="a line of one point"),
        pytest.param(changed("resolution: [1280, 720]", "resolution: [1280, 0]"), 4, ["resolution"], id="no height"),
        pytest.param(changed("resolution: [1280, 720]\n", ""), 1, ["resolution", "required"], id="a missing key"),
        pytest.param(changed("name: {vi", "name: [vi"), 2, ["not YAML"], id="no YAML"),
        pytest.param(changed("lines:\n", "zones: {}\nlines:\n"), 8, ["`zones` is on line 6 already"], id="a key twice"),
        pytest.param(changed("    allowed: [0, 1]", "    zone: other"), 14, ["`zone` is on line 13 already"], id="a rule's key twice"),
        pytest.param("", 1, ["empty"], id="an empty file"),
        pytest.param("# nothing yet\n", 1, ["empty"], id="only a comment"),
        pytest.param("- a\n- b\n", 1, [""], id="a list"),
        pytest.param("id: *nothing\n", 1, ["not YAML"], id="an alias of nothing"),
        pytest.param("id: !!python/object:os.system x\n", 1, ["not YAML"], id="code"),
        pytest.param(GOOD + "---\nid: x\n", 15, ["not YAML"], id="two documents"),
    ],
)
def test_what_is_wrong(tmp_path: Path, text: str, line: int, said: list[str]) -> None:
    path = put(tmp_path, text)
    for act in (lambda: cameras.load_one(path), lambda: cameras.load(tmp_path)):
        with pytest.raises(cameras.FileRefused) as caught:
            act()
        assert caught.value.en.startswith(f"{path}, line {line}: ")
        assert caught.value.vi.startswith(f"{path}, dòng {line}: ")
        for part in said:
            assert part in caught.value.en


def test_everything_wrong_is_said_at_once(tmp_path: Path) -> None:
    text = changed("    zone: road", "    zone: raod").replace("line: across", "line: acros").replace("lat: 21.0227", "lat: 210")
    with pytest.raises(cameras.FileRefused) as caught:
        cameras.load_one(put(tmp_path, text))
    assert 3 in [line for line, _, _ in caught.value.found]
    again = pickle.loads(pickle.dumps(caught.value))
    assert (again.en, again.vi, again.path) == (caught.value.en, caught.value.vi, caught.value.path)


def test_every_bad_file_is_named_and_the_good_ones_are_told(tmp_path: Path) -> None:
    put(tmp_path, GOOD)
    put(tmp_path, "id: b\n", "b.yaml")
    put(tmp_path, "id: [\n", "c.yaml")
    with pytest.raises(Refused) as caught:
        cameras.load(tmp_path)
    for name in ("b.yaml", "c.yaml"):
        assert name in caught.value.en
        assert name in caught.value.vi
    good, refused = cameras.check(tmp_path)
    assert list(good) == ["hang-bai-01"]
    assert len(refused) == 2


@pytest.mark.parametrize(("one", "two"), [("a", "a"), ("a", "A")])
def test_the_same_camera_twice(tmp_path: Path, one: str, two: str) -> None:
    put(tmp_path, f"id: {one}\nresolution: [640, 360]\n", "first.yaml")
    put(tmp_path, f"id: {two}\nresolution: [640, 360]\n", "second.yaml")
    with pytest.raises(Refused, match=r"second.yaml, line 1: .* is in first.yaml already: remove one"):
        cameras.load(tmp_path)


def test_not_utf8(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(b"id: a\nagency: \xe0\xe1\n")
    with pytest.raises(cameras.FileRefused, match="line 2: this is not UTF-8"):
        cameras.load_one(path)


def test_a_byte_order_mark_is_no_matter(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(b"\xef\xbb\xbfid: a\nresolution: [640, 360]\n")
    assert list(cameras.load(tmp_path)) == ["a"]


def test_the_file_may_bear_another_name(tmp_path: Path) -> None:
    put(tmp_path, GOOD, "anything.yaml")
    assert list(cameras.load(tmp_path)) == ["hang-bai-01"]


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="no file"):
        cameras.load_one(tmp_path / "x.yaml")


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    bare = cameras.bare("clip", (1920, 1080))
    path = cameras.write(folder, bare)
    assert path == folder / "clip.yaml"
    assert cameras.load(folder) == {"clip": bare}
    assert "matthan cameras still clip" in path.read_text(encoding="utf-8")
    put(tmp_path, GOOD)
    whole = cameras.load(tmp_path)["hang-bai-01"]
    cameras.write(folder, whole)
    again = cameras.load(folder)["hang-bai-01"]
    assert again == whole
    assert again.rules_identity() == whole.rules_identity()
    assert "Hàng Bài" in (folder / "hang-bai-01.yaml").read_text(encoding="utf-8")
    assert sorted(p.name for p in folder.iterdir()) == ["clip.yaml", "hang-bai-01.yaml"]


def test_nothing_is_written_over(tmp_path: Path) -> None:
    put(tmp_path, GOOD)
    with pytest.raises(Refused, match="already"):
        cameras.write(tmp_path, Camera.bare("hang-bai-01", (640, 360)))
    assert (tmp_path / "hang-bai-01.yaml").read_text(encoding="utf-8") == GOOD


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Refused, match="cannot be written"):
        cameras.write(tmp_path / "file", Camera.bare("a", (640, 360)))


@pytest.mark.parametrize("text", ["- {kind: intrusion, zone: road}\n", "rules:\n  - {kind: intrusion, zone: road}\n"])
def test_a_rule_file(tmp_path: Path, text: str) -> None:
    camera = cameras.load_one(put(tmp_path, GOOD))
    got = cameras.with_rules(camera, put(tmp_path, text, "rules.yaml"))
    assert [r.kind for r in got.rules] == ["intrusion"]
    assert got.zones == camera.zones


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("- {kind: intrusion, zone: road}\n- {kind: intrusion, zone: raod}\n", 2, "did you mean `road`"),
        ("rules:\n- {kind: intrusion, zone: raod}\n", 2, "did you mean `road`"),
        ("[]\n", 1, "no rules"),
        ("rule: 3\n", 1, "no rules"),
        ("- {kind: intrusoin}\n", 1, "`intrusion`"),
    ],
)
def test_a_wrong_rule_file(tmp_path: Path, text: str, line: int, said: str) -> None:
    camera = cameras.load_one(put(tmp_path, GOOD))
    path = put(tmp_path, text, "rules.yaml")
    with pytest.raises(cameras.FileRefused) as caught:
        cameras.with_rules(camera, path)
    assert caught.value.en.startswith(f"{path}, line {line}: ")
    assert said in caught.value.en
