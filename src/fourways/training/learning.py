"""Teaches a decoder a stage's packed rows: its rates, checkpoints and validation, in one process or in many."""

import json
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from fourways.training.decoder import Decoder
from fourways.training.epochs import Packed, Reader
from fourways.training.keeping import Optimizers, keep, restore
from fourways.training.shards import SKIP
from fourways.training.spread import Place, sum_gradients
from fourways.training.tokenizer import SPECIAL

CLIP = 1.0
"""The longest gradient."""
VALIDATED = 64
"""Rows that are validated at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """How a stage is learned. Steps are counted from 0 within it; reports and checkpoints count on from `before`.

    Attributes:
        name: of the stage, for reports.
        before: steps and `tokens_before` of the stages before it.
        total: steps of all stages.
        rows: of a step, over all processes; `length` tokens each.
        decay: share of the steps, at the end, in which the rates fall to zero.
        report_every, validate_every, checkpoint_every: steps.
    """

    name: str
    before: int
    tokens_before: int
    total: int
    steps: int
    rows: int
    length: int
    seed: int
    optimizer: str
    muon_rate: float
    adam_rate: float
    weight_decay: float
    warmup: float
    decay: float
    compile: bool
    report_every: int
    validate_every: int
    checkpoint_every: int

    @property
    def batch(self) -> int:
        """Tokens a step."""
        return self.rows * self.length

    def scale(self, step: int) -> float:
        """Say by how much the rates are scaled at a step: up, level, linearly to zero (Hu et al. 2024)."""
        rising = (step + 1) / max(1.0, self.warmup * self.steps)
        falling = (self.steps - step) / max(1.0, self.decay * self.steps)
        return min(1.0, rising, falling)


def optimizers(
    model: Decoder, name: str, *, muon: float, adam: float, decay: float = 0.0
) -> list[torch.optim.Optimizer]:
    """Muon for the blocks' matrices (Jordan et al. 2024) and AdamW for the rest, or AdamW for all.

    Args:
        name: muon or adamw.
        muon, adam: rates.
        decay: of the matrices.
    """
    matrices = [weight for weight in model.layers.parameters() if weight.ndim == 2]  # noqa: PLR2004 - a matrix
    chosen = {id(weight) for weight in matrices}
    others = [weight for weight in model.parameters() if id(weight) not in chosen]
    betas = (0.9, 0.95)
    if name == "adamw":
        groups: list[dict[str, Any]] = [{"params": matrices}, {"params": others, "weight_decay": 0.0}]
        return [torch.optim.AdamW(groups, lr=adam, weight_decay=decay, betas=betas, fused=True)]
    return [
        torch.optim.Muon(matrices, lr=muon, weight_decay=decay, momentum=0.95),
        torch.optim.AdamW(others, lr=adam, weight_decay=0.0, betas=betas, fused=True),
    ]


@dataclass(slots=True, kw_only=True)
class Learned:
    """What a stage came to; written into each checkpoint, so that it is of the whole stage however often it was begun.

    Attributes:
        seconds, cpu_seconds: of stepping and what goes with it.
        first, last: mean loss of the first and the last report.
    """

    done: int = 0
    tokens: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    first: float | None = None
    last: float | None = None
    valid_first: float | None = None
    valid_last: float | None = None
    valid_best: float | None = None
    stopped: str = "end"

    def validated(self, loss: float) -> None:
        """Note a validation."""
        self.valid_first = loss if self.valid_first is None else self.valid_first
        self.valid_best = loss if self.valid_best is None else min(self.valid_best, loss)
        self.valid_last = loss

    def plain(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """What is learned from, and what is told of it.

    Attributes:
        train: rows that are learned.
        valid: rows that are only read; None for none, with how many.
        checkpoints: a folder of this stage's checkpoints.
        report: is told each report; called in the first process alone.
        sample: writes something with the model, for people to look at.
    """

    train: Reader
    valid: Packed | None
    checkpoints: Path
    report: Callable[[Mapping[str, Any]], None]
    sample: Callable[[Decoder], str] | None = None


def learn(model: Decoder, schedule: Schedule, lesson: Lesson, place: Place, *, until: int | None = None) -> Learned:
    """Learn a stage, or go on from its newest checkpoint: the curve is that of a run never interrupted.

    Args:
        until: stop before this step, as if killed right after its checkpoint.
    """
    learning = optimizers(
        model, schedule.optimizer, muon=schedule.muon_rate, adam=schedule.adam_rate, decay=schedule.weight_decay
    )
    state = restore(lesson.checkpoints, schedule.name, model, learning)
    learned = Learned(**state["learned"]) if state else Learned()
    reader = torch.compile(model, dynamic=False) if schedule.compile else model
    last = schedule.steps if until is None else min(until, schedule.steps)
    mine, share = place.share(schedule.rows)
    clock = Clock()
    recent = torch.zeros((), dtype=torch.float64)
    count = 0
    if not learned.done and lesson.valid is not None:
        _validate(model, lesson, learned, schedule, place)
    for step in range(learned.done, last):
        packed = lesson.train.rows(step * schedule.rows + mine, share)
        for one, full in zip(learning, _rates(schedule), strict=True):
            for group in one.param_groups:
                group["lr"] = full * schedule.scale(step)
        recent += _step(model, reader, packed, learning, place)
        count += 1
        learned.done, learned.tokens = step + 1, (step + 1) * schedule.batch
        ends = learned.done == schedule.steps
        if ends or learned.done % schedule.report_every == 0:
            loss = float(recent) / count
            learned.last = loss
            learned.first = loss if learned.first is None else learned.first
            speed = count * schedule.batch / clock.lap(learned)
            _tell(lesson, schedule, learned, place, {"loss": loss, "tokens_per_second": round(speed)})
            recent.zero_()
            count = 0
        if lesson.valid is not None and (ends or learned.done % schedule.validate_every == 0):
            _validate(model, lesson, learned, schedule, place)
        if place.first and (ends or learned.done == last or learned.done % schedule.checkpoint_every == 0):
            clock.lap(learned)
            state = {"stage": schedule.name, "learned": learned.plain()}
            keep(lesson.checkpoints, schedule.before + learned.done, model, learning, state)
    clock.lap(learned)
    place.wait()
    return learned


def _step(
    model: Decoder,
    reader: Callable[[Tensor, Tensor], Tensor],
    packed: Packed,
    learning: Optimizers,
    place: Place,
) -> float:
    """Learn one batch; returns its loss, over all processes."""
    loss, count = summed_loss(model, reader, packed, place.device)
    all_of_it = place.total(torch.tensor(float(count)))
    (loss / all_of_it).backward()  # type: ignore[no-untyped-call]
    sum_gradients(model, place)
    torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
    for one in learning:
        one.step()
        one.zero_grad(set_to_none=True)
    return float(place.total(loss.detach().cpu()) / all_of_it)


def trial(model: Decoder, optimizer: str, *, rows: int, length: int, device: torch.device, tries: int = 5) -> float:
    """Return the seconds of a step, the median of some; the model learns nothing from them.

    Args:
        rows, length: of this process's share of a step.
    """
    tokens = np.random.default_rng(1).integers(len(SPECIAL), model.size.vocabulary, (rows, length))
    packed = Packed(tokens=tokens, targets=tokens, documents=np.zeros_like(tokens))
    learning = optimizers(model, optimizer, muon=0.0, adam=0.0)
    alone, took = Place(rank=0, world=1, device=device), []
    for _ in range(tries):
        start = time.perf_counter()
        _step(model, model, packed, learning, alone)
        took.append(time.perf_counter() - start)
    return statistics.median(took)


def _rates(schedule: Schedule) -> tuple[float, ...]:
    return (schedule.adam_rate,) if schedule.optimizer == "adamw" else (schedule.muon_rate, schedule.adam_rate)


def summed_loss(
    model: Decoder, reader: Callable[[Tensor, Tensor], Tensor], packed: Packed, device: torch.device
) -> tuple[Tensor, int]:
    """Return the summed cross-entropy of what is learned, and of how many tokens it is."""
    tokens, documents = torch.from_numpy(packed.tokens).to(device), torch.from_numpy(packed.documents).to(device)
    targets = torch.from_numpy(packed.targets).to(device).flatten()
    with torch.autocast(device.type, torch.bfloat16):
        states = reader(tokens, documents).flatten(0, 1)
        at = (targets != SKIP).nonzero().squeeze(1)
        scores = model.scores(states[at])
    return functional.cross_entropy(scores, targets[at], reduction="sum"), len(at)


@torch.no_grad()
def _validate(model: Decoder, lesson: Lesson, learned: Learned, schedule: Schedule, place: Place) -> None:
    """Validate in the first process, and write a sample."""
    if not place.first or lesson.valid is None:
        return
    model.eval()
    loss, count = 0.0, 0
    for at in range(0, min(VALIDATED, len(lesson.valid.tokens)), schedule.rows):
        part = slice(at, at + schedule.rows)
        packed = Packed(
            tokens=lesson.valid.tokens[part],
            targets=lesson.valid.targets[part],
            documents=lesson.valid.documents[part],
        )
        some, of = summed_loss(model, model, packed, place.device)
        loss, count = loss + float(some), count + of
    learned.validated(loss / max(1, count))
    told: dict[str, Any] = {"valid_loss": learned.valid_last}
    if lesson.sample is not None:
        told["sample"] = lesson.sample(model)
    model.train()
    _tell(lesson, schedule, learned, place, told)


def _tell(lesson: Lesson, schedule: Schedule, learned: Learned, place: Place, more: Mapping[str, Any]) -> None:
    if place.first:
        lesson.report(
            {
                "step": schedule.before + learned.done,
                "of": schedule.total,
                "stage": schedule.name,
                "lr": _rates(schedule)[-1] * schedule.scale(max(0, learned.done - 1)),
                "tokens": schedule.tokens_before + learned.tokens,
                **more,
                "at": time.time(),
            }
        )


@dataclass(slots=True)
class Clock:
    """Adds up seconds by the wall and by the processors."""

    wall: float = field(default_factory=time.perf_counter)
    cpu: float = field(default_factory=time.process_time)

    def lap(self, learned: Learned) -> float:
        """Add what has passed since the last lap, and return it, by the wall."""
        wall, cpu = time.perf_counter(), time.process_time()
        passed = wall - self.wall
        learned.seconds += passed
        learned.cpu_seconds += cpu - self.cpu
        self.wall, self.cpu = wall, cpu
        return max(passed, 1e-9)


class Journal:
    """`steps.jsonl` of a run: a report a line, cut back to where the run goes on from."""

    def __init__(self, path: Path, done: int) -> None:
        """Take the file, and the steps that are done: reports of later ones, and a line cut off, are dropped."""
        self.path = path
        if path.exists():
            lines = path.read_text().splitlines(keepends=True)
            kept = [line for line in lines if line.endswith("\n") and json.loads(line).get("step", 0) <= done]
            part = path.with_suffix(".part")
            part.write_text("".join(kept))
            part.replace(path)

    def __call__(self, report: Mapping[str, Any]) -> None:
        """Append a report."""
        with self.path.open("a") as file:
            file.write(json.dumps(report) + "\n")
