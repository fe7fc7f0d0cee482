"""From results to measures: every metric's mean with its interval, and what is measured of every suite. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from fourways.core.report import CaseResult, Direction, Estimate, Measure, Report, Score, by_metric
from fourways.evals.abstaining import abstains
from fourways.evals.cases import Case
from fourways.evals.classification import suite_measures
from fourways.evals.scorers import SCORERS
from fourways.evals.scorers.base import Scorer
from fourways.evals.statistics import bootstrap_mean, cases_needed, mean_estimate, quantile_estimate, resampled


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """What is measured of every suite, whatever it asserts.

    Attributes:
        take: a case's value; None where it has none.
        quantile: which one is reported; the mean where None.
        share: whether people are told it in per cent.
    """

    name: str
    line: str
    take: Callable[[CaseResult], float | None]
    direction: Direction = "lower"
    unit: str = ""
    quantile: float | None = None
    share: bool = False

    def estimate(self, values: Sequence[float]) -> Estimate:
        """Estimate it from the cases' values."""
        if self.quantile is not None:
            return quantile_estimate(values, self.quantile)
        return bootstrap_mean(values) if self.unit and values else mean_estimate(values)


def _answered(take: Callable[[CaseResult], float | None]) -> Callable[[CaseResult], float | None]:
    """Take a value of answers that came; one that broke off took no time that says anything."""
    return lambda result: None if result.answer.error else take(result)


def _failed(result: CaseResult) -> float:
    return sum(bool(answer.error) for answer in result.answers) / len(result.answers)


def _cost(result: CaseResult) -> float | None:
    return result.answer.cost_usd


PASSED = Figure(
    name="passed",
    line="share of the cases in which everything held",
    take=lambda result: None if undecided(result) else float(result.passed),
    direction="higher",
    share=True,
)
OTHERS = (
    Figure(
        name="abstained",
        line="share of the answers that said they could not answer",
        take=_answered(lambda result: float(abstains(result.answer))),
        share=True,
    ),
    Figure(name="errors", line="share of the questions that no answer came to", take=_failed, share=True),
    *(
        Figure(name=f"{name}_p{round(q * 100)}", line=line, take=_answered(take), unit="s", quantile=q)
        for name, line, take in (
            ("latency", "seconds to the whole answer", lambda result: result.answer.seconds),
            ("first_token", "seconds to the first token", lambda result: result.answer.first_token),
        )
        for q in (0.5, 0.95)
    ),
    Figure(name="cost", line="US dollars an answer", take=_answered(_cost), unit="USD"),
    Figure(
        name="input_tokens",
        line="tokens read for an answer",
        take=_answered(lambda result: float(result.answer.input_tokens)),
        unit="tokens",
    ),
    Figure(
        name="output_tokens",
        line="tokens written for an answer",
        take=_answered(lambda result: float(result.answer.output_tokens)),
        unit="tokens",
    ),
)
FIGURES: Mapping[str, Figure] = MappingProxyType({figure.name: figure for figure in (PASSED, *OTHERS)})
"""What is measured of every suite."""


def measures(results: Sequence[CaseResult], cases: Sequence[Case]) -> tuple[Measure, ...]:
    """Measure a suite: the share that passed, what its cases assert, and what is measured of every suite.

    Where a suite asserts a metric of the same name as one of `FIGURES`, its own stands.

    Args:
        results: of the cases that were asked.
        cases: the suite's; others than those that were asked are left out.

    Raises:
        MissingPackage: a metric of the whole suite needs what is not installed.
    """
    scorers = {asked.name: SCORERS[asked.type] for case in cases for asked in case.asserts if asked.type in SCORERS}
    passed = [PASSED.take(result) for result in results]
    found: list[Measure | None] = [_figure(PASSED, passed) or _nothing(PASSED, len(passed))]
    found += [_scored(metric, scores, scorers.get(metric)) for metric, scores in by_metric(results).items()]
    found += suite_measures(results, cases)
    found += [_figure(figure, [figure.take(result) for result in results]) for figure in OTHERS]
    named: dict[str, Measure] = {}
    for measure in found:
        if measure is not None:
            named.setdefault(measure.metric, measure)
    return tuple(named.values())


def undecided(result: CaseResult) -> bool:
    """Whether it cannot be told that a case passed: nothing failed, but a check that had to hold could not be made.

    So it is too where nothing had to hold. Such a case counts neither as passed nor as failed.
    """
    if result.answer.error or any(score.passed is False and score.value is not None for score in result.scores):
        return False
    return any(score.passed is False for score in result.scores) or all(score.passed is None for score in result.scores)


def _nothing(figure: Figure, cases: int) -> Measure:
    """Return the measure of a figure that no case has: anything may be."""
    return Measure(metric=figure.name, estimate=mean_estimate(()), direction=figure.direction, unscored=cases)


def _figure(figure: Figure, values: Sequence[float | None]) -> Measure | None:
    known = [value for value in values if value is not None]
    if not known or (figure.unit == "tokens" and not any(known)):
        return None
    return Measure(
        metric=figure.name,
        estimate=figure.estimate(known),
        direction=figure.direction,
        unit=figure.unit,
        unscored=len(values) - len(known),
    )


def _scored(metric: str, scores: Sequence[Score], scorer: Scorer | None) -> Measure:
    known = [score.value for score in scores if score.value is not None]
    return Measure(
        metric=metric,
        estimate=mean_estimate(known),
        direction=scorer.direction if scorer else "higher",
        unit=scorer.unit if scorer else "",
        unscored=len(scores) - len(known),
    )


# ---------------------------------------------------------------- two candidates on the same cases


def values_of(report: Report, metric: str) -> Mapping[str, float]:
    """Return a metric's value of each case; empty where it is one of the whole suite alone."""
    own = report.values(metric)
    if own or metric not in FIGURES:
        return own
    taken = {result.id: FIGURES[metric].take(result) for result in report.results}
    return {case: value for case, value in taken.items() if value is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Gain:
    """By how much one candidate is better than another on the cases that both have; below zero where it is worse.

    Attributes:
        estimate: in the metric's own unit, with its 95 % interval.
        coins: whether each case's value is 0 or 1.
    """

    estimate: Estimate
    coins: bool
    _differences: tuple[float, ...] = ()

    def needed(self, margin: float) -> int | None:
        """Return how many cases it would take to tell this gain from `-margin`; None where no number would."""
        return cases_needed(self._differences, self.estimate.value + margin)


def gain(report: Report, other: Report, measure: Measure) -> Gain:
    """Compare two reports on one metric, case by case."""
    first, second = values_of(report, measure.metric), values_of(other, measure.metric)
    shared = [case for case in first if case in second]
    ours, theirs = ([values[case] for case in shared] for values in (first, second))
    sign = 1.0 if measure.direction == "higher" else -1.0
    differences = tuple(sign * (one - another) for one, another in zip(ours, theirs, strict=True))
    figure = FIGURES.get(measure.metric)
    if figure is None or figure.quantile is None or report.values(measure.metric):
        estimate = bootstrap_mean(differences)
    else:
        estimate = _quantiles_apart(ours, theirs, figure.quantile, sign)
    coins = {abs(value) for value in (*ours, *theirs)} <= {0.0, 1.0}
    return Gain(estimate=estimate, coins=coins, _differences=differences)


def _quantiles_apart(first: Sequence[float], second: Sequence[float], q: float, sign: float) -> Estimate:
    """Estimate the difference of two quantiles by resampling cases, both candidates' values together (Efron 1979)."""
    if not first:
        return Estimate(value=0.0, low=-np.inf, high=np.inf, n=0, method="bootstrap")
    ours, theirs = np.asarray(first), np.asarray(second)
    blocks = [
        np.quantile(ours[drawn], q, axis=1) - np.quantile(theirs[drawn], q, axis=1) for drawn in resampled(len(ours))
    ]
    apart = sign * np.concatenate(blocks)
    value = sign * float(np.quantile(ours, q) - np.quantile(theirs, q))
    low, high = (float(edge) for edge in np.quantile(apart, (0.025, 0.975)))
    return Estimate(value=value, low=min(low, value), high=max(high, value), n=len(ours), method="bootstrap")
