"""Rewinding part of the time tells of it what rewinding all of it tells."""

from pathlib import Path

import pytest

from analytics.records import records_of
from analytics.scene import Scene
from cluster.lake import Lake
from cluster.settings import Settings
from jobs import rewind
from jobs.folding import shifted
from tests.analytics.worlds import Actor, World, standing
from tests.chronicle import T0, rows

STANDS_S = 4 * 3600.0
CHUNK_S = 600.0


def keep(lake: Lake, scenes: list[Scene]) -> None:
    """Writes what indexing would have kept of a car that stands before the camera all the time, in chunks of ten minutes."""
    first = scenes[0].at
    for n in range(int(STANDS_S / CHUNK_S)):
        keys = {"camera": "gate", "chunk": f"k{n}", "commit": f"c{n}"}
        a, b = n * CHUNK_S, (n + 1) * CHUNK_S
        seen = records_of([scene for scene in scenes if a <= scene.at - first < b])
        moved = {"points": shifted(seen.points, T0 - first, ("at", "known_at")), "signals": shifted(seen.signals, T0 - first, ("at",))}
        tables = {t: [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)] for t, columns in moved.items()}
        track = {"start": T0, "end": T0 + b}
        lake.commit_chunk(
            {
                **{t: rows(lake, t, *(keys | row for row in given)) for t, given in tables.items()},
                "tracks": rows(lake, "tracks", keys | track),
            },
            rows(lake, "coverage", {**keys, "start": T0 + a, "end": T0 + b}),
        )


@pytest.mark.parametrize("since_s", [60.0, 3 * 3600.0, STANDS_S - 60])
def test_what_began_long_before_is_told_the_same(home: Settings, tmp_path: Path, since_s: float) -> None:
    home.cameras.mkdir(parents=True)
    (home.cameras / "gate.yaml").write_text(
        "id: gate\nresolution: [640, 360]\nzones: {kerb: [[0, 0], [640, 0], [640, 360], [0, 360]]}\n", encoding="utf-8"
    )
    rules = tmp_path / "rules.yaml"
    rules.write_text("- {kind: illegal_stop, zone: kerb, after_s: 60}\n", encoding="utf-8")
    keep(Lake(home), World([Actor("car", standing(300, 200), end=STANDS_S)], STANDS_S - 1).scenes(0.5))
    (whole,) = rewind.run(home, rules, "gate", None, None).hits
    assert (whole.start, whole.end) == pytest.approx((T0, T0 + STANDS_S), abs=5)
    (part,) = rewind.run(home, rules, "gate", T0 + since_s, None).hits
    assert (part.id, part.start, part.end, part.evidence) == (whole.id, whole.start, whole.end, whole.evidence)
