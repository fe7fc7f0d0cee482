"""Logs whose rows are only ever added, each sealed by a hash over itself and the one before."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Table, select

from fourways.core.ids import TenantId, digest
from fourways.store.dialect import difference, encode_json

GENESIS = "0" * 64
"""What the first entry of each tenant's chain stands on."""
PAGE = 1000


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


def add(connection: Connection, table: Table, tenant: TenantId, content: Mapping[str, Any]) -> dict[str, Any]:
    """Add an entry to a tenant's chain, in the transaction of the act itself, and return its row.

    Args:
        connection: a transaction that may write.
        table: has `tenant`, `number`, `previous` and `hash`; its name is a lock of the dialect's.
        tenant: whose chain.
        content: the other columns; `detail` is kept as it will be read back, so that the hash agrees.
    """
    difference(connection).lock(connection, table.name)
    mine = select(table.c.number, table.c.hash).where(table.c.tenant == tenant)
    last = connection.execute(mine.order_by(table.c.number.desc()).limit(1)).first()
    place = {"tenant": tenant, "number": 1 if last is None else last.number + 1}
    detail = json.loads(encode_json(content["detail"]))
    sealed = {**place, **content, "detail": detail, "previous": GENESIS if last is None else last.hash}
    row = {**sealed, "hash": digest(sealed)}
    connection.execute(table.insert(), row)
    return row


def rows(connection: Connection, table: Table, tenant: TenantId, *, after: int = 0) -> Iterator[dict[str, Any]]:
    """Yield a tenant's entries in order, those after a number, page by page."""
    while True:
        mine = select(table).where(table.c.tenant == tenant, table.c.number > after)
        page = connection.execute(mine.order_by(table.c.number).limit(PAGE)).mappings().all()
        yield from (dict(row) for row in page)
        if len(page) < PAGE:
            return
        after = page[-1]["number"]


def verify(connection: Connection, table: Table, tenant: TenantId) -> Chain:
    """Check a tenant's whole chain: numbers without gaps, each hash over its content and the one before."""
    length, head = 0, GENESIS
    for row in rows(connection, table, tenant):
        broken = _broken(row, length + 1, head)
        if broken:
            return Chain(length=length, head=head, broken=broken)
        length, head = row["number"], row["hash"]
    return Chain(length=length, head=head)


def _broken(row: Mapping[str, Any], number: int, previous: str) -> str:
    if row["number"] != number:
        return f"entry {number} is missing: after {number - 1} comes {row['number']}"
    if row["previous"] != previous:
        return f"entry {number} does not stand on entry {number - 1}"
    if row["hash"] != digest({name: value for name, value in row.items() if name != "hash"}):
        return f"entry {number} was changed after it was written"
    return ""
