"""The gate: from a report, and what is live, to a verdict. Every rule says its figure, its bound and why. Pure."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from math import ceil, floor, log10
from types import MappingProxyType

from fourways.config.releasing import Gate, Rule
from fourways.core.report import Estimate, Measure, Report
from fourways.core.verdict import RuleResult, Verdict
from fourways.evals.measuring import FIGURES, Gain, gain, undecided, values_of

FEWEST = 10
"""Cases that both must have before a candidate is compared with what is live."""
UNTOLD = 0.1
"""The share of cases of which it may be open whether they passed."""
NAMED = 5
"""Cases that a reason names."""
SETTINGS = "settings"
"""The pin that says how the cases were asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """What a candidate is compared with.

    Attributes:
        name: as people know it: `r3`.
        report: what was measured of it; None where nothing was, and `missing` says why.
    """

    name: str = "live"
    report: Report | None = None
    missing: str = "it was not measured"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judged:
    """What the rules look at."""

    report: Report
    live: Live | None
    judges: Mapping[str, str]


def decide(report: Report, gate: Gate, live: Live | None, judges: Mapping[str, str] | None = None) -> Verdict:
    """Judge a candidate by its report.

    A rule whose metric was not measured, that rests on a judge who may not gate, or that compares with something that
    cannot be compared, is neither held nor broken: the verdict is then inconclusive, which is no pass.

    Args:
        report: what was measured of the candidate.
        gate: its rules.
        live: what answers now; None while nothing does, and what compares with it then holds.
        judges: metrics for which a model judges that may not gate, with the reason.
    """
    judged = _Judged(report=report, live=live, judges=judges or {})
    rules = [result for rule in gate.rules for result in _rule(judged, rule)]
    if gate.pinned:
        rules.append(_pinned(judged, gate.pinned))
    if report.stopped or not report.results:
        return Verdict(rules=(_unfinished(report), *(_so_far(rule) for rule in rules)))
    return Verdict(rules=tuple(rules))


def _unfinished(report: Report) -> RuleResult:
    reason = f"stopped after {len(report.results)}: {report.stopped}" if report.stopped else "there is no case"
    return RuleResult(rule="every case is asked", passed=None, figure=float(len(report.results)), reason=reason)


def _so_far(rule: RuleResult) -> RuleResult:
    return replace(rule, passed=None, reason=f"so far: {rule.reason}" if rule.reason else "so far")


# ---------------------------------------------------------------- one rule


def _rule(judged: _Judged, rule: Rule) -> Iterator[RuleResult]:
    """Yield a result for each thing that a rule asks."""
    for ask, bound in ((_floor, rule.at_least), (_ceiling, rule.at_most), (_not_worse, rule.not_worse_than_live)):
        if bound is None:
            continue
        measure = judged.report.measure(rule.metric)
        name = _named(ask, rule, bound, measure)
        why_not = _untold(judged, rule.metric)
        if measure is None or why_not:
            reason = why_not or _not_measured(judged.report, rule.metric)
            yield RuleResult(rule=name, passed=None, figure=_figure(measure), reason=reason)
        else:
            yield replace(ask(judged, rule, measure), rule=name)


def _floor(judged: _Judged, rule: Rule, measure: Measure) -> RuleResult:  # noqa: ARG001 - one of three
    bound = rule.at_least or 0.0
    return _within(measure, rule, f"≥ {say(measure, bound)}", lambda value: value >= bound, measure.estimate.low)


def _ceiling(judged: _Judged, rule: Rule, measure: Measure) -> RuleResult:  # noqa: ARG001 - one of three
    bound = rule.at_most or 0.0
    return _within(measure, rule, f"≤ {say(measure, bound)}", lambda value: value <= bound, measure.estimate.high)


def _within(measure: Measure, rule: Rule, bound: str, holds: Callable[[float], bool], near: float) -> RuleResult:
    """Hold a figure, and where the rule wants to be confident its interval's near end, against a bound."""
    estimate = measure.estimate
    passed: bool | None = holds(estimate.value)
    reason = f"{say(measure, estimate.value)} ({_interval(measure, estimate)}) of {_cases(estimate.n)}"
    if estimate.n == 0:
        passed, reason = None, f"none of {_cases(measure.unscored)} could be scored"
    elif passed and rule.confident and not holds(near):
        passed, reason = None, f"{reason}: not with 95 % confidence; more cases would tell"
    return RuleResult(rule="", passed=passed, figure=estimate.value, bound=bound, reason=reason)


# ---------------------------------------------------------------- against what is live


def _not_worse(judged: _Judged, rule: Rule, measure: Measure) -> RuleResult:
    """Hold the 95 % interval of the paired difference against the margin: non-inferiority (ICH E9, §3.3.2)."""
    margin, live = rule.not_worse_than_live or 0.0, judged.live
    if live is None:
        return RuleResult(rule="", passed=True, figure=measure.estimate.value, reason="nothing is live yet")
    sign = "-" if measure.direction == "higher" else "+"
    bound = f"{live.name} {sign} {apart(measure, margin)}"
    base = RuleResult(rule="", passed=None, figure=measure.estimate.value, bound=bound)
    if why_not := _incomparable(judged.report, live):
        return replace(base, reason=why_not)
    assert live.report is not None  # noqa: S101 - else it is incomparable
    if not values_of(judged.report, rule.metric):
        return replace(base, reason=f"{rule.metric} is of the whole suite: it has no cases to compare one by one")
    found = gain(judged.report, live.report, measure)
    fewest = max(FEWEST, ceil(1 / margin)) if found.coins and margin else FEWEST
    if found.estimate.n < fewest:
        return replace(
            base, reason=f"{_cases(found.estimate.n)} can be compared, and it takes {fewest} for this margin"
        )
    return replace(base, passed=_no_worse(found.estimate, margin), reason=_told(found, margin, measure, live.name))


def _no_worse(estimate: Estimate, margin: float) -> bool | None:
    if estimate.low >= -margin:
        return True
    return False if estimate.high < 0 and estimate.value < -margin else None


def _told(found: Gain, margin: float, measure: Measure, live: str) -> str:
    """Say a gain: by how much it is better or worse, how sure that is, and what it would take to be sure."""
    one = found.estimate
    how = "the same as" if one.value == 0 else "better than" if one.value > 0 else "worse than"
    far = "" if one.value == 0 else f"{apart(measure, one.value)} "
    interval = f"{_signed(measure, one.low)} to {_signed(measure, one.high)}"
    said = f"{far}{how} {live} ({interval}) over {_cases(one.n)}"
    if _no_worse(one, margin) is not None:
        return said
    needed = found.needed(margin)
    return f"{said}: not sure enough; " + (f"about {needed:,} cases would tell" if needed else "more cases would tell")


def _incomparable(report: Report, live: Live) -> str:
    """Say why two reports cannot be compared, "" where they can."""
    other = live.report
    if other is None:
        return f"{live.name} cannot be compared with: {live.missing}"
    if other.stopped:
        return f"{live.name} was measured on some of the cases only: {other.stopped}"
    if other.suite_digest != report.suite_digest:
        return f"{live.name} was measured on other cases; evaluate it on these"
    if other.pins.get(SETTINGS) != report.pins.get(SETTINGS):
        return f"{live.name} was asked in another way (temperature, repeats, judge); evaluate it in this one"
    return ""


def _pinned(judged: _Judged, pinned: list[str]) -> RuleResult:
    """Ask that what live answers rightly be answered rightly, case by case."""
    name = "every pinned case passes" if pinned == ["*"] else "pinned cases pass"
    live = judged.live
    ours = {result.id: None if undecided(result) else result.passed for result in judged.report.results}
    if live is None:
        return RuleResult(rule=name, passed=True, reason="nothing is live yet")
    if why_not := _untold(judged, "passed") or _incomparable(judged.report, live):
        return RuleResult(rule=name, passed=None, reason=why_not)
    assert live.report is not None  # noqa: S101 - else it is incomparable
    theirs = {result.id: result.passed for result in live.report.results}
    wanted = list(ours) if "*" in pinned else pinned
    lost = [case for case in wanted if theirs.get(case) and ours.get(case) is False]
    unknown = [case for case in wanted if case not in ours or case not in theirs]
    bound = f"as {live.name}"
    if lost:
        reason = f"{_cases(len(lost))} that {live.name} passes: {_listed(lost)}"
        return RuleResult(rule=name, passed=False, figure=float(len(lost)), bound=bound, reason=reason)
    if unknown:
        return RuleResult(rule=name, passed=None, bound=bound, reason=f"not among the cases: {_listed(unknown)}")
    if untold := [case for case in wanted if theirs[case] and ours[case] is None]:
        reason = f"{_cases(len(untold))} that {live.name} passes could not be scored: {_listed(untold)}"
        return RuleResult(rule=name, passed=None, bound=bound, reason=reason)
    reason = f"{_cases(sum(theirs[case] for case in wanted))} that {live.name} passes hold"
    return RuleResult(rule=name, passed=True, figure=0.0, bound=bound, reason=reason)


# ---------------------------------------------------------------- what cannot be told


def _untold(judged: _Judged, metric: str) -> str:
    """Say why a metric may not gate, "" where it may."""
    if metric in judged.judges:
        return f"its judge may not gate: {judged.judges[metric]}"
    if metric != "passed":
        return ""
    results, measure = judged.report.results, judged.report.measure(metric)
    if measure is not None and measure.unscored > UNTOLD * len(results):
        return f"of {_cases(len(results))}, {measure.unscored} could not be scored by all that must hold"
    deciding = {score.metric for result in results for score in result.scores if score.passed is not None}
    resting = sorted(deciding & judged.judges.keys())
    return f"it rests on '{resting[0]}', whose judge may not gate: {judged.judges[resting[0]]}" if resting else ""


def _not_measured(report: Report, metric: str) -> str:
    known = [measure.metric for measure in report.measures]
    close = get_close_matches(metric, known, n=1)
    hint = f"did you mean {close[0]}?" if close else f"there is: {', '.join(known) or 'nothing'}"
    return f"{metric} was not measured; {hint}"


# ---------------------------------------------------------------- words


def _named(ask: object, rule: Rule, bound: float, measure: Measure | None) -> str:
    """Name a rule as people configured it."""
    shown = measure or Measure(metric=rule.metric, estimate=Estimate(value=0, low=0, high=0, n=0))
    return f"{rule.metric} " + WORDS[ask](shown, bound)


def say(measure: Measure, value: float) -> str:
    """Say a figure as people do: `85 %`, `0.612`, `1.8 s`, `$0.0021`, `412 tokens`."""
    figure = FIGURES.get(measure.metric)
    return FORMS.get("share" if figure and figure.share else measure.unit, _plainly)(value)


def apart(measure: Measure, value: float) -> str:
    """Say how far two figures are apart: `8 points`, `0.03`, `0.2 s`."""
    figure = FIGURES.get(measure.metric)
    return f"{abs(value) * 100:.3g} points" if figure and figure.share else say(measure, abs(value))


def _signed(measure: Measure, value: float) -> str:
    figure = FIGURES.get(measure.metric)
    size = f"{abs(value) * 100:.3g}" if figure and figure.share else say(measure, abs(value))
    return f"{'-' if value < 0 else '+'}{size}"


def _interval(measure: Measure, estimate: Estimate) -> str:
    return f"{say(measure, estimate.low)} to {say(measure, estimate.high)}"


def _plainly(value: float) -> str:
    return f"{value:.3g}"


def _dollars(value: float) -> str:
    """Say money with two digits that count, never as a power of ten."""
    decimals = 2 if value >= 1 or value <= 0 else 1 - floor(log10(value))
    return f"${value:,.{decimals}f}"


def _cases(count: int) -> str:
    return f"{count:,} case{'' if count == 1 else 's'}"


def _listed(cases: list[str]) -> str:
    more = f" and {len(cases) - NAMED} more" if len(cases) > NAMED else ""
    return ", ".join(cases[:NAMED]) + more


def _figure(measure: Measure | None) -> float | None:
    return None if measure is None else measure.estimate.value


WORDS: Mapping[object, Callable[[Measure, float], str]] = MappingProxyType(
    {
        _floor: lambda measure, bound: f"at least {say(measure, bound)}",
        _ceiling: lambda measure, bound: f"at most {say(measure, bound)}",
        _not_worse: lambda measure, bound: f"not worse than live by more than {apart(measure, bound)}",
    }
)
FORMS: Mapping[str, Callable[[float], str]] = MappingProxyType(
    {
        "share": lambda value: f"{value * 100:.3g} %",
        "s": lambda value: f"{value:.3g} s",
        "USD": _dollars,
        "tokens": lambda value: f"{value:,.0f} tokens",
    }
)
"""How a figure is said, by its unit."""
