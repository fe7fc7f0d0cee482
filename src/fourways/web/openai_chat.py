"""POST /v1/chat/completions: the wire into a ChatRequest, the answer back, whole or as a stream."""

from collections.abc import AsyncIterator, Iterable
from dataclasses import replace
from typing import Any

import msgspec

from fourways.core.chat import ChatRequest, Chunk, Principal, close, collect
from fourways.core.errors import InvalidRequest
from fourways.core.trace import Trace
from fourways.gateway.record import fail
from fourways.web.asgi import Exchange
from fourways.web.frames import Framer, extras_of, spliced, whole
from fourways.web.house import House
from fourways.web.presence import Presence
from fourways.web.traces import traced
from fourways.web.wire import ChatBody, checked

_typed = msgspec.json.Decoder(ChatBody)
_plain = msgspec.json.Decoder(dict[str, Any])
OURS = ("model", "messages", "stream", "fourways")
"""Fields of the body that are no options for the model."""


async def chat_completions(house: House, exchange: Exchange) -> None:
    """Answer a conversation."""
    trace = traced(exchange)
    try:
        request = read(await exchange.body(), exchange.principal)
    except InvalidRequest as error:
        fail(house.recorder, trace, exchange.principal, error)
        raise
    if request.stream:
        await stream(house, exchange, request, trace)
    else:
        await answer_whole(house, exchange, request, trace)


def read(body: bytes, principal: Principal) -> ChatRequest:
    """Turn a body into a request; raises InvalidRequest."""
    typed = checked(body, _typed)
    options = _plain.decode(body)
    messages = options["messages"]
    for name in OURS:
        options.pop(name, None)
    labels = typed.fourways.labels if typed.fourways is not None else None
    if typed.user is not None or labels is not None:
        principal = replace(
            principal,
            user=typed.user,
            labels=principal.labels if labels is None else principal.labels & frozenset(labels),
        )
    return ChatRequest(
        model=typed.model,
        messages=messages,
        principal=principal,
        stream=bool(typed.stream),
        options=options,
        variables=typed.fourways.variables if typed.fourways is not None else {},
    )


async def answer_whole(house: House, exchange: Exchange, request: ChatRequest, trace: Trace) -> None:
    """Answer in one piece; a provider's own body is relayed as it is, with our part added."""
    with Presence(exchange):
        chunks = [chunk async for chunk in house.gateway(request, trace)]
    raw = chunks[0].raw if len(chunks) == 1 else None
    if raw is not None:
        body = spliced(raw, b'"fourways"', extras_of(trace))
    else:
        body = whole(await collect(_again(chunks)), trace)
    await exchange.reply(200, body)


async def _again(chunks: Iterable[Chunk]) -> AsyncIterator[Chunk]:
    for chunk in chunks:
        yield chunk


async def stream(house: House, exchange: Exchange, request: ChatRequest, trace: Trace) -> None:
    """Answer piece by piece: the status waits for the first piece, so that an error before it is a real one."""
    options = request.options.get("stream_options") or {}
    framer = Framer(trace, include_usage=bool(options.get("include_usage")))
    every = house.project.server.keep_alive_comment.total_seconds()
    chunks = house.gateway(request, trace)
    with Presence(exchange, comment_every=every) as presence:
        try:
            async for chunk in chunks:
                frame = framer.frame(chunk)
                if frame:
                    if presence.waiting:
                        presence.speak()
                        await exchange.begin_stream_once()
                    if not exchange.write_now(frame):
                        await exchange.write(frame)
        finally:
            await close(chunks)
    await exchange.begin_stream_once()
    await exchange.end_stream(framer.end())
