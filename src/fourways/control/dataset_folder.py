"""A dataset's folder: rows to learn from, rows to watch, and the manifest that is written last."""

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fourways.core.ids import TenantId, canonical
from fourways.store.database import Database
from fourways.store.datasets import RestsOn, datasets_resting_on
from fourways.training.data.parting import Parted
from fourways.training.data.rows import Kind, written

FOLDER = "datasets"
TRAIN, VALID, MANIFEST = "train.jsonl", "valid.jsonl", "manifest.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """Rows that a training program can be given.

    Attributes:
        folder: holds `train`, `valid` and a manifest; named by `digest`.
        valid: None where nothing is only watched.
        definition: digest of what it was made from and how; see `Datasets.definition_of`.
        rows: learned from and watched, together.
        lineage: the documents, traces and files that the rows rest on.
        licences: as the project file names them, by dataset; "" where it says nothing.
        suites: the test suites that none of the rows is in, by name, with their digests.
        left_out: made rows that were not taken, because a test case asks the same.
    """

    folder: Path
    train: Path
    valid: Path | None
    digest: str
    definition: str
    kind: Kind
    rows: int
    train_rows: int
    valid_rows: int
    names: tuple[str, ...]
    lineage: tuple[RestsOn, ...]
    licences: Mapping[str, str]
    suites: Mapping[str, str]
    left_out: int


def opened(folder: Path) -> Prepared:
    """Read a prepared dataset's manifest."""
    manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    return Prepared(
        folder=folder,
        train=folder / TRAIN,
        valid=folder / VALID if manifest["valid_rows"] else None,
        digest=manifest["digest"],
        definition=manifest["definition"],
        kind=manifest["kind"],
        rows=manifest["train_rows"] + manifest["valid_rows"],
        train_rows=manifest["train_rows"],
        valid_rows=manifest["valid_rows"],
        names=tuple(manifest["names"]),
        lineage=tuple(RestsOn(**one) for one in manifest["lineage"]),
        licences=manifest["licences"],
        suites=manifest["suites"],
        left_out=manifest["left_out"],
    )


def write(folder: Path, parted: Parted, manifest: Mapping[str, Any]) -> None:
    """Write a dataset's folder: whoever sees a manifest sees all of it."""
    if is_whole(folder):
        _replace(folder / MANIFEST, canonical(manifest))
        return
    beside = folder.with_name(f"{folder.name}.{os.getpid()}")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    (beside / TRAIN).write_bytes(written(parted.train))
    if parted.valid:
        (beside / VALID).write_bytes(written(parted.valid))
    (beside / MANIFEST).write_bytes(canonical(manifest))
    shutil.rmtree(folder, ignore_errors=True)
    beside.rename(folder)


def _replace(path: Path, data: bytes) -> None:
    beside = path.with_name(f"{path.name}.{os.getpid()}")
    beside.write_bytes(data)
    beside.replace(path)


def forget_document(database: Database, tenant: TenantId, state: Path, knowledge: str, uri: str) -> list[str]:
    """Delete the rows of every dataset that holds some of a document; return the datasets' digests.

    What they were and what they rested on stays known: so the weights that were trained on them can be named.

    Args:
        database: opened.
        tenant: whose.
        state: the folder of the project's state.
        knowledge: that the document belongs to.
        uri: the document's.
    """
    with database.reading() as connection:
        rows = datasets_resting_on(connection, tenant, "document", uri, knowledge=knowledge)
    for row in rows:
        shutil.rmtree(state / FOLDER / row.digest, ignore_errors=True)
    return [row.digest for row in rows]


def is_whole(folder: Path) -> bool:
    """Whether a dataset's folder was written to its end."""
    return (folder / MANIFEST).is_file()


def rewrite(folder: Path, changes: Mapping[str, Any]) -> None:
    """Change entries of a manifest."""
    manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    _replace(folder / MANIFEST, canonical(manifest | dict(changes)))
