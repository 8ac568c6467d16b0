"""What was found against what is true: events and crossings matched one to one, and the numbers that follow."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

LEAST_OVERLAP = 0.5
"""Temporal intersection over union from which an event found is the true one."""
CROSSING_S = 0.5
"""A crossing found this near to the true one, the same way, is it."""
EDGE_S = 0.5
"""A crossing this near to the clip's beginning or end, where one side of it was hardly seen, is no mistake either way."""


@dataclass(frozen=True, slots=True)
class Span:
    """An event, found or true: kind, zone or line (with the direction of a crossing), from and to in seconds."""

    kind: str
    zone: str
    start: float
    end: float
    numbers: Mapping[str, float] = field(default_factory=dict)


@dataclass
class Tally:
    """How many events of a kind were found, missed and invented."""

    found: int = 0
    missed: int = 0
    invented: int = 0

    @property
    def true(self) -> int:
        return self.found + self.missed

    @property
    def precision(self) -> float:
        return self.found / max(self.found + self.invented, 1)

    @property
    def recall(self) -> float:
        return self.found / max(self.true, 1)

    @property
    def f1(self) -> float:
        return 2 * self.found / max(2 * self.found + self.missed + self.invented, 1)

    def document(self) -> dict[str, float]:
        """As it is printed."""
        return {
            "true": self.true, "found": self.found, "missed": self.missed, "invented": self.invented,
            "precision": round(self.precision, 4), "recall": round(self.recall, 4), "f1": round(self.f1, 4),
        }  # fmt: skip


def overlap(a: Span, b: Span) -> float:
    """Temporal intersection over union.

    >>> overlap(Span("k", "z", 0, 10), Span("k", "z", 5, 15))
    0.3333333333333333
    """
    common = min(a.end, b.end) - max(a.start, b.start)
    return max(0.0, common) / max(max(a.end, b.end) - min(a.start, b.start), 1e-9)


def likeness(true: Span, found: Span) -> float:
    """0 where they cannot be the same, else the more the better."""
    if (true.kind, true.zone) != (found.kind, found.zone):
        return 0.0
    if true.kind == "line_count":
        return max(0.0, 1 - abs(true.start - found.start) / CROSSING_S)
    share = overlap(true, found)
    return share if share >= LEAST_OVERLAP else 0.0


def matched(true: Sequence[Span], found: Sequence[Span]) -> list[tuple[int, int]]:
    """One-to-one pairs of indices with the largest sum of likeness."""
    import numpy as np
    from scipy.optimize import linear_sum_assignment

    if not true or not found:
        return []
    gain = np.array([[likeness(t, f) for f in found] for t in true])
    rows, columns = linear_sum_assignment(-gain)
    return [(int(i), int(j)) for i, j in zip(rows, columns, strict=True) if gain[i, j] > 0]


@dataclass
class Score:
    """Tallies by kind, and how speeds compare."""

    kinds: dict[str, Tally] = field(default_factory=dict)
    speed_errors: list[float] = field(default_factory=list)
    """Relative, absolute value."""
    covered: list[bool] = field(default_factory=list)
    """Whether the stated interval holds the true speed."""
    wrong: list[str] = field(default_factory=list)
    """Each miss and invention in words, for who wants to look."""

    def add(self, clip: str, true: Sequence[Span], found: Sequence[Span], kinds: Sequence[str], seconds: float) -> None:
        """Counts one clip of `seconds`."""
        for kind in kinds:
            tally = self.kinds.setdefault(kind, Tally())
            mine, theirs = [s for s in true if s.kind == kind], [s for s in found if s.kind == kind]
            pairs = matched(mine, theirs)
            hit, used = {i for i, _ in pairs}, {j for _, j in pairs}
            missed = [s for i, s in enumerate(mine) if i not in hit and not _at_edge(s, seconds)]
            invented = [s for j, s in enumerate(theirs) if j not in used and not _at_edge(s, seconds)]
            tally.found += len(pairs)
            tally.missed += len(missed)
            tally.invented += len(invented)
            self.wrong += [f"{clip}: missed {_told(s)}" for s in missed] + [f"{clip}: invented {_told(s)}" for s in invented]
            if kind == "speeding":
                for i, j in pairs:
                    self._speed(mine[i].numbers, theirs[j].numbers)

    def _speed(self, true: Mapping[str, float], found: Mapping[str, float]) -> None:
        kmh = true["speed_kmh"]
        self.speed_errors.append(abs(found["speed_kmh"] - kmh) / kmh)
        self.covered.append(found["speed_low_kmh"] <= kmh <= found["speed_high_kmh"])

    def document(self) -> dict[str, Any]:
        """As it is printed."""
        return {
            "kinds": {kind: tally.document() for kind, tally in sorted(self.kinds.items())},
            "median_speed_error": round(median(self.speed_errors), 4) if self.speed_errors else None,
            "speed_interval_coverage": round(sum(self.covered) / len(self.covered), 4) if self.covered else None,
            "wrong": self.wrong,
        }


def _at_edge(span: Span, seconds: float) -> bool:
    return span.kind == "line_count" and not EDGE_S <= span.start <= seconds - EDGE_S


def _told(span: Span) -> str:
    return f"{span.kind} {span.zone} {span.start:.1f}..{span.end:.1f} s"
