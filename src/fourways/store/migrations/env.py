"""Alembic's entry: runs migrations on the connection that `store/database` hands over, inside its transaction."""

from alembic import context

from fourways.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
)
context.run_migrations()
