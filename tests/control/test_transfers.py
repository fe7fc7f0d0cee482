"""Releases exported: what goes along, what stays, and that nothing is written beside the bundle."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from fourways.config.load import FILE_NAME
from fourways.config.tree import Project
from fourways.control import releases, transfers, weights_carried
from fourways.control.bundles import Bundle
from fourways.core.data import Document
from fourways.core.errors import InvalidProject, InvalidRequest, NotFound
from fourways.core.ids import DEFAULT_TENANT as TENANT
from fourways.core.specs import Candidate
from fourways.store import candidates, catalog, datasets, trainings
from fourways.store.catalog import Place, Version
from fourways.store.database import Database, open_database
from fourways.store.datasets import DatasetRow, RestsOn
from fourways.store.trainings import WeightsRow
from fourways.store.weights import WeightsFolders


@pytest.fixture
def database() -> Iterator[Database]:
    opened = open_database("sqlite://")
    yield opened
    opened.close()


def known(database: Database, *uris: str) -> None:
    """Publish documents of the knowledge `docs`."""
    place = Place(tenant=TENANT, knowledge="docs")
    with database.transaction() as connection:
        number = catalog.begin(connection, place, now=1.0)
        for uri in uris:
            version = Version(
                id=uri,
                uri=uri,
                added_in=number,
                removed_in=None,
                content_hash="h",
                recipe="r",
                token="1",
                passages=0,
                language="en",
                acl=frozenset(),
            )
            document = Document(uri=uri, title="T", text="T", content_hash="h", acl=frozenset(), metadata={}, pages=())
            catalog.write_version(connection, place, version, document, [])
        catalog.publish(connection, place, number, counts={"documents": len(uris)}, now=2.0)


def exported(
    database: Database,
    folder: Path,
    *,
    file: str = "project: testing",
    weights: WeightsFolders | None = None,
    pin: Mapping[str, Any] | None = None,
    **way: Any,
) -> Bundle:
    """Export a release of a project in `folder/desk`, into `folder/desk/bundle`; `file` is what its file says."""
    app = {"ways": {"rag": {"model": "echo", "knowledge": "docs", **way}}}
    docs = {"sources": [{"type": "files", "paths": ["own.md", "../docs"]}]}
    project = Project.model_validate({"project": "testing", "knowledge": {"docs": docs}, "apps": {"desk": app}})
    parts = {"knowledge": {"name": "docs", "snapshot": "latest"}} | ({"weights": pin} if pin else {})
    made = Candidate(app="desk", way="rag", parts=parts)
    with database.transaction() as connection:
        candidates.save_candidate(connection, TENANT, made, now=1.0)
    releases.create(database, TENANT, project, made, stage="production", actor="ann", now=1.0)
    home = folder / "desk"
    home.mkdir(exist_ok=True)
    (home / FILE_NAME).write_text(file)
    (home / "own.md").write_text("own")
    return transfers.export(database, TENANT, project, home, "desk", 1, to=home / "bundle", now=2.0, weights=weights)


@pytest.mark.parametrize("stage", ["prod", ""])
def test_an_import_into_no_stage_leaves_nothing_behind(database: Database, tmp_path: Path, stage: str):
    known(database, "own.md")
    bundle = exported(database, tmp_path)
    app = {"ways": {"rag": {"model": "echo", "knowledge": "docs"}}}
    docs = {"sources": [{"paths": ["own.md"]}]}
    project = Project.model_validate({"project": "there", "knowledge": {"docs": docs}, "apps": {"desk": app}})
    there = open_database("sqlite://")
    with pytest.raises(InvalidRequest, match="there is: staging, production"):
        transfers.take(there, TENANT, project, bundle, stage=stage, actor="ben", now=3.0)
    with there.reading() as connection:
        assert candidates.recent_candidates(connection, TENANT, "desk") == []
    there.close()


def test_documents_outside_the_projects_folder_are_left_out(database: Database, tmp_path: Path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "guide.md").write_text("theirs")
    known(database, "own.md", "../docs/guide.md", "https://example.org/page")
    bundle = exported(database, tmp_path)
    assert bundle.manifest.knowledge["docs"].left_out == ("../docs/guide.md", "https://example.org/page")
    assert "project/own.md" in bundle.manifest.files
    assert not (tmp_path / "desk" / "docs").exists()
    assert transfers.open_bundle(bundle.folder, tmp_path / "desk", None, ()).manifest == bundle.manifest


def test_a_template_outside_the_projects_folder_cannot_go_along(database: Database, tmp_path: Path):
    (tmp_path / "prompt.txt").write_text("theirs")
    with pytest.raises(InvalidRequest, match="leads out"):
        exported(database, tmp_path, template="../prompt.txt")
    assert sorted(path.name for path in (tmp_path / "desk").iterdir()) == [FILE_NAME, "own.md"]


@pytest.mark.parametrize(
    ("provider", "place"),
    [
        ("api_key: sk-1", "api_key"),
        ("headers: {Authorization: Bearer sk-1, x-team: desk}", "headers.Authorization"),
        ("headers: {X-API-Key: sk-1}", "headers.X-API-Key"),
        ("query: {api-version: preview, subscription-key: sk-1}", "query.subscription-key"),
    ],
)
def test_a_secret_in_clear_does_not_go_along(database: Database, tmp_path: Path, provider: str, place: str):
    with pytest.raises(InvalidRequest, match=rf"\(providers\.own\.{place}\)") as raised:
        exported(database, tmp_path, file=f"project: testing\nproviders:\n  own:\n    {provider}\n")
    assert "sk-1" not in str(raised.value)


def test_a_secret_that_stands_in_the_environment_is_none(database: Database, tmp_path: Path):
    headers = "{authorization: 'Bearer ${KEY}', x-team: desk}"
    assert exported(database, tmp_path, file=f"project: testing\nproviders:\n  own:\n    headers: {headers}\n")


# ---------------------------------------------------------------- weights


def trained(database: Database, folder: Path) -> tuple[WeightsFolders, dict[str, Any]]:
    """Keep an adapter on a base in `folder/desk/base`; return where it lies, and how it is pinned."""
    made, base, folders = folder / "made", folder / "desk" / "base", WeightsFolders(folder / "weights")
    for place in (made, base):
        place.mkdir(parents=True)
        (place / "model.safetensors").write_bytes(place.name.encode())
    name = folders.keep(made)
    row = WeightsRow(
        recipe="r",
        digest=name,
        kind="adapter",
        base="base",
        method="sft",
        dataset="d",
        created_at=1.0,
        run={},
        result={},
    )
    rows = DatasetRow(digest="d", definition="r", created_at=1.0, rows=3, names=["own"], manifest={})
    with database.transaction() as connection:
        datasets.save_dataset(connection, TENANT, rows, [RestsOn(kind="document", source="own.md", rows=3)])
        trainings.save_weights(connection, TENANT, row)
    pin = {"digest": name, "kind": "adapter", "base": {"name": "base"}, "recipe": "r", "dataset": "d"}
    return folders, pin


def test_weights_go_along_with_their_base_and_what_they_rest_on(database: Database, tmp_path: Path):
    folders, pin = trained(database, tmp_path)
    bundle = exported(database, tmp_path, weights=folders, pin=pin)
    assert "project/base/model.safetensors" in bundle.manifest.files
    there, store = WeightsFolders(tmp_path / "there"), open_database("sqlite://")
    weights_carried.bring(bundle, there, store, TENANT)
    assert (there.open(pin["digest"]) / "model.safetensors").read_bytes() == b"made"
    with store.reading() as connection:
        assert [one.digest for one in trainings.resting_on(connection, TENANT, "own.md")] == [pin["digest"]]
    store.close()


def test_weights_that_were_left_out_have_to_be_there(database: Database, tmp_path: Path):
    folders, pin = trained(database, tmp_path)
    bundle = exported(database, tmp_path, pin=pin)
    weights_carried.bring(bundle, folders, database, TENANT)
    with pytest.raises(NotFound, match="bring their folder"):
        weights_carried.bring(bundle, WeightsFolders(tmp_path / "there"), database, TENANT)


def test_other_weights_than_the_candidate_pins_are_not_kept(database: Database, tmp_path: Path):
    folders, pin = trained(database, tmp_path)
    bundle = exported(database, tmp_path, weights=folders, pin=pin)
    (bundle.folder / "weights" / "model.safetensors").write_bytes(b"others")
    there = WeightsFolders(tmp_path / "there")
    with pytest.raises(InvalidRequest, match="not those that desk@r1 pins"):
        weights_carried.bring(bundle, there, database, TENANT)
    assert not there.has(pin["digest"])


def test_a_project_that_lacks_something_here_leaves_nothing_behind(database: Database, tmp_path: Path):
    file = "project: testing\ndatasets: {d: {files: [elsewhere.jsonl]}}\n"
    bundle = exported(database, tmp_path, file=file)
    with pytest.raises(InvalidProject, match="there is no elsewhere"):
        transfers.make_project(bundle, tmp_path / "new", {})
    assert not (tmp_path / "new").exists()
