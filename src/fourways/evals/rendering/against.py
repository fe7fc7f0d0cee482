"""One candidate against another on one metric, case by case: by how much, how sure that is, and how to say it."""

import math
from dataclasses import dataclass

from fourways.core.report import Estimate, Measure, Report
from fourways.evals.comparing.pairs import Sample, versus
from fourways.evals.gate import apart
from fourways.evals.measuring import FIGURES, gain, values_of
from fourways.evals.rendering.tables import spanned

NOTHING_IN_COMMON = "no case in common"


@dataclass(frozen=True, slots=True, kw_only=True)
class Against:
    """How far two candidates are apart.

    Attributes:
        difference: the first less the second, in the metric's own unit.
        better: 1 the first, -1 the second, 0 where they cannot be told apart.
        needed: cases that would tell them apart, if the difference is what it seems; None where that is not known.
    """

    measure: Measure
    difference: Estimate
    better: int
    needed: int | None = None

    @property
    def says(self) -> str:
        """In words, of the first: `better by 8 points (2 to 14)`, `not distinguishable (-5 to +11 points), …`."""
        one = self.difference
        if not one.n:
            return NOTHING_IN_COMMON
        if one.low == one.high == 0:
            return "the same, case by case"
        if not self.better:
            ends = spanned(_signed(self.measure, one.low), _signed(self.measure, one.high))
            more = f"; about {self.needed:,} cases would tell" if self.needed else ""
            return f"not distinguishable ({ends}){more}"
        by = apart(self.measure, one.value)
        unit = f" {by.partition(' ')[2]}"
        far = sorted((abs(one.low), abs(one.high)))
        interval = " to ".join(apart(self.measure, end).removesuffix(unit) for end in far)
        return f"{'better' if self.better > 0 else 'worse'} by {by} ({interval})"


def against(report: Report, other: Report, measure: Measure) -> Against | None:
    """Compare two reports on a metric; None where it is one of the whole suite, which has no cases to compare.

    A mean is better only where its interval and the exact test agree; a quantile goes by its interval.
    """
    values = values_of(report, measure.metric)
    if not values:
        return None
    figure = FIGURES.get(measure.metric)
    if figure is not None and figure.quantile is not None and not report.values(measure.metric):
        return _quantiles(report, other, measure)
    samples = Sample(way="first", values=values), Sample(way="second", values=values_of(other, measure.metric))
    found = versus(measure.metric, measure.direction, *samples)
    if found is None:
        nothing = Estimate(value=0.0, low=-math.inf, high=math.inf, n=0)
        return Against(measure=measure, difference=nothing, better=0)
    better = {"first": 1, "second": -1}.get(found.better, 0)
    return Against(measure=measure, difference=found.difference, better=better, needed=found.needed)


def _quantiles(report: Report, other: Report, measure: Measure) -> Against:
    one = gain(report, other, measure).estimate
    low, value, high = one.low, one.value, one.high
    if measure.direction == "lower":  # what is gained is less of it
        low, value, high = -high, -value, -low
    difference = Estimate(value=value, low=low, high=high, n=one.n, method=one.method)
    return Against(measure=measure, difference=difference, better=(one.low > 0) - (one.high < 0))


def _signed(measure: Measure, value: float) -> str:
    return f"{'-' if value < 0 else '+'}{apart(measure, value)}"
