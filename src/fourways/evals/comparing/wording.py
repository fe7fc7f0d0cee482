"""How figures are said in reasons: with their intervals, and no more digits than they have meaning."""

from collections.abc import Callable

from fourways.core.report import Estimate
from fourways.evals.comparing.matrix import Measured
from fourways.evals.comparing.pairs import Versus

CENTS = 100.0
"""From here on, cents say nothing."""
LEAST = 0.0001
"""US dollars below which the figure says nothing."""


def share(value: float) -> str:
    """Say a share or a plain score."""
    return f"{value:.2f}" if abs(value) >= 0.1 or not value else f"{value:.3f}"  # noqa: PLR2004 - two digits that mean


def seconds(value: float) -> str:
    """Say a duration: `0.08 ms`, `12 ms`, `3.4 s`."""
    if value >= 1:
        return f"{value:.3g} s"
    return f"{value * 1000:.3g} ms" if value >= 0.001 else f"{value * 1000:.2f} ms"  # noqa: PLR2004 - a millisecond


def dollars(value: float) -> str:
    """Say an amount: `$0.0012`, `$3.40`, `$1,200`; what is too little to count is said to be less than that."""
    if value >= CENTS:
        return f"${value:,.0f}"
    if 0 < value < LEAST:
        return f"<${LEAST}"
    return f"${value:.2f}" if value >= 0.1 or not value else f"${value:.2g}"  # noqa: PLR2004 - two digits that mean


def told(estimate: Estimate, say: Callable[[float], str] = share) -> str:
    """Say an estimate with its interval."""
    return f"{say(estimate.value)} ({say(estimate.low)} to {say(estimate.high)})"


def figure_of(arm: Measured) -> str:
    """Say what was measured of a way's primary metric."""
    return f"{arm.metric} {told(arm.quality)}, n = {arm.quality.n:,}"


def better_by(first: Measured, second: Measured, gap: Versus | None) -> str:
    """Say two ways' figures and the difference between them."""
    both = f"{share(first.quality.value)} against {share(second.quality.value)}"
    if gap is None:
        return f"{both}, on no common cases"
    sign = 1 if gap.first == first.way else -1
    ends = sorted(sign * end for end in (gap.difference.low, gap.difference.high))
    difference = f"{sign * gap.difference.value:+.2f} ({ends[0]:+.2f} to {ends[1]:+.2f})"
    return f"{both}; difference {difference}, n = {gap.difference.n:,}"
