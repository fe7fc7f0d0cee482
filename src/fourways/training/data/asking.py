"""Questions about a document, made by rules from what it says: tables, lists, sentences. Pure.

Rules know English; of a document in another language only tables and named values are asked for, in its own words.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import chain, zip_longest

from fourways.core.data import Document
from fourways.core.ids import digest
from fourways.models.words import content_words
from fourways.training.data.blocks import blocks_of
from fourways.training.data.listings import questions_on_lists
from fourways.training.data.making import Pair
from fourways.training.data.naming import Lexicon, lexicon_of
from fourways.training.data.statements import questions_on_sentences
from fourways.training.data.tables import Asked, questions_on_rows, under

NO_LONGER = frozenset(("superseded", "archived", "obsolete", "deprecated", "withdrawn", "expired"))
"""`status` of documents that no longer hold: their questions name them, so that what holds now is not confused."""
LONGEST_BLOCK = 1500
"""Characters of a sentence, row or item: what is longer is no statement that could be asked for."""
HURRIED = 5
"""Of so many wordings, one is written in a hurry; the plainest of a fact never is."""
_LONGEST = 40
"""Words of an answer."""


def pairs_by_rules(document: Document, names: Collection[str] = ()) -> tuple[Pair, ...]:
    """Ask a document's text what rules can ask of it: the plainest wording of every fact, then the other wordings.

    Args:
        document: parsed.
        names: words that are names wherever they stand, as other documents tell.
    """
    blocks = [block for block in blocks_of(document.text) if len(block.text) <= LONGEST_BLOCK]
    found = lexicon_of(document.text)
    lexicon = Lexicon(
        found.names | (frozenset(names) - {name for name in names if name.lower() in found.small}), found.small
    )
    topic = document.title or document.uri
    readers = [questions_on_rows, questions_on_lists]
    if document.language in {"", "en"}:
        readers.append(questions_on_sentences)
    asked = [one for read in readers for one in read(blocks, topic, lexicon)]
    past = str(document.metadata.get("status", "")).lower() in NO_LONGER
    return tuple(_pairs([one for one in asked if _worth(one)], topic, past=past))


def _worth(asked: Asked) -> bool:
    """Whether an answer says something that its question does not."""
    words = set(content_words(asked.answer)) or set(asked.answer.lower().split())
    short = asked.answer.lower().startswith(("yes", "no"))
    return (
        bool(words)
        and len(asked.answer.split()) <= _LONGEST
        and (short or not words <= set(content_words(asked.questions[0])))
    )


def _pairs(asked: Sequence[Asked], topic: str, *, past: bool) -> Iterator[Pair]:
    """Interleave the wordings: all facts in their first, then all in their second."""
    wordings = [
        [_pair(one, question if not number else _typed(question)) for number, question in enumerate(said)]
        for one in asked
        for said in (_dated(one.questions, topic, past=past),)
    ]
    seen: set[str] = set()
    for pair in _filled(chain.from_iterable(zip_longest(*wordings))):
        key = re.sub(r"\W+", " ", pair.question.lower()).strip()
        if key not in seen:
            seen.add(key)
            yield pair


def _typed(question: str) -> str:
    """Write every fifth question as people type in a hurry: without capitals and without the mark at its end."""
    hurried = int(digest(question)[:4], 16) % HURRIED == 0
    return question.lower().rstrip("?. ") if hurried else question


def _filled(pairs: Iterable[Pair | None]) -> Iterator[Pair]:
    return (pair for pair in pairs if pair is not None)


def _dated(questions: Sequence[str], topic: str, *, past: bool) -> Sequence[str]:
    """Put the document's title before each question on what no longer holds."""
    if not past:
        return questions
    return tuple(dict.fromkeys(one if one.startswith(topic) else under(topic, one) for one in questions))


def _pair(asked: Asked, question: str) -> Pair:
    block = asked.block
    fact = f"{block.start} {asked.answer}"
    return Pair(question=question, answer=asked.answer, start=block.start, end=block.end, fact=fact)
