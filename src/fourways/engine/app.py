"""The engine's HTTP door: bare ASGI, a table of paths, errors in OpenAI's shape."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, MutableMapping
from contextlib import aclosing
from types import MappingProxyType
from typing import Any, Generic, Protocol, TypeVar

from fourways.core.errors import FourwaysError, NotFound, RequestTooLarge
from fourways.engine.service import Engine
from fourways.engine.wire import (
    EmbeddingRequest,
    Reply,
    RerankRequest,
    Stream,
    TokenizeRequest,
    decode,
    error_reply,
)

Scope = Mapping[str, Any]
Event = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Event]]
Send = Callable[[Event], Awaitable[None]]
MAX_BODY = 32_000_000
"""Bytes of a request's body, at most."""

log = logging.getLogger(__name__)


class Counting(Protocol):
    """Counts answers."""

    def answered(self, path: str, status: int, seconds: float) -> None:
        """Count an answered request."""
        ...

    def exposition(self) -> bytes:
        """Return everything in Prometheus' text format."""
        ...


class Service(Protocol):
    """What every engine is asked, whatever it serves."""

    @property
    def metrics(self) -> Counting:
        """What it counts."""
        ...

    def health(self) -> Reply:
        """Say whether it is ready."""
        ...

    def list_models(self) -> Reply:
        """List its models."""
        ...


Outcome = TypeVar("Outcome")
Served = TypeVar("Served", bound=Service)
Handler = Callable[[Served, bytes], Awaitable[Reply | Stream]]
Handlers = Mapping[tuple[str, str], Handler[Served]]


async def _embed(engine: Engine, body: bytes) -> Reply:
    return await engine.embed(decode(body, EmbeddingRequest))


async def _rerank(engine: Engine, body: bytes) -> Reply:
    return await engine.rerank(decode(body, RerankRequest))


async def _tokenize(engine: Engine, body: bytes) -> Reply:
    return await engine.tokenize(decode(body, TokenizeRequest))


async def health(engine: Service, _: bytes) -> Reply:
    """Answer `GET /health`."""
    return engine.health()


async def models(engine: Service, _: bytes) -> Reply:
    """Answer `GET /v1/models`."""
    return engine.list_models()


async def metrics(engine: Service, _: bytes) -> Reply:
    """Answer `GET /metrics`."""
    return Reply(body=engine.metrics.exposition(), content_type=b"text/plain; version=0.0.4; charset=utf-8")


HANDLERS: Handlers[Engine] = MappingProxyType(
    {
        ("POST", "/v1/embeddings"): _embed,
        ("POST", "/v1/rerank"): _rerank,
        ("POST", "/rerank"): _rerank,
        ("POST", "/tokenize"): _tokenize,
        ("GET", "/v1/models"): models,
        ("GET", "/health"): health,
        ("GET", "/metrics"): metrics,
    }
)


class App(Generic[Served]):
    """The ASGI application of one engine.

    Args:
        engine: what answers.
        handlers: what is asked of it, by method and path.
    """

    def __init__(
        self, engine: Served, handlers: Handlers[Served], *, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self._engine, self._handlers, self._clock = engine, handlers, clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        start = self._clock()
        route = (scope["method"], scope["path"])
        try:
            reply = await self._answer(route, receive)
        except FourwaysError as error:
            reply = error_reply(error)
        except Exception:
            log.exception("%s %s failed", *route)
            reply = error_reply(FourwaysError("the engine failed at this request; its log says more"))
        if reply is None:
            return
        path = route[1] if route in self._handlers else "other"
        self._engine.metrics.answered(path, reply.status, self._clock() - start)
        if isinstance(reply, Stream):
            await _while_present(_send_frames(reply.frames, send), receive)
        else:
            await _send(reply, send)

    async def _answer(self, route: tuple[str, str], receive: Receive) -> Reply | Stream | None:
        """Return the answer, or None when the client hung up before there was one."""
        handler = self._handlers.get(route)
        if handler is None:
            raise NotFound(f"there is no {' '.join(route)}; there is: {', '.join(map(' '.join, self._handlers))}")
        body = await _read(receive)
        return None if body is None else await _while_present(handler(self._engine, body), receive)


async def _read(receive: Receive) -> bytes | None:
    """Read the whole body, None when the client leaves in its midst; raises `RequestTooLarge`."""
    pieces: list[bytes] = []
    size = 0
    while True:
        event = await receive()
        if event["type"] == "http.disconnect":
            return None
        size += len(event.get("body", b""))
        if size > MAX_BODY:
            raise RequestTooLarge(f"the body is over {MAX_BODY} bytes; send fewer texts at a time")
        pieces.append(event.get("body", b""))
        if not event.get("more_body"):
            return b"".join(pieces)


async def _while_present(answer: Awaitable[Outcome], receive: Receive) -> Outcome | None:
    """Await the answer, or take the request back when its client hangs up: its texts leave the queue."""
    working = asyncio.ensure_future(answer)
    leaving = asyncio.ensure_future(receive())
    try:
        await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else None
    finally:
        working.cancel()
        leaving.cancel()


async def _send(reply: Reply, send: Send) -> None:
    headers = [
        (b"content-type", reply.content_type),
        (b"content-length", b"%d" % len(reply.body)),
        *reply.headers.items(),
    ]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body})


async def _send_frames(frames: AsyncGenerator[bytes], send: Send) -> None:
    """Send frames as they come; when cancelled, their source is told."""
    headers = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-cache")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    async with aclosing(frames):
        async for frame in frames:
            await send({"type": "http.response.body", "body": frame, "more_body": True})
    await send({"type": "http.response.body", "body": b""})
