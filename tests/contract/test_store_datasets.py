"""Datasets, and what their rows rest on, on every database."""

from collections.abc import Mapping
from typing import Any

import pytest

from fourways.core.errors import NotFound
from fourways.core.ids import TenantId
from fourways.store import datasets
from fourways.store.database import Database
from fourways.store.datasets import DatasetRow, RestsOn

ACME, OTHER = TenantId("acme"), TenantId("other")
VPN = RestsOn(kind="document", knowledge="handbook", source="docs/vpn.md", rows=7)
TRACE = RestsOn(kind="trace", source="t1", rows=1)


def dataset(digest: str, **fields: Any) -> DatasetRow:
    facts: Mapping[str, Any] = {
        "definition": "d1",
        "created_at": 1.0,
        "rows": 8,
        "names": ["pairs"],
        "manifest": {"a": 1},
    }
    return DatasetRow(digest=digest, **{**facts, **fields})


def save(database: Database, row: DatasetRow, *sources: RestsOn, tenant: TenantId = ACME) -> None:
    with database.transaction() as connection:
        datasets.save_dataset(connection, tenant, row, sources)


def test_a_dataset_is_found_by_its_digest_its_definition_and_what_it_rests_on(database: Database) -> None:
    save(database, dataset("aa1"), VPN, TRACE)
    save(database, dataset("bb2", definition="d2", created_at=2.0), VPN)
    with database.reading() as connection:
        assert datasets.get_dataset(connection, ACME, "aa") == dataset("aa1")
        assert datasets.dataset_defined_as(connection, ACME, "d2") == dataset("bb2", definition="d2", created_at=2.0)
        assert datasets.dataset_defined_as(connection, ACME, "d3") is None
        assert datasets.rests_on(connection, ACME, "aa1") == [VPN, TRACE]
        found = datasets.datasets_resting_on(connection, ACME, "document", "docs/vpn.md", knowledge="handbook")
        assert [one.digest for one in found] == ["bb2", "aa1"]
        assert [one.digest for one in datasets.datasets_resting_on(connection, ACME, "trace", "t1")] == ["aa1"]
        assert datasets.datasets_resting_on(connection, ACME, "document", "docs/vpn.md", knowledge="hr") == []
        assert [one.digest for one in datasets.recent_datasets(connection, ACME)] == ["bb2", "aa1"]


def test_another_tenant_sees_none_of_it(database: Database) -> None:
    save(database, dataset("aa1"), VPN)
    with database.reading() as connection:
        with pytest.raises(NotFound):
            datasets.get_dataset(connection, OTHER, "aa1")
        assert datasets.recent_datasets(connection, OTHER) == []
        assert datasets.datasets_resting_on(connection, OTHER, "document", "docs/vpn.md") == []
        assert datasets.rests_on(connection, OTHER, "aa1") == []
        assert datasets.dataset_defined_as(connection, OTHER, "d1") is None


def test_saved_again_a_dataset_has_its_newest_definition_and_is_there_once(database: Database) -> None:
    save(database, dataset("aa1"), VPN, TRACE)
    save(database, dataset("aa1", definition="d9", names=["other"], manifest={}), VPN)
    with database.reading() as connection:
        (one,) = datasets.recent_datasets(connection, ACME)
        assert (one.definition, list(one.names), dict(one.manifest)) == ("d9", ["other"], {})
        assert datasets.rests_on(connection, ACME, "aa1") == [VPN]


def test_what_is_dropped_is_gone_with_all_that_it_rested_on(database: Database) -> None:
    save(database, dataset("aa1"), VPN)
    save(database, dataset("aa1"), VPN, tenant=OTHER)
    with database.transaction() as connection:
        datasets.drop_dataset(connection, ACME, "aa1")
    with database.reading() as connection:
        assert datasets.recent_datasets(connection, ACME) == []
        assert datasets.datasets_resting_on(connection, ACME, "document", "docs/vpn.md") == []
        assert len(datasets.recent_datasets(connection, OTHER)) == 1


def test_a_very_long_uri_is_found_again(database: Database) -> None:
    uri = f"https://www.example.com/{'a' * 3000}"
    save(database, dataset("aa1"), RestsOn(kind="document", knowledge="k", source=uri, rows=1))
    with database.reading() as connection:
        assert len(datasets.datasets_resting_on(connection, ACME, "document", uri)) == 1
