"""Trains what was not trained yet: a recipe's folder filled, its program launched, its weights kept with their card."""

import asyncio
import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from fourways.control.curves import Curves
from fourways.control.run_folders import Fetch, Filled, fill
from fourways.control.shelf import RUNS, Shelf, trained_of
from fourways.control.worker import Note
from fourways.core.trace import Clock
from fourways.launch.base import RESULT, STEPS, Launcher, Program
from fourways.store.trainings import WeightsRow
from fourways.training.card import write_card
from fourways.training.runs import Run, read_run
from fourways.ways.putting import Putting
from fourways.ways.recipes import Base, Ingredient, Recipe, Role, Trained
from fourways.ways.workshop import Workshop

MODEL = "model"
"""Of a run's folder: what came out."""


@dataclass(slots=True, kw_only=True)
class Trains:
    """What a way is given in a job that may train.

    Attributes:
        shelf: looks up what was trained before.
        workshop: finds passages, for rows that are put with them.
        fetch: brings rows.
        launcher: by the name that `launch:` gives.
        note: is told how far it is.
        made: rows of weights that were trained and are still to be written, with what they rest on.
    """

    shelf: Shelf
    workshop: Workshop
    fetch: Fetch
    launcher: Callable[[str], Launcher]
    note: Note
    now: Clock
    made: list[tuple[WeightsRow, Filled]] = field(default_factory=list)

    async def base(self, name: str) -> Base:
        """Say which weights a name means; raises as `Shelf.base`."""
        return await self.shelf.base(name)

    async def ingredient(self, role: Role, name: str) -> Ingredient:
        """Say what a name stands for today; raises as `Shelf.ingredient`."""
        return await self.shelf.ingredient(role, name)

    async def trained(self, recipe: Recipe) -> Trained:
        """Return the weights of a recipe, trained now where they are not there.

        Killed, it is begun again, and goes on from the newest checkpoint in the recipe's folder.

        Raises:
            InvalidRequest: base, data or settings are refused; says why.
            Unavailable: the program died.
        """
        found = await self.shelf.find(recipe)
        if found is not None:
            return found
        folder = self.shelf.state / RUNS / recipe.digest
        self.note({"recipe": recipe.digest})
        putting = Putting(recipe.prompt, recipe.reading, self.workshop)
        filled = await fill(recipe, folder, self.run_of(recipe), self.fetch, putting, self.note)
        curves = Curves(self.note)
        program = Program(folder=folder, processes=recipe.processes)
        result = await self.launcher(recipe.launch).run(program, curves.report)
        self.note({**curves.shown, "stage": "keep", "what": "keeping the weights"})
        row = await asyncio.to_thread(self._kept, recipe, folder, filled, result)
        self.made.append((row, filled))
        return trained_of(row, recipe)

    def run_of(self, recipe: Recipe) -> Run:
        """Fill in where the base and the teacher lie."""
        places = {"base": recipe.base, "teacher": recipe.teacher}
        found = {key: str(self.shelf.place(base.name)) for key, base in places.items() if base is not None}
        return msgspec.structs.replace(recipe.run, **found)

    def _kept(self, recipe: Recipe, folder: Path, filled: Filled, result: Mapping[str, Any]) -> WeightsRow:
        model = folder / MODEL
        result = _named(result, recipe.base)
        _name_base(model / "adapter_config.json", recipe.base)
        write_card(model, run=_told_of(recipe, folder), result=result, dataset=_data_in_words(recipe, filled))
        digest = self.shelf.folders.keep(model)
        return WeightsRow(
            recipe=recipe.digest,
            digest=digest,
            kind=str(result["kind"]),
            base=recipe.base.name if recipe.base else "",
            method=recipe.run.method,
            dataset=filled.digest,
            created_at=self.now(),
            run=recipe.plain | {"ingredients": [_told(one) for one in recipe.ingredients], "left_out": filled.left_out},
            result=dict(result),
            app=recipe.app,
            way=recipe.way,
        )


def _told_of(recipe: Recipe, folder: Path) -> Run:
    """Return the run as people see it: names of weights in place of where they lie on this machine."""
    names = {"base": recipe.base, "teacher": recipe.teacher}
    return msgspec.structs.replace(read_run(folder), **{key: base.name for key, base in names.items() if base})


def _named(result: Mapping[str, Any], base: Base | None) -> Mapping[str, Any]:
    """Return a result with the base's name in place of its folder."""
    derived, known = result.get("derived", {}), result.get("base")
    if isinstance(derived, list):  # rows of name, value and rule
        result = {**result, "derived": {name: value for name, value, _ in derived}}
    if base is None or not isinstance(known, Mapping):
        return result
    return {**result, "base": {**known, "name": base.name}}


def _name_base(config: Path, base: Base | None) -> None:
    """Take this machine's paths, and a set's chance order, out of an adapter's configuration.

    Equal weights are then equal files everywhere.
    """
    if base is None or not config.is_file():
        return
    body = json.loads(config.read_text(encoding="utf-8")) | {"base_model_name_or_path": base.name}
    if isinstance(body.get("target_modules"), list):
        body["target_modules"].sort()
    config.write_text(json.dumps(body, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _data_in_words(recipe: Recipe, filled: Filled) -> dict[str, Any]:
    """Return what a card says of the data."""
    names = list(dict.fromkeys(f"{one.name} ({one.kind}, {one.role})" for one in recipe.ingredients))
    documents = [source for kind, _, source in filled.rests_on if kind == "document"]
    return {
        "name": ", ".join(names),
        "digest": filled.digest,
        "rows": filled.rows,
        "rows left out, as a reader could only make them up": filled.left_out or None,
        "sources": f"{len(documents):,} documents" if documents else None,
    }


def _told(one: Ingredient) -> Mapping[str, str]:
    return {"role": one.role, "kind": one.kind, "name": one.name, "digest": one.digest}


def forget_run(state: Path, recipe: str, *, keep: Sequence[str] = (STEPS, RESULT)) -> None:
    """Delete what a finished run leaves but its reports: checkpoints and rows take room, and hold people's words."""
    for path in (state / RUNS / recipe).glob("*"):
        if path.name not in keep:
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
