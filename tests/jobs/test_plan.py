"""How footage is cut: every second once, whatever was cut, seen or registered before. Small registers, exact cuts."""

import doctest
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.camera import Camera
from analytics.rules import line_count
from cluster.decode import Gap
from cluster.lake import Lake
from cluster.settings import Settings
from cluster.video import Probe
from jobs import folding, plan
from jobs.eyes import Lens
from jobs.folding import without
from jobs.plan import Wanted, chunk_of, cut_of, target_s
from models.backends import Choice
from models.sight import SightParams
from tests.chronicle import T0, rows

LENS = Lens("street", Path("street.pt"), "w" * 64, Choice("openvino", "f32", 1, 640), SightParams())
CAMERA = Camera.bare("a", (1280, 720))
Span = tuple[float, float]


def probe(length: float, gop: float = 1.0, gaps: tuple[Gap, ...] = ()) -> Probe:
    keys = tuple(i * gop for i in range(int(length / gop) + 1) if i * gop < length)
    return Probe(Path("x.mp4"), "h264", 1280, 720, 0, "yuv420p", 25.0, 0.0, length, int(25 * length), 1, None, keys, gaps)


def planned(
    settings: Settings, files: list[Span], seen: Sequence[tuple[int, float, float]] = (), camera: Camera = CAMERA, **wanted: object
) -> list[tuple[int, float, float]]:
    """File and cut of every chunk that is planned, in order of time. `files` are start and length, in order of registration."""
    lake = Lake(settings)
    names = [f"{i:064x}" for i in range(len(files))]
    register = [
        {"camera": "a", "footage": names[i], "start": T0 + a, "end": T0 + a + length, "added_at": T0 + i}
        for i, (a, length) in enumerate(files)
    ]
    lake.append("footage", rows(lake, "footage", *register))
    looks = [{"camera": "a", "footage": names[i], "chunk": chunk_of(names[i], a, b), "commit": f"c{i}-{a}"} for i, a, b in seen]
    if looks:
        lake.append("coverage", rows(lake, "coverage", *looks))
    probed = {name: probe(length) for name, (_, length) in zip(names, files, strict=True)}
    made = plan.plan(lake, camera, LENS, Wanted(probed=probed, **wanted))  # type: ignore[arg-type]
    assert [p.start for p in made.pieces] == sorted(p.start for p in made.pieces)
    return [(names.index(p.footage), p.start_s, p.end_s) for p in made.pieces]


@pytest.mark.parametrize(
    ("files", "seen", "cuts"),
    [
        pytest.param([(0, 130)], [], [(0, 0, 60), (0, 60, 130)], id="one file"),
        pytest.param([(0, 0.04)], [], [(0, 0, 0.04)], id="one frame"),
        pytest.param([(0, 60), (60, 60)], [], [(0, 0, 60), (1, 0, 60)], id="two that follow each other"),
        pytest.param([(0, 60), (50, 60)], [], [(0, 0, 60), (1, 10, 60)], id="the second overlaps the first"),
        pytest.param([(50, 60), (0, 60)], [], [(1, 0, 50), (0, 0, 60)], id="the earlier one was registered later"),
        pytest.param([(20, 10), (0, 60)], [], [(1, 0, 20), (0, 0, 10), (1, 30, 60)], id="one within another"),
        pytest.param([(0, 60), (20, 10)], [], [(0, 0, 60)], id="one that adds nothing"),
        pytest.param([(0, 60), (0, 60)], [], [(0, 0, 60)], id="the same time twice"),
        pytest.param([(0, 60), (59.9, 60)], [], [(0, 0, 60), (1, 0.1, 60)], id="by a few frames"),
        pytest.param([(0, 60), (-0.3, 60.2)], [], [(0, 0, 60)], id="a sliver before is not worth a chunk"),
        pytest.param([(0, 60), (40, 60), (80, 60)], [], [(0, 0, 60), (1, 20, 60), (2, 20, 60)], id="a chain of overlaps"),
        pytest.param([(0, 60), (100, 60), (30, 100)], [], [(0, 0, 60), (2, 30, 60), (2, 60, 70), (1, 0, 60)], id="between two"),
        pytest.param([(0, 130)], [(0, 0, 30)], [(0, 0, 30), (0, 30, 60), (0, 60, 130)], id="a shorter cut was seen"),
        pytest.param([(0, 130)], [(0, 0, 130)], [(0, 0, 130)], id="a longer cut was seen"),
        pytest.param([(0, 130)], [(0, 50, 70)], [(0, 0, 50), (0, 50, 70), (0, 70, 130)], id="a cut across an edge was seen"),
        pytest.param([(0, 60), (50, 60)], [(1, 10, 60)], [(0, 0, 60), (1, 10, 60)], id="what was left of the second was seen"),
    ],
)
def test_cuts(home: Settings, files: list[Span], seen: list[tuple[int, float, float]], cuts: list[tuple[int, float, float]]) -> None:
    assert planned(home, files, seen) == [(i, pytest.approx(a), pytest.approx(b)) for i, a, b in cuts]


@pytest.mark.parametrize(
    ("within", "cuts"),
    [
        pytest.param((10, 20), [(0, 0, 60)], id="inside one"),
        pytest.param((59, 61), [(0, 0, 60), (0, 60, 120)], id="over an edge"),
        pytest.param((60, 61), [(0, 60, 120)], id="from an edge on"),
        pytest.param((500, 600), [], id="none"),
    ],
)
def test_only_what_touches_the_asked_time(home: Settings, within: Span, cuts: list[tuple[int, float, float]]) -> None:
    assert planned(home, [(0, 180)], within=(T0 + within[0], T0 + within[1])) == cuts


def test_files_that_are_not_asked_for_are_not_even_looked_at(home: Settings) -> None:
    lake = Lake(home)
    nowhere = {"camera": "a", "uri": "file:///nowhere.mp4", "footage": "1" * 64, "start": T0 + 60, "end": T0 + 120}
    lake.append("footage", rows(lake, "footage", nowhere))
    seen = {"camera": "a", "footage": "1" * 64, "chunk": chunk_of("1" * 64, 0, 20)}
    lake.append("coverage", rows(lake, "coverage", seen))
    for wanted in (Wanted(footage=frozenset({"0" * 64})), Wanted(within=(T0, T0 + 60))):
        made = plan.plan(lake, CAMERA, LENS, wanted)
        assert (made.pieces, made.holes) == ((), ())
    [hole] = [h for _, h in plan.plan(lake, CAMERA, LENS, Wanted()).holes]
    assert (hole.start_s, hole.end_s) == (20.0, 60.0)
    assert "nowhere.mp4" in hole.reason


def test_the_asked_time_is_the_true_one_where_a_clock_is_off(home: Settings) -> None:
    late = CAMERA.model_copy(update={"clock_offset_s": 1000.0})
    assert planned(home, [(0, 180)], camera=late, within=(T0 + 1000, T0 + 1001)) == [(0, 0, 60)]


@pytest.mark.parametrize(("length", "target"), [(5, 60), (600, 100), (1200, 200), (7200, 300)])
def test_long_files_are_cut_into_five_minutes_short_ones_so_that_cores_have_work(length: float, target: float) -> None:
    assert target_s(length) == target


lengths = st.integers(5, 120).map(float)


@given(spans=st.lists(st.tuples(st.integers(0, 300).map(float), lengths), min_size=1, max_size=6))
def test_what_is_left_is_each_moment_once(spans: list[tuple[float, float]]) -> None:
    taken: list[Span] = []
    for a, length in spans:
        taken += without([(a, a + length)], taken)
    moments = [t + 0.5 for t in range(500)]
    for t in moments:
        assert sum(a <= t < b for a, b in taken) == any(a <= t < a + length for a, length in spans)


@given(footage=st.text("0123456789abcdef", min_size=64, max_size=64), start=st.integers(0, 10**9), length=st.integers(1, 10**7))
def test_a_chunks_name_says_its_cut(footage: str, start: int, length: int) -> None:
    cut = start / 1000, (start + length) / 1000
    assert cut_of(chunk_of(footage, *cut)) == cut


def test_examples() -> None:
    for module in (plan, folding):
        assert doctest.testmod(module).failed == 0


def test_a_rule_whose_code_changed_is_folded_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    document = {
        "id": "a",
        "resolution": [1280, 720],
        "lines": {"l": [[0, 300], [1280, 300]]},
        "rules": [{"kind": "line_count", "line": "l"}],
    }
    piece = folding.Piece("a", "k", "f" * 64, "file:///a.mp4", T0, 0.0, 60.0, 0.0, "s")

    def chain() -> str:
        return folding.link(Camera.read(document), [piece])[0].chain

    before = chain()
    assert chain() == before
    monkeypatch.setattr(line_count.Config, "version", line_count.Config.version + 1)
    assert chain() != before
