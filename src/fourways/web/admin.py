"""/api, for admin keys: API keys, traces, and the state of the knowledges."""

import asyncio
import time
from typing import Annotated, TypeVar
from urllib.parse import parse_qs

import msgspec
from msgspec import Meta
from msgspec.structs import asdict

from fourways.core.chat import Principal
from fourways.core.errors import InvalidRequest, NotFound
from fourways.store import access, audit, jobs, traces
from fourways.store.access import KeyRow, NewKey
from fourways.store.jobs import JobRow
from fourways.store.traces import TraceRow
from fourways.web.asgi import Exchange
from fourways.web.house import House
from fourways.web.vector_stores import StoreCard, card
from fourways.web.wire import checked

DAY = 86400.0
MOST = 500
Query = TypeVar("Query")


class NewKeyBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A key to be made. No `apps` means every app; `days` until it expires, never where not given."""

    name: Annotated[str, Meta(min_length=1, max_length=256)]
    apps: Annotated[list[str], Meta(min_length=1)] | None = None
    labels: list[str] = []
    admin: bool = False
    days: Annotated[float, Meta(gt=0)] | None = None


class NewKeyShown(msgspec.Struct, kw_only=True):
    """A key just made. Its secret is shown now and never again."""

    id: str
    secret: str


class KeyList(msgspec.Struct, kw_only=True):
    """All keys, newest first, revoked ones too."""

    data: list[KeyRow]
    object: str = "list"


class TraceList(msgspec.Struct, kw_only=True):
    """The newest traces."""

    data: list[TraceRow]
    object: str = "list"


class TraceQuery(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Which traces: `before` is in Unix seconds; the last one's `started_at` pages on."""

    limit: Annotated[int, Meta(ge=1, le=MOST)] = 50
    app: str | None = None
    status: str | None = None
    before: float | None = None


class KnowledgeCard(msgspec.Struct, kw_only=True):
    """A knowledge with its newest sync job."""

    knowledge: StoreCard
    job: JobRow | None


class KnowledgeList(msgspec.Struct, kw_only=True):
    """Every knowledge."""

    data: list[KnowledgeCard]
    object: str = "list"


_new_key = msgspec.json.Decoder(NewKeyBody)
_encode = msgspec.json.Encoder().encode


def query_of(exchange: Exchange, kind: type[Query]) -> Query:
    """Read the query string by its type; raises InvalidRequest naming the parameter."""
    pairs = parse_qs(exchange.scope["query_string"].decode(), keep_blank_values=True)
    try:
        return msgspec.convert({name: values[-1] for name, values in pairs.items()}, kind, strict=False)
    except msgspec.ValidationError as error:
        reason, _, path = str(error).partition(" - at `$.")
        raise InvalidRequest(
            f"{path.rstrip('`')}: {reason}" if path else reason, param=path.rstrip("`") or None
        ) from None


def actor(principal: Principal) -> str:
    """Name who acts, for the audit log."""
    return principal.key_id or "this machine, without a key"


# ---------------------------------------------------------------- keys


async def create_key(house: House, exchange: Exchange) -> None:
    """Make a key."""
    body = checked(await exchange.body(), _new_key)
    unknown = sorted(set(body.apps or ()) - set(house.project.apps))
    if unknown:
        raise NotFound.named("app", unknown[0], house.project.apps)
    key = await asyncio.to_thread(_create_key, house, exchange.principal, body)
    await exchange.reply(200, _encode(NewKeyShown(id=key.id, secret=key.secret)))


def _create_key(house: House, principal: Principal, body: NewKeyBody) -> NewKey:
    now = time.time()
    with house.database.transaction() as connection:
        key = access.create_key(
            connection,
            principal.tenant,
            name=body.name,
            now=now,
            apps=body.apps,
            labels=body.labels,
            admin=body.admin,
            expires_at=None if body.days is None else now + body.days * DAY,
        )
        detail = {"name": body.name, "admin": body.admin}
        audit.append(
            connection,
            principal.tenant,
            at=now,
            actor=actor(principal),
            action="key.create",
            subject=key.id,
            detail=detail,
        )
    house.keys.refresh()
    return key


async def list_keys(house: House, exchange: Exchange) -> None:
    """List the keys."""
    rows = await asyncio.to_thread(_list_keys, house, exchange.principal)
    await exchange.reply(200, _encode(KeyList(data=rows)))


def _list_keys(house: House, principal: Principal) -> list[KeyRow]:
    with house.database.reading() as connection:
        return access.list_keys(connection, principal.tenant)


async def revoke_key(house: House, exchange: Exchange) -> None:
    """Revoke a key, at once."""
    row = await asyncio.to_thread(_revoke_key, house, exchange.principal, exchange.params["key_id"])
    await exchange.reply(200, _encode(row))


def _revoke_key(house: House, principal: Principal, key_id: str) -> KeyRow:
    now = time.time()
    with house.database.transaction() as connection:
        row = access.revoke_key(connection, principal.tenant, key_id, now=now)
        detail = {"name": row.name}
        audit.append(
            connection,
            principal.tenant,
            at=now,
            actor=actor(principal),
            action="key.revoke",
            subject=row.id,
            detail=detail,
        )
    house.keys.refresh()
    return row


# ---------------------------------------------------------------- traces


async def list_traces(house: House, exchange: Exchange) -> None:
    """List the newest traces."""
    query = query_of(exchange, TraceQuery)
    rows = await asyncio.to_thread(_list_traces, house, exchange.principal, query)
    await exchange.reply(200, _encode(TraceList(data=rows)))


def _list_traces(house: House, principal: Principal, query: TraceQuery) -> list[TraceRow]:
    house.recorder.flush()
    with house.database.reading() as connection:
        return traces.recent_traces(connection, principal.tenant, **asdict(query))


async def show_trace(house: House, exchange: Exchange) -> None:
    """Show one trace with its spans."""
    row = await asyncio.to_thread(_show_trace, house, exchange.principal, exchange.params["trace_id"])
    await exchange.reply(200, _encode(row))


def _show_trace(house: House, principal: Principal, trace_id: str) -> TraceRow:
    house.recorder.flush()
    with house.database.reading() as connection:
        return traces.get_trace(connection, principal.tenant, trace_id)


# ---------------------------------------------------------------- knowledge


async def list_knowledge(house: House, exchange: Exchange) -> None:
    """Show every knowledge and its newest sync."""
    cards = await asyncio.to_thread(_knowledge, house, exchange.principal)
    await exchange.reply(200, _encode(KnowledgeList(data=cards)))


def _knowledge(house: House, principal: Principal) -> list[KnowledgeCard]:
    with house.database.reading() as connection:
        rows = jobs.recent_jobs(connection, principal.tenant, kind="sync", limit=MOST)
    newest: dict[str, JobRow] = {}
    for row in rows:
        newest.setdefault(row.spec["knowledge"], row)
    return [
        KnowledgeCard(knowledge=card(name, library), job=newest.get(name))
        for name, library in sorted(house.libraries.items())
    ]


async def sync_knowledge(house: House, exchange: Exchange) -> None:
    """Ask for a knowledge to be synced with its sources now."""
    from fourways.control.sync import submit_sync  # brings the library along, which no answer waits for

    name = exchange.params["knowledge"]
    if name not in house.libraries:
        raise NotFound.named("knowledge", name, house.libraries)
    tenant = exchange.principal.tenant
    row = await asyncio.to_thread(submit_sync, house.database, tenant, name, now=time.time(), afresh=True)
    await exchange.reply(202, _encode(row))
