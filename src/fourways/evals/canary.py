"""Whether a running canary is worse, is shown to be no worse, or cannot be told yet: a pure decision, with reasons.

Worse is decided at planned looks with O'Brien–Fleming bounds, and for errors between them by an e-process. No worse is
decided by bounds, never by the mere absence of proof: an arm that nobody met proves nothing.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

import numpy as np

from fourways.config.releasing import Analysis
from fourways.core.report import Estimate
from fourways.core.verdict import RuleResult, Verdict
from fourways.evals.sequential import Failures, e_process, obrien_fleming
from fourways.evals.statistics import NORMAL, newcombe_difference, van_elteren, wilson, z_of

Action = Literal["abort", "continue", "sound"]

E_SHARE, LOOKS_SHARE, OTHER_SHARE = 0.4, 0.4, 0.05
"""Shares of α: the e-process, the looks at errors, and each of the four other criteria's looks; they sum to one."""
FARTHEST = 6.0
"""Standard deviations beyond which no interval needs to reach."""
FLOOR_SECONDS = 0.05
"""A difference of medians below this is never called slower."""
FEWEST = 20
"""Of an arm's thumbs, judgements or durations, below which nothing is said of them."""
HOPELESS = 0.5
"""The share of failures that aborts a canary when there is no control to compare it with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What one arm did.

    Attributes:
        latencies: seconds of whole answers, a sample.
        judged: a judge's scores in [0, 1], a sample.
    """

    requests: int = 0
    failures: int = 0
    interventions: int = 0
    thumbs_up: int = 0
    thumbs_down: int = 0
    latencies: Sequence[float] = ()
    judged: Sequence[float] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """Both arms while the canary had one share of the people, in (0, 1)."""

    canary: Tally
    control: Tally
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What follows from what is known.

    Attributes:
        action: `abort` it, `sound` (shown to be no worse), or `continue`: it cannot be told yet.
        looks: how many looks have been taken with this one.
    """

    action: Action
    verdict: Verdict
    looks: int


def decide(analysis: Analysis, segments: Sequence[Segment], *, looked: int) -> Decision:
    """Judge a canary by everything that is known of both arms.

    Args:
        segments: from each shift of its weight to the next; only where both arms could be met.
        looked: the looks taken before; a bound counts only where this is a new look.
    """
    reached = sum(segment.canary.requests for segment in segments)
    look = min(analysis.looks, reached * analysis.looks // analysis.requests)
    due = look if look > looked else 0
    rules = [_errors(analysis, segments, due), _suddenly(analysis, segments)]
    rules += [rule for criterion in CRITERIA if (rule := criterion(analysis, segments, due)) is not None]
    verdict = Verdict(rules=tuple(rules))
    action: Action = {"fail": "abort", "pass": "sound", "inconclusive": "continue"}[verdict.outcome]  # type: ignore[assignment]
    return Decision(action=action, verdict=verdict, looks=max(look, looked))


def bound_at(analysis: Analysis, due: int, share: float) -> float:
    """Return the z from which on a criterion aborts at a look; infinity between looks."""
    return obrien_fleming(analysis.looks, analysis.alpha * share)[due - 1] if due else math.inf


# ---------------------------------------------------------------- errors


def _errors(analysis: Analysis, segments: Sequence[Segment], due: int) -> RuleResult:
    """Errors must not be more by more than the analysis allows, and that must be shown."""
    name, bound = "errors", f"95 % bound of the increase at most {analysis.max_error_increase:.1%}"
    canary, control = _sum(segments, "canary"), _sum(segments, "control")
    if not canary.requests or not control.requests:
        return _alone(canary)
    z = stratified_z([(s.canary.failures, s.canary.requests, s.control.failures, s.control.requests) for s in segments])
    increase = _increase(segments, canary, control, confidence_at(analysis, canary.requests))
    said = f"{increase.value:+.1%} ({increase.low:+.1%} to {increase.high:+.1%}), {canary.requests} answers"
    if z >= bound_at(analysis, due, LOOKS_SHARE):
        return RuleResult(rule=name, passed=False, figure=increase.value, bound=bound, reason=f"more errors: {said}")
    enough = min(canary.requests, control.requests) >= analysis.minimum
    if enough and increase.high <= analysis.max_error_increase:
        return RuleResult(rule=name, passed=True, figure=increase.value, bound=bound, reason=said)
    missing = f"; about {_missing(analysis, canary, control, increase.value)} more answers of the canary are needed"
    return RuleResult(rule=name, passed=None, figure=increase.value, bound=bound, reason=said + missing)


def _alone(canary: Tally) -> RuleResult:
    """Judge a canary without control: nothing shows that it is no worse, and only failing as a rule that it is bad."""
    name, bound = "errors", f"without control: not surely {HOPELESS:.0%} or more"
    failing = wilson(canary.failures, canary.requests)
    said = f"{canary.failures} of {canary.requests} answers failed"
    if canary.requests >= FEWEST and failing.low >= HOPELESS:
        return RuleResult(rule=name, passed=False, figure=failing.value, bound=bound, reason=f"{said}, most of them")
    reason = "one of the arms was not met by anybody yet" + (f"; {said}" if canary.requests else "")
    return RuleResult(rule=name, passed=None, figure=None, bound=bound, reason=reason)


def _suddenly(analysis: Analysis, segments: Sequence[Segment]) -> RuleResult:
    """Errors must not be so many more that there is no need to wait for a look."""
    evidence = e_process(
        Failures(canary=s.canary.failures, control=s.control.failures, share=_part(s))
        for s in segments
        if s.control.requests
    )
    most = 1 / (analysis.alpha * E_SHARE)
    said = f"evidence for more errors {evidence:.3g}, aborts at {most:.0f}"
    return RuleResult(
        rule="errors, at any time", passed=evidence < most, figure=evidence, bound=f"< {most:.0f}", reason=said
    )


def _part(segment: Segment) -> float:
    """Return the canary's share of the requests: of people it was given `share`, but some people ask far more.

    The larger of the two, so that a heavy user who fell to the canary is not taken for its fault.
    """
    canary, control = segment.canary.requests, segment.control.requests
    return max(segment.share, canary / (canary + control))


def stratified_z(strata: Sequence[tuple[int, int, int, int]]) -> float:
    """Return z of the first arm having more hits, over strata (Mantel and Haenszel 1959); no continuity correction.

    Args:
        strata: (hits, of, hits of the other arm, of) for each time in which the arms' shares were the same.
    """
    off = variance = 0.0
    for hits, of, other_hits, other_of in strata:
        total, all_hits = of + other_of, hits + other_hits
        if of and other_of and total > 1:
            off += hits - of * all_hits / total
            variance += of * other_of * all_hits * (total - all_hits) / (total * total * (total - 1))
    return off / math.sqrt(variance) if variance else 0.0


def confidence_at(analysis: Analysis, answers: int) -> float:
    """Return how sure one must be that errors are not more: 95 % from the last look on, surer the earlier it is.

    It is asked for all the time and may be found at any: intervals are wider by √(last/now), as the looks' bounds are.
    """
    z = z_of(0.95) * math.sqrt(max(1.0, analysis.requests / max(1, answers)))
    return 2 * NORMAL.cdf(min(FARTHEST, z)) - 1


def _increase(segments: Sequence[Segment], canary: Tally, control: Tally, confidence: float) -> Estimate:
    """Estimate the increase in errors; control's rate is weighted as the canary's answers are spread over time."""
    met = [s for s in segments if s.canary.requests and s.control.requests]
    weight = sum(s.canary.requests for s in met) or 1
    rate = sum(s.canary.requests / weight * s.control.failures / s.control.requests for s in met)
    among = rate * control.requests
    return newcombe_difference(canary.failures, canary.requests, among, control.requests, confidence)


def _missing(analysis: Analysis, canary: Tally, control: Tally, increase: float) -> int:
    """Say roughly how many more canary answers would show it, if errors go on as they are; at least to the minimum."""
    rate = (canary.failures + control.failures + 1) / (canary.requests + control.requests + 2)
    room = analysis.max_error_increase - max(0.0, increase)
    if room <= 0:
        return analysis.requests
    ratio = canary.requests / control.requests
    wanted = z_of(0.95) ** 2 * (rate * (1 - rate) * (1 + ratio) / room**2 + 1 / room)  # the latter even without errors
    wanted = max(wanted, math.sqrt(wanted * analysis.requests))  # before the last look one has to be surer
    return max(1, analysis.minimum - canary.requests, math.ceil(wanted) - canary.requests)


# ---------------------------------------------------------------- the other criteria: worse only where it is shown


def _latency(analysis: Analysis, segments: Sequence[Segment], due: int) -> RuleResult | None:
    """Answers must not take much longer than control's at the same times, weighted as the canary's are spread."""
    met = [(s.canary.latencies, s.control.latencies) for s in segments if s.canary.latencies and s.control.latencies]
    count = sum(len(canary) for canary, _ in met)
    if min(count, sum(len(control) for _, control in met)) < FEWEST:
        return None
    ours = sum(len(canary) / count * median(canary) for canary, _ in met)
    theirs = sum(len(canary) / count * median(control) for canary, control in met)
    slower = ours - theirs > FLOOR_SECONDS and ours > theirs * analysis.max_latency_ratio
    z = van_elteren(met)
    reason = f"median {ours:.3g} s, control's at the same times {theirs:.3g} s"
    passed = None if slower else True
    if slower and z >= bound_at(analysis, due, OTHER_SHARE):
        passed, reason = False, f"slower: {reason}"
    bound = f"median at most {analysis.max_latency_ratio:g} times control's"
    return RuleResult(rule="latency", passed=passed, figure=ours, bound=bound, reason=reason)


def _thumbs(analysis: Analysis, segments: Sequence[Segment], due: int) -> RuleResult | None:
    """Thumbs must not point down much more often."""
    strata = [
        (s.canary.thumbs_down, _thumbs_of(s.canary), s.control.thumbs_down, _thumbs_of(s.control)) for s in segments
    ]
    return _share_rule("thumbs down", strata, analysis.max_thumbs_drop, bound_at(analysis, due, OTHER_SHARE))


def _interventions(analysis: Analysis, segments: Sequence[Segment], due: int) -> RuleResult | None:
    """Guards must not step in much more often."""
    strata = [
        (s.canary.interventions, s.canary.requests, s.control.interventions, s.control.requests) for s in segments
    ]
    return _share_rule(
        "guards' interventions", strata, analysis.max_intervention_increase, bound_at(analysis, due, OTHER_SHARE)
    )


def _share_rule(name: str, strata: Sequence[tuple[int, int, int, int]], most: float, bound: float) -> RuleResult | None:
    hits, of, other_hits, other_of = (sum(column) for column in zip(*strata, strict=True)) if strata else (0, 0, 0, 0)
    if min(of, other_of) < FEWEST:
        return None
    ours, theirs = hits / of, other_hits / other_of
    more = ours - theirs > most
    reason = f"{ours:.1%} of {of}, control {theirs:.1%} of {other_of}"
    passed = None if more else True
    if more and stratified_z(strata) >= bound:
        passed, reason = False, f"more: {reason}"
    return RuleResult(rule=name, passed=passed, figure=ours, bound=f"at most {most:.0%} more", reason=reason)


def _judged(analysis: Analysis, segments: Sequence[Segment], due: int) -> RuleResult | None:
    """A judge must not score answers much lower than control's at the same times; Welch's z (1947) over the times."""
    met = [
        (s.canary.judged, s.control.judged) for s in segments if min(len(s.canary.judged), len(s.control.judged)) > 1
    ]
    count = sum(len(canary) for canary, _ in met)
    if min(count, sum(len(control) for _, control in met)) < FEWEST:
        return None
    ours = theirs = variance = 0.0
    for canary, control in met:
        weight = len(canary) / count
        ours += weight * float(np.mean(canary))
        theirs += weight * float(np.mean(control))
        variance += weight**2 * (
            float(np.var(canary, ddof=1)) / len(canary) + float(np.var(control, ddof=1)) / len(control)
        )
    lower = theirs - ours > analysis.max_quality_drop
    reason = f"mean score {ours:.2f} of {count} answers, control's at the same times {theirs:.2f}"
    passed = None if lower else True
    if lower and (theirs - ours) >= bound_at(analysis, due, OTHER_SHARE) * max(math.sqrt(variance), 1e-9):
        passed, reason = False, f"judged worse: {reason}"
    bound = f"at most {analysis.max_quality_drop:.2f} lower"
    return RuleResult(rule="judge", passed=passed, figure=ours, bound=bound, reason=reason)


CRITERIA = (_latency, _thumbs, _interventions, _judged)
"""Asked where there is something to go by; worse than allowed but not yet proven holds a canary back."""


def _thumbs_of(tally: Tally) -> int:
    return tally.thumbs_up + tally.thumbs_down


def _sum(segments: Sequence[Segment], arm: Literal["canary", "control"]) -> Tally:
    tallies: list[Tally] = [getattr(segment, arm) for segment in segments]
    return Tally(requests=sum(t.requests for t in tallies), failures=sum(t.failures for t in tallies))
