"""Nothing but the answer goes to standard output, whoever prints."""

import os
import subprocess
import sys
from pathlib import Path

from cluster.settings import Settings
from jobs import logbook

CHATTER = """
import os, subprocess, sys
from cluster.settings import load
from jobs.terminal import open_terminal
with open_terminal(load()) as terminal:
    print("a library prints")
    os.write(1, b"C code prints\\n")
    subprocess.run(["echo", "a child prints"])
    terminal.note("a note", "ghi chú")
    terminal.answer("đáp án")
print("after")
"""


def test_only_the_answer(home: Settings) -> None:
    done = subprocess.run([sys.executable, "-c", CHATTER], capture_output=True, env=os.environ | {"LC_ALL": "C"}, timeout=60, check=False)
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout.decode() == "đáp án\nafter\n"
    assert sorted(done.stderr.decode().split("\n")) == sorted(["a library prints", "C code prints", "a child prints", "a note", ""])


def test_the_details_of_the_unexpected_are_kept(home: Settings) -> None:
    try:
        raise ZeroDivisionError("a number by nothing\nsecond line")
    except ZeroDivisionError as error:
        said = logbook.keep(home, error, ["index", "a.mp4"])
    path = Path(said.rsplit(" ", 1)[1])
    assert said == f"unexpected: ZeroDivisionError: a number by nothing. The details are in {path}"
    assert path.parent == home.logs
    log = path.read_text(encoding="utf-8")
    assert "matthan index a.mp4" in log
    assert "Traceback" in log
    assert "test_terminal.py" in log


def test_where_no_log_can_be_written_the_details_are_told(home: Settings, capsys: object) -> None:
    home.home.parent.mkdir(parents=True, exist_ok=True)
    home.home.write_text("a file where the home should be")
    assert logbook.keep(home, ValueError("x"), []) == "ValueError: x"
