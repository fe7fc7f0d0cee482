"""Trains a decoder from scratch: seeded batches, Muon, and checkpoints from which the same curve goes on."""

import json
import multiprocessing
import random
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn import functional

from fourways.core.errors import InvalidRequest
from fourways.training.decoder import Decoder, Size, begin
from fourways.training.tokenizer import ASSISTANT, END, PAD, SPECIAL

if TYPE_CHECKING:
    from tokenizers import Tokenizer

SKIP = -100
"""The target of a position that is not learned from."""

Maker = Callable[[random.Random, "Tokenizer"], str | list[int]]
"""Writes one document: text in the chat's tokens, of which the assistant's turns are learned, or all where there are
none; or tokens, of which the second half is learned."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A part of the training with one mixture of documents.

    Attributes:
        name: for the reports.
        tokens: read in it, padding counted in.
        mixture: what is drawn, with weights.
        lengths: of packed rows, with weights; each step has one.
    """

    name: str
    tokens: int
    mixture: tuple[tuple[float, Maker], ...]
    lengths: tuple[tuple[float, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Everything that decides what comes out.

    Attributes:
        size: of the decoder.
        stages: in order.
        batch: tokens a step.
        seed: of weights and data.
        muon_rate: for the matrices of the blocks (Jordan et al. 2024).
        adam_rate: for embedding and norms (Kingma & Ba; Loshchilov & Hutter).
        warm: steps in which the rates rise.
        cool: share of all steps, at the end, in which they fall to zero, linearly (Hu et al. 2024).
        every: steps between two checkpoints.
    """

    size: Size
    stages: tuple[Stage, ...]
    batch: int = 8192
    seed: int = 1
    muon_rate: float = 0.02
    adam_rate: float = 0.004
    warm: int = 50
    cool: float = 0.7
    every: int = 250

    def steps(self) -> int:
        """Count the steps."""
        return sum(self.length_of(stage) for stage in self.stages)

    def length_of(self, stage: Stage) -> int:
        """Count a stage's steps."""
        return max(1, stage.tokens // self.batch)

    def stage_at(self, step: int) -> Stage:
        """Say which stage a step, counted from 0, belongs to."""
        for stage in self.stages:
            if step < self.length_of(stage):
                return stage
            step -= self.length_of(stage)
        return self.stages[-1]

    def rate_at(self, step: int) -> float:
        """Say by how much the rates are scaled at a step: up, level, down."""
        left = (self.steps() - step) / max(1.0, self.cool * self.steps())
        return min(1.0, (step + 1) / self.warm, left)


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Packed rows, all (rows, length): tokens, targets (`SKIP`: none to learn), and each position's document."""

    tokens: Tensor
    targets: Tensor
    documents: Tensor


def read_document(document: str | list[int], tokenizer: "Tokenizer") -> tuple[list[int], list[int]]:
    """Return a document's tokens, and for each the next one where that is to be learned, `SKIP` else."""
    if isinstance(document, list):
        half = len(document) // 2
        return document, [*[SKIP] * half, *document[half + 1 :], SKIP]
    tokens = tokenizer.encode(document, add_special_tokens=False).ids
    assistant, end = SPECIAL[ASSISTANT], SPECIAL[END]
    if assistant not in tokens:
        return tokens, [*tokens[1:], SKIP]
    targets, speaking = [], False
    for number, token in enumerate(tokens):
        speaking = token == assistant or (speaking and token != end)
        targets.append(tokens[number + 1] if speaking and number + 1 < len(tokens) else SKIP)
    return tokens, targets


def pack(documents: Sequence[tuple[list[int], list[int]]], *, rows: int, length: int) -> Batch:
    """Lay documents into rows, each into the first that has room; those that fit nowhere are left out."""
    laid: list[tuple[list[int], list[int], list[int]]] = [([], [], []) for _ in range(rows)]
    for number, (tokens, targets) in enumerate(documents):
        row = next((row for row in laid if len(row[0]) + len(tokens) <= length), None)
        if row is not None:
            row[0].extend(tokens)
            row[1].extend(targets)
            row[2].extend([number] * len(tokens))
    for row in laid:
        rest = length - len(row[0])
        row[0].extend([SPECIAL[PAD]] * rest)
        row[1].extend([SKIP] * rest)
        row[2].extend([-1] * rest)
    parts = [torch.tensor([row[part] for row in laid]) for part in range(3)]
    return Batch(tokens=parts[0], targets=parts[1], documents=parts[2])


def batch_at(recipe: Recipe, tokenizer: "Tokenizer", step: int) -> Batch:
    """Make a step's batch: of the seed and the step alone, so that a resumed run reads what it would have read."""
    stage, chance = recipe.stage_at(step), random.Random(f"{recipe.seed}/{step}")
    length = chance.choices([length for _, length in stage.lengths], [weight for weight, _ in stage.lengths])[0]
    makers, weights = [maker for _, maker in stage.mixture], [weight for weight, _ in stage.mixture]
    documents: list[tuple[list[int], list[int]]] = []
    room = recipe.batch
    while room > 0:
        document = read_document(chance.choices(makers, weights)[0](chance, tokenizer), tokenizer)
        if len(document[0]) <= length:
            documents.append(document)
            room -= len(document[0])
    return pack(documents, rows=recipe.batch // length, length=length)


_at_hand: dict[str, Any] = {}


def _prepare(recipe: Recipe, tokenizer: str) -> None:
    from tokenizers import Tokenizer

    torch.set_num_threads(1)
    _at_hand.update(recipe=recipe, tokenizer=Tokenizer.from_str(tokenizer))


def _make(step: int) -> list[Any]:
    batch = batch_at(_at_hand["recipe"], _at_hand["tokenizer"], step)
    return [part.numpy() for part in (batch.tokens, batch.targets, batch.documents)]


def batches(recipe: Recipe, tokenizer: "Tokenizer", first: int, *, ahead: int = 12) -> Iterator[Batch]:
    """Make the batches from a step on, in a process of their own, a few ahead."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, context, _prepare, (recipe, tokenizer.to_str())) as maker:
        waiting: deque[Future[list[Any]]] = deque()
        for step in range(first, recipe.steps() + ahead):
            if step < recipe.steps():
                waiting.append(maker.submit(_make, step))
            if len(waiting) > ahead or step >= recipe.steps():
                if not waiting:
                    return
                tokens, targets, documents = (torch.from_numpy(part) for part in waiting.popleft().result())
                yield Batch(tokens=tokens, targets=targets, documents=documents)


def optimizers(model: Decoder, recipe: Recipe) -> list[torch.optim.Optimizer]:
    """Muon for the blocks' matrices, AdamW for all else."""
    matrices = [weight for weight in model.layers.parameters() if weight.ndim == 2]  # noqa: PLR2004 - a matrix
    chosen = {id(weight) for weight in matrices}
    others = [weight for weight in model.parameters() if id(weight) not in chosen]
    return [
        torch.optim.Muon(matrices, lr=recipe.muon_rate, weight_decay=0.01, momentum=0.95),
        torch.optim.AdamW(others, lr=recipe.adam_rate, weight_decay=0.0, betas=(0.9, 0.98), fused=True),
    ]


def loss_of(model: Decoder, reader: Callable[[Tensor, Tensor], Tensor], batch: Batch) -> Tensor:
    """Return the mean cross-entropy of what is to be learned; only there the vocabulary's scores are computed."""
    with torch.autocast("cpu", torch.bfloat16):
        states = reader(batch.tokens, batch.documents).flatten(0, 1)
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
    watch: Callable[[Decoder, int], Mapping[str, float]] | None = None,
    watch_every: int = 500,
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
        watch: scores the model now and then.
        watch_every: steps between two scores.
        pause: while this file exists, nothing is computed.
        say: is told each report, a line of JSON.

    Raises:
        InvalidRequest: a batch is no whole number of rows.
    """
    longest = max(length for stage in recipe.stages for _, length in stage.lengths)
    if recipe.batch % longest:
        raise InvalidRequest(
            f"a batch of {recipe.batch} tokens is no whole number of rows; make it {longest} times some"
        )
    folder.mkdir(parents=True, exist_ok=True)
    model = Decoder(recipe.size)
    begin(model, recipe.seed)
    learning = optimizers(model, recipe)
    first = resume(model, learning, folder)
    reader = torch.compile(model, dynamic=False) if compiled else model
    last = recipe.steps() if until is None else min(until, recipe.steps())
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
        if watch is not None and (done % watch_every == 0 or done == last):
            reports.write({"step": done, "tokens": done * recipe.batch, **watch(model, done)})
        if done % recipe.every == 0 or done == last:
            keep(model, learning, folder, done)
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


def keep(model: Decoder, learning: Sequence[torch.optim.Optimizer], folder: Path, step: int) -> None:
    """Write a checkpoint; it replaces the one before only when it is whole."""
    state = {"step": step, "model": model.state_dict(), "learning": [one.state_dict() for one in learning]}
    torch.save(state, folder / "checkpoint.part")
    (folder / "checkpoint.part").replace(folder / "checkpoint.pt")


def resume(model: Decoder, learning: Sequence[torch.optim.Optimizer], folder: Path) -> int:
    """Read the newest checkpoint, if there is one, and return the number of steps done."""
    if not (folder / "checkpoint.pt").exists():
        return 0
    state = torch.load(folder / "checkpoint.pt", weights_only=True)
    model.load_state_dict(state["model"])
    for one, kept in zip(learning, state["learning"], strict=True):
        one.load_state_dict(kept)
    return int(state["step"])
