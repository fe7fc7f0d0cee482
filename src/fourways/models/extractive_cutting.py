"""What of a passage may be quoted: its sentences, list items and table rows, each with the words around it. Pure."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from fourways.core.data import Hit
from fourways.core.sentences import sentences
from fourways.models.words import content_words

LONGEST_LEAD = 500
"""Characters of a line that ends with a colon together with the list items quoted after it."""

_LEADS = re.compile(r":[*_]*\s*$")
_STEP = re.compile(r"\d{1,2}[.)] ")
_ASKS = re.compile(r"\?[\"'”’)*_\s]*$")
_ROW = re.compile(r"\|[^\n]*\|(?=[ \t]*(?:\n|$))")
_RULE = re.compile(r"[ \t]*\n[ \t]*\|[ :|-]+\|(?=[ \t]*(?:\n|$))")


@dataclass(frozen=True, slots=True, kw_only=True)
class Quotable:
    """A sentence, item or row that may be quoted.

    Attributes:
        source: position among the sources, from 0.
        start, end: its place in the passage's text.
        text: what is said when it is quoted: itself, or a table's head and the row.
        words: the content words of that text, in order.
        context: the content words around it: title, headings, the sentence before.
        head: the place of its table's head, rule included, where it is a row of one.
    """

    source: int
    start: int
    end: int
    text: str
    words: tuple[str, ...]
    context: frozenset[str]
    head: tuple[int, int] | None = None


class _Kind(Enum):
    ASKING = auto()
    """A heading or a question: it asks, what follows answers."""
    HEAD = auto()
    ROW = auto()
    SENTENCE = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Unit:
    kind: _Kind
    start: int
    end: int


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
    text = hit.passage.text
    above = frozenset(content_words(" ".join((hit.passage.title, *hit.passage.headings))))
    section: frozenset[str] = frozenset()
    before: frozenset[str] = frozenset()
    head: tuple[int, int] | None = None
    for unit in _units(text):
        said = text[unit.start : unit.end]
        if unit.kind is _Kind.HEAD:
            head = (unit.start, unit.end)
            continue
        if unit.kind is not _Kind.ROW:
            head = None
        elif head is not None:
            said = f"{text[slice(*head)]}\n{said}"
        words = tuple(content_words(said))
        if unit.kind is _Kind.ASKING:
            section, before = frozenset(words), frozenset()
            continue
        yield Quotable(
            source=number,
            start=unit.start,
            end=unit.end,
            text=said,
            words=words,
            context=above | section | before,
            head=head,
        )
        before = before if head else frozenset(words)


def _units(text: str) -> Iterator[_Unit]:
    """Yield the passage's headings, table heads, rows and sentences; a row is whole, whatever stands in its cells."""
    spans = sentences(text)
    done = 0
    for position, (start, end) in enumerate(spans):
        if start < done:
            continue
        row = _ROW.match(text, start)
        if row is not None:
            rule = _RULE.match(text, row.end())
            done = rule.end() if rule else row.end()
            yield _Unit(kind=_Kind.HEAD if rule else _Kind.ROW, start=start, end=done)
        elif _is_heading(text, start) or _ASKS.search(text[start:end]):
            yield _Unit(kind=_Kind.ASKING, start=start, end=end)
        else:
            done = _extent(text, spans, position)
            yield _Unit(kind=_Kind.SENTENCE, start=start, end=done)


def _is_heading(text: str, start: int) -> bool:
    return text[text.rfind("\n", 0, start) + 1 : start].lstrip().startswith("#")


def _extent(text: str, spans: Sequence[tuple[int, int]], position: int) -> int:
    """Return where what begins with a sentence ends: numbered steps and what a colon announces stay together."""
    start, end = spans[position]
    if _STEP.match(text, start):
        return _with_steps(text, spans, position)
    return _with_items(text, spans, position) if _LEADS.search(text[start:end]) else end


def _with_steps(text: str, spans: Sequence[tuple[int, int]], position: int) -> int:
    """Return where a run of numbered steps ends, as far as they fit: half an instruction is none."""
    start, end = spans[position]
    for step, step_end in spans[position + 1 :]:
        apart = text[end:step]
        if step_end - start > LONGEST_LEAD or "\n\n" in apart or ("\n" in apart and not _STEP.match(text, step)):
            break
        end = step_end
    return end


def _with_items(text: str, spans: Sequence[tuple[int, int]], position: int) -> int:
    """Return where a lead-in ends together with the items after it, as far as they fit."""
    start, end = spans[position]
    for further, (item, item_end) in enumerate(spans[position + 1 :]):
        if item_end - start > LONGEST_LEAD or (further and "\n\n" in text[end:item]):
            break
        end = item_end
    return end
