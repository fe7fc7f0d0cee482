"""Two ways on one metric, case by case: who is better, or that they cannot be told apart. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from fourways.core.report import Direction, Estimate
from fourways.evals.statistics import paired

SURE = 0.05
"""A difference counts from this p-value down; the interval must not hold zero either."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Versus:
    """Two ways on one metric, case by case.

    Attributes:
        difference: first minus second, with its 95 % interval.
        better: the better way; "" where they cannot be told apart.
        needed: cases that would tell them apart if the difference is what it seems; None where known or hopeless.
    """

    metric: str
    first: str
    second: str
    difference: Estimate
    p_value: float
    better: str
    needed: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One way's values of a metric, by case."""

    way: str
    values: Mapping[str, float]


def versus(metric: str, direction: Direction, first: Sample, second: Sample) -> Versus | None:
    """Compare two ways on the cases that both have a value for; None where there are none.

    Of few cases that all differ alike the bootstrap's interval has no width, so the test has to be sure as well.
    """
    common = [case for case in first.values if case in second.values]
    if not common:
        return None
    found = paired([first.values[case] for case in common], [second.values[case] for case in common])
    sign = found.better if found.p_value < SURE else 0
    if direction == "lower":
        sign = -sign
    better = {1: first.way, -1: second.way}.get(sign, "")
    return Versus(
        metric=metric,
        first=first.way,
        second=second.way,
        difference=found.difference,
        p_value=found.p_value,
        better=better,
        needed=found.needed if not better and found.needed and found.needed > len(common) else None,
    )
