"""What people said of an answer: one row for each trace and user, completed by whatever they say later."""

import os
from dataclasses import dataclass

from sqlalchemy import Connection, RowMapping, and_, func, select

from fourways.core.errors import InvalidRequest
from fourways.core.ids import RandomBytes, TenantId, new_id
from fourways.store import schema
from fourways.store.dialect import insert_or_update


@dataclass(frozen=True, slots=True, kw_only=True)
class Opinion:
    """What one person says of one answer; None where nothing is said.

    Attributes:
        thumb: +1 or -1.
        stars: 1 to 5.
        correction: the answer as it should have been.

    Raises:
        InvalidRequest: nothing is said, or a figure is out of its bounds.
    """

    thumb: int | None = None
    stars: int | None = None
    comment: str | None = None
    correction: str | None = None

    def __post_init__(self) -> None:
        if self.thumb not in {None, 1, -1}:
            raise InvalidRequest(f"thumb is {self.thumb}; right would be 1 or -1", param="thumb")
        if self.stars not in {None, 1, 2, 3, 4, 5}:
            raise InvalidRequest(f"stars is {self.stars}; right would be 1 to 5", param="stars")
        if all(value is None for value in (self.thumb, self.stars, self.comment, self.correction)):
            raise InvalidRequest("feedback says nothing; give a thumb, stars, a comment or a correction")


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedbackRow:
    """An opinion as it is kept; times are Unix seconds, `user` is "" where nobody was named."""

    id: str
    trace_id: str
    user: str
    created_at: float
    updated_at: float
    opinion: Opinion


def save_feedback(
    connection: Connection,
    tenant: TenantId,
    *,
    trace_id: str,
    opinion: Opinion,
    now: float,
    user: str = "",
    random: RandomBytes = os.urandom,
) -> FeedbackRow:
    """Keep an opinion. Said again by the same user of the same trace, what is given replaces, the rest stays.

    The trace need not be there yet: traces are written in batches, and a thumb may be quicker.
    """
    table = schema.feedback
    said = {
        "thumb": opinion.thumb,
        "stars": opinion.stars,
        "comment": opinion.comment,
        "correction": opinion.correction,
    }
    statement = insert_or_update(
        connection,
        table,
        ("tenant", "trace_id", "user"),
        lambda new: (
            {name: func.coalesce(new[name], table.c[name]) for name in said} | {"updated_at": new["updated_at"]}
        ),
    )
    key = {"tenant": tenant, "trace_id": trace_id, "user": user}
    times = {"created_at": now, "updated_at": now}
    connection.execute(statement, {"id": new_id("fb", random), **key, **times, **said})
    return next(row for row in feedback_on(connection, tenant, trace_id) if row.user == user[:256])


def feedback_on(connection: Connection, tenant: TenantId, trace_id: str) -> list[FeedbackRow]:
    """Return what was said of one answer, oldest first."""
    table = schema.feedback
    mine = select(table).where(table.c.tenant == tenant, table.c.trace_id == trace_id)
    return [_row(row) for row in connection.execute(mine.order_by(table.c.created_at)).mappings()]


def recent_feedback(
    connection: Connection, tenant: TenantId, *, limit: int = 50, before: float | None = None
) -> list[FeedbackRow]:
    """Return a tenant's newest feedback; `before` (Unix seconds) pages on."""
    table = schema.feedback
    mine = select(table).where(table.c.tenant == tenant)
    if before is not None:
        mine = mine.where(table.c.created_at < before)
    rows = connection.execute(mine.order_by(table.c.created_at.desc()).limit(limit))
    return [_row(row) for row in rows.mappings()]


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedAnswer:
    """A question, the answer that was given, and what one person said of it."""

    trace_id: str
    user: str
    updated_at: float
    question: str
    answer: str
    opinion: Opinion


def judged_answers(connection: Connection, tenant: TenantId, app: str) -> list[JudgedAnswer]:
    """Return what people said of an app's answers whose words are still kept, oldest answer first."""
    said, asked = schema.feedback, schema.traces
    columns = (said.c.trace_id, said.c.user, said.c.updated_at, asked.c.question, asked.c.answer)
    opinions = (said.c.thumb, said.c.stars, said.c.comment, said.c.correction)
    together = and_(said.c.tenant == asked.c.tenant, said.c.trace_id == asked.c.id)
    mine = (
        select(*columns, *opinions)
        .join(asked, together)
        .where(said.c.tenant == tenant, asked.c.app == app, asked.c.status == "ok")
        .where(asked.c.question.is_not(None), asked.c.answer.is_not(None))
        .order_by(asked.c.started_at, said.c.trace_id, said.c.user)
    )
    return [
        JudgedAnswer(
            **{column.name: row[column.name] for column in columns},
            opinion=Opinion(**{column.name: row[column.name] for column in opinions}),
        )
        for row in connection.execute(mine).mappings()
    ]


def _row(row: RowMapping) -> FeedbackRow:
    return FeedbackRow(
        id=row["id"],
        trace_id=row["trace_id"],
        user=row["user"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        opinion=Opinion(thumb=row["thumb"], stars=row["stars"], comment=row["comment"], correction=row["correction"]),
    )
