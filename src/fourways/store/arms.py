"""What the two arms of a canary did, counted from traces: `canary` and `control`, as chance assigned them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, Connection, and_, case, func, not_, or_, select

from fourways.core.ids import TenantId
from fourways.store import schema

ARMS = ("canary", "control")
CALLERS_FAULT = (
    "InvalidRequest",
    "RequestTooLarge",
    "ContextTooLong",
    "NotAllowed",
    "NotAuthenticated",
    "RateLimited",
    "UnknownModel",
)
"""Kinds of errors that say nothing of the release that answered."""
SAMPLE = 2000
"""Newest durations taken of an arm at most: enough for a test of medians."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmCounts:
    """One arm over a time.

    Attributes:
        requests: answered or failed; those that the client broke off, and those that were its own fault, left out.
        failures: of them.
        interventions: answers in which a guard stepped in.
        durations: seconds of whole answers, newest first, a sample.
    """

    requests: int = 0
    failures: int = 0
    interventions: int = 0
    thumbs_up: int = 0
    thumbs_down: int = 0
    durations: tuple[float, ...] = field(default=())


@dataclass(frozen=True, slots=True, kw_only=True)
class Put:
    """A question that was put to one arm, and its answer; `at` is in Unix seconds."""

    trace_id: str
    at: float
    question: str
    answer: str


def count_arms(
    connection: Connection, tenant: TenantId, app: str, *, release: str, since: float, until: float | None = None
) -> Mapping[str, ArmCounts]:
    """Count what both arms did between two moments (Unix seconds; the second left out).

    Args:
        release: the canary's name, `r3`; control is whatever served the others meanwhile.
    """
    arm, window = _window(tenant, app, release, since, until)
    table = schema.traces
    counted = select(
        arm.label("arm"),
        func.count().label("requests"),
        func.sum(case((table.c.status == "error", 1), else_=0)).label("failures"),
        func.sum(case((table.c.attributes["intervened"].as_boolean(), 1), else_=0)).label("interventions"),
    )
    rows = connection.execute(counted.where(window, _counts()).group_by(arm)).all()
    thumbs = _thumbs(connection, arm, window)
    found = {row.arm: row for row in rows}
    return {
        name: ArmCounts(
            requests=int(found[name].requests),
            failures=int(found[name].failures or 0),
            interventions=int(found[name].interventions or 0),
            thumbs_up=thumbs.get((name, 1), 0),
            thumbs_down=thumbs.get((name, -1), 0),
            durations=_durations(connection, arm, window, name),
        )
        if name in found
        else ArmCounts()
        for name in ARMS
    }


def questions_put(
    connection: Connection, tenant: TenantId, app: str, *, release: str, arm: str, since: float, limit: int
) -> list[Put]:
    """Return what was lately asked of an arm and well answered, newest first; only where traces keep texts."""
    named, window = _window(tenant, app, release, since, None)
    table = schema.traces
    told = and_(named == arm, table.c.status == "ok", table.c.question.is_not(None), table.c.answer.is_not(None))
    wanted = select(table.c.id, table.c.started_at, table.c.question, table.c.answer).where(window, told)
    rows = connection.execute(wanted.order_by(table.c.started_at.desc()).limit(limit)).all()
    return [Put(trace_id=row.id, at=row.started_at, question=row.question, answer=row.answer) for row in rows]


def _window(
    tenant: TenantId, app: str, release: str, since: float, until: float | None
) -> tuple[ColumnElement[str], ColumnElement[bool]]:
    table = schema.traces
    arm = table.c.attributes["arm"].as_string()
    mine = and_(
        table.c.tenant == tenant,
        table.c.app == app,
        table.c.started_at >= since,
        or_(and_(arm == "canary", table.c.release == release), arm == "control"),
    )
    return arm, mine if until is None else and_(mine, table.c.started_at < until)


def _counts() -> ColumnElement[bool]:
    """Say which traces count: ended, and not by the client's own doing."""
    table = schema.traces
    own_fault = or_(*(table.c.error.startswith(f"{kind}:") for kind in CALLERS_FAULT))
    return or_(table.c.status == "ok", and_(table.c.status == "error", not_(func.coalesce(own_fault, False))))


def _thumbs(
    connection: Connection, arm: ColumnElement[str], window: ColumnElement[bool]
) -> Mapping[tuple[str, int], int]:
    traces, feedback = schema.traces, schema.feedback
    joined = traces.join(feedback, and_(feedback.c.tenant == traces.c.tenant, feedback.c.trace_id == traces.c.id))
    counted = select(arm.label("arm"), feedback.c.thumb, func.count().label("many")).select_from(joined)
    rows = connection.execute(
        counted.where(window, feedback.c.thumb.is_not(None)).group_by(arm, feedback.c.thumb)
    ).all()
    return {(row.arm, row.thumb): row.many for row in rows}


def _durations(
    connection: Connection, arm: ColumnElement[str], window: ColumnElement[bool], name: str
) -> tuple[float, ...]:
    table = schema.traces
    wanted = select(table.c.duration).where(window, arm == name, table.c.status == "ok", table.c.duration.is_not(None))
    return tuple(connection.execute(wanted.order_by(table.c.started_at.desc()).limit(SAMPLE)).scalars())
