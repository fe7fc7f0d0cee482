"""Teaches a decoder a stage's packed rows: its rates, checkpoints and validation, in one process or in many."""

import statistics
import time
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from fourways.core.errors import InvalidRequest
from fourways.training.decoder import Decoder
from fourways.training.machine import Machine
from fourways.training.processes import Group
from fourways.training.scratch.epochs import Packed
from fourways.training.scratch.keeping import Optimizers, keep, restore
from fourways.training.scratch.lessons import Clock, Learned, Lesson, Schedule
from fourways.training.scratch.scorer import Scorer
from fourways.training.scratch.shards import SKIP

ROUND = 256
"""Positions that are scored are a multiple of it: each other number is a kernel made anew, and kept."""
CLIP = 1.0
"""The longest gradient."""


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


def learn(model: Decoder, schedule: Schedule, lesson: Lesson, *, until: int | None = None) -> Learned:
    """Learn a stage, or go on from its newest checkpoint: the curve is that of a run never interrupted.

    Args:
        until: stop before this step, as if killed right after its checkpoint.
    """
    scorer = Scorer(model, lesson.group, compiled=schedule.compile, sharded=schedule.shard)
    learning = optimizers(
        model, schedule.optimizer, muon=schedule.muon_rate, adam=schedule.adam_rate, decay=schedule.weight_decay
    )
    state = restore(lesson.checkpoints, schedule.name, model, learning)
    learned = Learned(**state["learned"]) if state else Learned()
    last = schedule.steps if until is None else min(until, schedule.steps)
    mine, share = share_of(schedule.rows, lesson.group)
    clock = Clock()
    recent = torch.zeros((), dtype=torch.float64)
    count = 0
    if not learned.done and lesson.valid is not None:
        _validate(scorer, lesson, learned, schedule)
    for step in range(learned.done, last):
        packed = lesson.train.rows(step * schedule.rows + mine, share)
        for one, full in zip(learning, _rates(schedule), strict=True):
            for group in one.param_groups:
                group["lr"] = full * schedule.scale(step)
        recent += take_step(scorer, packed, learning, lesson)
        count += 1
        learned.done, learned.tokens = step + 1, (step + 1) * schedule.batch
        ends = learned.done == schedule.steps
        if ends or learned.done % schedule.report_every == 0:
            loss = float(recent) / count
            learned.last = loss
            learned.first = loss if learned.first is None else learned.first
            speed = count * schedule.batch / clock.lap(learned)
            _tell(lesson, schedule, learned, {"loss": loss, "tokens_per_second": round(speed)})
            recent.zero_()
            count = 0
        if lesson.valid is not None and (ends or learned.done % schedule.validate_every == 0):
            _validate(scorer, lesson, learned, schedule)
        if ends or learned.done == last or learned.done % schedule.checkpoint_every == 0:
            clock.lap(learned)
            state = {"stage": schedule.name, "learned": learned.plain()}
            keep(
                lesson.checkpoints,
                schedule.before + learned.done,
                scorer.model,
                learning,
                state,
                writes=lesson.group.writes,
            )
    clock.lap(learned)
    lesson.group.wait()
    return learned


def share_of(rows: int, group: Group) -> tuple[int, int]:
    """Return the first of a process's rows of a step, and how many they are.

    Raises:
        InvalidRequest: the rows cannot be parted evenly.
    """
    if rows % group.size:
        msg = f"a batch of {rows} rows cannot be parted among {group.size} processes; right would be a multiple"
        raise InvalidRequest(msg, param="pretrain.set.batch")
    return group.rank * (rows // group.size), rows // group.size


def take_step(
    scorer: Scorer,
    packed: Packed,
    learning: Optimizers,
    lesson: Lesson,
) -> float:
    """Learn one batch, a part of it at a time; returns its loss, over all processes."""
    weight = lesson.group.sum([float((packed.targets != SKIP).sum())])[0] or 1.0
    summed = 0.0
    for part in packed.parts(max(1, lesson.micro // packed.tokens.shape[1])):
        loss = summed_loss(scorer, part, lesson.machine)
        share = loss / weight if scorer.summed else loss * lesson.group.size / weight
        share.backward()  # type: ignore[no-untyped-call]
        summed += loss.item()
    if scorer.summed:
        lesson.group.sum_gradients(scorer.model.parameters())
    torch.nn.utils.clip_grad_norm_(scorer.model.parameters(), CLIP)
    for one in learning:
        one.step()
        one.zero_grad(set_to_none=True)
    return lesson.group.sum([summed])[0] / weight


def trial(model: Decoder, schedule: Schedule, lesson: Lesson, *, tries: int = 5) -> float:
    """Return the seconds of a step, the median of some; the model learns nothing from them."""
    scorer = Scorer(model, lesson.group)
    learning = optimizers(model, schedule.optimizer, muon=0.0, adam=0.0)
    mine, share = share_of(schedule.rows, lesson.group)
    took = []
    for step in range(tries):
        start = time.perf_counter()
        take_step(scorer, lesson.train.rows(step * schedule.rows + mine, share), learning, lesson)
        took.append(time.perf_counter() - start)
    return statistics.median(took)


def _rates(schedule: Schedule) -> tuple[float, ...]:
    return (schedule.adam_rate,) if schedule.optimizer == "adamw" else (schedule.muon_rate, schedule.adam_rate)


def summed_loss(scorer: Scorer, packed: Packed, machine: Machine) -> Tensor:
    """Return the summed cross-entropy (nats) of what is learned; only there the vocabulary's scores are computed."""
    tokens, targets, documents = (
        torch.from_numpy(each).to(machine.device) for each in (packed.tokens, packed.targets.ravel(), packed.documents)
    )
    at = (targets != SKIP).nonzero().squeeze(1)
    room = -len(at) % ROUND
    wanted = functional.pad(targets[at], (0, room), value=SKIP)
    with machine.device, machine.computing():
        scores = scorer(tokens, documents, functional.pad(at, (0, room)))
    return functional.cross_entropy(scores, wanted, reduction="sum", ignore_index=SKIP)


@torch.no_grad()
def _validate(scorer: Scorer, lesson: Lesson, learned: Learned, schedule: Schedule) -> None:
    """Validate, each process the same, and write a sample."""
    if lesson.valid is None:
        return
    scorer.eval()
    loss = 0.0
    for part in lesson.valid.parts(max(1, lesson.micro // schedule.length)):
        loss += summed_loss(scorer, part, lesson.machine).item()
    learned.validated(loss / max(1, int((lesson.valid.targets != SKIP).sum())))
    told: dict[str, Any] = {"valid_loss": learned.valid_last}
    if lesson.sample is not None:
        told["sample"] = lesson.sample(scorer)
    scorer.train()
    _tell(lesson, schedule, learned, told)


def _tell(lesson: Lesson, schedule: Schedule, learned: Learned, more: Mapping[str, Any]) -> None:
    if lesson.group.writes:
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
