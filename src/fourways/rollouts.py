"""What takes a house's releases to people and back: the job that gates drafts, the watch, the opinions beside it."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import nullcontext
from typing import Any

from fourways.control.evaluations import Evaluator
from fourways.control.gating import gate_handler
from fourways.control.opinions import Gatherer
from fourways.control.releases import GATE, job_of
from fourways.control.watch import Watch
from fourways.control.worker import Worker, follow
from fourways.core.chat import Answerer
from fourways.core.errors import NotFound
from fourways.core.ids import TenantId, new_id
from fourways.store import releases
from fourways.store.database import Database
from fourways.store.jobs import JobRow


class Rollouts:
    """Releases on their way.

    Args:
        database, tenant: where they are kept, and whose.
        evaluator: measures; there once the house has started.
        serve: what answers for an app's canary (True) or for the others (False).
        moved: puts what the release log says in force in this process.
    """

    def __init__(
        self,
        database: Database,
        tenant: TenantId,
        *,
        evaluator: Callable[[], Evaluator],
        serve: Callable[[str, bool], Answerer],
        moved: Callable[[], Awaitable[None]],
    ) -> None:
        self.database = database
        self.tenant = tenant
        handlers = {GATE: gate_handler(database, tenant, evaluator, moved=moved)}
        self.worker = Worker(database=database, handlers=handlers, owner=new_id("worker"))
        self.opinions = Gatherer(
            database=database,
            tenant=tenant,
            serve=serve,
            kept=lambda app: evaluator().kept(app),
            desk=lambda kept: evaluator().desk(kept),
            tools=lambda desk: evaluator().tools(desk),
        )
        self.watch = Watch(database=database, tenant=tenant, moved=moved, opine=self.opinions.known)

    def background(self) -> tuple[Coroutine[None, None, None], ...]:
        """Return what runs while a house serves."""
        return (self.worker.run(), self.opinions.run(), self.watch.run())

    async def gate(
        self, app: str, number: int, on_change: Callable[[Mapping[str, Any]], None], *, helping: bool
    ) -> None:
        """Wait until a draft was evaluated and judged, by whichever process does it.

        Args:
            on_change: called with the job's progress, again and again.
            helping: whether this process does such jobs meanwhile, because none of its own runs.

        Raises:
            NotFound: there is no such release, or its job is gone.
        """
        job = await asyncio.to_thread(self._job, app, number)
        async with self.worker.beside() if helping else nullcontext():
            await follow(self.database, self.tenant, [job.id], lambda row: on_change(row.progress or {}))

    def live(self, app: str) -> int | None:
        """Return the number of an app's live release, None where nothing is live."""
        with self.database.reading() as connection:
            return releases.line_of(connection, self.tenant, app, "production").live

    def _job(self, app: str, number: int) -> JobRow:
        with self.database.reading() as connection:
            release = releases.get_release(connection, self.tenant, app, number)
        job = job_of(self.database, self.tenant, release)
        if job is None:
            raise NotFound(f"{release.name} of '{app}' has no evaluation any more; release the candidate again")
        return job
