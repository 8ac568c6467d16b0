"""A job that is killed and run again leaves exactly the rows of one that was not, whatever it was doing when it died."""

import itertools
import json
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from analytics.tables import CHUNK_TABLES
from cluster.settings import Settings
from tests.chronicle import T0
from tests.jobs.conftest import Reel
from tests.jobs.lakes import Rows, everything, settle, written

ROOT = Path(__file__).resolve().parents[2]
CHUNKS, SECONDS = 2, (3, 11)
WRITES = CHUNKS * (3 + len(CHUNK_TABLES) + 1)
"""What a job writes at the least: each chunk's points, signals, state, tables and coverage."""
Dies = dict[str, int | float | str]

Life = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def live() -> Iterator[Life]:
    """`live(settings, dies=…)` runs an index job of the film that may die on the way; gives its exit code and how long it lived."""
    command = [sys.executable, "-m", "tests.jobs.mortal"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as zygote:
        assert zygote.stdin is not None
        assert zygote.stdout is not None

        def run(settings: Settings, film: Path, dies: Dies | None = None) -> dict[str, Any]:
            named = {k: v for k, v in settings.environment().items() if k.startswith(("MATTHAN_", "OMP"))}
            request = {"paths": [str(film)], "camera": "gate", "start": T0, "workers": 0, "chunk_s": (SECONDS[1] - SECONDS[0]) / CHUNKS}
            zygote.stdin.write(json.dumps({"environment": named, "request": request, "dies": dies}) + "\n")
            zygote.stdin.flush()
            told: dict[str, Any] = json.loads(zygote.stdout.readline())
            return told

        yield run
        zygote.stdin.close()
        assert zygote.wait(60) == 0


@pytest.fixture(scope="module")
def whole(live: Life, studio: Path, reel: Reel, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Rows], float]:
    """The rows of the undisturbed job, and how long it took."""
    calm = settle(tmp_path_factory.mktemp("calm") / "home", studio)
    told = live(calm, reel(*SECONDS))
    assert told["code"] == 0
    rows = everything(calm)
    assert len(rows["coverage"]) == CHUNKS
    assert rows["counts"]
    assert rows["events"]
    return rows, told["seconds"]


def half_written(settings: Settings, whole: dict[str, Rows]) -> list[str]:
    """Tables in which readers see rows that the undisturbed job did not write."""
    seen = everything(settings)
    return [t for t in ("points", "signals", "counts", "coverage") if any(row not in whole[t] for row in seen[t])]


def killed(live: Life, settings: Settings, film: Path, whole: dict[str, Rows], *deaths: Dies) -> None:
    """Kills the job as often as is asked, and looks at what readers see after each death; then lets it finish and compares."""
    for dies in deaths:
        assert live(settings, film, dies)["code"] in (-9, 0), dies
        assert half_written(settings, whole) == [], dies
    assert live(settings, film)["code"] == 0
    assert everything(settings) == whole, deaths


@pytest.mark.parametrize("table", [*CHUNK_TABLES[1:], "coverage"])
def test_killed_between_two_tables_of_a_chunk(
    live: Life, studio: Path, whole: tuple[dict[str, Rows], float], reel: Reel, tmp_path: Path, table: str
) -> None:
    settings = settle(tmp_path / "home", studio)
    assert live(settings, reel(*SECONDS), {"table": table})["code"] == -9
    there = written(settings)
    before = CHUNK_TABLES[: [*CHUNK_TABLES, "coverage"].index(table)]
    assert there["coverage"] == 0
    assert all(there[t] == 0 for t in CHUNK_TABLES if t not in before)
    assert there["points"] > 0, "it did die between two tables"
    killed(live, settings, reel(*SECONDS), whole[0])


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_killed_at_random_moments(
    live: Life, studio: Path, whole: tuple[dict[str, Rows], float], reel: Reel, tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    deaths: list[Dies] = [{"after_s": chance.uniform(0.1, 1.0) * whole[1]} for _ in range(2)]
    killed(live, settle(tmp_path / "home", studio), reel(*SECONDS), whole[0], *deaths)


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_killed_before_every_write(live: Life, studio: Path, whole: tuple[dict[str, Rows], float], reel: Reel, tmp_path: Path) -> None:
    for n in itertools.count(1):
        settings = settle(tmp_path / f"home{n}", studio)
        code = live(settings, reel(*SECONDS), {"write": n})["code"]
        killed(live, settings, reel(*SECONDS), whole[0])
        if code == 0:
            break
    assert n > WRITES


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", range(10, 30))
def test_killed_again_and_again(
    live: Life, studio: Path, whole: tuple[dict[str, Rows], float], reel: Reel, tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    moments: list[Dies] = [{"after_s": chance.uniform(0.0, 1.1) * whole[1]} for _ in range(3)]
    writes: list[Dies] = [{"write": chance.randint(1, WRITES)} for _ in range(3)]
    deaths = chance.sample([*moments, *writes], 6)
    killed(live, settle(tmp_path / "home", studio), reel(*SECONDS), whole[0], *deaths)
