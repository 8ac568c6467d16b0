"""What tests of indexing ask of a lake: all that readers see of it, and the street of `blocks` as it must come out."""

import shutil
from collections import Counter
from pathlib import Path
from typing import Any

from analytics.tables import CHUNK_TABLES
from cluster.lake import Lake
from cluster.settings import Settings, load
from jobs import index
from jobs.index import IndexRequest, Report
from tests.chronicle import T0
from tests.jobs import blocks

Rows = list[dict[str, Any]]


def settle(home: Path, studio: Path) -> Settings:
    """A new home with a camera `gate` on the world of `blocks`, its rules, and the network of the `studio` that sees it."""
    shutil.copytree(studio / "cache", home / "cache")
    (home / "cameras").mkdir()
    (home / "cameras" / "gate.yaml").write_text(blocks.camera(rules=blocks.RULES), encoding="utf-8")
    return load({"MATTHAN_HOME": str(home), "MATTHAN_WEIGHTS": str(studio), "MATTHAN_LANGUAGE": "en"})


def indexed(settings: Settings, *paths: Path, at: float = 0.0, **given: Any) -> Report:
    """Indexes footage of `gate` that begins at T0 + `at`, in this process, in chunks of six seconds, unless `given` says otherwise."""
    start = T0 + at if paths else None
    usual = {"paths": tuple(map(str, paths)), "camera": "gate", "start": start, "workers": 0, "chunk_s": 6.0}
    return index.run(settings, IndexRequest(**{**usual, **given}))


def everything(settings: Settings) -> dict[str, Rows]:
    """Every row that readers see, but for names of runs and commits and times of writing."""
    lake = Lake(settings)
    seen = {t: lake.rows(f'SELECT * EXCLUDE ("commit") FROM {t} ORDER BY ALL', [t]) for t in CHUNK_TABLES}
    return seen | {"coverage": lake.rows('SELECT * EXCLUDE ("commit", run, written_at) FROM coverage ORDER BY ALL', ["coverage"])}


def written(settings: Settings) -> dict[str, int]:
    """How many rows each table has, whoever may see them."""
    lake = Lake(settings)
    return {t: lake.rows(f"SELECT count(*) AS n FROM {t}_all", [t])[0]["n"] for t in (*CHUNK_TABLES, "coverage")}


def crossings(settings: Settings) -> Counter[tuple[str, str]]:
    rows = Lake(settings).rows("SELECT object, direction FROM counts", ["counts"])
    return Counter((r["object"], r["direction"]) for r in rows)


def tracks(settings: Settings) -> list[tuple[str, float, float]]:
    """Object, first and last moment of each track, in seconds of the street's clock."""
    rows = Lake(settings).rows('SELECT object, epoch(start) AS a, epoch("end") AS b FROM tracks ORDER BY a, b', ["tracks"])
    return [(r["object"], round(r["a"] - T0, 3), round(r["b"] - T0, 3)) for r in rows]


def events(settings: Settings) -> list[tuple[str, str, float, float]]:
    """Kind, object, start and end of each event, in seconds of the street's clock."""
    rows = Lake(settings).rows('SELECT kind, object, epoch(start) AS a, epoch("end") AS b FROM events ORDER BY a, b', ["events"])
    return [(r["kind"], r["object"], round(r["a"] - T0, 3), round(r["b"] - T0, 3)) for r in rows]


def covered(settings: Settings) -> list[tuple[float, float, str, str | None]]:
    """Start, end, state and English reason of each row of coverage, in seconds of the street's clock."""
    rows = Lake(settings).rows(
        'SELECT epoch(start) AS a, epoch("end") AS b, state, reason FROM coverage ORDER BY a, b, state', ["coverage"]
    )
    return [(round(r["a"] - T0, 3), round(r["b"] - T0, 3), r["state"], (r["reason"] or "").split(" / ")[0] or None) for r in rows]
