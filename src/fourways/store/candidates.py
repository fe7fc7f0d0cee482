"""Candidates as they were built: found by the beginning of their digest, or as the newest of an app's way."""

from sqlalchemy import Connection, RowMapping, select

from fourways.core.ids import TenantId
from fourways.core.specs import Candidate
from fourways.store import revisions, schema
from fourways.store.dialect import insert_or_update
from fourways.store.lookup import only

_TICK = 1e-6
"""Seconds by which a candidate is put after the one before, should the clock have stood still or gone back."""


def save_candidate(connection: Connection, tenant: TenantId, candidate: Candidate, *, now: float) -> None:
    """Keep a candidate and make it the newest of its app and way; nothing changes where it is so already."""
    newest = _newest(connection, tenant, candidate.app, candidate.way)
    if newest is not None and newest["digest"] == candidate.digest:
        return
    built_at = now if newest is None else max(now, newest["built_at"] + _TICK)
    saved = insert_or_update(
        connection, schema.candidates, ("tenant", "app", "digest"), lambda new: {"built_at": new["built_at"]}
    )
    connection.execute(
        saved,
        {
            "tenant": tenant,
            "app": candidate.app,
            "digest": candidate.digest,
            "way": candidate.way,
            "created_at": now,
            "built_at": built_at,
            "parts": candidate.parts,
        },
    )
    revisions.bump(connection, revisions.CANDIDATES)


def get_candidate(connection: Connection, tenant: TenantId, app: str, digest: str) -> Candidate:
    """Return an app's candidate by its digest, or enough of its front.

    Raises:
        NotFound: none begins so.
        InvalidRequest: several do.
    """
    table = schema.candidates
    mine = select(table).where(table.c.tenant == tenant, table.c.app == app)
    return _candidate(only(connection, "candidate", mine, table.c.digest, digest)._mapping)  # noqa: SLF001 - Row's documented name


def newest_candidate(connection: Connection, tenant: TenantId, app: str, way: str) -> Candidate | None:
    """Return what was built last for an app's way, None before the first."""
    row = _newest(connection, tenant, app, way)
    return None if row is None else _candidate(row)


def recent_candidates(connection: Connection, tenant: TenantId, app: str, *, limit: int = 20) -> list[Candidate]:
    """Return an app's candidates, last built first."""
    table = schema.candidates
    mine = select(table).where(table.c.tenant == tenant, table.c.app == app).order_by(table.c.built_at.desc())
    return [_candidate(row) for row in connection.execute(mine.limit(limit)).mappings()]


def _newest(connection: Connection, tenant: TenantId, app: str, way: str) -> RowMapping | None:
    table = schema.candidates
    mine = select(table).where(table.c.tenant == tenant, table.c.app == app, table.c.way == way)
    return connection.execute(mine.order_by(table.c.built_at.desc()).limit(1)).mappings().first()


def _candidate(row: RowMapping) -> Candidate:
    return Candidate(app=row["app"], way=row["way"], parts=row["parts"])
