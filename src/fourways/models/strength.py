"""How strongly what was found supports an answer, and whether to abstain. Pure: knows hits, no model and no index."""

from collections.abc import Sequence

from fourways.core.data import Hit
from fourways.models.words import content_words

DENSE_SHARE = 2 / 3
"""Weight of meaning against words; anything from .5 to .8 measures alike (docs/decisions/0002-abstention.md)."""

THRESHOLD = 0.41
"""Below this strength an answer is not to be had from the hits: measured, see docs/decisions/0002-abstention.md."""


def strength(question: str, hits: Sequence[Hit]) -> float:
    """Return how strongly the hits speak to the question, from 0 to 1; 0 where there are none.

    Two thirds the highest cosine of question and passage, one third the highest share of the question's content words
    that one passage (with its title and headings) has. Both are comparable across searches and collections; fused
    scores and BM25 are not.
    """
    if not hits:
        return 0.0
    dense = max(0.0, *(hit.dense for hit in hits))
    asked = frozenset(content_words(question))
    return DENSE_SHARE * min(1.0, dense) + (1 - DENSE_SHARE) * max(_coverage(asked, hit) for hit in hits)


def abstains(question: str, hits: Sequence[Hit], threshold: float = THRESHOLD) -> bool:
    """Whether the hits are too weak to answer from; with a negative threshold, only where there are none."""
    return not hits or strength(question, hits) < threshold


def words_of(hit: Hit) -> frozenset[str]:
    """Return the content words a reader of the passage has before them: its text's, headings' and title's."""
    passage = hit.passage
    return frozenset(content_words(" ".join((passage.title, *passage.headings, passage.text))))


def _coverage(asked: frozenset[str], hit: Hit) -> float:
    return len(asked & words_of(hit)) / len(asked) if asked else 0.0
