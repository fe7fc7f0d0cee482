"""The transport on asyncio protocols and httptools: HTTP/1.1 with kept connections, at little CPU.

Each connection carries one request at a time. Deadlines are looked at by one coarse timer for all connections, so that
a read costs no timer of its own. A request whose URL has a proxy goes through the transport for proxies instead.
"""

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlsplit

from fourways.core.errors import UpstreamError, UpstreamTimeout
from fourways.models.connection import Connection, Origin, StaleConnection
from fourways.models.transport import Deadlines, Response, Transport, origin_of, proxy_for

TICK = 0.05
"""Seconds between two looks at the deadlines: how late a timeout may be noticed."""

KEPT = 100
"""Idle connections kept for one origin, at most."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a URL leads."""

    secure: bool
    host: str
    port: int
    authority: str
    path: str

    @property
    def origin(self) -> Origin:
        """What its connections are kept under."""
        return self.secure, self.host, self.port


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


class WireTransport:
    """Requests over connections of our own.

    Args:
        environ: where proxies are named.
        proxied: carries the requests that must go through a proxy.
    """

    def __init__(self, environ: Mapping[str, str], proxied: Transport) -> None:
        self._environ = {name: value for name, value in environ.items() if name.lower().endswith("_proxy") and value}
        self._proxied = proxied
        self._idle: dict[Origin, list[Connection]] = {}
        self._busy: set[Connection] = set()
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

    def _kept(self, place: Place) -> Connection | None:
        idle = self._idle.get(place.origin)
        while idle:
            connection = idle.pop()
            if connection.usable():
                return connection
            connection.abort()
        return None

    async def _connect(self, place: Place, url: str, deadlines: Deadlines) -> Connection:
        loop = asyncio.get_running_loop()
        secure = self._tls_context() if place.secure else None
        origin = origin_of(url)
        try:
            async with asyncio.timeout(deadlines.connect):
                _, connection = await loop.create_connection(
                    lambda: Connection(self, place.origin, origin, loop),
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

    def began(self, connection: Connection) -> None:
        """Watch a connection's deadlines."""
        self._busy.add(connection)
        if self._ticker is None:
            self._ticker = connection.loop.call_later(TICK, self._tick, connection.loop)

    def ended(self, connection: Connection, *, reusable: bool) -> None:
        """Stop watching a connection; keep it for the next request, or close it."""
        self._busy.discard(connection)
        idle = self._idle.setdefault(connection.key, [])
        if reusable and len(idle) < KEPT:
            idle.append(connection)
        else:
            connection.abort()

    def lost(self, connection: Connection) -> None:
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
