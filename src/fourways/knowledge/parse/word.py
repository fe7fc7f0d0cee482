"""DOCX: paragraphs, headings by style, lists, tables, foot- and endnotes, read as a stream; deleted text stays out."""

import re
from collections.abc import Mapping

from fourways.knowledge.parse.archive import Archive
from fourways.knowledge.parse.base import Parsed
from fourways.knowledge.parse.writer import Writer

_HEADING_NAME = re.compile(
    r"(?:heading|überschrift|titre|título|titolo|kop|rubrik|overskrift)\s*([1-9])", re.IGNORECASE
)
_TITLE_STYLES = frozenset(("title", "titel", "titre principal"))
_SKIPPED = frozenset(("Fallback", "instrText", "delText", "moveFrom"))
_BREAKS = {"tab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-"}
_MAIN = "word/document.xml"
_NOTES = ("word/footnotes.xml", "word/endnotes.xml")


def parse_word(data: bytes, uri: str) -> Parsed:
    """Parse a DOCX; raises UnreadableDocument where it is none, damaged, encrypted or a bomb."""
    archive = Archive(data, uri, kind="DOCX")
    writer = Writer(uri)
    levels = archive.walk("word/styles.xml", _Styles()).levels()
    for member in (_MAIN, *_NOTES):
        archive.walk(member, _Body(writer, levels))
        writer.gap()
    return writer.parsed(title=archive.walk("docProps/core.xml", _Properties()).title)


class _Properties:
    """Walks what the file says of itself."""

    def __init__(self) -> None:
        self.title = ""
        self._inside = False

    def start(self, name: str, _given: Mapping[str, str]) -> None:
        """Begin an element."""
        self._inside = name == "title"

    def end(self, _name: str) -> None:
        """End an element."""
        self._inside = False

    def data(self, text: str) -> None:
        """Take text."""
        if self._inside:
            self.title += text


class _Styles:
    """Walks the styles: which of them are headings, by outline level, by name, or by the style they build on."""

    def __init__(self) -> None:
        self._own: dict[str, int] = {}
        self._based: dict[str, str] = {}
        self._style = ""

    def start(self, name: str, given: Mapping[str, str]) -> None:
        """Take what tells a style's level."""
        value = given.get("val", "")
        if name == "style":
            self._style = given.get("styleId", "")
        elif name == "basedOn":
            self._based[self._style] = value
        elif name == "outlineLvl" and value.isdigit() and int(value) < 9:  # noqa: PLR2004 - 9 is body text
            self._own[self._style] = int(value) + 1
        elif name == "name":
            if found := _HEADING_NAME.match(value):
                self._own.setdefault(self._style, int(found[1]))
            elif value.lower() in _TITLE_STYLES:
                self._own.setdefault(self._style, 1)

    def end(self, _name: str) -> None:
        """Nothing is to be done."""

    def data(self, _text: str) -> None:
        """Nothing is to be done."""

    def levels(self) -> dict[str, int]:
        """Return the heading level of each style that is one."""
        found = dict(self._own)
        for style in self._based:
            base, seen = style, set[str]()
            while base not in self._own and base in self._based and base not in seen:
                seen.add(base)
                base = self._based[base]
            if base in self._own:
                found.setdefault(style, self._own[base])
        return found


class _Body:
    """Walks a document's body and writes its blocks."""

    def __init__(self, writer: Writer, levels: Mapping[str, int]) -> None:
        self._writer = writer
        self._levels = levels
        self._text: list[str] = []
        self._level = 0
        self._indent = -1
        self._skipping = 0
        self._collecting = False
        self._tables = 0
        self._rows = 0
        self._cells: list[str] = []

    def start(self, name: str, given: Mapping[str, str]) -> None:
        """Begin an element."""
        if self._skipping or name in _SKIPPED:
            self._skipping += 1
        elif name == "p":
            self._level, self._indent = 0, -1
        elif name == "pStyle":
            self._level = self._levels.get(given.get("val", ""), 0)
        elif name == "outlineLvl":
            self._level = int(given.get("val", "9")) + 1 if given.get("val", "9") in "012345678" else self._level
        elif name == "ilvl":
            self._indent = int(given.get("val", "0")) if given.get("val", "0").isdigit() else 0
        elif name == "t":
            self._collecting = True
        elif name in _BREAKS:
            self._text.append(_BREAKS[name])
        elif name == "tbl":
            self._tables += 1
            if self._tables == 1:
                self._rows = 0
                self._writer.gap()

    def end(self, name: str) -> None:
        """End an element."""
        if self._skipping:
            self._skipping -= 1
        elif name == "t":
            self._collecting = False
        elif name == "p":
            self._end_paragraph()
        elif name == "tc" and self._tables == 1:
            self._cells.append("".join(self._text))
            self._text.clear()
        elif name == "tr" and self._tables == 1:
            self._writer.row(self._cells, head=self._rows == 0)
            self._rows += 1
            self._cells = []
        elif name == "tbl":
            self._tables -= 1
            self._writer.gap()

    def data(self, text: str) -> None:
        """Take text."""
        if self._collecting and not self._skipping:
            self._text.append(text)

    def _end_paragraph(self) -> None:
        if self._tables:
            self._text.append(" ")  # a cell's paragraphs, and tables inside it, go on one line
            return
        text = "".join(self._text)
        self._text.clear()
        if self._level:
            self._writer.heading(min(self._level, 6), text)
        elif self._indent >= 0:
            self._writer.line(f"{'  ' * min(self._indent, 6)}- {' '.join(text.split())}" if text.strip() else "")
        else:
            self._writer.paragraph(text)
