"""Datasets that were made: by the digest of their rows or of their definition, and by what their rows rest on."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from fourways.core.ids import TenantId
from fourways.store import schema
from fourways.store.dialect import insert_or_update
from fourways.store.lookup import only


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetRow:
    """A dataset as it is known; `created_at` is in Unix seconds.

    Attributes:
        digest: of its rows.
        definition: digest of what it was made from and how.
        names: those of the project file that it was made of.
        manifest: what else its folder's manifest says.
    """

    digest: str
    definition: str
    created_at: float
    rows: int
    names: Sequence[str]
    manifest: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class RestsOn:
    """What rows of a dataset rest on: a document, a trace or a file, and how many of them do.

    Attributes:
        knowledge: that a document belongs to; "" for what is none.
        source: a uri, a trace's id, a file.
    """

    kind: str
    source: str
    rows: int
    knowledge: str = ""


def save_dataset(connection: Connection, tenant: TenantId, row: DatasetRow, rests_on: Collection[RestsOn]) -> None:
    """Keep what a dataset is and what it rests on; of one that is there, its definition and manifest change."""
    table, sources = schema.datasets, schema.dataset_sources
    statement = insert_or_update(
        connection,
        table,
        ("tenant", "digest"),
        lambda new: {name: new[name] for name in ("definition", "names", "manifest")},
    )
    fields = {name: getattr(row, name) for name in DatasetRow.__dataclass_fields__}
    connection.execute(statement, fields | {"tenant": tenant, "names": list(row.names), "manifest": dict(row.manifest)})
    connection.execute(delete(sources).where(sources.c.tenant == tenant, sources.c.dataset == row.digest))
    known = {"tenant": tenant, "dataset": row.digest}
    listed = [known | {name: getattr(one, name) for name in RestsOn.__dataclass_fields__} for one in rests_on]
    if listed:
        connection.execute(insert(sources), listed)


def get_dataset(connection: Connection, tenant: TenantId, digest: str) -> DatasetRow:
    """Return a dataset by its digest, or enough of its front.

    Raises:
        NotFound: none begins so.
        InvalidRequest: several do.
    """
    table = schema.datasets
    row = only(connection, "dataset", select(table).where(table.c.tenant == tenant), table.c.digest, digest)
    return _row(row._mapping)  # noqa: SLF001 - Row's documented name


def dataset_defined_as(connection: Connection, tenant: TenantId, definition: str) -> DatasetRow | None:
    """Return the newest dataset that was made by a definition, None where none was."""
    table = schema.datasets
    mine = select(table).where(table.c.tenant == tenant, table.c.definition == definition)
    row = connection.execute(mine.order_by(table.c.created_at.desc()).limit(1)).mappings().first()
    return None if row is None else _row(row)


def recent_datasets(connection: Connection, tenant: TenantId, *, limit: int = 20) -> list[DatasetRow]:
    """Return a tenant's datasets, newest first."""
    table = schema.datasets
    mine = select(table).where(table.c.tenant == tenant).order_by(table.c.created_at.desc()).limit(limit)
    return [_row(row) for row in connection.execute(mine).mappings()]


def rests_on(connection: Connection, tenant: TenantId, digest: str) -> list[RestsOn]:
    """Return what a dataset's rows rest on, in order of kind and name."""
    table = schema.dataset_sources
    columns = [table.c[name] for name in RestsOn.__dataclass_fields__]
    mine = select(*columns).where(table.c.tenant == tenant, table.c.dataset == digest)
    rows = connection.execute(mine.order_by(table.c.kind, table.c.knowledge, table.c.source)).mappings()
    return [RestsOn(**row) for row in rows]


def datasets_resting_on(
    connection: Connection, tenant: TenantId, kind: str, source: str, *, knowledge: str | None = None
) -> list[DatasetRow]:
    """Return the datasets that hold rows of a document, a trace or a file, newest first.

    Args:
        connection: where to look.
        tenant: whose.
        kind: document, trace, file.
        source: its uri, id or name.
        knowledge: that a document belongs to; of any where None.
    """
    table, sources = schema.datasets, schema.dataset_sources
    holding = select(sources.c.dataset).where(
        sources.c.tenant == tenant, sources.c.kind == kind, sources.c.source == source
    )
    if knowledge is not None:
        holding = holding.where(sources.c.knowledge == knowledge)
    mine = select(table).where(table.c.tenant == tenant, table.c.digest.in_(holding))
    return [_row(row) for row in connection.execute(mine.order_by(table.c.created_at.desc())).mappings()]


def drop_dataset(connection: Connection, tenant: TenantId, digest: str) -> None:
    """Forget a dataset and what it rests on; its folder is somebody else's to delete."""
    for table, column in ((schema.dataset_sources, "dataset"), (schema.datasets, "digest")):
        connection.execute(delete(table).where(table.c.tenant == tenant, table.c[column] == digest))


def _row(row: Mapping[Any, Any]) -> DatasetRow:
    return DatasetRow(**{name: row[name] for name in DatasetRow.__dataclass_fields__})
