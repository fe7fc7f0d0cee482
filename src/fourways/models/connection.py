"""One HTTP/1.1 connection of the wire: writes requests, parses answers. Knows nothing of pools or proxies."""

import asyncio
import zlib
from typing import Protocol, cast

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from fourways.core.errors import UpstreamError, UpstreamTimeout
from fourways.models.incoming import Incoming
from fourways.models.transport import Deadlines

KEEP = 30.0
"""Seconds an idle connection is trusted."""

Origin = tuple[bool, str, int]
"""Whether it is TLS, the host, the port."""


class StaleConnection(UpstreamError):
    """A connection died before a byte of the answer came: on a kept one the request may be sent again."""


class Owner(Protocol):
    """Who keeps connections, watches their deadlines, and is told how they fare."""

    def began(self, connection: "Connection") -> None:
        """Note that a request is under way on it."""
        ...

    def ended(self, connection: "Connection", *, reusable: bool) -> None:
        """Note that its answer has come whole; another request may follow."""
        ...

    def lost(self, connection: "Connection") -> None:
        """Note that it is of no more use."""
        ...


class Connection(asyncio.Protocol):
    """One connection: parses what comes, and hands it to the response that is under way."""

    __slots__ = (
        "_kept_at", "_origin", "_owner", "_parser", "_response", "_seen_head", "_transport", "encoding", "head",
        "key", "loop",
    )  # fmt: skip

    def __init__(self, owner: Owner, key: Origin, origin: str, loop: asyncio.AbstractEventLoop) -> None:
        self._owner, self.key, self._origin, self.loop = owner, key, origin, loop
        self._parser = HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._response: Incoming | None = None
        self._kept_at = 0.0
        self._seen_head = False
        self.head: list[tuple[bytes, bytes]] = []
        self.encoding = b""

    def usable(self) -> bool:
        """Whether the next request may go over this connection."""
        transport = self._transport
        return transport is not None and not transport.is_closing() and self.loop.time() - self._kept_at < KEEP

    async def send(self, head: bytes, body: bytes, deadlines: Deadlines) -> "Incoming":
        """Send a request; return its response once the head is there."""
        transport = self._transport
        if transport is None or transport.is_closing():
            raise StaleConnection(f"{self._origin} could not be reached: it closed the connection at once")
        response = self._response = Incoming(self, self._origin, deadlines, self.loop)
        self.head, self.encoding, self._seen_head = [], b"", False
        self._owner.began(self)
        transport.write(head + body)
        try:
            await response.wait()
        except BaseException:
            response.close()
            raise
        return response

    def check(self, now: float) -> None:
        """Fail the response that is under way if a deadline has passed."""
        response = self._response
        if response is not None:
            late = response.late(now)
            if late:
                self._fail(UpstreamTimeout(late))

    def abort(self) -> None:
        """Cut the connection."""
        if self._transport is not None:
            self._transport.abort()

    def hold(self, *, back: bool) -> None:
        """Stop or resume reading from the server."""
        if self._transport is not None and not self._transport.is_closing():
            (self._transport.pause_reading if back else self._transport.resume_reading)()

    # ------------------------------------------------------------ asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Parse what came; an answer that nobody asked for ends the connection."""
        if self._response is None:  # nothing was asked: whatever this is, it is no answer
            self.abort()
            return
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade, zlib.error) as error:
            self._fail(UpstreamError(f"{self._origin} does not speak HTTP/1.1: {error}"))

    def connection_lost(self, exc: Exception | None) -> None:
        """End the answer that is under way: well, where nothing else tells its end."""
        self._transport = None
        self._owner.lost(self)
        response, self._response = self._response, None
        if response is None:
            return
        if not self._seen_head and not self.head:
            reason = exc or "it closed the connection without an answer"
            response.fail(StaleConnection(f"{self._origin} could not be reached: {reason}"))
        elif exc is None and self._seen_head and response.ends_with_connection():
            response.end()
        else:
            reason = exc or "it closed the connection"
            response.fail(UpstreamError(f"{self._origin} broke off in the middle of its answer: {reason}"))

    # ------------------------------------------------------------ the parser's side

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take one field of the head."""
        self.head.append((name, value))
        if len(name) == 16 and name.lower() == b"content-encoding":  # noqa: PLR2004 - its length, cheap to compare
            self.encoding = value.lower()

    def on_headers_complete(self) -> None:
        """Hand the head on, unless it is an interim answer's."""
        status = self._parser.get_status_code()
        if status < 200:  # noqa: PLR2004 - 1xx: the answer proper is still to come
            self.head.clear()
            return
        self._seen_head = True
        if self._response is not None:
            self._response.begin(status, self.head, self.encoding)

    def on_body(self, body: bytes) -> None:
        """Hand a piece of the body on."""
        if self._response is not None:
            self._response.push(body)

    def on_message_complete(self) -> None:
        """Let go of the answer; the next request may follow."""
        if not self._seen_head:
            return
        response, self._response = self._response, None
        if response is None:  # a second answer to one question
            self.abort()
            return
        self._kept_at = self.loop.time()
        self._owner.ended(self, reusable=self._parser.should_keep_alive())
        response.end()

    def _fail(self, error: UpstreamError) -> None:
        response, self._response = self._response, None
        self._owner.lost(self)
        self.abort()
        if response is not None:
            response.fail(error)
