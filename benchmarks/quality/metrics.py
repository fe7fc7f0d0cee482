"""Scores of rankings and of shares, as formulas. Standard library only."""

import math
from collections.abc import Mapping, Sequence
from statistics import NormalDist


def ndcg(ranked: Sequence[str], gains: Mapping[str, float], depth: int = 10) -> float:
    """Normalised discounted cumulative gain (Järvelin and Kekäläinen 2002): 1 is the ideal order; 0 where no gain is.

    Args:
        ranked: what was found, best first.
        gains: what each relevant document is worth; others are worth nothing.
        depth: ranks that count.
    """
    ideal = discounted(sorted(gains.values(), reverse=True)[:depth])
    return discounted([gains.get(name, 0.0) for name in ranked[:depth]]) / ideal if ideal else 0.0


def discounted(gains: Sequence[float]) -> float:
    """Sum gains, each divided by the binary logarithm of its rank plus one."""
    return sum(gain / math.log2(rank + 1) for rank, gain in enumerate(gains, 1))


def interval(hits: int, of: int, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval of a share (Wilson 1927), which stays within 0 and 1 where a share is near them."""
    if of == 0:
        return 0.0, 1.0
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share = hits / of
    centre = (share + z * z / (2 * of)) / (1 + z * z / of)
    half = z / (1 + z * z / of) * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    return max(0.0, centre - half), min(1.0, centre + half)


def first_of_each(names: Sequence[str]) -> list[str]:
    """Drop repetitions: the passages' documents in the order in which each was first found."""
    return list(dict.fromkeys(names))
