"""Reports of evaluations, and of comparisons, as they were: found by the beginning of their id, or as the newest."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
from sqlalchemy import Connection, RowMapping, insert, select

from fourways.core.errors import InvalidRequest
from fourways.core.ids import TenantId
from fourways.core.report import Report
from fourways.store import schema
from fourways.store.lookup import only

EVALUATION, COMPARISON = "evaluation", "comparison"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportRow:
    """What lists show of a report.

    Attributes:
        created_at: Unix seconds.
        kind: `evaluation`, `comparison`.
        candidate: its digest; "" for a model asked directly, and for a comparison.
        summary: JSON, by kind; of an evaluation what `summary_of` says.
    """

    id: str
    kind: str
    app: str
    way: str
    candidate: str
    suite: str
    suite_digest: str
    created_at: float
    summary: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptReport:
    """A report with all that it says, as JSON; `decode` makes a `Report` of an evaluation's."""

    row: ReportRow
    body: Mapping[str, Any]


def save_report(connection: Connection, tenant: TenantId, report: Report) -> ReportRow:
    """Keep an evaluation's report."""
    row = ReportRow(
        id=report.id,
        kind=EVALUATION,
        app=report.app,
        way=report.way,
        candidate=report.candidate,
        suite=report.suite,
        suite_digest=report.suite_digest,
        created_at=report.started_at,
        summary=summary_of(report),
    )
    keep(connection, tenant, row, encode(report))
    return row


def keep(connection: Connection, tenant: TenantId, row: ReportRow, body: Mapping[str, Any]) -> None:
    """Keep a report of any kind: what lists show of it, and the whole as JSON."""
    plain = {column: getattr(row, column) for column in ReportRow.__dataclass_fields__}
    values = plain | {"summary": _writable(row.summary), "body": _writable(body), "tenant": tenant}
    connection.execute(insert(schema.reports), values)


def get_report(connection: Connection, tenant: TenantId, beginning: str) -> Report:
    """Return an evaluation's report by its id, or enough of its front.

    Raises:
        NotFound: none begins so.
        InvalidRequest: several do, or it is a comparison's.
    """
    found = get_kept(connection, tenant, beginning)
    if found.row.kind != EVALUATION:
        raise InvalidRequest(f"{found.row.id} is a {found.row.kind}; the report of an evaluation is asked for")
    return decode(found.body)


def get_kept(connection: Connection, tenant: TenantId, beginning: str) -> KeptReport:
    """Return a report of any kind by its id, or enough of its front; raises as `get_report` does."""
    table = schema.reports
    mine = select(table).where(table.c.tenant == tenant)
    row = only(connection, "report", mine, table.c.id, beginning)._mapping  # noqa: SLF001 - Row's documented name
    return KeptReport(row=_row(row), body=row["body"])


def recent_reports(
    connection: Connection,
    tenant: TenantId,
    *,
    app: str | None = None,
    kind: str | None = None,
    limit: int = 20,
    before: float | None = None,
) -> list[ReportRow]:
    """Return a tenant's newest reports, without what they say of each case.

    Args:
        connection: where to look.
        tenant: whose.
        app: of this app only.
        kind: `evaluation` or `comparison` only.
        limit: how many at most.
        before: made before this (Unix seconds): the last one's `created_at` pages on.
    """
    table = schema.reports
    wanted = select(*(table.c[name] for name in ReportRow.__dataclass_fields__)).where(table.c.tenant == tenant)
    for column, value in ((table.c.app, app), (table.c.kind, kind)):
        wanted = wanted if value is None else wanted.where(column == value)
    wanted = wanted if before is None else wanted.where(table.c.created_at < before)
    rows = connection.execute(wanted.order_by(table.c.created_at.desc(), table.c.id).limit(limit))
    return [_row(row) for row in rows.mappings()]


def newest_report_of(
    connection: Connection, tenant: TenantId, candidate: str, suite_digest: str | None = None
) -> Report | None:
    """Return what was last measured of a candidate, by its digest; on one suite only where that is given."""
    table = schema.reports
    mine = select(table.c.body).where(
        table.c.tenant == tenant, table.c.candidate == candidate, table.c.kind == EVALUATION
    )
    if suite_digest is not None:
        mine = mine.where(table.c.suite_digest == suite_digest)
    body = connection.execute(mine.order_by(table.c.created_at.desc()).limit(1)).scalar()
    return None if body is None else decode(body)


# ---------------------------------------------------------------- to JSON and back


def encode(report: Report) -> dict[str, Any]:
    """Return a report as JSON; figures that JSON has none for (infinity) become their names."""
    plain: dict[str, Any] = _writable(msgspec.to_builtins(report, enc_hook=_plain))
    return plain


def decode(body: Mapping[str, Any]) -> Report:
    """Return the report that `encode` made JSON of."""
    return msgspec.convert(dict(body), Report, strict=False)


def summary_of(report: Report) -> dict[str, Any]:
    """Return what lists show of an evaluation."""
    measures = {measure.metric: msgspec.to_builtins(measure) for measure in report.measures}
    return {
        "model": report.model,
        "cases": len(report.results),
        "passed": report.passed,
        "stopped": report.stopped,
        "seconds": report.seconds,
        "cost_usd": report.cost_usd,
        "pins": dict(report.pins),
        "measures": measures,
    }


def _plain(value: Any) -> Any:  # noqa: ANN401 - any value
    return dict(value) if isinstance(value, Mapping) else str(value)


def _writable(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Write infinity and NaN as words: the database's JSON would make null of them."""
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, Mapping):
        return {name: _writable(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_writable(item) for item in value]
    return value


def _row(row: RowMapping) -> ReportRow:
    return ReportRow(**{name: row[name] for name in ReportRow.__dataclass_fields__})
