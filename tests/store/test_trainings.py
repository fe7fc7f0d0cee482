"""Weights as rows: one a recipe, found by digest, by name, and by what they were trained on."""

from dataclasses import replace
from pathlib import Path

import pytest

from fourways.core.errors import NotFound
from fourways.core.ids import DEFAULT_TENANT as TENANT
from fourways.core.ids import TenantId
from fourways.store import datasets, revisions, trainings
from fourways.store.database import Database, open_database
from fourways.store.datasets import DatasetRow, RestsOn
from fourways.store.trainings import WeightsRow

ROW = WeightsRow(
    recipe="r1", digest="a" * 64, kind="adapter", base="small", method="sft", dataset="d1", created_at=1.0,
    run={"seed": 1}, result={"steps": 3}, app="desk", way="finetune",
)  # fmt: skip


@pytest.fixture
def database(tmp_path: Path):
    database = open_database(f"sqlite:///{tmp_path / 'fourways.db'}")
    yield database
    database.close()


def test_a_recipe_has_the_weights_that_it_last_came_to(database: Database):
    with database.transaction() as connection:
        trainings.save_weights(connection, TENANT, ROW)
        trainings.save_weights(connection, TENANT, replace(ROW, digest="b" * 64, created_at=2.0))
        found = trainings.of_recipe(connection, TENANT, "r1")
        assert found is not None
        assert (found.digest, found.created_at) == ("b" * 64, 2.0)
        assert trainings.of_recipe(connection, TENANT, "r2") is None
        assert trainings.of_recipe(connection, TenantId("other"), "r1") is None
        assert trainings.get_weights(connection, TENANT, "bb").recipe == "r1"
        with pytest.raises(NotFound):
            trainings.get_weights(connection, TENANT, "a")
        assert revisions.current(connection)[revisions.WEIGHTS] == 2


def test_weights_with_a_name_are_models_the_newest_of_a_name(database: Database):
    with database.transaction() as connection:
        trainings.save_weights(connection, TENANT, ROW)
        named = replace(ROW, name="ft:small:x:1", recipe="r2", created_at=2.0)
        trainings.save_weights(connection, TENANT, named)
        trainings.save_weights(connection, TENANT, replace(named, recipe="r3", digest="c" * 64, created_at=3.0))
        found = trainings.named_weights(connection, TENANT)
        assert {name: row.digest for name, row in found.items()} == {"ft:small:x:1": "c" * 64}
        assert [row.recipe for row in trainings.all_weights(connection, TENANT)] == ["r3", "r2", "r1"]


def test_who_was_trained_on_a_document_is_found_through_the_rows(database: Database):
    rests_on = [
        RestsOn(kind="document", knowledge="k", source="docs/vpn.md", rows=2),
        RestsOn(kind="file", source="rows.jsonl", rows=9),
    ]
    made = DatasetRow(digest="d1", definition="x", created_at=1.0, rows=11, names=["n"], manifest={})
    with database.transaction() as connection:
        datasets.save_dataset(connection, TENANT, made, rests_on)
        trainings.save_weights(connection, TENANT, ROW)
        trainings.save_weights(connection, TENANT, replace(ROW, recipe="r2", dataset="d2"))
        found = trainings.resting_on(connection, TENANT, "docs/vpn.md", knowledge="k")
        assert [row.recipe for row in found] == ["r1"]
        assert [row.recipe for row in trainings.resting_on(connection, TENANT, "docs/vpn.md")] == ["r1"]
        assert [row.recipe for row in trainings.resting_on(connection, TENANT, "rows.jsonl", kind="file")] == ["r1"]
        assert trainings.resting_on(connection, TENANT, "docs/vpn.md", knowledge="other") == []
        assert trainings.resting_on(connection, TenantId("other"), "docs/vpn.md") == []
