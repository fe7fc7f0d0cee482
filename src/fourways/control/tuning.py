"""The job that builds a way whose weights have to be trained: submitted once by what it is to make, done, resumed."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any, Protocol

from fourways.control.shelf import figures_of
from fourways.control.trains import Trains, forget_run
from fourways.control.worker import Handler, Note
from fourways.core.errors import InvalidRequest, NotFound
from fourways.core.ids import TenantId, digest
from fourways.core.specs import Candidate
from fourways.core.trace import Clock
from fourways.store import candidates, jobs, trainings
from fourways.store import datasets as stored_datasets
from fourways.store.database import Database
from fourways.store.datasets import DatasetRow
from fourways.store.jobs import JobRow
from fourways.ways import WAYS
from fourways.ways.workshop import Workshop

KIND = "build"


class Bench(Protocol):
    """What a build job works with, as the project file in force decides it."""

    @property
    def workshop(self) -> Workshop:
        """What ways are built with."""
        ...

    def trains(self, workshop: Workshop, note: Note) -> Trains:
        """Return what trains for one job."""
        ...


def submit_build(
    database: Database, tenant: TenantId, workshop: Workshop, app: str, way: str, *, now: float, afresh: bool = True
) -> JobRow:
    """Ask for an app's way to be built, with whatever has to be trained for it.

    The same way, as the project file has it, that already waits or runs is returned instead.

    Args:
        afresh: whether a person asks: attempts of workers that died are then forgotten.

    Raises:
        NotFound: there is no such app, or it has no such way.
    """
    spec = {"app": app, "way": way, "node": digest(node_of(workshop, app, way).model_dump(mode="json"))}
    with database.transaction() as connection:
        return jobs.submit(connection, tenant, kind=KIND, spec=spec, now=now, afresh=afresh)


def node_of(workshop: Workshop, app: str, way: str) -> Any:  # noqa: ANN401 - each way has its own node
    """Return a way's node of the project file.

    Raises:
        NotFound: there is no such app, or it has no such way.
    """
    apps = workshop.project.apps
    if app not in apps:
        raise NotFound.named("app", app, apps)
    node = getattr(apps[app].ways, way, None)
    if node is None:
        known = [name for name in WAYS if getattr(apps[app].ways, name, None) is not None]
        raise NotFound.named(f"way of '{app}'", way, known)
    return node


def build_handler(
    database: Database,
    tenant: TenantId,
    bench: Callable[[], Bench],
    *,
    built: Callable[[], Awaitable[None]],
    now: Clock = time.time,
) -> Handler:
    """Return what does a build job. Killed, it is begun again, and goes on from the newest checkpoint.

    Args:
        bench: what it works with.
        built: puts what was built in force in this process.
    """

    async def handle(job: JobRow, note: Note) -> Mapping[str, Any]:
        tools = bench()
        app, way = job.spec["app"], job.spec["way"]
        node = node_of(tools.workshop, app, way)
        if digest(node.model_dump(mode="json")) != job.spec["node"]:
            raise InvalidRequest(f"'{app}:{way}' was edited since this was asked for; ask for it again")
        trains = tools.trains(tools.workshop, note)
        candidate = await WAYS[way].build(app, node, replace(tools.workshop, training=trains))
        await asyncio.to_thread(keep_made, database, tenant, trains, now(), candidate)
        for row, _ in trains.made:
            await asyncio.to_thread(forget_run, trains.shelf.state, row.recipe)
        await built()
        return result_of(candidate, trains)

    return handle


def result_of(candidate: Candidate, trains: Trains) -> dict[str, Any]:
    """Return what a build job tells at its end: the candidate, its weights, and their figures."""
    pin = candidate.parts.get("weights")
    known = {} if pin is None else {"weights": pin["digest"], "recipe": pin["recipe"]}
    made = [figures_of(row) for row, _ in trains.made]
    return {"candidate": candidate.digest, **known, "trained": bool(made), **(made[-1] if made else {})}


def keep_made(
    database: Database, tenant: TenantId, trains: Trains, now: float, candidate: Candidate | None = None
) -> None:
    """Write the weights that were made, what they rest on, and the candidate: all of it or nothing."""
    with database.transaction() as connection:
        for row, filled in trains.made:
            rows = DatasetRow(
                digest=filled.digest,
                definition=row.recipe,
                created_at=now,
                rows=filled.rows,
                names=[one["name"] for one in row.run["ingredients"]],
                manifest={"put_for": row.name or f"{row.app}:{row.way}", "left_out": filled.left_out},
            )
            stored_datasets.save_dataset(connection, tenant, rows, filled.sources)
            trainings.save_weights(connection, tenant, row)
        if candidate is not None:
            candidates.save_candidate(connection, tenant, candidate, now=now)
