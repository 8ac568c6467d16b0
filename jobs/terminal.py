"""Where words go: the answer to standard output, all else to standard error, also what libraries and worker processes print."""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from analytics.errors import Refused
from cluster.settings import Settings


class Terminal:
    """A command's two voices: `answer` for what was asked, `note` for the person who asked.

    Args:
        out: the real standard output.
        language: "vi" or "en".
    """

    def __init__(self, out: BinaryIO, language: str) -> None:
        self._out = out
        self.language = language

    @property
    def seen(self) -> bool:
        """Whether a person looks at the answer as it comes: standard output is a terminal."""
        return self._out.isatty()

    @property
    def width(self) -> int:
        """Columns of the terminal; wide where the answer goes elsewhere, so that nothing is cut."""
        if not self.seen:
            return 1000
        try:
            return os.get_terminal_size(self._out.fileno()).columns or 80
        except OSError:
            return 80

    def answer(self, text: str | bytes) -> None:
        """Writes to standard output; a text in UTF-8, whatever the locale, with a line's end."""
        data = text if isinstance(text, bytes) else (text if text.endswith("\n") else f"{text}\n").encode()
        self._out.write(data)
        self._out.flush()

    def note(self, en: str, vi: str) -> None:
        """Says something about the work, on standard error."""
        print(self.say(en, vi), file=sys.stderr, flush=True)

    def say(self, en: str, vi: str) -> str:
        """One of two texts."""
        return vi if self.language == "vi" else en

    def save(self, data: bytes, path: Path) -> None:
        """Writes the answer to a file, whole or not at all."""
        write_whole(data, path)
        self.note(f"written to {path}", f"đã ghi vào {path}")


def write_whole(data: bytes, path: Path) -> None:
    """Puts a file into place at once; nobody sees half of it.

    Raises:
        Refused: the folder is not there, may not be written, or is full.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_bytes(data)
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True) if part.parent.is_dir() else None
        raise cannot_write(path, error) from error


def cannot_write(path: Path, error: OSError) -> Refused:
    """What to say about a file that could not be written."""
    return Refused(
        en=f"{path} cannot be written ({error.strerror}). Choose another --out.",
        vi=f"Không ghi được {path} ({error.strerror}). Hãy chọn --out khác.",
    )


@contextmanager
def open_terminal(settings: Settings) -> Iterator[Terminal]:
    """Keeps standard output for the answer: until the end, whatever is printed goes to standard error instead."""
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    real = os.dup(1)
    os.set_inheritable(real, False)
    os.dup2(2, 1)
    with os.fdopen(real, "wb", closefd=False) as out:
        try:
            yield Terminal(out, settings.language)
        finally:
            sys.stdout.flush()
            try:
                out.flush()
            except BrokenPipeError:
                os.dup2(os.open(os.devnull, os.O_WRONLY), real)
            os.dup2(real, 1)
    os.close(real)


DONE, UNEXPECTED, WRONG, INTERRUPTED = 0, 1, 2, 130


def guarded(settings: Settings, command: Callable[[Terminal], int], words: Sequence[str]) -> int:
    """Runs a command and says what ended it, if something did.

    Args:
        words: the command line, for the log of the unexpected.

    Returns:
        its exit code; 1 unexpected, 2 the command or a configuration is wrong, 130 interrupted.
    """
    try:
        with open_terminal(settings) as terminal:
            return command(terminal)
    except Refused as refusal:
        return _ended(refusal.say(settings.language), WRONG)
    except KeyboardInterrupt:
        stopped = "Stopped. What was committed is kept; the same command goes on from there."
        stopped_vi = "Đã dừng. Những gì đã lưu vẫn còn; chạy lại lệnh để làm tiếp."
        return _ended(stopped_vi if settings.language == "vi" else stopped, INTERRUPTED)
    except BrokenPipeError:  # whoever read the answer had enough of it
        return DONE
    except Exception as error:  # noqa: BLE001 - the last resort: a short message, and all of it in a file
        from jobs.logbook import keep

        return _ended(keep(settings, error, words), UNEXPECTED)


def _ended(message: str, code: int) -> int:
    print(f"matthan: {message}", file=sys.stderr)
    return code
