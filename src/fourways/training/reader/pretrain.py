"""Trains a decoder from scratch: seeded batches, Muon, and checkpoints from which the same curve goes on."""

import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn import functional

from fourways.core.errors import InvalidRequest
from fourways.training.decoder import Decoder, begin
from fourways.training.reader.batches import SKIP, Batch, Recipe, batches

if TYPE_CHECKING:
    from tokenizers import Tokenizer

WATCHED = 200
"""Steps between two scores of a model in training."""


def optimizers(model: Decoder, recipe: Recipe) -> list[torch.optim.Optimizer]:
    """Muon for the blocks' matrices, AdamW for all else."""
    matrices = [weight for weight in model.layers.parameters() if weight.ndim == 2]  # noqa: PLR2004 - a matrix
    chosen = {id(weight) for weight in matrices}
    others = [weight for weight in model.parameters() if id(weight) not in chosen]
    return [
        torch.optim.Muon(matrices, lr=recipe.muon_rate, weight_decay=0.01, momentum=0.95),
        torch.optim.AdamW(others, lr=recipe.adam_rate, weight_decay=0.0, betas=(0.9, 0.98), fused=True),
    ]


def loss_of(model: Decoder, reader: Callable[[Tensor, Tensor, Tensor], Tensor], batch: Batch) -> Tensor:
    """Return the mean cross-entropy of what is to be learned; only there the vocabulary's scores are computed."""
    with torch.autocast("cpu", torch.bfloat16):
        states = reader(batch.tokens, batch.documents, batch.places).flatten(0, 1)
        at = (batch.targets.flatten() != SKIP).nonzero().squeeze(1)
        scores = model.scores(states[at])
    return functional.cross_entropy(scores, batch.targets.flatten()[at])


def train(
    recipe: Recipe,
    tokenizer: "Tokenizer",
    folder: Path,
    *,
    compiled: bool = True,
    until: int | None = None,
    start: Callable[[Decoder], None] | None = None,
    replan: bool = False,
    watch: Callable[[Decoder, int], Mapping[str, float]] | None = None,
    pause: Path | None = None,
    say: Callable[[str], None] = print,
) -> Decoder:
    """Train, or go on from the folder's newest checkpoint: the curve is that of a run never interrupted.

    Args:
        recipe: decides all that comes out.
        tokenizer: reads the documents.
        folder: where the checkpoint and `steps.jsonl` are written.
        compiled: whether torch compiles the decoder: half as fast again, a minute later.
        until: stop before this step, as if killed after its checkpoint.
        start: changes the weights to begin with.
        replan: go on from a checkpoint of another recipe; `plans.jsonl` then tells from which step each one held.
        watch: scores the model now and then.
        pause: while this file exists, nothing is computed.
        say: is told each report, a line of JSON.

    Raises:
        InvalidRequest: a batch is no whole number of rows, or the checkpoint is of another recipe.
    """
    lengths = {length for stage in recipe.stages for _, length in stage.lengths}
    if any(recipe.batch % length for length in lengths):
        whole = math.lcm(*lengths)
        raise InvalidRequest(f"a batch of {recipe.batch} tokens is no whole number of rows; make it {whole} times some")
    folder.mkdir(parents=True, exist_ok=True)
    model = Decoder(recipe.size)
    begin(model, recipe.seed)
    if start is not None:
        start(model)
    learning = optimizers(model, recipe)
    first = resume(model, learning, folder, None if replan else recipe.name)
    note_plan(recipe, folder / "plans.jsonl", first)
    reader = torch.compile(model, dynamic=False) if compiled else model
    last = recipe.steps() if until is None else min(until, recipe.steps())
    forget(folder / "steps.jsonl", first)
    reports = Reports(recipe, folder / "steps.jsonl", say)
    for step, batch in zip(range(first, last), batches(recipe, tokenizer, first), strict=False):
        while pause is not None and pause.exists():
            time.sleep(1)
        set_rates(learning, recipe, step)
        loss = loss_of(model, reader, batch)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for one in learning:
            one.step()
            one.zero_grad(set_to_none=True)
        done = step + 1
        reports.count(done, loss.item())
        if watch is not None and (done % WATCHED == 0 or done == last):
            reports.write({"step": done, "tokens": done * recipe.batch, **watch(model, done)})
        if done % recipe.every == 0 or done == last:
            keep(model, learning, folder, done, recipe.name)
    return model


def set_rates(learning: Sequence[torch.optim.Optimizer], recipe: Recipe, step: int) -> None:
    """Set what a step learns at."""
    for one, full in zip(learning, (recipe.muon_rate, recipe.adam_rate), strict=True):
        for group in one.param_groups:
            group["lr"] = full * recipe.rate_at(step)


class Reports:
    """Writes a line of JSON every 25 steps: mean loss, rate, speed."""

    EVERY = 25

    def __init__(self, recipe: Recipe, path: Path, say: Callable[[str], None]) -> None:
        """Take the recipe, the file to append to, and who else is told."""
        self.recipe, self.path, self.say = recipe, path, say
        self.losses: list[float] = []
        self.began = time.monotonic()

    def count(self, done: int, loss: float) -> None:
        """Note a step's loss."""
        self.losses.append(loss)
        if done % self.EVERY and done != self.recipe.steps():
            return
        self.write(
            {
                "step": done,
                "of": self.recipe.steps(),
                "stage": self.recipe.stage_at(done - 1).name,
                "tokens": done * self.recipe.batch,
                "loss": round(sum(self.losses) / len(self.losses), 4),
                "rate": round(self.recipe.rate_at(done - 1), 4),
                "tokens_s": round(len(self.losses) * self.recipe.batch / (time.monotonic() - self.began)),
            }
        )
        self.losses = []

    def write(self, line: Mapping[str, Any]) -> None:
        """Append a line, and start to measure anew."""
        text = json.dumps(line)
        with self.path.open("a") as file:
            file.write(text + "\n")
        self.say(text)
        self.began = time.monotonic()


def keep(model: Decoder, learning: Sequence[torch.optim.Optimizer], folder: Path, step: int, recipe: str = "") -> None:
    """Write a checkpoint; it replaces the one before only when it is whole."""
    learned = [one.state_dict() for one in learning]
    state = {"step": step, "recipe": recipe, "model": model.state_dict(), "learning": learned}
    torch.save(state, folder / "checkpoint.part")
    (folder / "checkpoint.part").replace(folder / "checkpoint.pt")


def resume(model: Decoder, learning: Sequence[torch.optim.Optimizer], folder: Path, recipe: str | None = None) -> int:
    """Read the newest checkpoint, if there is one, and return the number of steps done.

    Raises:
        InvalidRequest: it was written by another recipe than the one named.
    """
    if not (folder / "checkpoint.pt").exists():
        return 0
    state = torch.load(folder / "checkpoint.pt", weights_only=True)
    if recipe is not None and state["recipe"] != recipe:
        raise InvalidRequest(
            f"{folder} holds a run of '{state['recipe']}', which '{recipe}' cannot go on with; "
            "take another folder, the same arguments, or --replan"
        )
    model.load_state_dict(state["model"])
    for one, kept in zip(learning, state["learning"], strict=True):
        one.load_state_dict(kept)
    return int(state["step"])


def note_plan(recipe: Recipe, path: Path, first: int) -> None:
    """Write down from which step on which recipe holds, where it is not the one that held before."""
    lines = path.read_text().splitlines() if path.exists() else []
    if not lines or json.loads(lines[-1])["recipe"] != recipe.name:
        with path.open("a") as file:
            file.write(json.dumps({"from": first, "recipe": recipe.name, "steps": recipe.steps()}) + "\n")


def forget(reports: Path, done: int) -> None:
    """Drop the reports of steps that no checkpoint holds, and a line cut off: those steps are done and told again."""
    if not reports.exists():
        return
    lines = reports.read_text().splitlines(keepends=True)
    kept = [line for line in lines if line.endswith("\n") and json.loads(line)["step"] <= done]
    part = reports.with_suffix(".part")
    part.write_text("".join(kept))
    part.replace(reports)
