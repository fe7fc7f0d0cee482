"""From reports, traits and timings to a comparison: differences, costs, who is beaten, advice. Pure."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from fourways.config.testing import Facts
from fourways.core.report import Direction, Measure, Report
from fourways.core.traits import Traits
from fourways.evals.comparing.advising import advise
from fourways.evals.comparing.comparison import Arm, Build, Comparison, Step
from fourways.evals.comparing.contrasts import contrasts
from fourways.evals.comparing.economics import Economy, Place, all_break_evens, curve, pareto
from fourways.evals.comparing.matrix import Measured
from fourways.evals.comparing.pairs import Sample, Versus, versus
from fourways.evals.comparing.remarks import assumptions, notes
from fourways.evals.comparing.timing import Clocked, timing_of
from fourways.evals.measuring import values_of

LOW, HIGH = 1_000.0, 10_000_000.0
"""Answers a month between which costs are drawn; further, where the facts expect more."""
LATENCY, FIRST_TOKEN = "latency", "first_token"
SPEED: Mapping[str, Callable[[Clocked], float | None]] = {
    LATENCY: lambda one: one.seconds,
    FIRST_TOKEN: lambda one: one.first_token,
}
"""Metrics that are compared as they were clocked taking turns, and not as they came out of busy, partly reused runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All that was found of one way.

    Attributes:
        model: the model that answers.
        report: its evaluation.
        clocked: its answers by the clock.
    """

    way: str
    model: str
    traits: Traits
    build: Build
    report: Report
    clocked: Sequence[Clocked]


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What the comparison was made in.

    Attributes:
        primary: the metric that counts first.
        cores: CPU cores of this machine.
        phases: what took how long.
        started_at: Unix seconds.
    """

    app: str
    description: str
    primary: str
    facts: Facts
    cores: int
    phases: tuple[Step, ...]
    started_at: float


def compose(evidence: Sequence[Evidence], setting: Setting) -> Comparison:
    """Put everything together."""
    found = sorted(evidence, key=lambda one: one.traits.rung.number)
    arms = tuple(_arm(one, setting) for one in found)
    primary = next((measure for arm in arms if (measure := arm.measure(setting.primary))), None)
    lower = primary is not None and primary.direction == "lower"
    differences = tuple(_differences(found, setting.primary, lower=lower))
    priced = [arm.economy for arm in arms if arm.economy.priced]
    traffic = setting.facts.requests_per_month
    high = max(HIGH, 10 * (traffic or 0))
    suite = found[0].report if found else None
    return Comparison(
        app=setting.app,
        description=setting.description,
        suite=suite.suite if suite else "",
        suite_digest=suite.suite_digest if suite else "",
        cases=max((len(one.report.results) for one in found), default=0),
        primary=setting.primary,
        arms=arms,
        versus=differences,
        contrasts=contrasts({one.way: one.report for one in found}, setting.primary, lower=lower),
        places=pareto([place for arm in arms if (place := _place(arm, setting.primary, lower=lower))]),
        curves=tuple(curve(economy, LOW, high) for economy in priced),
        break_evens=all_break_evens(priced, LOW, high),
        traffic=traffic,
        facts=setting.facts.model_dump(mode="json", exclude_none=True),
        assumptions=tuple(assumptions(arms)),
        advice=advise(
            [measured for arm in arms if (measured := _measured(arm, setting, lower=lower))],
            setting.facts,
            _gaps(differences, setting.primary),
        ),
        phases=setting.phases,
        notes=tuple(notes({one.way: one.report for one in found}, arms, setting.primary)),
        started_at=setting.started_at,
    )


# ---------------------------------------------------------------- one way


def _arm(one: Evidence, setting: Setting) -> Arm:
    report = one.report
    timing = timing_of(one.clocked, one.traits, report, cores=setting.cores)
    economy = Economy(
        name=one.way,
        usd_per_answer=_price(report),
        machine_seconds=timing.machine_seconds if timing else 0.0,
        usd_per_hour=setting.facts.machine_usd_per_hour,
        build_usd=one.build.usd,
    )
    return Arm(
        way=one.way,
        candidate=report.candidate,
        model=one.model,
        traits=one.traits,
        build=one.build,
        report=report.id,
        measures=_measures(report, setting.primary),
        economy=economy,
        timing=timing,
        robustness=report.robustness,
        cases=len(report.results),
        failed=sum(bool(result.answer.error) for result in report.results),
        stopped=report.stopped,
    )


def _price(report: Report) -> float | None:
    """Return what providers asked for an answer, on the mean; None where any answer's price is not known."""
    costs = [result.answer.cost_usd for result in report.results if not result.answer.error]
    known = [cost for cost in costs if cost is not None]
    return sum(known) / len(known) if known and len(known) == len(costs) else None


def _measures(report: Report, primary: str) -> tuple[Measure, ...]:
    """Return the metrics that are shown: the primary first, without seconds, which are clocked by themselves."""
    shown = [measure for measure in report.measures if measure.unit != "s" and measure.estimate.n]
    return tuple(sorted(shown, key=lambda measure: measure.metric != primary))


def _place(arm: Arm, primary: str, *, lower: bool) -> Place | None:
    measure = arm.measure(primary)
    if measure is None or arm.timing is None:
        return None
    quality = -measure.estimate.value if lower else measure.estimate.value
    return Place(
        name=arm.way,
        quality=quality,
        usd=arm.economy.usd_per_thousand,
        seconds=arm.timing.whole_p50.value,
    )


def _measured(arm: Arm, setting: Setting, *, lower: bool) -> Measured | None:
    measure, traffic = arm.measure(setting.primary), setting.facts.requests_per_month
    if measure is None:
        return None
    return Measured(
        way=arm.way,
        metric=setting.primary,
        quality=measure.estimate,
        traits=arm.traits,
        lower_is_better=lower,
        p95=arm.timing.whole_p95 if arm.timing else None,
        monthly=None if traffic is None else arm.economy.monthly(traffic),
        thousand=arm.economy.usd_per_thousand,
        build_usd=arm.build.usd,
    )


# ---------------------------------------------------------------- one against another


def _differences(found: Sequence[Evidence], primary: str, *, lower: bool) -> Iterator[Versus]:
    """Yield every two ways on every metric that both have, the one with the better primary mean first."""
    sign = -1 if lower else 1

    def mean(one: Evidence) -> float:
        measure = one.report.measure(primary)
        return -math.inf if measure is None else sign * measure.estimate.value

    for first, second in combinations(sorted(found, key=mean, reverse=True), 2):
        yield from _between(first, second)


def _between(first: Evidence, second: Evidence) -> Iterator[Versus]:
    directions: dict[str, Direction] = {
        measure.metric: measure.direction
        for one in (second, first)
        for measure in one.report.measures
        if measure.unit != "s"
    }
    metrics = [*(metric for metric in directions if metric not in SPEED), *SPEED]
    for metric in metrics:
        direction = "lower" if metric in SPEED else directions.get(metric, "higher")
        one = versus(metric, direction, _sample(first, metric), _sample(second, metric))
        if one is not None:
            yield one


def _sample(one: Evidence, metric: str) -> Sample:
    take = SPEED.get(metric)
    if take is None:
        return Sample(way=one.way, values=values_of(one.report, metric))
    clocked = {each.case: value for each in one.clocked if not each.failed and (value := take(each)) is not None}
    return Sample(way=one.way, values=clocked)


def _gaps(found: Sequence[Versus], primary: str) -> Callable[[str, str], Versus | None]:
    by_pair = {frozenset((one.first, one.second)): one for one in found if one.metric == primary}
    return lambda first, second: by_pair.get(frozenset((first, second)))


def with_phase(comparison: Comparison, phase: Step) -> Comparison:
    """Add a phase that ended after the comparison was put together."""
    return replace(comparison, phases=(*comparison.phases, phase))
