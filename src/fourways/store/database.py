"""The database: opened by URL, migrated to what this code knows, and its transactions."""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect, make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, NoSuchModuleError, OperationalError, TimeoutError  # noqa: A004 - the pool's

from fourways.core.errors import Busy, InvalidProject, Unavailable
from fourways.store.dialect import DIFFERENCES, Difference, difference, encode_json

Transaction = Connection
"""What a transaction gives to work with; the name for those outside the store."""

HEAD = "0003"
"""The newest migration, the one this code was written for."""


class Database:
    """An open database. Threads share it; each transaction has a connection of its own."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._readers = engine.execution_options(**DIFFERENCES[engine.dialect.name].reads)

    def transaction(self) -> AbstractContextManager[Connection]:
        """Return one transaction that may write: committed at the end, rolled back if an error leaves it.

        Raises:
            Busy: another writer held the database for too long.
            Unavailable: the database cannot be reached.
        """
        return self._begin(self.engine)

    def reading(self) -> AbstractContextManager[Connection]:
        """Return one transaction that only reads, from one consistent moment; it never waits for writers."""
        return self._begin(self._readers)

    def scrub(self) -> None:
        """Write what was erased over on disk too: until then its old bytes may stand in the write-ahead log.

        Raises:
            Busy: somebody has been reading for too long.
        """
        DIFFERENCES[self.engine.dialect.name].scrub(self.engine)

    @contextmanager
    def _begin(self, engine: Engine) -> Iterator[Connection]:
        try:
            with engine.begin() as connection:
                yield connection
        except (OperationalError, TimeoutError) as error:
            raise _outage(error, self.engine.url) from error
        except DatabaseError as error:
            if type(error) is DatabaseError:  # the file is none, or damaged; its kinds below are about the statement
                raise _outage(error, self.engine.url) from error
            raise

    def close(self) -> None:
        """Close every connection that no transaction holds."""
        self.engine.dispose()


def open_database(url: str) -> Database:
    """Open a database and migrate it to `HEAD`; safe when several processes do so at once.

    Args:
        url: SQLAlchemy's: `sqlite:////data/fourways.db` (its folder is made), `sqlite://` (in memory),
            `postgresql+psycopg://user:password@host/name`.

    Raises:
        InvalidProject: the URL is not one, or its driver is not installed.
        Unavailable: it cannot be reached, or it was written by a newer fourways.
    """
    address = _address(url)
    own = DIFFERENCES[address.get_backend_name()]
    _make_folder(address)
    try:
        engine = create_engine(address, json_serializer=encode_json, **own.engine(address))
    except ModuleNotFoundError as error:
        raise InvalidProject(
            f"the driver of {address.drivername} is not installed ({error}); for PostgreSQL install fourways[postgres]",
            key="database",
        ) from error
    _listen(engine, own)
    database = Database(engine)
    try:
        _migrate(database)
    except BaseException:
        database.close()
        raise
    return database


def _address(url: str) -> URL:
    try:
        address = make_url(url)
        address.get_dialect()
    except (ArgumentError, NoSuchModuleError) as error:
        raise InvalidProject(
            f"'{_hidden(url)}' is no database URL; right would be sqlite:///path or postgresql+psycopg://user@host/name",
            key="database",
        ) from error
    if address.get_backend_name() not in DIFFERENCES:
        known = " and ".join(sorted(DIFFERENCES))
        raise InvalidProject(f"a {address.get_backend_name()} database is not supported; {known} are", key="database")
    return address


def _hidden(url: str) -> str:
    """Return a URL's scheme only: what cannot be parsed may hold a password anywhere."""
    return url.split(":", 1)[0] + ":…"


def _listen(engine: Engine, own: Difference) -> None:
    """Prepare each new connection, and open transactions the dialect's way."""

    @event.listens_for(engine, "connect")
    def prepare(raw: object, record: object) -> None:
        del record
        own.prepare(raw)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        for statement in own.begin_read if connection.get_execution_options().get("reads") else own.begin_write:
            connection.exec_driver_sql(statement)


def _make_folder(address: URL) -> None:
    """Make the folder of a database that is a file."""
    if address.get_backend_name() != "sqlite" or address.database in {None, "", ":memory:"}:
        return
    folder = Path(str(address.database)).parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Unavailable(f"the database's folder {folder} cannot be made: {error.strerror}") from error


def _outage(error: DatabaseError | TimeoutError, url: URL) -> Busy | Unavailable:
    """Tell whether trying again at once may help: another held a lock, a row, or every connection."""
    reason = str(error.orig if isinstance(error, DatabaseError) else error).strip()
    if isinstance(error, TimeoutError) or any(word in reason for word in ("locked", "deadlock", "serialize")):
        return Busy(f"others held the database for too long; try again ({reason})")
    return Unavailable(f"the database {url.render_as_string(hide_password=True)} cannot be used: {reason}")


# ---------------------------------------------------------------- migrating


def _migrate(database: Database) -> None:
    """Bring the schema to `HEAD`, in one transaction that one process at a time is in."""
    with database.reading() as connection:
        if version(connection) == HEAD:
            return
    with database.transaction() as connection:
        difference(connection).lock(connection, "migration")
        found = version(connection)
        if found != HEAD:  # another process may have been here while this one waited
            _upgrade(connection, found)


def version(connection: Connection) -> str | None:
    """Return the newest migration the database has had, None for an empty one. Alembic costs 0.8 s: not for this."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    row = connection.exec_driver_sql("SELECT version_num FROM alembic_version").first()
    return None if row is None else str(row[0])


def _upgrade(connection: Connection, found: str | None) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", os.fspath(Path(__file__).with_name("migrations")).replace("%", "%%"))
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if found is not None and found not in known:
        raise Unavailable(
            f"the database is at migration {found}, which this fourways (at {HEAD}) does not know: "
            "it was written by a newer one; install that version, or restore a backup"
        )
    command.upgrade(config, HEAD)
