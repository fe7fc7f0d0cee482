"""Markdown: the text as it is without its front matter, and its headings, found outside code."""

import re
from collections.abc import Iterator

from fourways.knowledge.parse.base import Heading, Parsed
from fourways.knowledge.parse.decode import decode
from fourways.knowledge.parse.frontmatter import read_front_matter

_LINES = re.compile(
    r"^ {0,3}(?:"
    r"(?P<fence>`{3,}|~{3,})"
    r"|(?P<marks>#{1,6})(?:[ \t]+(?P<words>[^\n]*))?$"
    r"|(?P<under>=+|-+)[ \t]*$"
    r")",
    re.MULTILINE,
)
_CLOSING = re.compile(r"[ \t]+#+[ \t]*$|[ \t]*\{[#.:][^}\n]*\}[ \t]*$")
_LINK = re.compile(r"!?\[([^\[\]\n]*)\]\([^()\n]*\)")
_EMPHASIS = re.compile(r"[*_`]{1,3}(?=\S)|(?<=\S)[*_`]{1,3}|</?[a-zA-Z][^>\n]{0,200}>")
_INLINE_DATA = re.compile(r"(data:[\w/+.-]{0,60};base64,)[A-Za-z0-9+/=\s]{64,}?(?=[)\"'>]|\Z)")
_NOT_A_TITLE = ("-", "*", "+", ">", "|", "#", "```", "~~~", "    ", "\t")


def parse_markdown(data: bytes, uri: str) -> Parsed:
    """Parse a Markdown file; raises UnreadableDocument where its front matter cannot be read."""
    text = decode(data, uri=uri)
    front = read_front_matter(text, uri=uri)
    body = text[front.begins :]
    if ";base64," in body:
        body = _INLINE_DATA.sub(r"\1", body)
    headings = tuple(find_headings(body))
    title = front.title or next((heading.text for heading in headings if heading.level == 1), "")
    if front.title and not body.strip():
        body = f"{front.title}\n"  # a page that only points elsewhere can still be found by its title
    return Parsed(
        title=title, text=body, language=front.language, headings=headings, metadata=front.metadata, acl=front.acl
    )


def find_headings(text: str) -> Iterator[Heading]:
    """Yield the headings of a Markdown text (CommonMark's ATX and setext), skipping fenced code."""
    fence = ""
    for match in _LINES.finditer(text):
        if match["fence"]:
            if not fence:
                fence = match["fence"]
            elif match["fence"].startswith(fence) and not text[match.end() : _line_end(text, match.end())].strip():
                fence = ""
        elif fence:
            continue
        elif match["marks"]:
            if words := plain(_CLOSING.sub("", match["words"] or "")):
                yield Heading(offset=match.start(), level=len(match["marks"]), text=words)
        elif heading := _setext(text, match):
            yield heading


def plain(words: str) -> str:
    """Return a line of Markdown without its marks: links by their words, emphasis and tags gone."""
    return _EMPHASIS.sub("", _LINK.sub(r"\1", words)).strip(" \t#")


def _setext(text: str, match: re.Match[str]) -> Heading | None:
    """Return the heading that a row of `===` or `---` underlines, if it does: one line of words above, blank before."""
    end = match.start() - 1
    if end < 0:
        return None
    begin = text.rfind("\n", 0, end) + 1
    line = text[begin:end]
    above = text[text.rfind("\n", 0, max(begin - 1, 0)) + 1 : max(begin - 1, 0)]
    if not line.strip() or above.strip() or line.startswith(_NOT_A_TITLE) or "|" in line:
        return None
    return Heading(offset=begin, level=1 if match["under"][0] == "=" else 2, text=plain(line))


def _line_end(text: str, start: int) -> int:
    end = text.find("\n", start)
    return len(text) if end < 0 else end
