"""Answers to test cases, kept in the store: written in small batches off the path of whoever asks."""

import asyncio
import logging
import threading
import time
from dataclasses import dataclass, field
from typing import Self

from fourways.core.errors import Busy, Unavailable
from fourways.core.ids import TenantId
from fourways.core.report import Answered
from fourways.core.trace import Clock
from fourways.store import answers
from fourways.store.database import Database

LOG = logging.getLogger(__name__)

PAUSE = 0.25
"""Seconds that an answer waits at most before it is written: what a crash costs."""


@dataclass(slots=True, kw_only=True)
class AnswersKept:
    """The cache of a run's desk. Use it as a context: what is left is written at its end.

    Attributes:
        app: whose answers; "" for a model asked directly.
    """

    database: Database
    tenant: TenantId
    app: str
    now: Clock = time.time
    _waiting: dict[str, Answered] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _writing: asyncio.Task[None] | None = None

    async def get(self, digest: str) -> Answered | None:
        """Return an answer, None where there is none."""
        with self._lock:
            waiting = self._waiting.get(digest)
        return waiting if waiting is not None else await asyncio.to_thread(self._read, digest)

    def put(self, digest: str, answered: Answered) -> None:
        """Keep an answer; never waits."""
        with self._lock:
            self._waiting[digest] = answered

    async def __aenter__(self) -> Self:
        self._writing = asyncio.create_task(self._write_on())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._writing is not None:
            self._writing.cancel()
            await asyncio.gather(self._writing, return_exceptions=True)
        await asyncio.to_thread(self._write)

    async def _write_on(self) -> None:
        while True:
            await asyncio.sleep(PAUSE)
            try:
                await asyncio.to_thread(self._write)
            except (Busy, Unavailable) as error:
                LOG.warning("answers to test cases wait to be kept: %s", error)

    def _read(self, digest: str) -> Answered | None:
        with self.database.reading() as connection:
            return answers.answers_kept(connection, self.tenant, [digest]).get(digest)

    def _write(self) -> None:
        with self._lock:
            batch = dict(self._waiting)
        if batch:
            with self.database.transaction() as connection:
                answers.keep_answers(connection, self.tenant, batch, app=self.app, now=self.now())
        with self._lock:
            for digest, answered in batch.items():
                if self._waiting.get(digest) is answered:
                    del self._waiting[digest]
