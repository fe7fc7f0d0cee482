"""Lines on a page to text in reading order: paragraphs, rows, headings; what stands on every page is left out.

Pure: knows lines and their places, nothing of PDF.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from fourways.knowledge.parse.base import Heading

_DIGITS = re.compile(r"\d+")
_LAST_NUMBER = re.compile(r"(?<![\d.,])\d{1,5}(?=\W{0,3}$)")
_LETTERS = re.compile(r"[^\W\d_]{2}")
_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
_PART = re.compile(
    r"(?:part|item|note|chapter|section|article|exhibit|annex|appendix|teil|kapitel|abschnitt|anhang|capítulo|sección)"
    r"\s+[\dIVXA-H]",
    re.IGNORECASE,
)
_DEEPEST = 4
_HYPHEN = "\ufffe"
_EDGE_LINES, _MIN_RUNNING = 3, 4  # lines at an edge that may be a running header or footer; on that many pages
_FOOTER_CHARS = 120
_MIN_ACROSS, _COLUMN_WORDS = 6, 3  # lines that show two columns of prose; words in each half
_CELL_LINES, _CELL_CHARS = 6, 40  # a cell of a table's head is no larger
_HEADING_WORDS, _PROSE_WORDS = 14, 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of text and its place, in points from the bottom left; cells are parted by tabs."""

    text: str
    left: float
    right: float
    bottom: float
    top: float
    size: float = 10.0
    bold: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Laid:
    """The text of a paged document, where its pages begin, and its headings."""

    text: str
    pages: tuple[int, ...]
    headings: tuple[Heading, ...]


def lay_out(pages: Sequence[Sequence[Line]]) -> Laid:
    """Put the lines of pages together: running headers and footers dropped, cells joined to rows, hyphens mended."""
    kept = [list(_rows(_columns(_level(page)))) for page in _without_running(pages)]
    marked = [_marked(page, _standing_out(page)) for page in kept]
    ranks = sorted({_rank(line) for page in marked for line, is_heading in page if is_heading}, reverse=True)
    levels = {rank: min(level, _DEEPEST) for level, rank in enumerate(ranks, start=1)}
    whole: dict[str, int] = Counter(word.lower() for page in kept for line in page for word in _WORD.findall(line.text))
    parts: list[str] = []
    offsets, headings, length = [], [], 0
    for page in marked:
        if parts:
            parts.append("\n\n")
            length += 2
        offsets.append(length)
        for line, gap, is_heading in _spaced(page):
            text = f"{gap}{line.text}"
            if parts and parts[-1].endswith(_HYPHEN) and gap:
                mended = _mend(parts[-1], line.text, whole)
                length += len(mended) - len(parts[-1])
                parts[-1], text = mended, line.text
            if is_heading:
                headings.append(Heading(offset=length + len(gap), level=levels[_rank(line)], text=line.text))
            parts.append(text)
            length += len(text)
    return Laid(text="".join(parts).replace(_HYPHEN, "-"), pages=tuple(offsets), headings=tuple(headings))


# ---------------------------------------------------------------- running headers and footers


def _without_running(pages: Sequence[Sequence[Line]]) -> Iterator[list[Line]]:
    """Yield the pages without the lines that stand at the edge of at least half of them, and without page numbers."""
    edges = [_edges(page) for page in pages]
    written = sum(1 for page in pages if page)
    enough = max(_MIN_RUNNING, written / 2)
    running = Counter(mark for edge in edges for mark in {_mark(line) for line in edge})
    shifts = Counter(shift for number, page in enumerate(pages) for shift in {_number(page) - number} if page)
    shift, times = shifts.most_common(1)[0] if shifts else (0, 0)
    for number, (page, edge) in enumerate(zip(pages, edges, strict=True)):
        dropped = {id(line) for line in edge if running[_mark(line)] >= enough}
        if times >= enough and page and _number(page) == number + shift:
            dropped.add(id(_lowest(page)))
        yield [line for line in page if id(line) not in dropped]


def _edges(page: Sequence[Line]) -> list[Line]:
    """Return the lines at the top and the bottom of a page."""
    by_height = sorted(page, key=lambda line: line.bottom)
    return [*by_height[:_EDGE_LINES], *by_height[_EDGE_LINES:][-_EDGE_LINES:]]


def _mark(line: Line) -> str:
    """Return a line's text as it is on every page, whatever its number."""
    return _DIGITS.sub("#", line.text)


def _lowest(page: Sequence[Line]) -> Line:
    return min(page, key=lambda line: line.bottom)


def _number(page: Sequence[Line]) -> int:
    """Return the number at the end of a page's lowest line, if that is short; a number no page has otherwise."""
    lowest = _lowest(page).text if page else ""
    found = _LAST_NUMBER.search(lowest)
    return int(found[0]) if found and len(lowest) <= _FOOTER_CHARS else -1_000_000


# ---------------------------------------------------------------- columns


def _level(page: Sequence[Line]) -> list[Line]:
    """Join pieces of one line that follow each other: the same height, the later to the right."""
    lines: list[Line] = []
    for line in page:
        before = lines[-1] if lines else None
        if before and abs(before.bottom - line.bottom) <= 1 and line.left >= before.right:
            gap = "\t" if line.left - before.right > line.size else " "
            lines[-1] = replace(before, text=f"{before.text}{gap}{line.text}", right=line.right)
        else:
            lines.append(line)
    return lines


def _columns(page: Sequence[Line]) -> Sequence[Line]:
    """Read two columns of prose that were written across, line by line, one after the other."""
    halves = [line.text.split("\t") for line in page]
    across = [len(half) == 2 and all(_is_words(part) for part in half) for half in halves]  # noqa: PLR2004 - columns
    if sum(across) < max(_MIN_ACROSS, len(page) / 2):
        return page
    middle = (min(line.left for line in page) + max(line.right for line in page)) / 2
    ordered: list[Line] = []
    right: list[Line] = []
    for line, half, is_across in zip(page, halves, across, strict=True):
        if is_across:
            ordered.append(replace(line, text=half[0], right=middle))
            right.append(replace(line, text=half[1], left=middle))
        elif line.left >= middle:
            right.append(line)
        else:
            if line.right > middle:  # a heading over both columns
                ordered, right = [*ordered, *right], []
            ordered.append(line)
    return [*ordered, *right]


def _is_words(part: str) -> bool:
    """Whether a cell reads as a piece of prose, not as a figure or a label."""
    return len(part.split()) >= _COLUMN_WORDS and sum(mark.isdigit() for mark in part) * 5 < len(part)


# ---------------------------------------------------------------- cells to rows


def _rows(lines: Iterable[Line]) -> Iterator[Line]:
    """Join the cells of a table's head that were written one below the other but stand side by side."""
    cells: list[list[Line]] = []
    for line in lines:
        if cells and _is_below(cells[-1][-1], line) and len(cells[-1]) < _CELL_LINES and _is_small(line):
            cells[-1].append(line)
        elif cells and _is_beside(cells[-1], line):
            cells.append([line])
        else:
            yield from _joined(cells)
            cells = [[line]] if _is_small(line) else []
            if not cells:
                yield line
    yield from _joined(cells)


def _is_small(line: Line) -> bool:
    return len(line.text) <= _CELL_CHARS and "\t" not in line.text


def _is_below(above: Line, line: Line) -> bool:
    """Whether a line goes on the cell that another begins: right below it, and over the same width."""
    near = 0 <= above.bottom - line.top + line.size < line.size * 1.5 and line.top <= above.top - 1
    return near and line.left < above.right and above.left < line.right


def _is_beside(cell: Sequence[Line], line: Line) -> bool:
    """Whether a line begins the next cell: to the right of one that reaches as high or higher, not below it."""
    higher = line.top > cell[-1].top + 1 or (len(cell) == 1 and abs(line.top - cell[-1].top) <= 1)
    level = line.bottom < cell[0].top + line.size  # of the same row, not of another column of the page
    return _is_small(line) and higher and level and line.left >= max(each.right for each in cell)


def _joined(cells: Sequence[Sequence[Line]]) -> Iterator[Line]:
    """Yield a row of several cells as one line; a lone cell's lines as they are."""
    if len(cells) < 2:  # noqa: PLR2004 - a row has at least two
        for cell in cells:
            yield from cell
        return
    lines = [line for cell in cells for line in cell]
    yield replace(
        cells[0][0],
        text="\t".join(" ".join(line.text for line in cell) for cell in cells),
        right=max(line.right for line in lines),
        bottom=min(line.bottom for line in lines),
        top=max(line.top for line in lines),
    )


# ---------------------------------------------------------------- headings


def _standing_out(page: Sequence[Line]) -> frozenset[tuple[float, bool]]:
    """Return the styles of type, (step, bold), that stand out from the body of their page by size or weight."""
    used: Counter[tuple[float, bool]] = Counter()
    for line in page:
        used[_step(line), line.bold] += len(line.text)
    if not used:
        return frozenset()
    (body, body_bold), _ = used.most_common(1)[0]
    return frozenset(
        (size, bold) for size, bold in used if size >= body * 1.15 or (bold and not body_bold and size >= body * 0.95)
    )


def _step(line: Line) -> float:
    """Return a line's size in half points, so that two measures of one size are the same."""
    return round(line.size * 2) / 2


def _rank(line: Line) -> tuple[float, bool]:
    """Return what orders headings: size, then whether it is a numbered part ("Note 7", "Item 2") among its size."""
    return _step(line), _PART.match(line.text) is not None


def _marked(page: Sequence[Line], styles: frozenset[tuple[float, bool]]) -> list[tuple[Line, bool]]:
    """Say of each line whether it is a heading: it stands out, and prose or another heading follows it."""
    marked: list[tuple[Line, bool]] = []
    leads = False
    for line in reversed(page):
        is_heading = leads and (_step(line), line.bold) in styles and _reads_as_heading(line)
        marked.append((line, is_heading))
        leads = is_heading or _is_prose(line)
    return marked[::-1]


def _spaced(page: Sequence[tuple[Line, bool]]) -> Iterator[tuple[Line, str, bool]]:
    """Yield each line with the break before it (a line's or a paragraph's) and whether it is a heading."""
    above: Line | None = None
    after_heading = False
    for line, is_heading in page:
        if above is None:
            gap = ""
        else:
            apart = above.bottom - line.top > 0.4 * line.size or line.bottom > above.top
            gap = "\n\n" if apart or is_heading or after_heading else "\n"
        yield line, gap, is_heading
        above, after_heading = line, is_heading


def _reads_as_heading(line: Line) -> bool:
    return (
        "\t" not in line.text
        and len(line.text.split()) <= _HEADING_WORDS
        and _LETTERS.search(line.text) is not None
        and line.text[0] not in "$€£("
        and not line.text.endswith((".", ",", ";", ":"))
        and not line.text[0].islower()
    )


def _is_prose(line: Line) -> bool:
    return "\t" not in line.text and len(line.text.split()) >= _PROSE_WORDS


# ---------------------------------------------------------------- hyphens


def _mend(before: str, after: str, whole: dict[str, int]) -> str:
    """Return the text before a line's end without its hyphen, unless the document knows the word only with it."""
    head = _WORD.findall(before[:-1])[-1:] or [""]
    tail = _WORD.match(after)
    rest = tail.group() if tail else ""
    hyphened = f"{head[0]}-{rest}".lower()
    keep = hyphened in whole and f"{head[0]}{rest}".lower() not in whole
    return f"{before[:-1]}-" if keep or not rest else before[:-1]
