"""Runs index jobs that are killed with SIGKILL, one after another: `python -m tests.jobs.mortal`, lives as JSON lines on standard input.

Everything is imported once and each life is a fork of that, so that many deaths cost little. A life says where it ends:
`{"write": n}` before its n-th write to the store or commit to the lake, `{"table": name}` before its first commit to a table,
`{"after_s": t}` at a moment; nothing lets it live.
"""

import json
import os
import signal
import sys
import time
from typing import Any

import numpy  # noqa: F401 - all of these are imported for the lives to come

from cluster.lake import Lake
from cluster.settings import load
from cluster.store import FolderStore
from jobs import index


def main() -> None:
    for line in sys.stdin:
        life = json.loads(line)
        began = time.monotonic()
        pid = os.fork()
        if pid == 0:
            _live(life)
        after_s = (life.get("dies") or {}).get("after_s")
        if after_s is not None:
            time.sleep(after_s)
            os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
        code = os.waitstatus_to_exitcode(status)
        print(json.dumps({"code": code, "seconds": time.monotonic() - began}), flush=True)


def _live(life: dict[str, Any]) -> None:
    code = 1
    try:
        os.environ.update(life["environment"])
        dies = life.get("dies") or {}
        _die_before(dies.get("write"), dies.get("table"))
        told = index.run(load(), index.IndexRequest(**life["request"]))
        print(json.dumps({"footage_s": told.footage_s}), file=sys.stderr)
        code = 0
    finally:
        os._exit(code)


def _die_before(writes: int | None, table: str | None) -> None:
    """From now on, this process kills itself instead of its n-th write, or of a write to the table."""
    done = 0

    def mortal(act: Any) -> Any:
        def acting(self: Any, what: str, *given: Any) -> Any:
            nonlocal done
            done += 1
            if done == writes or (what == table and act is append):
                os.kill(os.getpid(), signal.SIGKILL)
            return act(self, what, *given)

        return acting

    append = Lake.append
    Lake.append = mortal(append)  # type: ignore[method-assign]
    FolderStore.put = mortal(FolderStore.put)  # type: ignore[method-assign]


if __name__ == "__main__":
    main()
