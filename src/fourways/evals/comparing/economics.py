"""What answers cost as a function of traffic: what stands, what grows, where two ways change places. Pure."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import combinations, pairwise

HOURS_A_MONTH = 730.0
"""365 days × 24 hours / 12."""
SECONDS_AN_HOUR = 3600.0
DRAWN = 60
"""Points of a curve besides its steps."""
STEPS_DRAWN = 60
"""Steps of a curve that are drawn as such; beyond them, on a logarithmic axis, they lie too close to be seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Economy:
    """What a way's costs follow from; all in US dollars.

    Attributes:
        name: the way's.
        usd_per_answer: what providers ask for one answer, on the mean; None where no price is known.
        machine_seconds: of one whole machine that an answer keeps busy, on the mean.
        usd_per_hour: what an hour of a machine costs.
        build_usd: paid once, spread over `months`.
        standing: machines that run whatever the traffic.
        utilisation: the share of its capacity at which a machine counts as full.
        peak: the busiest hour's traffic against the mean hour's.
    """

    name: str
    usd_per_answer: float | None
    machine_seconds: float
    usd_per_hour: float
    build_usd: float = 0.0
    months: float = 12.0
    standing: int = 1
    utilisation: float = 0.7
    peak: float = 3.0

    @property
    def priced(self) -> bool:
        """Whether all of its price is known."""
        return self.usd_per_answer is not None

    @property
    def capacity(self) -> float:
        """Answers a month that one machine carries, the busiest hour of them at `utilisation`; infinite for none."""
        if not self.machine_seconds:
            return math.inf
        return HOURS_A_MONTH * SECONDS_AN_HOUR / self.machine_seconds * self.utilisation / self.peak

    @property
    def usd_per_thousand(self) -> float | None:
        """What a thousand answers cost by themselves: the provider's price, and the machine's time at its price."""
        if self.usd_per_answer is None:
            return None
        return 1000 * (self.usd_per_answer + self.machine_seconds * self.usd_per_hour / SECONDS_AN_HOUR)

    def machines(self, traffic: float) -> int:
        """Return how many machines a traffic takes: a new one from where the others are full."""
        return _machines(self, Fraction(traffic))

    def monthly(self, traffic: float) -> float | None:
        """Return what a month costs at `traffic` answers a month; None where no price is known."""
        if self.usd_per_answer is None:
            return None
        return float(_cost(self, Fraction(traffic), self.machines(traffic)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One point of a curve: answers a month, US dollars a month."""

    traffic: float
    usd: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """Cost over traffic, made to be drawn: straight between its points; a step is two points at one traffic."""

    name: str
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakEven:
    """A traffic at which two ways change places.

    Attributes:
        traffic: answers a month.
        usd: a month, of the way that is cheaper from there on.
        below, above: the cheaper way on either side.
    """

    traffic: float
    usd: float
    below: str
    above: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a way stands in quality, cost and latency.

    Attributes:
        quality: higher is better.
        usd: a thousand answers; a way whose price nobody knows neither beats another nor is beaten.
        seconds: of a whole answer, the median.
        beaten_by: the ways that are at least as good in all three and better in one; none on the Pareto front.
    """

    name: str
    quality: float
    usd: float | None
    seconds: float
    beaten_by: tuple[str, ...] = ()

    @property
    def on_front(self) -> bool:
        """Whether nothing is better all round."""
        return not self.beaten_by


# ---------------------------------------------------------------- the curve and its break-evens


def curve(economy: Economy, low: float, high: float) -> Curve:
    """Return the monthly cost between two traffics, evenly on a logarithmic axis, each step where it is.

    Raises:
        ValueError: the price is not known, or the range is none.
    """
    _checked(low, high, economy)
    grid = [Fraction(low * (high / low) ** (place / (DRAWN - 1))) for place in range(DRAWN - 1)]
    steps = {step for _, step in zip(range(STEPS_DRAWN), _steps(economy, low, high), strict=False)}
    points = []
    for traffic in sorted({*grid, Fraction(high), *steps}):
        machines = [_machines(economy, traffic), *([_machines_above(economy, traffic)] if traffic in steps else [])]
        points += [Point(traffic=float(traffic), usd=float(_cost(economy, traffic, number))) for number in machines]
    return Curve(name=economy.name, points=tuple(points))


def break_evens(first: Economy, second: Economy, low: float, high: float) -> tuple[BreakEven, ...]:
    """Find every traffic in a range at which the cheaper of two ways changes: there may be several, by the steps.

    Between two steps both costs are straight lines; they are followed from step to step in fractions, so that none is
    missed and none is made up by rounding. Where both cost the same for a while, the change is where that begins.

    Args:
        low, high: answers a month, both above zero.

    Raises:
        ValueError: a price is not known, or the range is none.
    """
    _checked(low, high, first, second)
    edges = sorted({Fraction(low), *_steps(first, low, high), *_steps(second, low, high), Fraction(high)})
    found: list[BreakEven] = []
    cheaper = 0
    tied: Fraction | None = None
    for begin, end in pairwise(edges):
        for start, sign in _signs(first, second, begin, end):
            if not sign:
                tied = start if tied is None else tied
                continue
            if cheaper and sign != cheaper:
                found.append(_changed(first, second, start if tied is None else tied, sign))
            cheaper, tied = sign, None
    return tuple(found)


def all_break_evens(economies: Sequence[Economy], low: float, high: float) -> tuple[BreakEven, ...]:
    """Find every change of places between any two ways whose prices are known, by traffic."""
    pairs = combinations([one for one in economies if one.priced], 2)
    found = [one for first, second in pairs for one in break_evens(first, second, low, high)]
    return tuple(sorted(found, key=lambda one: one.traffic))


def _signs(first: Economy, second: Economy, begin: Fraction, end: Fraction) -> Iterator[tuple[Fraction, int]]:
    """Yield where each stretch between two steps begins, and who is cheaper there: -1 the first, 1 the second."""
    middle = (begin + end) / 2
    machines = [_machines(one, middle) for one in (first, second)]
    at_begin, at_end = (
        _cost(first, traffic, machines[0]) - _cost(second, traffic, machines[1]) for traffic in (begin, end)
    )
    if at_begin * at_end >= 0:
        yield begin, _sign(at_begin or at_end)
        return
    yield begin, _sign(at_begin)
    yield begin + (end - begin) * at_begin / (at_begin - at_end), _sign(at_end)


def _changed(first: Economy, second: Economy, at: Fraction, sign: int) -> BreakEven:
    above, below = (second, first) if sign > 0 else (first, second)
    usd = _cost(above, at, _machines_above(above, at))
    return BreakEven(traffic=float(at), usd=float(usd), below=below.name, above=above.name)


def _sign(difference: Fraction) -> int:
    return (difference > 0) - (difference < 0)


def _machines(economy: Economy, traffic: Fraction) -> int:
    capacity = economy.capacity
    needed = 0 if math.isinf(capacity) else math.ceil(traffic / Fraction(capacity))
    return max(economy.standing, needed)


def _machines_above(economy: Economy, traffic: Fraction) -> int:
    """Return how many machines a traffic takes that is the least bit larger."""
    capacity = economy.capacity
    needed = 0 if math.isinf(capacity) else math.floor(traffic / Fraction(capacity)) + 1
    return max(economy.standing, needed)


def _steps(economy: Economy, low: float, high: float) -> Iterator[Fraction]:
    """Yield the traffics strictly between two at which one machine more is needed."""
    capacity = economy.capacity
    if math.isinf(capacity) or not economy.usd_per_hour:
        return
    one = Fraction(capacity)
    number = max(economy.standing, math.floor(Fraction(low) / one) + 1, 1)
    while number * one < Fraction(high):
        yield number * one
        number += 1


def _fixed(economy: Economy, machines: int) -> Fraction:
    standing = machines * Fraction(economy.usd_per_hour) * Fraction(HOURS_A_MONTH)
    return standing + Fraction(economy.build_usd) / Fraction(economy.months)


def _cost(economy: Economy, traffic: Fraction, machines: int) -> Fraction:
    return _fixed(economy, machines) + traffic * Fraction(economy.usd_per_answer or 0.0)


def _checked(low: float, high: float, *economies: Economy) -> None:
    unknown = [one.name for one in economies if not one.priced]
    if unknown:
        msg = f"what an answer of {' and '.join(unknown)} costs is not known, so there is nothing to draw"
        raise ValueError(msg)
    if not 0 < low < high:
        msg = f"{low:g} to {high:g} is no range of traffic; right would be 0 < low < high"
        raise ValueError(msg)


# ---------------------------------------------------------------- all round


def pareto(places: Sequence[Place]) -> tuple[Place, ...]:
    """Say of each way who beats it all round: in quality, cost and latency at once (Pareto)."""
    return tuple(
        replace(place, beaten_by=tuple(other.name for other in places if _beats(other, place))) for place in places
    )


def _beats(one: Place, other: Place) -> bool:
    if one.usd is None or other.usd is None:
        return False
    gains = (one.quality - other.quality, other.usd - one.usd, other.seconds - one.seconds)
    return min(gains) >= 0 and max(gains) > 0
