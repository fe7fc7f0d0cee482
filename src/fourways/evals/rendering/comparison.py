"""The page of a comparison: the advice first, then the ways side by side, what they cost, how they differ in kind."""

from dataclasses import dataclass
from importlib.metadata import version

from fourways.core.traits import LADDER
from fourways.evals.comparison import Arm, Comparison
from fourways.evals.gate import say
from fourways.evals.rendering import charts
from fourways.evals.rendering.evaluation import disturbed, moment, percent
from fourways.evals.rendering.page import fill
from fourways.evals.wording import dollars, seconds, told

MOST_MARKS = 6
"""Break-even points that are drawn; more lie too close to be told apart."""


def comparison_html(comparison: Comparison) -> str:
    """Return the page as one self-contained file."""
    return fill(
        "comparison.html.j2",
        title=f"{comparison.app}: the ways compared",
        version=version("fourways"),
        comparison=comparison,
        advice=comparison.advice,
        when=moment(comparison.started_at),
        ladder=_ladder(comparison),
        primary=_primary(comparison),
        rows=[_side_by_side(comparison, metric) for metric in comparison.metrics],
        differences=_differences(comparison),
        timing=[_timing(arm) for arm in comparison.arms],
        front=_front(comparison),
        curves=_curves(comparison),
        break_evens=[_break_even(comparison, place) for place in range(len(comparison.break_evens))],
        natures=NATURES,
        robustness=[(arm, rows) for arm in comparison.arms if (rows := disturbed(arm.robustness))],
        took=f"{comparison.seconds:.0f} s",
    )


NATURES = (
    ("Where data goes", "data"),
    ("How soon a change answers", "freshness"),
    ("How data is erased", "erasure"),
    ("What may be drawn out again", "memory"),
    ("People", "people"),
    ("Hardware", "hardware"),
)
"""What ways are like apart from their answers: a heading, and the trait's name."""


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
    return say(measure, measure.estimate.value) if measure is not None else "not measured"


def _primary(comparison: Comparison) -> str:
    """Draw every share and score, a row each, the ways below one another."""
    rows = []
    for metric in comparison.metrics:
        found = [(place, arm.measure(metric)) for place, arm in enumerate(comparison.arms)]
        dots = tuple(
            charts.Dot(estimate=one.estimate, series=place)
            for place, one in found
            if one is not None and not one.unit and 0 <= one.estimate.value <= 1
        )
        if dots:
            rows.append(charts.Row(label=metric, dots=dots))
    return charts.intervals("Shares and scores of each way, with their intervals", rows, say=percent) if rows else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """One metric of every way, in words; `best` counts the way that is better than the others beyond doubt."""

    metric: str
    cells: tuple[str, ...]
    intervals: tuple[str, ...]
    best: int | None


def _side_by_side(comparison: Comparison, metric: str) -> Sides:
    found = [arm.measure(metric) for arm in comparison.arms]
    better = {one.better for one in comparison.versus if one.metric == metric and one.better}
    beaten = {
        way
        for one in comparison.versus
        if one.metric == metric and one.better
        for way in (one.first, one.second)
        if way != one.better
    }
    leading = [place for place, arm in enumerate(comparison.arms) if arm.way in better - beaten]
    return Sides(
        metric=metric,
        cells=tuple(say(one, one.estimate.value) if one is not None else "–" for one in found),
        intervals=tuple(
            f"{say(one, one.estimate.low)} to {say(one, one.estimate.high)}" if one is not None else "" for one in found
        ),
        best=leading[0] if len(leading) == 1 else None,
    )


def _differences(comparison: Comparison) -> list[str]:
    """Say how every two ways differ on the primary metric."""
    said = []
    for one in comparison.versus:
        if one.metric != comparison.primary:
            continue
        gap = f"{one.difference.value:+.2f} ({one.difference.low:+.2f} to {one.difference.high:+.2f})"
        over = f"over {one.difference.n:,} cases"
        if one.better:
            said.append(f"{one.better} is better: {one.first} less {one.second} is {gap} {over}.")
        else:
            more = f" It would take about {one.needed:,} cases to tell." if one.needed else ""
            said.append(f"{one.first} and {one.second} are not distinguishable: {gap} {over}.{more}")
    return said


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed:
    """How long one way takes, and what it costs, in words."""

    way: str
    first: str
    whole_p50: str
    whole_p95: str
    n: int
    thousand: str
    build: str


def _timing(arm: Arm) -> Timed:
    timing, cost = arm.timing, arm.economy.usd_per_thousand
    build = f"{arm.build.seconds:.1f} s, {dollars(arm.build.usd)}"
    return Timed(
        way=arm.way,
        first=told(timing.first_p50, seconds) if timing and timing.first_p50 else "–",
        whole_p50=told(timing.whole_p50, seconds) if timing else "–",
        whole_p95=told(timing.whole_p95, seconds) if timing else "–",
        n=timing.n if timing else 0,
        thousand=dollars(cost) if cost is not None else "no price is known",
        build=build + (" (part of it was there)" if arm.build.earlier else ""),
    )


def _front(comparison: Comparison) -> str:
    """Draw quality over cost, latency as size; ways that are beaten all round are faint."""
    places = [place for place in comparison.places if place.usd is not None]
    if len(places) < 2:  # noqa: PLR2004 - one point is no picture
        return ""
    slowest = max(place.seconds for place in places) or 1.0
    order = [arm.way for arm in comparison.arms]
    spots = [
        charts.Spot(
            label=f"{place.name}, {seconds(place.seconds)}",
            x=max(place.usd or 0.0, 1e-6),
            y=place.quality,
            size=place.seconds / slowest,
            series=order.index(place.name),
            faint=not place.on_front,
        )
        for place in places
    ]
    across, up = "US dollars for a thousand answers", comparison.primary
    return charts.scatter("Quality, cost and latency", spots, across=across, up=up, say_x=dollars, say_y=percent)


def _curves(comparison: Comparison) -> str:
    if not comparison.curves:
        return ""
    order = [arm.way for arm in comparison.arms]
    drawn = [
        charts.Line(
            label=curve.name,
            points=tuple((point.traffic, point.usd) for point in curve.points),
            series=order.index(curve.name),
        )
        for curve in comparison.curves
    ]
    marks = [
        charts.Mark(x=one.traffic, y=one.usd, label=f"{one.traffic:,.0f}")
        for one in comparison.break_evens[:MOST_MARKS]
    ]
    across, up = "answers a month", "US dollars a month"
    return charts.lines("Cost over traffic", drawn, marks, across=across, up=up, say_x=_count, say_y=dollars)


def _count(value: float) -> str:
    return f"{value:,.0f}"


def _break_even(comparison: Comparison, place: int) -> str:
    one = comparison.break_evens[place]
    return (
        f"Up to {one.traffic:,.0f} answers a month {one.below} is cheaper, beyond it {one.above} ({dollars(one.usd)})."
    )
