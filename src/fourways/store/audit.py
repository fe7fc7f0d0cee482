"""Who did what: rows that are only ever added, each sealed by a hash over itself and the one before."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from fourways.core.ids import TenantId, digest
from fourways.store import schema
from fourways.store.dialect import difference, encode_json, fit

GENESIS = "0" * 64
"""What the first entry of each tenant's chain stands on."""


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

    def sealed(self) -> str:
        """Return the hash that this content must have."""
        content = {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "hash"}
        return digest(content)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """What checking a tenant's chain found.

    Attributes:
        length: entries that hold, from the first.
        head: the hash of the last of them. Note it elsewhere: a chain cut off at its end is whole in itself.
        broken: what is wrong with the entry after them, "" where nothing is.
    """

    length: int
    head: str
    broken: str = ""


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
    difference(connection).lock(connection, "audit")
    table = schema.audit
    mine = select(table.c.number, table.c.hash).where(table.c.tenant == tenant)
    last = connection.execute(mine.order_by(table.c.number.desc()).limit(1)).first()
    content: dict[str, Any] = {
        "tenant": tenant,
        "number": 1 if last is None else last.number + 1,
        "at": at,
        "actor": fit(actor),
        "action": action,
        "subject": fit(subject),
        "detail": json.loads(encode_json(detail or {})),  # as it will be read back, so that the hash agrees
        "previous": GENESIS if last is None else last.hash,
    }
    row = content | {"hash": digest(content)}
    connection.execute(table.insert(), row)
    return Entry(**row)


def entries(connection: Connection, tenant: TenantId, *, limit: int = 100, after: int = 0) -> list[Entry]:
    """Return a tenant's entries in order, those after a number."""
    table = schema.audit
    mine = select(table).where(table.c.tenant == tenant, table.c.number > after).order_by(table.c.number).limit(limit)
    return [Entry(**row) for row in connection.execute(mine).mappings()]


def verify(connection: Connection, tenant: TenantId) -> Chain:
    """Check a tenant's whole chain: numbers without gaps, each hash over its content and the one before."""
    length, head = 0, GENESIS
    while page := entries(connection, tenant, limit=1000, after=length):
        for entry in page:
            broken = _broken(entry, length + 1, head)
            if broken:
                return Chain(length=length, head=head, broken=broken)
            length, head = entry.number, entry.hash
    return Chain(length=length, head=head)


def _broken(entry: Entry, number: int, previous: str) -> str:
    if entry.number != number:
        return f"entry {number} is missing: after {number - 1} comes {entry.number}"
    if entry.previous != previous:
        return f"entry {number} does not stand on entry {number - 1}"
    if entry.hash != entry.sealed():
        return f"entry {number} was changed after it was written"
    return ""
