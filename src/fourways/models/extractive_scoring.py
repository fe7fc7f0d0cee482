"""Which sentences of the sources best answer a question: score, choose, order. Pure, and the same on every run."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from fourways.core.data import Hit
from fourways.models.extractive_cutting import Quotable
from fourways.models.extractive_kinds import answers_kind, kind_of
from fourways.models.strength import words_of
from fourways.models.words import content_words, named_words, plain_words

# Weights of a sentence's score; its own coverage of the question's words counts 1. Chosen on every other article of
# XQuAD: halving or doubling any of them moves the hit rate of the first three by a point at most (docs/log.md).
CONTEXT = 0.2
"""For what the sentence before it, its headings and title add to the coverage: "It was built in 1909"."""
MEANING = 0.8
"""For the cosine of question and sentence."""
PASSAGE = 0.5
"""For the fused score of the passage that it stands in."""
KIND = 0.2
"""For having a date where a date is asked for, and so on."""

NAMES = 0.5
"""Taken away for the names and figures of the question that the whole passage, its title and file lack: a sentence
about another company answers another question."""

CLOSE = 0.3
"""A further sentence is quoted while its score is within this of the best."""
MOST = 3
"""Sentences in an answer, at most."""
SAME = 0.9
"""Share of common words from which two sentences say the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """A sentence with its score, comparable within one question.

    Attributes:
        covered: the part of the score for words of the question that it or its context has.
    """

    quotable: Quotable
    score: float
    covered: float


def rank(
    question: str, sources: Sequence[Hit], candidates: Sequence[Quotable], similarities: Sequence[float] | None = None
) -> list[Scored]:
    """Order sentences by how well they answer, best first.

    A word weighs by its rarity among the candidates (BM25's idf, Robertson and Spärck Jones 1976): what every
    sentence of a topic says tells none apart. So do names, by their rarity among the sources.

    Args:
        similarities: cosine of the question and each candidate; the passage's own stands in where None.
    """
    if similarities is None:
        similarities = [sources[candidate.source].dense for candidate in candidates]
    asked = tuple(dict.fromkeys(content_words(question)))
    plain = frozenset(plain_words(question)) | frozenset(asked)
    kind = kind_of(question)
    weights = _rarity(asked, [frozenset(candidate.words) for candidate in candidates])
    lacking = _lacking(question, sources)
    scored = []
    for candidate, similarity in zip(candidates, similarities, strict=True):
        source = candidate.source
        covered = _covered(weights, candidate)
        closeness = MEANING * similarity + PASSAGE * sources[source].score - NAMES * lacking[source]
        fitting = KIND * answers_kind(kind, candidate.text, plain)
        scored.append(Scored(quotable=candidate, score=covered + closeness + fitting, covered=covered))
    return sorted(scored, key=lambda scored: -scored.score)


def _rarity(asked: Iterable[str], texts: Sequence[frozenset[str]]) -> dict[str, float]:
    """Weigh the question's words by how few of the texts have them, so that the weights sum to 1."""
    count = len(texts)
    holding = Counter(word for text in texts for word in text)
    idf = {word: math.log(1 + (count - holding[word] + 0.5) / (holding[word] + 0.5)) for word in asked}
    total = sum(idf.values())
    return {word: weight / total for word, weight in idf.items()} if total else {}


def _lacking(question: str, sources: Sequence[Hit]) -> list[float]:
    """Return, for each source, the share it has nowhere of those names and figures of the question that any has."""
    texts = [words_of(hit) | frozenset(content_words(PurePosixPath(hit.passage.document).stem)) for hit in sources]
    weights = _rarity(sorted(named_words(question).intersection(frozenset().union(*texts))), texts)
    return [sum(weight for name, weight in weights.items() if name not in text) for text in texts]


def _covered(weights: dict[str, float], candidate: Quotable) -> float:
    own = frozenset(candidate.words)
    return sum(
        weight if word in own else CONTEXT * weight
        for word, weight in weights.items()
        if word in own or word in candidate.context
    )


def choose(ranked: Sequence[Scored], *, most: int = MOST, close: float = CLOSE) -> list[Scored]:
    """Take the best, and up to `most` of those nearly as good that say something else."""
    taken: list[Scored] = []
    for scored in ranked:
        if len(taken) == most or (taken and scored.score < taken[0].score - close):
            break
        if not any(_repeats(scored.quotable, other.quotable) for other in taken):
            taken.append(scored)
    return taken


def in_reading_order(chosen: Sequence[Scored]) -> list[Quotable]:
    """Order quotations by source, that of the best first, and inside a source as they stand in it."""
    sources = list(dict.fromkeys(scored.quotable.source for scored in chosen))
    return sorted((scored.quotable for scored in chosen), key=lambda one: (sources.index(one.source), one.start))


def _repeats(one: Quotable, other: Quotable) -> bool:
    if one.source == other.source and one.start < other.end and other.start < one.end:
        return True
    left, right = frozenset(one.words), frozenset(other.words)
    return len(left & right) >= SAME * len(left | right)
