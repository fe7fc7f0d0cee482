"""kill -9 of a sync at random points: what was published goes on answering, and the next sync ends the work."""

import asyncio
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fourways.config.tree import Knowledge
from fourways.knowledge.library import Library
from fourways.models.embedders import HashEmbedder
from fourways.store import catalog
from fourways.store.database import open_database

KILLS = 5
DOCUMENTS = 60

SYNC = """
import asyncio, sys
from pathlib import Path
import lancedb, pyarrow, numpy
from fourways.config.tree import Knowledge
from fourways.knowledge import mirror, sync
from fourways.knowledge.library import Library
from fourways.models.embedders import HashEmbedder
from fourways.store.database import open_database

mirror._PASSAGES, mirror._EMBEDDED, sync._AT_ONCE = 20, 7, 4  # many small steps
root = Path(sys.argv[1])
node = Knowledge.model_validate({"sources": [{"paths": ["docs"]}], "chunk": {"size": 40}, "keep_snapshots": 1})
library = Library("handbook", node, folder=root, state=root / "state",
                  database=open_database(f"sqlite:///{root}/state/fourways.db"), embed=HashEmbedder())
print("ready", flush=True)
print(asyncio.run(library.sync()), flush=True)
"""


def write_docs(root: Path, edition: int) -> None:
    docs = root / "docs"
    docs.mkdir(exist_ok=True)
    for number in range(DOCUMENTS):
        path = docs / f"page{number}.md"
        if edition and number % 3 == 0:
            path.unlink(missing_ok=True)
        elif not edition or number % 3 == 1:
            parts = (
                f"Part {part} of page{number} in edition{edition}. " + "Some more words. " * 8 for part in range(3)
            )
            path.write_text(f"# Page {number}\n\n" + "\n\n".join(parts))


def open_library(root: Path) -> Library:
    node = Knowledge.model_validate({"sources": [{"paths": ["docs"]}], "chunk": {"size": 40}, "keep_snapshots": 1})
    database = open_database(f"sqlite:///{root}/state/fourways.db")
    return Library("handbook", node, folder=root, state=root / "state", database=database, embed=HashEmbedder())


def start(root: Path) -> "subprocess.Popen[str]":
    process = subprocess.Popen([sys.executable, "-c", SYNC, str(root)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def rows_of(library: Library) -> list[tuple[object, ...]]:
    """Return all that a reader can tell apart of the newest snapshot."""
    (*_, newest) = library.snapshots()
    with library._database.reading() as connection:
        versions = [one for one in catalog.versions(connection, library._place) if one.removed_in is None]
        stored = list(catalog.stored(connection, [one.id for one in versions]))
    held = library._index.held()
    assert {one.id: one.passages for one in versions} == {key: one.passages for key, one in held.items()}
    assert (newest.counts or {})["documents"] == len(versions)
    return sorted((one.document.uri, one.document.text, one.passages) for one in stored)


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_a_sync_killed_at_random_points_loses_nothing_and_shows_nothing_half_done(tmp_path):
    chance = random.Random(4)
    root = tmp_path / "killed"
    root.mkdir()
    write_docs(root, edition=0)
    first = start(root)
    began = time.monotonic()
    first.wait()
    whole = time.monotonic() - began
    library = open_library(root)
    before = rows_of(library)
    write_docs(root, edition=1)
    for _ in range(KILLS):
        process = start(root)
        await asyncio.sleep(chance.random() * whole / 2)
        process.send_signal(signal.SIGKILL)
        process.wait()
        rows = library.snapshots()
        hits = await library.search("part of a page in some edition", labels=(), limit=50)
        editions = {"edition0" in hit.passage.text for hit in hits}
        assert len(rows) == 1
        assert rows[0].number in {1, 2}
        assert hits
        if rows[0].number == 1:
            assert editions == {True}
            assert (rows[0].counts or {})["documents"] == len(before)
    await library.sync()

    clean = tmp_path / "clean"
    clean.mkdir()
    (root / "docs").rename(clean / "docs")
    fresh = open_library(clean)
    await fresh.sync()
    assert rows_of(library) == rows_of(fresh)
    assert [row.number for row in library.snapshots()] == [2]
