"""What was trained: bases by name, recipes looked up in the store, weights opened by digest. Trains nothing."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fourways.config.tree import Project
from fourways.config.ways import PACKAGED
from fourways.control.state import state_folder
from fourways.control.transfers import fingerprints
from fourways.core.errors import InvalidRequest, NotFound
from fourways.core.ids import TenantId, digest
from fourways.models.folders import is_reader
from fourways.models.weights import packaged_folder
from fourways.store import trainings
from fourways.store.database import Database
from fourways.store.trainings import WeightsRow
from fourways.store.weights import WeightsFolders
from fourways.ways.recipes import Base, Ingredient, Recipe, Role, Trained, not_trained

WEIGHTS, RUNS = "weights", "runs"
"""Of the state folder: weights by digest, runs by the digest of their recipe."""

FIGURES = (
    "steps",
    "tokens",
    "seconds",
    "cpu_seconds",
    "flops",
    "parameters",
    "trainable",
    "loss",
    "general",
    "stopped",
)
Define = Callable[[Sequence[str]], Awaitable[str]]
"""Returns the digest of what datasets of the project are made of today."""


def weights_folders(folder: Path) -> WeightsFolders:
    """Return where a project's weights lie.

    Args:
        folder: the project's.
    """
    return WeightsFolders(state_folder(folder) / WEIGHTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """Looks up what was trained, and says which base and which data a name means today.

    Attributes:
        folder: the project's, against which paths of bases are read.
        state: the project's state folder.
        folders: where weights lie.
        define: names what datasets stand for today.
    """

    project: Project
    folder: Path
    state: Path
    database: Database
    tenant: TenantId
    folders: WeightsFolders
    define: Define

    async def base(self, name: str) -> Base:
        """Say which weights a name means.

        A hub's weights are named by name and revision (`org/name@revision`): they need not be here yet.

        Raises:
            NotFound: it names nothing.
            InvalidRequest: the folder may run code where it is read.
        """
        place = self.place(name)
        if isinstance(place, str):
            return Base(name=name, digest=digest(f"hub:{place}".encode()))
        made_of = await asyncio.to_thread(self.folders.digest_of, place)
        return Base(name=name, digest=made_of, reads=is_reader(place))

    def place(self, name: str) -> Path | str:
        """Return the folder that a base's name means, or the name itself where a hub holds it.

        Raises:
            NotFound: it names nothing.
            InvalidRequest: a hub may not be asked (`network: none`), and its cache has nothing.
        """
        if name in PACKAGED:
            return packaged_folder(name)
        folder = self.folder / name
        if folder.is_dir():
            return folder
        cached = cached_snapshot(name, os.environ)
        if cached is not None:
            return cached
        if name.count("/") != 1 or name.startswith((".", "/", "~")):
            right = f"{', '.join(PACKAGED)}, a folder, or a hub's name (org/name)"
            raise NotFound(f"there are no weights '{name}'; right would be {right}")
        if self.project.network == "none":
            msg = f"'{name}' would come from a hub, and the project says `network: none`: bring its folder"
            raise InvalidRequest(msg, param="base_model")
        return name

    def opened(self, name: str) -> Path:
        """Return the folder of trained weights by digest, verified, or of a base by name.

        Raises:
            NotFound: there are none.
            Unavailable: they are damaged, or still with the hub.
        """
        if len(name) == 64 and "/" not in name and not (self.folder / name).is_dir():  # noqa: PLR2004 - a digest
            return self.folders.open(name)
        place = self.place(name)
        if isinstance(place, str):
            raise NotFound(f"the weights '{name}' are not on this machine; `hf download {name}` brings them")
        return place

    async def ingredient(self, role: Role, name: str) -> Ingredient:
        """Say what a dataset or a knowledge stands for today.

        Raises:
            NotFound: the project has neither.
        """
        if name in self.project.datasets:
            return Ingredient(role=role, kind="dataset", name=name, digest=await self.define([name]))
        if role == "corpus" and name in self.project.knowledge:
            stands = await asyncio.to_thread(fingerprints, self.database, self.tenant, self.project, [name])
            return Ingredient(role=role, kind="knowledge", name=name, digest=stands[name])
        known = (*self.project.datasets, *(self.project.knowledge if role == "corpus" else ()))
        raise NotFound.named("dataset", name, known)

    async def trained(self, recipe: Recipe) -> Trained:
        """Return the weights of a recipe.

        Raises:
            NotTrained: they were not trained, or are gone.
        """
        found = await self.find(recipe)
        if found is None:
            raise not_trained(recipe)
        return found

    async def find(self, recipe: Recipe) -> Trained | None:
        """Return the weights of a recipe, None where they are not there."""
        row = await asyncio.to_thread(self._row, recipe.digest)
        if row is None or not self.folders.has(row.digest):
            return None
        return trained_of(row, recipe)

    def _row(self, recipe: str) -> WeightsRow | None:
        with self.database.reading() as connection:
            return trainings.of_recipe(connection, self.tenant, recipe)


def trained_of(row: WeightsRow, recipe: Recipe) -> Trained:
    """Return what a candidate pins of a row's weights."""
    adapter = row.kind == "adapter"
    return Trained(
        digest=row.digest,
        kind="adapter" if adapter else "model",
        base=recipe.base,
        method=row.method,
        dataset=row.dataset,
        recipe=row.recipe,
        seed=recipe.run.seed,
        quantize=recipe.run.quantize,
    )


def cached_snapshot(name: str, environ: Mapping[str, str]) -> Path | None:
    """Return where Hugging Face's cache holds `org/name` or `org/name@revision`; None where it does not."""
    repository, _, revision = name.partition("@")
    if repository.count("/") != 1:
        return None
    home = Path(environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface")
    hub = Path(environ.get("HF_HUB_CACHE") or home / "hub")
    folder = hub / f"models--{repository.replace('/', '--')}"
    pointer = folder / "refs" / (revision or "main")
    commit = pointer.read_text(encoding="utf-8").strip() if pointer.is_file() else revision
    snapshot = folder / "snapshots" / commit
    return snapshot if commit and snapshot.is_dir() else None


def figures_of(row: WeightsRow) -> dict[str, Any]:
    """Return what people ask first of weights: steps, seconds, loss before and after."""
    return {name: row.result[name] for name in FIGURES if name in row.result}
