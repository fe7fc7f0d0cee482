"""One stage's learning within a run: its schedule out of what the dial derived, its rows, its reports, its weights."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from fourways.training.decoder import Decoder, save
from fourways.training.reports import Reports, open_sinks
from fourways.training.scratch.continuing import sampler
from fourways.training.scratch.dial import Derived
from fourways.training.scratch.epochs import Epochs, Packed, Reader
from fourways.training.scratch.keeping import checkpoints, write_weights
from fourways.training.scratch.learning import learn
from fourways.training.scratch.lessons import Lesson, Schedule
from fourways.training.scratch.scorer import whole
from fourways.training.scratch.work import Work
from fourways.training.tokenizer import ASSISTANT, END, PAD, SPECIAL, save_tokenizer

REPORTS, VALIDATIONS = 40, 8
"""Of a stage, about."""
LOST = 30.0, 0.05
"""Seconds of training, or share of it, that a kill may lose: whichever is more."""
VALIDATED = 64
"""Rows that are validated on at most."""
BEGUN = 12
"""Tokens of a document that a sample goes on from."""


def schedule_of(work: Work, derived: Derived, name: str) -> Schedule:
    """Say how a stage, pretrain or instruct, is learned, and how often it is told of and kept."""
    hyper = work.run.hyper
    first = name == "pretrain"
    steps, before = (derived.steps, 0) if first else (derived.chat_steps, derived.steps)
    report = max(1, min(50, steps // REPORTS))
    seconds = derived.batch / derived.tokens_per_second
    kept = hyper.checkpoint_every or round(max(LOST[0], LOST[1] * derived.seconds) / seconds)
    return Schedule(
        name=name,
        before=before,
        tokens_before=before * derived.batch,
        total=derived.steps + derived.chat_steps,
        steps=steps,
        rows=derived.batch // derived.shape.length,
        length=derived.shape.length,
        seed=work.run.seed,
        optimizer=derived.optimizer,
        muon_rate=derived.muon_rate,
        adam_rate=derived.adam_rate,
        weight_decay=derived.weight_decay,
        warmup=derived.warmup,
        decay=derived.decay,
        compile=derived.compile,
        shard=_sharded(work),
        report_every=report,
        validate_every=hyper.validate_every or max(report, steps // VALIDATIONS),
        checkpoint_every=max(1, -(-kept // report)) * report,
    )


def _sharded(work: Work) -> bool:
    """Whether each process keeps a part of the weights: as the run says, else where GPUs work together."""
    if work.dial.set.shard is None:
        return work.group.size > 1 and work.machine.device.type == "cuda"
    return work.dial.set.shard and work.group.size > 1


def lesson_of(work: Work, train: Epochs, valid: Epochs | None, reports: Reports | None) -> Lesson:
    """Say what is learned from and what is watched; without reports nothing is told."""
    watched = None if valid is None else Reader(valid).rows(0, min(VALIDATED, valid.count(0)))
    return Lesson(
        train=Reader(train),
        valid=watched,
        checkpoints=work.folder / "checkpoints",
        report=reports.write if reports else lambda _: None,
        group=work.group,
        machine=work.machine,
        micro=work.run.hyper.micro_tokens,
        sample=None if watched is None else sampler(work.tokenizer(), _begun(watched)),
    )


def teach(work: Work, name: str, model: Decoder, train: Epochs, valid: Epochs | None) -> Mapping[str, Any]:
    """Learn a stage in its folder and leave its weights there, in float32."""
    schedule = schedule_of(work, work.derived(), name)
    torch.set_num_threads(work.made("plan")["threads"])
    newest = checkpoints(work.folder / "checkpoints")
    done = int(newest[-1].name.removeprefix("step-")) if newest else 0
    sinks = open_sinks(work.run.report_to, work.folder, work.run) if work.group.writes else ()
    reports = Reports(work.folder / "steps.jsonl", done=done, sinks=sinks, writes=work.group.writes)
    learned = learn(model, schedule, lesson_of(work, train, valid, reports))
    weights = {key: whole(value) for key, value in model.state_dict().items()}
    if work.group.writes:
        write_weights(work.of(name) / "weights.safetensors", weights)
    return {"steps": schedule.steps, **learned.plain()}


def _begun(valid: Packed) -> list[int]:
    """Return how a text that is not learned begins: a question where it is a chat, else its first words."""
    first: list[int] = valid.tokens[0][valid.documents[0] == 0].tolist()
    asked = first.index(SPECIAL[ASSISTANT]) + 1 if SPECIAL[ASSISTANT] in first else BEGUN
    return first[:asked]


def write_model(work: Work, model: Decoder, folder: Path) -> None:
    """Write weights, tokenizer and chat template as transformers reads them."""
    save(model, folder, end=SPECIAL[END], pad=SPECIAL[PAD])
    save_tokenizer(work.tokenizer(), folder, window=model.size.window)
