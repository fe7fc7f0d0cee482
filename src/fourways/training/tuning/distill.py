"""Distillation: a small model learns from a larger one's distributions (Agarwal et al. 2024), or from its answers."""

import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from fourways.core.errors import InvalidRequest
from fourways.training.reports import Sink
from fourways.training.runs import Distill, Run
from fourways.training.tuning import bases
from fourways.training.tuning.bench import make_model, open_bench
from fourways.training.tuning.documents import Document
from fourways.training.tuning.loop import Loss, Part
from fourways.training.tuning.packing import lay
from fourways.training.tuning.reading import Reader
from fourways.training.tuning.teach import teach
from fourways.training.tuning.writing import Writer


def train(run: Run, folder: Path, watch: Sequence[Sink] = ()) -> Mapping[str, Any]:
    """Tune a base on what a teacher says.

    Without a `teacher` the rows hold its answers, and this is supervised tuning on them.

    Raises:
        InvalidRequest: base, teacher or rows are not fit to be used, or their tokens differ.
    """
    bench = open_bench(run, folder, watch)
    rows, read = bench.chats(bench.data.train)
    valid, _ = bench.chats(bench.data.valid)
    if not run.teacher:
        made = make_model(bench, rows=len(rows), read=read)
        return teach(bench, made, bench.answers, train=rows, valid=valid, more={"data": read}, shown=(valid or rows)[0])
    teacher = bases.open_base(run.teacher, folder, what="teacher", licence=run.licence)
    if bases.load_tokenizer(teacher).get_vocab() != bench.tokenizer.get_vocab():
        raise InvalidRequest(
            f"the teacher {run.teacher} reads other tokens than the base {run.base}, so their distributions cannot be "
            "compared; right would be one of the same family, or rows with its answers and no teacher"
        )
    made = make_model(bench, rows=len(rows), read=read)
    knowing = bases.load_model(teacher, "lora", bench.machine.dtype).to(bench.machine.device).eval()
    knowing.requires_grad_(requires_grad=False)
    knows = Reader(knowing, bench.machine)

    def lesson_of(model: Any) -> Distributions:  # noqa: ANN401 - any causal model
        writer = Writer(model, bench.tokenizer, bench.machine, most=run.distill.new_tokens, length=bench.base.window)
        return Distributions(
            Reader(model, bench.machine),
            knows,
            run.distill,
            writer=writer,
            most=run.hyper.micro_tokens,
            packed=bench.packing,
        )

    told = {"data": read, "teacher": {"name": run.teacher, "digest": teacher.digest, "licence": teacher.licence}}
    return teach(bench, made, lesson_of, train=rows, valid=valid, more=told, shown=(valid or rows)[0])


class Distributions:
    """The lesson: how far the student's distributions are from the teacher's, where the assistant speaks."""

    def __init__(
        self, student: Reader, teacher: Reader, how: Distill, *, writer: Writer, most: int, packed: bool
    ) -> None:
        """Take both readers, how they are compared, who writes the student's answers, and how rows are laid out."""
        self._student, self._teacher, self._how, self._writer = student, teacher, how, writer
        self._most, self._packed = most, packed

    def lay(self, items: Sequence[Document], seed: int) -> list[Part]:
        """Lay documents out; in its share of the training steps, with answers that the student writes now."""
        model: nn.Module = self._student.model
        if model.training and random.Random(seed).random() < self._how.on_policy:
            items = self._writer.answered(items, temperature=self._how.temperature)
        return [
            Part(laid=laid, weight=laid.weight, tokens=laid.read)
            for laid in lay(items, most=self._most, packed=self._packed)
        ]

    def loss(self, part: Part) -> Loss:
        """Sum the divergences of the learned positions (nats)."""
        student = self._student.scores(part.laid)
        with torch.no_grad():
            teacher = self._teacher.scores(part.laid)
        width = min(student.shape[1], teacher.shape[1])
        divergence = jensen_shannon(student[:, :width], teacher[:, :width], self._how.divergence, self._how.temperature)
        return Loss(total=divergence.sum())


def jensen_shannon(student: Tensor, teacher: Tensor, beta: float, temperature: float = 1.0) -> Tensor:
    """Return the generalized Jensen–Shannon divergence, equation 1 of Agarwal et al. 2024.

    β KL(teacher ‖ m) + (1 − β) KL(student ‖ m), where m is the mixture β teacher + (1 − β) student; at 0 it is
    KL(teacher ‖ student), at 1 KL(student ‖ teacher).

    Args:
        student: logits, (positions, vocabulary).
        teacher: the same of the teacher.
        beta: 0 to 1.
        temperature: that both are divided by.

    Returns:
        Nats, (positions,).
    """
    ours = functional.log_softmax(student / temperature, -1)
    theirs = functional.log_softmax(teacher / temperature, -1)
    if beta == 0:
        return _kl(theirs, ours)
    if beta == 1:
        return _kl(ours, theirs)
    mixed = torch.logaddexp(theirs + torch.tensor(beta).log(), ours + torch.tensor(1 - beta).log())
    return beta * _kl(theirs, mixed) + (1 - beta) * _kl(ours, mixed)


def _kl(of: Tensor, to: Tensor) -> Tensor:
    """Return KL(of ‖ to) of log-probabilities, summed over the vocabulary."""
    return (of.exp() * (of - to)).sum(-1)
