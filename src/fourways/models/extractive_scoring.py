"""Which sentences of the sources best answer a question: cut, score, choose. Pure, and the same on every run."""

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fourways.core.data import Hit
from fourways.core.sentences import sentences
from fourways.models.extractive_kinds import answers_kind, kind_of
from fourways.models.words import content_words, plain_words

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

CLOSE = 0.3
"""A further sentence is quoted while its score is within this of the best."""
MOST = 3
"""Sentences in an answer, at most."""
LONGEST_LEAD = 500
"""Characters of a line that ends with a colon together with the list items quoted after it."""
SAME = 0.9
"""Share of common words from which two sentences say the same."""

_LEADS = re.compile(r":\**\s*$")
_ASKS = re.compile(r"\?[\"'”’)*\s]*$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Quotable:
    """A sentence that may be quoted.

    Attributes:
        source: position among the sources, from 0.
        start, end: its place in the passage's text.
        words: its content words, in order.
        context: the content words around it: heading, title, the sentence before.
    """

    source: int
    start: int
    end: int
    text: str
    words: tuple[str, ...]
    context: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """A sentence with its score, comparable within one question."""

    quotable: Quotable
    score: float


def quotables(sources: Sequence[Hit]) -> list[Quotable]:
    """Cut the sources into what may be quoted, in order; a place that two sources share comes once."""
    seen: set[tuple[str, str, int, int]] = set()
    found: list[Quotable] = []
    for number, hit in enumerate(sources):
        passage = hit.passage
        for quotable in _of_passage(number, hit):
            place = (passage.knowledge, passage.document, passage.start + quotable.start, passage.start + quotable.end)
            if place not in seen:
                seen.add(place)
                found.append(quotable)
    return found


def _of_passage(number: int, hit: Hit) -> Iterator[Quotable]:
    """Yield a passage's sentences. Headings and questions are context: they are asked, not answers."""
    text = hit.passage.text
    above = frozenset(content_words(" ".join((hit.passage.title, *hit.passage.headings))))
    section: frozenset[str] = frozenset()
    before: frozenset[str] = frozenset()
    spans = sentences(text)
    for position, (start, begun_end) in enumerate(spans):
        words = content_words(text[start:begun_end])
        if _is_heading(text, start) or _ASKS.search(text[start:begun_end]):
            section, before = frozenset(words), frozenset()
            continue
        end = _with_items(text, spans, position) if _LEADS.search(text[start:begun_end]) else begun_end
        if end > begun_end:
            words = content_words(text[start:end])
        yield Quotable(
            source=number,
            start=start,
            end=end,
            text=text[start:end],
            words=tuple(words),
            context=above | section | before,
        )
        before = frozenset(words)


def _is_heading(text: str, start: int) -> bool:
    return text[text.rfind("\n", 0, start) + 1 : start].lstrip().startswith("#")


def _with_items(text: str, spans: Sequence[tuple[int, int]], position: int) -> int:
    """Return where a lead-in ends together with the items after it, as far as they fit."""
    start, end = spans[position]
    for further, (item, item_end) in enumerate(spans[position + 1 :]):
        if item_end - start > LONGEST_LEAD or (further and "\n\n" in text[end:item]):
            break
        end = item_end
    return end


def rank(
    question: str, sources: Sequence[Hit], candidates: Sequence[Quotable], similarities: Sequence[float] | None = None
) -> list[Scored]:
    """Order sentences by how well they answer, best first.

    A word weighs by its rarity among the candidates (BM25's idf, Robertson and Spärck Jones 1976): what every
    sentence of a topic says tells none apart.

    Args:
        similarities: cosine of the question and each candidate; the passage's own stands in where None.
    """
    if similarities is None:
        similarities = [sources[candidate.source].dense for candidate in candidates]
    asked = tuple(dict.fromkeys(content_words(question)))
    plain = frozenset(plain_words(question)) | frozenset(asked)
    kind = kind_of(question)
    weights = _rarity(asked, candidates)
    scored = [
        Scored(
            quotable=candidate,
            score=_covered(weights, candidate)
            + MEANING * similarity
            + PASSAGE * sources[candidate.source].score
            + KIND * answers_kind(kind, candidate.text, plain),
        )
        for candidate, similarity in zip(candidates, similarities, strict=True)
    ]
    return sorted(scored, key=lambda scored: -scored.score)


def _rarity(asked: Sequence[str], candidates: Sequence[Quotable]) -> dict[str, float]:
    """Weigh the question's words so that they sum to 1."""
    count = len(candidates)
    holding = Counter(word for candidate in candidates for word in set(candidate.words))
    idf = {word: math.log(1 + (count - holding[word] + 0.5) / (holding[word] + 0.5)) for word in asked}
    total = sum(idf.values())
    return {word: weight / total for word, weight in idf.items()} if total else {}


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
