"""Syncing a knowledge with its sources, as a durable job: submitted, followed, done again when it is time."""

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from fourways.config.tree import Knowledge
from fourways.control.worker import Handler, Note
from fourways.core.ids import TenantId
from fourways.core.trace import Clock
from fourways.knowledge.library import Library
from fourways.knowledge.sync import Progress
from fourways.store import jobs
from fourways.store.database import Database
from fourways.store.jobs import JobRow

KIND = "sync"


def submit_sync(database: Database, tenant: TenantId, knowledge: str, *, now: float, afresh: bool) -> JobRow:
    """Ask for a knowledge to be synced; a job that already waits or runs is returned instead.

    Args:
        database: where jobs are kept.
        tenant: for whom.
        knowledge: which.
        now: Unix seconds.
        afresh: whether a person asks: workers that died of the job before are then forgotten. The server's own
            asking must not do so, or a document that kills it would kill it at every start.
    """
    with database.transaction() as connection:
        return jobs.submit(connection, tenant, kind=KIND, spec={"knowledge": knowledge}, now=now, afresh=afresh)


def sync_handler(library: Callable[[str], Library]) -> Handler:
    """Return what does a sync job: the library's own sync, which takes up where a killed one stopped."""

    async def handle(job: JobRow, note: Note) -> Mapping[str, Any]:
        def progress(at: Progress) -> None:
            note({"done": at.done, "total": at.total, "what": at.what})

        return asdict(await library(job.spec["knowledge"]).sync(progress))

    return handle


class Refresher:
    """Knows when each knowledge is to be synced again (`refresh:`), counted from when it last was asked for."""

    def __init__(self, now: Clock = time.time) -> None:
        self.now = now
        self._asked: dict[str, float] = {}

    def asked(self, name: str) -> None:
        """Note that a sync was asked for just now."""
        self._asked[name] = self.now()

    def due(self, knowledge: Mapping[str, Knowledge]) -> list[str]:
        """List the knowledges whose time has come."""
        now = self.now()
        return [
            name
            for name, node in knowledge.items()
            if node.refresh is not None and now - self._asked.setdefault(name, now) >= node.refresh.total_seconds()
        ]
