"""What ways cost, drawn and said: a thousand answers, over traffic with break-evens, beside quality and latency."""

from collections.abc import Iterator

from fourways.evals.comparing.comparison import Arm, Comparison
from fourways.evals.comparing.crossings import Crossing, crossings
from fourways.evals.comparing.economics import SECONDS_AN_HOUR, BreakEven
from fourways.evals.comparing.wording import dollars, seconds
from fourways.evals.rendering import charts
from fourways.evals.rendering.tables import sayer

MOST_MARKS = 6
"""Break-even points that are drawn; more lie too close to be told apart."""
SAID = 3
"""Changes of place of two ways that are said one by one."""
UNKNOWN = "no price is known"
SIZES = ((1e6, " M"), (1e3, " k"))
ROUNDS_TO_ONE, THREE_DIGITS = 0.9995, 99.95


def costs(comparison: Comparison) -> str:
    """Draw what a thousand answers cost by themselves: what the provider asks, and the machine's time."""
    rows = [
        charts.Bar(
            label=arm.way,
            parts=_parts(arm),
            said=dollars(usd) if (usd := arm.economy.usd_per_thousand) is not None else UNKNOWN,
            series=place,
        )
        for place, arm in enumerate(comparison.arms)
    ]
    return charts.bars("What a thousand answers cost", rows)


def _parts(arm: Arm) -> tuple[float, ...]:
    economy = arm.economy
    if economy.usd_per_answer is None:
        return (0.0,)
    return 1000 * economy.usd_per_answer, 1000 * economy.machine_seconds * economy.usd_per_hour / SECONDS_AN_HOUR


def front(comparison: Comparison) -> str:
    """Draw quality over cost, latency as size; ways that are beaten all round are faint."""
    places = [place for place in comparison.places if place.usd is not None]
    measures = [arm.measure(comparison.primary) for arm in comparison.arms]
    measure = next((one for one in measures if one is not None), None)
    if len(places) < 2 or measure is None:  # noqa: PLR2004 - one point is no picture
        return ""
    say, sign = sayer(measure), 1 if measure.direction == "higher" else -1
    slowest = max(place.seconds for place in places) or 1.0
    order = [arm.way for arm in comparison.arms]
    spots = [
        charts.Spot(
            label=f"{place.name}, {seconds(place.seconds)}",
            x=place.usd or 0.0,
            y=place.quality,
            size=place.seconds / slowest,
            series=order.index(place.name),
            faint=not place.on_front,
        )
        for place in places
    ]
    axes = charts.Axes(
        across="a thousand answers cost", up=comparison.primary, say_x=dollars, say_y=lambda value: say(sign * value)
    )
    return charts.scatter("Quality, cost and latency", spots, axes)


def curves(comparison: Comparison) -> str:
    """Draw what a month costs over traffic, and where two ways change places; nothing where nothing costs anything."""
    if not any(point.usd for curve in comparison.curves for point in curve.points):
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
        charts.Mark(x=one.traffic, y=one.usd, label=f"{one.above} from {count(one.traffic)}")
        for one in comparison.break_evens[:MOST_MARKS]
    ]
    axes = charts.Axes(across="answers a month", up="cost a month", say_x=count, say_y=dollars)
    return charts.lines("Cost over traffic", drawn, marks, axes)


def expected(comparison: Comparison) -> str:
    """Say what each way costs at the traffic that the project file expects; "" where it expects none."""
    if comparison.traffic is None:
        return ""
    monthly = {arm.way: arm.economy.monthly(comparison.traffic) for arm in comparison.arms}
    said = ", ".join(f"{way} {dollars(usd) if usd is not None else UNKNOWN}" for way, usd in monthly.items())
    return f"At the {comparison.traffic:,.0f} answers a month that you expect: {said}."


def places_changed(comparison: Comparison) -> Iterator[str]:
    """Say where any two ways change places, or who is cheaper all along."""
    for one in crossings(comparison):
        yield from map(_break_even, one.changes[:SAID])
        if len(one.changes) > SAID:
            more, last = len(one.changes) - SAID, one.changes[-1]
            yield f"They change places {more} times more, last at {last.traffic:,.0f}; then {last.above} is cheaper."
        if not one.changes:
            yield _never(one)


def _break_even(one: BreakEven) -> str:
    return (
        f"Up to {one.traffic:,.0f} answers a month {one.below} is cheaper, beyond it {one.above} ({dollars(one.usd)})."
    )


def _never(one: Crossing) -> str:
    if one.level:
        return f"{one.first} and {one.second} cost about the same at every traffic shown."
    return f"{one.cheaper} costs no more than {one.dearer} at any traffic shown: there is no break-even."


def count(value: float) -> str:
    """Say a traffic in few letters: `20 k`, `1.5 M`."""
    size, letter = next(((size, letter) for size, letter in SIZES if value >= size * ROUNDS_TO_ONE), (1.0, ""))
    part = value / size
    return f"{part:,.0f}{letter}" if part >= THREE_DIGITS else f"{part:.3g}{letter}"
