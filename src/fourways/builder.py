"""What builds a house's ways whose weights have to be trained: the job, the worker that does it, who waits for it."""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

from fourways.control import finetuning, tuned_by_file
from fourways.control.files import Files
from fourways.control.fittings import Fittings
from fourways.control.forecasting import Forecast, forecast
from fourways.control.recipe_rows import RecipeRows
from fourways.control.searching import PROGRAM, Searched, search
from fourways.control.shelf import figures_of
from fourways.control.trains import Trains
from fourways.control.tuning import KIND, build_handler, node_of, submit_build
from fourways.control.worker import Note, Worker, follow
from fourways.core.errors import InvalidRequest, NotFound
from fourways.core.ids import TenantId, new_id
from fourways.launch.base import Launcher
from fourways.launch.local import LocalLauncher
from fourways.store import jobs, trainings
from fourways.store.database import Database
from fourways.store.jobs import JobRow
from fourways.ways.recipes import Recipe
from fourways.ways.workshop import Workshop

CARD = "README.md"
"""Of a folder of weights: its model card."""
RAY = "http://127.0.0.1:8265"
"""Where a Ray cluster takes jobs, unless RAY_API_SERVER_ADDRESS says otherwise."""
OnChange = Callable[[Mapping[str, Any]], None]


class Builder:
    """Builds ways as durable jobs.

    Args:
        database, tenant: where they are kept, and whose.
        files: what was sent over the API to be learned from.
        fittings: the parts that the project file in force decides.
        built: puts what was built in force in this process.
        launcher: runs programs at a place that `launch:` names; those of `LAUNCHERS` where None.
    """

    def __init__(
        self,
        database: Database,
        tenant: TenantId,
        files: Files,
        *,
        fittings: Callable[[], Fittings],
        built: Callable[[], Awaitable[None]],
        launcher: Callable[[str], Launcher] | None = None,
    ) -> None:
        self.database = database
        self.tenant = tenant
        self.fittings = fittings
        self.launcher = launcher or launcher_named
        handlers = {
            KIND: build_handler(database, tenant, lambda: self, built=built),
            tuned_by_file.KIND: finetuning.handler(database, tenant, lambda: self, files, built=built),
        }
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
            launcher=self.launcher,
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

    async def build(
        self, app: str, way: str, on_change: OnChange, *, helping: bool, most: tuple[float, float] | None = None
    ) -> JobRow:
        """Build a way and wait for it; another process may be doing it.

        Args:
            on_change: called with the job's progress, again and again.
            helping: whether this process does such jobs meanwhile, because none of its own runs.
            most: minutes and US dollars that it may likely take; None for whatever it takes.

        Raises:
            NotFound: there is no such app, or it has no such way.
            InvalidRequest: it failed, was cancelled, or would take more; says why.
        """
        if most is not None:
            ahead = await self.forecast(app, way)
            if ahead.trained is None and (ahead.minutes.likely > most[0] or ahead.usd.likely > most[1]):
                says = f"it takes about {ahead.minutes.likely:,.0f} minutes and ${ahead.usd.likely:,.2f}"
                raise InvalidRequest(f"{says}: --yes does it all the same, and so does `{ahead.recipe.command}`")
        job = await self.submit(app, way)
        return await self.wait(job, on_change, helping=helping)

    async def wait(self, job: JobRow, on_change: OnChange, *, helping: bool) -> JobRow:
        """Wait for a job that was submitted; raises InvalidRequest where it fails or is cancelled."""
        async with self.worker.beside() if helping else nullcontext():
            (row,) = await follow(self.database, self.tenant, [job.id], lambda one: on_change(one.progress or {}))
        if row.state != "done":
            raise InvalidRequest(row.error or f"the job was {row.state}")
        return row

    async def forecast(self, app: str, way: str) -> Forecast:
        """Say what building a way would take; knowledge that it learns from is brought in by `fourways ingest`.

        Raises:
            NotFound: there is no such app, or it has no such way.
            InvalidDataset: a row is wrong, or holds a test case.
        """
        node_of(self.workshop, app, way)
        return await forecast(self.trains(self.workshop, lambda _: None), self.workshop, app, way)

    async def search(self, recipe: Recipe, trials: int, on_change: OnChange) -> Searched:
        """Look for good and cheap settings around a recipe's own, in this process; see `control/searching`."""
        launcher = LocalLauncher(module=PROGRAM)
        return await search(self.trains(self.workshop, on_change), recipe, launcher, trials)

    def outcome(self, job: JobRow) -> "Outcome":
        """Return what came of a build job that is done.

        Raises:
            NotFound: its weights are not there any more.
        """
        result = job.result or {}
        with self.database.reading() as connection:
            row = trainings.get_weights(connection, self.tenant, result["weights"])
        folder = self.fittings().shelf.folders.open(row.digest)
        return Outcome(
            candidate=result["candidate"],
            weights=row.digest,
            recipe=result["recipe"],
            card=str(folder / CARD),
            figures=figures_of(row),
        )

    def cancel(self, app: str, way: str) -> JobRow:
        """Cancel the job of a way that waits or runs; whoever does it ends its program at the next sign of life.

        Raises:
            NotFound: none waits or runs.
        """
        with self.database.transaction() as connection:
            for state in ("running", "queued"):
                for row in jobs.recent_jobs(connection, self.tenant, kind=KIND, state=state):
                    if (row.spec["app"], row.spec["way"]) == (app, way):
                        return jobs.cancel(connection, self.tenant, row.id, now=time.time())
        raise NotFound(f"nothing is being trained for '{app}:{way}'")

    def job(self, name: str) -> JobRow:
        """Return a build job by its id, or enough of its front; raises NotFound."""
        with self.database.reading() as connection:
            row = jobs.get_job(connection, self.tenant, name)
        if row.kind != KIND:
            raise NotFound(f"{row.id} is no build; it is a {row.kind}")
        return row


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of a build.

    Attributes:
        candidate, weights, recipe: digests.
        card: where the model card lies.
        figures: steps, seconds, loss before and after.
    """

    candidate: str
    weights: str
    recipe: str
    card: str
    figures: Mapping[str, Any]


def launcher_named(name: str) -> Launcher:
    """Return what runs programs at a place that `launch:` names."""
    return LAUNCHERS[name]()


def _ray() -> Launcher:
    from fourways.launch.ray import RayLauncher

    return RayLauncher(os.environ.get("RAY_API_SERVER_ADDRESS", RAY))


LAUNCHERS: Mapping[str, Callable[[], Launcher]] = {"local": LocalLauncher, "ray": _ray}
