"""The transport on asyncio protocols and httptools: HTTP/1.1 with kept connections, at little CPU.

Each connection carries one request at a time. Deadlines are looked at by one coarse timer for all connections, so that
a read costs no timer of its own. A request whose URL has a proxy goes through the transport for proxies instead.
"""

import asyncio
import ssl
import zlib
from collections import deque
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import cast
from urllib.parse import urlsplit

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from fourways.core.errors import UpstreamError, UpstreamTimeout
from fourways.models.transport import (
    BODY_LIMIT,
    GRACE,
    Deadlines,
    Response,
    Transport,
    origin_of,
    proxy_for,
    read_whole,
)

TICK = 0.05
"""Seconds between two looks at the deadlines: how late a timeout may be noticed."""

KEEP = 30.0
"""Seconds an idle connection is trusted."""

KEPT = 100
"""Idle connections kept for one origin, at most."""

HIGH_WATER = 256 * 1024
LOW_WATER = 64 * 1024
"""Bytes of an unread body at which the server is held back, and let go again."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a URL leads."""

    secure: bool
    host: str
    port: int
    authority: str
    path: str


@lru_cache(maxsize=1024)
def place_of(url: str) -> Place:
    """Cut a URL into what a connection and a request line need."""
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    path = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    return Place(
        secure, parts.hostname or "", parts.port or (443 if secure else 80), parts.netloc.rpartition("@")[2], path
    )


def head_of(method: str, place: Place, headers: Mapping[str, str], size: int) -> bytes:
    """Write a request's head."""
    lines = [f"{method} {place.path} HTTP/1.1\r\nhost: {place.authority}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if size or method != "GET":
        lines.append(f"content-length: {size}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


class StaleConnection(UpstreamError):
    """A connection died before a byte of the answer came: on a kept one the request may be sent again."""


class WireTransport:
    """Requests over connections of our own.

    Args:
        environ: where proxies are named.
        proxied: carries the requests that must go through a proxy.
    """

    def __init__(self, environ: Mapping[str, str], proxied: Transport) -> None:
        self._environ = {name: value for name, value in environ.items() if name.lower().endswith("_proxy") and value}
        self._proxied = proxied
        self._idle: dict[tuple[bool, str, int], list[_Connection]] = {}
        self._busy: set[_Connection] = set()
        self._ticker: asyncio.TimerHandle | None = None
        self._tls: ssl.SSLContext | None = None

    async def open(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes = b"", deadlines: Deadlines
    ) -> Response:
        """Send a request and return once the answer's head is there; raises as `Transport.open` says."""
        if self._environ and proxy_for(url, self._environ) is not None:
            return await self._proxied.open(method, url, headers=headers, body=body, deadlines=deadlines)
        place = place_of(url)
        head = head_of(method, place, headers, len(body))
        while True:
            connection = self._kept(place)
            kept = connection is not None
            if connection is None:
                connection = await self._connect(place, url, deadlines)
            try:
                return await connection.send(head, body, deadlines)
            except StaleConnection:
                if not kept:
                    raise

    async def close(self) -> None:
        """Close every connection."""
        if self._ticker is not None:
            self._ticker.cancel()
            self._ticker = None
        for connection in [*self._busy, *(each for idle in self._idle.values() for each in idle)]:
            connection.abort()
        self._idle.clear()
        await self._proxied.close()

    def _kept(self, place: Place) -> "_Connection | None":
        idle = self._idle.get((place.secure, place.host, place.port))
        while idle:
            connection = idle.pop()
            if connection.usable():
                return connection
            connection.abort()
        return None

    async def _connect(self, place: Place, url: str, deadlines: Deadlines) -> "_Connection":
        loop = asyncio.get_running_loop()
        secure = self._tls_context() if place.secure else None
        origin = origin_of(url)
        try:
            async with asyncio.timeout(deadlines.connect):
                _, connection = await loop.create_connection(
                    lambda: _Connection(self, (place.secure, place.host, place.port), origin, loop),
                    place.host,
                    place.port,
                    ssl=secure,
                )
        except TimeoutError as error:
            msg = f"no connection to {origin} within {deadlines.connect:g} s"
            raise UpstreamTimeout(msg) from error
        except OSError as error:
            msg = f"{origin} could not be reached: {error or type(error).__name__}"
            raise UpstreamError(msg) from error
        return connection

    def _tls_context(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = ssl.create_default_context()
            self._tls.set_alpn_protocols(["http/1.1"])
        return self._tls

    # ------------------------------------------------------------ what connections tell

    def began(self, connection: "_Connection") -> None:
        """Watch a connection's deadlines."""
        self._busy.add(connection)
        if self._ticker is None:
            self._ticker = connection.loop.call_later(TICK, self._tick, connection.loop)

    def ended(self, connection: "_Connection", *, reusable: bool) -> None:
        """Stop watching a connection; keep it for the next request, or close it."""
        self._busy.discard(connection)
        idle = self._idle.setdefault(connection.key, [])
        if reusable and len(idle) < KEPT:
            idle.append(connection)
        else:
            connection.abort()

    def lost(self, connection: "_Connection") -> None:
        """Forget a connection that is closed."""
        self._busy.discard(connection)
        idle = self._idle.get(connection.key)
        if idle and connection in idle:
            idle.remove(connection)

    def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        for connection in list(self._busy):
            connection.check(now)
        self._ticker = loop.call_later(TICK, self._tick, loop) if self._busy else None


def open_transport(environ: Mapping[str, str]) -> Transport:
    """Return the transport to use: this one, with aiohttp's for what must go through a proxy."""
    from fourways.models.pooled import PooledTransport

    return WireTransport(environ, PooledTransport(environ))


class _Connection(asyncio.Protocol):
    """One connection: parses what comes, and hands it to the response that is under way."""

    __slots__ = (
        "_kept_at", "_origin", "_owner", "_parser", "_response", "_seen_head", "_transport", "encoding", "head",
        "key", "loop",
    )  # fmt: skip

    def __init__(
        self, owner: WireTransport, key: tuple[bool, str, int], origin: str, loop: asyncio.AbstractEventLoop
    ) -> None:
        self._owner, self.key, self._origin, self.loop = owner, key, origin, loop
        self._parser = HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._response: _Response | None = None
        self._kept_at = 0.0
        self._seen_head = False
        self.head: list[tuple[bytes, bytes]] = []
        self.encoding = b""

    def usable(self) -> bool:
        """Whether the next request may go over this connection."""
        transport = self._transport
        return transport is not None and not transport.is_closing() and self.loop.time() - self._kept_at < KEEP

    async def send(self, head: bytes, body: bytes, deadlines: Deadlines) -> "_Response":
        """Send a request; return its response once the head is there."""
        transport = self._transport
        if transport is None or transport.is_closing():
            raise StaleConnection(f"{self._origin} could not be reached: it closed the connection at once")
        response = self._response = _Response(self, self._origin, deadlines, self.loop)
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
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        if self._response is None:  # nothing was asked: whatever this is, it is no answer
            self.abort()
            return
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade, zlib.error) as error:
            self._fail(UpstreamError(f"{self._origin} does not speak HTTP/1.1: {error}"))

    def connection_lost(self, exc: Exception | None) -> None:
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
        self.head.append((name, value))
        if len(name) == 16 and name.lower() == b"content-encoding":  # noqa: PLR2004 - its length, cheap to compare
            self.encoding = value.lower()

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status < 200:  # noqa: PLR2004 - 1xx: the answer proper is still to come
            self.head.clear()
            return
        self._seen_head = True
        if self._response is not None:
            self._response.begin(status, self.head, self.encoding)

    def on_body(self, body: bytes) -> None:
        if self._response is not None:
            self._response.push(body)

    def on_message_complete(self) -> None:
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


class _Response:
    """An answer on its way. Once its body has ended it no longer holds the connection."""

    __slots__ = (
        "_connection", "_deadlines", "_ended", "_failure", "_held", "_inflate", "_loop", "_origin", "_pairs",
        "_pieces", "_released", "_since", "_size", "_total_at", "_waiter", "status",
    )  # fmt: skip

    def __init__(
        self, connection: _Connection, origin: str, deadlines: Deadlines, loop: asyncio.AbstractEventLoop
    ) -> None:
        self._connection, self._origin, self._deadlines, self._loop = connection, origin, deadlines, loop
        self.status = 0
        self._pairs: list[tuple[bytes, bytes]] = []
        self._pieces: deque[bytes] = deque()
        self._size = 0
        self._held = self._ended = self._released = False
        self._failure: UpstreamError | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._inflate: zlib._Decompress | None = None
        self._since = loop.time()
        self._total_at = self._since + deadlines.total

    @property
    def headers(self) -> Mapping[str, str]:
        return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in self._pairs}

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        while not self._pieces:
            if self._failure is not None:
                raise self._failure
            if self._ended:
                raise StopAsyncIteration
            await self.wait()
        data = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
        self._pieces.clear()
        self._size = 0
        if self._held:
            self._held = False
            self._connection.hold(back=False)
        return data

    async def read(self, limit: int = BODY_LIMIT) -> bytes:
        return await read_whole(self, limit)

    def release(self) -> None:
        if self._ended or self._failure is not None:
            return
        self._released = True
        self._total_at = min(self._total_at, self._loop.time() + GRACE)
        self._pieces.clear()
        if self._held:
            self._held = False
            self._connection.hold(back=False)

    def close(self) -> None:
        if not (self._released or self._ended or self._failure is not None):
            self._failure = UpstreamError(f"the answer of {self._origin} was closed")
            self._connection.abort()

    # ------------------------------------------------------------ what the connection tells

    def begin(self, status: int, pairs: list[tuple[bytes, bytes]], encoding: bytes) -> None:
        self.status, self._pairs = status, pairs
        if encoding in {b"gzip", b"deflate"}:  # asked for identity; some middle-boxes do not listen
            self._inflate = zlib.decompressobj(wbits=47)
        self._wake()

    def push(self, data: bytes) -> None:
        if self._released:
            return
        if self._inflate is not None:
            data = self._inflate.decompress(data)
        self._pieces.append(data)
        self._size += len(data)
        if self._size > HIGH_WATER and not self._held:
            self._held = True
            self._connection.hold(back=True)
        self._wake()

    def end(self) -> None:
        self._ended = True
        if self._held:
            self._held = False
            self._connection.hold(back=False)
        self._wake()

    def fail(self, error: UpstreamError) -> None:
        self._failure = self._failure or error
        self._wake()

    def ends_with_connection(self) -> bool:
        """Whether the body's end is told by nothing but the connection's."""
        headers = self.headers
        return "content-length" not in headers and "transfer-encoding" not in headers

    def late(self, now: float) -> str:
        """Say which deadline has passed; "" where none has."""
        wait = self._deadlines
        if now >= self._total_at:
            return f"{self._origin} took over {wait.total:g} s for its answer"
        if not self.status:
            late = now - self._since >= wait.first_byte
            return f"{self._origin} did not begin to answer within {wait.first_byte:g} s" if late else ""
        late = self._waiter is not None and now - self._since >= wait.idle
        return f"{self._origin} fell silent for {wait.idle:g} s in the middle of its answer" if late else ""

    async def wait(self) -> None:
        """Wait for the head, for more of the body, or for its end; raises what it failed with."""
        if self.status:
            self._since = self._loop.time()
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None
        if self._failure is not None and not self._pieces:
            raise self._failure

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
