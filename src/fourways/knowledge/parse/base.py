"""What parsing yields: text with its headings and pages, and what a document says of itself."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """A heading in the text.

    Attributes:
        offset: where its line begins in the text.
        level: 1 for the outermost.
        text: its words, without marks.
    """

    offset: int
    level: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """A document's text and structure.

    Attributes:
        title: what a reader would call it.
        text: the whole text; every offset points into it.
        language: ISO 639-1, or "" where it cannot be told.
        pages: offset at which each page, slide or sheet begins; empty for unpaged text.
        headings: in order of their offsets.
        metadata: JSON values the document says of itself (front matter).
        acl: labels the document itself asks for; empty where it says nothing.
    """

    title: str
    text: str
    language: str = ""
    pages: tuple[int, ...] = ()
    headings: tuple[Heading, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    acl: frozenset[str] = frozenset()
