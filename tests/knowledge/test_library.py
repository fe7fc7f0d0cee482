"""A knowledge synced from files, searched, and rid of documents; words are hashed, so equal words are near."""

from itertools import pairwise
from pathlib import Path

import pytest

from fourways.config.tree import Knowledge
from fourways.core.errors import Busy, InvalidRequest, NotFound, Unavailable
from fourways.knowledge.library import Library, Progress
from fourways.knowledge.lock import locked
from fourways.models.embedders import HashEmbedder
from fourways.store import catalog
from fourways.store.database import Database, open_database

PAGES = {
    "vpn.md": "# VPN\n\nInstall the client and sign in with your badge number.",
    "leave.md": "# Annual leave\n\nEverybody has thirty days of holiday a year.",
    "pay.md": "---\nacl: [hr]\nyear: 2024\n---\n# Salaries\n\nBands are reviewed each spring by the board.",
}


@pytest.fixture
def database(tmp_path: Path):
    opened = open_database(f"sqlite:///{tmp_path}/state/fourways.db")
    yield opened
    opened.close()


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    folder.mkdir()
    for name, text in PAGES.items():
        (folder / name).write_text(text)
    return folder


def open_library(tmp_path: Path, database: Database, **knowledge) -> Library:
    node = Knowledge.model_validate({"sources": [{"paths": ["docs"]}], **knowledge})
    return Library(
        "handbook",
        node,
        folder=tmp_path,
        state=tmp_path / "state",
        database=database,
        embed=HashEmbedder(),
        now=lambda: 1.0,
    )


@pytest.fixture
def library(tmp_path: Path, docs: Path, database: Database) -> Library:
    return open_library(tmp_path, database)


async def found(library: Library, query: str, labels: tuple[str, ...] = (), **options) -> list[str]:
    return [hit.passage.document for hit in await library.search(query, labels=labels, **options)]


async def test_a_synced_document_is_found_by_its_words_with_its_place_and_scores(library):
    report = await library.sync()
    assert (report.snapshot, report.documents, report.added, report.failed) == (1, 3, 3, {})
    hits = await library.search("how many days of holiday?", labels=())
    best = hits[0]
    assert best.passage.document == "docs/leave.md"
    assert best.passage.headings == ("Annual leave",)
    assert "thirty days" in best.passage.text
    assert 0 < best.dense <= 1
    assert best.lexical > 0
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)


async def test_before_the_first_sync_nothing_is_found(library):
    assert await found(library, "holiday") == []
    assert library.documents() == []


async def test_nothing_changed_means_no_new_snapshot(library):
    await library.sync()
    report = await library.sync()
    assert (report.snapshot, report.unchanged, report.added, report.changed) == (1, 3, 0, 0)
    assert [row.number for row in library.snapshots()] == [1]


async def test_a_changed_a_new_and_a_gone_document_make_the_next_snapshot(library, docs):
    await library.sync()
    (docs / "vpn.md").write_text("# VPN\n\nThe tunnel now needs a passkey.")
    (docs / "parking.md").write_text("# Parking\n\nThe garage opens at six.")
    (docs / "leave.md").unlink()
    report = await library.sync()
    assert (report.snapshot, report.added, report.changed, report.removed, report.unchanged) == (2, 1, 1, 1, 1)
    assert "docs/leave.md" not in await found(library, "days of holiday a year")
    assert (await found(library, "garage"))[0] == "docs/parking.md"
    assert "passkey" in (await library.search("passkey tunnel", labels=()))[0].passage.text


async def test_a_pinned_snapshot_goes_on_answering_as_it_was(library, docs):
    await library.sync()
    (docs / "leave.md").unlink()
    await library.sync()
    assert (await found(library, "days of holiday a year", snapshot=1))[0] == "docs/leave.md"
    assert "docs/leave.md" not in await found(library, "days of holiday a year", snapshot=2)
    with pytest.raises(NotFound, match="no snapshot 7; there is: 1, 2"):
        await library.search("holiday", labels=(), snapshot=7)


async def test_only_the_newest_snapshots_and_pinned_ones_are_kept(tmp_path, docs, database):
    library = open_library(tmp_path, database, keep_snapshots=2)
    library._pinned = lambda: {1}
    for number in range(4):
        (docs / "vpn.md").write_text(f"# VPN\n\nEdition {number} of the marker{number}.")
        await library.sync()
    assert [row.number for row in library.snapshots()] == [1, 3, 4]
    assert "marker0" in (await library.search("marker0", labels=(), snapshot=1))[0].passage.text
    held = set(library._index.held())
    with database.reading() as connection:
        versions = {one.id: one.added_in for one in catalog.versions(connection, library._place)}
    assert held == versions.keys()
    assert 2 not in versions.values()


async def test_passages_with_labels_are_found_by_those_who_have_one(library):
    await library.sync()
    assert "docs/pay.md" not in await found(library, "salary bands reviewed in spring")
    assert (await found(library, "salary bands reviewed in spring", ("it", "hr")))[0] == "docs/pay.md"


async def test_closing_a_document_closes_it_in_pinned_snapshots_too(library, docs):
    await library.sync()
    (docs / "leave.md").write_text("---\nacl: [hr]\n---\n" + PAGES["leave.md"])
    await library.sync()
    assert "docs/leave.md" not in await found(library, "days of holiday", snapshot=1)
    assert (await found(library, "days of holiday", ("hr",), snapshot=1))[0] == "docs/leave.md"


async def test_changed_settings_of_the_project_file_apply_to_unchanged_files(tmp_path, docs, database):
    await open_library(tmp_path, database).sync()
    closed = open_library(tmp_path, database, sources=[{"paths": ["docs"], "acl": ["staff"]}])
    report = await closed.sync()
    assert (report.changed, report.unchanged) == (3, 0)
    assert await found(closed, "days of holiday") == []
    assert (await found(closed, "days of holiday", ("staff",)))[0] == "docs/leave.md"


async def test_filters_narrow_before_the_search(library):
    await library.sync()
    recent = {"type": "gte", "key": "year", "value": 2024}
    assert set(await found(library, "holiday", ("hr",), filters=recent)) == {"docs/pay.md"}
    named = {"type": "eq", "key": "document", "value": "docs/vpn.md"}
    assert set(await found(library, "holiday", filters=named)) == {"docs/vpn.md"}


async def test_an_unreadable_document_is_reported_and_its_former_version_stays(library, docs):
    await library.sync()
    (docs / "leave.md").write_bytes(b"")
    (docs / "vpn.md").write_text("# VPN\n\nNew words about tunnels.")
    report = await library.sync()
    assert list(report.failed) == ["docs/leave.md"]
    assert "docs/leave.md" in report.failed["docs/leave.md"]
    assert (report.snapshot, report.changed) == (2, 1)
    assert (await found(library, "days of holiday a year"))[0] == "docs/leave.md"


@pytest.mark.parametrize(
    ("query", "options", "reason"),
    [
        ("  ", {}, "query is empty"),
        ("holiday", {"limit": 0}, "from 1 to 100 passages"),
        ("holiday", {"limit": 101}, "from 1 to 100 passages"),
        ("holiday", {"filters": {"type": "like", "key": "a", "value": 1}}, "type is one of eq, ne"),
        ("holiday", {"filters": {"type": "eq", "value": 1}}, "has a key"),
        ("holiday", {"filters": {"type": "and", "filters": []}}, "from 1 to"),
    ],
)
async def test_nonsense_is_refused_with_what_would_be_right(library, query, options, reason):
    await library.sync()
    with pytest.raises(InvalidRequest, match=reason):
        await library.search(query, labels=(), **options)


async def test_odd_queries_are_only_words(library):
    await library.sync()
    for query in ('"', "a' OR 1=1 --", "\x00 holiday", "holiday AND (", "日本語", "x" * 100_000, "the", "\ud800"):
        await library.search(query, labels={"it's", "\x1f"})


async def test_neighbours_are_handed_on_with_a_hit_as_one_slice(tmp_path, docs, database):
    text = "# Manual\n\n" + "\n\n".join(f"Step {n}. " + f"word{n} turns the crank. " * 7 for n in range(9))
    (docs / "manual.md").write_text(text)
    plain = open_library(tmp_path, database, chunk={"size": 64})
    await plain.sync()
    core = (await plain.search("word4", labels=()))[0].passage
    library = open_library(tmp_path, database, chunk={"size": 64}, search={"neighbours": 1})
    wide = (await library.search("word4", labels=()))[0].passage
    assert wide.start < core.start
    assert core.end < wide.end
    assert wide.id == core.id
    assert "word3" in wide.text
    assert "word5" in wide.text
    slices = [
        hit.passage for hit in await library.search("word4", labels=()) if hit.passage.document == "docs/manual.md"
    ]
    taken = sorted((one.start, one.end) for one in slices)
    assert all(before[1] <= after[0] for before, after in pairwise(taken))


async def test_a_reranker_has_the_last_word(tmp_path, docs, database):
    library = open_library(tmp_path, database)
    await library.sync()

    async def longest_last(question, texts):
        return [-len(text) for text in texts]

    reranked = Library(
        "handbook",
        library.node,
        folder=tmp_path,
        state=tmp_path / "state",
        database=database,
        embed=HashEmbedder(),
        rerank=longest_last,
    )
    hits = await reranked.search("holiday", labels=())
    assert [len(hit.passage.text) for hit in hits] == sorted(len(hit.passage.text) for hit in hits)
    assert all(0 <= hit.score <= 1 for hit in hits)


async def test_one_writer_at_a_time(library):
    async with locked(library._lock):
        with pytest.raises(Busy, match="handbook"):
            await library.sync()
    assert (await library.sync()).snapshot == 1


async def test_another_embedding_model_makes_another_index_at_the_next_sync(tmp_path, docs, database, library):
    await library.sync()
    other = open_library(tmp_path, database)
    other = Library(
        "handbook", library.node, folder=tmp_path, state=tmp_path / "state", database=database, embed=HashEmbedder(64)
    )
    with pytest.raises(Unavailable, match="another embedding model"):
        await other.search("holiday", labels=())
    report = await other.sync()
    assert (report.snapshot, report.unchanged) == (2, 3)
    assert (await found(other, "days of holiday a year"))[0] == "docs/leave.md"
    assert len(list((tmp_path / "state" / "index").glob("*.lance"))) == 1


async def test_a_lost_index_is_made_again_from_the_database(library):
    await library.sync()
    before = await found(library, "days of holiday a year")
    library._index.drop()
    await library.rebuild()
    assert await found(library, "days of holiday a year") == before


async def test_progress_is_told(library):
    seen: list[Progress] = []
    await library.sync(seen.append)
    assert any(one.what.startswith("reading docs/") for one in seen)
    assert seen[-1].done == seen[-1].total == 3


async def test_a_page_that_calls_itself_superseded_yields_to_the_one_in_its_place(
    tmp_path: Path, docs: Path, database: Database
) -> None:
    old = "---\nstatus: superseded\n---\n# VPN 2023\n\nInstall the client and sign in with your badge number, twice."
    (docs / "vpn-2023.md").write_text(old)
    query = "install the client and sign in with your badge number twice"
    library = open_library(tmp_path, database)
    await library.sync()
    assert (await found(library, query))[:2] == ["docs/vpn.md", "docs/vpn-2023.md"]
    indifferent = open_library(tmp_path, database, search={"superseded": 1})
    assert (await found(indifferent, query))[0] == "docs/vpn-2023.md"
