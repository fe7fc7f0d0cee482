"""What is known, as its writers keep it: each knowledge's snapshots, its documents' versions, and the denylist.

A version belongs to the snapshots S with `added_in <= S < removed_in` (null: no end yet). What is written under the
number that is being built is not there for readers, who go by published numbers: see `shown`.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, func, insert, select, update

from fourways.core.data import Document
from fourways.core.ids import TenantId
from fourways.store import revisions
from fourways.store.dialect import insert_or_ignore
from fourways.store.schema import denylist, documents, knowledges, passages, snapshots, vectors

_AT_ONCE = 500
"""Values in one IN: databases have a limit."""

BUILDING, PUBLISHED = "building", "published"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Which knowledge of which tenant."""

    tenant: TenantId
    knowledge: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotRow:
    """A numbered state of a knowledge; times are Unix seconds.

    Attributes:
        counts: what it holds: `documents`, `passages`; `index`, the name of the index it was published with.
    """

    number: int
    state: str
    created_at: float
    published_at: float | None
    counts: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A version of a document, without its text.

    Attributes:
        recipe: digest of all but the bytes that decides its passages.
        token: the source's own mark of change.
        removed_in: None while it has not been replaced or removed.
        passages: how many it was cut into.
    """

    id: str
    uri: str
    added_in: int
    removed_in: int | None
    content_hash: str
    recipe: str
    token: str
    passages: int
    language: str
    acl: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPassage:
    """A passage to be written: a place in its document, and the digest of what is embedded for it."""

    id: str
    ordinal: int
    digest: str
    start: int
    end: int
    page: int | None
    headings: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A version with its text and passages, as an index needs it."""

    version: Version
    document: Document
    passages: tuple[NewPassage, ...]


# ---------------------------------------------------------------- snapshots


def building(connection: Connection, place: Place) -> int | None:
    """Return the number of the snapshot that is being built, None where none is."""
    wanted = select(snapshots.c.number).where(within(snapshots, place), snapshots.c.state == BUILDING)
    return connection.execute(wanted).scalar()


def begin(connection: Connection, place: Place, *, now: float) -> int:
    """Return the number of the snapshot that is being built: one begun earlier, or a new one."""
    known = {"tenant": place.tenant, "knowledge": place.knowledge}
    connection.execute(insert_or_ignore(connection, knowledges), known | {"created_at": now})
    number = building(connection, place)
    if number is None:
        last = connection.execute(select(func.max(snapshots.c.number)).where(within(snapshots, place))).scalar()
        number = (last or 0) + 1
        row = known | {"number": number, "state": BUILDING, "created_at": now}
        connection.execute(insert(snapshots), row)
    return number


def publish(connection: Connection, place: Place, number: int, *, counts: Mapping[str, Any], now: float) -> None:
    """Let readers see a snapshot, from the transaction's commit on."""
    mine = and_(within(snapshots, place), snapshots.c.number == number)
    connection.execute(update(snapshots).where(mine).values(state=PUBLISHED, published_at=now, counts=dict(counts)))
    revisions.bump(connection, revisions.SNAPSHOTS)


def published(connection: Connection, place: Place) -> list[SnapshotRow]:
    """Return the snapshots that readers may ask for, oldest first."""
    columns = [snapshots.c[name] for name in ("number", "state", "created_at", "published_at", "counts")]
    wanted = select(*columns).where(within(snapshots, place), snapshots.c.state == PUBLISHED)
    return [SnapshotRow(**row) for row in connection.execute(wanted.order_by(snapshots.c.number)).mappings()]


def forget(connection: Connection, place: Place, numbers: Collection[int]) -> None:
    """Drop snapshots: nobody can ask for them any more."""
    connection.execute(delete(snapshots).where(within(snapshots, place), snapshots.c.number.in_(numbers)))


# ---------------------------------------------------------------- versions of documents

_VERSION = [documents.c[name] for name in Version.__dataclass_fields__]


def versions(connection: Connection, place: Place, uri: str | None = None) -> list[Version]:
    """Return every version there is, or all of one document's."""
    wanted = select(*_VERSION).where(within(documents, place))
    if uri is not None:
        wanted = wanted.where(documents.c.uri == uri)
    return [_version(row) for row in connection.execute(wanted).mappings()]


def write_version(
    connection: Connection,
    place: Place,
    version: Version,
    document: Document,
    pieces: Sequence[NewPassage],
) -> None:
    """Write a version with all its passages; earlier rows of the same snapshot must be gone (`retire`)."""
    row = {
        "tenant": place.tenant,
        "knowledge": place.knowledge,
        **{name: getattr(version, name) for name in Version.__dataclass_fields__},
        "acl": sorted(document.acl),
        "title": document.title,
        "link": document.link,
        "metadata": dict(document.metadata),
        "pages": list(document.pages),
        "text": document.text,
    }
    connection.execute(insert(documents), row)
    if pieces:
        known = {"tenant": place.tenant, "document_id": version.id}
        fields = NewPassage.__dataclass_fields__
        connection.execute(insert(passages), [known | {name: getattr(one, name) for name in fields} for one in pieces])


def retire(connection: Connection, gone: Collection[Version], number: int) -> None:
    """End versions with a snapshot: what was written under its own number is deleted, the rest marked."""
    drop_versions(connection, [version.id for version in gone if version.added_in == number])
    for ids in _batches([version.id for version in gone if version.added_in != number]):
        connection.execute(update(documents).where(documents.c.id.in_(ids)).values(removed_in=number))


def close_former(connection: Connection, place: Place, acls: Mapping[str, Collection[str]]) -> None:
    """Give every version of documents the readers of the newest: a pinned snapshot must not show what was closed since.

    Args:
        connection: a transaction that may write.
        place: of which knowledge.
        acls: the newest labels by uri.
    """
    for some in _batches(acls):
        former = select(documents.c.id, documents.c.uri, documents.c.acl).where(
            within(documents, place), documents.c.uri.in_(some)
        )
        for row in connection.execute(former).all():
            if sorted(row.acl) != sorted(acls[row.uri]):
                values = {"acl": sorted(acls[row.uri])}
                connection.execute(update(documents).where(documents.c.id == row.id).values(values))


def set_token(connection: Connection, version_id: str, token: str) -> None:
    """Note the source's new mark for bytes that did not change."""
    connection.execute(update(documents).where(documents.c.id == version_id).values(token=token))


def drop_versions(connection: Connection, ids: Collection[str]) -> int:
    """Delete versions, their text, passages, and cached vectors that nothing else uses; return the vectors deleted."""
    dropped = 0
    for some in _batches(ids):
        mine = passages.c.document_id.in_(some)
        digests = connection.execute(select(passages.c.digest).where(mine).distinct()).scalars().all()
        connection.execute(delete(passages).where(mine))
        connection.execute(delete(documents).where(documents.c.id.in_(some)))
        dropped += _drop_vectors(connection, digests)
    return dropped


def _drop_vectors(connection: Connection, digests: Sequence[str]) -> int:
    used = select(passages.c.digest).where(passages.c.digest == vectors.c.digest).exists()
    return sum(
        connection.execute(delete(vectors).where(vectors.c.digest.in_(some), ~used)).rowcount
        for some in _batches(digests)
    )


def stored(connection: Connection, ids: Sequence[str]) -> Iterator[Stored]:
    """Yield versions with text and passages, in no order."""
    for some in _batches(ids, 50):
        mine = select(passages).where(passages.c.document_id.in_(some)).order_by(passages.c.ordinal)
        pieces: dict[str, list[NewPassage]] = {}
        for row in connection.execute(mine).mappings():
            fields = {name: row[name] for name in NewPassage.__dataclass_fields__}
            fields["headings"] = tuple(fields["headings"])
            pieces.setdefault(row["document_id"], []).append(NewPassage(**fields))
        for row in connection.execute(select(documents).where(documents.c.id.in_(some))).mappings():
            fields = {name: row[name] for name in Document.__dataclass_fields__}
            fields |= {"acl": frozenset(fields["acl"]), "pages": tuple(fields["pages"])}
            yield Stored(
                version=_version({name: row[name] for name in Version.__dataclass_fields__}),
                document=Document(**fields),
                passages=tuple(pieces.get(row["id"], ())),
            )


# ---------------------------------------------------------------- what may not come back


def denied(connection: Connection, place: Place, uris: Collection[str] | None = None) -> frozenset[str]:
    """Return the documents that were deleted for good, all or those among some."""
    wanted = select(denylist.c.uri).where(within(denylist, place))
    if uris is not None:
        wanted = wanted.where(denylist.c.uri.in_(uris))
    return frozenset(connection.execute(wanted).scalars())


def deny(connection: Connection, place: Place, uri: str, *, reason: str, now: float) -> None:
    """Put a document on the denylist: it answers no more from the commit on, and no sync brings it back."""
    row = {"tenant": place.tenant, "knowledge": place.knowledge, "uri": uri, "reason": reason, "created_at": now}
    connection.execute(insert_or_ignore(connection, denylist), row)


def allow(connection: Connection, place: Place, uri: str) -> bool:
    """Take a document off the denylist; False where it was not on it."""
    mine = and_(within(denylist, place), denylist.c.uri == uri)
    return connection.execute(delete(denylist).where(mine)).rowcount > 0


# ---------------------------------------------------------------- rows


def within(table: Any, place: Place) -> ColumnElement[bool]:  # noqa: ANN401 - any of the tables
    """Return the condition that a row is of a knowledge."""
    return and_(table.c.tenant == place.tenant, table.c.knowledge == place.knowledge)


def _version(row: Mapping[Any, Any]) -> Version:
    return Version(**{**row, "acl": frozenset(row["acl"])})


def _batches(values: Collection[str], size: int = _AT_ONCE) -> Iterator[list[str]]:
    listed = list(values)
    return (listed[at : at + size] for at in range(0, len(listed), size))
