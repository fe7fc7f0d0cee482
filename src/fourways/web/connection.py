"""uvicorn's HTTP/1.1 connection, made cheaper: one system call a turn of the event loop, streams written past ASGI."""

import asyncio
from functools import partial
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from fourways.web.asgi import WRITE_NOW

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


class Connection(HttpToolsProtocol):
    """One client's connection; a client that connects and never asks is closed like one that is idle."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        """Begin."""
        super().connection_made(Corked(transport, self.loop))
        self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)

    def on_headers_complete(self) -> None:
        """Begin a request; the application finds in its scope how to write past ASGI."""
        super().on_headers_complete()
        self.scope[WRITE_NOW] = partial(write_now, self.cycle)  # type: ignore[literal-required]


def write_now(cycle: RequestResponseCycle, piece: bytes) -> bool:
    """Write a chunk of a body whose head has left, as `cycle.send` would; False where `cycle.send` must do it."""
    if not cycle.chunked_encoding or cycle.flow.write_paused or cycle.disconnected:
        return False
    cycle.transport.write(b"%x\r\n%b\r\n" % (len(piece), piece))
    return True
