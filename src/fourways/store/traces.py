"""Traces: written in batches, found by id, listed newest first, and forgotten when their time is over."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, and_, bindparam, delete, or_, select, update

from fourways.core.ids import DEFAULT_TENANT, TenantId
from fourways.core.trace import Span, Trace, Usage
from fourways.store import schema
from fourways.store.dialect import insert_or_ignore
from fourways.store.lookup import only

TEXTS = frozenset(
    {"query", "question", "answer", "text", "quote", "examples", "messages", "content", "prompt", "input"}
)
"""Attributes of traces and spans that hold people's words, and are forgotten with them."""

_UNUSED = Usage()


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceRow:
    """A trace as it is kept. `started_at` is in Unix seconds; `duration` and `first_token` are seconds from then.

    Attributes:
        spans: {name, start, end, parent, error, attributes}; `parent` is a position in this list.
    """

    id: str
    tenant: TenantId
    started_at: float
    duration: float | None
    first_token: float | None
    app: str | None
    way: str | None
    candidate: str | None
    release: str | None
    model: str | None
    key_id: str | None
    user: str | None
    status: str
    input_tokens: int | None
    output_tokens: int | None
    cached_tokens: int | None
    reasoning_tokens: int | None
    cost_usd: float | None
    error: str | None
    attributes: Mapping[str, Any]
    question: str | None
    answer: str | None
    spans: Sequence[Mapping[str, Any]]


def record_traces(connection: Connection, traces: Sequence[Trace], *, texts: bool = True) -> None:
    """Write a batch of ended traces; one written before (same tenant, id and beginning) changes nothing.

    Args:
        connection: a transaction that may write.
        traces: of any tenants; one that never came to have a tenant (a refused key) is the default tenant's.
        texts: whether people's words are kept.
    """
    if traces:
        rows = [row_of(trace) for trace in traces]
        written = rows if texts else [row | _without_texts(row) for row in rows]
        connection.execute(insert_or_ignore(connection, schema.traces), written)


def row_of(trace: Trace) -> dict[str, Any]:
    """Return the row of a trace, by column name."""
    usage = trace.usage or _UNUSED
    counted = trace.usage is not None
    return {
        "id": trace.id,
        "tenant": trace.tenant or DEFAULT_TENANT,
        "started_at": trace.started_at,
        "duration": trace.ended,
        "first_token": trace.first_token,
        "app": trace.app,
        "way": trace.way,
        "candidate": trace.candidate,
        "release": trace.release,
        "model": trace.model,
        "key_id": trace.key_id,
        "user": trace.user,
        "status": trace.status,
        "input_tokens": usage.input_tokens if counted else None,
        "output_tokens": usage.output_tokens if counted else None,
        "cached_tokens": usage.cached_tokens if counted else None,
        "reasoning_tokens": usage.reasoning_tokens if counted else None,
        "cost_usd": usage.cost_usd,
        "error": trace.error,
        "attributes": trace.attributes,
        "question": trace.question,
        "answer": trace.answer,
        "spans": [_span(span) for span in trace.spans],
    }


def _span(span: Span) -> dict[str, Any]:
    return {
        "name": span.name,
        "start": span.start,
        "end": span.end,
        "parent": span.parent,
        "error": span.error,
        "attributes": span.attributes,
    }


def get_trace(connection: Connection, tenant: TenantId, trace_id: str) -> TraceRow:
    """Return a trace by its id, or enough of its front; the newest where a caller gave several one id.

    Raises:
        NotFound: none begins so.
        InvalidRequest: several do.
    """
    table = schema.traces
    mine = select(table).where(table.c.tenant == tenant).order_by(table.c.started_at.desc())
    return TraceRow(**only(connection, "trace", mine, table.c.id, trace_id)._mapping)  # noqa: SLF001 - Row's documented name


def recent_traces(
    connection: Connection,
    tenant: TenantId,
    *,
    limit: int = 20,
    app: str | None = None,
    status: str | None = None,
    before: float | None = None,
) -> list[TraceRow]:
    """Return a tenant's newest traces.

    Args:
        connection: where to look.
        tenant: whose.
        limit: how many at most.
        app: of this app only.
        status: `ok`, `error`, `cancelled` only.
        before: begun before this (Unix seconds): the last one's `started_at` pages on.
    """
    table = schema.traces
    wanted = select(table).where(table.c.tenant == tenant)
    if app is not None:
        wanted = wanted.where(table.c.app == app)
    if status is not None:
        wanted = wanted.where(table.c.status == status)
    if before is not None:
        wanted = wanted.where(table.c.started_at < before)
    rows = connection.execute(wanted.order_by(table.c.started_at.desc()).limit(limit))
    return [TraceRow(**row) for row in rows.mappings()]


def delete_traces_before(connection: Connection, tenant: TenantId, before: float, *, limit: int = 1000) -> int:
    """Delete a tenant's oldest traces, begun before a time (Unix seconds), and return how many.

    At most `limit` (and those begun with the last of them), so that no writer waits long: repeat until it returns 0.
    """
    table = schema.traces
    old = and_(table.c.tenant == tenant, table.c.started_at < before)
    last = connection.execute(_nth(select(table.c.started_at).where(old), limit)).scalar()
    chosen = old if last is None else and_(old, table.c.started_at <= last)
    return connection.execute(delete(table).where(chosen)).rowcount


def forget_texts_before(connection: Connection, tenant: TenantId, before: float, *, limit: int = 500) -> int:
    """Take people's words out of a tenant's oldest traces that still have some; return how many were changed.

    Question and answer go, and in attributes what `TEXTS` names and whatever has a space in it; names, times and
    figures stay. At most `limit` at a time: repeat until it returns 0.
    """
    table = schema.traces
    key = (table.c.tenant, table.c.id, table.c.started_at)
    wordy = or_(table.c.question.is_not(None), table.c.answer.is_not(None))
    old = select(*key, table.c.attributes, table.c.spans).where(
        table.c.tenant == tenant, table.c.started_at < before, wordy
    )
    rows = connection.execute(old.order_by(table.c.started_at).limit(limit)).mappings().all()
    if rows:
        mine = and_(*(column == bindparam(f"of_{column.name}") for column in key))
        changes = [{f"of_{column.name}": row[column.name] for column in key} | _without_texts(row) for row in rows]
        connection.execute(update(table).where(mine), changes)
    return len(rows)


def _nth(ordered_by: Select[tuple[float]], position: int) -> Select[tuple[float]]:
    """Return the query for the value at a position (from 1), smallest first."""
    return ordered_by.order_by(*ordered_by.selected_columns).offset(position - 1).limit(1)


def _without_texts(row: Mapping[str, Any] | RowMapping) -> dict[str, Any]:
    """Return the changes to a row that take people's words out of it."""
    return {
        "question": None,
        "answer": None,
        "attributes": _wordless(row["attributes"]),
        "spans": [{**span, "attributes": _wordless(span["attributes"])} for span in row["spans"]],
    }


def _wordless(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    if isinstance(value, str):
        return value if len(value.split(maxsplit=1)) < 2 else None  # noqa: PLR2004 - one word
    if isinstance(value, Mapping):
        return {name: _wordless(item) for name, item in value.items() if name not in TEXTS}
    if isinstance(value, list | tuple):
        return [_wordless(item) for item in value]
    return value
