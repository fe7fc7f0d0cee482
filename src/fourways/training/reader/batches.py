"""What a training reads, step by step: a recipe of mixtures, documents as tokens, packed rows made ahead of time."""

import multiprocessing
import random
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from fourways.training.decoder import BRANCHES, Size
from fourways.training.tokenizer import ASSISTANT, END, PAD, SPECIAL

if TYPE_CHECKING:
    from tokenizers import Tokenizer

SKIP = -100
"""The target of a position that is not learned from."""
AHEAD = 12
"""Batches that are made before they are needed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """A trunk of text, and branches, each read as if it alone stood behind it: many questions on one text."""

    trunk: str
    branches: tuple[str, ...]


Document = str | list[int] | Tree
"""Text in the chat's tokens, of which the assistant's turns are learned, or all where there are none; or tokens, of
which the second half is learned; or a tree of texts."""
Maker = Callable[[random.Random, "Tokenizer"], Document]
"""Writes one document."""


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
        name: says in one line what else it was made from; a checkpoint of another name is not gone on with.
    """

    size: Size
    stages: tuple[Stage, ...]
    batch: int = 8192
    seed: int = 1
    muon_rate: float = 0.02
    adam_rate: float = 0.004
    warm: int = 50
    cool: float = 0.7
    every: int = 100
    name: str = ""

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
    """Packed rows, all (rows, length): tokens, targets (`SKIP`: none), documents and places as `Decoder` has them."""

    tokens: Tensor
    targets: Tensor
    documents: Tensor
    places: Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A trunk, or a branch on it: tokens, and for each the next one where that is to be learned, `SKIP` else."""

    tokens: list[int]
    targets: list[int]


Read = tuple[Part, ...]
"""A document as tokens: its trunk, then its branches, if any."""


def read_document(document: Document, tokenizer: "Tokenizer") -> Read:
    """Return a document's tokens and targets."""
    if isinstance(document, list):
        half = len(document) // 2
        return (Part(tokens=document, targets=[*[SKIP] * half, *document[half + 1 :], SKIP]),)
    if isinstance(document, str):
        return (_read(document, tokenizer, whole=True),)
    return (
        _read(document.trunk, tokenizer, whole=False),
        *(_read(branch, tokenizer, whole=False) for branch in document.branches[: BRANCHES - 1]),
    )


def _read(text: str, tokenizer: "Tokenizer", *, whole: bool) -> Part:
    tokens = tokenizer.encode(text, add_special_tokens=False).ids
    assistant, end = SPECIAL[ASSISTANT], SPECIAL[END]
    if whole and assistant not in tokens:
        return Part(tokens=tokens, targets=[*tokens[1:], SKIP])
    targets, speaking = [], False
    for number, token in enumerate(tokens):
        speaking = token == assistant or (speaking and token != end)
        targets.append(tokens[number + 1] if speaking and number + 1 < len(tokens) else SKIP)
    return Part(tokens=tokens, targets=targets)


def cut(document: Read, room: int) -> Read:
    """Leave out the last branches until the document fits into so many tokens; () where it cannot."""
    kept = list(document)
    while kept and sum(len(part.tokens) for part in kept) > room:
        kept.pop()
    return tuple(kept) if len(kept) > 1 or len(document) == 1 else ()


def pack(documents: Sequence[Read], *, rows: int, length: int) -> Batch:
    """Lay documents into rows, each into the first that has room, cut where none has; what fits nowhere is left out."""
    laid: list[tuple[list[int], list[int], list[int], list[int]]] = [([], [], [], []) for _ in range(rows)]
    for number, document in enumerate(documents):
        wanted = sum(len(part.tokens) for part in document)
        row = next((row for row in laid if len(row[0]) + wanted <= length), min(laid, key=lambda row: len(row[0])))
        begin = 0
        for branch, part in enumerate(cut(document, length - len(row[0]))):
            row[0].extend(part.tokens)
            row[1].extend(part.targets)
            row[2].extend([number * BRANCHES + branch] * len(part.tokens))
            row[3].extend(range(begin, begin + len(part.tokens)))
            begin = begin if branch else len(part.tokens)
    for row in laid:
        rest = length - len(row[0])
        row[0].extend([SPECIAL[PAD]] * rest)
        row[1].extend([SKIP] * rest)
        row[2].extend([-1] * rest)
        row[3].extend([0] * rest)
    tokens, targets, numbers, places = (torch.tensor([row[part] for row in laid]) for part in range(4))
    return Batch(tokens=tokens, targets=targets, documents=numbers, places=places)


def batch_at(recipe: Recipe, tokenizer: "Tokenizer", step: int) -> Batch:
    """Make a step's batch: of the seed and the step alone, so that a resumed run reads what it would have read."""
    stage, chance = recipe.stage_at(step), random.Random(f"{recipe.seed}/{step}")
    length = chance.choices([length for _, length in stage.lengths], [weight for weight, _ in stage.lengths])[0]
    makers, weights = [maker for _, maker in stage.mixture], [weight for weight, _ in stage.mixture]
    documents: list[Read] = []
    room = recipe.batch
    while room > 0:
        made = chance.choices(makers, weights)[0](chance, tokenizer)
        document = cut(read_document(made, tokenizer), length)
        if document:
            documents.append(document)
            room -= sum(len(part.tokens) for part in document)
    return pack(documents, rows=recipe.batch // length, length=length)


_at_hand: dict[str, Any] = {}


def _prepare(recipe: Recipe, tokenizer: str) -> None:
    from tokenizers import Tokenizer

    torch.set_num_threads(1)
    _at_hand.update(recipe=recipe, tokenizer=Tokenizer.from_str(tokenizer))


def _make(step: int) -> list[Any]:
    batch = batch_at(_at_hand["recipe"], _at_hand["tokenizer"], step)
    return [part.numpy() for part in (batch.tokens, batch.targets, batch.documents, batch.places)]


def batches(recipe: Recipe, tokenizer: "Tokenizer", first: int) -> Iterator[Batch]:
    """Make the batches from a step on, in a process of their own, a few ahead."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, context, _prepare, (recipe, tokenizer.to_str())) as maker:
        waiting: deque[Future[list[Any]]] = deque()
        for step in range(first, recipe.steps() + AHEAD):
            if step < recipe.steps():
                waiting.append(maker.submit(_make, step))
            if len(waiting) > AHEAD or step >= recipe.steps():
                if not waiting:
                    return
                parts = [torch.from_numpy(part) for part in waiting.popleft().result()]
                yield Batch(tokens=parts[0], targets=parts[1], documents=parts[2], places=parts[3])
