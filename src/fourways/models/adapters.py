"""Which adapters a running server has: loaded over its API when they are asked for, unloaded when there are many."""

import asyncio
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any

import msgspec

from fourways.core.errors import UpstreamRefused
from fourways.models.child import Announced
from fourways.models.provider import message_of
from fourways.models.transport import Deadlines, Transport

LOADING = Deadlines(first_byte=120.0, idle=120.0, total=180.0)
MOST = 16
"""Adapters on one server, at most, while some of them answer nobody."""


class Adapters:
    """The adapters of one server that loads them by `/v1/load_lora_adapter`: vLLM's API, and our engine's.

    Another process may use the same server and load others: what is there is asked before it is loaded.

    Args:
        server: names it in errors.
    """

    def __init__(self, server: str, transport: Transport) -> None:
        self._server, self._transport = server, transport
        self._lock = asyncio.Lock()
        self._at: Announced | None = None
        self._loaded: dict[str, Path] = {}
        self._busy: dict[str, int] = {}

    async def ensure(self, at: Announced, name: str, folder: Path) -> None:
        """Load an adapter unless it is there.

        Raises:
            UpstreamRefused: the server refused it; the message is its own.
        """
        async with self._lock:
            if at != self._at:
                self._at, self._loaded = at, {}
            if name not in self._loaded:
                if name not in await self._served(at):
                    await self._post(at, "/v1/load_lora_adapter", {"lora_name": name, "lora_path": str(folder)})
            else:
                del self._loaded[name]
            self._loaded[name] = folder  # the last one is the one used last
            for other in [each for each in self._loaded if each != name and not self._busy.get(each)]:
                if len(self._loaded) <= MOST:
                    break
                await self._post(at, "/v1/unload_lora_adapter", {"lora_name": other})
                del self._loaded[other]

    async def unload(self, name: str) -> None:
        """Unload an adapter, if this process loaded it where the server is now."""
        async with self._lock:
            if self._at is not None and self._loaded.pop(name, None) is not None:
                await self._post(self._at, "/v1/unload_lora_adapter", {"lora_name": name})

    def forget(self, name: str) -> None:
        """Believe no more that an adapter is loaded: another process may have unloaded it."""
        self._loaded.pop(name, None)

    def began(self, name: str) -> None:
        """Note that an adapter answers somebody."""
        self._busy[name] = self._busy.get(name, 0) + 1

    def ended(self, name: str) -> None:
        """Note that it has answered."""
        self._busy[name] -= 1

    async def _served(self, at: Announced) -> frozenset[str]:
        listed: dict[str, Any] = msgspec.json.decode(await self._ask("GET", at, "/v1/models", b""))
        return frozenset(str(row["id"]) for row in listed.get("data", ()))

    async def _post(self, at: Announced, path: str, body: Mapping[str, str]) -> None:
        await self._ask("POST", at, path, msgspec.json.encode(body))

    async def _ask(self, method: str, at: Announced, path: str, body: bytes) -> bytes:
        response = await self._transport.open(
            method,
            f"http://{at.host}:{at.port}{path}",
            headers={"content-type": "application/json"},
            body=body,
            deadlines=LOADING,
        )
        try:
            answer = await response.read()
        finally:
            response.close()
        if response.status != HTTPStatus.OK:
            msg = f"{self._server} refused {path}: {message_of(answer) or response.status}"
            raise UpstreamRefused(msg, target=self._server, status=response.status, body=answer)
        return answer
