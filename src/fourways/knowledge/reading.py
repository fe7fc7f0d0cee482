"""One listed document into rows: compared with what is known of it, and parsed and cut where it changed."""

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from fourways.config import tree
from fourways.core.data import Document
from fourways.core.errors import RefusedAddress, UnreadableDocument, UpstreamError
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
            "media_type": item.media_type,
            "chunk": cut.model_dump(),
        }
    )


async def read_listed(listed: Listed, before: Version | None, place: Place, cut: tree.Chunking) -> Reading:
    """Read, parse and cut a document, as far as it changed."""
    item = listed.item
    seen = partial(Reading, listed=listed, before=before)
    same_recipe = before is not None and before.recipe == listed.recipe
    if before is not None and same_recipe and item.token and item.token == before.token:
        return seen(kind=KEPT)
    try:
        data = await listed.source.read(item)
        content_hash = await asyncio.to_thread(_hash, data)
        if before is not None and same_recipe and content_hash == before.content_hash:
            return seen(kind=TOUCHED if item.token != before.token else KEPT)
        return await asyncio.to_thread(_parsed, seen, item, data, content_hash, place, cut)
    except (UnreadableDocument, RefusedAddress, UpstreamError) as error:
        return seen(kind=FAILED, error=error.message)


def _parsed(
    seen: "partial[Reading]", item: Item, data: bytes, content_hash: str, place: Place, cut: tree.Chunking
) -> Reading:
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
    return seen(kind=NEW, document=document, passages=cut_document(parsed, document, place.knowledge, cut))


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


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _json(value: Any) -> Any:  # noqa: ANN401 - what YAML front matter may hold, dates too
    """Return a value as JSON has it: what JSON does not know becomes text."""
    if isinstance(value, dict):
        return {str(key): _json(each) for key, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_json(each) for each in value]
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
