"""Adapters of a llama-server: all are there from its start, and a request says which of them it is answered with."""

from typing import Any

import msgspec

from fourways.core.errors import Unavailable
from fourways.models.adapters import Caller, Wanted
from fourways.models.child import Announced


class LlamaAdapters:
    """Turns an adapter's name into the number that llama-server gave it, and writes that into the request.

    Every request names every adapter's scale: one left out would keep what `/lora-adapters` was last told. Requests
    with different adapters are not batched together: that is llama-server's way.
    """

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self._at: Announced | None = None
        self._numbers: dict[str, int] = {}

    async def ensure(self, at: Announced, wanted: Wanted) -> None:
        """Find the adapter among those the server has.

        Raises:
            Unavailable: it is not there: it must be named on the server's command line.
        """
        if at != self._at:
            listed = await self._caller.ask("GET", at, "/lora-adapters")
            self._numbers = {str(row["path"]): int(row["id"]) for row in listed}
            self._at = at
        if wanted.base and wanted.source not in self._numbers:
            has = ", ".join(self._numbers) or "none"
            raise Unavailable(f"{self._caller.server} has no adapter {wanted.source}; it was started with: {has}")

    def dressed(self, body: bytes, wanted: Wanted | None) -> bytes:
        """Name the model that is adapted, and add `lora`: the wanted adapter at full scale, every other at none."""
        if not self._numbers or wanted is None:
            return body
        asked: dict[str, Any] = msgspec.json.decode(body)
        asked["model"] = wanted.base or wanted.name
        asked["lora"] = [
            {"id": number, "scale": float(path == wanted.source)} for path, number in self._numbers.items()
        ]
        return msgspec.json.encode(asked)

    def forget(self, name: str) -> None:
        """Do nothing: what a llama-server was started with it keeps."""

    def began(self, name: str) -> None:
        """Do nothing: nothing is ever unloaded."""

    def ended(self, name: str) -> None:
        """Do nothing: nothing is ever unloaded."""
