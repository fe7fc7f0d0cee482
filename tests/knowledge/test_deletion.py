"""Deleting a document leaves nothing of it: not for readers in other processes, not in any byte on the disk."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fourways.config.tree import Knowledge
from fourways.core.errors import Busy, NotFound
from fourways.knowledge.library import Library
from fourways.knowledge.lock import locked
from fourways.models.embedders import HashEmbedder
from fourways.store import catalog
from fourways.store.database import Database, open_database

SECRET = "zanzibarquux"
TEXT = f"The word {SECRET} stands in this page, and the page must vanish."

READER = """
import asyncio, sys
from pathlib import Path
from fourways.config.tree import Knowledge
from fourways.knowledge.library import Library
from fourways.models.embedders import HashEmbedder
from fourways.store.database import open_database

async def main(root):
    node = Knowledge.model_validate({"sources": [{"paths": ["docs"]}]})
    library = Library("handbook", node, folder=root, state=root / "state",
                      database=open_database(f"sqlite:///{root}/state/fourways.db"), embed=HashEmbedder())
    for line in sys.stdin:
        hits = await library.search(line.strip(), labels=())
        print(" ".join(sorted({hit.passage.document for hit in hits})), flush=True)

asyncio.run(main(Path(sys.argv[1])))
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "secret.md").write_text(f"# Codename\n\n{TEXT}")
    for number in range(30):
        (docs / f"page{number}.md").write_text(
            f"# Page {number}\n\nOrdinary words about the page of the number {number}."
        )
    return tmp_path


@pytest.fixture
def database(root: Path) -> Iterator[Database]:
    opened = open_database(f"sqlite:///{root}/state/fourways.db")
    yield opened
    opened.close()


@pytest.fixture
def library(root: Path, database: Database) -> Library:
    node = Knowledge.model_validate({"sources": [{"paths": ["docs"]}]})
    return Library("handbook", node, folder=root, state=root / "state", database=database, embed=HashEmbedder())


@pytest.fixture
def reader(root: Path) -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen(
        [sys.executable, "-c", READER, str(root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    yield process
    process.kill()
    process.wait()


def ask(process: "subprocess.Popen[str]", query: str) -> set[str]:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(query + "\n")
    process.stdin.flush()
    return set(process.stdout.readline().split())


def files_with(root: Path, needle: bytes) -> set[Path]:
    return {path for path in (root / "state").rglob("*") if path.is_file() and needle in path.read_bytes()}


async def vector_bytes(library: Library) -> bytes:
    with library._database.reading() as connection:
        (version,) = catalog.versions(connection, library._place, "docs/secret.md")
        (stored,) = catalog.stored(connection, [version.id])
    (passage,) = stored.passages
    text = stored.document.text[passage.start : passage.end]
    from fourways.knowledge.mirror import embedded_text

    (vector,) = await library._embed([embedded_text(stored.document.title, passage.headings, text)])
    return bytes(vector.tobytes())


@pytest.mark.slow
async def test_deleting_removes_text_vector_and_full_text_from_disk_under_an_open_reader(root, library, reader):
    await library.sync()
    assert "docs/secret.md" in ask(reader, f"codename {SECRET}")
    vector = await vector_bytes(library)
    before = files_with(root, b"")
    assert len(files_with(root, SECRET.encode())) >= 2, (
        "the search of bytes must be able to find it: database and index"
    )
    assert len(files_with(root, vector)) >= 2

    report = await library.delete("docs/secret.md")

    assert (report.versions, report.passages, report.vectors) == (1, 1, 1)
    assert "docs/secret.md" not in ask(reader, f"codename {SECRET}")
    assert files_with(root, SECRET.encode()) == set()
    assert files_with(root, vector) == set()
    # Full text holds words compressed, where bytes cannot be searched: no file of the index is older than the deletion.
    index = {path for path in files_with(root, b"") & before if ".lance" in str(path.parent)}
    assert {path.name for path in index} <= {"latest_version_hint.json"}
    assert ask(reader, "page number 7"), "the reader goes on"


async def test_a_deleted_document_stays_away_until_it_is_restored(root, library):
    await library.sync()
    await library.delete("docs/secret.md")
    report = await library.sync()
    assert (report.denied, report.added) == (1, 0)
    assert files_with(root, SECRET.encode()) == set()
    assert library.restore("docs/secret.md")
    assert not library.restore("docs/secret.md")
    report = await library.sync()
    assert (report.denied, report.added) == (0, 1)
    assert (await library.search(SECRET, labels=()))[0].passage.document == "docs/secret.md"


async def test_former_versions_go_too(root, library):
    await library.sync()
    (root / "docs" / "secret.md").write_text("# Codename\n\nNow it is another word.")
    await library.sync()
    assert files_with(root, SECRET.encode()), "a kept snapshot shows the former version"
    report = await library.delete("docs/secret.md")
    assert report.versions == 2
    assert files_with(root, SECRET.encode()) == set()


async def test_text_that_another_document_shares_keeps_its_vector(root, library):
    (root / "docs" / "copy.md").write_text(f"# Codename\n\n{TEXT}")
    await library.sync()
    report = await library.delete("docs/secret.md")
    assert report.vectors == 0
    assert (await library.search(SECRET, labels=()))[0].passage.document == "docs/copy.md"


async def test_while_somebody_writes_a_deleted_document_no_longer_answers_and_the_next_sync_erases_it(
    root, library, monkeypatch
):
    await library.sync()
    monkeypatch.setattr("fourways.knowledge.library._PATIENCE", 0.1)
    async with locked(library._lock):
        with pytest.raises(Busy, match="no longer answers"):
            await library.delete("docs/secret.md")
        hits = await library.search(SECRET, labels=())
        assert "docs/secret.md" not in {hit.passage.document for hit in hits}
    await library.sync()
    assert files_with(root, SECRET.encode()) == set()


async def test_a_typo_is_answered_with_the_likely_name(library):
    await library.sync()
    with pytest.raises(NotFound, match=r"did you mean 'docs/secret\.md'"):
        await library.delete("docs/sekret.md")
    assert library.erasable("docs/secret.md").passages == 1


@pytest.mark.parametrize("stopped", ["rows", "index"])
async def test_a_killed_deletion_is_ended_by_the_next_sync(root, library, stopped):
    await library.sync()

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    if stopped == "rows":
        library._index.erase = die
    else:
        library._index._rewrite = die
    with pytest.raises(KeyboardInterrupt):
        await library.delete("docs/secret.md")
    again = Library(
        "handbook",
        library.node,
        folder=root,
        state=root / "state",
        database=library._database,
        embed=HashEmbedder(),
    )
    assert files_with(root, SECRET.encode()), "what was killed has left bytes behind"
    await again.sync()
    assert files_with(root, SECRET.encode()) == set()


async def test_pruned_snapshots_leave_no_bytes(root, database):
    node = Knowledge.model_validate({"sources": [{"paths": ["docs"]}], "keep_snapshots": 1})
    library = Library("handbook", node, folder=root, state=root / "state", database=database, embed=HashEmbedder())
    await library.sync()
    (root / "docs" / "secret.md").unlink()
    await library.sync()
    assert files_with(root, SECRET.encode()) == set()


async def test_searches_go_on_while_documents_are_deleted(library):
    await library.sync()
    done = asyncio.Event()

    async def keep_asking() -> int:
        asked = 0
        while not done.is_set():
            assert await library.search("ordinary words of a page", labels=())
            asked += 1
        return asked

    asking = [asyncio.create_task(keep_asking()) for _ in range(2)]
    for number in range(4):
        await library.delete(f"docs/page{number}.md")
    done.set()
    assert all(count > 2 for count in await asyncio.gather(*asking))
