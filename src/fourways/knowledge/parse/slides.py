"""PPTX: each slide a page with its title as heading, its text, tables and speaker's notes; hidden slides stay out."""

from collections.abc import Mapping

from fourways.knowledge.parse.archive import Archive
from fourways.knowledge.parse.base import Parsed
from fourways.knowledge.parse.writer import Writer

_MAIN = "ppt/presentation.xml"
_TITLES = frozenset(("title", "ctrTitle"))
_LEFT_OUT = frozenset(("sldNum", "dt", "ftr", "hdr", "sldImg"))


def parse_slides(data: bytes, uri: str) -> Parsed:
    """Parse a PPTX; raises UnreadableDocument where it is none, damaged, encrypted or a bomb."""
    archive = Archive(data, uri, kind="PPTX")
    writer = Writer(uri)
    targets = archive.related(_MAIN)
    for link in archive.walk(_MAIN, _Order()).links:
        name = targets.get(link, "")
        slide = archive.walk(name, _Slide())
        writer.page()  # a hidden one counts, so that numbers are those the presenter sees
        if slide.hidden:
            continue
        slide.write(writer)
        for related in archive.related(name).values():
            if "notesSlide" in related:
                archive.walk(related, _Slide()).write(writer)
    return writer.parsed()


class _Order:
    """Walks the presentation: its slides in order."""

    def __init__(self) -> None:
        self.links: list[str] = []

    def start(self, name: str, given: Mapping[str, str]) -> None:
        """Take a slide."""
        if name == "sldId":
            self.links.append(next((value for value in given.values() if not value.isdigit()), ""))

    def end(self, _name: str) -> None:
        """Nothing is to be done."""

    def data(self, _text: str) -> None:
        """Nothing is to be done."""


class _Slide:
    """Walks a slide or its notes: the title, and the blocks under it, each a text or a table's rows."""

    def __init__(self) -> None:
        self.hidden = False
        self.title = ""
        self.blocks: list[str | list[list[str]]] = []
        self._rows: list[list[str]] | None = None
        self._text: list[str] = []
        self._placeholder = ""
        self._collecting = False

    def write(self, writer: Writer) -> None:
        """Write the slide's blocks under its title."""
        writer.heading(1, self.title)
        for block in self.blocks:
            if isinstance(block, str):
                writer.paragraph(block)
                continue
            writer.gap()
            for number, cells in enumerate(block):
                writer.row(cells, head=number == 0)
            writer.gap()

    def start(self, name: str, given: Mapping[str, str]) -> None:
        """Begin an element."""
        if name == "sld":
            self.hidden = given.get("show") == "0"
        elif name == "sp":
            self._placeholder = ""
        elif name == "ph":
            self._placeholder = given.get("type", "")
        elif name == "t":
            self._collecting = True
        elif name == "br":
            self._text.append("\n")
        elif name == "tbl":
            self._rows = []
        elif name == "tr" and self._rows is not None:
            self._rows.append([])

    def end(self, name: str) -> None:
        """End an element."""
        if name == "t":
            self._collecting = False
        elif name == "p":
            self._text.append("\n")
        elif name == "tc" and self._rows:
            self._rows[-1].append("".join(self._text))
            self._text.clear()
        elif name == "tbl" and self._rows is not None:
            self.blocks.append(self._rows)
            self._rows = None
        elif name == "txBody" and self._rows is None:
            self._end_shape()

    def data(self, text: str) -> None:
        """Take text."""
        if self._collecting:
            self._text.append(text)

    def _end_shape(self) -> None:
        text = "".join(self._text).strip()
        self._text.clear()
        if self._placeholder in _TITLES and not self.title:
            self.title = text
        elif text and self._placeholder not in _LEFT_OUT:
            self.blocks.append(text)
