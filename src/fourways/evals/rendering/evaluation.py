"""The page of one evaluation: what was measured, what the gate says of it, what was missed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from fourways.core.report import CaseResult, Estimate, Measure, Report
from fourways.core.verdict import Verdict
from fourways.evals.gate import say
from fourways.evals.measuring import gain, values_of
from fourways.evals.rendering import charts
from fourways.evals.rendering.page import fill
from fourways.evals.statistics import wilson

MISSES, PASSES = 200, 1_000
"""Cases that the page holds at most."""
FEWEST_OF_A_KIND = 3
NOT_SCORED = "not scored"


def evaluation_html(
    report: Report, *, verdict: Verdict | None = None, baseline: Report | None = None, baseline_name: str = "live"
) -> str:
    """Return the page as one self-contained file.

    Args:
        report: what was measured.
        verdict: what the gate says of it.
        baseline: what it is compared with, measured on the same cases.
        baseline_name: what people call that.
    """
    misses = [result for result in report.results if not result.passed]
    rest = [result for result in report.results if result.passed]
    return fill(
        "evaluation.html.j2",
        title=f"{report.app or report.model}: {report.suite}",
        version=version("fourways"),
        report=report,
        when=moment(report.started_at),
        headline=headline(report),
        verdict=verdict,
        baseline=baseline_name if baseline is not None else "",
        shares=_shares(report, baseline),
        measures=[told(measure, report, baseline) for measure in report.measures],
        kinds=_kinds(report),
        latency=_latency(report, baseline, baseline_name),
        robustness=disturbed(report.robustness),
        misses=misses[:MISSES],
        more_misses=max(0, len(misses) - MISSES),
        rest=rest[:PASSES],
        took=f"{report.seconds:.1f} s, ${report.cost_usd:.4f}",
    )


def headline(report: Report) -> str:
    """Say in a sentence what came out: `41 of 80 cases passed (51%, 40% to 62%)`; undecided cases are not counted."""
    measure = report.measure("passed")
    if measure is None or not measure.estimate.n:
        return f"none of {len(report.results)} cases could be decided"
    one = measure.estimate
    share = f"{one.value:.0%}, {one.low:.0%} to {one.high:.0%}"
    undecided = f"; {measure.unscored} could not be decided" if measure.unscored else ""
    return f"{round(one.value * one.n)} of {one.n} cases passed ({share}){undecided}"


def moment(seconds: float) -> str:
    """Say a Unix time, in UTC: a report is read elsewhere too."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One measure in words, for a table."""

    name: str
    value: str
    interval: str
    n: int
    unscored: int
    baseline: str = ""
    difference: str = ""


def told(measure: Measure, report: Report, baseline: Report | None) -> Told:
    """Say a measure, and how it compares."""
    one = measure.estimate
    words = Told(
        name=measure.metric,
        value=say(measure, one.value) if one.n else NOT_SCORED,
        interval=f"{say(measure, one.low)} to {say(measure, one.high)}" if one.n else "",
        n=one.n,
        unscored=measure.unscored,
    )
    other = baseline.measure(measure.metric) if baseline is not None else None
    if baseline is None or other is None:
        return words
    return Told(
        **{name: getattr(words, name) for name in ("name", "value", "interval", "n", "unscored")},
        baseline=say(other, other.estimate.value),
        difference=compared(report, baseline, measure),
    )


def compared(report: Report, baseline: Report, measure: Measure) -> str:
    """Say whether a candidate is better or worse on a metric, or that it cannot be told."""
    if not values_of(report, measure.metric):
        return ""
    found = gain(report, baseline, measure)
    one = found.estimate
    if not one.n:
        return "no case in common"
    if one.low > 0:
        return f"better, over {one.n} cases"
    if one.high < 0:
        return f"worse, over {one.n} cases"
    needed = found.needed(0.0) if one.value else None
    more = f"; about {needed:,} would tell" if needed and needed > one.n else ""
    return f"not distinguishable over {one.n} cases{more}"


def _shares(report: Report, baseline: Report | None) -> str:
    """Draw every measure that is a share or a score between 0 and 1."""
    rows = []
    for measure in report.measures:
        if measure.unit or not 0 <= measure.estimate.value <= 1:
            continue
        dots = [charts.Dot(estimate=_within(measure.estimate))]
        other = baseline.measure(measure.metric) if baseline is not None else None
        if other is not None:
            dots.append(charts.Dot(estimate=_within(other.estimate), series=1))
        rows.append(charts.Row(label=measure.metric, dots=tuple(dots)))
    return charts.intervals("Shares and scores with their intervals", rows, say=percent)


def _within(estimate: Estimate) -> Estimate:
    return Estimate(value=estimate.value, low=max(0.0, estimate.low), high=min(1.0, estimate.high), n=estimate.n)


def percent(value: float) -> str:
    """Say a share."""
    return f"{value * 100:.0f} %"


def _kinds(report: Report) -> str:
    """Draw the share of passed cases by kind, where the cases say one."""
    kinds: dict[str, list[CaseResult]] = {}
    for result in report.results:
        if "kind" in result.metadata:
            kinds.setdefault(str(result.metadata["kind"]), []).append(result)
    rows = [
        charts.Row(
            label=f"{kind} ({len(results)})",
            dots=(charts.Dot(estimate=wilson(sum(one.passed for one in results), len(results))),),
        )
        for kind, results in sorted(kinds.items())
        if len(results) >= FEWEST_OF_A_KIND
    ]
    return charts.intervals("Share of cases passed, by kind", rows, say=percent) if len(rows) > 1 else ""


def _latency(report: Report, baseline: Report | None, name: str) -> str:
    samples = [("this", _seconds(report))] + ([(name, _seconds(baseline))] if baseline is not None else [])
    if not samples[0][1]:
        return ""
    return charts.steps("Seconds to the whole answer", samples, across="seconds", say=lambda value: f"{value:g} s")


def _seconds(report: Report) -> Sequence[float]:
    return [result.answer.seconds for result in report.results if not result.answer.error]


@dataclass(frozen=True, slots=True, kw_only=True)
class Disturbed:
    """One perturbation in words, for a table."""

    name: str
    n: int = 0
    invariance: str = ""
    drop: str = ""
    left_out: str = ""


def disturbed(robustness: Mapping[str, Any]) -> list[Disturbed]:
    """Say what perturbations did, a row each, those left out last."""
    if not robustness:
        return []
    rows = [
        Disturbed(
            name=effect["name"],
            n=effect["n"],
            invariance=_interval(effect["invariance"]),
            drop=_drop(effect["drop"]),
        )
        for effect in robustness["effects"]
    ]
    return rows + [Disturbed(name=name, left_out=why) for name, why in robustness["left_out"].items()]


def _interval(estimate: Mapping[str, Any]) -> str:
    return f"{estimate['value']:.0%} ({estimate['low']:.0%} to {estimate['high']:.0%})"


def _drop(estimate: Mapping[str, Any] | None) -> str:
    if estimate is None:
        return ""
    return f"{estimate['value']:+.2f} ({estimate['low']:+.2f} to {estimate['high']:+.2f})"


def listed(report: Report, most: int) -> Sequence[CaseResult]:
    """Return the first misses, for short reports."""
    return [result for result in report.results if not result.passed][:most]
