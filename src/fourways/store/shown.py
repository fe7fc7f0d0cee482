"""What a snapshot shows its readers: documents, passages, and the text around them; nothing of the denylist.

A version is visible in snapshot S where `added_in <= S < removed_in` (null: no end yet).
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select

from fourways.core.data import Passage
from fourways.store.catalog import Place, denied, within
from fourways.store.schema import denylist, documents, passages

_OF_DOCUMENT = ("uri", "title", "language", "link", "acl", "metadata")
"""What a passage takes from its document."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentRow:
    """A document as a snapshot has it, without its text."""

    uri: str
    title: str
    language: str
    link: str
    acl: frozenset[str]
    metadata: Mapping[str, Any]
    passages: int
    added_in: int
    content_hash: str


def documents_in(connection: Connection, place: Place, number: int) -> list[DocumentRow]:
    """Return the documents of a snapshot, by uri, without those on the denylist."""
    columns = [documents.c[name] for name in DocumentRow.__dataclass_fields__]
    wanted = select(*columns).where(within(documents, place), _visible(number), _allowed())
    rows = connection.execute(wanted.order_by(documents.c.uri)).mappings()
    return [DocumentRow(**{**row, "acl": frozenset(row["acl"])}) for row in rows]


def passages_at(
    connection: Connection, place: Place, wanted: Mapping[str, Collection[int]], number: int
) -> dict[tuple[str, int], Passage]:
    """Return passages by version and ordinal; those a snapshot does not show, or the denylist names, are left out.

    Args:
        connection: a transaction that reads.
        place: of which knowledge.
        wanted: ordinals by the id of the version.
        number: the snapshot.
    """
    if not wanted:
        return {}
    # Found by primary key alone, and judged here: asked for the tenant too, SQLite would read all of its documents.
    columns = [documents.c[name] for name in ("tenant", "knowledge", "added_in", "removed_in", *_OF_DOCUMENT)]
    text = func.substr(documents.c.text, passages.c.start + 1, passages.c.end - passages.c.start).label("words")
    keys = (and_(passages.c.document_id == key, passages.c.ordinal.in_(list(some))) for key, some in wanted.items())
    rows = connection.execute(
        select(passages, text, *columns).join(documents, documents.c.id == passages.c.document_id).where(or_(*keys))
    ).mappings()
    visible = [row for row in rows if _shows(row, place, number)]
    uris = {row["uri"] for row in visible}
    closed = denied(connection, place, uris)
    return {
        (row["document_id"], row["ordinal"]): Passage(
            id=row["id"],
            knowledge=place.knowledge,
            document=row["uri"],
            title=row["title"],
            text=row["words"],
            start=row["start"],
            end=row["end"],
            ordinal=row["ordinal"],
            headings=tuple(row["headings"]),
            page=row["page"],
            language=row["language"],
            link=row["link"],
            acl=frozenset(row["acl"]),
            metadata=row["metadata"],
        )
        for row in visible
        if row["uri"] not in closed
    }


def slice_at(connection: Connection, place: Place, version_id: str, number: int, start: int, end: int) -> str | None:
    """Return characters [start, end) of a version's text, None where a snapshot does not show it."""
    text = func.substr(documents.c.text, start + 1, end - start).label("words")
    columns = [documents.c[name] for name in ("tenant", "knowledge", "added_in", "removed_in", "uri")]
    row = connection.execute(select(text, *columns).where(documents.c.id == version_id)).mappings().first()
    if row is None or not _shows(row, place, number) or row["uri"] in denied(connection, place, [row["uri"]]):
        return None
    return str(row["words"])


def _visible(number: int) -> ColumnElement[bool]:
    ends = or_(documents.c.removed_in.is_(None), documents.c.removed_in > number)
    return and_(documents.c.added_in <= number, ends)


def _shows(row: Mapping[Any, Any], place: Place, number: int) -> bool:
    """Say of a row what `within` and `_visible` ask of one."""
    mine = (row["tenant"], row["knowledge"]) == (place.tenant, place.knowledge)
    return mine and row["added_in"] <= number and (row["removed_in"] is None or row["removed_in"] > number)


def _allowed() -> ColumnElement[bool]:
    same = [denylist.c[name] == documents.c[name] for name in ("tenant", "knowledge", "uri")]
    return ~select(denylist.c.uri).where(*same).exists()
