"""One listed document into rows: compared with what is known of it, and parsed and cut where it changed."""

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fourways.config import tree
from fourways.core.data import Document
from fourways.core.errors import FourwaysError, RefusedAddress, UnreadableDocument, UpstreamError
from fourways.core.ids import digest
from fourways.knowledge.chunk import chunk
from fourways.knowledge.mirror import embedded_text, text_digest
from fourways.knowledge.parse import Parsed, parse
from fourways.knowledge.sources import Item, Source
from fourways.knowledge.tokens import approximate_tokens
from fourways.store.catalog import NewPassage, Place, Version

METHOD = 1
"""Raised when parsing or cutting changes: documents are then read anew although their bytes are the same."""

KEPT, TOUCHED, NEW, FAILED = "unchanged", "touched", "new", "failed"
"""What becomes of a listed document; `touched` has the same bytes under a new mark."""


_OF_ONE_DOCUMENT = (UnreadableDocument, RefusedAddress, UpstreamError)
"""Errors that concern one document: the sync goes on without it, and says so."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A document as its source lists it.

    Attributes:
        recipe: digest of all but its bytes that decides its passages: labels, metadata, how it is cut.
    """

    item: Item
    source: Source
    recipe: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What became of a listed document: one of `KEPT`, `TOUCHED`, `NEW`, `FAILED`.

    Attributes:
        before: the version there is.
        content_hash, document, passages: of what is new.
        error: why it failed.
    """

    kind: str
    listed: Listed
    before: Version | None
    document: Document | None = None
    passages: Sequence[NewPassage] = ()
    error: str = ""


def recipe_of(item: Item, cut: tree.Chunking) -> str:
    """Return the digest of all but a document's bytes that decides its passages."""
    return digest(
        {
            "method": METHOD,
            "acl": sorted(item.acl),
            "metadata": _json(item.metadata),
            "link": item.link,
            "chunk": cut.model_dump(),
        }
    )


async def read_listed(
    listed: Sequence[Listed], current: Mapping[str, Version], place: Place, cut: tree.Chunking
) -> list[Reading]:
    """Read documents side by side, then parse and cut those that changed, in one thread.

    Args:
        listed: the documents.
        current: the version there is, by uri.
        place: of which knowledge.
        cut: how to cut.
    """
    fetched = await asyncio.gather(*(_fetched(one, current.get(one.item.uri)) for one in listed))
    return await asyncio.to_thread(lambda: [_judged(one, place, cut) for one in fetched])


@dataclass(frozen=True, slots=True)
class _Fetched:
    """A document's bytes, or what became of it without them."""

    listed: Listed
    before: Version | None
    data: bytes = b""
    reading: Reading | None = None


async def _fetched(listed: Listed, before: Version | None) -> _Fetched:
    item = listed.item
    if before is not None and before.recipe == listed.recipe and item.token and item.token == before.token:
        return _Fetched(listed, before, reading=Reading(kind=KEPT, listed=listed, before=before))
    try:
        return _Fetched(listed, before, data=await listed.source.read(item))
    except _OF_ONE_DOCUMENT as error:
        return _Fetched(listed, before, reading=_failed(listed, before, error))


def _judged(fetched: _Fetched, place: Place, cut: tree.Chunking) -> Reading:
    """Compare bytes with the version there is; parse and cut them where they, or the recipe, are new."""
    if fetched.reading is not None:
        return fetched.reading
    listed, before = fetched.listed, fetched.before
    content_hash = hashlib.sha256(fetched.data).hexdigest()
    if before is not None and (before.recipe, before.content_hash) == (listed.recipe, content_hash):
        kind = TOUCHED if listed.item.token != before.token else KEPT
        return Reading(kind=kind, listed=listed, before=before)
    try:
        document, passages = _parsed(listed.item, fetched.data, content_hash, place, cut)
    except _OF_ONE_DOCUMENT as error:
        return _failed(listed, before, error)
    return Reading(kind=NEW, listed=listed, before=before, document=document, passages=passages)


def _failed(listed: Listed, before: Version | None, error: FourwaysError) -> Reading:
    return Reading(kind=FAILED, listed=listed, before=before, error=error.message)


def _parsed(
    item: Item, data: bytes, content_hash: str, place: Place, cut: tree.Chunking
) -> tuple[Document, list[NewPassage]]:
    parsed = parse(data, uri=item.uri, media_type=item.media_type)
    document = Document(
        uri=item.uri,
        title=parsed.title,
        text=parsed.text,
        content_hash=content_hash,
        language=parsed.language,
        link=item.link,
        acl=parsed.acl or item.acl,
        metadata=_json({**item.metadata, **parsed.metadata}),
        pages=parsed.pages,
    )
    return document, cut_document(parsed, document, place.knowledge, cut)


def cut_document(parsed: Parsed, document: Document, knowledge: str, cut: tree.Chunking) -> list[NewPassage]:
    """Cut a document into passages, each with the digest of what will be embedded for it."""
    passages = []
    for piece in chunk(parsed, size=cut.size, overlap=cut.overlap, count=approximate_tokens):
        text = document.text[piece.start : piece.end]
        name = digest([knowledge, document.uri, piece.start, text_digest(text)])
        passages.append(
            NewPassage(
                id=f"p_{name[:24]}",
                ordinal=piece.ordinal,
                digest=text_digest(embedded_text(document.title, piece.headings, text)),
                start=piece.start,
                end=piece.end,
                page=piece.page,
                headings=piece.headings,
            )
        )
    return passages


def _json(value: Any) -> Any:  # noqa: ANN401 - what YAML front matter may hold, dates too
    """Return a value as JSON has it: what JSON does not know becomes text."""
    if isinstance(value, dict):
        return {str(key): _json(each) for key, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_json(each) for each in value]
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
