"""A model server kept alive: started on first use, shared between a project's processes, restarted when it dies."""

import asyncio
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeGuard

from fourways.core.errors import Unavailable
from fourways.models.child import Announced, Child, Record, ServerSpec, healthy, locked

BACKOFF = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
"""Seconds to wait before a start, by how many went wrong in a row; the last for all more."""
STEADY = 30.0
"""Seconds a server must have run for its end not to count as a start gone wrong."""
SHORT = 2.0
"""Seconds of back-off that a caller is made to wait; for longer ones it is told to come back."""
WATCH = 0.25
"""Seconds between two looks at the child."""
HEALTH = 10.0
"""Seconds between two questions whether it is well, and that an answer may take."""
UNWELL = 6
"""Questions in a row without an answer after which it is ended and started anew: a server at work may be slow."""

Clock = Callable[[], float]


def backoff(failures: int) -> float:
    """Return the seconds to wait after so many failures in a row: none after the first, then doubling to 30."""
    return BACKOFF[min(failures, len(BACKOFF)) - 1]


class KeptServer:
    """Keeps one server running for a project folder.

    Another process of the same folder with the same spec uses the same server. Whoever started it owns it: it ends
    with its owner, and whoever else used it starts one of its own at its next call.

    Args:
        state: the project's state folder (`.fourways`), made if absent.
        clock: monotonic seconds.
    """

    def __init__(self, spec: ServerSpec, state: Path, *, clock: Clock = time.monotonic) -> None:
        self.spec = spec
        self._state, self._clock = state, clock
        self._file = state / f"{spec.name}.json"
        self._child: Child | None = None
        self._at: Announced | None = None
        self._starting: asyncio.Task[Announced] | None = None
        self._watching: asyncio.Task[None] | None = None
        self._resting: asyncio.Task[None] | None = None
        self._failures = 0
        self._begun = self._next_start = -STEADY
        self._last_error = ""
        self._stopped = False

    @property
    def at(self) -> Announced | None:
        """Where the server was last seen."""
        return self._at

    @property
    def owned(self) -> bool:
        """Whether a server runs that this process started."""
        return self._child is not None and self._child.alive

    async def ready(self, *, instead_of: Announced | None = None) -> Announced:
        """Return where the server is, starting one if there is none; callers share one start.

        Args:
            instead_of: an address that did not answer; it is not believed again before it proves to be healthy.

        Raises:
            Unavailable: it could not be started, or failed so often that the next try is later: `retry_after`.
        """
        if self._stopped:
            raise Unavailable(f"{self.spec.name} is stopped")
        if _under_way(self._resting):
            await asyncio.shield(self._resting)
        if self._at is not None and self._at != instead_of and (self._child is None or self._child.alive):
            return self._at
        if not _under_way(self._starting):
            self._starting = asyncio.create_task(self._start())
        return await asyncio.shield(self._starting)

    async def rest(self) -> None:
        """End the server if it is ours, letting it finish what it does; the next `ready` starts one anew."""
        if not _under_way(self._resting):
            self._resting = asyncio.create_task(self._end())
        await asyncio.shield(self._resting)

    async def stop(self) -> None:
        """End the server for good if it is ours; leave it alone if it is another's."""
        self._stopped = True
        await self.rest()

    async def _end(self) -> None:
        tasks = [task for task in (self._watching, self._starting) if _under_way(task)]
        if _under_way(self._watching):
            self._watching.cancel()
        if tasks:
            await asyncio.wait(tasks)
        child, self._child, self._at = self._child, None, None
        if child is not None:
            await asyncio.to_thread(self._retire, child)

    async def _start(self) -> Announced:
        self._at = None
        if self._child is not None and not self._child.alive:
            self._bury(self._child)
        wait = self._next_start - self._clock()
        if wait > SHORT:
            msg = f"{self.spec.name} failed {self._failures} times, starts again in {wait:.1f} s: {self._last_error}"
            raise Unavailable(msg, retry_after=wait)
        await asyncio.sleep(max(0.0, wait))
        try:
            self._at = await asyncio.to_thread(self._find_or_start)
        except Unavailable as error:
            self._note_failure(error.message)
            raise
        if self._child is not None and (self._watching is None or self._watching.done()):
            self._watching = asyncio.create_task(self._watch())
        return self._at

    def _bury(self, child: Child) -> None:
        child.stop()
        self._child = None
        if self._clock() - self._begun > STEADY:
            self._failures = 0
        self._note_failure("it ended by itself")

    def _note_failure(self, why: str) -> None:
        self._failures += 1
        self._last_error = why
        self._next_start = self._clock() + backoff(self._failures)

    async def _watch(self) -> None:
        """Restart our server as soon as it dies, or answers no more, not only at the next call."""
        watching, asked, unanswered = True, self._clock(), 0
        while watching:
            await asyncio.sleep(WATCH)
            if self.owned:
                if self._clock() - asked >= HEALTH:
                    unanswered = 0 if await self._is_well() else unanswered + 1
                    asked = self._clock()
                if unanswered < UNWELL:
                    continue
                await asyncio.to_thread(self._end_child)
            try:
                await self.ready()
            except Unavailable as error:
                await asyncio.sleep(error.retry_after)
            else:
                watching, unanswered = self.owned, 0  # or another process was faster, and watches its own

    async def _is_well(self) -> bool:
        at = self._at
        return at is not None and await asyncio.to_thread(healthy, at, self.spec.health, timeout=HEALTH)

    def _end_child(self) -> None:
        if self._child is not None:
            self._child.stop()

    def _find_or_start(self) -> Announced:
        """Use the folder's running server, or start one and note it; one process at a time does this."""
        self._state.mkdir(parents=True, exist_ok=True)
        with locked(self._state / f"{self.spec.name}.lock"):
            record = Record.read(self._file)
            if record and record.spec == self.spec.digest and healthy(record.at, self.spec.health):
                return record.at
            if self._child is not None:
                self._child.stop()
                self._child = None
            self._begun = self._clock()
            child = Child.start(self.spec, self._state)
            record = Record(at=child.at, spec=self.spec.digest, started=time.time(), health=self.spec.health)
            record.write(self._file)
            self._child = child
            return child.at

    def _retire(self, child: Child) -> None:
        with locked(self._state / f"{self.spec.name}.lock"):
            record = Record.read(self._file)
            if record and record.at == child.at:
                self._file.unlink(missing_ok=True)
        child.stop()


def noted(state: Path) -> Iterator[tuple[str, Record]]:
    """Yield every server that is noted in a project's state folder, by name; whether it still runs is not asked."""
    for path in sorted(state.glob("*.json")):
        record = Record.read(path)
        if record is not None:
            yield path.stem, record


def _under_way(task: asyncio.Task[Any] | None) -> TypeGuard[asyncio.Task[Any]]:
    """Whether somebody still waits for it to end; a task of a loop that was closed never will."""
    return task is not None and not task.done() and not task.get_loop().is_closed()
