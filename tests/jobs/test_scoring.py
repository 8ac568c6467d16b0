"""Scoring: who is matched with whom, and the numbers that follow."""

import pytest

from jobs.scoring import Score, Span, Tally, matched, overlap


def stop(start: float, end: float, zone: str = "z", kmh: float = 0.0) -> Span:
    numbers = {"speed_kmh": kmh, "speed_low_kmh": kmh - 3, "speed_high_kmh": kmh + 3} if kmh else {}
    return Span("speeding" if kmh else "illegal_stop", zone, start, end, numbers)


def crossing(at: float, way: str = "in") -> Span:
    return Span("line_count", f"across {way}", at, at)


@pytest.mark.parametrize(
    ("a", "b", "wanted"), [((0, 10), (0, 10), 1.0), ((0, 10), (5, 10), 0.5), ((0, 10), (10, 20), 0.0), ((0, 10), (30, 40), 0.0)]
)
def test_overlap(a: tuple[float, float], b: tuple[float, float], wanted: float) -> None:
    assert overlap(stop(*a), stop(*b)) == pytest.approx(wanted)


@pytest.mark.parametrize(
    ("what", "true", "found", "pairs"),
    [
        ("half in common", [stop(0, 10)], [stop(5, 10)], [(0, 0)]),
        ("less than half", [stop(0, 10)], [stop(6, 10)], []),
        ("another zone", [stop(0, 10)], [stop(0, 10, "y")], []),
        ("one for two", [stop(0, 10)], [stop(0, 10), stop(0, 10)], [(0, 0)]),
        ("crossed over", [stop(0, 10), stop(4, 14)], [stop(4, 14), stop(0, 10)], [(0, 1), (1, 0)]),
        ("a crossing soon after", [crossing(5.0)], [crossing(5.4)], [(0, 0)]),
        ("a crossing too late", [crossing(5.0)], [crossing(5.6)], []),
        ("a crossing the other way", [crossing(5.0)], [crossing(5.0, "out")], []),
        ("nothing found", [stop(0, 10)], [], []),
    ],
)
def test_matched(what: str, true: list[Span], found: list[Span], pairs: list[tuple[int, int]]) -> None:
    assert matched(true, found) == pairs, what


def test_tally() -> None:
    tally = Tally(found=8, missed=2, invented=0)
    assert (tally.precision, tally.recall, tally.f1) == (1.0, 0.8, pytest.approx(0.8889, abs=1e-4))
    assert Tally().f1 == 0


def test_score() -> None:
    score = Score()
    score.add("a", [stop(0, 10), stop(20, 30), stop(5, 8, kmh=60)], [stop(0, 9), stop(5, 8, kmh=62.4)], ["illegal_stop", "speeding"], 60)
    score.add("b", [stop(5, 8, kmh=60)], [stop(5, 8, kmh=66), crossing(0.2), crossing(30)], ["line_count", "speeding"], 60)
    document = score.document()
    assert document["kinds"]["illegal_stop"] | {} == {
        "true": 2, "found": 1, "missed": 1, "invented": 0, "precision": 1.0, "recall": 0.5, "f1": 0.6667,
    }  # fmt: skip
    assert document["kinds"]["line_count"]["invented"] == 1, "the one at the clip's edge is no mistake"
    assert document["median_speed_error"] == pytest.approx(0.07)
    assert document["speed_interval_coverage"] == 0.5
    assert document["wrong"] == ["a: missed illegal_stop z 20.0..30.0 s", "b: invented line_count across in 30.0..30.0 s"]


def test_nothing_scored() -> None:
    assert Score().document() == {"kinds": {}, "median_speed_error": None, "speed_interval_coverage": None, "wrong": []}
