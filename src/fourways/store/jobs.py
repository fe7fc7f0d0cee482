"""Durable background work: rows that workers claim by a lease, and take over when the lease runs out."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, and_, or_, select, update
from sqlalchemy.exc import IntegrityError

from fourways.core.errors import Busy, NotFound
from fourways.core.ids import RandomBytes, TenantId, digest, new_id
from fourways.core.lifecycle import JOB, move
from fourways.store import schema
from fourways.store.dialect import insert_or_ignore
from fourways.store.lookup import only

ATTEMPTS = 5
"""How often a job is begun before one whose workers keep dying is given up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRow:
    """A job as it is kept; times are Unix seconds.

    Attributes:
        digest: of kind and spec: while such a job waits or runs, submitting it again finds it.
        owner: the worker that holds it until `lease_until`.
        attempts: how often it was begun.
        progress, result: JSON, as the kind's handler likes it.
    """

    id: str
    tenant: TenantId
    kind: str
    digest: str
    state: str
    owner: str | None
    lease_until: float | None
    attempts: int
    created_at: float
    started_at: float | None
    finished_at: float | None
    spec: Mapping[str, Any]
    progress: Mapping[str, Any] | None
    result: Mapping[str, Any] | None
    error: str | None


def submit(
    connection: Connection,
    tenant: TenantId,
    *,
    kind: str,
    spec: Mapping[str, Any],
    now: float,
    afresh: bool = False,
    random: RandomBytes = os.urandom,
) -> JobRow:
    """Ask for work to be done; the same work that already waits or runs is returned instead.

    Args:
        connection: a transaction that may write.
        tenant: for whom.
        kind: which handler does it.
        spec: JSON that says all the handler needs.
        now: Unix seconds.
        afresh: whether a person asks: the attempts of one that waits or runs already are then counted anew.
        random: where the id comes from.

    Raises:
        Busy: such a job comes and goes too fast to be seen.
    """
    table = schema.jobs
    name = digest({"kind": kind, "spec": dict(spec)})
    new = {
        "id": new_id("job", random),
        "tenant": tenant,
        "kind": kind,
        "digest": name,
        "state": next(iter(JOB)),
        "attempts": 0,
        "created_at": now,
        "spec": dict(spec),
    }
    same = select(table).where(table.c.tenant == tenant, table.c.kind == kind, table.c.digest == name, schema.active)
    for _ in range(3):  # between the two statements another process may end the job that was in the way
        connection.execute(insert_or_ignore(connection, table), new)
        row = connection.execute(same).mappings().first()
        if row is not None:
            job = JobRow(**row)
            return _write(connection, job, job.state, {"attempts": 0}) if afresh and job.attempts else job
    raise Busy(f"a {kind} job like this one ends as it is submitted; try again")


def claim(
    connection: Connection, *, owner: str, lease_seconds: float, now: float, kinds: Sequence[str]
) -> JobRow | None:
    """Take the oldest job that waits, or whose owner's lease ran out; None where there is none.

    Of any tenant: workers serve them all, and the row says whose job it is. Two workers never get the same one.

    Args:
        connection: a transaction that may write; commit before beginning the work.
        owner: names the worker; another one each time a worker starts.
        lease_seconds: how long it is the owner's without a `heartbeat`.
        now: Unix seconds.
        kinds: the kinds that this worker knows.
    """
    table = schema.jobs
    lost = and_(table.c.state == "running", table.c.lease_until < now)
    free = select(table).where(table.c.kind.in_(kinds), or_(table.c.state == "queued", lost))
    oldest = free.order_by(table.c.created_at, table.c.id).limit(1).with_for_update(skip_locked=True)
    while True:
        row = connection.execute(oldest).mappings().first()
        if row is None:
            return None
        job = JobRow(**row)
        if job.state == "running" and job.attempts >= ATTEMPTS:
            error = f"given up: its worker died {job.attempts} times while doing it"
            _write(connection, job, move("job", job.state, "fail"), {"error": error, "finished_at": now})
            continue
        waiting = move("job", job.state, "lose") if job.state == "running" else job.state
        held = {"owner": owner, "lease_until": now + lease_seconds, "attempts": job.attempts + 1}
        fresh = {"started_at": now, "finished_at": None, "error": None}
        return _write(connection, job, move("job", waiting, "claim"), held | fresh)


def heartbeat(
    connection: Connection,
    tenant: TenantId,
    job_id: str,
    *,
    owner: str,
    lease_seconds: float,
    now: float,
    progress: Mapping[str, Any] | None = None,
) -> bool:
    """Extend a lease and note progress; False where the job is no longer the owner's: it must then stop at once."""
    table = schema.jobs
    mine = and_(table.c.tenant == tenant, table.c.id == job_id, table.c.owner == owner, table.c.state == "running")
    values = {"lease_until": now + lease_seconds} | ({} if progress is None else {"progress": dict(progress)})
    return connection.execute(update(table).where(mine).values(values)).rowcount == 1


def finish(
    connection: Connection, tenant: TenantId, job_id: str, *, owner: str, result: Mapping[str, Any], now: float
) -> JobRow:
    """End a job that was done.

    Raises:
        Busy: it is no longer the owner's.
        IllegalTransition: it is not running any more, because it was cancelled.
        NotFound: there is no such job.
    """
    job = _held(connection, tenant, job_id, owner)
    return _end(connection, job, "finish", {"result": dict(result), "finished_at": now})


def fail(connection: Connection, tenant: TenantId, job_id: str, *, owner: str, error: str, now: float) -> JobRow:
    """End a job that could not be done; raises as `finish` does."""
    return _end(connection, _held(connection, tenant, job_id, owner), "fail", {"error": error, "finished_at": now})


def give_back(connection: Connection, tenant: TenantId, job_id: str, *, owner: str) -> JobRow:
    """Let others take a job up at once, when its worker is told to stop; raises as `finish` does."""
    job = _held(connection, tenant, job_id, owner)
    return _end(connection, job, "lose", {"attempts": job.attempts - 1})


def cancel(connection: Connection, tenant: TenantId, job_id: str, *, now: float) -> JobRow:
    """Take a job off the list; if it runs, its owner learns so at its next heartbeat.

    Raises:
        IllegalTransition: it has ended already.
        NotFound: there is no such job.
    """
    return _end(connection, _locked(connection, tenant, job_id), "cancel", {"finished_at": now})


def retry(connection: Connection, tenant: TenantId, job_id: str) -> JobRow:
    """Put a failed or cancelled job back on the list, its attempts counted anew; its progress stays.

    Raises:
        Busy: the same work waits or runs already, as another job.
        IllegalTransition: it neither failed nor was cancelled.
        NotFound: there is no such job.
    """
    job = _locked(connection, tenant, job_id)
    try:
        with connection.begin_nested():
            return _end(connection, job, "retry", {"attempts": 0, "error": None, "finished_at": None})
    except IntegrityError as error:
        raise Busy(f"the work of job '{job.id}' was submitted again since, and waits or runs already") from error


def get_job(connection: Connection, tenant: TenantId, job_id: str) -> JobRow:
    """Return a job by its id, or enough of its front.

    Raises:
        NotFound: none begins so.
        InvalidRequest: several do.
    """
    table = schema.jobs
    mine = select(table).where(table.c.tenant == tenant)
    return JobRow(**only(connection, "job", mine, table.c.id, job_id)._mapping)  # noqa: SLF001 - Row's documented name


def recent_jobs(
    connection: Connection, tenant: TenantId, *, limit: int = 20, kind: str | None = None, state: str | None = None
) -> list[JobRow]:
    """Return a tenant's newest jobs, of one kind or in one state only where given."""
    table = schema.jobs
    wanted = select(table).where(table.c.tenant == tenant)
    if kind is not None:
        wanted = wanted.where(table.c.kind == kind)
    if state is not None:
        wanted = wanted.where(table.c.state == state)
    newest = wanted.order_by(table.c.created_at.desc(), table.c.id).limit(limit)
    return [JobRow(**row) for row in connection.execute(newest).mappings()]


def _locked(connection: Connection, tenant: TenantId, job_id: str) -> JobRow:
    """Return a job, kept from others until the transaction ends."""
    table = schema.jobs
    mine = select(table).where(table.c.tenant == tenant, table.c.id == job_id).with_for_update()
    row = connection.execute(mine).mappings().first()
    if row is None:
        raise NotFound(f"there is no job '{job_id}'")
    return JobRow(**row)


def _held(connection: Connection, tenant: TenantId, job_id: str, owner: str) -> JobRow:
    job = _locked(connection, tenant, job_id)
    if job.owner not in {owner, None}:
        raise Busy(f"job '{job_id}' is no longer {owner}'s: its lease ran out and {job.owner} took it over")
    return job


def _end(connection: Connection, job: JobRow, event: str, values: Mapping[str, Any]) -> JobRow:
    """Make the move that ends an owner's hold on a job."""
    return _write(connection, job, move("job", job.state, event), {**values, "owner": None, "lease_until": None})


def _write(connection: Connection, job: JobRow, state: str, values: Mapping[str, Any]) -> JobRow:
    table = schema.jobs
    connection.execute(update(table).where(table.c.id == job.id).values(state=state, **values))
    return JobRow(**connection.execute(select(table).where(table.c.id == job.id)).mappings().one())
