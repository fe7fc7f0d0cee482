"""Scorers of what was found, in the order in which it was ranked: hit, recall, precision, MRR, nDCG, MAP. Pure."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from fourways.core.report import Answered
from fourways.evals.cases import Assertion, Case
from fourways.evals.scorers.base import Mark, Plain, Scorer
from fourways.evals.scorers.wanted import invalid, settings

Gains = Mapping[str, float]
"""What each relevant document (or passage) is worth; others are worth nothing."""


def ndcg(ranked: Sequence[str], gains: Gains, depth: int = 10) -> float:
    """Normalised discounted cumulative gain (Järvelin and Kekäläinen 2002): 1 is the ideal order; 0 where no gain is.

    The discount is the binary logarithm of the rank plus one, as in trec_eval.

    Args:
        ranked: what was found, best first.
        gains: what each relevant document is worth; others are worth nothing.
        depth: ranks that count.
    """
    ideal = _discounted(sorted(gains.values(), reverse=True)[:depth])
    return _discounted([gains.get(name, 0.0) for name in ranked[:depth]]) / ideal if ideal else 0.0


def hit(ranked: Sequence[str], gains: Gains, depth: int = 5) -> float:
    """Whether anything relevant is among the first."""
    return float(any(_relevant(ranked, gains, depth)))


def recall(ranked: Sequence[str], gains: Gains, depth: int = 5) -> float:
    """Share of the relevant that is among the first."""
    return sum(_relevant(ranked, gains, depth)) / _wanted(gains)


def precision(ranked: Sequence[str], gains: Gains, depth: int = 5) -> float:
    """Share of the first ranks that is relevant; a rank where nothing was found is not."""
    return sum(_relevant(ranked, gains, depth)) / depth


def mrr(ranked: Sequence[str], gains: Gains, depth: int = 100) -> float:
    """One over the rank of the first that is relevant; 0 where none is."""
    return next((1 / rank for rank, is_so in enumerate(_relevant(ranked, gains, depth), 1) if is_so), 0.0)


def average_precision(ranked: Sequence[str], gains: Gains, depth: int = 100) -> float:
    """Mean, over all that is relevant, of the precision at its rank; 0 for what was not found."""
    flags = _relevant(ranked, gains, depth)
    found = [sum(flags[:rank]) / rank for rank, is_so in enumerate(flags, 1) if is_so]
    return sum(found) / _wanted(gains)


def _relevant(ranked: Sequence[str], gains: Gains, depth: int) -> list[bool]:
    return [gains.get(name, 0.0) > 0 for name in ranked[:depth]]


def _wanted(gains: Gains) -> int:
    return sum(gain > 0 for gain in gains.values())


def _discounted(gains: Sequence[float]) -> float:
    """Sum gains, each divided by the binary logarithm of its rank plus one."""
    return sum(gain / math.log2(rank + 1) for rank, gain in enumerate(gains, 1))


# ---------------------------------------------------------------- the case


@dataclass(frozen=True, slots=True)
class Ranking:
    """What was found, best first, under the names that the gains go by."""

    ranked: Sequence[str]
    gains: Gains


def ranking(case: Case, sources: Sequence[Mapping[str, Any]], relevance: Gains) -> Ranking:
    """Name what was found after what the case looks for.

    Where its metadata name `passages`, ids count; else documents, by globs that match their whole name or its end, a
    document with several passages once, at the best one's rank, and so a glob that matches several documents.
    """
    if passages := _passages(case):
        ranked = [str(source.get("id", "")) for source in sources]
        return Ranking(list(dict.fromkeys(ranked)), {**dict.fromkeys(passages, 1.0), **relevance})
    gains = {**dict.fromkeys(case.documents, 1.0), **relevance}
    names = [str(source.get("document", "")) for source in sources]
    ranked = [next((glob for glob in gains if matches(name, glob)), f"\0{name}") for name in names]
    return Ranking(list(dict.fromkeys(ranked)), gains)


def matches(document: str, glob: str) -> bool:
    """Whether a glob names a document: `leave.md` and `docs/*.md` both name /srv/acme/docs/leave.md."""
    return fnmatchcase(document, glob) or fnmatchcase(document, f"*/{glob.lstrip('/')}")


def at_depth(measure: Callable[[Sequence[str], Gains, int], float], depth: int) -> Plain:
    """Return the scorer of one measure. Option `k`: ranks that count.

    What is right is named by the case's metadata: `document` or `documents` (globs), `passages` (ids), and `relevance`
    (grades of those documents, or of the passages where any is named; 0 for one that was found wanting).
    """

    def scored(case: Case, answered: Answered, asked: Assertion) -> Mark:
        k: int = settings(asked, {"k": depth})["k"]
        if k < 1:
            raise invalid(asked, f"option 'k' counts ranks from 1, not {k}")
        found = ranking(case, answered.sources, _relevance(case, asked))
        if not _wanted(found.gains):
            return Mark(value=None, reason="the case names no document that is right")
        if not answered.sources:
            return Mark(value=None, reason="nothing was retrieved")
        return Mark(value=measure(found.ranked, found.gains, k))

    return scored


def _passages(case: Case) -> list[str]:
    named = case.metadata.get("passages") or ()
    return [str(one) for one in (named if isinstance(named, list | tuple) else (named,))]


def _relevance(case: Case, asked: Assertion) -> Gains:
    given = case.metadata.get("relevance", {})
    if not isinstance(given, Mapping) or not all(isinstance(grade, int | float) for grade in given.values()):
        raise invalid(asked, f"metadata `relevance` maps documents to grades, and case {case.id} has {given!r}")
    return {str(name): float(grade) for name, grade in given.items()}


# Enough for a model to answer from is enough: hit and recall are asked by default, the order is only measured.
ROWS = (
    Scorer(name="hit", line="a right document is among the first 5 found", plain=at_depth(hit, 5)),
    Scorer(name="recall", line="share of the right documents among the first 5 found", plain=at_depth(recall, 5)),
    Scorer(
        name="precision",
        line="share of the first 5 found that is right",
        plain=at_depth(precision, 5),
        threshold=None,
    ),
    Scorer(name="mrr", line="one over the rank of the first right document", plain=at_depth(mrr, 100), threshold=None),
    Scorer(name="ndcg", line="nDCG of the first 10 found", plain=at_depth(ndcg, 10), threshold=None),
    Scorer(
        name="map", line="mean precision at the right documents", plain=at_depth(average_precision, 100), threshold=None
    ),
)
