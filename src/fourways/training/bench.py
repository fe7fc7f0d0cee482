"""What every tuning program begins and ends with: base, rows and model opened; what came out saved and told."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import torch

from fourways.core.errors import InvalidRequest
from fourways.training import adapters, bases, card, kernels
from fourways.training.answers import Answers
from fourways.training.defaults import Derived, Facts, derive, length_for
from fourways.training.documents import ChatReader, Document
from fourways.training.loop import Clock, Course, Item, Learned, Lesson, Loop
from fourways.training.machine import Machine, this_machine
from fourways.training.masters import Masters
from fourways.training.processes import Group, join
from fourways.training.reading import Reader
from fourways.training.reports import Sink, open_sinks
from fourways.training.rows import Chat, Row, read_rows
from fourways.training.runs import Data, Run
from fourways.training.writing import Writer, last_answer

Kept = TypeVar("Kept")
SHOWN = 48
"""Tokens of a sample at most."""
SCORED = 256
"""Rows of the training set that a saved model is scored by where there are none to validate with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """A run's folder, opened.

    Attributes:
        reader: turns chats into tokens.
        watch: is told each report.
        began: seconds on the wall's and the processor's clock when it was opened.
        packing: whether documents may share a row: not where the base looks back over a window of its own.
    """

    run: Run
    folder: Path
    group: Group
    machine: Machine
    base: bases.Base
    tokenizer: Any
    reader: ChatReader
    packing: bool
    watch: Sequence[Sink]
    began: Clock

    def rows(self, name: str, kind: type[Row]) -> list[Row]:
        """Read the rows of one of the run's files; none where none is named."""
        return read_rows(self.folder / name, kind) if name else []

    @property
    def data(self) -> Data:
        """The run's files."""
        return _data(self.run)

    def answers(self, model: Any) -> Answers:  # noqa: ANN401 - any causal model
        """Return the lesson of supervised tuning for a model."""
        return Answers(Reader(model, self.machine), most=self.run.hyper.micro_tokens, packed=self.packing)

    def general(self) -> list[Document]:
        """Read the general cases: chats, whatever the method learns from."""
        return self.chats(self.data.general)[0]

    def chats(self, name: str) -> tuple[list[Document], dict[str, int]]:
        """Read a file of chats, and count them; what the length has left nothing to learn of is dropped."""
        rows = self.rows(name, Chat)
        read = [document for each in self.reader.read(row.messages for row in rows) for document in each]
        kept = self.some([document for document in read if document.weight], rows, name)
        return kept, {"rows": len(rows), **counts(kept), "dropped": len(read) - len(kept)}

    @staticmethod
    def some(kept: list[Kept], rows: Sequence[Any], name: str) -> list[Kept]:
        """Return what was kept of a file's rows; raises InvalidRequest where the length has left nothing of any."""
        if rows and not kept:
            raise InvalidRequest(f"no row of {name} keeps an answer within the length; right would be a greater length")
        return kept


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """The model that is trained, and the numbers it is trained by."""

    model: Any
    masters: Masters
    numbers: Derived
    sizes: adapters.Sizes

    @property
    def flops_a_token(self) -> float:
        """FLOPs of training on a token: two a weight forward, two for the gradient of its input, two more where the
        weight itself is trained (Kaplan et al. 2020); attention over the context is left out.
        """
        return 4.0 * self.sizes.parameters + 2.0 * self.sizes.trainable


def counts(documents: Sequence[Document]) -> dict[str, int]:
    """Count documents, their tokens, those learned, and how many were cut."""
    return {
        "documents": len(documents),
        "tokens": sum(len(document.tokens) for document in documents),
        "learned": sum(document.weight for document in documents),
        "longest": max((len(document.tokens) for document in documents), default=0),
        "cut": sum(document.cut for document in documents),
    }


def _data(run: Run) -> Data:
    if run.data is None:
        raise InvalidRequest(f"run.toml has no [data]; {run.method} learns from rows, right would be train = a file")
    return run.data


def open_bench(run: Run, folder: Path, watch: Sequence[Sink] = ()) -> Bench:
    """Open what a run names, all but the weights; raises InvalidRequest where something is not fit to be used."""
    began = Clock.now()
    _data(run)
    group = join()
    machine = this_machine(run.hyper.precision, local=group.local)
    base = bases.open_base(run.base, folder, licence=run.licence)
    if run.start:
        adapters.check_adapter(folder / run.start)
    if run.gguf:
        from fourways.training import gguf_export

        gguf_export.check(base.folder)
    tokenizer = bases.load_tokenizer(base)
    length = length_for(run.hyper.length, base.window)
    return Bench(
        run=run,
        folder=folder,
        group=group,
        machine=machine,
        base=base,
        tokenizer=tokenizer,
        reader=ChatReader(tokenizer, length=length),
        packing=run.hyper.packing and not base.config.get("sliding_window"),
        watch=watch,
        began=began,
    )


def make_model(bench: Bench, *, rows: int, read: Mapping[str, int]) -> Made:
    """Load the base's weights and make ready what of them is trained."""
    run = bench.run
    torch.manual_seed(run.seed)
    model = bases.load_model(bench.base, run.adapter.kind, bench.machine.dtype)
    parameters = adapters.sizes_of(model).parameters
    numbers = derive(
        run,
        Facts(
            parameters=parameters,
            rows=rows,
            longest=read["longest"],
            learned=read["learned"],
            window=bench.base.window,
            per_rank=adapters.per_rank(model, run.adapter.targets),
        ),
    )
    if run.adapter.kind != "full":
        start = bench.folder / run.start if run.start else None
        model = (
            adapters.resume_adapter(model, start) if start else adapters.adapt(model, run.adapter, rank=numbers.rank)
        )
    elif run.start:
        model = adapters.merged(model, bench.folder / run.start).requires_grad_(requires_grad=True)
    trainable = adapters.sizes_of(model).trainable
    model = model.to(bench.machine.device)
    kernels.use(model)
    return Made(
        model=model,
        masters=Masters(model, bench.machine.dtype),
        numbers=numbers,
        sizes=adapters.Sizes(parameters=parameters, trainable=trainable),
    )


def teach(
    bench: Bench,
    made: Made,
    lesson_of: Callable[[Any], Lesson[Item]],
    *,
    train: Sequence[Item],
    valid: Sequence[Item],
    more: Mapping[str, Any],
    shown: Document | None = None,
) -> dict[str, Any]:
    """Teach a model a method's lesson, save what comes out, and return the run's result.

    Args:
        lesson_of: makes the lesson for a model: the one that is trained, and the one that was saved.
        train: what is learned from.
        valid: what is watched; empty for nothing.
        more: what the method has to tell besides.
        shown: a chat whose last answer the model writes before and after, to be looked at.
    """
    run = bench.run
    general, answers = bench.general(), bench.answers(made.model)
    course = Course(
        stage=run.method,
        train=train,
        valid=valid,
        general=general,
        numbers=made.numbers,
        hyper=run.hyper,
        seed=run.seed,
        flops_a_token=made.flops_a_token,
        first={**more, "watched": len(valid), "parameters": made.sizes.parameters},
    )
    loop = Loop(
        made.model,
        lesson_of(made.model),
        course,
        masters=made.masters,
        folder=bench.folder,
        machine=bench.machine,
        group=bench.group,
        general=answers,
        sinks=(*bench.watch, *(open_sinks(run.report_to, bench.folder, run) if bench.group.writes else ())),
        began=bench.began,
        sample=partial(_sample, bench, made.model, shown) if shown else None,
    )
    learned = loop.run()

    def score(model: Any) -> float:  # noqa: ANN401 - any causal model
        return mean_loss(lesson_of(model), valid or train[:SCORED])

    return _finish(bench, made, course, learned, score=score, more=more)


def _sample(bench: Bench, model: Any, shown: Document) -> dict[str, str]:  # noqa: ANN401 - any causal model
    """Let a model write a chat's last answer: the end of the prompt, what it says, and what the row says."""
    writer = Writer(model, bench.tokenizer, bench.machine, most=SHOWN, length=bench.base.window)
    at = last_answer(shown)
    prompt = shown.tokens[max(0, at - bench.base.window + SHOWN) : at]
    said = {
        "prompt": prompt[-2 * SHOWN :],
        "answer": writer.write([prompt], temperature=0)[0],
        "row": shown.tokens[at:],
    }
    return {name: str(bench.tokenizer.decode(list(tokens))) for name, tokens in said.items()}


@torch.no_grad()
def mean_loss(lesson: Lesson[Item], items: Sequence[Item]) -> float:
    """Return the mean loss over rows, by this process alone."""
    parts = lesson.lay(items, 0)
    return sum(lesson.loss(part).total.item() for part in parts) / sum(part.weight for part in parts)


def _finish(
    bench: Bench,
    made: Made,
    course: Course[Any],
    learned: Learned,
    *,
    score: Callable[[Any], float],
    more: Mapping[str, Any],
) -> dict[str, Any]:
    """Save what came out, quantized where that is asked for, with its card; return the run's result.

    Args:
        score: returns a model's loss on the rows that it is watched by.
        more: what a method has to tell besides.
    """
    run, state, group = bench.run, learned.state, bench.group
    seconds, cpu = state.seconds, group.sum([state.cpu_seconds])[0]
    whole = run.adapter.kind == "full" or run.merge or bool(run.gguf) or run.quantize != "none"
    result: dict[str, Any] = {
        "method": run.method,
        "adapter": run.adapter.kind,
        "kind": "model" if whole else "adapter",
        "base": {"name": bench.base.name, "digest": bench.base.digest, "licence": bench.base.licence},
        "steps": state.step,
        "tokens": state.tokens,
        "seconds": round(seconds, 2),
        "cpu_seconds": round(cpu, 2),
        "processes": group.size,
        "flops": made.flops_a_token * state.tokens,
        "peak_flops": learned.peak,
        "of_peak": round(made.flops_a_token * state.tokens / max(seconds, 1e-9) / (learned.peak * group.size), 4),
        "parameters": made.sizes.parameters,
        "trainable": made.sizes.trainable,
        "precision": "bf16" if bench.machine.bf16 else "float32",
        "loss": {
            "first": state.first,
            "last": state.last,
            "valid_first": state.valid_first,
            "valid_best": state.valid_best,
        },
        "best_step": state.best_step if course.valid else state.step,
        "stopped": learned.stopped,
        "derived": made.numbers.plain(),
        **more,
    }
    if state.before is not None:
        result["general"] = {"before": state.before, "after": learned.after}
    if group.writes:
        result |= _save(bench, made, result, whole=whole, score=score)
    group.wait()
    return result


def _save(
    bench: Bench, made: Made, result: Mapping[str, Any], *, whole: bool, score: Callable[[Any], float]
) -> dict[str, Any]:
    """Write `model/`, whole or not at all; return what was measured on the way."""
    run, told = bench.run, {}
    part = bench.folder / "model.unfinished"
    shutil.rmtree(part, ignore_errors=True)
    model = made.model
    if run.adapter.kind != "full":
        model.save_pretrained(part)
        adapters.name_base(part, bench.base.name)
    if whole:
        before = score(model) if run.adapter.kind != "full" or run.quantize != "none" or run.gguf else None
        if run.adapter.kind != "full":
            plain = bases.load_model(bench.base, "full", torch.float32)
            model = adapters.merged(plain, part).to(bench.machine.device)
            shutil.rmtree(part)
        model.to(_kept_in(bench.base)).save_pretrained(part)
        bench.tokenizer.save_pretrained(part, save_jinja_files=False)
        told |= _rounded(bench, part, score, before)
        if before is not None:
            told["saved_loss"] = {"before": before, "after": score(bases.load_saved(part, bench.machine))}
    bench.tokenizer.save_pretrained(part, save_jinja_files=False)
    card.write_card(part, run=run, result={**result, **told})
    whole_folder = bench.folder / "model"
    shutil.rmtree(whole_folder, ignore_errors=True)
    part.replace(whole_folder)
    return told


def _rounded(bench: Bench, part: Path, score: Callable[[Any], float], before: float | None) -> dict[str, Any]:
    """Write the saved model in the shorter forms that are asked for; return what they took, and cost."""
    run = bench.run
    told: dict[str, Any] = {}
    if run.gguf:
        from fourways.training import gguf_export

        told["gguf"] = gguf_export.export_gguf(part, run.gguf)
        short = gguf_export.rounded(bases.load_saved(part, bench.machine), run.gguf)
        told["gguf"]["loss"] = {"before": before, "after": score(short)}
    if run.quantize != "none":
        from fourways.training import quantize

        told["quantized"] = quantize.quantize_folder(part, run.quantize)
    return told


def _kept_in(base: bases.Base) -> torch.dtype:
    """Return the format that the base's weights are kept in."""
    named = base.config.get("dtype") or base.config.get("torch_dtype") or "bfloat16"
    return {"float32": torch.float32, "float16": torch.float16}.get(named, torch.bfloat16)
