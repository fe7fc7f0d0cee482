"""What a way's training would take, before it begins: every value that follows from its recipe, minutes, money."""

import asyncio
import contextlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fourways.config.tree import Project
from fourways.control.meter import cores
from fourways.control.shelf import Shelf
from fourways.control.trains import Trains
from fourways.core.errors import InvalidRequest, NotTrained
from fourways.launch.base import RESULT
from fourways.training.planning.figures import Figure
from fourways.training.planning.hardware import HARDWARE, Hardware
from fourways.training.planning.job import Job
from fourways.training.planning.plan import Plan, plan
from fourways.training.scratch.asked import Dial
from fourways.training.scratch.dial import Text, machine_of
from fourways.training.scratch.dial import derive as turn
from fourways.training.scratch.scaling import characters_a_token
from fourways.training.tuning.defaults import Facts, derive
from fourways.ways import WAYS
from fourways.ways.recipes import Base, Ingredient, Recipe, Role, Trained, not_trained
from fourways.ways.workshop import Workshop

SETTING_UP = Figure(low=0.2, likely=0.5, high=2.0, source="minutes to load, check and keep: measured on two cores")
PASSAGE_TOKENS = 60.0
"""Of a prompt besides its passages, where it has no system text: assumed."""
UNSURE = 2.0
"""A stage's estimated seconds may be off by this factor either way."""

Setting = tuple[str, str, str]
"""Name, value, and the rule that it is by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What a training would take.

    Attributes:
        trained: the weights, where they are there already: nothing is to be done.
        settings: every value that the training goes by, with its rule.
        rows, characters: to learn from.
        minutes: on this machine; `usd` at its hourly price.
        plan: the same on hardware of the table; None for what the table does not know.
    """

    app: str
    way: str
    recipe: Recipe
    trained: Trained | None
    begun: bool
    settings: tuple[Setting, ...]
    rows: int
    characters: int
    minutes: Figure
    usd: Figure
    plan: Plan | None = None


async def forecast(trains: Trains, workshop: Workshop, app: str, way: str) -> Forecast:
    """Say what building a way would take. Rows are made ready for it; nothing is trained.

    Raises:
        NotFound: a dataset is not there.
        InvalidDataset: a row is wrong, or holds a test case.
    """
    listening = _Listening(trains.shelf)
    node = getattr(workshop.project.apps[app].ways, way)
    with contextlib.suppress(NotTrained):
        await WAYS[way].build(app, node, replace(workshop, training=listening))
    recipe = listening.recipe
    if recipe is None:
        raise InvalidRequest(f"'{app}:{way}' has nothing to train: `fourways compare` builds it")
    price = (workshop.project.apps[app].facts or workshop.project.facts).machine_usd_per_hour
    lines = {role: await trains.fetch(recipe, role, trains.note) for role in {one.role for one in recipe.ingredients}}
    sizes = {role: [_characters(line) for line in (*found.train, *found.valid)] for role, found in lines.items()}
    made = await asyncio.to_thread(_pretrained if recipe.base is None else _tuned, recipe, trains.shelf, sizes)
    folder = trains.shelf.state / "runs" / recipe.digest
    return Forecast(
        app=app,
        way=way,
        recipe=recipe,
        trained=await trains.shelf.find(recipe),
        begun=(folder / "run.toml").is_file() and not (folder / RESULT).is_file(),
        settings=made.settings,
        rows=sum(len(found) for found in sizes.values()),
        characters=sum(sum(found) for found in sizes.values()),
        minutes=made.minutes,
        usd=made.minutes.scaled(price / 60, f"at ${price:g} an hour of this machine"),
        plan=made.plan,
    )


class _Listening:
    """Looks up as the shelf does, and remembers the recipe that was asked for."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self.recipe: Recipe | None = None

    async def base(self, name: str) -> Base:
        return await self._shelf.base(name)

    async def ingredient(self, role: Role, name: str) -> Ingredient:
        return await self._shelf.ingredient(role, name)

    async def trained(self, recipe: Recipe) -> Trained:
        self.recipe = recipe
        raise not_trained(recipe)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Made:
    settings: tuple[Setting, ...]
    minutes: Figure
    plan: Plan | None = None


Sizes = Mapping[Role, list[int]]
"""Characters of each row, by what it is used for."""


def _tuned(recipe: Recipe, shelf: Shelf, sizes: Sizes) -> _Made:
    """Reckon with the base's weights and the table of defaults."""
    place = shelf.place(recipe.base.name) if recipe.base else ""
    shape = read_shape(place) if isinstance(place, Path) else None
    rows = sizes["train"]
    each = characters_a_token(shape.vocabulary if shape else 32_000)
    own = [size / each for size in rows]
    shown = _passages(recipe.reading, shelf.project)
    window = shape.window if shape else 2048
    longest = min(window, max(own) + shown)
    run = recipe.run
    facts = Facts(
        parameters=shape.parameters if shape else 1_000_000_000,
        rows=len(rows),
        longest=round(longest),
        learned=round(sum(own)),
        window=window,
        per_rank=shape.per_rank if shape else 1_000_000,
        reader=recipe.base is not None and recipe.base.reads,
    )
    derived = derive(run, facts)
    seen = sum(min(window, size + shown) for size in own) * derived.epochs
    given = {"learning_rate": run.hyper.learning_rate, "epochs": run.hyper.epochs or run.hyper.max_steps,
             "batch": run.hyper.batch, "rank": run.adapter.r, "length": run.hyper.length}  # fmt: skip
    settings = tuple(
        (name, _shown(value), "given" if given.get(name) is not None else "the method's table")
        for name, value in derived.plain().items()
    )
    method = "full" if run.adapter.kind == "full" else run.adapter.kind
    job = Job(
        method=method,
        parameters=facts.parameters,
        tokens=max(1.0, seen),
        context=derived.length,
        micro_batch=derived.batch,
        rank=max(1, derived.rank),
        vocabulary=shape.vocabulary if shape else 32_000,
    )
    made = plan(job, this_machine())
    minutes = made.bill.hours.scaled(60, f"{made.bill.hours.source}, on this machine's {cores()} cores")
    known: tuple[Setting, ...] = (
        ("base", recipe.base.name if recipe.base else "", f"{facts.parameters:,} parameters"),
        ("method", run.method, run.adapter.kind),
        ("tokens in all", f"{seen:,.0f}", "rows × epochs, passages counted in; guessed from characters"),
    )
    return _Made(settings=(*known, *settings), minutes=_with_start(minutes), plan=made)


def _pretrained(recipe: Recipe, shelf: Shelf, sizes: Sizes) -> _Made:
    """Turn the dial."""
    del shelf
    dial = Dial.read(recipe.run.pretrain)
    chats = sum(sizes.get("instructions", ()))
    text = Text(characters=sum(sizes["corpus"]), chat_characters=chats)
    made = turn(dial, text, machine_of(dial, cores=cores()))
    seconds = Figure(
        low=made.seconds / UNSURE,
        likely=made.seconds,
        high=made.seconds * UNSURE,
        source="the dial's own reckoning, measured anew when it begins",
    )
    settings = tuple((name, value, why) for name, value, why in made.table())
    return _Made(settings=settings, minutes=_with_start(seconds.scaled(1 / 60, seconds.source)))


def _with_start(minutes: Figure) -> Figure:
    return Figure(
        low=minutes.low + SETTING_UP.low,
        likely=minutes.likely + SETTING_UP.likely,
        high=minutes.high + SETTING_UP.high,
        source=minutes.source,
    )


def _passages(reading: Mapping[str, Any], project: Project) -> float:
    """Return the tokens that passages put before a question; a few for the prompt alone."""
    if not reading:
        return PASSAGE_TOKENS
    chunk = project.knowledge[reading["knowledge"]["name"]].chunk.size
    return float(min(reading["retrieval"]["context_tokens"], reading["retrieval"]["limit"] * chunk))


def _characters(line: Mapping[str, Any]) -> int:
    texts = [str(one.get("content") or "") for one in line.get("messages", ())]
    texts += [str(line[key]) for key in ("text", "chosen", "rejected", "completion") if line.get(key)]
    return sum(map(len, texts))


def _shown(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)


# ---------------------------------------------------------------- weights and machines


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightsShape:
    """What a folder of weights says of them, read from the files' heads alone.

    Attributes:
        per_rank: weights of adapters of rank 1 on every linear matrix.
        window: tokens that it reads at most.
    """

    parameters: int
    per_rank: int
    vocabulary: int
    window: int


def read_shape(folder: Path) -> WeightsShape:
    """Read the shapes of a folder's weights; no weight is loaded.

    Raises:
        InvalidRequest: its files are no safetensors, or it has no config.json.
    """
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidRequest(f"{folder} has no config.json; right would be a folder in HF format") from error
    parameters = per_rank = 0
    for path in folder.glob("*.safetensors"):
        for name, shape in heads_of(path).items():
            parameters += math.prod(shape)
            if len(shape) == 2 and "embed" not in name and "lm_head" not in name:  # noqa: PLR2004 - a matrix
                per_rank += sum(shape)
    return WeightsShape(
        parameters=parameters,
        per_rank=per_rank,
        vocabulary=int(config.get("vocab_size", 32_000)),
        window=int(config.get("max_position_embeddings", 2048)),
    )


def heads_of(path: Path) -> dict[str, list[int]]:
    """Return the shapes of a safetensors file's tensors, by name, from its head.

    Raises:
        InvalidRequest: it is no such file.
    """
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            head = json.loads(file.read(length))
        return {name: list(tensor["shape"]) for name, tensor in head.items() if name != "__metadata__"}
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidRequest(f"{path} is no safetensors file: {error}") from error


def this_machine() -> Hardware:
    """Return this machine's cores as a row of the table of hardware: a share of the server there."""
    server = HARDWARE["cpu"]
    share = cores() / 16
    return replace(server, name="this machine", tflops=server.tflops * share, watts=server.watts * share)
