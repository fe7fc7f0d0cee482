"""/v1/vector_stores: every knowledge, searched with the caller's own labels. OpenAI's shape."""

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from fourways.core.chat import Principal
from fourways.core.data import Hit
from fourways.core.errors import NotAllowed, NotFound
from fourways.gateway.record import recording
from fourways.web.asgi import Exchange
from fourways.web.house import House, Searched
from fourways.web.presence import Presence
from fourways.web.traces import traced
from fourways.web.wire import checked

DEFAULT_RESULTS = 10
MOST_RESULTS = 50
MOST_QUERIES = 16


class RankingOptions(msgspec.Struct, kw_only=True):
    """Results below the threshold are left out."""

    score_threshold: Annotated[float, Meta(ge=0, le=1)] | None = None
    ranker: str | None = None


class SearchBody(msgspec.Struct, kw_only=True):
    """The body of POST /v1/vector_stores/{vector_store_id}/search.

    `filters` are OpenAI's: {type, key, value} with eq, ne, gt, gte, lt, lte, in, nin; or {type: and | or, filters}.
    """

    query: str | Annotated[list[str], Meta(min_length=1, max_length=MOST_QUERIES)]
    filters: dict[str, Any] | None = None
    max_num_results: Annotated[int, Meta(ge=1, le=MOST_RESULTS)] = DEFAULT_RESULTS
    ranking_options: RankingOptions | None = None
    rewrite_query: bool | None = None


class FoundText(msgspec.Struct, kw_only=True):
    """The passage itself."""

    text: str
    type: str = "text"


class FoundPlace(msgspec.Struct, kw_only=True):
    """Where the passage stands in its document, and how well it fits."""

    passage: str
    title: str
    start: int
    end: int
    headings: list[str]
    page: int | None
    link: str
    dense: float
    lexical: float


class Found(msgspec.Struct, kw_only=True):
    """One passage."""

    file_id: str
    filename: str
    score: float
    attributes: dict[str, Any]
    content: list[FoundText]
    fourways: FoundPlace


class SearchPage(msgspec.Struct, kw_only=True):
    """The passages found, best first."""

    search_query: list[str]
    data: list[Found]
    has_more: bool = False
    next_page: str | None = None
    object: str = "vector_store.search_results.page"


class FileCounts(msgspec.Struct, kw_only=True):
    """Documents of a knowledge."""

    completed: int = 0
    failed: int = 0
    total: int = 0
    in_progress: int = 0
    cancelled: int = 0


class StoreCard(msgspec.Struct, kw_only=True):
    """One knowledge. `snapshot` is the newest published one, None before the first sync is done."""

    id: str
    name: str
    created_at: int
    last_active_at: int | None
    status: str
    file_counts: FileCounts
    snapshot: int | None
    usage_bytes: int = 0
    object: str = "vector_store"


class StoreList(msgspec.Struct, kw_only=True):
    """Every knowledge this key may search."""

    data: list[StoreCard]
    first_id: str | None
    last_id: str | None
    has_more: bool = False
    object: str = "list"


_typed = msgspec.json.Decoder(SearchBody)
_encode = msgspec.json.Encoder(enc_hook=str).encode


def searchable(house: House, principal: Principal) -> list[str]:
    """Return the knowledges a key may search: all of them, or those of its apps."""
    names = sorted(house.libraries)
    if principal.apps is None:
        return names
    apps = house.project.apps
    ways = [apps[name].ways.rag for name in principal.apps if name in apps]
    own = {rag.knowledge for rag in ways if rag is not None}
    return [name for name in names if name in own]


def opened(house: House, name: str, principal: Principal) -> Searched:
    """Return a knowledge; raises NotFound for one that is not there, NotAllowed for one of others' apps."""
    allowed = searchable(house, principal)
    if name in allowed:
        return house.libraries[name]
    if name in house.libraries:
        raise NotAllowed(f"this key may not search '{name}'; it may search: {', '.join(allowed) or 'none'}")
    raise NotFound.named("knowledge", name, allowed)


async def list_stores(house: House, exchange: Exchange) -> None:
    """List the knowledges."""
    names = searchable(house, exchange.principal)
    cards = await asyncio.to_thread(lambda: [card(name, house.libraries[name]) for name in names])
    page = StoreList(data=cards, first_id=names[0] if names else None, last_id=names[-1] if names else None)
    await exchange.reply(200, _encode(page))


async def show_store(house: House, exchange: Exchange) -> None:
    """Show one knowledge."""
    name = exchange.params["vector_store_id"]
    library = opened(house, name, exchange.principal)
    await exchange.reply(200, _encode(await asyncio.to_thread(card, name, library)))


def card(name: str, library: Searched) -> StoreCard:
    """Describe a knowledge by its snapshots."""
    snapshots = library.snapshots()
    published = [snapshot for snapshot in snapshots if snapshot.state == "published"]
    newest = max(published, key=lambda snapshot: snapshot.number, default=None)
    counts = (newest.counts or {}) if newest is not None else {}
    documents, failed = counts.get("documents", 0), counts.get("failed", 0)
    return StoreCard(
        id=name,
        name=name,
        created_at=int(min((snapshot.created_at for snapshot in snapshots), default=0)),
        last_active_at=int(newest.published_at) if newest is not None and newest.published_at else None,
        status="completed" if newest is not None else "in_progress",
        file_counts=FileCounts(completed=documents, failed=failed, total=documents + failed),
        snapshot=newest.number if newest is not None else None,
    )


async def search_store(house: House, exchange: Exchange) -> None:
    """Search a knowledge, for one query or several; of a passage found twice the better score stands."""
    body = checked(await exchange.body(), _typed)
    name, principal = exchange.params["vector_store_id"], exchange.principal
    queries = [body.query] if isinstance(body.query, str) else body.query
    trace = traced(exchange)
    with (
        recording(house.recorder, trace, principal, "retrieval", name),
        house.limits.charged(name, principal),
        Presence(exchange),
    ):
        library = opened(house, name, principal)
        with trace.span("retrieve") as span:
            results = await asyncio.gather(
                *(
                    library.search(query, labels=principal.labels, filters=body.filters, limit=body.max_num_results)
                    for query in queries
                )
            )
            hits = merged(results, body)
            span.set(query=" | ".join(queries), hits=[hit.passage.id for hit in hits])
    page = SearchPage(search_query=list(queries), data=[found(hit) for hit in hits])
    await exchange.reply(200, _encode(page))


def merged(results: Sequence[Sequence[Hit]], body: SearchBody) -> list[Hit]:
    """Return the hits of all queries, each passage once, best first, within the body's bounds."""
    threshold = (body.ranking_options and body.ranking_options.score_threshold) or 0.0
    best: dict[str, Hit] = {}
    for hit in (hit for hits in results for hit in hits if hit.score >= threshold):
        known = best.get(hit.passage.id)
        if known is None or hit.score > known.score:
            best[hit.passage.id] = hit
    ranked = sorted(best.values(), key=lambda hit: -hit.score) if len(results) > 1 else list(best.values())
    return ranked[: body.max_num_results]


def found(hit: Hit) -> Found:
    """Return a hit as it stands on the wire."""
    passage = hit.passage
    return Found(
        file_id=passage.document,
        filename=passage.document,
        score=hit.score,
        attributes=dict(passage.metadata),
        content=[FoundText(text=passage.text)],
        fourways=FoundPlace(
            passage=passage.id,
            title=passage.title,
            start=passage.start,
            end=passage.end,
            headings=list(passage.headings),
            page=passage.page,
            link=passage.link,
            dense=hit.dense,
            lexical=hit.lexical,
        ),
    )
