"""What the store holds beside the lake, sights and states of folds, and when it goes: once nothing has needed it for a while.

Kept, however old:
- every sight of footage that is registered for its camera, also where another way of looking holds now: going back to it, or
  changed rules, must not need the video again;
- a sight of which nothing says whose it is, as long as its camera has any footage: its job may have been killed before it folded;
- the state after every chunk that coverage holds, which what is indexed next goes on from.

All else is noted in `sweep/unused.json` when it is first found unused, and deleted when it is still unused `keep_h` hours later;
a job that began before that, and reads it still, has ended by then. Deleted too soon it costs time, not answers: the job that
misses it says so, and run again it does what is missing.
"""

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from analytics.identity import digest

if TYPE_CHECKING:
    from cluster.lake import Lake

LEDGER = "sweep/unused.json"


@dataclass(frozen=True, slots=True)
class Unused:
    """An object that nothing needs.

    Attributes:
        footage: SHA-256 of what it was seen in; None where it is the state of a fold, or all of its camera is gone.
        since: when it was first found so, seconds since the epoch.
    """

    camera: str
    footage: str | None
    since: float


def mark(lake: "Lake", cameras: Sequence[str] | None = None, now: float | None = None) -> dict[str, Unused]:
    """Notes what is unused, of some cameras or of all; all that is noted, by key.

    Best done while coverage still says whose a sight was: when footage is removed, and before coverage is compacted.
    """
    noted = {key: Unused(**fields) for key, fields in json.loads(lake.store.get(LEDGER)).items()} if lake.store.exists(LEDGER) else {}
    found = {key: one for key, one in noted.items() if cameras is not None and one.camera not in cameras}
    at = time.time() if now is None else now
    for key, camera, footage in _unused(lake, cameras, noted):
        found[key] = noted.get(key) or Unused(camera, footage, at)
    if found != noted:
        lake.store.put(LEDGER, json.dumps({key: asdict(one) for key, one in found.items()}).encode())
    return found


def sweep(lake: "Lake", keep_h: float, now: float | None = None) -> int:
    """Deletes what has been unused for `keep_h` hours; returns how many objects."""
    at = time.time() if now is None else now
    old = [key for key, one in mark(lake, now=at).items() if one.since <= at - keep_h * 3600]
    for key in old:
        lake.store.delete(key)
    if old:
        mark(lake, now=at)
    return len(old)


def _unused(lake: "Lake", cameras: Sequence[str] | None, noted: dict[str, Unused]) -> Iterator[tuple[str, str, str | None]]:
    """Key, camera and footage of what nothing needs now."""
    registered = {(r["camera"], r["footage"]) for r in lake.rows("SELECT camera, footage FROM footage", ["footage"], cameras=cameras)}
    there = {camera for camera, _ in registered}
    sql = "SELECT DISTINCT camera, footage, sight FROM coverage_all"
    seen_in = {(r["camera"], r["sight"]): r["footage"] for r in lake.rows(sql, ["coverage"], cameras=cameras)}
    held = {(r["camera"], r["fold"]) for r in lake.rows("SELECT DISTINCT camera, fold FROM coverage", ["coverage"], cameras=cameras)}
    for key in _keys(lake, "sight", cameras):
        camera, sight = _parts(key)
        footage = seen_in.get((camera, sight)) or (noted[key].footage if key in noted else None)
        if camera not in there or (footage is not None and (camera, footage) not in registered):
            yield key, camera, footage
    for key in _keys(lake, "folds", cameras):
        camera, chain = _parts(key)
        if not any((camera, digest(chain, last)) in held for last in (True, False)):  # the names that `jobs.folding.Link` gives
            yield key, camera, None


def _keys(lake: "Lake", kind: str, cameras: Sequence[str] | None) -> list[str]:
    prefixes = [f"{kind}/"] if cameras is None else [f"{kind}/{camera}/" for camera in cameras]
    return [key for prefix in prefixes for key in lake.store.keys(prefix)]


def _parts(key: str) -> tuple[str, str]:
    """Camera and name of an object, `sight/<camera>/<name>.points.parquet`."""
    _, camera, name = key.split("/", 2)
    return camera, name.partition(".")[0]
