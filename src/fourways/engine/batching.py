"""Requests of many callers become packs for the model: small requests first, the queue bounded. Knows no torch."""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fourways.core.errors import Unavailable
from fourways.engine.tokens import Tokens

Rows = NDArray[np.float32]
Encode = Callable[[Sequence[Tokens]], Rows]

INTERACTIVE = 256
"""A request of at most so many tokens (a question) goes before larger ones."""


@dataclass(slots=True, kw_only=True, eq=False)
class Work:
    """One request: its sequences, and the rows that come back for them.

    Attributes:
        encode: what answers it; sequences of different encoders are never packed together.
        order: the sequences not yet taken, longest last (taken from the end: equal lengths stand together).
    """

    sequences: Sequence[Tokens]
    encode: Encode
    rows: Rows
    future: Future[Rows] = field(default_factory=Future)
    order: list[int] = field(init=False)
    missing: int = field(init=False)

    def __post_init__(self) -> None:
        self.order = sorted(range(len(self.sequences)), key=lambda at: len(self.sequences[at].ids))
        self.missing = len(self.sequences)

    @property
    def tokens(self) -> int:
        """Tokens that wait to be taken."""
        return sum(len(self.sequences[at].ids) for at in self.order)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """One sequence of a request, on its way through the model."""

    work: Work
    at: int

    @property
    def tokens(self) -> Tokens:
        """The sequence."""
        return self.work.sequences[self.at]


class Waiting:
    """The queue: two lanes, first come first served in each. Not safe for threads by itself.

    Args:
        limit: tokens that may wait; a request on top of them is refused (one alone is always taken).
        interactive: see `INTERACTIVE`; 0 lets all wait in one line.
    """

    def __init__(self, limit: int, interactive: int = INTERACTIVE) -> None:
        self.limit, self._interactive = limit, interactive
        self.tokens = 0
        self._small: deque[Work] = deque()
        self._bulk: deque[Work] = deque()

    def __len__(self) -> int:
        return len(self._small) + len(self._bulk)

    def put(self, work: Work) -> None:
        """Queue a request; raises `Unavailable` when too much is waiting."""
        size = work.tokens
        if self.tokens and self.tokens + size > self.limit:
            msg = f"{self.tokens} tokens are waiting and {size} more are over the limit of {self.limit}; try again soon"
            raise Unavailable(msg, retry_after=1.0)
        (self._small if size <= self._interactive else self._bulk).append(work)
        self.tokens += size

    def take(self, budget: int) -> list[Unit]:
        """Take a pack of at most `budget` tokens (one longer sequence goes alone), for one encoder and of one lane."""
        return self._fill(self._small, budget) or self._fill(self._bulk, budget)

    def _fill(self, lane: deque[Work], room: int) -> list[Unit]:
        pack: list[Unit] = []
        while lane:
            work = lane[0]
            if work.future.done():  # taken back, or failed in an earlier pack
                self.tokens -= work.tokens
                lane.popleft()
                continue
            if pack and work.encode != pack[0].work.encode:
                return pack
            while work.order and (not pack or len(work.sequences[work.order[-1]].ids) <= room):
                unit = Unit(work=work, at=work.order.pop())
                pack.append(unit)
                room -= len(unit.tokens.ids)
                self.tokens -= len(unit.tokens.ids)
            if work.order:
                return pack
            lane.popleft()
        return pack


class Batcher:
    """Threads that run the model on packs.

    Args:
        workers: threads; each runs one pack on one core, which wastes less than one pack on many.
        budget: tokens in a pack: what a question may have to wait for.
        limit, interactive: see `Waiting`.
        observe: told each pack's sequences, tokens and CPU seconds.
    """

    def __init__(
        self,
        *,
        workers: int,
        budget: int,
        limit: int,
        interactive: int = INTERACTIVE,
        observe: Callable[[int, int, float], None] = lambda *_: None,
    ) -> None:
        self._budget, self._observe = budget, observe
        self._waiting = Waiting(limit, interactive)
        self._changed = threading.Condition()
        self._closed = False
        self.running = 0
        self._threads = [threading.Thread(target=self._run, name=f"model-{n}", daemon=True) for n in range(workers)]
        for thread in self._threads:
            thread.start()

    @property
    def waiting(self) -> int:
        """Requests not wholly taken yet."""
        return len(self._waiting)

    def submit(self, sequences: Sequence[Tokens], encode: Encode, dimensions: int) -> Future[Rows]:
        """Queue a request; cancel the future to take it back.

        Raises:
            Unavailable: too much is waiting, or the engine is stopping.
        """
        work = Work(sequences=sequences, encode=encode, rows=np.empty((len(sequences), dimensions), np.float32))
        if not sequences:
            work.future.set_result(work.rows)
            return work.future
        with self._changed:
            if self._closed:
                raise Unavailable("the engine is stopping")
            self._waiting.put(work)
            self._changed.notify()
        return work.future

    def close(self) -> None:
        """Finish what waits, then end the threads."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        while pack := self._next():
            start = time.thread_time()
            try:
                rows = pack[0].work.encode([unit.tokens for unit in pack])
            except Exception as error:  # noqa: BLE001 - whatever the model raised belongs to those who wait for it
                self._finish(pack, error)
            else:
                self._observe(len(pack), sum(len(unit.tokens.ids) for unit in pack), time.thread_time() - start)
                self._finish(pack, rows)

    def _next(self) -> list[Unit]:
        """Wait for a pack; an empty one means the end."""
        with self._changed:
            while True:
                if pack := self._waiting.take(self._budget):
                    self.running += 1
                    return pack
                if self._closed:
                    return []
                self._changed.wait()

    def _finish(self, pack: Sequence[Unit], outcome: Rows | Exception) -> None:
        with self._changed:
            self.running -= 1
            for number, unit in enumerate(pack):
                work = unit.work
                work.missing -= 1
                if isinstance(outcome, Exception):
                    _resolve(work.future, outcome)
                    continue
                work.rows[unit.at] = outcome[number]
                if not work.missing:
                    _resolve(work.future, work.rows)


def _resolve(future: Future[Rows], outcome: Rows | Exception) -> None:
    """Tell those who wait, unless they were told or went away."""
    if future.done() or not future.set_running_or_notify_cancel():
        return
    if isinstance(outcome, Exception):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)
