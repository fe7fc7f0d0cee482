"""Runs durable jobs: claims one, keeps its lease alive while it works, ends it. A killed worker's job is taken over."""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from fourways.control.again import again
from fourways.core.errors import Busy, FourwaysError, IllegalTransition
from fourways.core.ids import TenantId
from fourways.core.trace import Clock, describe
from fourways.store import jobs
from fourways.store.database import Database
from fourways.store.jobs import JobRow

LOG = logging.getLogger(__name__)

LEASE = 8.0
"""Seconds a job is its worker's without a sign of life: what a crash costs before another takes over."""
BEAT = 0.5
"""Seconds between signs of life, which carry the progress."""
IDLE = 0.5
"""Seconds between two looks for work."""
LOOK = 0.15
"""Seconds between two looks at a job that is followed."""
ENDED = frozenset({"done", "failed", "cancelled"})

Note = Callable[[Mapping[str, Any]], None]
"""Takes a job's progress: JSON."""
Handler = Callable[[JobRow, Note], Awaitable[Mapping[str, Any]]]
"""Does a job and returns its result. It may be begun again after a crash: each step must be idempotent."""


@dataclass(slots=True, kw_only=True)
class Worker:
    """Does jobs one after the other.

    Attributes:
        handlers: by the kind of job.
        owner: names this worker; a new name each time one starts.
        now: Unix seconds.
    """

    database: Database
    handlers: Mapping[str, Handler]
    owner: str
    now: Clock = time.time

    async def run(self) -> None:
        """Work until cancelled; a job under way is then given back."""
        await again(self._work_off, "no job could be taken", pause=IDLE)

    @asynccontextmanager
    async def beside(self) -> AsyncIterator[None]:
        """Work while something else is done here; a job under way at its end is given back."""
        working = asyncio.create_task(self.run())
        try:
            yield
        finally:
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)

    async def _work_off(self) -> None:
        while (job := await asyncio.to_thread(self._claim)) is not None:
            await self._do(job)

    def _claim(self) -> JobRow | None:
        with self.database.transaction() as connection:
            kinds = list(self.handlers)
            return jobs.claim(connection, owner=self.owner, lease_seconds=LEASE, now=self.now(), kinds=kinds)

    async def _do(self, job: JobRow) -> None:
        """Do one job beside its heartbeat; whichever ends first ends the other."""
        noted: dict[str, Any] = {}
        work = asyncio.ensure_future(self.handlers[job.kind](job, noted.update))
        heart = asyncio.create_task(self._beat(job, noted))
        try:
            await asyncio.wait((work, heart), return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                LOG.warning("job %s was taken over by another worker; this one stops", job.id)
                return
            await self._end(job, work)
        except asyncio.CancelledError:
            with contextlib.suppress(Busy, IllegalTransition):  # somebody cancelled it, or took it over, meanwhile
                await asyncio.shield(asyncio.to_thread(self._write, jobs.give_back, job))
            raise
        finally:
            for task in (work, heart):
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError, Exception):
                    await task

    async def _beat(self, job: JobRow, noted: Mapping[str, Any]) -> None:
        """Return when the job is no longer this worker's; a store that is away for a while is waited for."""
        while True:
            await asyncio.sleep(BEAT)
            try:
                if not await asyncio.to_thread(self._heartbeat, job, dict(noted)):
                    return
            except Busy as error:
                LOG.warning("job %s: %s", job.id, error)

    def _heartbeat(self, job: JobRow, progress: Mapping[str, Any]) -> bool:
        with self.database.transaction() as connection:
            return jobs.heartbeat(
                connection,
                job.tenant,
                job.id,
                owner=self.owner,
                lease_seconds=LEASE,
                now=self.now(),
                progress=progress or None,
            )

    async def _end(self, job: JobRow, work: Awaitable[Mapping[str, Any]]) -> None:
        try:
            result = await work
        except FourwaysError as error:
            LOG.warning("job %s (%s) failed: %s", job.id, job.kind, error)
            await asyncio.to_thread(self._write, jobs.fail, job, error=error.message, now=self.now())
        except Exception as error:
            LOG.exception("job %s (%s) failed", job.id, job.kind)
            await asyncio.to_thread(self._write, jobs.fail, job, error=describe(error), now=self.now())
        else:
            await asyncio.to_thread(self._write, jobs.finish, job, result=result, now=self.now())

    def _write(self, change: Callable[..., JobRow], job: JobRow, **values: object) -> None:
        with self.database.transaction() as connection:
            change(connection, job.tenant, job.id, owner=self.owner, **values)


async def follow(
    database: Database, tenant: TenantId, ids: Sequence[str], on_change: Callable[[JobRow], None]
) -> list[JobRow]:
    """Watch jobs until all have ended, whoever does them; `on_change` sees each row at each look."""
    while True:
        rows = await asyncio.to_thread(_rows, database, tenant, ids)
        for row in rows:
            on_change(row)
        if all(row.state in ENDED for row in rows):
            return rows
        await asyncio.sleep(LOOK)


def _rows(database: Database, tenant: TenantId, ids: Sequence[str]) -> list[JobRow]:
    with database.reading() as connection:
        return [jobs.get_job(connection, tenant, job_id) for job_id in ids]
