"""What a verb works on: the store alone, a project, and which of its apps."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import typer

from fourways.cli.terminal import folder_of
from fourways.config.tree import Project
from fourways.core.errors import InvalidRequest, NotFound
from fourways.core.ids import DEFAULT_TENANT, TenantId
from fourways.store.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What a verb works on; `app` is "" where it is about all of them."""

    database: Database
    tenant: TenantId
    project: Project
    app: str


@contextmanager
def opened(context: typer.Context, app: str | None, *, any_app: bool = False) -> Iterator[Place]:
    """Open the store alone: moving a release needs nothing else of the house."""
    from fourways.config.load import load_project
    from fourways.control.state import database_of

    folder = folder_of(context)
    project = load_project(folder, os.environ)
    name = app or "" if any_app else only_app(project.apps, app)
    if name and name not in project.apps:
        raise NotFound.named("app", name, project.apps)
    with database_of(folder) as database:
        yield Place(database=database, tenant=DEFAULT_TENANT, project=project, app=name)


def only_app(apps: Mapping[str, object], named: str | None) -> str:
    """Return the app that is meant.

    Raises:
        NotFound: it is none of the project's.
        InvalidRequest: none is named, and there are several.
    """
    if named is not None:
        if named not in apps:
            raise NotFound.named("app", named, apps)
        return named
    if len(apps) != 1:
        raise InvalidRequest(f"say which app: {', '.join(sorted(apps)) or 'the project has none'}")
    return next(iter(apps))
