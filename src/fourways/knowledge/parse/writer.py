"""Write the Markdown of a document piece by piece, remembering where its headings and pages begin."""

import re
from collections.abc import Sequence

from fourways.core.errors import UnreadableDocument
from fourways.knowledge.parse.base import Heading, Parsed

_SPACES = re.compile(r"\s+")
_MAX_CHARS = 50_000_000


class Writer:
    """Blocks in, a `Parsed` out; what stands in a block is one paragraph, item, heading or row."""

    def __init__(self, uri: str) -> None:
        self._uri = uri
        self._parts: list[str] = []
        self._length = 0
        self._ending = ""  # the line breaks at the end, two at most
        self._headings: list[Heading] = []
        self._pages: list[int] = []

    @property
    def length(self) -> int:
        """Characters written so far."""
        return self._length

    def page(self) -> None:
        """Begin a page, slide or sheet."""
        self._break("\n\n")
        self._pages.append(self._length)

    def heading(self, level: int, words: str) -> None:
        """Write a heading; one without words is passed over."""
        if words := flat(words):
            self._break("\n\n")
            self._headings.append(Heading(offset=self._length, level=level, text=words))
            self._add(f"{'#' * level} {words}\n\n")

    def paragraph(self, text: str) -> None:
        """Write a paragraph, with its line breaks."""
        if text := text.strip():
            self._break("\n\n")
            self._add(f"{text}\n\n")

    def line(self, text: str) -> None:
        """Write a line that stands by itself: a list's item, a sheet's row."""
        if text := text.rstrip():
            self._break("\n")
            self._add(f"{text}\n")

    def row(self, cells: Sequence[str], *, head: bool = False) -> None:
        """Write a row of a Markdown table; with `head`, the rule below it too."""
        words = [flat(cell).replace("|", "\\|") for cell in cells]
        if any(words):
            self.line(f"| {' | '.join(words)} |")
            if head:
                self.line(f"|{'---|' * len(words)}")

    def gap(self) -> None:
        """Part what follows from what was written, by a blank line."""
        self._break("\n\n")

    def parsed(self, *, title: str = "", language: str = "") -> Parsed:
        """Return what was written."""
        return Parsed(
            title=title or next((heading.text for heading in self._headings if heading.level == 1), ""),
            text="".join(self._parts).rstrip("\n") + "\n",
            language=language,
            pages=tuple(self._pages),
            headings=tuple(self._headings),
        )

    def _break(self, wanted: str) -> None:
        """Make the text end with the break wanted, unless a page or the document begins here."""
        if not self._parts or self._pages[-1:] == [self._length]:
            return
        self._add("\n" * (len(wanted) - len(self._ending)))

    def _add(self, text: str) -> None:
        if text:
            self._parts.append(text)
            self._length += len(text)
            tail = (self._ending + text)[-2:]
            self._ending = tail[len(tail.rstrip("\n")) :]
        if self._length > _MAX_CHARS:
            raise UnreadableDocument(f"'{self._uri}' has more than {_MAX_CHARS:,} characters of text; split it")


def flat(text: str) -> str:
    """Return a text on one line."""
    return _SPACES.sub(" ", text).strip()
