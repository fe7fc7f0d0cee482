"""Where a project's state lives: `.fourways/` beside its file, or the database that the file names."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from fourways.config.load import load_project
from fourways.config.tree import Project
from fourways.store.database import Database, open_database

STATE = ".fourways"


def state_folder(folder: Path) -> Path:
    """Return the folder of a project's state."""
    return folder / STATE


def database_url(project: Project, folder: Path) -> str:
    """Return the URL of a project's database: SQLite in its state folder where it names none."""
    return project.database or f"sqlite:///{(state_folder(folder) / 'fourways.db').absolute()}"


@contextmanager
def database_of(folder: Path, environ: Mapping[str, str] = os.environ) -> Iterator[Database]:
    """Open a project's database alone, without the rest of the house.

    Raises:
        InvalidProject: the project file is wrong.
        Unavailable: the database cannot be reached.
    """
    project = load_project(folder, environ)
    database = open_database(database_url(project, folder))
    try:
        yield database
    finally:
        database.close()
