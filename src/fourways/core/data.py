"""Documents, the passages they are cut into, and what a search returns."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One parsed document of a source.

    Attributes:
        uri: its name inside its knowledge, stable over syncs: a relative path or a URL.
        title: what a reader would call it.
        text: the whole text; every passage is a slice of it.
        content_hash: SHA-256 of the raw bytes, hex: unchanged bytes are not parsed again.
        language: ISO 639-1, or "" where nobody knows.
        link: where a reader can open it (a URL or a path), or "".
        acl: labels that may read it; empty means everybody.
        metadata: JSON values to filter by, from front matter or the project file.
        pages: character offset at which each page (or slide, sheet) begins; empty for unpaged text.
    """

    uri: str
    title: str
    text: str
    content_hash: str
    language: str = ""
    link: str = ""
    acl: frozenset[str] = frozenset()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    pages: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A slice of a document: the unit that is embedded, found and cited.

    Attributes:
        id: digest of knowledge, document and place; stable while the content is.
        document: the `uri` of its document.
        start, end: character offsets into the document's text; `text` is that slice.
        headings: the heading path down to it, outermost first.
        page: 1-based page, slide or sheet number, or None where there are none.
        ordinal: its position among its document's passages, from 0.
    """

    id: str
    knowledge: str
    document: str
    title: str
    text: str
    start: int
    end: int
    ordinal: int
    headings: tuple[str, ...] = ()
    page: int | None = None
    language: str = ""
    link: str = ""
    acl: frozenset[str] = frozenset()
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A passage that a search found.

    Attributes:
        score: the fused score in [0, 1] by which hits are ordered: comparable within one search only.
        dense: cosine similarity of question and passage, in [-1, 1]: comparable across searches.
        lexical: BM25, at least 0; 0 where no word matched.
    """

    passage: Passage
    score: float
    dense: float
    lexical: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Citation:
    """Where a piece of an answer comes from: `[number]` in the text, the place in the document.

    Attributes:
        start, end: character offsets of the quoted or supporting text in the document's text.
        quote: the words at that place.
    """

    number: int
    knowledge: str
    document: str
    title: str
    quote: str
    start: int
    end: int
    headings: tuple[str, ...] = ()
    page: int | None = None
    link: str = ""


def cite(number: int, passage: Passage, start: int, end: int) -> Citation:
    """Cite a part of a passage.

    Args:
        number: the mark in the answer's text, from 1.
        passage: where the words stand.
        start: character offset into the passage's text, not the document's.
        end: of the same, behind the last character.
    """
    return Citation(
        number=number,
        knowledge=passage.knowledge,
        document=passage.document,
        title=passage.title,
        quote=passage.text[start:end],
        start=passage.start + start,
        end=passage.start + end,
        headings=passage.headings,
        page=passage.page,
        link=passage.link,
    )
