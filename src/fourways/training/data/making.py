"""Rows out of made pairs: with the passage before the question, without it, or both; each says where it comes from."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from fourways.core.data import Document, Passage
from fourways.training.data.parting import asking
from fourways.training.data.rows import Row, Source, asked_and_answered, reading

Context = bool | Literal["both"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A question, its short answer, and where in the document's text that answer stands.

    Attributes:
        fact: what is asked for, whatever the words: pairs with one fact are wordings of one question.
    """

    question: str
    answer: str
    start: int
    end: int
    fact: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """A document with the passages that it is cut into."""

    document: Document
    knowledge: str
    passages: tuple[Passage, ...]


def rows_from(read: Read, pairs: Iterable[Pair], *, per_passage: int, context: Context) -> list[Row]:
    """Make rows of a document's pairs, at most so many from one passage.

    Args:
        read: the document.
        pairs: the better ones first: those behind are left out first.
        per_passage: pairs from one passage.
        context: whether the passage stands before its question, or both.
    """
    taken: Counter[str] = Counter()
    asked: set[str] = set()
    rows: list[Row] = []
    for pair in pairs:
        passage = passage_at(read.passages, pair.start, pair.end)
        if passage is None or taken[passage.id] >= per_passage or pair.question in asked:
            continue
        taken[passage.id] += 1
        asked.add(pair.question)
        source = Source(kind="document", name=read.document.uri, knowledge=read.knowledge, passage=passage.id)
        shown = show(passage)
        for with_passage in (True, False) if context == "both" else (bool(context),):
            question = reading(shown, pair.question) if with_passage else pair.question
            messages = asked_and_answered(question, pair.answer)
            rows.append(Row(source=source, messages=messages, passage=shown))
    return rows


def passage_at(passages: Sequence[Passage], start: int, end: int) -> Passage | None:
    """Return the passage that holds a place of the document, or its beginning where none holds it whole."""
    whole = next((one for one in passages if one.start <= start and end <= one.end), None)
    return whole or next((one for one in passages if one.start <= start < one.end), None)


def show(passage: Passage) -> str:
    """Write a passage as a model is shown it: where it stands, then its text."""
    path = " > ".join(dict.fromkeys((passage.title, *passage.headings)))
    return f"{path}\n{passage.text}" if path else passage.text


def asked_once(rows: Iterable[Row]) -> list[Row]:
    """Keep of closed questions the first that asks the same, and none that documents answer differently."""
    listed = list(rows)
    answers: dict[str, set[str]] = {}
    for row in listed:
        if row.passage not in row.question:
            answers.setdefault(asking(row), set()).add(" ".join(row.answer.casefold().split()))
    kept: dict[str, Row] = {}
    for number, row in enumerate(listed):
        if row.passage in row.question:
            kept[f"row {number}"] = row
        elif len(answers[asking(row)]) == 1:
            kept.setdefault(asking(row), row)
    return list(kept.values())
