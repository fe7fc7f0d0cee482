"""Questions about sentences: what is to be done, by whom, for how long, whether it may be. English only. Pure."""

import re
from collections.abc import Iterator, Sequence

from fourways.training.data.blocks import Block
from fourways.training.data.clauses import Clause, clause_of
from fourways.training.data.naming import Lexicon
from fourways.training.data.tables import Asked, under
from fourways.training.data.telling import TELLING, Found
from fourways.training.data.turning import in_place, turned

LONGEST_ANSWER, LONGEST_QUESTION, SHORTEST_QUESTION = 34, 22, 4
"""Words of an answer that is a whole clause, and of a question."""
LEAST_BARE = 6
"""Words from which on a question with an article is understood by itself: "Where is the form?" is not."""
_WHICH = re.compile(r"\b(?:the|an?|its|each|every)\b", re.IGNORECASE)
_AND = re.compile(r",? and (?P<rest>(?:is|are|can|cannot|may|must|has|have|[a-z]{3,}s) (?!and\b).*)$")
_POINTING = re.compile(r"\b(?:this|these|that one|the above|the following|page)\b|\b(?:above|below)\?$", re.IGNORECASE)
_NOBODY = re.compile(r"\b(?:is|are|do|does|did|can|may|must|if|when|that|to|of) (?:it|they|them|he|she)\b")
_VAGUE = re.compile(r"(?:It|They|This|These)\b")
_NO_THING = re.compile(r"(?:The|If|What|How|When|Where|Who|\d)\b")
_MOST_HEADING = 4


def questions_on_sentences(blocks: Sequence[Block], topic: str, lexicon: Lexicon) -> Iterator[Asked]:
    """Ask for what sentences say, sentence by sentence.

    Args:
        blocks: of one document; sentences are read, the rest is passed over.
        topic: what the document is about: put before questions that do not name it.
        lexicon: which of its words keep their capital.
    """
    before = ""
    headings: tuple[str, ...] = ()
    for block in blocks:
        if block.kind != "sentence":
            continue
        before, headings = ("", block.headings) if block.headings != headings else (before, headings)
        clause = clause_of(block.text, before)
        more = _joined(block.text, clause)
        found = [*_asked(block.text, clause, before, lexicon)]
        found += _asked(more, clause_of(more), "", lexicon) if more else ()
        for question, answer in found:
            if _sound(question, answer):
                about = _about(block, topic)
                yield Asked(questions=_wordings(question, about, topic), answer=_clean(answer), block=block)
        if clause is not None and clause.subject not in {"you", "we"}:
            before = lexicon.lower(clause.subject)


def _asked(sentence: str, clause: Clause | None, before: str, lexicon: Lexicon) -> Found:
    """Ask a sentence all that some rule can ask of it."""
    for rule in TELLING:
        yield from rule(sentence, lexicon)
    if clause is not None and not sentence.rstrip().endswith("?"):
        yield from turned(sentence, clause, lexicon)
    yield from in_place(sentence, before)


def _joined(sentence: str, clause: Clause | None) -> str:
    """Return what a sentence says after `and` of the same subject, as a sentence of its own; "" where it says none."""
    found = _AND.search(sentence, clause.place) if clause is not None else None
    if clause is None or found is None or clause.subject == "you":
        return ""
    return f"{clause.subject[:1].upper()}{clause.subject[1:]} {sentence[found.start('rest') :]}"


def _about(block: Block, topic: str) -> str:
    """Say what a sentence is about: its heading, where that names a thing, and the document."""
    last = block.headings[-1] if block.headings else ""
    thing = last and len(last.split()) <= _MOST_HEADING and not _NO_THING.match(last)
    return f"{topic}, {last[:1].lower()}{last[1:]}" if thing and last.lower() not in topic.lower() else topic


def _wordings(question: str, about: str, topic: str) -> tuple[str, ...]:
    """Say a question as it is, and under what it is about; first the latter where it names nothing of it."""
    question = question[:1].upper() + question[1:]
    if _VAGUE.match(question):
        return (under(about, question),)
    said = {word.lower().rstrip("s") for word in re.findall(r"\w{4,}", question)}
    named = any(word.lower().rstrip("s") in said for word in re.findall(r"\w{4,}", topic))
    if named:
        return (question, under(about, question))
    vague = len(question.split()) < LEAST_BARE and _WHICH.search(question) and not re.search(r"\s[A-Z]", question)
    bare = () if vague else (question,)
    return (under(topic, question), *bare, under(about, question))


def _sound(question: str, answer: str) -> bool:
    """Whether a question can be understood by itself, and both are of a fair length."""
    return (
        SHORTEST_QUESTION <= len(question.split()) <= LONGEST_QUESTION
        and 0 < len(answer.split()) <= LONGEST_ANSWER
        and not _POINTING.search(question)
        and not _NOBODY.search(question)
        and question.count("(") == question.count(")")
    )


def _clean(answer: str) -> str:
    return answer.strip().strip(",;: ").rstrip(".").strip()
