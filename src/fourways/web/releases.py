"""/api/releases, for admin keys: releases made, approved, promoted, rolled back, compared; and the log of it all."""

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from fourways.control import releases, showing
from fourways.control.showing import Shown
from fourways.core.chat import Principal
from fourways.core.difference import Difference
from fourways.core.errors import NotFound
from fourways.core.rollout import Event
from fourways.store import releases as rows
from fourways.web.admin import MOST, actor, query_of
from fourways.web.asgi import Exchange
from fourways.web.house import House
from fourways.web.wire import checked

WITHOUT_REASON = "by the API, without a reason given"


class NewReleaseBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A release to be made: of a candidate (the beginning of its digest), or of the newest one of a way."""

    app: str
    candidate: str | None = None
    way: str | None = None
    stage: str = "production"
    note: Annotated[str, Meta(max_length=2000)] = ""


class ReasonBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Why."""

    reason: Annotated[str, Meta(max_length=2000)] = ""


class ReleaseCard(msgspec.Struct, kw_only=True):
    """A release and where it stands.

    `serving` is its share of the people, `waits_for` what must happen next; `gate` and `verdict` are the judgements of
    its evaluation and of its canary's newest look, with every rule's figure and bound.
    """

    app: str
    name: str
    stage: str
    state: str
    since: float
    serving: float
    waits_for: str
    candidate: str
    way: str
    created_at: float
    note: str
    origin: int | None
    endorsed: list[str]
    judged: str
    gate: Mapping[str, Any] | None
    looks: int
    verdict: Mapping[str, Any] | None


class ReleaseList(msgspec.Struct, kw_only=True):
    """Releases, newest first."""

    data: list[ReleaseCard]
    object: str = "list"


class LogQuery(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """How much of the log: the newest so many rows."""

    limit: Annotated[int, Meta(ge=1, le=MOST)] = 100


class ReleaseLog(msgspec.Struct, kw_only=True):
    """The newest rows of an app's log, oldest first; `broken` says where the chain does not hold, if anywhere."""

    data: list[Event]
    broken: str
    object: str = "list"


class DiffQuery(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Which two: `r2`, `r3`."""

    a: str
    b: str


class DiffList(msgspec.Struct, kw_only=True):
    """What differs between two releases, place by place."""

    data: list[Difference]
    object: str = "list"


class AppQuery(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Of which app only."""

    app: str | None = None


_new = msgspec.json.Decoder(NewReleaseBody)
_reason = msgspec.json.Decoder(ReasonBody)
_encode = msgspec.json.Encoder().encode


async def list_releases(house: House, exchange: Exchange) -> None:
    """List releases with where they stand."""
    query = query_of(exchange, AppQuery)
    shown = await asyncio.to_thread(showing.list_releases, house.database, exchange.principal.tenant, query.app)
    await exchange.reply(200, _encode(ReleaseList(data=[_card(one) for one in shown])))


async def create_release(house: House, exchange: Exchange) -> None:
    """Make a release; a worker evaluates it, and the gate lets it through or rejects it."""
    body = checked(await exchange.body(), _new)
    card = await asyncio.to_thread(_create, house, exchange.principal, body)
    await exchange.reply(202, _encode(card))


def _create(house: House, principal: Principal, body: NewReleaseBody) -> ReleaseCard:
    from fourways.control.builds import default_way  # brings the ways along, which no answer waits for

    if body.app not in house.project.apps:
        raise NotFound.named("app", body.app, house.project.apps)
    way = body.way or default_way(house.project, body.app)
    candidate = releases.candidate_named(house.database, principal.tenant, body.app, body.candidate, way)
    made = releases.create(
        house.database,
        principal.tenant,
        house.project,
        candidate,
        stage=body.stage,
        actor=actor(principal),
        now=time.time(),
        note=body.note,
    )
    return _card(showing.show(house.database, principal.tenant, made.app, made.number))


async def show_release(house: House, exchange: Exchange) -> None:
    """Show a release with its verdicts."""
    number = showing.number_of(exchange.params["release"])
    tenant, app = exchange.principal.tenant, exchange.params["app"]
    await exchange.reply(
        200, _encode(_card(await asyncio.to_thread(showing.show, house.database, tenant, app, number)))
    )


async def approve_release(house: House, exchange: Exchange) -> None:
    """Approve a release that passed its gate: one call; where two must, by two different keys."""
    await _moved(house, exchange, releases.approve)


async def reject_release(house: House, exchange: Exchange) -> None:
    """Say no to a release that nobody has met yet."""
    await _moved(house, exchange, releases.reject)


async def promote_release(house: House, exchange: Exchange) -> None:
    """Make a canary live at once, or take what is live in staging on to production."""

    def promote(*place: Any, **why: Any) -> Shown:  # noqa: ANN401 - the places of the other moves
        database, tenant, app, number = place
        return releases.promote(database, tenant, house.project, app, number, **why)

    await _moved(house, exchange, promote)


async def roll_back_release(house: House, exchange: Exchange) -> None:
    """Take a canary or a live release back; the one before answers from the next request on."""
    await _moved(house, exchange, releases.roll_back)


async def _moved(house: House, exchange: Exchange, move: Callable[..., Shown]) -> None:
    """Make a move and have it in force before answering."""
    raw = await exchange.body()
    body = checked(raw, _reason) if raw.strip() else ReasonBody()
    principal = exchange.principal
    place = (house.database, principal.tenant, exchange.params["app"], showing.number_of(exchange.params["release"]))
    why = {"actor": actor(principal), "now": time.time(), "reason": body.reason or WITHOUT_REASON}
    shown = await asyncio.to_thread(move, *place, **why)
    await house.reroute()
    await exchange.reply(200, _encode(_card(shown)))


async def release_log(house: House, exchange: Exchange) -> None:
    """Show an app's moves, and whether the log is whole."""
    query = query_of(exchange, LogQuery)
    found = await asyncio.to_thread(_log, house, exchange.principal, exchange.params["app"], query.limit)
    await exchange.reply(200, _encode(found))


def _log(house: House, principal: Principal, app: str, limit: int) -> ReleaseLog:
    with house.database.reading() as connection:
        found = rows.events(connection, principal.tenant, app=app, limit=limit)
        return ReleaseLog(data=found, broken=rows.verify(connection, principal.tenant).broken)


async def diff_releases(house: House, exchange: Exchange) -> None:
    """Say what differs between two releases."""
    query = query_of(exchange, DiffQuery)
    pair = (showing.number_of(query.a), showing.number_of(query.b))
    tenant, app = exchange.principal.tenant, exchange.params["app"]
    found = await asyncio.to_thread(showing.diff, house.database, tenant, app, *pair)
    await exchange.reply(200, _encode(DiffList(data=found)))


def _card(shown: Shown) -> ReleaseCard:
    release, standing = shown.release, shown.standing
    return ReleaseCard(
        app=release.app,
        name=release.name,
        stage=release.stage,
        state=standing.state,
        since=standing.since,
        serving=shown.serving,
        waits_for=shown.waits_for,
        candidate=release.candidate,
        way=release.way,
        created_at=release.created_at,
        note=release.note,
        origin=release.origin,
        endorsed=list(standing.endorsed),
        judged=standing.judged,
        gate=standing.gate,
        looks=standing.looks,
        verdict=standing.verdict,
    )


MOVES = {
    "approve": approve_release,
    "reject": reject_release,
    "promote": promote_release,
    "rollback": roll_back_release,
}
"""What can be done to a release, by the last word of its path."""
