"""What answers cost as a function of traffic: what stands, what grows, where two ways change places. Pure."""

from dataclasses import dataclass

HOURS_A_MONTH = 730.0
"""365 days × 24 hours / 12."""
SECONDS_AN_HOUR = 3600.0


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
        usd: a thousand answers; None where no price is known: then nothing is worse by it, and it by nothing.
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
