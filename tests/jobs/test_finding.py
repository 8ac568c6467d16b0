"""Questions at the front door, asked of a lake that has seen one square: the documents' fields, the flags, what is said beside."""

import json
from pathlib import Path
from typing import Any

import pytest

import matthan
from analytics.errors import Refused
from cluster.settings import Settings
from jobs import finding
from jobs.answers import COLUMNS, rows_of
from tests.jobs.conftest import EVENT, TRACK

SPAN = ["--from", "2026-11-01T08:00:00", "--to", "2026-11-01T08:00:10"]
TOP = {
    "search": {"hits", "coverage"},
    "counts": {"rows", "coverage"},
    "coverage": {"asked_s", "footage_s", "indexed_s", "missing"},
    "rewind": {"hits", "counts", "per_day", "coverage"},
}
"""The fields of each command's document; other programs rely on them."""


def asked(capfd: pytest.CaptureFixture[str], *words: str) -> tuple[dict[str, Any], str]:
    assert matthan.main([*words, "--format", "json"]) == 0
    said = capfd.readouterr()
    return json.loads(said.out), said.err


@pytest.mark.parametrize("command", TOP)
def test_fields_of_the_documents(watched: Settings, tmp_path: Path, capfd: pytest.CaptureFixture[str], command: str) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text("- {kind: intrusion, zone: road, classes: [motorcycle]}\n", encoding="utf-8")
    words = [command, *([str(rules)] if command == "rewind" else []), "--camera", "gate", *SPAN]
    document, _ = asked(capfd, *words)
    assert set(document) == TOP[command]
    covers = document.get("coverage", document)
    assert set(covers) == TOP["coverage"]
    assert (covers["asked_s"], covers["footage_s"], covers["indexed_s"]) == (10.0, 4.0, 4.0)
    assert [set(gap) for gap in covers["missing"]] == [{"camera", "start", "end", "reason"}]
    for row in rows_of(command, document):
        assert list(row) == [c.key for c in COLUMNS[command]]
    assert rows_of(command, document) or command == "rewind"


@pytest.mark.parametrize(
    ("words", "hits"),
    [
        pytest.param([], [f"t{TRACK:016x}"], id="tracks"),
        pytest.param(["--event", "any"], [f"e{EVENT:016x}", f"e{EVENT + 1:016x}"], id="events"),
        pytest.param(["--event", "ngược chiều"], [f"e{EVENT:016x}"], id="in Vietnamese"),
        pytest.param(["--object", "xe may", "--colour", "đỏ"], [f"t{TRACK:016x}"], id="class and colour in Vietnamese"),
        pytest.param(["--object", "car"], [], id="another class"),
        pytest.param(["--color", "blue"], [], id="another colour"),
        pytest.param(["--direction", "right"], [f"t{TRACK:016x}"], id="direction in the picture"),
        pytest.param(["--direction", "left"], [], id="the other direction"),
        pytest.param(["--zone", "road", "--min-duration", "2.9"], [f"t{TRACK:016x}"], id="zone and duration"),
        pytest.param(["--min-duration", "3.1"], [], id="too short"),
        pytest.param(["--camera", "gate", "--camera", "gate"], [f"t{TRACK:016x}"], id="a camera twice"),
        pytest.param(["--from", "2026-11-01T08:00:03.6"], [], id="later"),
        pytest.param(["--to", "2026-11-01T08:00:00.4"], [], id="earlier"),
    ],
)
def test_search(watched: Settings, capfd: pytest.CaptureFixture[str], words: list[str], hits: list[str]) -> None:
    assert [hit["id"] for hit in asked(capfd, "search", *words)[0]["hits"]] == hits


def test_a_time_before_all_cameras_is_refused(watched: Settings, capfd: pytest.CaptureFixture[str]) -> None:
    assert matthan.main(["search", "--camera", "gate", "--from", "0001-01-01"]) == 2
    assert "between 1970 and 2200" in capfd.readouterr().err
    asked(capfd, "search", "--camera", "gate", "--from", "1970-01-01", "--to", "2200-12-31")


def test_what_the_limit_leaves_out_is_said(watched: Settings, capfd: pytest.CaptureFixture[str]) -> None:
    document, err = asked(capfd, "search", "--event", "any", "--limit", "1")
    assert len(document["hits"]) == 1
    assert "2 hits in all, 1 shown" in err


@pytest.mark.parametrize(
    ("by", "rows"),
    [
        pytest.param(None, [("motorcycle", "in", 1)], id="class and direction"),
        pytest.param("class", [("motorcycle", None, 1)], id="class"),
        pytest.param(" direction , 15min ", [(None, "in", 1)], id="direction and time"),
        pytest.param("", [(None, None, 1)], id="all together"),
    ],
)
def test_counts(watched: Settings, capfd: pytest.CaptureFixture[str], by: str | None, rows: list[tuple[Any, ...]]) -> None:
    document, _ = asked(capfd, "counts", "--camera", "gate", *(["--by", by] if by is not None else []))
    assert [(r["class"], r["direction"], r["count"]) for r in document["rows"]] == rows


@pytest.mark.parametrize(("language", "reason"), [("en", "no footage"), ("vi", "không có phim")])
def test_reasons_are_in_the_users_language_for_people_and_in_english_for_programs(
    watched: Settings, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], language: str, reason: str
) -> None:
    monkeypatch.setenv("MATTHAN_LANGUAGE", language)
    words = ["coverage", "--camera", "gate", *SPAN]
    assert asked(capfd, *words)[0]["missing"][0]["reason"] == "no footage"
    assert matthan.main(words) == 0
    assert reason in capfd.readouterr().out


@pytest.mark.parametrize("text", ["21,105", "21,105,300,4", "a,b,c", "91,105,300", "21,181,300", "21,105,0", "21,105,-5", "21,105,inf"])
def test_near_refused(text: str) -> None:
    with pytest.raises(Refused, match=r"21\.0227,105\.8524,300"):
        finding.near(text)


class TestABrokenCameraFile:
    """`z.yaml` is wrong: what is asked about other cameras is answered, and what is wrong is said."""

    WRONG = "z.yaml, line 3"

    @pytest.fixture(autouse=True)
    def broken(self, watched: Settings) -> Settings:
        (watched.cameras / "z.yaml").write_text("id: z\nresolution: [160, 96]\nzonse: {}\n", encoding="utf-8")
        return watched

    @pytest.mark.parametrize(
        "words",
        [
            ["search", "--camera", "gate"],
            ["search"],
            ["counts", "--camera", "gate"],
            ["coverage", "--camera", "gate"],
            ["cameras", "list"],
            ["cameras", "show", "gate"],
        ],
        ids=" ".join,
    )
    def test_stops_no_question_about_others(self, capfd: pytest.CaptureFixture[str], words: list[str]) -> None:
        document, err = asked(capfd, *words)
        assert self.WRONG in err
        assert "gate" in json.dumps(document) or document["indexed_s"] == 4.0

    @pytest.mark.parametrize(
        "words",
        [
            ["search", "--camera", "z"],
            ["search", "--camera", "gate", "--camera", "z"],
            ["coverage", "--camera", "z"],
            ["cameras", "show", "z"],
        ],
        ids=" ".join,
    )
    def test_stops_a_question_about_its_camera(self, capfd: pytest.CaptureFixture[str], words: list[str]) -> None:
        assert matthan.main(words) == 2
        assert self.WRONG in capfd.readouterr().err

    def test_is_said_in_the_users_language(self, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
        monkeypatch.setenv("MATTHAN_LANGUAGE", "vi")
        asked(capfd, "search")
        assert matthan.main(["cameras", "list"]) == 0
        assert "z.yaml, dòng 3" in capfd.readouterr().err
