"""Trains a model from scratch, from a corpus to an assistant: a list of stages, each of which can be gone on from.

`clean → tokenizer → shards → plan → pretrain → instruct → prefer`, as in the training pipeline that Karpathy showed
(Microsoft Build 2023), data first. Each has a folder of its own under `stages/`, with what it made and, written last, a
`stage.json` of what came out: a run that is begun again goes on behind the last of them.
"""

import importlib
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from fourways.training.card import write_card
from fourways.training.decoder import Decoder, begin
from fourways.training.machine import this_machine
from fourways.training.processes import join
from fourways.training.runs import Adapter, Data, Run, write_run
from fourways.training.scratch.asked import Dial
from fourways.training.scratch.epochs import Stream, Whole
from fourways.training.scratch.flex import decoder_for
from fourways.training.scratch.keeping import read_weights
from fourways.training.scratch.preparing import clean_stage, plan_stage, shards_stage, tokenizer_stage
from fourways.training.scratch.shards import open_shards
from fourways.training.scratch.teaching import teach, write_model
from fourways.training.scratch.work import Work


def train(run: Run, folder: Path) -> Mapping[str, Any]:
    """Run the stages that have not ended, in order; returns what `result.json` is to hold.

    Raises:
        InvalidRequest: `run.toml` or the data is wrong; says what would be right.
    """
    dial = Dial.read(run.pretrain)
    group = join()
    machine = this_machine(run.hyper.precision, local=group.local)
    work = Work(run=run, dial=dial, folder=folder, group=group, machine=machine)
    for name, stage in STAGES.items():
        if not work.ended(name):
            work.of(name).mkdir(parents=True, exist_ok=True)
            start = time.perf_counter()
            content = stage(work)
            if group.writes:
                work.end(name, {**content, "stage_seconds": round(time.perf_counter() - start, 3)})
        group.wait()
    result = _result(work)
    if group.writes:
        _publish(work, result)
    return result


def _pretrain(work: Work) -> Mapping[str, Any]:
    """Learn to say the next token, of everything."""
    derived, shards = work.derived(), work.of("shards")
    model = decoder_for(work.size(derived.shape), work.machine.device)
    begin(model, work.run.seed)
    model.to(work.machine.device)
    length = derived.shape.length
    train = Stream(open_shards(shards / "train"), length, work.run.seed)
    valid = Stream(open_shards(shards / "valid"), length, 0) if (shards / "valid").exists() else None
    return teach(work, "pretrain", model, train, valid)


def _instruct(work: Work) -> Mapping[str, Any]:
    """Learn to answer: of chats the assistant's turns alone, with documents strewn in so that none is forgotten."""
    derived, shards = work.derived(), work.of("shards")
    if not work.dial.chat or not derived.chat_steps:
        return {"skipped": "there are no chats"}
    model = _taught(work, "pretrain")
    length = derived.shape.length
    train = Whole(open_shards(shards / "chat"), length, work.run.seed)
    valid = Whole(open_shards(shards / "chat_valid"), length, 0) if work.dial.chat_valid else None
    return teach(work, "instruct", model, train, valid)


def _prefer(work: Work) -> Mapping[str, Any]:
    """Learn to prefer some answers to others: the DPO program (Rafailov et al. 2023) on what was made so far."""
    if not work.dial.preferences:
        return {"skipped": "there are no preferences"}
    folder = work.of("prefer")
    run = Run(
        method="dpo",
        base=str(folder / "base"),
        seed=work.run.seed,
        adapter=Adapter(kind="full"),
        data=Data(train=str((work.folder / work.dial.preferences).resolve())),
        hyper=work.run.hyper,
        licence=_licence(work),
    )
    if work.group.writes and not (folder / "run.toml").exists():
        write_model(work, _taught(work, _last(work)), folder / "base")
        write_run(run, folder)
    work.group.wait()
    made: Mapping[str, Any] = importlib.import_module("fourways.training.tuning.dpo").train(run, folder)
    return made


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


def _last(work: Work) -> str:
    """Return the last stage of ours that was taught."""
    return "pretrain" if "skipped" in work.made("instruct") else "instruct"


def _taught(work: Work, stage: str) -> Decoder:
    """Return the model that a stage left."""
    model = decoder_for(work.size(work.derived().shape), work.machine.device)
    model.load_state_dict(read_weights(work.of(stage) / "weights.safetensors"))
    return model.to(work.machine.device)


def _licence(work: Work) -> str:
    """Return what the run says of the licence; else that it is none of the usual: the texts' owner says."""
    return work.run.licence or "other"


def _publish(work: Work, result: Mapping[str, Any]) -> None:
    """Write `model/` with its card, whole or not at all."""
    part = work.folder / "model.unfinished"
    shutil.rmtree(part, ignore_errors=True)
    if "skipped" in work.made("prefer"):
        write_model(work, _taught(work, _last(work)), part)
    else:
        shutil.copytree(work.of("prefer") / "model", part)
    write_card(part, run=work.run, result=result)
    shutil.rmtree(work.folder / "model", ignore_errors=True)
    part.replace(work.folder / "model")


def _result(work: Work) -> Mapping[str, Any]:
    """Gather what `result.json` holds."""
    plan, derived = work.made("plan"), work.derived()
    made = {name: work.made(name) for name in ("pretrain", "instruct", "prefer")}
    made = {name: each for name, each in made.items() if "skipped" not in each}
    steps, tokens = (sum(each[name] for each in made.values()) for name in ("steps", "tokens"))
    seconds, cpu_seconds = (sum(each[name] for each in made.values()) for name in ("seconds", "cpu_seconds"))
    flops = tokens * derived.shape.flops_a_token
    first = made["pretrain"]
    return {
        "method": "pretrain",
        "kind": "model",
        "base": {"name": "", "digest": "", "licence": _licence(work)},
        "steps": steps,
        "tokens": tokens,
        "seconds": seconds,
        "cpu_seconds": cpu_seconds,
        "flops": flops,
        "parameters": derived.shape.parameters,
        "trainable": derived.shape.parameters,
        "loss": {name: first[name] for name in ("first", "last", "valid_first", "valid_best")},
        "stopped": "end",
        "tokens_per_second": tokens / seconds,
        "peak_flops": plan["peak"],
        "of_peak": flops / seconds / plan["peak"],
        "derived": derived.plain(),
        "why": dict(derived.why),
        "data": _data(work),
        "stages": {name: work.made(name) for name in STAGES},
    }


def _data(work: Work) -> Mapping[str, Any]:
    """Say what was learned from, for the card."""
    cleaned, shards = work.made("clean"), work.made("shards")
    counted: dict[str, Any] = {name: shards.get(name, 0) for name in ("documents", "tokens", "held_out", "chats")}
    return {**counted, "dropped": sum(cleaned["dropped"].values()), "masked": sum(cleaned["masked"].values())}
