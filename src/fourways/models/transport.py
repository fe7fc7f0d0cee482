"""How bytes reach a model's server and come back: the `Transport` protocol, who may be reached, and through whom."""

from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit

from fourways.core.errors import RefusedAddress, UpstreamError

BODY_LIMIT = 256 * 1024 * 1024
"""Bytes of a body that is read whole, at most."""

GRACE = 1.0
"""Seconds in which a released body may end; then its connection is cut."""

LOOPBACK = frozenset({"localhost", "::1", "[::1]"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadlines:
    """How long to wait for a server, in seconds.

    Attributes:
        connect: for the connection, TLS included.
        first_byte: from the request's last byte to the answer's head.
        idle: between two pieces of the body.
        total: from the start to the body's end.
    """

    connect: float = 5.0
    first_byte: float = 60.0
    idle: float = 60.0
    total: float = 600.0


class Response(Protocol):
    """A server's answer: its head at once, its body piece by piece. Whoever opened it closes it.

    Attributes:
        status: 200 to 599; an error status is an answer like any other here.
    """

    status: int

    @property
    def headers(self) -> Mapping[str, str]:
        """The head's fields by lower-case name; the last one wins."""
        ...

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Give the body's bytes as they come.

        Raises:
            UpstreamTimeout: the next piece, or the whole, took too long.
            UpstreamError: the connection broke before the body's end.
        """
        ...

    async def read(self, limit: int = BODY_LIMIT) -> bytes:
        """Return what is left of the body; raises `UpstreamError` when it is longer than `limit` bytes."""
        ...

    def release(self) -> None:
        """Let go of an answer that was read as far as it matters: its connection serves the next request.

        A body that has not ended is given `GRACE` seconds to do so.
        """
        ...

    def close(self) -> None:
        """Cut the connection, so that the server sees at once; nothing happens after `release` or the body's end."""
        ...


class Transport(Protocol):
    """Opens requests; keeps connections for the next one."""

    async def open(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes = b"", deadlines: Deadlines
    ) -> Response:
        """Send a request and return once the answer's head is there.

        Raises:
            UpstreamTimeout: connection or head took too long.
            UpstreamError: no connection, or it broke before the head; the message says which server.
        """
        ...

    async def close(self) -> None:
        """Close every connection."""
        ...


def is_loopback(url: str) -> bool:
    """Whether the URL's host is this machine, by its name alone: `localhost`, 127.0.0.0/8, `::1`."""
    host = urlsplit(url).hostname or ""
    return host in LOOPBACK or (host.startswith("127.") and host.replace(".", "").isdigit())


def origin_of(url: str) -> str:
    """Return `scheme://host:port` without what stands after it: safe to show, no key in it."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname or ''}{f':{parts.port}' if parts.port else ''}"


def proxy_for(url: str, environ: Mapping[str, str]) -> str | None:
    """Return the proxy that `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY` (either case) ask for, or None."""
    parts = urlsplit(url)
    lower = {name.lower(): value for name, value in environ.items() if name.lower().endswith("_proxy") and value}
    proxy = lower.get(f"{parts.scheme}_proxy") or lower.get("all_proxy")
    if not proxy or is_loopback(url) or _spared(parts.hostname or "", lower.get("no_proxy", "")):
        return None
    return proxy


def _spared(host: str, no_proxy: str) -> bool:
    """Whether `no_proxy` (`*`, or suffixes of host names, comma-separated) names the host."""
    names = [name.strip().lstrip(".").split(":")[0].lower() for name in no_proxy.split(",")]
    return any(name in {"*", host} or host.endswith(f".{name}") for name in names if name)


class Fenced:
    """A transport that reaches loopback and the origins it was given, and nothing else: `network: none`."""

    def __init__(self, inner: Transport, allowed: Iterable[str] = ()) -> None:
        self._inner = inner
        self._allowed = frozenset(origin_of(url) for url in allowed)

    async def open(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes = b"", deadlines: Deadlines
    ) -> Response:
        """Open a request inside the fence; raises `RefusedAddress` for one outside it."""
        if not is_loopback(url) and origin_of(url) not in self._allowed:
            msg = (
                f"{origin_of(url)} is outside this machine and the project says network: none; "
                "a server of your own network needs `network: internal` on its provider"
            )
            raise RefusedAddress(msg)
        return await self._inner.open(method, url, headers=headers, body=body, deadlines=deadlines)

    async def close(self) -> None:
        """Close the transport inside."""
        await self._inner.close()


async def read_whole(response: Response, limit: int) -> bytes:
    """Join a response's body; raises `UpstreamError` when it is longer than `limit` bytes."""
    pieces: list[bytes] = []
    size = 0
    async for piece in response:
        pieces.append(piece)
        size += len(piece)
        if size > limit:
            msg = f"the server's answer is longer than {limit} bytes"
            raise UpstreamError(msg)
    return b"".join(pieces)
