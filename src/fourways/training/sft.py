"""Supervised tuning: a base learns to say what the assistant says in chats; all of it, or adapters beside it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from fourways.training.bench import counts, finish, make_model, open_bench
from fourways.training.documents import Document
from fourways.training.loop import Course, Loop, Loss, Part
from fourways.training.packing import lay
from fourways.training.reading import Reader
from fourways.training.reports import open_sinks
from fourways.training.runs import Run


def train(run: Run, folder: Path) -> Mapping[str, Any]:
    """Tune a base on answers.

    Raises:
        InvalidRequest: the base, its template or the rows are not fit to be used.
    """
    bench = open_bench(run, folder)
    data = run.data
    assert data is not None  # noqa: S101 - open_bench has refused a run without
    rows, read = bench.chats(data.train)
    valid, _ = bench.chats(data.valid)
    general = bench.general()
    made = make_model(bench, rows=len(rows), read=read)
    course = Course(
        stage=run.method,
        train=rows,
        valid=valid,
        general=general,
        numbers=made.numbers,
        hyper=run.hyper,
        seed=run.seed,
        flops_a_token=made.flops_a_token,
        first={"data": read, "valid": counts(valid), "parameters": made.sizes.parameters},
    )
    lesson = Answers(Reader(made.model, bench.machine), most=run.hyper.micro_tokens, packed=bench.packing)
    learned = Loop(
        made.model,
        lesson,
        course,
        folder=folder,
        machine=bench.machine,
        group=bench.group,
        general=lesson,
        sinks=open_sinks(run.report_to, folder, run) if bench.group.writes else (),
    ).run()

    def score(model: Any) -> float:  # noqa: ANN401 - any causal model
        fresh = Answers(Reader(model, bench.machine), most=run.hyper.micro_tokens, packed=bench.packing)
        return mean_loss(fresh, valid or rows[:256])

    return finish(bench, made, course, learned, score=score, more={"data": read})


class Answers:
    """The lesson: the cross-entropy of what the assistant says, over all such tokens of a step."""

    def __init__(self, reader: Reader, *, most: int, packed: bool) -> None:
        """Take the model's reader, the tokens to compute on at a time, and whether documents may share a row."""
        self._reader, self._most, self._packed = reader, most, packed

    def lay(self, items: Sequence[Document], seed: int) -> list[Part]:
        """Lay documents into rows."""
        del seed
        return [
            Part(laid=laid, weight=laid.weight, tokens=int((laid.owner >= 0).sum()))
            for laid in lay(items, most=self._most, packed=self._packed)
        ]

    def loss(self, part: Part) -> Loss:
        """Sum the cross-entropies of the learned tokens (nats)."""
        return Loss(total=self._reader.losses(part.laid).sum())


@torch.no_grad()
def mean_loss(lesson: Answers, documents: Sequence[Document]) -> float:
    """Return the mean cross-entropy of learned tokens."""
    parts = lesson.lay(documents, 0)
    total = sum(lesson.loss(part).total.item() for part in parts)
    return float(total / sum(part.weight for part in parts))
