"""While an answer is being made: notices that the client hung up, and keeps a silent stream alive with comments."""

import asyncio
from types import TracebackType
from typing import Self

from fourways.web.asgi import Exchange, HungUp

GRACE = 0.05
"""Seconds before a watch is set on the connection: most answers that need none are out by then."""
COMMENT = b": waiting\n\n"


class Presence:
    """Cancels the current task once the client is gone; inside `with` it comes out as HungUp.

    Args:
        exchange: whose client is watched; its body must have been read.
        comment_every: seconds between comments until `speak` is called; None where the answer is no stream.
    """

    __slots__ = ("_comment_every", "_exchange", "_gone", "_loop", "_pulse", "_task", "_timer", "_watcher")

    def __init__(self, exchange: Exchange, comment_every: float | None = None) -> None:
        self._exchange = exchange
        self._comment_every = comment_every
        self._gone = False
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.current_task()
        self._watcher: asyncio.Task[None] | None = None
        self._pulse: asyncio.Task[None] | None = None
        self._timer = self._loop.call_later(GRACE, self._begin)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._timer.cancel()
        self.speak()
        if self._watcher is not None:
            self._watcher.cancel()
        if self._gone and (kind is None or issubclass(kind, asyncio.CancelledError)):
            raise HungUp from None

    @property
    def waiting(self) -> bool:
        """Whether comments still go out while nothing else does."""
        return self._comment_every is not None

    def speak(self) -> None:
        """Say that the stream has begun to speak for itself: no more comments."""
        self._comment_every = None
        if self._pulse is not None:
            self._pulse.cancel()
            self._pulse = None

    def _begin(self) -> None:
        self._watcher = self._loop.create_task(self._watch())
        if self._comment_every is not None:
            self._pulse = self._loop.create_task(self._comment(self._comment_every))

    async def _watch(self) -> None:
        while (await self._exchange.receive())["type"] != "http.disconnect":
            pass
        self._gone = True
        if self._task is not None:
            self._task.cancel()

    async def _comment(self, every: float) -> None:
        await asyncio.sleep(max(0.0, every - GRACE))
        while True:
            if not self._exchange.started:
                await self._exchange.begin_stream()
            await self._exchange.write(COMMENT)
            await asyncio.sleep(every)
