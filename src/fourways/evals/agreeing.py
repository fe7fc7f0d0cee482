"""Whether two answers say the same: word for word after normalising, or by meaning with nothing at odds."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fourways.evals.abstaining import says_nothing
from fourways.evals.support import figures_of, is_german, is_negated
from fourways.models.words import named_words, plain_words

if TYPE_CHECKING:
    from fourways.models.embedders import Embedder

NEAR = 0.9
"""Cosine from which two answers may be the same."""

_NO_ANSWER = "(no answer)"
_ARTICLES = frozenset({"a", "an", "the"})


def normalised(text: str) -> str:
    """Return a text's words in lower case, without articles and punctuation; itself where it has no word.

    All texts that only say that they have no answer are one.
    """
    if says_nothing(text):
        return _NO_ANSWER
    words = [word for word in plain_words(text) if word not in _ARTICLES]
    return " ".join(words) or text.strip().casefold()


def at_odds(one: str, other: str) -> bool:
    """Whether two texts differ in what a cosine hardly sees: figures, a negation, or names that each has alone."""
    if figures_of(one) != figures_of(other) or is_negated(one) != is_negated(other):
        return True
    if is_german(one):  # every noun is written like a name
        return False
    ours, theirs = named_words(one), named_words(other)
    return bool(ours - theirs) and bool(theirs - ours)


async def agreeing(
    texts: Sequence[str], embed: "Embedder | None" = None, *, near: float = NEAR
) -> tuple[tuple[bool, ...], ...]:
    """Return, for each pair of texts, whether they say the same: a symmetric table.

    They do where they are equal once normalised; with an embedder also where their cosine is `near` and nothing is at
    odds: "The capital of France is Paris" and "… is Rome" have .80 with MiniLM, a sentence of XQuAD and the same with
    one name changed .88 in the mean.

    Raises:
        FourwaysError: whatever the embedder raises.
    """
    plain = [normalised(text) for text in texts]
    distinct = sorted(set(plain) - {""})
    if embed is None or len(distinct) <= 1:
        return tuple(tuple(one == other for other in plain) for one in plain)
    first = dict(zip(plain, texts, strict=True))
    vectors = dict(zip(distinct, await embed([first[key] for key in distinct]), strict=True))

    def same(one: str, other: str) -> bool:
        if one == other or not (plain_words(one) and plain_words(other)):
            return one == other
        return float(vectors[one] @ vectors[other]) >= near and not at_odds(first[one], first[other])

    return tuple(tuple(same(one, other) for other in plain) for one in plain)
