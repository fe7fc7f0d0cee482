"""From rows to routes: candidates and releases, as control keeps them, opened for the gateway to pick from."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fourways.config.tree import App
from fourways.control.builds import Built, build_app, open_when_asked
from fourways.core.chat import Answerer
from fourways.core.ids import TenantId
from fourways.core.rollout import Line
from fourways.gateway.released import Offered, released
from fourways.gateway.routes import AppRoutes, Routes, app_routes
from fourways.gateway.serve import app_route, missing_route
from fourways.models.registry import Models
from fourways.store import candidates, releases, trainings
from fourways.store.database import Database, Transaction
from fourways.store.releases import ReleaseRow
from fourways.ways.weighted import weights
from fourways.ways.workshop import Workshop

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
