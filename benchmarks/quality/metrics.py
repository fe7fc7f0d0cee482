"""Scores of rankings and of shares, as formulas; the product's own where it has them."""

from collections.abc import Sequence

from fourways.evals.scorers.retrieval import ndcg
from fourways.evals.statistics import wilson

__all__ = ["first_of_each", "interval", "ndcg"]


def interval(hits: int, of: int, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval of a share (Wilson 1927), which stays within 0 and 1 where a share is near them."""
    share = wilson(hits, of, confidence)
    return share.low, share.high


def first_of_each(names: Sequence[str]) -> list[str]:
    """Drop repetitions: the passages' documents in the order in which each was first found."""
    return list(dict.fromkeys(names))
