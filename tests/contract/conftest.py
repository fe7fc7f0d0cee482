"""Every database the contracts are held against: SQLite always, PostgreSQL where FOURWAYS_TEST_POSTGRES names one."""

import os
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import create_engine, make_url
from sqlalchemy.schema import CreateSchema, DropSchema

from fourways.store import schema
from fourways.store.database import Database, open_database

POSTGRES = os.environ.get("FOURWAYS_TEST_POSTGRES", "")


@pytest.fixture(scope="session", params=["sqlite", "memory", *(["postgresql"] if POSTGRES else [])])
def opened(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """Return a migrated database, shared by all tests."""
    yield from OPEN[request.param](tmp_path_factory.mktemp("store"))


@pytest.fixture
def database(opened: Database) -> Database:
    """Return an empty database."""
    with opened.transaction() as connection:
        for table in reversed(schema.metadata.sorted_tables):
            connection.execute(table.delete())
    return opened


def _sqlite(folder: Path) -> Iterator[Database]:
    yield from _closing(open_database(f"sqlite:///{folder}/made/here/fourways.db"))


def _memory(folder: Path) -> Iterator[Database]:
    del folder
    yield from _closing(open_database("sqlite://"))


def _postgresql(folder: Path) -> Iterator[Database]:
    del folder
    name = f"fourways_{uuid4().hex}"  # a schema of its own: nothing that was there is touched
    engine = create_engine(POSTGRES)
    with engine.begin() as connection:
        connection.execute(CreateSchema(name))
    own = make_url(POSTGRES).update_query_dict({"options": f"-csearch_path={name}"})
    try:
        yield from _closing(open_database(own.render_as_string(hide_password=False)))
    finally:
        with engine.begin() as connection:
            connection.execute(DropSchema(name, cascade=True))
        engine.dispose()


def _closing(database: Database) -> Iterator[Database]:
    yield database
    database.close()


OPEN = {"sqlite": _sqlite, "memory": _memory, "postgresql": _postgresql}
