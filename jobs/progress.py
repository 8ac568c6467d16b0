"""How far long work is: a bar with footage-seconds a second and the time left on a terminal, a line every few seconds elsewhere."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TextIO

from jobs.times import lasting

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

EVERY_S = 5.0
"""Between two lines where there is no terminal."""
OFTEN_S = 0.2
"""Work that knows its pace draws no more often."""


class Step(Protocol):
    """What `jobs.index.Progress` says: seconds of footage done and to do, seconds a second, seconds left, and a remark."""

    @property
    def footage_s_done(self) -> float: ...
    @property
    def footage_s_total(self) -> float: ...
    @property
    def rate(self) -> float: ...
    @property
    def eta_s(self) -> float | None: ...
    @property
    def note(self) -> str: ...


@dataclass(frozen=True, slots=True)
class At:
    """A step of work that knows no more than how far it is."""

    footage_s_done: float
    footage_s_total: float
    rate: float
    eta_s: float | None
    note: str = ""


class Display(Protocol):
    """Where steps are shown; `say` puts a line beside them."""

    def __call__(self, step: Step) -> None: ...
    def say(self, text: str) -> None: ...


@contextmanager
def shown(language: str, stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic) -> Iterator[Display]:
    """Shows the steps that it is called with, until the `with` is left.

    Args:
        stream: where to; standard error where left out.
        clock: seconds, for the pauses between lines.
    """
    out = sys.stderr if stream is None else stream
    if out.isatty():
        with _bar(out) as bar:
            yield _Drawn(bar, language)
    else:
        yield _Logged(out, language, clock)


class Pace:
    """Tells a display how far work of known length is, with the rate since it began."""

    def __init__(self, display: Callable[[Step], None], total_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._display, self._total_s, self._clock = display, total_s, clock
        self._began = clock()
        self._last = -OFTEN_S

    def at(self, done_s: float) -> None:
        """`done_s` seconds of footage are done."""
        spent_s = self._clock() - self._began
        if spent_s - self._last < OFTEN_S:
            return
        self._last = spent_s
        rate = done_s / spent_s if spent_s > 0 else 0.0
        known = rate > 0 and done_s >= 0.03 * self._total_s  # before, starting up is most of it
        self._display(At(done_s, self._total_s, rate, (self._total_s - done_s) / rate if known else None))


class _Drawn:
    def __init__(self, bar: "Bar", language: str) -> None:
        self._bar = bar
        self._language = language
        self._task = bar.add_task("", total=None, left="")

    def __call__(self, step: Step) -> None:
        told = line(step, self._language)
        self._bar.update(self._task, total=step.footage_s_total or None, completed=step.footage_s_done, left=told, refresh=True)

    def say(self, text: str) -> None:
        self._bar.console.print(text, markup=False, highlight=False)


class _Logged:
    def __init__(self, out: TextIO, language: str, clock: Callable[[], float]) -> None:
        self._out = out
        self._language = language
        self._clock = clock
        self._last = clock()

    def __call__(self, step: Step) -> None:
        if self._clock() - self._last >= EVERY_S:
            self._last = self._clock()
            self.say(line(step, self._language))

    def say(self, text: str) -> None:
        print(text, file=self._out, flush=True)


def _bar(out: TextIO) -> "Bar":
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    columns = BarColumn(), TextColumn("{task.percentage:>3.0f}%"), TextColumn("{task.fields[left]}")
    return Progress(*columns, console=Console(file=out), transient=True, redirect_stdout=False, redirect_stderr=False)


def line(step: Step, language: str) -> str:
    """The step in words.

    >>> from types import SimpleNamespace as S
    >>> line(S(footage_s_done=90.0, footage_s_total=600.0, rate=30.0, eta_s=17.0, note=""), "en")
    '1 min 30 s of 10 min 0 s of footage, 30.0 s a second, 17 s left'
    """
    done, total = lasting(step.footage_s_done, language), lasting(step.footage_s_total, language)
    left = None if step.eta_s is None else lasting(step.eta_s, language)
    if language == "vi":
        parts = [f"{done} trên {total} phim", f"{step.rate:.1f} giây phim mỗi giây", f"còn {left}" if left else "", step.note]
    else:
        parts = [f"{done} of {total} of footage", f"{step.rate:.1f} s a second", f"{left} left" if left else "", step.note]
    return ", ".join(p for p in parts if p)


@contextmanager
def counted(what: str, stream: TextIO | None = None) -> Iterator[Callable[[int, int | None], None]]:
    """Shows bytes that arrive, for downloads: done, and the whole where it is known."""
    out = sys.stderr if stream is None else stream
    if not out.isatty():
        last = time.monotonic()

        def log(done: int, total: int | None) -> None:
            nonlocal last
            if time.monotonic() - last >= EVERY_S or done == total:
                last = time.monotonic()
                print(f"{what}: {done / 1e6:.1f}{f' / {total / 1e6:.1f}' if total else ''} MB", file=out, flush=True)

        yield log
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    columns = TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn()
    with Progress(*columns, console=Console(file=out), transient=True, redirect_stdout=False, redirect_stderr=False) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total, refresh=True)
