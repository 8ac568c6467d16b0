"""Progress on a terminal and without one."""

import contextlib
import io
import os
import pty
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from jobs import progress


@dataclass(frozen=True)
class At:
    footage_s_done: float
    footage_s_total: float = 600.0
    rate: float = 20.0
    eta_s: float | None = 30.0
    note: str = ""


class Hand:
    """A clock that goes when told."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_without_a_terminal_a_line_every_few_seconds() -> None:
    out, hand = io.StringIO(), Hand()
    with progress.shown("en", out, hand) as display:
        for i in range(21):
            hand.now = 100.0 + i
            display(At(30.0 * i))
    lines = out.getvalue().splitlines()
    assert [line.split(" of ")[0] for line in lines] == ["2 min 30 s", "5 min 0 s", "7 min 30 s", "10 min 0 s"]
    assert lines[0] == "2 min 30 s of 10 min 0 s of footage, 20.0 s a second, 30 s left"


def test_short_work_says_nothing_without_a_terminal() -> None:
    out = io.StringIO()
    with progress.shown("en", out, Hand()) as display:
        display(At(600.0))
    assert out.getvalue() == ""


def test_remarks_are_said_at_once() -> None:
    out = io.StringIO()
    with progress.shown("en", out, Hand()) as display:
        display.say("+ a first hit")
    assert out.getvalue() == "+ a first hit\n"


@pytest.mark.parametrize(
    ("step", "language", "wanted"),
    [
        (At(90.0, eta_s=None), "en", "1 min 30 s of 10 min 0 s of footage, 20.0 s a second"),
        (At(90.0, note="folding"), "en", "1 min 30 s of 10 min 0 s of footage, 20.0 s a second, 30 s left, folding"),
        (At(90.0), "vi", "1 phút 30 giây trên 10 phút 0 giây phim, 20.0 giây phim mỗi giây, còn 30 giây"),
    ],
)
def test_in_words(step: At, language: str, wanted: str) -> None:
    assert progress.line(step, language) == wanted


def parts(terminal: int) -> Iterator[str]:
    """What was written to a pseudo-terminal whose other end is closed."""
    with contextlib.suppress(OSError):
        while piece := os.read(terminal, 65536):
            yield piece.decode(errors="replace")


def test_a_bar_on_a_terminal() -> None:
    theirs, ours = pty.openpty()
    with os.fdopen(ours, "w") as out:
        with progress.shown("en", out) as display:
            display(At(300.0))
            display.say("+ [a] hit")
        with progress.counted("street", out) as tell:
            tell(2_000_000, 6_000_000)
    drawn = "".join(parts(theirs))
    os.close(theirs)
    assert "50%" in drawn
    assert "20.0 s a second, 30 s left" in drawn
    assert "+ [a] hit" in drawn
    assert "2.0/6.0 MB" in drawn


def test_pace() -> None:
    out, hand = io.StringIO(), Hand()
    with progress.shown("en", out, hand) as display:
        pace = progress.Pace(display, 60.0, hand)
        pace.at(0.0)
        hand.now += 10
        pace.at(20.0)
    assert out.getvalue() == "20 s of 1 min 0 s of footage, 2.0 s a second, 20 s left\n"


def test_bytes_without_a_terminal() -> None:
    out = io.StringIO()
    with progress.counted("street", out) as tell:
        for done in (1_000_000, 6_500_000):
            tell(done, 6_500_000)
    assert out.getvalue() == "street: 6.5 / 6.5 MB\n"
