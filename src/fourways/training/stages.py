"""Trains a model from scratch, from a corpus to an assistant: a list of stages, each of which can be gone on from.

`clean → tokenizer → shards → plan → pretrain → instruct → prefer`, as in the training pipeline that Karpathy showed
(Microsoft Build 2023), data first. Each has a folder of its own under `stages/`, with what it made and, written last, a
`stage.json` of what came out: a run that is begun again goes on behind the last of them.
"""

import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch

from fourways.core.errors import InvalidRequest
from fourways.training.asked import Dial
from fourways.training.decoder import Decoder, begin, save
from fourways.training.dial import Derived
from fourways.training.epochs import Packed, Reader, Stream, Whole
from fourways.training.keeping import checkpoints, read_weights, write_weights
from fourways.training.learning import VALIDATED, Journal, Lesson, Schedule, learn
from fourways.training.preparing import clean_stage, plan_stage, shards_stage, tokenizer_stage
from fourways.training.runs import Run
from fourways.training.shards import open_shards
from fourways.training.spread import together
from fourways.training.tokenizer import ASSISTANT, END, PAD, SPECIAL, save_tokenizer
from fourways.training.work import Work
from fourways.training.writing import sampler


def train(run: Run, folder: Path) -> Mapping[str, Any]:
    """Run the stages that have not ended, in order; returns what `result.json` is to hold.

    Raises:
        InvalidRequest: `run.toml` or the data is wrong; says what would be right.
    """
    dial = Dial.read(run.pretrain)
    with together() as place:
        work = Work(run=run, dial=dial, folder=folder, place=place)
        for name, stage in STAGES.items():
            if not work.ended(name):
                work.of(name).mkdir(parents=True, exist_ok=True)
                start = time.perf_counter()
                content = stage(work)
                if place.first:
                    work.end(name, {**content, "stage_seconds": round(time.perf_counter() - start, 3)})
            place.wait()
        return _result(work)


def _pretrain(work: Work) -> Mapping[str, Any]:
    """Learn to say the next token, of everything."""
    derived, shards = work.derived(), work.of("shards")
    model = Decoder(work.size(derived.shape)).to(work.place.device)
    begin(model, work.run.seed)
    train = Reader(Stream(open_shards(shards / "train"), derived.shape.length, work.run.seed))
    schedule = _schedule(work, derived, "pretrain", derived.steps, before=0)
    valid = None
    if (shards / "valid").exists():
        valid = _all_of(Reader(Stream(open_shards(shards / "valid"), derived.shape.length, 0)))
    return _learn(work, model, schedule, train, valid)


def _instruct(work: Work) -> Mapping[str, Any]:
    """Learn to answer: of chats the assistant's turns alone, with documents strewn in so that none is forgotten."""
    derived, shards = work.derived(), work.of("shards")
    if not work.dial.chat or not derived.chat_steps:
        return {"skipped": "there are no chats"}
    model = Decoder(work.size(derived.shape)).to(work.place.device)
    model.load_state_dict(read_weights(work.of("pretrain") / "weights.safetensors"))
    length = derived.shape.length
    train = Reader(Whole(open_shards(shards / "chat"), length, work.run.seed))
    schedule = _schedule(work, derived, "instruct", derived.chat_steps, before=derived.steps)
    valid = _all_of(Reader(Whole(open_shards(shards / "chat_valid"), length, 0))) if work.dial.chat_valid else None
    return _learn(work, model, schedule, train, valid)


def _prefer(work: Work) -> Mapping[str, Any]:
    """Learn to prefer some answers to others (Rafailov et al. 2023)."""
    if not work.dial.preferences:
        return {"skipped": "there are no preferences"}
    raise InvalidRequest("preferences are not learned here yet; right would be a run of method dpo on this model")


BEGUN = 12
"""Tokens of a document that a sample goes on from."""

STAGES: Mapping[str, Callable[[Work], Mapping[str, Any]]] = MappingProxyType(
    {
        "clean": clean_stage,
        "tokenizer": tokenizer_stage,
        "shards": shards_stage,
        "plan": plan_stage,
        "pretrain": _pretrain,
        "instruct": _instruct,
        "prefer": _prefer,
    }
)
"""In order; each returns what its `stage.json` is to hold."""


def _schedule(work: Work, derived: Derived, name: str, steps: int, *, before: int) -> Schedule:
    """Say how a stage is learned, and how often it is told of and kept."""
    hyper = work.run.hyper
    report = max(1, min(25, steps // 20))
    validate = hyper.validate_every or max(report, steps // 8)
    seconds = derived.batch / derived.tokens_per_second
    checkpoint = hyper.checkpoint_every or max(report, round(max(30.0, 0.05 * derived.seconds) / seconds))
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
        report_every=report,
        validate_every=validate,
        checkpoint_every=-(-checkpoint // report) * report,
    )


def _learn(work: Work, model: Decoder, schedule: Schedule, train: Reader, valid: Packed | None) -> Mapping[str, Any]:
    """Learn a stage in its folder and leave its weights there, in float32."""
    torch.set_num_threads(work.made("plan")["threads"])
    kept = work.folder / "checkpoints"
    newest = checkpoints(kept)
    done = int(newest[-1].name.removeprefix("step-")) if newest else 0
    tokenizer = work.tokenizer()
    lesson = Lesson(
        train=train,
        valid=valid,
        checkpoints=kept,
        report=Journal(work.folder / "steps.jsonl", done) if work.place.first else lambda _: None,
        sample=None if valid is None else sampler(tokenizer, _begun(valid)),
    )
    learned = learn(model, schedule, lesson, work.place)
    if work.place.first:
        write_weights(work.of(schedule.name) / "weights.safetensors", model.state_dict())
    return {"steps": schedule.steps, **learned.plain()}


def _begun(valid: Packed) -> list[int]:
    """Return how a text that is not learned begins: a question where it is a chat, else its first words."""
    first: list[int] = valid.tokens[0][valid.documents[0] == 0].tolist()
    asked = first.index(SPECIAL[ASSISTANT]) + 1 if SPECIAL[ASSISTANT] in first else BEGUN
    return first[:asked]


def _all_of(reader: Reader) -> Packed:
    """Return the rows of an epoch, as many as are validated on."""
    return reader.rows(0, min(VALIDATED, reader.epochs.count(0)))


def _result(work: Work) -> Mapping[str, Any]:
    """Write `model/` and gather what `result.json` holds."""
    plan = work.made("plan")
    taught = [name for name in ("pretrain", "instruct") if "skipped" not in work.made(name)]
    made = {name: work.made(name) for name in taught}
    derived = work.derived()
    model = Decoder(work.size(derived.shape))
    model.load_state_dict(read_weights(work.of(taught[-1]) / "weights.safetensors"))
    if work.place.first:
        part = work.folder / "model.part"
        save(model, part, end=SPECIAL[END], pad=SPECIAL[PAD])
        save_tokenizer(work.tokenizer(), part, window=model.size.window)
        shutil.rmtree(work.folder / "model", ignore_errors=True)
        part.replace(work.folder / "model")
    tokens, seconds = (sum(each[name] for each in made.values()) for name in ("tokens", "seconds"))
    flops = tokens * derived.shape.flops_a_token
    return {
        "method": "pretrain",
        "kind": "model",
        "base": {"name": "", "digest": ""},
        "steps": sum(each["steps"] for each in made.values()),
        "tokens": tokens,
        "seconds": seconds,
        "cpu_seconds": sum(each["cpu_seconds"] for each in made.values()),
        "flops": flops,
        "parameters": sum(weight.numel() for weight in model.parameters()),
        "trainable": sum(weight.numel() for weight in model.parameters()),
        "loss": {name: made["pretrain"][name] for name in ("first", "last", "valid_first", "valid_best")},
        "stopped": "end",
        "tokens_per_second": tokens / seconds,
        "peak_flops": plan["peak"],
        "of_peak": flops / seconds / plan["peak"],
        "derived": [list(row) for row in derived.table()],
        "stages": {name: work.made(name) for name in STAGES},
    }
