"""What keeps a house's knowledge: syncs it, as durable jobs, when it is asked to and when it is due; erases of it."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from typing import Any

from fourways.config.tree import Knowledge
from fourways.control.fittings import named
from fourways.control.sync import KIND, Refresher, submit_sync, sync_handler
from fourways.control.worker import Worker, follow
from fourways.core.errors import FourwaysError
from fourways.core.ids import TenantId, new_id
from fourways.knowledge.erase import DeletionReport
from fourways.knowledge.library import Library
from fourways.store import audit, trainings
from fourways.store.database import Database
from fourways.store.jobs import JobRow
from fourways.store.trainings import WeightsRow

LOG = logging.getLogger(__name__)


class Librarian:
    """Keeps every knowledge of a house.

    Args:
        database, tenant: where they are kept, and whose.
        libraries: those that the project file in force names.
    """

    def __init__(self, database: Database, tenant: TenantId, *, libraries: Callable[[], Mapping[str, Library]]) -> None:
        self.database = database
        self.tenant = tenant
        self.libraries = libraries
        self.refresher = Refresher()
        self.worker = Worker(database=database, handlers={KIND: sync_handler(self.library)}, owner=new_id("worker"))

    def library(self, name: str) -> Library:
        """Return a knowledge by its name; raises NotFound."""
        return named(self.libraries(), name)

    async def warm_up(self) -> None:
        """Search each once, which starts its engine and loads its index: the first question need not wait."""
        for name, library in self.libraries().items():
            try:
                await library.search("warm up", labels=frozenset(), limit=1)
            except FourwaysError as error:
                LOG.warning("'%s' cannot be searched yet: %s", name, error)

    async def refresh(self, knowledge: Mapping[str, Knowledge]) -> None:
        """Have those synced whose time has come."""
        for name in self.refresher.due(knowledge):
            await self.sync(name)

    async def sync(self, name: str, *, afresh: bool = False) -> JobRow:
        """Have a knowledge synced, and return its job, which whatever process takes.

        Args:
            name: which.
            afresh: whether a person asks; see `submit_sync`.
        """
        self.refresher.asked(name)
        return await asyncio.to_thread(submit_sync, self.database, self.tenant, name, now=time.time(), afresh=afresh)

    async def ingest(
        self, names: Sequence[str], on_change: Callable[[str, Mapping[str, Any]], None], *, helping: bool
    ) -> dict[str, Mapping[str, Any]]:
        """Sync knowledges, each as a durable job, and wait for the results; another process may be doing them.

        Args:
            names: which.
            on_change: called with a knowledge's name and its job's progress, again and again.
            helping: whether this process does such jobs meanwhile, because none of its own runs.
        """
        submitted = {(await self.sync(name, afresh=True)).id: name for name in names}

        def seen(row: JobRow) -> None:
            on_change(submitted[row.id], row.progress or {})

        async with self.worker.beside() if helping else nullcontext():
            rows = await follow(self.database, self.tenant, list(submitted), seen)
        return {submitted[row.id]: row.result or {"error": row.error or row.state} for row in rows}

    async def erase(self, name: str, document: str, *, actor: str) -> DeletionReport:
        """Erase a document of a knowledge for good; who did it stands in the audit log.

        Raises:
            NotFound: there is no such knowledge, or no such document in it.
            Busy: a sync is under way that does not end; the document no longer answers.
        """
        report = await self.library(name).delete(document)
        await asyncio.to_thread(self._note_erasure, name, report, actor)
        return report

    def learned_from(self, name: str, document: str) -> list[WeightsRow]:
        """Return the weights that were trained on rows of a document: nothing of it can be erased from them."""
        with self.database.reading() as connection:
            return trainings.resting_on(connection, self.tenant, document, knowledge=name)

    def _note_erasure(self, knowledge: str, report: DeletionReport, actor: str) -> None:
        stays = [row.digest for row in self.learned_from(knowledge, report.document)]
        detail = {"knowledge": knowledge, "versions": report.versions, "passages": report.passages, "weights": stays}
        with self.database.transaction() as connection:
            act = {"actor": actor, "action": "document.erase", "subject": report.document}
            audit.append(connection, self.tenant, at=time.time(), detail=detail, **act)
