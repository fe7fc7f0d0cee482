"""Two rankings made one: min-max fusion of meaning (cosine) and words (BM25). Pure functions of numbers.

Measured (nDCG@10 on Cranfield): min-max at alpha = 0.5 over true scores of both sides .566; with a side's minimum for
what it did not propose .561; reciprocal-rank fusion .557 (`docs/log.md`).
"""

from collections.abc import Hashable, Mapping, Sequence
from typing import TypeVar

Key = TypeVar("Key", bound=Hashable)


def rescale(scores: Mapping[Key, float]) -> dict[Key, float]:
    """Map scores to [0, 1], the least to 0 and the greatest to 1; all to 1 where they are equal."""
    if not scores:
        return {}
    least, most = min(scores.values()), max(scores.values())
    if most == least:
        return dict.fromkeys(scores, 1.0)
    return {key: (score - least) / (most - least) for key, score in scores.items()}


def fuse(dense: Mapping[Key, float], lexical: Mapping[Key, float], *, alpha: float) -> list[tuple[Key, float]]:
    """Return candidates by alpha * dense + (1 - alpha) * lexical, each side rescaled to [0, 1], best first.

    Convex combination of min-max normalised scores (Bruch, Gai and Ingber 2023, arXiv:2210.11934). Equal scores are
    ordered by key, so that a search gives the same list twice.

    Args:
        dense: a cosine for each candidate.
        lexical: BM25 for each candidate that shares words with the question; 0 for the others. Where none does, only
            meaning counts.
        alpha: the dense side's share, in [0, 1].
    """
    nearness = rescale(dense)
    words = rescale({key: lexical.get(key, 0.0) for key in dense}) if any(lexical.values()) else {}
    scores = {key: alpha * nearness[key] + (1 - alpha) * words.get(key, 0.0) for key in dense}
    return sorted(scores.items(), key=lambda item: (-item[1], item[0]))


def reorder(keys: Sequence[Key], relevance: Sequence[float]) -> list[tuple[Key, float]]:
    """Return candidates by a reranker's relevance, best first; its scores are kept where they lie in [0, 1]."""
    scores: Mapping[Key, float] = dict(zip(keys, relevance, strict=True))
    if any(not 0 <= score <= 1 for score in scores.values()):
        scores = rescale(scores)
    places = {key: place for place, key in enumerate(keys)}
    return sorted(scores.items(), key=lambda item: (-item[1], places[item[0]]))
