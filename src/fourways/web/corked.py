"""A transport that gathers what is written in one turn of the event loop into one system call: head, body, events."""

import asyncio
from typing import Any

FULL = 65536
"""Bytes that are not kept back for the end of the turn: whoever writes without ever waiting must meet back-pressure."""


class Corked(asyncio.Transport):
    """Stands before a connection's transport; everything but writing goes straight through."""

    def __init__(self, inner: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._inner = inner
        self._loop = loop
        self._pieces: list[bytes] = []
        self._size = 0

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send at the end of this turn of the loop, or now where much is waiting."""
        if not self._pieces:
            self._loop.call_soon(self.flush)
        self._pieces.append(bytes(data))
        self._size += len(data)
        if self._size >= FULL:
            self.flush()

    def flush(self) -> None:
        """Send what is waiting, now."""
        pieces = self._pieces
        if pieces:
            self._pieces = []
            self._size = 0
            if not self._inner.is_closing():
                self._inner.write(pieces[0] if len(pieces) == 1 else b"".join(pieces))

    def close(self) -> None:
        """Close, once what is waiting has been sent."""
        self.flush()
        self._inner.close()

    def abort(self) -> None:
        """Close now."""
        self._pieces = []
        self._inner.abort()

    def is_closing(self) -> bool:
        """Whether the connection is closed, or about to be."""
        return self._inner.is_closing()

    def pause_reading(self) -> None:
        """Take no more in."""
        self._inner.pause_reading()

    def resume_reading(self) -> None:
        """Take more in."""
        self._inner.resume_reading()

    def get_extra_info(self, name: str, default: Any = None) -> Any:  # noqa: ANN401 - asyncio's own types
        """Return a fact about the connection."""
        return self._inner.get_extra_info(name, default)
