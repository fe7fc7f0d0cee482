"""The one place where the parts are wired together: a project's folder in, a running house out."""

import asyncio
import os
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import cached_property, partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fourways.config.tree import Project
from fourways.config.watch import ProjectFile
from fourways.control import retention
from fourways.control.again import again
from fourways.control.dataset_folder import forget_document
from fourways.control.files import Files
from fourways.control.fittings import Fittings, fit
from fourways.control.state import database_url, state_folder
from fourways.core.ids import DEFAULT_TENANT
from fourways.gateway.keys import Keys
from fourways.gateway.limits import LimitBook
from fourways.gateway.record import Recorder
from fourways.gateway.routes import Routes, Switch
from fourways.gateway.serve import gateway
from fourways.knowledge.erase import DeletionReport
from fourways.knowledge.library import Library
from fourways.ledger import Ledger
from fourways.librarian import Librarian
from fourways.models.ambient import Ambient
from fourways.models.registry import Models
from fourways.models.supervisor import Engines
from fourways.monitoring.metrics import Metrics
from fourways.monitoring.telemetry import open_telemetry
from fourways.routing import InForce
from fourways.store import revisions
from fourways.store.blobs import Blobs
from fourways.store.database import Database, open_database
from fourways.store.jobs import JobRow
from fourways.ways.workshop import Workshop

if TYPE_CHECKING:
    from fourways.builder import Builder
    from fourways.control.comparisons import Compares
    from fourways.control.evaluations import Evaluator, Named
    from fourways.rollouts import Rollouts

FOLLOW = 0.2
"""Seconds between two looks at the release log's revision: a rollback made elsewhere is in force so soon."""
TEND = 1.0
"""Seconds between two looks at the project file, and at what is due."""


class House:
    """A project's running parts. `start` it, ask its `gateway`, `close` it.

    Args:
        file: the project file, already read.
        database: opened; the house closes it.
        environ: where keys of providers are looked for.
    """

    def __init__(self, file: ProjectFile, database: Database, environ: Mapping[str, str]) -> None:
        self.file = file
        self.folder = file.folder
        self.database = database
        self.environ = environ
        self.tenant = DEFAULT_TENANT
        self.sync_at_start = True
        self.routes = Switch(Routes())
        self.limits = LimitBook(clock=time.monotonic)
        self.metrics = Metrics()
        self.ledger = Ledger(database=database, cost=lambda: None if self._parts is None else self._parts.models.cost)
        self.keys = Keys(self.ledger.key_ring, lambda: self.ledger.revision(revisions.KEYS), time.time)
        self.telemetry = open_telemetry(file.project)
        observers = [self.metrics.observe, *([self.telemetry.observe] if self.telemetry else [])]
        journal = state_folder(self.folder) / "journal"
        self.recorder = Recorder(self.ledger.write_traces, journal=journal, observers=observers)
        self.gateway = gateway(self.routes, self.recorder, self.limits, texts=file.project.telemetry.record_texts)
        self.engines = Engines(state_folder(self.folder))
        fitted = partial(fit, folder=self.folder, database=database, engines=self.engines, environ=environ,
                         tenant=self.tenant)  # fmt: skip
        self.in_force = InForce(file, database, self.tenant, fit=fitted, routes=self.routes, limits=self.limits)
        self.librarian = Librarian(database, self.tenant, libraries=lambda: self.libraries)
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def fittings(self) -> Fittings:
        """The parts that the project file decides; there once the house has started."""
        assert self._parts is not None, "the house has not started"  # noqa: S101 - the caller's mistake
        return self._parts

    @property
    def _parts(self) -> Fittings | None:
        return self.in_force.fittings

    @property
    def project(self) -> Project:
        """The project file that is in force: the last one that was found good, by whatever is made of it too."""
        return self.file.project if self._parts is None else self._parts.project

    @property
    def ambient(self) -> Ambient:
        """The model used where none is named, and why."""
        return self.fittings.ambient

    @property
    def models(self) -> Models:
        """All models that can be named."""
        return self.fittings.models

    @property
    def libraries(self) -> Mapping[str, Library]:
        """Every knowledge, by name."""
        return self.fittings.libraries

    @cached_property
    def rollouts(self) -> "Rollouts":
        """Releases on their way. What measures is imported when it is needed: nobody who asks waits for it."""
        from fourways.rollouts import Rollouts

        return Rollouts(
            self.database, self.tenant, evaluator=lambda: self.evaluator, serve=self.in_force.arm, moved=self.reroute
        )

    @cached_property
    def builder(self) -> "Builder":
        """Builds ways whose weights have to be trained."""
        from fourways.builder import Builder

        return Builder(self.database, self.tenant, self.files, fittings=lambda: self.fittings, built=self.reroute)

    @property
    def workshop(self) -> Workshop:
        """What ways are built with."""
        return self.fittings.workshop

    @cached_property
    def files(self) -> Files:
        """What was sent over the API to be learned from."""
        return Files(database=self.database, tenant=self.tenant, blobs=Blobs(self.state / "blobs"), now=time.time)

    @property
    def state(self) -> Path:
        """The folder of the project's state."""
        return state_folder(self.folder)

    @property
    def evaluator(self) -> "Evaluator":
        """Measures whatever the API's `model` can name."""
        from fourways.control.evaluations import Evaluator

        parts = self.fittings
        return Evaluator(
            project=parts.project,
            folder=self.folder,
            database=self.database,
            tenant=self.tenant,
            models=parts.models,
            workshop=parts.workshop,
            pick=self._named,
        )

    @property
    def comparer(self) -> "Compares":
        """Puts the ways of an app side by side."""
        from fourways.control.comparisons import Compares

        parts = self.fittings
        return Compares(
            project=parts.project,
            workshop=parts.workshop,
            ingest=self.ingest,
            train=self.build,
            open_model=lambda model: self._named(model).answerer,
            evaluator=self.evaluator,
            database=self.database,
            tenant=self.tenant,
            state=state_folder(self.folder),
        )

    # ------------------------------------------------------------ beginning and end

    async def start(self, *, background: bool = True) -> None:
        """Open what answers.

        Args:
            background: also run jobs, refresh knowledge, reload the project file when it is edited.

        Raises:
            InvalidProject: a file that the project names is wrong.
        """
        await asyncio.to_thread(self.keys.start)
        if self.telemetry is not None:
            self.telemetry.start()
        self.recorder.start()
        await self.in_force.fit(self.project)
        if not background:
            return
        if self.sync_at_start:
            for name in self.project.knowledge:
                await self.librarian.sync(name)
        self._tasks = [asyncio.create_task(work) for work in self._background()]

    def _background(self) -> tuple[Coroutine[None, None, None], ...]:
        return (
            self.librarian.worker.run(),
            self.librarian.warm_up(),
            self._roll_out(),
            self._build(),
            again(self.reroute, "releases could not be put in force; what is served stays as it is", pause=FOLLOW),
            again(self._tend, "what time changes could not be looked after", pause=TEND),
            again(self._forget, "what is past its retention could not be forgotten", pause=retention.EVERY),
        )

    async def _roll_out(self) -> None:
        await asyncio.to_thread(import_module, "fourways.rollouts")
        await asyncio.gather(*self.rollouts.background())

    async def _build(self) -> None:
        await asyncio.to_thread(import_module, "fourways.builder")
        await self.builder.worker.run()

    async def close(self) -> None:
        """End what `start` began, after the last answer; jobs under way are given back."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.in_force.close()
        await self.engines.stop()
        await asyncio.to_thread(self.keys.stop)
        await asyncio.to_thread(self.recorder.stop)
        if self.telemetry is not None:
            await asyncio.to_thread(self.telemetry.stop)
        self.database.close()

    # ------------------------------------------------------------ what time changes

    async def reroute(self) -> None:
        """Serve what the release log says now, and what was trained; called at once by whoever changes it here."""
        await self.in_force.reroute()

    async def _tend(self) -> None:
        """Look after what time changes: the project file, and knowledge that is due."""
        await self.in_force.reload()
        await self.librarian.refresh(self.project.knowledge)

    async def _forget(self) -> None:
        """Forget what is past its retention."""
        kept = self.project.retention
        await asyncio.to_thread(retention.forget, self.database, self.tenant, kept, now=time.time())

    # ------------------------------------------------------------ measuring and releasing

    async def gate(self, app: str, number: int, on_change: Callable[[Mapping[str, Any]], None]) -> None:
        """Wait until a release's draft was evaluated and judged; raises NotFound."""
        await self.rollouts.gate(app, number, on_change, helping=not self._tasks)

    def _named(self, model: str) -> "Named":
        from fourways.control.evaluations import Named

        route = self.in_force.route(model)
        return Named(answerer=route.answerer, app=route.app or "", way=route.way or "", candidate=route.candidate or "")

    # ------------------------------------------------------------ training

    async def build(self, app: str, way: str, on_change: Callable[[Mapping[str, Any]], None]) -> JobRow:
        """Build a way whose weights have to be trained, and wait for it; see `Builder.build`."""
        row = await self.builder.build(app, way, on_change, helping=not self._tasks)
        await self.reroute()
        return row

    # ------------------------------------------------------------ knowledge

    def library(self, name: str) -> Library:
        """Return a knowledge by its name; raises NotFound."""
        return self.librarian.library(name)

    async def ingest(
        self, names: Sequence[str], on_change: Callable[[str, Mapping[str, Any]], None]
    ) -> dict[str, Mapping[str, Any]]:
        """Sync knowledges and wait for the results; see `Librarian.ingest`."""
        return await self.librarian.ingest(names, on_change, helping=not self._tasks)

    async def erase(self, name: str, document: str, *, actor: str) -> DeletionReport:
        """Erase a document for good, and the datasets with rows of it; see `Librarian.erase`."""
        report = await self.librarian.erase(name, document, actor=actor)
        state = state_folder(self.folder)
        await asyncio.to_thread(forget_document, self.database, self.tenant, state, name, document)
        return report


def open_house(folder: Path, environ: Mapping[str, str] | None = None) -> House:
    """Read a project and open its database; the house is then to be started.

    Args:
        folder: the project's.
        environ: the environment; this process's own where not given.

    Raises:
        InvalidProject: the project file is wrong.
        Unavailable: the database cannot be reached.
    """
    environ = os.environ if environ is None else environ
    file = ProjectFile(folder, lambda: environ)
    database = open_database(database_url(file.project, folder))
    return House(file, database, environ)
