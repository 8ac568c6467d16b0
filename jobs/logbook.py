"""Where the details of the unexpected go: a file in the settings' log folder; a person gets a line that names it."""

import platform
import sys
import traceback
from collections.abc import Sequence
from datetime import UTC, datetime

from cluster.settings import Settings


def keep(settings: Settings, error: BaseException, words: Sequence[str]) -> str:
    """Writes the traceback to a log file; returns what to tell the person."""
    now = datetime.now(UTC)
    trace = "".join(traceback.format_exception(error))
    head = f"{now.isoformat()}\nmatthan {' '.join(words)}\nPython {platform.python_version()} on {platform.platform()}\n\n"
    short = f"{type(error).__name__}: {(str(error).strip().splitlines() or [''])[0][:300]}"
    path = settings.logs / f"{now:%Y%m%dT%H%M%S%f}-{words[0] if words else 'matthan'}.log"
    try:
        settings.logs.mkdir(parents=True, exist_ok=True)
        path.write_text(head + trace, encoding="utf-8")
    except OSError:
        print(trace, file=sys.stderr)
        return short
    if settings.language == "vi":
        return f"lỗi bất ngờ: {short}. Chi tiết nằm trong {path}"
    return f"unexpected: {short}. The details are in {path}"
