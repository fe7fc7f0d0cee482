"""Nothing that was acknowledged is lost when a process is killed, at whatever moment."""

import random
import subprocess
import sys
import time

import pytest

from fourways.core.ids import DEFAULT_TENANT
from fourways.store import audit, revisions, traces
from fourways.store.blobs import Blobs
from fourways.store.database import open_database

ROUNDS = 6

WRITER = """
import sys
from pathlib import Path
from fourways.core.ids import DEFAULT_TENANT
from fourways.core.trace import Trace
from fourways.store import audit, revisions, traces
from fourways.store.blobs import Blobs
from fourways.store.database import open_database

url, folder, round = sys.argv[1:]
blobs = Blobs(Path(folder))
database = open_database(url)
number = 0
while True:
    number += 1
    trace = Trace(trace_id=f"{round}-{number}")
    trace.end()
    with database.transaction() as connection:
        revisions.bump(connection, "writes")
        traces.record_traces(connection, [trace])
        audit.append(connection, DEFAULT_TENANT, at=1.0, actor="test", action="write", subject=trace.id)
    digest = blobs.put(trace.id.encode() * 1000)
    print(trace.id, digest, flush=True)
"""


def acknowledged_until_killed(url, folder, number, seconds):
    """Run a writer, kill it after some time, and return the writes it acknowledged: (trace id, blob digest)."""
    command = [sys.executable, "-c", WRITER, url, str(folder), str(number)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        first = writer.stdout.readline()
        time.sleep(seconds)
        writer.kill()
        lines = [first, *writer.stdout]
    return [tuple(line.split()) for line in lines if line.endswith("\n")]


@pytest.mark.slow
def test_what_was_acknowledged_is_there_after_kill_9(tmp_path):
    url, folder = f"sqlite:///{tmp_path}/fourways.db", tmp_path / "blobs"
    chance = random.Random(2)
    promised = []
    for number in range(ROUNDS):
        promised += acknowledged_until_killed(url, folder, number, chance.uniform(0.0, 0.1))
    assert len(promised) >= ROUNDS

    database, blobs = open_database(url), Blobs(folder)
    with database.reading() as connection:
        kept = {row.id for row in traces.recent_traces(connection, DEFAULT_TENANT, limit=1_000_000)}
        chain = audit.verify(connection, DEFAULT_TENANT)
        counted = revisions.current(connection)["writes"]
    database.close()
    assert {trace for trace, _ in promised} <= kept
    assert all(blobs.read(digest) == trace.encode() * 1000 for trace, digest in promised)
    # A transaction is there whole or not at all: its three rows are of one number.
    assert (chain.length, chain.broken, counted) == (len(kept), "", len(kept))
    assert all(blobs.read(digest) for digest in blobs.digests())


@pytest.mark.slow
def test_a_database_killed_while_it_was_made_opens_the_next_time(tmp_path):
    url = f"sqlite:///{tmp_path}/fourways.db"
    program = f"from fourways.store.database import open_database; print(flush=True); open_database({url!r})"
    chance = random.Random(3)
    for _ in range(3):
        with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as opener:
            assert opener.stdout is not None
            opener.stdout.readline()
            time.sleep(chance.uniform(0.0, 0.4))
            opener.kill()
    database = open_database(url)
    with database.transaction() as connection:
        revisions.bump(connection, "keys")
    database.close()
