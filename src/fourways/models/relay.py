"""A started server behind a door of its own: a bare ASGI application that starts it, relays to it, and ends it."""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any
from urllib.parse import urlsplit

import msgspec

from fourways.core.errors import FourwaysError, NotFound, Unavailable, UpstreamRefused
from fourways.models.addresses import STARTED
from fourways.models.serving import Served
from fourways.models.transport import Deadlines

Scope = Mapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

ORIGIN = STARTED.removesuffix(urlsplit(STARTED).path)
DROPPED = frozenset({b"host", b"connection", b"content-length", b"transfer-encoding", b"accept-encoding"})
"""Head fields that belong to one connection, not to what is asked."""
KEPT = frozenset({"content-type", "retry-after"})
"""Head fields of an answer that are handed on."""


class Relay:
    """Hands requests on to a started server, piece by piece.

    Args:
        served: the way to it.
        start: starts the server; the application is up once it is.
        stop: ends it.
    """

    def __init__(
        self, served: Served, *, start: Callable[[], Awaitable[Any]], stop: Callable[[], Awaitable[Any]]
    ) -> None:
        self._served, self._start, self._stop = served, start, stop

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one scope of ASGI: the application's life, or one request."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            try:
                await self._relay(scope, receive, send)
            except FourwaysError as error:
                await _refuse(error, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            await self._start()
        except FourwaysError as error:
            await send({"type": "lifespan.startup.failed", "message": error.message})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._stop()
        await send({"type": "lifespan.shutdown.complete"})

    async def _relay(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = b""
        more = True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        query = scope.get("query_string", b"").decode("latin-1")
        headers = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"] if name not in DROPPED
        }
        response = await self._served.open(
            scope["method"],
            f"{ORIGIN}{path}{'?' if query else ''}{query}",
            headers={**headers, "accept-encoding": "identity"},
            body=body,
            deadlines=Deadlines(first_byte=600.0),
        )
        try:
            kept = [(name.encode(), value.encode()) for name, value in response.headers.items() if name in KEPT]
            await send({"type": "http.response.start", "status": response.status, "headers": kept})
            async for piece in response:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        finally:
            response.close()


async def _refuse(error: FourwaysError, send: Send) -> None:
    """Answer with an error in OpenAI's shape, as far as nothing was answered yet."""
    status = 404 if isinstance(error, NotFound) else 503 if isinstance(error, Unavailable) else 502
    if isinstance(error, UpstreamRefused):
        status = error.status
    body = msgspec.json.encode({"error": {"message": error.message, "type": type(error).__name__}})
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": body})
