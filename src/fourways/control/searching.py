"""Looks for settings of a way that is tuned, good ones and cheap ones, in a folder that is gone on with."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from fourways.control.run_folders import fill
from fourways.control.trains import Trains
from fourways.core.errors import InvalidRequest
from fourways.launch.base import RESULT, Launcher, Program
from fourways.training.runs import Search, read_run, write_run
from fourways.ways.putting import Putting
from fourways.ways.recipes import Recipe

SEARCHES = "searches"
"""Of the state folder: searches, by the digest of the recipe that they begin from."""
PROGRAM = "fourways.training.search"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """One trial of a search.

    Attributes:
        best: whether no other is both better and cheaper.
        given_up: whether it was ended early, after `share` of its steps.
        settings: by their keys in the project file.
    """

    best: bool
    given_up: bool
    share: float
    valid_loss: float | None
    cpu_seconds: float
    settings: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Searched:
    """What a search found: its trials, those on the front first, the best of them at the head."""

    folder: str
    trials: tuple[Tried, ...]


KEYS = {"learning_rate": "learning_rate", "batch": "micro_batch_size", "rank": "lora_r"}
"""What the project file calls what is searched over."""


async def search(trains: Trains, recipe: Recipe, launcher: Launcher, trials: int) -> Searched:
    """Try settings around a recipe's own until so many trials have ended; killed, or asked for more, it goes on.

    Raises:
        InvalidRequest: there is nothing to search over, or nothing to judge by.
        Unavailable: the program died.
    """
    if recipe.base is None:
        raise InvalidRequest("a search is over how a base is tuned; from scratch, one dial sets everything")
    folder = trains.shelf.state / SEARCHES / recipe.digest
    putting = Putting(recipe.prompt, recipe.reading, trains.workshop)
    await fill(recipe, folder, trains.run_of(recipe), trains.fetch, putting, trains.note)
    await asyncio.to_thread(_asked_for, folder, trials)

    def note(report: Mapping[str, Any]) -> None:
        loss = report["valid_loss"]
        what = "given up" if report["given_up"] else f"loss {loss:.3f} for {report['cpu_seconds']:.0f} CPU-seconds"
        trains.note({"stage": "search", "done": report["step"], "total": report["of"], "what": what})

    trains.note({"stage": "search", "done": 0, "total": trials, "what": "the first trial"})
    return searched(folder, await launcher.run(Program(folder=folder), note))


def _asked_for(folder: Path, trials: int) -> None:
    """Say in `run.toml` how many trials are asked for; an end that was reached with fewer is none any more."""
    run = read_run(folder)
    if run.search.trials != trials:
        write_run(msgspec.structs.replace(run, search=Search(trials=trials)), folder)
        (folder / RESULT).unlink(missing_ok=True)


def searched(folder: Path, result: Mapping[str, Any]) -> Searched:
    """Read what a search wrote."""
    front: list[int] = result["front"]
    told = [
        Tried(
            best=one["trial"] in front,
            given_up=one["given_up"],
            share=one["share"],
            valid_loss=one["valid_loss"],
            cpu_seconds=one["cpu_seconds"],
            settings={KEYS[name]: one[name] for name in KEYS if name in one},
        )
        for one in result["trials"]
    ]
    worst = float("inf")
    told.sort(key=lambda one: (not one.best, one.given_up, one.valid_loss if one.valid_loss is not None else worst))
    return Searched(folder=str(folder), trials=tuple(told))
