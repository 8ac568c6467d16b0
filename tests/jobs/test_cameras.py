"""Cameras at the front door: lists, checks, the grid, and every field told."""

import io
import json
from argparse import Namespace
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import pytest
import yaml

from analytics.camera import Camera
from analytics.camera_fields import keys
from analytics.errors import Refused
from analytics.fields_vi import ABOUT
from analytics.rules import registry
from cluster.settings import Settings
from jobs import cameras
from jobs.terminal import Terminal


def said(command: Callable[..., int], settings: Settings, **given: Any) -> tuple[int, str]:
    out = io.BytesIO()
    code = command(settings, Namespace(**given), Terminal(out, settings.language))
    return code, out.getvalue().decode()


def test_list(watched: Settings) -> None:
    code, text = said(cameras.list_, watched, format="table")
    assert code == 0
    assert [word for word in ("gate", "Gate", "160×96", "across", "road") if word not in text] == []
    [one] = json.loads(said(cameras.list_, watched, format="json")[1])["cameras"]
    assert (one["id"], one["lines"], one["resolution"], one["ground"]) == ("gate", ["across"], [160, 96], False)
    heading, line = said(cameras.list_, watched, format="csv")[1].splitlines()
    assert heading.startswith("id,name,agency,lat")
    assert line.startswith("gate,Gate")


def test_show_gives_back_the_whole_camera(watched: Settings) -> None:
    _, text = said(cameras.show, watched, camera="gate", format="table")
    file = yaml.safe_load((watched.cameras / "gate.yaml").read_text(encoding="utf-8"))
    assert Camera.read(yaml.safe_load(text)) == Camera.read(file)
    _, text = said(cameras.show, watched, camera="gate", format="json")
    assert Camera.read(json.loads(text)) == Camera.read(file)


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        pytest.param("ok.yaml", "id: ok\nresolution: [10, 10]\n", None, id="fine"),
        pytest.param("a.yaml", "id: a\nresolution: [10, 10]\nzoness: {}\n", "zones", id="an unknown key"),
        pytest.param("a.yaml", "id: a\nresolution: [9, 9]\nzones: {z: [[0, 0], [8, 8], [8, 0], [0, 8]]}\n", "zones.z", id="crosses itself"),
        pytest.param("a.yaml", "id: a\nresolution: [10, 10]\nlines: {l: [[0, 0]]}\n", "lines.l", id="a line of one point"),
        pytest.param("a.yaml", "id: a\nresolution: [10, 10]\nrules: [{kind: wrongway}]\n", "wrong_way", id="an unknown kind"),
        pytest.param("b.yaml", "id: gate\nresolution: [10, 10]\n", "gate.yaml", id="an id that is taken"),
    ],
)
def test_check(watched: Settings, capsys: pytest.CaptureFixture[str], name: str, content: str, says: str | None) -> None:
    (watched.cameras / name).write_text(content, encoding="utf-8")
    code, text = said(cameras.check, watched, cameras=[])
    err = capsys.readouterr().err
    assert "gate: fine" in text, "the other files are told all the same"
    assert code == (2 if says else 0)
    if says:
        assert says in err
        assert name in err, "the file is named"


def test_check_one_by_id_or_by_file(watched: Settings, tmp_path: Path) -> None:
    other = tmp_path / "other.yaml"
    other.write_text("id: other\nresolution: [10, 10]\n", encoding="utf-8")
    assert said(cameras.check, watched, cameras=["gate", str(other)]) == (0, "gate: fine, 0 rules\nother: fine, 0 rules\n")
    with pytest.raises(Refused, match="did you mean `gate`"):
        said(cameras.check, watched, cameras=["gaet"])


@pytest.mark.parametrize("at", [None, "2026-11-01T08:00:01"])
def test_still(watched: Settings, tmp_path: Path, at: str | None) -> None:
    out = tmp_path / "grid.png"
    assert said(cameras.still, watched, camera="gate", at=at, out=str(out)) == (0, f"{out}\n")
    picture = cv2.imread(str(out))
    assert picture is not None
    assert picture.shape[1] >= 960, "small pictures come enlarged"


@pytest.mark.parametrize(
    ("given", "says"),
    [
        pytest.param(
            {"camera": "gate", "at": "2026-11-01T09:00:00", "out": "g.jpg"}, "2026-11-01 08:00:00 – 2026-11-01 08:00:04", id="when"
        ),
        pytest.param({"camera": "gate", "at": None, "out": "g.gif"}, ".jpg or .png", id="what form"),
        pytest.param({"camera": "gaet", "at": None, "out": "g.jpg"}, "`gate`", id="which camera"),
    ],
)
def test_still_refused(watched: Settings, given: dict[str, Any], says: str) -> None:
    with pytest.raises(Refused) as refused:
        said(cameras.still, watched, **given)
    assert says in refused.value.en


def test_schema_tells_every_field_and_every_kind(home: Settings) -> None:
    _, text = said(cameras.schema, home, format="table")
    for field in Camera.model_fields.values():
        assert field.description
        assert field.description in text or field is Camera.model_fields["rules"]
    for kind, config in registry.kinds().items():
        assert f"- kind: {kind}" in text
        for name, field in config.model_fields.items():
            assert name == "kind" or f"{name}: " in text
            assert name == "kind" or (field.description and field.description in text), f"{kind}.{name} is not described"
    document = json.loads(said(cameras.schema, home, format="json")[1])
    assert set(document["rules"]) == set(registry.kinds())


def test_schema_in_vietnamese_leaves_nothing_in_english(home: Settings) -> None:
    assert {key.path for key in keys()} <= set(ABOUT), "every key has its meaning in Vietnamese"
    _, text = said(cameras.schema, replace(home, language="vi"), format="table")
    for key in keys():
        assert key.about not in text, f"{key.path} is told in English"
        assert key.path == "rules" or ABOUT[key.path] in text, f"{key.path} is not told"
    assert "number" not in text
    assert "<name>" not in text
