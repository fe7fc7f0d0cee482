"""Any two ways over traffic: where they change places, or who is cheaper all along. Pure; words are the renderers'."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import combinations

from fourways.evals.comparing.comparison import Comparison
from fourways.evals.comparing.economics import BreakEven, Curve

LEVEL = 0.02
"""Costs that differ by less than this share are about the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossing:
    """Two ways whose prices are known.

    Attributes:
        first, second: their names; all but the last, and the last, where all cost about the same.
        changes: where they change places, by traffic.
        level: whether they cost about the same at both ends.
        cheaper: who costs no more than the other at the far end.
    """

    first: str
    second: str
    changes: tuple[BreakEven, ...]
    level: bool
    cheaper: str

    @property
    def dearer(self) -> str:
        """The other one."""
        return self.first if self.cheaper == self.second else self.second


def crossings(comparison: Comparison) -> Iterator[Crossing]:
    """Yield every two ways, from the lowest rung upwards; where all of them cost about the same, all as one."""
    pairs = [_crossing(comparison, first, second) for first, second in combinations(comparison.curves, 2)]
    if len(pairs) > 1 and all(pair.level and not pair.changes for pair in pairs):
        *others, last = (curve.name for curve in comparison.curves)
        yield replace(pairs[0], first=", ".join(others), second=last)
        return
    yield from pairs


def _crossing(comparison: Comparison, first: Curve, second: Curve) -> Crossing:
    begin, end = ((first.points[at].usd, second.points[at].usd) for at in (0, -1))
    return Crossing(
        first=first.name,
        second=second.name,
        changes=tuple(one for one in comparison.break_evens if {one.below, one.above} == {first.name, second.name}),
        level=all(math.isclose(*costs, rel_tol=LEVEL) for costs in (begin, end)),
        cheaper=first.name if end[0] <= end[1] else second.name,
    )
