"""POST /v1/feedback: what a person says of an answer, tied to its trace."""

import asyncio
import time
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from fourways.core.chat import Principal
from fourways.core.errors import InvalidRequest, NotFound
from fourways.store.feedback import FeedbackRow, Opinion, save_feedback
from fourways.store.traces import get_trace
from fourways.web.asgi import Exchange
from fourways.web.house import House
from fourways.web.wire import checked

THUMBS = {"up": 1, "down": -1, 1: 1, -1: -1}
TRACE_ID_LENGTH = 32


class FeedbackBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What is said; at least one of thumb, stars (or `rating`), comment, correction."""

    trace_id: str
    thumb: Literal["up", "down", 1, -1] | None = None
    stars: Annotated[int, Meta(ge=1, le=5)] | None = None
    rating: Annotated[int, Meta(ge=1, le=5)] | None = None
    comment: Annotated[str, Meta(max_length=20_000)] | None = None
    correction: Annotated[str, Meta(max_length=100_000)] | None = None
    user: str | None = None


class FeedbackReceipt(msgspec.Struct, kw_only=True):
    """The feedback as it is kept. The same user saying more of the same answer completes it."""

    id: str
    trace_id: str
    created_at: float
    updated_at: float
    object: str = "feedback"


_typed = msgspec.json.Decoder(FeedbackBody)


async def feedback(house: House, exchange: Exchange) -> None:
    """Keep what is said of an answer."""
    body = checked(await exchange.body(), _typed)
    if body.stars is not None and body.rating is not None and body.stars != body.rating:
        raise InvalidRequest("stars and rating say different things; send one of them", param="rating")
    opinion = Opinion(
        thumb=THUMBS[body.thumb] if body.thumb is not None else None,
        stars=body.stars or body.rating,
        comment=body.comment,
        correction=body.correction,
    )
    row = await asyncio.to_thread(_save, house, exchange.principal, body, opinion)
    receipt = FeedbackReceipt(id=row.id, trace_id=row.trace_id, created_at=row.created_at, updated_at=row.updated_at)
    await exchange.reply(200, msgspec.json.encode(receipt))


def _save(house: House, principal: Principal, body: FeedbackBody, opinion: Opinion) -> FeedbackRow:
    try:
        _own_trace(house, principal, body.trace_id)
    except NotFound:
        house.recorder.flush()  # a thumb may be quicker than the batch its trace is written in
        _own_trace(house, principal, body.trace_id)
    with house.database.transaction() as connection:
        return save_feedback(
            connection,
            principal.tenant,
            trace_id=body.trace_id,
            opinion=opinion,
            now=time.time(),
            user=body.user or principal.user or "",
        )


def _own_trace(house: House, principal: Principal, trace_id: str) -> None:
    """Raise NotFound unless the trace is the tenant's, of an app the key may use: others' are as good as absent."""
    if len(trace_id) != TRACE_ID_LENGTH:
        raise NotFound(f"there is no trace '{trace_id}'; an answer names its own in `fourways.trace_id`")
    with house.database.reading() as connection:
        row = get_trace(connection, principal.tenant, trace_id)
    if principal.apps is not None and row.app not in principal.apps:
        raise NotFound(f"there is no trace '{trace_id}'")
