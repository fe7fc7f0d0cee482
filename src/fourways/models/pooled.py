"""The transport over aiohttp: goes through proxies, at a few times the CPU of `wire`'s."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any

from fourways.core.errors import UpstreamError, UpstreamTimeout
from fourways.models.transport import BODY_LIMIT, GRACE, Deadlines, Response, origin_of, proxy_for, read_whole

if TYPE_CHECKING:
    from aiohttp import ClientResponse, ClientSession


class PooledTransport:
    """Requests over aiohttp's pooled session: follows proxies of the environment, never a redirect.

    Args:
        environ: where the proxies are named.
        limit: connections at a time; 0 means as many as are asked for.
    """

    def __init__(self, environ: Mapping[str, str], *, limit: int = 0) -> None:
        self._environ = environ
        self._limit = limit
        self._session: ClientSession | None = None

    def _opened(self) -> "ClientSession":
        if self._session is None:
            from aiohttp import ClientSession, DummyCookieJar, TCPConnector, TraceConfig

            watch = TraceConfig()
            watch.on_connection_create_end.append(_note_connected)
            watch.on_connection_reuseconn.append(_note_reused)
            self._session = ClientSession(
                connector=TCPConnector(limit=self._limit, keepalive_timeout=30, ttl_dns_cache=60),
                cookie_jar=DummyCookieJar(),
                auto_decompress=True,
                skip_auto_headers=("User-Agent", "Content-Type"),
                trace_configs=[watch],
            )
        return self._session

    async def open(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes = b"", deadlines: Deadlines
    ) -> Response:
        """Send a request and return once the answer's head is there; raises as `Transport.open` says."""
        from aiohttp import ClientError, ConnectionTimeoutError

        origin = origin_of(url)
        try:
            async with asyncio.timeout(None) as first_byte:
                response = await self._request(method, url, headers, body, deadlines, first_byte)
        except ConnectionTimeoutError as error:
            msg = f"no connection to {origin} within {deadlines.connect:g} s"
            raise UpstreamTimeout(msg) from error
        except TimeoutError as error:
            msg = f"{origin} did not begin to answer within {deadlines.first_byte:g} s"
            raise UpstreamTimeout(msg) from error
        except (ClientError, OSError, ValueError) as error:
            msg = f"{origin} could not be reached: {error or type(error).__name__}"
            raise UpstreamError(msg) from error
        return _PooledResponse(response, origin, deadlines)

    async def _request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes,
        deadlines: Deadlines,
        first_byte: asyncio.Timeout,
    ) -> "ClientResponse":
        """Send a request; again, when a kept connection turns out to have died before a byte came back."""
        from aiohttp import ClientTimeout, ServerDisconnectedError

        while True:
            this = _Try(first_byte, deadlines.first_byte)
            try:
                return await self._opened().request(
                    method,
                    url,
                    headers=headers,
                    data=body or None,
                    timeout=ClientTimeout(total=deadlines.total, sock_connect=deadlines.connect),
                    allow_redirects=False,
                    proxy=proxy_for(url, self._environ),
                    trace_request_ctx=this,
                )
            except (ServerDisconnectedError, ConnectionResetError):
                if not this.reused:
                    raise

    async def close(self) -> None:
        """Close the session and its connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None


class _Try:
    """One try of a request: whether its connection was kept, and the timer that starts once it has one."""

    __slots__ = ("_limit", "_timer", "reused")

    def __init__(self, timer: asyncio.Timeout, limit: float) -> None:
        self._timer, self._limit = timer, limit
        self.reused = False

    def connected(self, *, reused: bool) -> None:
        self.reused = reused
        self._timer.reschedule(asyncio.get_running_loop().time() + self._limit)


async def _note_connected(session: "ClientSession", context: Any, params: object) -> None:  # noqa: ANN401, ARG001 - aiohttp's signature
    context.trace_request_ctx.connected(reused=False)


async def _note_reused(session: "ClientSession", context: Any, params: object) -> None:  # noqa: ANN401, ARG001 - aiohttp's signature
    context.trace_request_ctx.connected(reused=True)


class _PooledResponse:
    __slots__ = ("_deadlines", "_origin", "_released", "_response", "headers", "status")

    def __init__(self, response: "ClientResponse", origin: str, deadlines: Deadlines) -> None:
        self._response, self._origin, self._deadlines = response, origin, deadlines
        self._released = False
        self.status = response.status
        self.headers: Mapping[str, str] = {name.lower(): value for name, value in response.headers.items()}

    async def __aiter__(self) -> AsyncIterator[bytes]:
        from aiohttp import ClientError

        content, idle = self._response.content, self._deadlines.idle
        try:
            while True:
                async with asyncio.timeout(idle):
                    piece = await content.readany()
                if not piece:
                    return
                yield piece
        except TimeoutError as error:
            msg = f"{self._origin} fell silent for {idle:g} s, or took over {self._deadlines.total:g} s in all"
            raise UpstreamTimeout(msg) from error
        except (ClientError, OSError) as error:
            msg = f"{self._origin} broke off in the middle of its answer: {error or type(error).__name__}"
            raise UpstreamError(msg) from error

    async def read(self, limit: int = BODY_LIMIT) -> bytes:
        return await read_whole(self, limit)

    def release(self) -> None:
        self._released = True
        if not self._response.content.is_eof():  # at the body's end aiohttp gives the connection back by itself
            asyncio.get_running_loop().call_later(GRACE, self._response.close)

    def close(self) -> None:
        if not self._released:
            self._response.close()
