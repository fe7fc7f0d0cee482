"""What differs between databases, in one place: a table of per-dialect things, and the types and clauses they share."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import msgspec
from sqlalchemy import URL, ColumnElement, Connection, Dialect, Engine, Table, Text, TypeDecorator
from sqlalchemy.dialects import postgresql, sqlite

from fourways.core.errors import Busy

WRITES_WAIT = 30.0
"""Seconds that a SQLite writer waits for another before it gives up."""

LOCKS: Mapping[str, int] = MappingProxyType({"migration": 0x666F7572, "audit": 0x666F7573, "release_log": 0x666F7574})
"""What can be locked for the length of a transaction, and PostgreSQL's number for it."""

_UNFIT = {0: "\N{REPLACEMENT CHARACTER}"} | dict.fromkeys(range(0xD800, 0xE000), "\N{REPLACEMENT CHARACTER}")


class Words(TypeDecorator[str]):
    """Text from outside: what no database stores (NUL, lone surrogates) becomes U+FFFD, character for character.

    Args:
        most: characters kept, None for all. A longer value is cut when stored and when compared, so that both agree.
    """

    impl = Text
    cache_ok = True

    def __init__(self, most: int | None = None) -> None:
        super().__init__()
        self.most = most

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Make the value fit."""
        del dialect
        return None if value is None else fit(value[: self.most])


def fit(text: str) -> str:
    """Replace each character that a database cannot store; offsets into the text stay true."""
    if "\0" not in text:
        try:
            text.encode()
        except UnicodeEncodeError:
            pass
        else:
            return text
    return text.translate(_UNFIT)


def encode_json(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """Encode for a JSON column: sets as lists, any mapping as an object, NaN as null, the rest as its text."""
    try:
        return msgspec.json.encode(value, enc_hook=_plain).decode()
    except UnicodeEncodeError:
        return msgspec.json.encode(_fitted(value), enc_hook=_plain).decode()


def _plain(value: Any) -> Any:  # noqa: ANN401 - any value
    return dict(value) if isinstance(value, Mapping) else str(value)


def _fitted(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    if isinstance(value, str):
        return fit(value)
    if isinstance(value, Mapping):
        return {fit(str(name)): _fitted(item) for name, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_fitted(item) for item in value]
    return value


def partial(condition: ColumnElement[bool]) -> dict[str, Any]:
    """Return the arguments that make an `Index` cover only rows that meet a condition."""
    return {"sqlite_where": condition, "postgresql_where": condition}


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What one database does its own way.

    Attributes:
        insert: its INSERT, the one that knows ON CONFLICT.
        engine: arguments of `create_engine` for a URL.
        prepare: run once on each new DBAPI connection.
        reads: execution options of a transaction that only reads.
        begin_read, begin_write: statements that open a transaction, none for the driver's own way.
        lock: hold one of `LOCKS` until the transaction ends, waiting for whoever has it.
        scrub: leave no old bytes of erased rows in the files.
    """

    insert: Callable[[Table], Any]
    engine: Callable[[URL], Mapping[str, Any]]
    prepare: Callable[[Any], None]
    reads: Mapping[str, Any]
    begin_read: tuple[str, ...]
    begin_write: tuple[str, ...]
    lock: Callable[[Connection, str], None]
    scrub: Callable[[Engine], None]


def difference(connection: Connection) -> Difference:
    """Return what is different on this connection's database."""
    return DIFFERENCES[connection.dialect.name]


def insert_or_ignore(connection: Connection, table: Table) -> Any:  # noqa: ANN401 - each dialect has its own Insert
    """Return an INSERT that leaves rows alone whose key is there already."""
    return difference(connection).insert(table).on_conflict_do_nothing()


def insert_or_update(connection: Connection, table: Table, keys: tuple[str, ...], update: Callable[[Any], Any]) -> Any:  # noqa: ANN401 - the same
    """Return an INSERT that updates the row that has the key already.

    Args:
        connection: tells which database it is.
        table: where to.
        keys: the columns of the unique constraint.
        update: from the columns that could not be inserted to the values of the update, by column name.
    """
    statement = difference(connection).insert(table)
    return statement.on_conflict_do_update(index_elements=list(keys), set_=update(statement.excluded))


# ---------------------------------------------------------------- SQLite


def _sqlite_engine(url: URL) -> Mapping[str, Any]:
    if url.database in {None, "", ":memory:"}:  # one connection is the database: threads take turns with it
        from sqlalchemy.pool import QueuePool

        return {"poolclass": QueuePool, "pool_size": 1, "max_overflow": 0, "connect_args": {"check_same_thread": False}}
    return {"pool_size": 8, "max_overflow": 24}


def _sqlite_prepare(raw: Any) -> None:  # noqa: ANN401 - a DBAPI connection
    raw.isolation_level = None  # the driver opens no transactions of its own accord; `begin_…` does
    raw.execute(f"PRAGMA busy_timeout = {int(WRITES_WAIT * 1000)}")
    _sqlite_wal(raw)
    raw.execute("PRAGMA synchronous = FULL")  # a commit is on disk when it is acknowledged
    raw.execute("PRAGMA foreign_keys = ON")
    raw.execute("PRAGMA secure_delete = ON")  # what is erased is overwritten


def _sqlite_wal(raw: Any) -> None:  # noqa: ANN401 - a DBAPI connection
    """Switch to WAL; two processes doing so at once see "database is locked" whatever the busy timeout."""
    import sqlite3

    give_up = time.monotonic() + WRITES_WAIT
    while raw.execute("PRAGMA journal_mode").fetchone()[0] not in {"wal", "memory"}:
        try:
            raw.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > give_up:
                raise
            time.sleep(0.01)


def _sqlite_lock(connection: Connection, name: str) -> None:
    """Do nothing: BEGIN IMMEDIATE lets one writer in at a time."""


def _sqlite_scrub(engine: Engine) -> None:
    """Empty the write-ahead log into the file, whose freed pages `secure_delete` has filled with zeros."""
    give_up = time.monotonic() + WRITES_WAIT
    while True:
        raw = engine.raw_connection()
        try:
            busy = raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        finally:
            raw.close()
        if not busy:
            return
        if time.monotonic() > give_up:
            raise Busy("erased rows are still in the write-ahead log: somebody reads the database all the time")
        time.sleep(0.05)


# ---------------------------------------------------------------- PostgreSQL


def _postgres_scrub(engine: Engine) -> None:
    """Let VACUUM take the dead rows' bytes out of the pages of the tables that hold texts and vectors."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM documents, passages, vectors")


def _postgres_lock(connection: Connection, name: str) -> None:
    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCKS[name]})")


DIFFERENCES: Mapping[str, Difference] = MappingProxyType(
    {
        "sqlite": Difference(
            insert=sqlite.insert,
            engine=_sqlite_engine,
            prepare=_sqlite_prepare,
            reads={"reads": True},
            begin_read=("PRAGMA query_only = ON", "BEGIN"),
            begin_write=("PRAGMA query_only = OFF", "BEGIN IMMEDIATE"),
            lock=_sqlite_lock,
            scrub=_sqlite_scrub,
        ),
        "postgresql": Difference(
            insert=postgresql.insert,
            engine=lambda url: {"pool_size": 8, "max_overflow": 24, "pool_pre_ping": True},  # noqa: ARG005 - as for every dialect
            prepare=lambda raw: None,  # noqa: ARG005 - nothing to prepare
            reads={"reads": True, "isolation_level": "REPEATABLE READ", "postgresql_readonly": True},
            begin_read=(),
            begin_write=(),
            lock=_postgres_lock,
            scrub=_postgres_scrub,
        ),
    }
)
