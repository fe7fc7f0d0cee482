"""Bytes of any known kind to text with structure. A new kind is one file here and its rows in the tables.

Parsing is pure and may take seconds: run it in a worker thread. PDFium is not thread-safe, so PDF pages are parsed one
document at a time, behind a lock; everything else runs beside it.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from fourways.core.errors import UnreadableDocument
from fourways.knowledge.parse.base import Heading, Parsed
from fourways.knowledge.parse.html import parse_html
from fourways.knowledge.parse.language import detect_language
from fourways.knowledge.parse.markdown import parse_markdown
from fourways.knowledge.parse.pdf import parse_pdf
from fourways.knowledge.parse.slides import parse_slides
from fourways.knowledge.parse.tables import parse_csv
from fourways.knowledge.parse.text import parse_text
from fourways.knowledge.parse.word import parse_word
from fourways.knowledge.parse.workbook import parse_workbook

__all__ = ["PARSERS", "Heading", "Parsed", "parse", "readable"]

Parser = Callable[[bytes, str], Parsed]

PARSERS: Mapping[str, Parser] = {
    ".md": parse_markdown,
    ".markdown": parse_markdown,
    ".txt": parse_text,
    ".text": parse_text,
    ".rst": parse_text,
    ".html": parse_html,
    ".htm": parse_html,
    ".xhtml": parse_html,
    ".pdf": parse_pdf,
    ".docx": parse_word,
    ".docm": parse_word,
    ".pptx": parse_slides,
    ".pptm": parse_slides,
    ".xlsx": parse_workbook,
    ".xlsm": parse_workbook,
    ".csv": parse_csv,
    ".tsv": parse_csv,
}
"""By the suffix of a name, lower-case."""

_OFFICE = "application/vnd.openxmlformats-officedocument"

MEDIA_TYPES: Mapping[str, str] = {
    "text/markdown": ".md",
    "text/x-markdown": ".md",
    "text/plain": ".txt",
    "text/html": ".html",
    "application/xhtml+xml": ".html",
    "application/pdf": ".pdf",
    "text/csv": ".csv",
    "text/tab-separated-values": ".tsv",
    f"{_OFFICE}.wordprocessingml.document": ".docx",
    f"{_OFFICE}.presentationml.presentation": ".pptx",
    f"{_OFFICE}.spreadsheetml.sheet": ".xlsx",
}
"""The suffix that a server's media type stands for."""


def readable(uri: str) -> bool:
    """Whether a document of this name can be parsed."""
    return _suffix(uri) in PARSERS


def parse(data: bytes, *, uri: str, media_type: str | None = None) -> Parsed:
    """Parse a document.

    Args:
        data: its bytes, whole.
        uri: its name; the suffix tells its kind, and it stands in every error.
        media_type: what a server said it is; goes before the suffix where it is known.

    Raises UnreadableDocument, saying what was wrong and what would be right.
    """
    declared = MEDIA_TYPES.get((media_type or "").split(";")[0].strip().lower())
    parser = PARSERS.get(declared or _suffix(uri))
    if parser is None:
        kind = media_type or _suffix(uri) or "a name without a suffix"
        raise UnreadableDocument(f"'{uri}' is of an unknown kind ({kind}); known are {', '.join(PARSERS)}")
    parsed = parser(data, uri)
    if not parsed.text.strip():
        raise UnreadableDocument(f"'{uri}' is empty: it has no text")
    return replace(parsed, title=parsed.title or _title(uri), language=parsed.language or detect_language(parsed.text))


def _path(uri: str) -> PurePosixPath:
    return PurePosixPath(unquote(urlsplit(uri).path) if "://" in uri else uri)


def _suffix(uri: str) -> str:
    return _path(uri).suffix.lower()


def _title(uri: str) -> str:
    """Make a title of a name: `docs/travel-policy.md` is "travel policy"."""
    words = _path(uri).stem.replace("_", " ").replace("-", " ").strip()
    return words or uri
