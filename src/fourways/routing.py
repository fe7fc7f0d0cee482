"""From rows to routes: candidates and releases, as control keeps them, opened for the gateway to pick from."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fourways.config.tree import App, Project
from fourways.config.watch import ProjectFile
from fourways.control.builds import Built, build_app, open_when_asked
from fourways.control.fittings import Fittings
from fourways.core.chat import Answerer, Principal
from fourways.core.errors import FourwaysError, NotFound, NotTrained
from fourways.core.ids import TenantId
from fourways.core.rollout import Line
from fourways.gateway.limits import LimitBook
from fourways.gateway.released import Offered, released
from fourways.gateway.routes import AppRoutes, Route, Routes, Switch, app_routes
from fourways.gateway.serve import app_route, missing_route
from fourways.models.registry import Models
from fourways.store import candidates, releases, revisions, trainings
from fourways.store.database import Database, Transaction
from fourways.store.releases import ReleaseRow
from fourways.ways.weighted import weights
from fourways.ways.workshop import Workshop

LOG = logging.getLogger(__name__)

REMEMBERED = 50
"""Releases of an app that can be asked for by name; those that serve are always among them."""


@dataclass(slots=True)
class AppsOpened:
    """The apps of one project file, opened. Made anew when the file is edited; releases are put in as they move.

    Attributes:
        models: all that can be named besides.
        built: each app's candidates, without releases.
        opened: every candidate built or released, by digest: a rollback finds the one before still open.
    """

    workshop: Workshop
    models: Models
    database: Database
    tenant: TenantId
    built: Mapping[str, AppRoutes]
    opened: dict[str, Built]

    async def routes(self) -> Routes:
        """Return everything that can be asked for: every app as the release log now says, models, tuned models."""
        apps, tuned = await asyncio.gather(asyncio.to_thread(self._with_releases), asyncio.to_thread(self._tuned))

        def open_model(name: str) -> Answerer:
            return weights(tuned[name], self.workshop) if name in tuned else self.models.answerer(name)

        return Routes(apps=apps, models=[*self.models.names(), *tuned], open_model=open_model)

    def _tuned(self) -> dict[str, Mapping[str, Any]]:
        """Return what pins the weights that are models of their own on the API, by name."""
        with self.database.reading() as connection:
            rows = trainings.named_weights(connection, self.tenant)
        return {
            name: {"digest": row.digest, "kind": row.kind, "base": {"name": row.base}} for name, row in rows.items()
        }

    def _with_releases(self) -> dict[str, AppRoutes]:
        with self.database.reading() as connection:
            lines = releases.lines(connection, self.tenant)
            offers = self._offers(connection, lines)
        return {name: self._released(name, app, lines, offers.get(name, ())) for name, app in self.built.items()}

    def _offers(
        self, connection: Transaction, lines: Mapping[tuple[str, str], Line]
    ) -> Mapping[str, Sequence[Offered]]:
        """Open each app's releases; what one pins is looked for when it is first asked."""
        offers: dict[str, list[Offered]] = {}
        everything = releases.releases_of(connection, self.tenant)
        for name in self.built:
            serving = {number for (app, _), line in lines.items() if app == name for number in line.shares}
            rows = [row for row in everything if row.app == name]
            kept = [row for place, row in enumerate(rows) if place < REMEMBERED or row.number in serving]
            offers[name] = [self._offered(connection, row) for row in kept]
        return offers

    def _offered(self, connection: Transaction, row: ReleaseRow) -> Offered:
        found = self.opened.get(row.candidate)
        if found is None:
            candidate = candidates.get_candidate(connection, self.tenant, row.app, row.candidate)
            found = Built(candidate=candidate, answerer=open_when_asked(candidate, self.workshop))
            self.opened[row.candidate] = found
        return Offered(
            number=row.number, stage=row.stage, way=row.way, candidate=found.candidate.id, answerer=found.answerer
        )

    def _released(
        self, name: str, app: AppRoutes, lines: Mapping[tuple[str, str], Line], offers: Sequence[Offered]
    ) -> AppRoutes:
        own = {stage: line for (owner, stage), line in lines.items() if owner == name}
        node: App = self.workshop.project.apps[name]
        made = released(name, own, offers, node.release.flags, app.ways[app.default])
        return AppRoutes(default=app.default, ways=app.ways, pinned=app.pinned, released=made)


async def open_apps(workshop: Workshop, models: Models, database: Database, tenant: TenantId) -> AppsOpened:
    """Build and open what the project file asks for, and the candidates built before.

    Raises:
        InvalidProject: a file that a way names is wrong.
        UnknownModel: a model that a way names is not to be had.
    """
    built: dict[str, AppRoutes] = {}
    opened: dict[str, Built] = {}
    for name in workshop.project.apps:
        app = await build_app(name, workshop, database, tenant, time.time)
        routes = [
            app_route(one.answerer, app=name, way=one.candidate.way, candidate=one.candidate.id)
            for one in app.candidates
        ]
        routes += [missing_route(error, app=name, way=way) for way, error in app.untrained.items()]
        built[name] = app_routes(routes, app.default)
        opened |= {one.candidate.digest: one for one in app.candidates}
    return AppsOpened(workshop=workshop, models=models, database=database, tenant=tenant, built=built, opened=opened)


FOLLOWED = (revisions.RELEASES, revisions.WEIGHTS)
"""What is followed: the release log, and what was trained."""
EVERYBODY = Principal(admin=True)
"""Who asks when a candidate is measured; the labels of a case are added to each question."""
GRACE = 600.0
"""Seconds the models of a former project file stay open, for the answers that began on them."""


class InForce:
    """What is in force: the parts that the project file decides, its apps opened, their routes; each swapped whole.

    Args:
        file: the project file, already read.
        database, tenant: where candidates and releases are kept, and whose.
        fit: makes the parts of a project file.
        routes, limits: what the gateway goes by.
    """

    def __init__(
        self,
        file: ProjectFile,
        database: Database,
        tenant: TenantId,
        *,
        fit: Callable[[Project], Awaitable[Fittings]],
        routes: Switch,
        limits: LimitBook,
    ) -> None:
        self._file, self._database, self._tenant = file, database, tenant
        self._fit, self._routes, self._limits = fit, routes, limits
        self.fittings: Fittings | None = None
        self._apps: AppsOpened | None = None
        self._seen: tuple[int, ...] = ()

    async def fit(self, project: Project) -> None:
        """Make the parts that a project file decides, and swap them in whole.

        Raises:
            InvalidProject: a file that it names is wrong.
        """
        fittings = await self._fit(project)
        seen = await asyncio.to_thread(self._revisions)
        apps = await self._opened(fittings)
        served = await apps.routes()
        former, self.fittings, self._apps, self._seen = self.fittings, fittings, apps, seen
        self._routes.current = served
        self._limits.replace(project.limits, {name: app.limits for name, app in project.apps.items() if app.limits})
        if former is not None:
            asyncio.get_running_loop().call_later(GRACE, lambda: asyncio.ensure_future(former.models.close()))

    async def reroute(self) -> None:
        """Serve what the release log says now, and what was trained."""
        seen = await asyncio.to_thread(self._revisions)
        apps, fittings = self._apps, self.fittings
        if apps is None or fittings is None or seen == self._seen:
            return
        now = await self._opened(fittings) if seen[1] != self._seen[1] else apps
        served = await now.routes()
        if apps is self._apps:  # else an edited project file was put in force meanwhile, with newer rows
            self._apps, self._seen, self._routes.current = now, seen, served

    async def reload(self) -> None:
        """Put the project file in force if it was edited, unless it is wrong."""
        change = await asyncio.to_thread(self._file.look_again)
        if change is None:
            return
        refused: FourwaysError | None = change.error
        if change.project is not None:
            try:
                await self.fit(change.project)
            except FourwaysError as error:
                refused = error
        if refused is None:
            LOG.warning("the edited project file is in force")
        else:
            LOG.error("the edited project file is not used; what was read before stays in force:\n%s", refused)

    def route(self, model: str) -> Route:
        """Return what a name means for whoever measures it.

        Raises:
            UnknownModel: it names nothing.
            NotTrained: what it names was not trained yet.
        """
        route = self._routes.current.pick(model, EVERYBODY)
        if route.missing is not None:
            raise NotTrained(route.missing.message, app=route.missing.app, way=route.missing.way)
        return route

    def arm(self, app: str, canary: bool) -> Answerer:  # noqa: FBT001 - one of two arms
        """Return what answers for an app's canary, or for the others; raises NotFound where there is no canary."""
        found = self._routes.current.apps[app].released
        route = found.canary if canary else found.control
        if route is None:
            raise NotFound(f"'{app}' has no canary any more")
        return route.answerer

    async def close(self) -> None:
        """Close every connection."""
        if self.fittings is not None:
            await self.fittings.models.close()

    async def _opened(self, fittings: Fittings) -> AppsOpened:
        return await open_apps(fittings.workshop, fittings.models, self._database, self._tenant)

    def _revisions(self) -> tuple[int, ...]:
        with self._database.reading() as connection:
            current = revisions.current(connection)
        return tuple(current.get(name, 0) for name in FOLLOWED)
