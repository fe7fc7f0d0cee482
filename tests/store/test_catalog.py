"""Versions, snapshots and the denylist, as rows, and what a snapshot shows of them."""

from collections.abc import Iterator

import pytest

from fourways.core.data import Document
from fourways.core.ids import TenantId
from fourways.store import catalog, shown
from fourways.store.catalog import NewPassage, Place, Version
from fourways.store.database import Database, open_database
from fourways.store.vectors import find_vectors, keep_vectors

HERE = Place(tenant=TenantId("t1"), knowledge="k")
OTHERS = [Place(tenant=TenantId("t2"), knowledge="k"), Place(tenant=TenantId("t1"), knowledge="other")]
TEXT = "Grüße, 東京! Second sentence."


@pytest.fixture
def database() -> Iterator[Database]:
    opened = open_database("sqlite://")
    yield opened
    opened.close()


def write(database: Database, uri: str, number: int, *, acl: tuple[str, ...] = (), place: Place = HERE) -> Version:
    version = Version(
        id=f"{place.tenant}-{place.knowledge}-{uri}-{number}",
        uri=uri,
        added_in=number,
        removed_in=None,
        content_hash="h",
        recipe="r",
        token="1",
        passages=2,
        language="en",
        acl=frozenset(acl),
    )
    document = Document(
        uri=uri, title="T", text=TEXT, content_hash="h", acl=frozenset(acl), metadata={"a": [1]}, pages=(0, 3)
    )
    pieces = [
        NewPassage(id=f"p{n}", ordinal=n, digest=f"{uri}{number}{n}", start=start, end=end, page=1, headings=("H",))
        for n, (start, end) in enumerate([(0, 11), (12, len(TEXT))])
    ]
    with database.transaction() as connection:
        catalog.write_version(connection, place, version, document, pieces)
    return version


def publish(database: Database, place: Place = HERE) -> int:
    with database.transaction() as connection:
        number = catalog.begin(connection, place, now=1.0)
        catalog.publish(connection, place, number, counts={"documents": 1}, now=2.0)
    return number


def read(database: Database, version: Version, number: int, place: Place = HERE) -> list[str]:
    with database.reading() as connection:
        found = shown.passages_at(connection, place, {version.id: [0, 1, 9]}, number)
    return [found[key].text for key in sorted(found)]


def test_a_begun_snapshot_is_gone_on_with_until_it_is_published(database):
    with database.transaction() as connection:
        assert catalog.building(connection, HERE) is None
        assert [catalog.begin(connection, HERE, now=1.0) for _ in range(2)] == [1, 1]
        assert catalog.published(connection, HERE) == []
        catalog.publish(connection, HERE, 1, counts={"documents": 3}, now=2.0)
        assert catalog.begin(connection, HERE, now=3.0) == 2
        assert [(row.number, row.published_at, row.counts) for row in catalog.published(connection, HERE)] == [
            (1, 2.0, {"documents": 3})
        ]
        assert catalog.building(connection, OTHERS[0]) is None


def test_a_number_is_never_given_twice_though_older_snapshots_are_forgotten(database):
    for _ in range(3):
        publish(database)
    with database.transaction() as connection:
        catalog.forget(connection, HERE, [1, 2])
        assert [row.number for row in catalog.published(connection, HERE)] == [3]
        assert catalog.begin(connection, HERE, now=1.0) == 4


def test_a_passage_is_the_exact_slice_of_its_document_with_all_that_is_known_of_it(database):
    version = write(database, "a.md", 1)
    assert read(database, version, 1) == [TEXT[0:11], TEXT[12:]]
    with database.reading() as connection:
        passage = shown.passages_at(connection, HERE, {version.id: [0]}, 1)[version.id, 0]
        assert (passage.document, passage.title, passage.headings, passage.page) == ("a.md", "T", ("H",), 1)
        assert passage.metadata == {"a": [1]}
        assert shown.slice_at(connection, HERE, version.id, 1, 7, 9) == "東京"
        assert shown.passages_at(connection, HERE, {}, 1) == {}


def test_rows_are_seen_from_their_first_snapshot_to_their_last(database):
    version = write(database, "a.md", 2)
    with database.transaction() as connection:
        catalog.retire(connection, [version], 4)
    assert [bool(read(database, version, number)) for number in range(1, 6)] == [False, True, True, False, False]
    with database.reading() as connection:
        assert [len(shown.documents_in(connection, HERE, number)) for number in range(1, 5)] == [0, 1, 1, 0]


def test_what_was_written_for_the_snapshot_being_built_is_deleted_when_replaced_not_marked(database):
    version = write(database, "a.md", 2)
    with database.transaction() as connection:
        catalog.retire(connection, [version], 2)
        assert catalog.versions(connection, HERE) == []


@pytest.mark.parametrize("place", OTHERS, ids=["another tenant", "another knowledge"])
def test_rows_of_others_are_never_seen(database, place):
    version = write(database, "a.md", 1)
    assert read(database, version, 1, place) == []
    with database.reading() as connection:
        assert catalog.versions(connection, place) == []
        assert shown.documents_in(connection, place, 1) == []
        assert shown.slice_at(connection, place, version.id, 1, 0, 5) is None


def test_a_denied_document_is_not_read_from_the_moment_it_is_denied(database):
    version = write(database, "a.md", 1)
    with database.transaction() as connection:
        catalog.deny(connection, HERE, "a.md", reason="asked for", now=1.0)
        catalog.deny(connection, HERE, "a.md", reason="twice", now=2.0)
        assert catalog.denied(connection, HERE) == {"a.md"}
        assert catalog.denied(connection, OTHERS[0]) == frozenset()
    assert read(database, version, 1) == []
    with database.transaction() as connection:
        assert catalog.allow(connection, HERE, "a.md")
        assert not catalog.allow(connection, HERE, "a.md")
    assert len(read(database, version, 1)) == 2


def test_dropping_versions_drops_cached_vectors_that_nothing_else_uses(database):
    mine = write(database, "a.md", 1)
    write(database, "a.md", 1, place=OTHERS[0])  # the same digests, of another tenant
    lone = write(database, "b.md", 1)
    digests = ["a.md10", "a.md11", "b.md10", "b.md11"]
    with database.transaction() as connection:
        keep_vectors(connection, "m", dict.fromkeys(digests, b"\x00\x00\x00\x00"), now=1.0)
        assert catalog.drop_versions(connection, [mine.id, lone.id]) == 2
        assert find_vectors(connection, "m", digests).keys() == {"a.md10", "a.md11"}
        assert catalog.versions(connection, HERE) == []


def test_closing_a_document_closes_its_former_versions(database):
    first = write(database, "a.md", 1)
    write(database, "a.md", 2, acl=("hr",))
    with database.transaction() as connection:
        catalog.close_former(connection, HERE, {"a.md": {"hr"}, "new.md": set()})
        assert {one.acl for one in catalog.versions(connection, HERE, "a.md")} == {frozenset({"hr"})}
    assert first.acl == frozenset()


def test_stored_versions_come_back_as_they_were_written(database):
    version = write(database, "a.md", 1, acl=("hr",))
    with database.reading() as connection:
        (stored,) = catalog.stored(connection, [version.id, "nobody"])
    assert stored.version == version
    assert stored.document.text == TEXT
    assert stored.document.pages == (0, 3)
    assert [piece.ordinal for piece in stored.passages] == [0, 1]
    assert stored.passages[0].headings == ("H",)
