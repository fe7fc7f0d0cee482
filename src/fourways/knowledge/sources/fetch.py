"""Fetch a URL within bounds: public addresses only, each redirect checked again, so many bytes, so many seconds.

The address that was checked is the one connected to: the check sits in the resolver that the connection itself uses.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from types import TracebackType
from typing import Self
from urllib.parse import urljoin, urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from fourways.core.errors import RefusedAddress, UnreadableDocument

Resolve = Callable[[str], Awaitable[Sequence[str]]]
"""A host's name to its addresses, as text."""

AGENT = "fourways"
MAX_PAGE_BYTES = 20_000_000
_MAX_REDIRECTS = 5
_TIMEOUT = aiohttp.ClientTimeout(total=60, connect=10, sock_read=20)
_REDIRECTS = frozenset((301, 302, 303, 307, 308))
_PIECE = 65_536
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """What a server answered.

    Attributes:
        url: where the answer came from, after redirects.
        headers: by lower-case name.
        body: whole, unpacked; empty where the status is no success.
    """

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes


async def resolve_by_system(host: str) -> list[str]:
    """Resolve a host's name as this machine does."""
    found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


class Fetcher:
    """Fetches pages; open it with `async with`."""

    def __init__(self, *, allow_private: bool = False, resolve: Resolve = resolve_by_system) -> None:
        self._allow_private = allow_private
        self._resolve = resolve
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        """Open the connections."""
        resolver = _CheckedResolver(self._resolve, allow_private=self._allow_private)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(resolver=resolver, use_dns_cache=False, limit=8),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": f"{AGENT}/{version('fourways')}", "Accept-Encoding": "gzip, deflate"},
            timeout=_TIMEOUT,
            trust_env=False,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    async def fetch(
        self,
        url: str,
        headers: Mapping[str, str] | None = None,
        *,
        limit: int = MAX_PAGE_BYTES,
        before: Callable[[str], Awaitable[None]] | None = None,
    ) -> Fetched:
        """Get a URL, following redirects.

        Args:
            headers: sent along, such as If-None-Match.
            limit: bytes of the unpacked body, at most.
            before: awaited with each URL about to be asked; it may wait, or raise to refuse.

        Raises RefusedAddress for an address that may not be asked, UnreadableDocument for an answer that does not
        come, is too large or turns in circles.
        """
        here = url
        for _ in range(_MAX_REDIRECTS + 1):
            self._check(here)
            if before:
                await before(here)
            answer = await self._get(here, headers or {}, limit)
            target = answer.headers.get("location")
            if answer.status not in _REDIRECTS or not target:
                return answer
            here = urljoin(here, target)
        raise UnreadableDocument(f"'{url}' is redirected more than {_MAX_REDIRECTS} times; name the page it leads to")

    def _check(self, url: str) -> None:
        """Refuse what is no web address, and an address written as numbers that is not public."""
        try:
            parts = urlsplit(url)
            host = parts.hostname or ""
            parts.port  # noqa: B018 - reading it raises where it is no number
        except ValueError as error:
            raise RefusedAddress(f"'{url}' is no web address ({error}); write http:// or https://") from error
        if parts.scheme not in {"http", "https"} or not host:
            raise RefusedAddress(f"'{url}' is no web address; only http:// and https:// are read")
        if parts.username is not None:
            raise RefusedAddress(f"the URL for {host} has a user's name in it; only public pages are read")
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return  # a name: the resolver checks what it stands for
        if not self._allow_private and not is_public(str(address)):
            raise _private(host, host)

    async def _get(self, url: str, headers: Mapping[str, str], limit: int) -> Fetched:
        if self._session is None:
            raise RuntimeError("open the Fetcher with `async with` first")
        try:
            async with self._session.get(url, headers=headers, allow_redirects=False) as answer:
                body = await _body(answer, url, limit) if answer.ok else b""
                return Fetched(
                    url=url,
                    status=answer.status,
                    headers={name.lower(): value for name, value in answer.headers.items()},
                    body=body,
                )
        except aiohttp.ClientConnectorError as error:
            if isinstance(error.__cause__, _PrivateAddressError):
                raise _private(error.__cause__.host, error.__cause__.address) from error
            raise UnreadableDocument(f"'{url}' cannot be reached: {error.os_error.strerror or error}") from error
        except aiohttp.InvalidURL as error:
            raise RefusedAddress(f"'{url}' is no web address: {error}") from error
        except (aiohttp.ClientError, ValueError) as error:
            raise UnreadableDocument(f"'{url}' cannot be read: {type(error).__name__}: {error}") from error
        except TimeoutError as error:
            raise UnreadableDocument(
                f"'{url}' did not answer within {_TIMEOUT.total:.0f} s; try again later"
            ) from error


def is_public(address: str) -> bool:
    """Whether an IP address, or the IPv4 address inside an IPv6 one, is reachable from anywhere."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inside = ipaddress.IPv4Address(int(ip) & 0xFFFF_FFFF) if ip in _NAT64 else ip.ipv4_mapped or ip.sixtofour
        ip = inside or ip
    return ip.is_global and not ip.is_multicast


async def _body(answer: aiohttp.ClientResponse, url: str, limit: int) -> bytes:
    """Read an answer's body, unpacked, up to a limit."""
    pieces, size = [], 0
    async for piece in answer.content.iter_chunked(_PIECE):
        size += len(piece)
        if size > limit:
            raise UnreadableDocument(f"'{url}' has more than {limit / 1e6:,.0f} MB; name smaller pages")
        pieces.append(piece)
    return b"".join(pieces)


def _private(host: str, address: str) -> RefusedAddress:
    return RefusedAddress(
        f"'{host}' stands for {address}, which is no public address; "
        "say allow_private: true in the source if it is your own intranet"
    )


class _PrivateAddressError(OSError):
    """A name stands for an address that may not be asked."""

    def __init__(self, host: str, address: str) -> None:
        super().__init__(f"{host} is {address}")
        self.host, self.address = host, address


class _CheckedResolver(AbstractResolver):
    """Resolves for the connector, and hands on only what may be connected to."""

    def __init__(self, resolve: Resolve, *, allow_private: bool) -> None:
        self._resolve = resolve
        self._allow_private = allow_private

    async def resolve(
        self,
        host: str,
        port: int = 0,
        family: socket.AddressFamily = socket.AF_UNSPEC,  # noqa: ARG002 - aiohttp's shape
    ) -> list[ResolveResult]:
        """Return a name's addresses; raises where one of them is private and none may be."""
        addresses = await self._resolve(host)
        refused = [] if self._allow_private else [each for each in addresses if not is_public(each)]
        if refused:
            raise _PrivateAddressError(host, refused[0])
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=socket.IPPROTO_TCP,
                flags=socket.AI_NUMERICHOST,
            )
            for address in addresses
        ]

    async def close(self) -> None:
        """Nothing is held."""
