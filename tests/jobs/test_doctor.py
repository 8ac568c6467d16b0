"""What the doctor finds here, and what it says where something is missing."""

import io
import json
from argparse import Namespace
from dataclasses import replace

import pytest

from cluster.settings import S3, Settings
from jobs import doctor
from jobs.doctor import Finding, examine
from jobs.terminal import Terminal


def found(settings: Settings) -> dict[str, Finding]:
    return {f.name[0]: f for f in examine(settings)}


def test_on_this_machine(home: Settings) -> None:
    all_of_it = found(home)
    for name in ("Python", "processor", "memory", "OpenCV", "video (PyAV)", "Ray", "store", "lake"):
        assert all_of_it[name].state == "ok", all_of_it[name]
    assert all_of_it["OpenCV"].detail.endswith("headless"), "the build that needs no libGL"
    assert "models pull street" in all_of_it["model street"].remedy[0]
    assert all_of_it["camera files"].state == "optional"
    assert not (home.home / "store" / "doctor").exists() or not list((home.home / "store" / "doctor").iterdir())


def test_every_remedy_is_there_in_both_languages(home: Settings) -> None:
    for f in examine(home):
        assert (f.state == "ok") == (f.remedy == ("", "")), f
        assert bool(f.remedy[0]) == bool(f.remedy[1])


def test_what_is_broken_is_named_with_its_remedy(home: Settings) -> None:
    home.cameras.mkdir(parents=True)
    (home.cameras / "gate.yaml").write_text("id: gate\nresolution: [160, 96]\nzoness: {}\n", encoding="utf-8")
    (home.home / "store").write_text("a file where the store should be")
    all_of_it = found(home)
    assert all_of_it["camera files"].state == "missing"
    assert "zones" in all_of_it["camera files"].remedy[0]
    assert all_of_it["store"].state == "missing"


def test_a_store_that_does_not_answer(home: Settings) -> None:
    nobody = replace(home, store="s3://bucket", s3=S3("127.0.0.1:9", "key", "secret", secure=False))
    finding = found(nobody)["store (S3)"]
    assert finding.state == "missing"
    assert "MATTHAN_S3_ENDPOINT" in finding.remedy[0]


@pytest.mark.parametrize("language", ["en", "vi"])
@pytest.mark.parametrize("form", ["table", "json"])
def test_as_it_is_told(home: Settings, language: str, form: str) -> None:
    out = io.BytesIO()
    spoken = replace(home, language=language)  # type: ignore[arg-type]
    code = doctor.command(spoken, Namespace(format=form), Terminal(out, language))
    text = out.getvalue().decode()
    if form == "json":
        document = json.loads(text)
        assert document["usable"] == (code == 0)
        assert {"name", "state", "detail", "remedy"} == set(document["findings"][0])
    else:
        assert ("bộ nhớ" if language == "vi" else "memory") in text
        assert "✓" in text
