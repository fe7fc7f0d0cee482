"""HTML: its headings, paragraphs, lists and tables as Markdown, without scripts, menus and other boilerplate.

libxml2 reads the page as a stream of tags, in linear time whatever is in it (the standard library's parser is quadratic
on unclosed tags), so that no nesting is too deep and no tag need be closed.
"""

import re
from collections import Counter
from collections.abc import Mapping

from fourways.core.errors import UnreadableDocument
from fourways.knowledge.parse.base import Parsed
from fourways.knowledge.parse.decode import decode
from fourways.knowledge.parse.writer import Writer, flat

_NEVER = frozenset(
    ("script", "style", "template", "svg", "iframe", "object", "canvas", "select", "textarea", "button", "dialog")
)
_BOILERPLATE = frozenset(("nav", "footer", "aside", "header"))
_ROLES = frozenset(("navigation", "banner", "contentinfo", "search", "complementary"))
_CONTENT = frozenset(("main", "article"))
_VOID = frozenset(
    ("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr")
)
_BLOCK_TAGS = (
    "address article blockquote body center dd details div dl dt fieldset figcaption figure form hr legend li main ol "
    "p pre section summary table tbody tfoot thead title tr ul"
)
_BLOCKS = frozenset(_BLOCK_TAGS.split())
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_ENOUGH = 200  # characters of content below which the choice of it was wrong
_LANGUAGE = re.compile(r"([a-zA-Z]{2})(?:[-_].*)?")
_BREAK = "\x00"  # where a `br` stood: no page's text has one
_MAX_CHARS = 30_000_000


def parse_html(data: bytes, uri: str) -> Parsed:
    """Parse a page: what its `main` or `article` holds, else its body; raises UnreadableDocument for an endless one."""
    source = decode(data, uri=uri)
    if len(source) > _MAX_CHARS:
        raise UnreadableDocument(f"'{uri}' has {len(source):,} characters; up to {_MAX_CHARS:,} are read: split it")
    content = _Page.read(source, uri, only_content=any(f"<{tag}" in source for tag in _CONTENT))
    if content.writer.length < _ENOUGH:
        whole = _Page.read(source, uri, only_content=False)
        if whole.writer.length < _ENOUGH:
            whole = _Page.read(source, uri, only_content=False, boilerplate=frozenset())
        content = whole if whole.writer.length > 2 * content.writer.length else content
    return content.writer.parsed(title=content.title, language=content.language)


class _Page:
    """Writes a page's text as its tags come."""

    def __init__(self, uri: str, *, only_content: bool, boilerplate: frozenset[str]) -> None:
        self.writer = Writer(uri)
        self.title = ""
        self.language = ""
        self._only_content = only_content
        self._boilerplate = boilerplate
        self._open: Counter[str] = Counter()
        self._skipping = ""  # the tag whose inside is left out
        self._skipped = 0  # how many of that tag are open
        self._text: list[str] = []
        self._cells: list[str] | None = None
        self._rows = 0
        self._in_cell = False
        self._in_head_row = False

    @classmethod
    def read(cls, source: str, uri: str, *, only_content: bool, boilerplate: frozenset[str] = _BOILERPLATE) -> "_Page":
        """Read a whole page."""
        from lxml import etree

        page = cls(uri, only_content=only_content, boilerplate=boilerplate)
        parser = etree.HTMLParser(target=page, huge_tree=True)
        parser.feed(source)
        parser.close()
        return page

    def start(self, tag: str, given: Mapping[str, str]) -> None:
        """Begin an element."""
        if self._skipping:
            self._skipped += tag == self._skipping
            return
        if self._is_skipped(tag, given):
            self._flush_unless_in_table()
            self._skipping, self._skipped = tag, 1
            return
        if tag == "html" and (found := _LANGUAGE.fullmatch(given.get("lang", ""))):
            self.language = found[1].lower()
        if tag in _HEADINGS or tag in _BLOCKS:
            self._flush_unless_in_table()
        if tag not in _VOID:
            self._open[tag] += 1
        self._begin(tag, given)

    def _begin(self, tag: str, given: Mapping[str, str]) -> None:
        """Do what the beginning of some elements asks for."""
        if tag == "br":
            self._text.append(_BREAK)
        elif tag == "tr":
            self._cells, self._in_cell, self._in_head_row = [], False, False
        elif tag in {"td", "th"} and self._cells is not None:
            self._end_cell()
            self._in_cell = True
            self._in_head_row |= tag == "th"
        elif tag == "table":
            self._rows = 0
            self.writer.gap()
        elif tag == "img" and (words := flat(given.get("alt", ""))):
            self._text.append(words)

    def end(self, tag: str) -> None:
        """End an element."""
        if self._skipping:
            self._skipped -= tag == self._skipping
            if not self._skipped:
                self._skipping = ""
            return
        if tag == "title":
            self.title = self.title or flat("".join(self._text))
            self._text.clear()
        elif tag in _HEADINGS and self._cells is None:
            words = "".join(self._text)
            self._text.clear()
            if self._wanted():
                self.writer.heading(_HEADINGS[tag], words)
        elif tag == "tr" and self._cells is not None:
            self._end_row()
        elif tag in {"td", "th"}:
            self._end_cell()
        elif tag in _BLOCKS:
            self._flush_unless_in_table(pre=tag == "pre")
        if self._open[tag]:
            self._open[tag] -= 1

    def data(self, data: str) -> None:
        """Take text."""
        if not self._skipping:
            self._text.append(data)

    def close(self) -> None:
        """End the page."""
        self._flush()

    def _is_skipped(self, tag: str, given: Mapping[str, str]) -> bool:
        if tag in _VOID:
            return False
        if tag in _NEVER or "hidden" in given or given.get("aria-hidden") == "true":
            return tag not in {"html", "body", "main", "article"}
        if not self._boilerplate:
            return False
        if tag == "header" and any(self._open[content] for content in _CONTENT):
            return False  # an article's own header holds its title
        return tag in self._boilerplate or given.get("role") in _ROLES

    def _wanted(self) -> bool:
        return not self._only_content or any(self._open[content] for content in _CONTENT)

    def _flush_unless_in_table(self, *, pre: bool = False) -> None:
        if self._cells is None:
            self._flush(pre=pre)
        else:
            self._text.append(" ")

    def _flush(self, *, pre: bool = False) -> None:
        """Write the text so far as a block."""
        text = "".join(self._text)
        self._text.clear()
        if not text.strip() or not self._wanted() or self._open["title"]:
            return
        if pre or self._open["pre"]:
            self.writer.paragraph(f"```\n{text.strip(chr(10))}\n```")
        elif self._open["li"]:
            self.writer.line(f"{'  ' * min(self._open['ul'] + self._open['ol'] - 1, 6)}- {flat(text)}")
        else:
            self.writer.paragraph("\n".join(filter(None, map(flat, text.split(_BREAK)))))

    def _end_cell(self) -> None:
        if self._cells is not None:
            if self._in_cell:
                self._cells.append("".join(self._text))
            self._text.clear()
            self._in_cell = False

    def _end_row(self) -> None:
        self._end_cell()
        if self._wanted() and self._cells:
            self.writer.row(self._cells, head=self._rows == 0 and self._in_head_row)
        self._rows += 1
        self._cells = None
