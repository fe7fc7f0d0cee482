"""A document's text as blocks: tables, records, list items, sentences, each with its place and the headings over it."""

import re
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Literal

from fourways.core.sentences import sentences

_HEADING = re.compile(r"(#{1,6})\s+(.*?)\s*#*\s*$")
_NUMBERED_HEADING = re.compile(r"\d+(?:\.\d+)*\.?\s+([^\W\d_][^.:;,!?]{1,60})$")
_RULE = re.compile(r"\s*\|?\s*:?-{2,}:?\s*(?:\|\s*:?-{2,}:?\s*)*\|?\s*$")
_ITEM = re.compile(r"\s*(?:([-*+•])|(\d+)[.)])\s+")
_RECORD = re.compile(r"[^:;]{1,40}: [^:;]+(?:; [^:;]{1,40}: [^;]*)+$")
_MARKS = re.compile(r"\*\*|__|`|(?<![\w*])\*(?=\S)|(?<=\S)\*(?![\w*])")
_LINK = re.compile(r"!?\[([^\]]{0,300})\]\([^)]{0,1000}\)")
_TAG = re.compile(r"</?[a-zA-Z][^<>]{0,200}>|<!--.*?-->")
_SPACE = re.compile(r"\s+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A piece of a document.

    Attributes:
        kind: a table's row, a record of named values, an item or a numbered step of a list, or a sentence.
        text: without marks of Markdown.
        start, end: its place in the document's text; a sentence's is that of its paragraph's beginning on.
        headings: those over it, outermost first.
        names: of a row's columns, or of a record's values.
        values: a row's cells, or a record's values.
    """

    kind: Literal["row", "record", "item", "step", "sentence"]
    text: str
    start: int
    end: int
    headings: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Line:
    text: str
    start: int
    end: int


def blocks_of(text: str) -> Iterator[Block]:
    """Read a document's text, Markdown or plain, from its front to its end."""
    lines = list(_lines(text))
    headings: list[tuple[int, str]] = []
    at = 0
    while at < len(lines):
        line = lines[at]
        heading = _heading(lines, at)
        path = tuple(name for _, name in headings)
        if not line.text.strip() or _RULE.match(line.text):
            at += 1
        elif heading:
            level, name = heading
            headings = [*[one for one in headings if one[0] < level], heading] if name else headings
            at += 1
        elif "|" in line.text and at + 1 < len(lines) and _RULE.match(lines[at + 1].text) and "|" in lines[at + 1].text:
            at = yield from _table(lines, at, path)
        elif _RECORD.match(line.text):
            names, values = zip(*(part.split(": ", 1) for part in line.text.split("; ") if ": " in part), strict=True)
            yield Block(
                kind="record", text=line.text, start=line.start, end=line.end, headings=path, names=names, values=values
            )
            at += 1
        else:
            at = yield from _prose(lines, at, path)


def plain(text: str) -> str:
    """Take Markdown's marks out of a text, and put it on one line."""
    return _SPACE.sub(" ", _MARKS.sub("", _LINK.sub(r"\1", _TAG.sub("", text)))).strip()


def _lines(text: str) -> Iterator[_Line]:
    at = 0
    for line in text.splitlines(keepends=True):
        yield _Line(line.rstrip("\r\n"), at, at + len(line.rstrip()))
        at += len(line)


def _heading(lines: list[_Line], at: int) -> tuple[int, str] | None:
    text = lines[at].text.strip()
    marked = _HEADING.match(text)
    if marked:
        return len(marked.group(1)), plain(marked.group(2))
    alone = all(not lines[n].text.strip() for n in (at - 1, at + 1) if 0 <= n < len(lines))
    numbered = _NUMBERED_HEADING.match(text) if alone else None
    return (2, plain(numbered.group(1))) if numbered else None


def _table(lines: list[_Line], at: int, path: tuple[str, ...]) -> Generator[Block, None, int]:
    names = _cells(lines[at].text)
    at += 2
    while at < len(lines) and "|" in lines[at].text:
        values = _cells(lines[at].text)
        if len(values) == len(names):
            line = lines[at]
            yield Block(
                kind="row", text=line.text, start=line.start, end=line.end, headings=path, names=names, values=values
            )
        at += 1
    return at


def _cells(line: str) -> tuple[str, ...]:
    text = line.strip().removeprefix("|").removesuffix("|")
    return tuple(plain(cell.replace("\\|", "|")) for cell in re.split(r"(?<!\\)\|", text))


def _prose(lines: list[_Line], at: int, path: tuple[str, ...]) -> Generator[Block, None, int]:
    """Read a paragraph or an item, up to the blank line or the item behind it."""
    first = lines[at]
    marked = _ITEM.match(first.text)
    parts = [first.text[marked.end() :] if marked else first.text.lstrip("> ")]
    at += 1
    while at < len(lines) and lines[at].text.strip() and not _ITEM.match(lines[at].text) and not _heading(lines, at):
        table = "|" in lines[at].text and at + 1 < len(lines) and _RULE.match(lines[at + 1].text)
        if table or _RECORD.match(lines[at].text):
            break
        parts.append(lines[at].text.lstrip("> "))
        at += 1
    start, end = first.start, lines[at - 1].end
    text = plain(" ".join(parts))
    if marked:
        kind: Literal["item", "step"] = "item" if marked.group(1) else "step"
        yield Block(kind=kind, text=text, start=start, end=end, headings=path)
    for begin, finish in sentences(text):
        place = min(end, start + begin)
        yield Block(kind="sentence", text=text[begin:finish].strip(), start=place, end=place, headings=path)
    return at
