"""The migrations and the tables in `schema.py` say the same."""

from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

import fourways.store
from fourways.store import schema
from fourways.store.database import HEAD, open_database

FOLDER = Path(fourways.store.__file__).with_name("migrations")


def test_migrating_an_empty_database_gives_the_tables_of_the_schema():
    database = open_database("sqlite://")
    with database.transaction() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, schema.metadata) == []


def test_the_newest_migration_is_the_one_the_code_was_written_for():
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    assert ScriptDirectory.from_config(config).get_heads() == [HEAD]


def test_every_table_has_a_tenant_but_the_two_that_hold_nothing_of_anyone():
    without = {name for name, table in schema.metadata.tables.items() if "tenant" not in table.c}
    assert without == {"revisions", "vectors"}
