"""Datasets of the project file, made ready for a training program: parted, apart from all tests, named by digest."""

import asyncio
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from fourways.config.datasets import Dataset, KnowledgeDataset
from fourways.config.references import check_references
from fourways.control.dataset_folder import FOLDER, Prepared, is_whole, opened, rewrite, write
from fourways.control.dataset_inputs import Inputs, OnMade
from fourways.control.questions import AskedOfModels
from fourways.control.suites_apart import assert_apart, contaminated, suites_of
from fourways.core.errors import InvalidDataset, InvalidRequest
from fourways.core.ids import TenantId, digest
from fourways.core.trace import Clock
from fourways.evals.cases import Suite
from fourways.store import datasets as store
from fourways.store.database import Database
from fourways.store.datasets import DatasetRow, RestsOn
from fourways.training.data.parting import Parted, asking, group_of, part
from fourways.training.data.reading import read_file
from fourways.training.data.rows import Row, digest_of
from fourways.ways.workshop import Workshop

__all__ = ["Datasets", "Prepared", "datasets_of", "with_dataset"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Datasets:
    """Makes and finds a project's datasets.

    Attributes:
        state: the folder of the project's state.
    """

    inputs: Inputs
    state: Path
    now: Clock = time.time

    async def definition_of(self, names: Sequence[str]) -> str:
        """Return the digest of what datasets are made from and how, without making them.

        While it stays the same, what was tuned on them is current: files are hashed, of a knowledge the published
        documents, of feedback the rows.

        Raises:
            NotFound: the project has no such dataset.
            InvalidRequest: none is named.
            InvalidDataset: a file is not there.
        """
        if not names:
            raise InvalidRequest("no dataset is named; name one of `datasets:` in the project file")
        return await asyncio.to_thread(lambda: digest([self.inputs.definition(name) for name in names]))

    async def prepare(self, names: Sequence[str], on_made: OnMade = lambda *_: None) -> Prepared:
        """Make datasets ready, as one; what was made before of the same definition is taken as it is.

        Rows that were made (of a knowledge) and ask what a test case asks are left out and counted; other rows that do
        so stop it.

        Args:
            names: of the project's datasets, all of one kind of rows.
            on_made: told how far making rows is.

        Raises:
            NotFound: the project has no such dataset.
            InvalidDataset: a row is wrong, the kinds differ, or rows hold test cases: all of them are named.
            InvalidSuite: a test case is wrong.
        """
        definition = await self.definition_of(names)
        suites = await asyncio.to_thread(suites_of, self.inputs.project, self.inputs.folder)
        known = await asyncio.to_thread(self._known, definition)
        if known is not None:
            ready = await asyncio.to_thread(self._still_apart, known, suites)
            if ready is not None:
                return replace(ready, names=tuple(names), licences=self._licences(names))
        made = [_Made(name, await self.inputs.rows(name, on_made)) for name in names]
        return await asyncio.to_thread(self._written, made, definition, suites)

    def _known(self, definition: str) -> Path | None:
        with self.inputs.database.reading() as connection:
            row = store.dataset_defined_as(connection, self.inputs.tenant, definition)
        folder = None if row is None else self.state / FOLDER / row.digest
        return folder if folder is not None and is_whole(folder) else None

    def _still_apart(self, folder: Path, suites: Sequence[Suite]) -> Prepared | None:
        """Return what was made before, None where a test was written since that is among its rows."""
        prepared = opened(folder)
        if prepared.suites != _digests(suites):
            rows = [row for path in (prepared.train, prepared.valid) if path for row in read_file(path).rows]
            if contaminated(rows, suites):
                return None
            rewrite(folder, {"suites": _digests(suites)})
            prepared = opened(folder)
        return prepared

    def _written(self, made: "Sequence[_Made]", definition: str, suites: Sequence[Suite]) -> Prepared:
        """Part the rows, see that they are apart from the tests, and write them: the manifest last."""
        names = tuple(one.name for one in made)
        kinds = {row.kind for one in made for row in one.rows}
        if len(kinds) > 1:
            listed = "; ".join(f"{one.name} has {', '.join(sorted({row.kind for row in one.rows}))}" for one in made)
            raise InvalidDataset(f"rows of several kinds cannot be learned together: {listed}")
        left_out = 0
        sides: list[Parted] = []
        for one in made:
            rows = one.rows
            if isinstance(self.inputs.node(one.name), KnowledgeDataset):
                rows = _without(rows, {each.row for each in contaminated(rows, suites)})
                left_out += len(one.rows) - len(rows)
            else:
                assert_apart(rows, suites)
            sides.append(self._parted(one.name, rows))
        parted = _joined(sides)
        if not parted.train:
            raise InvalidDataset("no row is left to learn from: all of them ask what the tests ask")
        name = digest_of(parted.train, parted.valid)
        manifest = {
            "digest": name,
            "definition": definition,
            "kind": next(iter(kinds)),
            "names": list(names),
            "train_rows": len(parted.train),
            "valid_rows": len(parted.valid),
            "licences": self._licences(names),
            "suites": _digests(suites),
            "left_out": left_out,
            "lineage": [_plain(one) for one in lineage_of((*parted.train, *parted.valid))],
        }
        folder = self.state / FOLDER / name
        write(folder, parted, manifest)
        prepared = opened(folder)
        self._keep(prepared, manifest)
        return prepared

    def _licences(self, names: Sequence[str]) -> dict[str, str]:
        return {name: self.inputs.node(name).licence for name in names}

    def _parted(self, name: str, rows: Sequence[Row]) -> Parted:
        """Part a dataset's rows: by document where passages are read, else so that a question is on one side only.

        What is to be remembered is watched by other words for what was learned, not by documents that nobody read.
        """
        node = self.inputs.node(name)
        remembers = isinstance(node, KnowledgeDataset) and not node.context
        return part(rows, valid=node.valid, seed=node.seed, by=asking if remembers else group_of)

    def _keep(self, prepared: Prepared, manifest: Mapping[str, Any]) -> None:
        row = DatasetRow(
            digest=prepared.digest,
            definition=prepared.definition,
            created_at=self.now(),
            rows=prepared.rows,
            names=prepared.names,
            manifest={key: value for key, value in manifest.items() if key != "lineage"},
        )
        with self.inputs.database.transaction() as connection:
            store.save_dataset(connection, self.inputs.tenant, row, prepared.lineage)


def datasets_of(workshop: Workshop, folder: Path, database: Database, tenant: TenantId, state: Path) -> Datasets:
    """Return a project's datasets.

    Args:
        workshop: holds the project file, and opens the models that write questions.
        folder: the project's.
        database: opened.
        tenant: whose rows are read.
        state: the folder of the project's state.
    """
    inputs = Inputs(
        project=workshop.project,
        folder=folder,
        database=database,
        tenant=tenant,
        ask=AskedOfModels(workshop=workshop, database=database, tenant=tenant),
        pin=workshop.pin_model,
    )
    return Datasets(inputs=inputs, state=state)


def with_dataset(datasets: Datasets, name: str, node: Mapping[str, Any]) -> Datasets:
    """Return a project's datasets with one more that its file does not name.

    Raises:
        InvalidRequest: the node is none, or names a knowledge, model or app that is not there.
    """
    inputs = datasets.inputs
    try:
        made: Any = TypeAdapter(Dataset).validate_python(dict(node))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise InvalidRequest(f"{first['loc'][-1]}: {first['msg'][0].lower()}{first['msg'][1:]}") from error
    project = inputs.project.model_copy(update={"datasets": {**inputs.project.datasets, name: made}})
    wrong = next((message for place, message in check_references(project, inputs.folder) if name in place), None)
    if wrong is not None:
        raise InvalidRequest(wrong)
    return replace(datasets, inputs=replace(inputs, project=project))


@dataclass(frozen=True, slots=True)
class _Made:
    name: str
    rows: Sequence[Row]


def lineage_of(rows: Sequence[Row]) -> tuple[RestsOn, ...]:
    """Count the documents, traces and files that rows rest on."""
    counted = Counter((row.source.kind, row.source.knowledge, row.source.name) for row in rows)
    return tuple(
        RestsOn(kind=kind, knowledge=knowledge, source=name, rows=count)
        for (kind, knowledge, name), count in sorted(counted.items())
    )


def _joined(sides: Sequence[Parted]) -> Parted:
    """Join several datasets' sides; a row that stands twice is taken once, and never on both sides."""
    train = {row.digest: row for side in sides for row in side.train}
    valid = {row.digest: row for side in sides for row in side.valid if row.digest not in train}
    return Parted(train=tuple(train.values()), valid=tuple(valid.values()))


def _without(rows: Sequence[Row], numbers: set[int]) -> list[Row]:
    return [row for number, row in enumerate(rows) if number not in numbers]


def _digests(suites: Sequence[Suite]) -> dict[str, str]:
    return {suite.name: suite.digest for suite in suites}


def _plain(one: RestsOn) -> dict[str, Any]:
    return {"kind": one.kind, "knowledge": one.knowledge, "source": one.source, "rows": one.rows}
