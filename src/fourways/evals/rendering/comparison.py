"""The page of a comparison: the advice first, then the ways side by side, what they cost, how they differ in kind."""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version

from fourways.core.report import Estimate
from fourways.core.traits import LADDER
from fourways.evals.comparing.comparison import Arm, Comparison
from fourways.evals.comparing.wording import dollars, seconds
from fourways.evals.rendering.against import Against
from fourways.evals.rendering.evaluation import moment
from fourways.evals.rendering.money import costs, curves, expected, front, places_changed
from fourways.evals.rendering.page import fill
from fourways.evals.rendering.robust import heat_table
from fourways.evals.rendering.tables import Entry, Head, Table, line_of, sayer, table

NATURES = (
    ("Where data goes", "data"),
    ("How soon a change answers", "freshness"),
    ("How data is erased", "erasure"),
    ("What may be drawn out again", "memory"),
    ("People", "people"),
    ("Hardware", "hardware"),
)
"""What ways are like apart from their answers: a heading, and the trait's name."""
SPEEDS = (
    ("first token, median", "first_p50", "first_token"),
    ("first token, 95 %", "first_p95", ""),
    ("whole answer, median", "whole_p50", "latency"),
    ("whole answer, 95 %", "whole_p95", ""),
)
"""Rows of the table of seconds: a heading, where they stand, the metric that is compared case by case."""


def comparison_html(comparison: Comparison) -> str:
    """Return the page as one self-contained file."""
    robustness = [arm.robustness for arm in comparison.arms]
    return fill(
        "comparison.html.j2",
        title=f"{comparison.app}: the ways compared",
        version=version("fourways"),
        comparison=comparison,
        advice=comparison.advice,
        when=moment(comparison.started_at),
        ladder=_ladder(comparison),
        heads=_heads(comparison),
        measures=_measures(comparison),
        differences=list(_differences(comparison)),
        speed=_speed(comparison),
        costs=costs(comparison),
        builds=[_build(arm) for arm in comparison.arms],
        front=front(comparison),
        curves=curves(comparison),
        expected=expected(comparison),
        places_changed=list(places_changed(comparison)),
        natures=[(title, [getattr(arm.traits, name) for arm in comparison.arms]) for title, name in NATURES],
        heat=heat_table(robustness),
        left_out={name: why for one in robustness for name, why in one.get("left_out", {}).items()},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """One rung of the ladder; `figure` is the primary metric's, "" for a way that was not measured."""

    title: str
    effort: str
    figure: str
    series: int
    recommended: bool


def _ladder(comparison: Comparison) -> list[Rung]:
    """Return every rung, those too that this app does not have."""
    arms = {arm.way: (place, arm) for place, arm in enumerate(comparison.arms)}
    best = comparison.advice.recommended.way if comparison.advice.recommended else ""
    rungs = [rung for way, rung in LADDER.items() if way not in arms]
    rungs += [arm.traits.rung for arm in comparison.arms]
    return [
        Rung(
            title=rung.title,
            effort=rung.effort,
            figure=_figure(comparison, arms[rung.way][1]) if rung.way in arms else "",
            series=arms[rung.way][0] if rung.way in arms else 0,
            recommended=rung.way == best,
        )
        for rung in sorted(rungs, key=lambda rung: rung.number)
    ]


def _figure(comparison: Comparison, arm: Arm) -> str:
    measure = arm.measure(comparison.primary)
    return sayer(measure)(measure.estimate.value) if measure is not None and measure.estimate.n else "not measured"


def _heads(comparison: Comparison) -> list[Head]:
    return [Head(name=arm.way, note=arm.model, series=place) for place, arm in enumerate(comparison.arms)]


# ---------------------------------------------------------------- side by side


def _measures(comparison: Comparison) -> Table:
    entries = []
    for metric in comparison.metrics:
        found = [arm.measure(metric) for arm in comparison.arms]
        one = next(measure for measure in found if measure is not None)
        entries.append(
            Entry(
                name=metric,
                line=line_of(metric),
                estimates=tuple(measure.estimate if measure is not None else None for measure in found),
                unscored=tuple(measure.unscored if measure is not None else 0 for measure in found),
                say=sayer(one),
                unit=one.unit,
                lower=one.direction == "lower" and metric != "abstained",
                best=_best(comparison, metric),
            )
        )
    return table(_heads(comparison), entries, cases=comparison.cases)


def _best(comparison: Comparison, metric: str) -> int | None:
    """Return which way is better than every other that has the metric, beyond doubt; None where none is."""
    found = [one for one in comparison.versus if one.metric == metric]
    for place, arm in enumerate(comparison.arms):
        own = [one for one in found if arm.way in {one.first, one.second}]
        if own and all(one.better == arm.way for one in own):
            return place
    return None


def _differences(comparison: Comparison) -> Iterator[str]:
    """Say how every two ways differ on the primary metric."""
    for one in comparison.versus:
        measure = comparison.arm(one.first).measure(one.metric)
        if one.metric != comparison.primary or measure is None:
            continue
        sign = {one.first: 1, one.second: -1}.get(one.better, 0)
        found = Against(measure=measure, difference=one.difference, better=sign, needed=one.needed)
        yield f"{one.first} against {one.second}, over {one.difference.n:,} cases: {found.says}."


def _speed(comparison: Comparison) -> Table | None:
    timings = [arm.timing for arm in comparison.arms]
    entries = []
    for name, field, metric in SPEEDS:
        estimates: list[Estimate | None] = [getattr(timing, field) if timing else None for timing in timings]
        if any(estimates):
            entries.append(
                Entry(
                    name=name,
                    estimates=tuple(estimates),
                    say=seconds,
                    unit="s",
                    best=_best(comparison, metric) if metric else None,
                )
            )
    count = max((timing.n for timing in timings if timing), default=0)
    return table(_heads(comparison), entries, cases=count) if entries else None


def _build(arm: Arm) -> str:
    said = f"{arm.way}: {seconds(arm.build.seconds)}, {dollars(arm.build.usd)}"
    steps = ", ".join(f"{step.name} {seconds(step.seconds)}" for step in arm.build.steps)
    return f"{said} ({steps})" + (", a part of it was there before" if arm.build.earlier else "")
