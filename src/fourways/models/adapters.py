"""What a server is to have loaded for a request; and how vLLM and our engine are told to load and unload adapters."""

import asyncio
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Protocol

import msgspec

from fourways.core.errors import UpstreamRefused
from fourways.models.child import Announced
from fourways.models.provider import message_of
from fourways.models.transport import Deadlines, Transport

LOADING = Deadlines(first_byte=120.0, idle=120.0, total=180.0)
MOST = 16
"""Adapters on one server, at most, while some of them answer nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a server is to have for a request: an adapter; with Ollama the model too.

    Attributes:
        name: what requests call it.
        source: where it lies, or a hub's name.
        base: what it adapts; "" where it stands for itself.
    """

    name: str
    source: str
    base: str = ""


class Loader(Protocol):
    """Sees to it that a server has what its requests want."""

    async def ensure(self, at: Announced, wanted: Wanted) -> None:
        """Load it unless it is there; raises UpstreamRefused, whose message is the server's own, or Unavailable."""
        ...

    def dressed(self, body: bytes, wanted: Wanted | None) -> bytes:
        """Return a request's body as the server understands it, for what it wants loaded."""
        ...

    def forget(self, name: str) -> None:
        """Believe no more that it is loaded: another process may have unloaded it."""
        ...

    def began(self, name: str) -> None:
        """Note that it answers somebody: it must not be unloaded."""
        ...

    def ended(self, name: str) -> None:
        """Note that it has answered."""
        ...


class Caller:
    """Calls a server's API apart from its models.

    Args:
        server: names it in errors.
    """

    def __init__(self, server: str, transport: Transport) -> None:
        self.server, self._transport = server, transport

    async def ask(self, method: str, at: Announced, path: str, body: Any = None) -> Any:  # noqa: ANN401 - JSON
        """Call it and return the answer's JSON, None where it has none; raises UpstreamRefused."""
        response = await self._transport.open(
            method,
            f"http://{at.host}:{at.port}{path}",
            headers={"content-type": "application/json"},
            body=b"" if body is None else msgspec.json.encode(body),
            deadlines=LOADING,
        )
        try:
            answer = await response.read()
        finally:
            response.close()
        if response.status != HTTPStatus.OK:
            msg = f"{self.server} refused {path}: {message_of(answer) or response.status}"
            raise UpstreamRefused(msg, target=self.server, status=response.status, body=answer)
        try:
            return msgspec.json.decode(answer)
        except msgspec.DecodeError:  # vLLM says in plain words that it is done
            return None


class Adapters:
    """The adapters of one server that loads them by `/v1/load_lora_adapter`: vLLM's API, and our engine's.

    Another process may use the same server and load others: what is there is asked before it is loaded.
    """

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self._lock = asyncio.Lock()
        self._at: Announced | None = None
        self._loaded: dict[str, None] = {}
        self._busy: dict[str, int] = {}

    async def ensure(self, at: Announced, wanted: Wanted) -> None:
        """Load an adapter unless it is there; see `Loader`."""
        async with self._lock:
            if at != self._at:
                self._at, self._loaded = at, {}
            if wanted.name in self._loaded:
                del self._loaded[wanted.name]
            elif wanted.name not in await self._served(at):
                body = {"lora_name": wanted.name, "lora_path": wanted.source}
                await self._caller.ask("POST", at, "/v1/load_lora_adapter", body)
            self._loaded[wanted.name] = None  # the last one is the one used last
            for other in [name for name in self._loaded if name != wanted.name and not self._busy.get(name)]:
                if len(self._loaded) <= MOST:
                    break
                await self._unload(at, other)

    def dressed(self, body: bytes, wanted: Wanted | None) -> bytes:  # noqa: ARG002 - it goes by the model's name
        """Return the body as it is."""
        return body

    async def unload(self, name: str) -> None:
        """Unload an adapter, if this process loaded it where the server is now."""
        async with self._lock:
            if self._at is not None and name in self._loaded:
                await self._unload(self._at, name)

    def forget(self, name: str) -> None:
        """Believe no more that an adapter is loaded: another process may have unloaded it."""
        self._loaded.pop(name, None)

    def began(self, name: str) -> None:
        """Note that an adapter answers somebody."""
        self._busy[name] = self._busy.get(name, 0) + 1

    def ended(self, name: str) -> None:
        """Note that it has answered."""
        self._busy[name] -= 1

    async def _unload(self, at: Announced, name: str) -> None:
        del self._loaded[name]
        await self._caller.ask("POST", at, "/v1/unload_lora_adapter", {"lora_name": name})

    async def _served(self, at: Announced) -> frozenset[str]:
        listed = await self._caller.ask("GET", at, "/v1/models")
        return frozenset(str(row["id"]) for row in listed.get("data", ()))
