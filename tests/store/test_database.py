"""Opening a database: migrated once, by whoever comes first; refused, saying why, where it cannot be used."""

import subprocess
import sys
import threading

import pytest
from sqlalchemy import create_engine, event, text

from fourways.core.errors import Busy, InvalidProject, Unavailable
from fourways.store import revisions
from fourways.store.database import open_database


def url_of(folder):
    return f"sqlite:///{folder}/state/fourways.db"


def execute(url, statement):
    database = open_database(url)
    with database.transaction() as connection:
        connection.execute(text(statement))
    database.close()


def test_what_was_committed_is_there_when_it_is_opened_again(tmp_path):
    for number in (1, 2):
        database = open_database(url_of(tmp_path))
        with database.transaction() as connection:
            revisions.bump(connection, "keys")
            assert revisions.current(connection) == {"keys": number}
        database.close()


def test_a_database_at_head_is_opened_without_alembic(tmp_path):
    open_database(url_of(tmp_path)).close()
    program = (
        "import sys; from fourways.store.database import open_database; "
        f"open_database({url_of(tmp_path)!r}); print('alembic' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.slow
def test_many_may_open_a_new_one_at_once(tmp_path):
    program = f"from fourways.store.database import open_database; open_database({url_of(tmp_path)!r}).close()"
    openers = [subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.PIPE) for _ in range(4)]
    errors = [opener.communicate()[1].decode() for opener in openers]
    assert errors == [""] * 4


def test_one_from_a_newer_fourways_is_refused(tmp_path):
    execute(url_of(tmp_path), "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(Unavailable, match=r"migration 9999.*written by a newer one"):
        open_database(url_of(tmp_path))


def test_a_migration_that_fails_leaves_the_database_as_it_was(tmp_path):
    execute(url_of(tmp_path), "DELETE FROM alembic_version")  # the tables are there: making them again fails
    with pytest.raises(Unavailable, match="already exists"):
        open_database(url_of(tmp_path))
    raw = create_engine(url_of(tmp_path))
    with raw.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM alembic_version")).scalar() == 0
    raw.dispose()


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("fourways.db", "no database URL"),
        ("postgres://secret@", "no database URL"),
        ("nosuch+driver://u:secret@h/d", "no database URL"),
        ("oracle://u:secret@h/d", "not supported; postgresql and sqlite are"),
        ("postgresql+pg8000://u:secret@h/d", "not installed"),
    ],
)
def test_a_wrong_url_is_refused_without_telling_its_password(url, says):
    with pytest.raises(InvalidProject, match=says) as caught:
        open_database(url)
    assert "secret" not in str(caught.value)


def test_a_database_that_is_not_there_is_unavailable_without_telling_its_password():
    with pytest.raises(Unavailable, match="cannot be used") as caught:
        open_database("postgresql+psycopg://u:secret@127.0.0.1:1/d?connect_timeout=2")
    assert "secret" not in str(caught.value)


def test_a_file_that_is_no_database_is_named(tmp_path):
    (tmp_path / "notes.txt").write_text("not a database at all, but some sixteen bytes and more")
    with pytest.raises(Unavailable, match=r"notes\.txt"):
        open_database(f"sqlite:///{tmp_path}/notes.txt")


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable, match="file"):
        open_database(f"sqlite:///{tmp_path}/file/fourways.db")


def test_a_writer_that_waits_too_long_is_told_so(tmp_path):
    database = open_database(url_of(tmp_path))

    def write_impatiently():
        with database.transaction():
            pass

    @event.listens_for(database.engine, "checkout")
    def lose_patience(raw, record, proxy):
        raw.execute("PRAGMA busy_timeout = 10")

    with database.transaction(), pytest.raises(Busy, match="too long"):
        write_impatiently()
    database.close()


def test_readers_do_not_wait_for_a_writer(tmp_path):
    database = open_database(url_of(tmp_path))
    with database.transaction() as writer:
        revisions.bump(writer, "keys")
        with database.reading() as reader:
            assert revisions.current(reader) == {}
    database.close()


def test_sqlite_is_set_up_to_keep_what_it_acknowledged(tmp_path):
    database = open_database(url_of(tmp_path))
    with database.reading() as connection:
        settings = {
            name: connection.execute(text(f"PRAGMA {name}")).scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "secure_delete")
        }
    database.close()
    assert settings == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "secure_delete": 1}


def test_threads_take_turns_with_a_database_in_memory():
    database = open_database("sqlite://")

    def bump():
        for _ in range(20):
            with database.transaction() as connection:
                revisions.bump(connection, "keys")

    threads = [threading.Thread(target=bump) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.reading() as connection:
        assert revisions.current(connection) == {"keys": 80}
