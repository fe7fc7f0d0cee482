"""The rows of a recipe's ingredients: datasets made ready, documents of a knowledge that everybody may read."""

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path

from fourways.control.datasets import Datasets
from fourways.control.run_folders import Line, Lines
from fourways.control.worker import Note
from fourways.core.errors import InvalidRequest
from fourways.store import catalog, shown
from fourways.store.catalog import Place, Version
from fourways.ways.recipes import Recipe, Role


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipeRows:
    """Brings rows, from the project's datasets and its knowledge."""

    datasets: Datasets

    async def __call__(self, recipe: Recipe, role: Role, note: Note, /) -> Lines:
        """Return the rows of all ingredients of one role.

        Raises:
            InvalidDataset: a row is wrong, or holds a test case.
            InvalidRequest: a knowledge has no document that everybody may read.
        """
        found = recipe.of_role(role)
        names = [one.name for one in found if one.kind == "dataset"]
        lines = await self._prepared(names, note) if names else Lines(train=[])
        documents = [
            line
            for one in found
            if one.kind == "knowledge"
            for line in await asyncio.to_thread(self._documents, one.name)
        ]
        return Lines(train=[*documents, *lines.train], valid=lines.valid)

    async def _prepared(self, names: list[str], note: Note) -> Lines:
        def made(done: int, total: int, what: str) -> None:
            note({"stage": "rows", "done": done, "total": total, "what": f"making rows: {what}"})

        ready = await self.datasets.prepare(names, made)
        train = await asyncio.to_thread(_read, ready.train)
        return Lines(train=train, valid=await asyncio.to_thread(_read, ready.valid) if ready.valid else ())

    def _documents(self, name: str) -> list[Line]:
        """Return the texts of a knowledge, but for those that only some may read: weights answer everybody."""
        inputs = self.datasets.inputs
        place = Place(tenant=inputs.tenant, knowledge=name)
        with inputs.database.reading() as connection:
            published = catalog.published(connection, place)
            number = published[-1].number if published else 0
            open_to_all = {one.uri for one in shown.documents_in(connection, place, number) if not one.acl}
            ids = [one.id for one in catalog.versions(connection, place) if _shows(one, open_to_all, number)]
            stored = sorted(catalog.stored(connection, ids), key=lambda one: one.version.uri)
        if not stored:
            msg = f"'{name}' has no document that everybody may read: `fourways ingest {name}` reads them"
            raise InvalidRequest(msg, param="corpus")
        return [
            {
                "text": one.document.text,
                "source": {"kind": "document", "knowledge": name, "name": one.version.uri},
                "group": one.version.uri,
            }
            for one in stored
        ]


def _shows(one: Version, uris: set[str], number: int) -> bool:
    """Whether a snapshot shows this version of one of the documents."""
    return one.uri in uris and one.added_in <= number and (one.removed_in is None or one.removed_in > number)


def _read(path: Path) -> list[Line]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
