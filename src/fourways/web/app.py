"""The ASGI application: finds the endpoint, asks who is calling, turns errors into answers. No framework on the way."""

import asyncio
from collections.abc import Mapping, Sequence

from fourways.core.errors import InvalidRequest, NotAllowed, NotFound, Unavailable
from fourways.web.asgi import ASGIApp, Exchange, HungUp, Receive, Scope, Send
from fourways.web.auth import authenticate
from fourways.web.endpoints import ENDPOINTS, Access, Endpoint
from fourways.web.errors import refuse, row_of
from fourways.web.house import House


class Router:
    """Finds endpoints: whole paths by a dict, those with a `{name}` in them piece by piece."""

    def __init__(self, endpoints: Sequence[Endpoint]) -> None:
        self._exact = {(e.method, e.path): e for e in endpoints if "{" not in e.path}
        self._patterns = [(e, e.path.split("/")) for e in endpoints if "{" in e.path]

    def find(self, method: str, path: str) -> tuple[Endpoint, Mapping[str, str]] | None:
        """Return the endpoint of a request and what stood in its path's `{}`."""
        endpoint = self._exact.get((method, path))
        if endpoint is not None:
            return endpoint, {}
        pieces = path.split("/")
        for candidate, pattern in self._patterns:
            if candidate.method == method and (params := _matched(pattern, pieces)) is not None:
                return candidate, params
        return None

    def methods(self, path: str) -> list[str]:
        """Return the methods a path has."""
        known = {"GET", "POST", "DELETE"}
        return sorted(method for method in known if self.find(method, path) is not None)


def _matched(pattern: Sequence[str], pieces: Sequence[str]) -> dict[str, str] | None:
    if pattern[-1].endswith("...}") and len(pieces) >= len(pattern):
        pieces = [*pieces[: len(pattern) - 1], "/".join(pieces[len(pattern) - 1 :])]
    if len(pattern) != len(pieces):
        return None
    params: dict[str, str] = {}
    for expected, piece in zip(pattern, pieces, strict=True):
        if expected.startswith("{") and piece:
            params[expected.strip("{.}")] = piece
        elif expected != piece:
            return None
    return params


class Door:
    """The ASGI application over one house."""

    def __init__(self, house: House, endpoints: Sequence[Endpoint] = ENDPOINTS) -> None:
        self._house = house
        self._router = Router(endpoints)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        await self._serve(Exchange(scope, receive, send, self._house.project.server.max_body_bytes))

    async def _serve(self, exchange: Exchange) -> None:
        try:
            endpoint = self._endpoint(exchange)
            if endpoint.access is not Access.ANYBODY:
                self._admit(exchange, endpoint)
            await endpoint.handle(self._house, exchange)
        except HungUp:
            return
        except asyncio.CancelledError:
            await self._refuse(exchange, Unavailable("the server is stopping; ask again in a moment"))
        except Exception as error:  # noqa: BLE001 - the outermost frame: whatever it is, the client is told something
            await self._refuse(exchange, error)

    def _admit(self, exchange: Exchange, endpoint: Endpoint) -> None:
        exchange.principal = authenticate(exchange, self._house.keys)
        if endpoint.access is Access.ADMIN and not exchange.principal.admin:
            raise NotAllowed("this needs an admin key; `fourways key create --admin` makes one")

    async def _refuse(self, exchange: Exchange, error: BaseException) -> None:
        row = row_of(error)
        self._house.metrics.refused(row.status, row.code)
        await refuse(exchange, error, exchange.trace_id)

    def _endpoint(self, exchange: Exchange) -> Endpoint:
        method, path = exchange.scope["method"], exchange.scope["path"]
        found = self._router.find(method, path)
        if found is None:
            methods = self._router.methods(path)
            if methods:
                raise InvalidRequest(f"{path} takes {' and '.join(methods)}, not {method}", code="method_not_allowed")
            raise NotFound(f"there is nothing at {method} {path}; /docs lists what there is")
        endpoint, params = found
        exchange.params = params
        return endpoint


def application(house: House) -> ASGIApp:
    """Return the ASGI application of a house; whoever runs it opens and closes the house."""
    door: ASGIApp = Door(house)
    origins = house.project.server.cors_origins
    if not origins:
        return door
    from starlette.middleware.cors import CORSMiddleware

    return CORSMiddleware(door, allow_origins=origins, allow_methods=["*"], allow_headers=["*"])
