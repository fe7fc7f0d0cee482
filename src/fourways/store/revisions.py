"""Counters that tell other processes, by one cheap poll, that something they hold in memory has changed."""

from collections.abc import Mapping

from sqlalchemy import Connection, select

from fourways.store import schema
from fourways.store.dialect import insert_or_update

KEYS, CANDIDATES, SNAPSHOTS, RELEASES, WEIGHTS = "keys", "candidates", "snapshots", "releases", "weights"
"""What is counted so far; a name needs no registration."""


def bump(connection: Connection, name: str) -> None:
    """Count one change, in the transaction that makes it."""
    table = schema.revisions
    raised = insert_or_update(connection, table, ("name",), lambda _: {"number": table.c.number + 1})
    connection.execute(raised, {"name": name, "number": 1})


def current(connection: Connection) -> Mapping[str, int]:
    """Return every counter; compare with what was returned before."""
    rows = connection.execute(select(schema.revisions.c.name, schema.revisions.c.number))
    return {row.name: row.number for row in rows}
