"""What builds a house's ways whose weights have to be trained: the job, the worker that does it, who waits for it."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import nullcontext
from typing import Any

from fourways.control.fittings import Fittings
from fourways.control.recipe_rows import RecipeRows
from fourways.control.trains import Trains
from fourways.control.tuning import KIND, build_handler, submit_build
from fourways.control.worker import Note, Worker, follow
from fourways.core.errors import InvalidRequest, NotFound
from fourways.core.ids import TenantId, new_id
from fourways.launch.base import Launcher
from fourways.launch.local import LocalLauncher
from fourways.store import jobs
from fourways.store.database import Database
from fourways.store.jobs import JobRow
from fourways.ways.workshop import Workshop

OnChange = Callable[[Mapping[str, Any]], None]


class Builder:
    """Builds ways as durable jobs.

    Args:
        database, tenant: where they are kept, and whose.
        fittings: the parts that the project file in force decides.
        built: puts what was built in force in this process.
    """

    def __init__(
        self,
        database: Database,
        tenant: TenantId,
        *,
        fittings: Callable[[], Fittings],
        built: Callable[[], Awaitable[None]],
    ) -> None:
        self.database = database
        self.tenant = tenant
        self.fittings = fittings
        handlers = {KIND: build_handler(database, tenant, lambda: self, built=built)}
        self.worker = Worker(database=database, handlers=handlers, owner=new_id("worker"))

    @property
    def workshop(self) -> Workshop:
        """What ways are built with."""
        return self.fittings().workshop

    def trains(self, workshop: Workshop, note: Note) -> Trains:
        """Return what trains for one job."""
        parts = self.fittings()
        return Trains(
            shelf=parts.shelf,
            workshop=workshop,
            fetch=RecipeRows(datasets=parts.datasets()),
            launcher=launcher_named,
            note=note,
            now=time.time,
        )

    async def submit(self, app: str, way: str) -> JobRow:
        """Have a way built, and return its job, which whatever process takes.

        Raises:
            NotFound: there is no such app, or it has no such way.
        """
        return await asyncio.to_thread(
            submit_build, self.database, self.tenant, self.workshop, app, way, now=time.time()
        )

    async def build(self, app: str, way: str, on_change: OnChange, *, helping: bool) -> JobRow:
        """Build a way and wait for it; another process may be doing it.

        Args:
            on_change: called with the job's progress, again and again.
            helping: whether this process does such jobs meanwhile, because none of its own runs.

        Raises:
            NotFound: there is no such app, or it has no such way.
            InvalidRequest: it failed or was cancelled; says why.
        """
        job = await self.submit(app, way)
        return await self.wait(job, on_change, helping=helping)

    async def wait(self, job: JobRow, on_change: OnChange, *, helping: bool) -> JobRow:
        """Wait for a job that was submitted; raises InvalidRequest where it fails or is cancelled."""
        async with self.worker.beside() if helping else nullcontext():
            (row,) = await follow(self.database, self.tenant, [job.id], lambda one: on_change(one.progress or {}))
        if row.state != "done":
            raise InvalidRequest(row.error or f"the job was {row.state}")
        return row

    def job(self, name: str) -> JobRow:
        """Return a build job by its id, or enough of its front; raises NotFound."""
        with self.database.reading() as connection:
            row = jobs.get_job(connection, self.tenant, name)
        if row.kind != KIND:
            raise NotFound(f"{row.id} is no build; it is a {row.kind}")
        return row


def launcher_named(name: str) -> Launcher:
    """Return what runs programs at a place that `launch:` names."""
    return LAUNCHERS[name]()


def _ray() -> Launcher:
    from fourways.launch.ray import RayLauncher

    return RayLauncher()


LAUNCHERS: Mapping[str, Callable[[], Launcher]] = {"local": LocalLauncher, "ray": _ray}
