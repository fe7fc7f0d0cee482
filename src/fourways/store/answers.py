"""What was answered to test cases: kept under the digest of whatever decides the answer, so that it is asked once."""

from collections.abc import Collection, Mapping

import msgspec
from sqlalchemy import Connection, and_, delete, select

from fourways.core.ids import TenantId
from fourways.core.report import Answered
from fourways.store import schema
from fourways.store.dialect import insert_or_update

_AT_ONCE = 500
"""Digests in one statement."""


def answers_kept(connection: Connection, tenant: TenantId, digests: Collection[str]) -> dict[str, Answered]:
    """Return the answers that are there, by digest."""
    table, wanted = schema.answers, list(digests)
    found: dict[str, Answered] = {}
    for start in range(0, len(wanted), _AT_ONCE):
        batch = wanted[start : start + _AT_ONCE]
        mine = select(table.c.digest, table.c.body).where(table.c.tenant == tenant, table.c.digest.in_(batch))
        found |= {row.digest: msgspec.convert(row.body, Answered) for row in connection.execute(mine)}
    return found


def keep_answers(
    connection: Connection, tenant: TenantId, answers: Mapping[str, Answered], *, app: str, now: float
) -> None:
    """Keep answers by digest; a later one takes the place of an earlier.

    Args:
        connection: one transaction for the whole batch.
        tenant: whose.
        answers: whole ones; one that broke off is not for keeping.
        app: which app's; "" for a model asked directly.
        now: Unix seconds.
    """
    if not answers:
        return
    statement = insert_or_update(
        connection,
        schema.answers,
        ("tenant", "digest"),
        lambda new: {"body": new["body"], "created_at": new["created_at"]},
    )
    common = {"tenant": tenant, "app": app, "created_at": now}
    rows = [common | {"digest": digest, "body": msgspec.to_builtins(one)} for digest, one in answers.items()]
    connection.execute(statement, rows)


def forget_answers_before(connection: Connection, tenant: TenantId, before: float, *, limit: int = 1000) -> int:
    """Delete a tenant's oldest answers, kept before a time (Unix seconds), and return how many.

    At most `limit` (and those kept with the last of them), so that no writer waits long: repeat until it returns 0.
    """
    table = schema.answers
    old = and_(table.c.tenant == tenant, table.c.created_at < before)
    times = select(table.c.created_at).where(old).order_by(table.c.created_at)
    last = connection.execute(times.offset(limit - 1).limit(1)).scalar()
    chosen = old if last is None else and_(old, table.c.created_at <= last)
    return connection.execute(delete(table).where(chosen)).rowcount
