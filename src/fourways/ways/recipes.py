"""What weights are made from: all that decides them, named by its digest; and what came of it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Protocol

import msgspec

from fourways.core.errors import NotTrained
from fourways.core.ids import digest
from fourways.training.runs import Run

Role = Literal["train", "valid", "general", "corpus", "instructions", "preferences"]
"""What an ingredient is used for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingredient:
    """Something that is learned from, as it stood.

    Attributes:
        kind: `dataset` or `knowledge`.
        digest: of what it is made of: another file, another document, another digest.
    """

    role: Role
    kind: str
    name: str
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """Weights to begin with, or to learn from.

    Attributes:
        name: as the project file says it.
        digest: of the files, where they lie here; of name and revision, where a hub holds them.
        reads: whether they only quote from what they are shown.
    """

    name: str
    digest: str
    reads: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """All that decides what weights come of a training: equal recipes, equal weights.

    Attributes:
        app, way: for whom; they decide nothing.
        run: method, seed, adapter, hyperparameters, dial; without paths, which are filled in where it runs.
        base, teacher: None where there is none.
        ingredients: what is learned from.
        prompt: what stands before each question, as `pin_prompt` pins it: rows are put as people's questions will be.
        reading: what `pin_reading` pins, where passages are put before each question; empty for none.
        processes: that train together.
        launch: where; it decides nothing.
    """

    app: str
    way: str
    run: Run
    base: Base | None
    teacher: Base | None = None
    ingredients: tuple[Ingredient, ...] = ()
    prompt: Mapping[str, Any] = field(default_factory=dict)
    reading: Mapping[str, Any] = field(default_factory=dict)
    processes: int = 1
    launch: str = "local"

    @property
    def digest(self) -> str:
        """64 hex characters: the recipe's name."""
        return digest(self.plain)

    @property
    def plain(self) -> dict[str, Any]:
        """What decides the weights, as JSON."""
        return {
            "run": settled(msgspec.structs.replace(self.run, report_to=())),
            "base": self.base.digest if self.base else "",
            "teacher": self.teacher.digest if self.teacher else "",
            "ingredients": sorted([one.role, one.kind, one.name, one.digest] for one in self.ingredients),
            "prompt": {key: value for key, value in self.prompt.items() if key != "version"},
            "reading": dict(self.reading),
            "processes": self.processes,
        }

    def of_role(self, role: Role) -> tuple[Ingredient, ...]:
        """Return the ingredients of one use, in the project file's order."""
        return tuple(one for one in self.ingredients if one.role == role)

    @property
    def command(self) -> str:
        """What a person types to have it made."""
        return f"fourways {'train' if self.base is None else 'tune'} {self.app}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """Weights that were made.

    Attributes:
        digest: of the weights.
        kind: `adapter`, on `base`, or `model`, whole.
        dataset: digest of the rows.
    """

    digest: str
    kind: Literal["adapter", "model"]
    base: Base | None
    method: str
    dataset: str
    recipe: str
    seed: int
    quantize: str = "none"

    @property
    def pin(self) -> dict[str, Any]:
        """What a candidate pins of it."""
        base = {"name": self.base.name, "digest": self.base.digest} if self.base else None
        return asdict(self) | {"base": base}

    @property
    def name(self) -> str:
        """As people see it: the base and the beginning of the digest."""
        return f"{self.base.name}+{self.digest[:8]}" if self.base else f"scratch-{self.digest[:8]}"


def settled(run: Run) -> dict[str, Any]:
    """Return what a run says otherwise than by default, as JSON: a setting that comes with a later fourways, and that
    nobody gave, makes no other recipe.
    """
    return _otherwise(msgspec.to_builtins(run), msgspec.to_builtins(Run(method=run.method))) | {"method": run.method}


def _otherwise(given: Mapping[str, Any], usual: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in given.items():
        nested = isinstance(value, Mapping) and isinstance(usual.get(key), Mapping)
        kept = _otherwise(value, usual[key]) if nested else value
        if value != usual.get(key):
            found[key] = kept
    return found


class Training(Protocol):
    """What a way that trains weights is given."""

    async def base(self, name: str) -> Base:
        """Say which weights a name means; raises InvalidRequest where they are none that may be used."""
        ...

    async def ingredient(self, role: Role, name: str) -> Ingredient:
        """Say what a name of the project's datasets or knowledge stands for today; raises NotFound."""
        ...

    async def trained(self, recipe: Recipe) -> Trained:
        """Return the weights of a recipe: looked up, or, in a job that may, trained.

        Raises:
            NotTrained: they are not there, and this is no place to train.
        """
        ...


class NoTraining:
    """Where nothing is trained and nothing was: every recipe is new."""

    async def base(self, name: str) -> Base:
        """Take a name for what it is."""
        return Base(name=name, digest=digest(name.encode()))

    async def ingredient(self, role: Role, name: str) -> Ingredient:
        """Take a name for what it is."""
        return Ingredient(role=role, kind="dataset", name=name, digest=digest(name.encode()))

    async def trained(self, recipe: Recipe) -> Trained:
        """Refuse."""
        raise not_trained(recipe)


def not_trained(recipe: Recipe) -> NotTrained:
    """Build the error for a recipe whose weights are not there."""
    return NotTrained(
        f"'{recipe.app}:{recipe.way}' is not trained yet, or not on today's data: `{recipe.command}` does it",
        app=recipe.app,
        way=recipe.way,
    )
