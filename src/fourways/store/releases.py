"""Releases: what never changes of them, and the log of their moves, from which alone their state follows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import Connection, func, select

from fourways.core.errors import Busy, NotFound
from fourways.core.ids import TenantId
from fourways.core.rollout import Event, Line, Standing, fold
from fourways.store import chain, revisions, schema
from fourways.store.chain import Chain
from fourways.store.dialect import difference, fit


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseRow:
    """A release as it was made; `core/rollout.Line` says where it stands.

    Attributes:
        number: counts an app's releases from 1; people write `r3`.
        candidate: the digest of what is released.
        origin: the release of another stage that it was promoted from.
        policy: gate, approval and canary, as they stood in the project file then.
    """

    app: str
    number: int
    stage: str
    candidate: str
    way: str
    created_at: float
    origin: int | None
    policy: Mapping[str, Any]
    note: str

    @property
    def name(self) -> str:
        """What people call it."""
        return f"r{self.number}"


_EVENT = tuple(field.name for field in fields(Event))


def create(
    connection: Connection,
    tenant: TenantId,
    *,
    app: str,
    stage: str,
    candidate: str,
    way: str,
    policy: Mapping[str, Any],
    actor: str,
    now: float,
    note: str = "",
    origin: int | None = None,
) -> ReleaseRow:
    """Make a release of a candidate, as a draft, with its first row in the log."""
    difference(connection).lock(connection, schema.release_log.name)
    table = schema.releases
    last = connection.execute(select(func.max(table.c.number)).where(table.c.tenant == tenant, table.c.app == app))
    row = ReleaseRow(
        app=app,
        number=(last.scalar() or 0) + 1,
        stage=stage,
        candidate=candidate,
        way=way,
        created_at=now,
        origin=origin,
        policy=policy,
        note=note,
    )
    values = {name: getattr(row, name) for name in row.__dataclass_fields__}
    connection.execute(table.insert(), {"tenant": tenant, **values})
    detail = {"candidate": candidate, "way": way} | ({} if origin is None else {"origin": origin})
    append(connection, tenant, row, "create", actor=actor, at=now, reason=note, detail=detail)
    return row


def append(
    connection: Connection,
    tenant: TenantId,
    release: ReleaseRow,
    event: str,
    *,
    actor: str,
    at: float,
    reason: str = "",
    detail: Mapping[str, Any] | None = None,
    seen: Standing | None = None,
) -> Line:
    """Add a move to the log, if it is legal, and return where its app's stage then stands.

    Args:
        seen: where the release stood when the move was decided upon.

    Raises:
        IllegalTransition: the release cannot make this move from where it is.
        Busy: it no longer stands where it was seen: somebody else moved it meanwhile.
    """
    difference(connection).lock(connection, schema.release_log.name)
    line = line_of(connection, tenant, release.app, release.stage)
    if seen is not None and line.standings.get(release.number) != seen:
        raise Busy(f"{release.name} of '{release.app}' was moved by somebody else meanwhile")
    content: dict[str, Any] = {
        "at": at,
        "app": release.app,
        "stage": release.stage,
        "release": release.number,
        "event": event,
        "actor": fit(actor),
        "reason": fit(reason),
        "detail": detail or {},
    }
    moved = line.applied(Event(number=0, **content))
    chain.add(connection, schema.release_log, tenant, content)
    revisions.bump(connection, revisions.RELEASES)
    return moved


def events(
    connection: Connection, tenant: TenantId, *, app: str | None = None, limit: int | None = None
) -> list[Event]:
    """Return the log in its order, of one app only where given; with a limit, the newest so many."""
    table = schema.release_log
    mine = select(*(table.c[name] for name in _EVENT)).where(table.c.tenant == tenant)
    if app is not None:
        mine = mine.where(table.c.app == app)
    rows = connection.execute(mine.order_by(table.c.number.desc()).limit(limit)).mappings().all()
    return [Event(**row) for row in reversed(rows)]


def line_of(connection: Connection, tenant: TenantId, app: str, stage: str) -> Line:
    """Return where an app's releases of a stage stand."""
    return fold(events(connection, tenant, app=app)).get((app, stage), Line())


def lines(connection: Connection, tenant: TenantId) -> Mapping[tuple[str, str], Line]:
    """Return where every app stands in every stage, by (app, stage)."""
    return fold(events(connection, tenant))


def get_release(connection: Connection, tenant: TenantId, app: str, number: int) -> ReleaseRow:
    """Return a release by its number; raises NotFound, saying which there are."""
    found = releases_of(connection, tenant, app)
    for row in found:
        if row.number == number:
            return row
    raise NotFound.named(f"release of '{app}'", f"r{number}", (row.name for row in found[:20]))


def releases_of(connection: Connection, tenant: TenantId, app: str | None = None) -> Sequence[ReleaseRow]:
    """Return releases, of one app only where given, newest first."""
    table = schema.releases
    names = [table.c[name] for name in ReleaseRow.__dataclass_fields__]
    mine = select(*names).where(table.c.tenant == tenant)
    if app is not None:
        mine = mine.where(table.c.app == app)
    newest = mine.order_by(table.c.created_at.desc(), table.c.number.desc())
    return [ReleaseRow(**row) for row in connection.execute(newest).mappings()]


def verify(connection: Connection, tenant: TenantId) -> Chain:
    """Check a tenant's whole log: no row is missing, none was touched."""
    return chain.verify(connection, schema.release_log, tenant)
