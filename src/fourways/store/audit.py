"""Who did what: rows that are only ever added, each sealed by a hash over itself and the one before."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from fourways.core.ids import TenantId
from fourways.store import chain, schema
from fourways.store.chain import Chain
from fourways.store.dialect import fit


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One act: `actor` did `action` to `subject` at `at` (Unix seconds)."""

    tenant: TenantId
    number: int
    at: float
    actor: str
    action: str
    subject: str
    detail: Mapping[str, Any]
    previous: str
    hash: str


def append(
    connection: Connection,
    tenant: TenantId,
    *,
    at: float,
    actor: str,
    action: str,
    subject: str,
    detail: Mapping[str, Any] | None = None,
) -> Entry:
    """Add an entry, in the transaction of the act itself. Secrets and people's texts never stand in `detail`."""
    content = {"at": at, "actor": fit(actor), "action": action, "subject": fit(subject), "detail": detail or {}}
    return Entry(**chain.add(connection, schema.audit, tenant, content))


def entries(connection: Connection, tenant: TenantId, *, limit: int = 100, after: int = 0) -> list[Entry]:
    """Return a tenant's entries in order, those after a number."""
    table = schema.audit
    mine = select(table).where(table.c.tenant == tenant, table.c.number > after).order_by(table.c.number).limit(limit)
    return [Entry(**row) for row in connection.execute(mine).mappings()]


def verify(connection: Connection, tenant: TenantId) -> Chain:
    """Check a tenant's whole chain."""
    return chain.verify(connection, schema.audit, tenant)
