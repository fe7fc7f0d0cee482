"""One HTTP exchange over bare ASGI: its request read within bounds, its answer sent in as few calls as can be."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from fourways.core.chat import Principal
from fourways.core.errors import InvalidRequest, RequestTooLarge

Scope = MutableMapping[str, Any]
Event = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Event]]
Send = Callable[[Event], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]
Header = tuple[bytes, bytes]

BODY_SECONDS = 30.0
"""Seconds a request's body may take."""
LINGER_SECONDS = 5.0
"""Seconds during which the rest of a refused body is read away, so that the client gets to read why."""

JSON_TYPE = (b"content-type", b"application/json")
SSE_HEADERS = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-cache, no-transform")]
WRITE_NOW = "fourways.write_now"
"""Where in the scope our own server puts a way to write past ASGI: see `web/connection`."""
CLOSE = (b"connection", b"close")
NOBODY = Principal()
NO_PARAMS: dict[str, str] = {}


TOO_SLOW = ("the body is too slow",)


def _cancel(task: "asyncio.Task[Any] | None") -> None:
    """Cancel a task that waits for a body. A timer by hand: `asyncio.timeout` costs a request four times as much."""
    if task is not None:
        task.cancel(*TOO_SLOW)


class HungUp(Exception):
    """The client went away before its request was whole."""


class Exchange:
    """One request and its answer.

    Attributes:
        principal: who asks, once `auth` has said so.
        params: what stood in the path's `{}`, by name.
        asked: the request's headers by lower-case name; the last of a name.
        headers: sent with the answer, whatever it is.
        trace_id: named in the answer to an error that nobody expected.
        started: whether the status line has left.
        unread: whether some of the body may still be on its way.
    """

    __slots__ = (
        "_write_now",
        "asked",
        "headers",
        "limit",
        "params",
        "principal",
        "receive",
        "scope",
        "send",
        "started",
        "trace_id",
        "unread",
    )

    def __init__(self, scope: Scope, receive: Receive, send: Send, limit: int) -> None:
        self.scope = scope
        self.receive = receive
        self.send = send
        self._write_now: Callable[[bytes], bool] | None = scope.get(WRITE_NOW)
        self.limit = limit
        self.asked: dict[bytes, bytes] = dict(scope["headers"])
        self.headers: list[Header] = []
        self.principal = NOBODY
        self.params: Mapping[str, str] = NO_PARAMS
        self.trace_id: str | None = None
        self.started = False
        self.unread = True

    async def body(self) -> bytes:
        """Read the whole body.

        Raises:
            RequestTooLarge: it is, or says it is, over the limit.
            InvalidRequest: it took too long.
            HungUp: the client went away.
        """
        length = self.asked.get(b"content-length")
        if length is not None and int(length) > self.limit:
            raise self._too_large()
        loop = asyncio.get_running_loop()
        timer = loop.call_later(BODY_SECONDS, _cancel, asyncio.current_task(loop))
        try:
            event = await self._piece()
            if self.unread:
                return await self._rest(bytearray(event["body"]))
        except asyncio.CancelledError as cancelled:
            if cancelled.args != TOO_SLOW:
                raise
            message = f"the body did not arrive within {BODY_SECONDS:g} s"
            raise InvalidRequest(message, code="body_timeout") from None
        finally:
            timer.cancel()
        body: bytes = event["body"]
        return body

    async def _rest(self, body: bytearray) -> bytes:
        while self.unread:
            event = await self._piece()
            body += event["body"]
            if len(body) > self.limit:
                raise self._too_large()
        return bytes(body)

    async def _piece(self) -> Event:
        event = await self.receive()
        if event["type"] == "http.disconnect":
            raise HungUp
        self.unread = bool(event.get("more_body"))
        return event

    def _too_large(self) -> RequestTooLarge:
        return RequestTooLarge(f"the body is over {self.limit} bytes (server.max_body_bytes)")

    async def reply(self, status: int, body: bytes, kind: Header = JSON_TYPE) -> None:
        """Send a whole answer. Where the body was not read to its end, the connection is closed behind it."""
        closing = self.unread and self._has_body()
        headers = [kind, (b"content-length", b"%d" % len(body)), *self.headers]
        if closing:
            headers.append(CLOSE)
        self.started = True
        await self.send({"type": "http.response.start", "status": status, "headers": headers})
        if not closing:
            await self.send({"type": "http.response.body", "body": body})
            return
        await self.send({"type": "http.response.body", "body": body, "more_body": True})
        await self._linger()
        await self.send({"type": "http.response.body", "body": b""})

    def _has_body(self) -> bool:
        return b"transfer-encoding" in self.asked or self.asked.get(b"content-length", b"0") != b"0"

    async def _linger(self) -> None:
        """Read away what is still coming: a socket closed on unread bytes is reset, and the answer lost with it."""
        try:
            async with asyncio.timeout(LINGER_SECONDS):
                while self.unread:
                    await self._piece()
        except (TimeoutError, HungUp):
            return

    async def begin_stream(self) -> None:
        """Send the head of an event stream."""
        self.started = True
        await self.send({"type": "http.response.start", "status": 200, "headers": [*SSE_HEADERS, *self.headers]})

    async def begin_stream_once(self) -> None:
        """Send the head of an event stream unless it has left."""
        if not self.started:
            await self.begin_stream()

    def write_now(self, piece: bytes) -> bool:
        """Send a piece of the stream without waiting; returns False where it must be `write` that sends it."""
        return self._write_now is not None and self._write_now(piece)

    async def write(self, piece: bytes) -> None:
        """Send a piece of the stream; waits while the client is slow to read."""
        await self.send({"type": "http.response.body", "body": piece, "more_body": True})

    async def end_stream(self, piece: bytes = b"") -> None:
        """Send the last piece."""
        await self.send({"type": "http.response.body", "body": piece})
