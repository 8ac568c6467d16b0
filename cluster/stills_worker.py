"""The process that runs decord: takes requests on standard input, answers on standard output. Imports nothing of the project.

decord is unmaintained, leaks, and dies on some files, so it never runs where something else would die with it.
A request is a line of JSON: {"path", "times": [seconds from the first frame]}. The answer is a line of JSON, {"shape": (n, h, w, 3)}
and then as many bytes, red green blue, or {"error"}.
"""

import json
import sys
from typing import Any

import decord
import numpy as np

_EARLY_S = 1e-4  # a time that somebody rounded down still means its picture
_FLOAT32 = 1.2e-7  # decord's times are float32


def main() -> None:
    out = sys.stdout.buffer
    path, reader, shown_at = "", None, np.zeros(0)
    for line in sys.stdin.buffer:
        try:
            asked = json.loads(line)
            if asked["path"] != path:
                path, reader = "", None
                reader = decord.VideoReader(asked["path"], ctx=decord.cpu(0), num_threads=1)
                shown_at = reader.get_frame_timestamp(np.arange(len(reader)))[:, 0].astype(np.float64)
                shown_at -= shown_at[0]
                path = asked["path"]
            pictures = _pictures(reader, shown_at, asked["times"])
        except Exception as error:  # noqa: BLE001  whatever decord stumbles over, the asker has another way
            out.write(json.dumps({"error": str(error)[:500]}).encode() + b"\n")
        else:
            out.write(json.dumps({"shape": pictures.shape}).encode() + b"\n")
            out.write(pictures.tobytes())
        out.flush()


def _pictures(reader: Any, shown_at: np.ndarray, times: list[float]) -> np.ndarray:
    """(n, h, w, 3) uint8: of each time, the last picture shown at or before it."""
    if np.any(np.diff(shown_at) <= 0):
        raise ValueError("its times do not ascend")
    wanted = np.asarray(times)
    indices = np.searchsorted(shown_at, wanted + _EARLY_S + _FLOAT32 * np.abs(wanted), side="right") - 1
    return reader.get_batch(np.clip(indices, 0, len(shown_at) - 1).tolist()).asnumpy()


if __name__ == "__main__":
    main()
