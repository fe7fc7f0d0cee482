"""Looking at evidence while it comes in, unfooled by looking often: bounds for planned looks, an e-process."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist

import numpy as np

NORMAL = NormalDist()
GRID = 501
"""Points of the numerical integration."""
REACH = 8.0
"""Standard deviations that the integration covers."""
RATIOS = (2.0, 4.0, 8.0)
"""How many times as often the canary fails, under the alternatives that the e-process bets on."""


@lru_cache(maxsize=64)
def obrien_fleming(looks: int, alpha: float, *, one_sided: bool = True) -> tuple[float, ...]:
    """Return the bounds of z at each of several equally spaced looks (O'Brien and Fleming 1979).

    Look k of K stops where z ≥ C·√(K/k): hardly ever early, nearly as one would without looking at the end. C is found
    by bisection, the chance of stopping by the recursion of Armitage, McPherson and Rowe (1969).

    Args:
        alpha: the chance of stopping, over all looks, where nothing differs.
        one_sided: whether only large z stops; else |z|.
    """
    low, high = 0.5, 8.0
    for _ in range(40):
        middle = (low + high) / 2
        if _stopping(looks, middle, one_sided=one_sided) > alpha:
            low = middle
        else:
            high = middle
    return tuple(high * math.sqrt(looks / look) for look in range(1, looks + 1))


def _stopping(looks: int, constant: float, *, one_sided: bool) -> float:
    """Return the chance that a random walk with unit steps ever crosses constant·√looks."""
    bound = constant * math.sqrt(looks)
    bottom = -REACH * math.sqrt(looks) if one_sided else -bound
    grid = np.linspace(bottom, bound, GRID)
    weights = np.full(GRID, grid[1] - grid[0])
    weights[[0, -1]] /= 2
    density = np.exp(-(grid**2) / 2) / math.sqrt(2 * math.pi)
    upper = np.vectorize(lambda place: NORMAL.cdf(place - bound))(grid)
    beyond = upper if one_sided else upper + np.vectorize(lambda place: NORMAL.cdf(bottom - place))(grid)
    stopped = NORMAL.cdf(-bound) * (1 if one_sided else 2)
    kernel = np.exp(-((grid[:, None] - grid[None, :]) ** 2) / 2) / math.sqrt(2 * math.pi)
    for _ in range(looks - 1):
        stopped += float((density * weights) @ beyond)
        density = kernel @ (density * weights)
    return stopped


@dataclass(frozen=True, slots=True, kw_only=True)
class Failures:
    """Failures seen while the canary had one share of the requests.

    Attributes:
        canary, control: how many fell on each.
        share: the canary's share of the requests, in (0, 1).
    """

    canary: int
    control: int
    share: float


def e_process(segments: Iterable[Failures], ratios: Sequence[float] = RATIOS) -> float:
    """Return the evidence that the canary fails more often; 1/α may be reached with a chance of α at most, at any time.

    Given that a request failed, it was the canary's with chance ρ (its share) if both fail alike, and with
    θ = ρm/(ρm + 1 − ρ) if the canary fails m times as often. The likelihood ratio of the two is a martingale while both
    fail alike, and so is the mean over several m: Ville's inequality (1939) bounds what it ever reaches, however often
    one looks. Where the share changes, the ratios of the segments multiply.
    """
    logs = [0.0] * len(ratios)
    for segment in segments:
        rho = segment.share
        for place, ratio in enumerate(ratios):
            theta = rho * ratio / (rho * ratio + 1 - rho)
            logs[place] += segment.canary * math.log(theta / rho)
            logs[place] += segment.control * math.log((1 - theta) / (1 - rho))
    highest = max(logs)
    return math.exp(min(700.0, highest)) * sum(math.exp(value - highest) for value in logs) / len(logs)
