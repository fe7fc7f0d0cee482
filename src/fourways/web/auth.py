"""Who asks: the key in the headers, or nobody on loopback while no key exists."""

from ipaddress import ip_address

from fourways.core.chat import Principal
from fourways.core.errors import NotAllowed, NotAuthenticated
from fourways.gateway.keys import Keys
from fourways.web.asgi import Exchange

BEARER = b"bearer "
KEY_HEADERS = (b"x-api-key", b"api-key")
PROXIED = frozenset({b"forwarded", b"x-forwarded-for", b"x-forwarded-host", b"x-real-ip", b"via"})
"""Headers that say the peer speaks for somebody else: loopback proves nothing then."""
LOCAL_NAMES = frozenset({b"localhost", b"127.0.0.1", b"[::1]"})

OPEN_DOOR = Principal(admin=True)
"""Whoever sits at this machine while no key exists."""
WARNING = (
    b"fourways-warning",
    b"no API key exists: anyone on this machine may do anything; `fourways key create` ends that",
)


def authenticate(exchange: Exchange, keys: Keys) -> Principal:
    """Return the principal of a request.

    Raises:
        NotAuthenticated: no key or no good one; says how to get one.
        NotAllowed: a web page somewhere tries to use a keyless server through its visitor's browser.
    """
    if keys.ring.locked:
        secret = secret_of(exchange.asked)
        if secret is None:
            raise NotAuthenticated(
                "this needs an API key, as `Authorization: Bearer …`; `fourways key create` makes one"
            )
        return keys.principal(secret)
    # No key exists, so that none can be right: clients that insist on sending one may.
    if not from_loopback(exchange):
        raise NotAuthenticated(
            "without an API key only this machine itself is answered; `fourways key create` makes a key, "
            "sent as `Authorization: Bearer …`"
        )
    if not from_here(exchange.asked):
        raise NotAllowed(
            "while no API key exists, only pages of this machine may call; `fourways key create` makes a key"
        )
    exchange.headers.append(WARNING)
    return OPEN_DOOR


def secret_of(headers: dict[bytes, bytes]) -> bytes | None:
    """Return the key a request carries, or None."""
    value = headers.get(b"authorization")
    if value is not None and value[:7].lower() == BEARER:
        return value[7:].strip()
    for name in KEY_HEADERS:
        if name in headers:
            return headers[name]
    return None


def from_loopback(exchange: Exchange) -> bool:
    """Whether the peer is this machine, speaking for itself."""
    client = exchange.scope.get("client")
    if not client or not PROXIED.isdisjoint(exchange.asked):
        return False
    try:
        address = ip_address(client[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def from_here(headers: dict[bytes, bytes]) -> bool:
    """Whether host and origin are names of this machine; a foreign name that leads here is an attack (rebinding)."""
    origin = headers.get(b"origin")
    if origin is not None and hostname(origin.partition(b"://")[2]) not in LOCAL_NAMES:
        return False
    return hostname(headers.get(b"host", b"localhost")) in LOCAL_NAMES


def hostname(authority: bytes) -> bytes:
    """Return `host` of `host:port`."""
    return authority if authority.endswith(b"]") else authority.rpartition(b":")[0] or authority
