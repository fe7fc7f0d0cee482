"""An answer on its way over the wire: its head, its unread body, its deadlines. Knows nothing of HTTP's framing."""

import asyncio
import zlib
from collections import deque
from collections.abc import AsyncIterator, Mapping
from typing import Protocol

from fourways.core.errors import UpstreamError
from fourways.models.transport import BODY_LIMIT, GRACE, Deadlines, read_whole

HIGH_WATER = 256 * 1024
"""Bytes of an unread body at which the server is held back, until they are read."""


class Line(Protocol):
    """The connection that an answer comes over."""

    def abort(self) -> None:
        """Cut it."""
        ...

    def hold(self, *, back: bool) -> None:
        """Stop or resume reading from it."""
        ...


class Incoming:
    """An answer on its way. Once its body has ended it no longer holds the connection."""

    __slots__ = (
        "_connection", "_deadlines", "_ended", "_failure", "_held", "_inflate", "_loop", "_origin", "_pairs",
        "_pieces", "_released", "_since", "_size", "_total_at", "_waiter", "status",
    )  # fmt: skip

    def __init__(self, connection: Line, origin: str, deadlines: Deadlines, loop: asyncio.AbstractEventLoop) -> None:
        self._connection, self._origin, self._deadlines, self._loop = connection, origin, deadlines, loop
        self.status = 0
        self._pairs: list[tuple[bytes, bytes]] = []
        self._pieces: deque[bytes] = deque()
        self._size = 0
        self._held = self._ended = self._released = False
        self._failure: UpstreamError | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._inflate: zlib._Decompress | None = None
        self._since = loop.time()
        self._total_at = self._since + deadlines.total

    @property
    def headers(self) -> Mapping[str, str]:
        """The head's fields by lower-case name; the last one wins."""
        return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in self._pairs}

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        while not self._pieces:
            if self._failure is not None:
                raise self._failure
            if self._ended:
                raise StopAsyncIteration
            await self.wait()
        data = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
        self._pieces.clear()
        self._size = 0
        if self._held:
            self._held = False
            self._connection.hold(back=False)
        return data

    async def read(self, limit: int = BODY_LIMIT) -> bytes:
        """Return what is left of the body; raises as `Response.read` says."""
        return await read_whole(self, limit)

    def release(self) -> None:
        """Let go: the body may end by itself for `GRACE` seconds."""
        if self._ended or self._failure is not None:
            return
        self._released = True
        self._total_at = min(self._total_at, self._loop.time() + GRACE)
        self._pieces.clear()
        if self._held:
            self._held = False
            self._connection.hold(back=False)

    def close(self) -> None:
        """Cut the connection, unless the body has ended or was released."""
        if not (self._released or self._ended or self._failure is not None):
            self._failure = UpstreamError(f"the answer of {self._origin} was closed")
            self._connection.abort()

    # ------------------------------------------------------------ what the connection tells

    def begin(self, status: int, pairs: list[tuple[bytes, bytes]], encoding: bytes) -> None:
        """Take the head."""
        self.status, self._pairs = status, pairs
        if encoding in {b"gzip", b"deflate"}:  # asked for identity; some middle-boxes do not listen
            self._inflate = zlib.decompressobj(wbits=47)
        self._wake()

    def push(self, data: bytes) -> None:
        """Take a piece of the body; hold the server back where too much is unread."""
        if self._released:
            return
        if self._inflate is not None:
            data = self._inflate.decompress(data)
        self._pieces.append(data)
        self._size += len(data)
        if self._size > HIGH_WATER and not self._held:
            self._held = True
            self._connection.hold(back=True)
        self._wake()

    def end(self) -> None:
        """Note the body's end."""
        self._ended = True
        if self._held:
            self._held = False
            self._connection.hold(back=False)
        self._wake()

    def fail(self, error: UpstreamError) -> None:
        """Note what went wrong; it is raised after what had come."""
        self._failure = self._failure or error
        self._wake()

    def ends_with_connection(self) -> bool:
        """Whether the body's end is told by nothing but the connection's."""
        headers = self.headers
        return "content-length" not in headers and "transfer-encoding" not in headers

    def late(self, now: float) -> str:
        """Say which deadline has passed; "" where none has."""
        wait = self._deadlines
        if now >= self._total_at:
            return f"{self._origin} took over {wait.total:g} s for its answer"
        if not self.status:
            late = now - self._since >= wait.first_byte
            return f"{self._origin} did not begin to answer within {wait.first_byte:g} s" if late else ""
        late = self._waiter is not None and now - self._since >= wait.idle
        return f"{self._origin} fell silent for {wait.idle:g} s in the middle of its answer" if late else ""

    async def wait(self) -> None:
        """Wait for the head, for more of the body, or for its end; raises what it failed with."""
        if self.status:
            self._since = self._loop.time()
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None
        if self._failure is not None and not self._pieces:
            raise self._failure

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
