"""Fine-tuning jobs as the API asks for them: files in, a model of its own name out; the same training as a way's."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from fourways.control.files import Files
from fourways.control.forecasting import read_shape
from fourways.control.run_folders import Lines
from fourways.control.shelf import figures_of
from fourways.control.suites_apart import assert_apart, suites_of
from fourways.control.trains import Trains, forget_run
from fourways.control.tuned_by_file import KIND, Asked, node_of
from fourways.control.tuning import Bench, keep_made
from fourways.control.worker import Handler, Note
from fourways.core.ids import TenantId
from fourways.core.trace import Clock
from fourways.store.database import Database
from fourways.store.jobs import JobRow
from fourways.training.data.parting import part
from fourways.training.data.reading import read_rows, rows_of
from fourways.training.data.rows import Row
from fourways.training.tuning.defaults import rate_for
from fourways.ways.finetune import run_of
from fourways.ways.recipes import Ingredient, Recipe, Role
from fourways.ways.workshop import Workshop

WATCHED = 0.1
"""Share of the rows that is only watched, where no file is named for it."""


def handler(
    database: Database,
    tenant: TenantId,
    bench: Callable[[], Bench],
    files: Files,
    *,
    built: Callable[[], Awaitable[None]],
    now: Clock = time.time,
) -> Handler:
    """Return what does a fine-tuning job. Killed, it is begun again, and goes on from the newest checkpoint."""

    async def handle(job: JobRow, note: Note) -> Mapping[str, Any]:
        tools = bench()
        asked = Asked(**job.spec)
        trains = tools.trains(tools.workshop, note)
        trains = replace(trains, fetch=FileRows(files=files, asked=asked, trains=trains))
        recipe = await _recipe(tools.workshop, trains, files, asked)
        trained = await trains.trained(recipe)
        name = f"ft:{asked.model.replace(':', '-')}:{asked.suffix}:{recipe.digest[:8]}"
        if trains.made:
            (row, filled) = trains.made[-1]
            trains.made[-1] = (replace(row, name=name, app="", way=""), filled)
        await asyncio.to_thread(keep_made, database, tenant, trains, now())
        await asyncio.to_thread(forget_run, trains.shelf.state, recipe.digest)
        await built()
        figures = figures_of(trains.made[-1][0]) if trains.made else {}
        return {"model": name, "weights": trained.digest, "recipe": recipe.digest, **figures}

    return handle


async def _recipe(workshop: Workshop, trains: Trains, files: Files, asked: Asked) -> Recipe:
    node = node_of(workshop, asked)
    base = await trains.base(node.base)
    run = run_of(node, base)
    if asked.multiplier is not None:
        place = trains.shelf.place(node.base)
        parameters = read_shape(place).parameters if isinstance(place, Path) else 1_000_000_000
        rate = (
            rate_for(run.method, parameters, adapters=run.adapter.kind != "full", reader=base.reads) * asked.multiplier
        )
        run = msgspec.structs.replace(run, hyper=msgspec.structs.replace(run.hyper, learning_rate=rate))
    named = [name for name in (asked.training_file, asked.validation_file) if name]
    rows = [await asyncio.to_thread(files.get, name) for name in named]
    return Recipe(
        app="",
        way=KIND,
        run=run,
        base=base,
        ingredients=tuple(
            Ingredient(role="train" if number == 0 else "valid", kind="file", name=row.filename, digest=row.digest)
            for number, row in enumerate(rows)
        ),
        prompt=PLAIN,
    )


PLAIN: Mapping[str, Any] = {"system": "", "examples": [], "nearest": None, "variables": {}, "output_schema": None}
"""Rows are learned as they are: their own system texts, nothing put before them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRows:
    """Brings the rows of the files that a job names."""

    files: Files
    asked: Asked
    trains: Trains

    async def __call__(self, recipe: Recipe, role: Role, note: Note, /) -> Lines:
        """Return the rows to learn from and to watch; raises InvalidDataset where a row may not be learned from."""
        del recipe
        if role != "train":
            return Lines(train=[])
        note({"stage": "rows", "done": 0, "total": 1, "what": "reading the files"})
        return await asyncio.to_thread(self._rows)

    def _rows(self) -> Lines:
        rows, watched = self._of(self.asked.training_file), []
        shelf = self.trains.shelf
        assert_apart(rows, suites_of(shelf.project, shelf.folder))
        if self.asked.validation_file is not None:
            watched = self._of(self.asked.validation_file)
        else:
            parted = part(rows, valid=WATCHED, seed=self.asked.seed)
            rows, watched = list(parted.train), list(parted.valid)
        return Lines(train=[row.line for row in rows], valid=[row.line for row in watched])

    def _of(self, name: str) -> list[Row]:
        row = self.files.get(name)
        return rows_of([read_rows(row.filename, self.files.blobs.read(row.digest))])
