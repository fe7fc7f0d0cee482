"""Scores of rankings and of shares, as formulas; the product's own where it has them."""

import math
from collections.abc import Sequence
from statistics import NormalDist

from fourways.evals.scorers.retrieval import ndcg

__all__ = ["first_of_each", "interval", "ndcg"]


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
