"""Cut a document into passages: at headings, then paragraphs, items, rows, sentences; never inside a word.

Knows nothing about tokenisers: `count` says how many tokens a text has. Where to cut is the cheapest path through the
document's sentences (as TeX breaks lines), so that no small piece is left at the end.
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from fourways.core.sentences import sentences
from fourways.knowledge.parse.base import Heading, Parsed

Count = Callable[[str], int]

_IN_WORDS, _AFTER_HEADING, _AFTER_TABLE_HEAD = 2.0, 2.0, 1.0  # costs of a cut, in units of one empty piece
_IN_PARAGRAPH, _BETWEEN_LINES, _BETWEEN_PARAGRAPHS = 0.3, 0.15, 0.0
_CROSSING_HEADING, _CROSSING_PAGE = 0.7, 0.2  # costs of a heading or a page's end inside a piece
_WINDOW = 48  # atoms in a piece, at most: keeps the search linear
_LONGEST_WORD = 200  # characters; what is longer is no word, and may be cut anywhere

_BLANK_LINE = re.compile(r"\n[ \t]*\n")
_TABLE_RULE = re.compile(r"\n[ \t]*\|[ :|-]+\Z")
_MARK = re.compile(r"\S")
_SPACE = re.compile(r"\s")
_GAP = 64  # characters looked at around a cut


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A passage to be: `text[start:end]` of its document.

    Attributes:
        headings: the heading path down to it, outermost first; what its sections share where it has several.
        page: 1-based page it begins on, or None where there are none.
    """

    start: int
    end: int
    ordinal: int
    headings: tuple[str, ...] = ()
    page: int | None = None


@dataclass(frozen=True, slots=True)
class _Atom:
    """What is not cut any more: a sentence, an item, a row, a heading, a part of what is too long.

    Attributes:
        cut: what a cut right before it costs.
        crossing: what it costs to have it in a piece behind others.
        section: index of the heading it stands under, or -1.
        is_heading: whether it is itself that heading.
    """

    start: int
    end: int
    tokens: int
    cut: float
    crossing: float
    section: int
    is_heading: bool


def chunk(parsed: Parsed, *, size: int, overlap: int = 0, count: Count) -> list[Piece]:
    """Cut a parsed document into pieces: exact slices, in order, that together cover all text that is not blank.

    Args:
        size: tokens in a piece, at most; one character alone may have more.
        overlap: tokens that a piece may repeat of the one before: whole sentences of the same section.
        count: how many tokens a text has; about additive over words.

    Takes time linear in the text. Raises ValueError unless 0 <= overlap < size.
    """
    if not 0 <= overlap < size:
        raise ValueError(f"overlap must be from 0 to {size - 1}, one less than size, not {overlap}")
    text, atoms = parsed.text, _atoms(parsed, size - overlap, count)
    paths = _paths(parsed.headings)
    pieces: list[Piece] = []
    floor = 0
    for first, last in _cheapest(atoms, size - overlap):
        for begin, end in _within(text, atoms, first, last, size, count):
            back = _reach_back(text, atoms[floor:end], begin - floor, size, overlap, count) + floor
            floor = begin + 1
            start = atoms[back].start
            page = bisect_right(parsed.pages, atoms[begin].start) or 1 if parsed.pages else None
            headings = _shared_path(atoms[begin:end], paths)
            pieces.append(Piece(start=start, end=atoms[end - 1].end, ordinal=len(pieces), headings=headings, page=page))
    return pieces


# ---------------------------------------------------------------- where to cut


def _cheapest(atoms: Sequence[_Atom], size: int) -> list[tuple[int, int]]:
    """Return the runs of atoms [first, last) whose cuts, crossings and empty room cost least in all."""
    costs, origins = [0.0], [0]
    for last in range(1, len(atoms) + 1):
        tokens, crossed, least, origin = 0, 0.0, float("inf"), last - 1
        for first in range(last - 1, max(last - _WINDOW, 0) - 1, -1):
            atom = atoms[first]
            tokens += atom.tokens
            if tokens > size and first < last - 1:
                break
            room = 1 - min(tokens / size, 1)
            cost = costs[first] + atom.cut + room * room + crossed
            if cost <= least:
                least, origin = cost, first
            crossed += atom.crossing
        costs.append(least)
        origins.append(origin)
    runs, last = [], len(atoms)
    while last:
        runs.append((origins[last], last))
        last = origins[last]
    return runs[::-1]


def _within(
    text: str, atoms: Sequence[_Atom], first: int, last: int, size: int, count: Count
) -> Iterator[tuple[int, int]]:
    """Yield the run, halved until it holds: a count may be a little more than the sum of its parts."""
    if last - first == 1 or count(text[atoms[first].start : atoms[last - 1].end]) <= size:
        yield first, last
    else:
        middle = (first + last) // 2
        yield from _within(text, atoms, first, middle, size, count)
        yield from _within(text, atoms, middle, last, size, count)


def _reach_back(text: str, atoms: Sequence[_Atom], first: int, size: int, overlap: int, count: Count) -> int:
    """Return the atom to begin at, of those up to the piece's end, to repeat what was right before `first` and fits."""
    tokens, begin = 0, first
    while begin and tokens + atoms[begin - 1].tokens <= overlap and atoms[begin - 1].section == atoms[first].section:
        begin -= 1
        tokens += atoms[begin].tokens
    while begin < first and count(text[atoms[begin].start : atoms[-1].end]) > size:
        begin += 1
    return begin


# ---------------------------------------------------------------- what is cut


def _atoms(parsed: Parsed, size: int, count: Count) -> list[_Atom]:
    """Return the text's atoms, each of at most `size` tokens."""
    text = parsed.text
    offsets = [heading.offset for heading in parsed.headings]
    atoms: list[_Atom] = []
    section, page, before, under_heading = -1, 0, "", False
    for start, end in _units(text, {*offsets, *parsed.pages}):
        here, sheet = bisect_right(offsets, start) - 1, bisect_right(parsed.pages, start)
        is_heading = here != section
        if under_heading:
            cut, crossing = _AFTER_HEADING, 0.0
        elif is_heading:
            cut, crossing = 0.0, _CROSSING_HEADING
        elif sheet != page:
            cut, crossing = 0.0, _CROSSING_PAGE
        else:
            cut, crossing = _cost(before, text[max(start - _GAP, 0) : start]), 0.0
        for part_start, part_end, tokens in _fitting(text, start, end, size, count):
            atoms.append(_Atom(part_start, part_end, tokens, cut, crossing, here, is_heading))
            cut, crossing = _IN_WORDS, 0.0
        section, page, before, under_heading = here, sheet, text[max(start, end - _GAP) : end], is_heading
    return atoms


def _cost(before: str, ahead: str) -> float:
    """Return what a cut costs, by the end of the unit before it and the text right ahead of the one behind it."""
    if _TABLE_RULE.search(before):
        return _AFTER_TABLE_HEAD
    gap = ahead[len(ahead.rstrip()) :]
    if "\n" not in gap:
        return _IN_PARAGRAPH
    return _BETWEEN_PARAGRAPHS if _BLANK_LINE.search(gap) else _BETWEEN_LINES


def _units(text: str, borders: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Yield sentences, items and rows, each with the marks before it; none crosses a border (a heading, a page)."""
    begins = {_next_mark(text, border) for border in (0, *borders)}
    done = 0
    for start, end in sentences(text):
        begins.add(_next_mark(text, max(text.rfind("\n", done, start) + 1, done)))
        done = end
    for start, end in pairwise((*sorted(begins), len(text))):
        if piece := text[start:end].rstrip():
            yield start, start + len(piece)


def _next_mark(text: str, start: int) -> int:
    """Return where the next character is that is not blank, or the text's end."""
    found = _MARK.search(text, start)
    return found.start() if found else len(text)


def _fitting(text: str, start: int, end: int, size: int, count: Count) -> Iterator[tuple[int, int, int]]:
    """Yield (start, end, tokens) of a unit's parts, cut at white space, none above `size`."""
    tokens = count(text[start:end])
    if tokens <= size or end - start == 1:
        yield start, end, tokens
        return
    parts = -(-tokens // size)
    begin = start
    for part in range(1, parts):
        target = start + (end - start) * part // parts
        if begin < target < end:
            finish = _word_border(text, begin, target, end)
            yield from _fitting(text, begin, begin + len(text[begin:finish].rstrip()), size, count)
            begin = _next_mark(text, finish)
    if begin < end:
        yield from _fitting(text, begin, end, size, count)


def _word_border(text: str, begin: int, target: int, end: int) -> int:
    """Return the white space nearest before the target, else after it; the target itself inside an endless word."""
    spaces = [found.start() for found in _SPACE.finditer(text, max(begin + 1, target - _LONGEST_WORD), target + 1)]
    if spaces:
        return spaces[-1]
    found = _SPACE.search(text, target, min(end, target + _LONGEST_WORD))
    return found.start() if found else target


# ---------------------------------------------------------------- where it stands


def _paths(headings: Sequence[Heading]) -> list[tuple[str, ...]]:
    """Return each heading's path: those above it that are of a lower level, and itself."""
    paths: list[tuple[str, ...]] = []
    open_ones: list[Heading] = []
    for heading in headings:
        while open_ones and open_ones[-1].level >= heading.level:
            open_ones.pop()
        open_ones.append(heading)
        paths.append(tuple(each.text for each in open_ones))
    return paths


def _shared_path(atoms: Sequence[_Atom], paths: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """Return the part of the heading path that all of a piece's text shares; a bare heading only if alone."""
    sections = {atom.section for atom in atoms if not atom.is_heading} or {atoms[-1].section}
    if -1 in sections:
        return ()
    shared: list[str] = []
    for names in zip(*(paths[section] for section in sorted(sections)), strict=False):
        if len(set(names)) > 1:
            break
        shared.append(names[0])
    return tuple(shared)
