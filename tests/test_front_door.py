"""The command line: what each mistake says and its exit code, in both languages; what `--help` tells; what it does not import."""

import argparse
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

import matthan
from cluster.settings import Settings
from tests.jobs.conftest import write_clip

HEAVY = {"av", "cv2", "decord", "deltalake", "duckdb", "minio", "numpy", "openvino", "pandas", "pyarrow", "pydantic", "ray", "rich",
         "shapely", "supervision", "torch", "ultralytics", "yaml"}  # fmt: skip
GATE = "id: gate\nresolution: [160, 96]\nzones: {road: [[0, 0], [159, 0], [159, 95], [0, 95]]}\nlines: {across: [[0, 50], [159, 50]]}\n"
SPAN = ["--from", "2026-11-01T08:00", "--to", "2026-11-01T09:00"]


def parsers(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """The parser and those of all its commands."""
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for below in action.choices.values():
                yield from parsers(below)


@pytest.fixture
def gate(home: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Settings:
    """A home with one camera, in an empty folder."""
    home.cameras.mkdir(parents=True)
    (home.cameras / "gate.yaml").write_text(GATE, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return home


@pytest.mark.parametrize("language", ["en", "vi"])
def test_every_command_has_a_help_and_leads_somewhere(language: str) -> None:
    names = []
    for parser in parsers(matthan.build(language)):
        assert parser.description
        text = parser.format_help()
        assert ("cách dùng:" if language == "vi" else "usage:") in text
        does = parser.get_default("does")
        if does:
            module, function = does.split(":")
            assert callable(getattr(import_module(module), function)), does
            names.append(parser.prog)
            for action in parser._actions:
                assert action.help or not action.option_strings or action.dest == "camera", f"{parser.prog} {action.dest} has no help"
    assert len(names) == 24


@pytest.mark.parametrize("job", ["index", "compact"])
@pytest.mark.parametrize(("language", "frame", "not_frame"), [("en", "usage:", "cách dùng:"), ("vi", "cách dùng:", "show this help")])
def test_jobs_for_a_cluster_speak_the_users_language(
    home: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], job: str, language: str, frame: str, not_frame: str
) -> None:
    monkeypatch.setenv("MATTHAN_LANGUAGE", language)
    with pytest.raises(SystemExit) as end:
        import_module(f"jobs.{job}").main(["--help"])
    told = capsys.readouterr().out
    assert end.value.code == 0
    assert frame in told
    assert not_frame not in told


def test_every_command_of_the_specification_is_there() -> None:
    there = {parser.prog for parser in parsers(matthan.build("en")) if parser.get_default("does")}
    wanted = """demo, doctor, models list, models pull, models bench, cameras list, cameras show, cameras check, cameras still,
        cameras schema, footage add, footage list, footage remove, index, search, counts, rewind, coverage, show, drill render, drill score,
        bench engine, bench archive, bench search"""
    assert {f"matthan {' '.join(name.split())}" for name in wanted.split(",")} <= there


def test_help_and_parsing_import_nothing_heavy(home: Settings) -> None:
    probe = (
        "import sys, matthan\n"
        "try: matthan.main(['--help'])\n"
        "finally: print(sorted({m.split('.')[0] for m in sys.modules}), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True, timeout=60)
    assert "COMMAND" in done.stdout
    assert not HEAVY & set(eval(done.stderr.splitlines()[-1])), "imported by --help"  # noqa: S307 - our own list


@pytest.mark.parametrize(
    ("words", "code", "en", "vi"),
    [
        pytest.param([], 2, "required: COMMAND", "còn thiếu: LỆNH", id="nothing"),
        pytest.param(["serach"], 2, "invalid choice: 'serach'", "không có 'serach'", id="an unknown command"),
        pytest.param(["cameras"], 2, "required: WHAT", "còn thiếu: VIỆC", id="half a command"),
        pytest.param(["counts"], 2, "required: --camera", "còn thiếu: --camera", id="without its camera"),
        pytest.param(["search", "--objekt", "car"], 2, "unrecognized arguments: --objekt", "không hiểu: --objekt", id="an unknown flag"),
        pytest.param(["search", "--form", "json"], 2, "unrecognized", "không hiểu", id="flags are not cut short"),
        pytest.param(["search", "--format", "xml"], 2, "invalid choice: 'xml'", "không có 'xml'", id="an unknown format"),
        pytest.param(["search", "--limit", "0"], 2, "wanted 1 or more", "cần từ 1 trở lên", id="a limit of nothing"),
        pytest.param(["index", "--fps", "-1"], 2, "more than 0", "cần lớn hơn 0", id="a negative rate"),
        pytest.param(["index", "--workers", "-1"], 2, "wanted 0 or more", "cần từ 0 trở lên", id="less than no workers"),
        pytest.param(["index", "--fps", "fast"], 2, "invalid", "không nhận", id="a rate in words"),
        pytest.param(["index", "a.mp4", "--start", "x", "--start-from-name", "y"], 2, "not allowed", "không dùng cùng", id="two starts"),
        pytest.param(["index", "a.mp4", "--start", "eight"], 2, "'eight' is no time", "không phải thời điểm", id="no time"),
        pytest.param(["index", "nowhere.mp4"], 2, "There is no nowhere.mp4", "Không có nowhere.mp4", id="no such file"),
        pytest.param(["index", "--camera", "gate"], 2, "footage add", "footage add", id="nothing registered"),
        pytest.param(["footage", "add", "gate.mp4", "--camera", "gaet"], 2, "mean `gate`", "có phải `gate`", id="an unknown camera"),
        pytest.param(["footage", "remove", "nowhere.mp4"], 2, "footage list", "footage list", id="remove what is not there"),
        pytest.param(["search", "--camera", "gaet", *SPAN], 2, "did you mean `gate`", "có phải `gate`", id="search: an unknown camera"),
        pytest.param(["search", "--object", "lory", *SPAN], 2, "unknown object", "loại đối tượng", id="search: an unknown class"),
        pytest.param(["search", "--colour", "redd", *SPAN], 2, "red", "màu", id="search: an unknown colour"),
        pytest.param(["search", "--event", "wrongway", *SPAN], 2, "wrong_way", "wrong_way", id="search: an unknown kind"),
        pytest.param(["search", "--camera", "gate", "--zone", "raod", *SPAN], 2, "`road`", "`road`", id="search: an unknown zone"),
        pytest.param(["search", "--direction", "onward", *SPAN], 2, "direction", "hướng", id="search: an unknown direction"),
        pytest.param(["search", "--camera", "gate", "--direction", "N", *SPAN], 2, "heading_deg", "heading_deg", id="search: no heading"),
        pytest.param(["search", "--camera", "gate", "--min-speed", "9", *SPAN], 2, "ground", "mặt đất|ground", id="search: no ground"),
        pytest.param(["search", "--near", "here", *SPAN], 2, "latitude,longitude", "vĩ độ,kinh độ", id="search: no place"),
        pytest.param(["search", "--from", SPAN[3], "--to", SPAN[1]], 2, "reversed", "bị ngược", id="search: reversed"),
        pytest.param(["counts", "--camera", "gate", "--line", "acros", *SPAN], 2, "`across`", "`across`", id="counts: an unknown line"),
        pytest.param(["counts", "--camera", "gate", "--by", "week", *SPAN], 2, "15min", "15min", id="counts: by what there is not"),
        pytest.param(["coverage", "--camera", "x", *SPAN], 2, "unknown camera", "không có camera", id="coverage: an unknown camera"),
        pytest.param(["rewind", "r.yaml", "--camera", "gate"], 2, "no file r.yaml", "không có tệp r.yaml", id="rewind: no rules"),
        pytest.param(["show", "t12", "--out", "a.mp4"], 2, "no hit's id", "không phải mã", id="show: no id"),
        pytest.param(["show", "t0000000000000001", "--out", "a.gif"], 2, r"\.mp4", r"\.mp4", id="show: an unknown form"),
        pytest.param(["show", "t0000000000000001", "--out", "a.mp4"], 2, "There is no hit", "Không có kết quả", id="show: no such hit"),
        pytest.param(["cameras", "show", "gaet"], 2, "`gate`", "`gate`", id="cameras show: unknown"),
        pytest.param(["cameras", "still", "gate", "--out", "a.jpg"], 2, "footage add", "footage add", id="cameras still: no footage"),
        pytest.param(["models", "pull", "stret"], 2, "street", "street", id="models pull: unknown"),
        pytest.param(["models", "bench", "--model", "nowhere.pt"], 2, "nowhere.pt", "nowhere.pt", id="models bench: no such file"),
        pytest.param(["drill", "render", "nowhere", "--out", "d"], 2, "nowhere", "nowhere", id="drill: an unknown scene"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("language", ["en", "vi"])
def test_what_is_wrong_is_said_and_exits_2(
    gate: Settings,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    language: str,
    words: list[str],
    code: int,
    en: str,
    vi: str,
) -> None:
    write_clip(Path("gate.mp4"))
    monkeypatch.setenv("MATTHAN_LANGUAGE", language)
    assert matthan.main(words) == code
    said = capfd.readouterr()
    assert said.out == ""
    assert re.search(vi if language == "vi" else en, said.err), said.err
    assert "Traceback" not in said.err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        pytest.param(["--version"], "matthan 0.1", id="version"),
        pytest.param(["cameras", "list"], "gate", id="cameras list"),
        pytest.param(["cameras", "check"], "", id="cameras check"),
        pytest.param(["cameras", "show", "gate"], "across", id="cameras show"),
        pytest.param(["cameras", "schema"], "heading_deg", id="cameras schema"),
        pytest.param(["models", "list"], "street", id="models list"),
        pytest.param(["footage", "list"], "", id="footage list, nothing there"),
        pytest.param(["search", *SPAN], "0 hits", id="search, nothing found"),
        pytest.param(["counts", "--camera", "gate", *SPAN], "0 crossings", id="counts, nothing found"),
        pytest.param(["coverage", "--camera", "gate", *SPAN], "no footage", id="coverage, nothing there"),
        pytest.param(["index"], "Nothing was left", id="index, nothing to do"),
    ],
)
def test_nothing_found_is_done(gate: Settings, capfd: pytest.CaptureFixture[str], words: list[str], says: str) -> None:
    assert matthan.main(words) == 0
    assert says in capfd.readouterr().out


@pytest.mark.parametrize("command", [["search"], ["counts", "--camera", "gate"], ["coverage", "--camera", "gate"]])
def test_one_json_document_on_standard_output(gate: Settings, capfd: pytest.CaptureFixture[str], command: list[str]) -> None:
    assert matthan.main([*command, *SPAN, "--format", "json"]) == 0
    document = json.loads(capfd.readouterr().out)
    covers = document.get("coverage", document)
    assert (covers["asked_s"], covers["footage_s"], covers["indexed_s"]) == (3600.0, 0.0, 0.0)
    assert covers["missing"][0]["reason"] == "no footage"


def test_some_footage_that_cannot_be_read_exits_3(gate: Settings, capfd: pytest.CaptureFixture[str]) -> None:
    Path("bad.mp4").write_bytes(b"")
    write_clip(Path("good.mp4"))
    assert matthan.main(["footage", "add", "bad.mp4", "good.mp4", "--camera", "gate", "--start", "2026-11-01T08:00"]) == 3
    out = capfd.readouterr().out
    assert "bad.mp4: unreadable: bad.mp4 is empty" in out or "bad.mp4 is empty" in out
    assert "good.mp4: gate, 2026-11-01 08:00:00 (as given), 2 s" in out


def test_a_broken_configuration_exits_2_but_help_works(home: Settings, capfd: pytest.CaptureFixture[str]) -> None:
    home.home.mkdir(parents=True, exist_ok=True)
    (home.home / "matthan.toml").write_text('languag = "vi"\n', encoding="utf-8")
    assert matthan.main(["--help"]) == 0
    assert "COMMAND" in capfd.readouterr().out
    assert matthan.main(["search"]) == 2
    assert "language" in capfd.readouterr().err


def test_the_unexpected_exits_1_and_names_the_log(gate: Settings, capfd: pytest.CaptureFixture[str]) -> None:
    (gate.home / "store" / "lake").mkdir(parents=True)
    (gate.home / "store" / "lake" / "footage").mkdir()
    (gate.home / "store" / "lake" / "footage" / "_delta_log").mkdir()
    (gate.home / "store" / "lake" / "footage" / "_delta_log" / "00000000000000000000.json").write_text("{broken")
    assert matthan.main(["footage", "list"]) == 1
    said = capfd.readouterr()
    assert said.out == ""
    assert "Traceback" not in said.err
    log = Path(said.err.strip().splitlines()[-1].rsplit(" ", 1)[1])
    assert "Traceback" in log.read_text(encoding="utf-8")


def test_whoever_reads_may_stop_reading(gate: Settings) -> None:
    shell = f"{sys.executable} -m matthan cameras schema | head -1"
    done = subprocess.run(["bash", "-c", f"set -o pipefail; {shell}"], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == 1


def test_ctrl_c_says_that_nothing_is_lost(gate: Settings) -> None:
    fifo = Path("endless.mp4")
    os.mkfifo(fifo)
    process = subprocess.Popen([sys.executable, "-m", "matthan", "footage", "add", str(fifo)], stderr=subprocess.PIPE, text=True)
    writer = os.open(fifo, os.O_WRONLY)  # waits until it opens the pipe; it then waits for what is never written
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    os.close(writer)
    assert process.returncode == 130
    assert "Stopped. What was committed is kept" in err
    assert "Traceback" not in err
