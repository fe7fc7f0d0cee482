"""Kahneman–Tversky optimization (Ethayarajh et al. 2024): answers with a thumb up gain, those with one down lose."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from fourways.training.processes import Group
from fourways.training.reports import Sink
from fourways.training.rows import Thumb
from fourways.training.runs import Kto, Run
from fourways.training.tuning.bench import Bench, counts, make_model, open_bench
from fourways.training.tuning.documents import Document
from fourways.training.tuning.loop import Loss, Part
from fourways.training.tuning.packing import lay_together
from fourways.training.tuning.reading import Reader
from fourways.training.tuning.teach import teach


@dataclass(frozen=True, slots=True, kw_only=True)
class Rated:
    """An answer with its thumb; the answer of another row to its question; the reference's log-probability of each."""

    answer: Document
    strange: Document
    up: bool
    reference: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """The paper's λ, and its β."""

    up: float
    down: float
    beta: float


def train(run: Run, folder: Path, watch: Sequence[Sink] = ()) -> Mapping[str, Any]:
    """Tune a base on thumbs. The reference is the model as it was before the first step, as for DPO.

    Raises:
        InvalidRequest: the base, its template or the rows are not fit to be used.
    """
    bench = open_bench(run, folder, watch)
    rated, read = read_rated(bench, bench.data.train)
    valid, _ = read_rated(bench, bench.data.valid)
    made = make_model(bench, rows=len(rated), read=read)
    weights = weights_for(run.kto, ups=read["up"], downs=read["down"], beta=run.hyper.beta)

    def lesson_of(model: Any) -> Thumbs:  # noqa: ANN401 - any causal model
        reader = Reader(model, bench.machine)
        return Thumbs(reader, weights, most=run.hyper.micro_tokens, packed=bench.packing, group=bench.group)

    before = lesson_of(made.model)
    return teach(
        bench,
        made,
        lesson_of,
        train=before.referred(rated),
        valid=before.referred(valid),
        more={"data": read, "weights": {"up": weights.up, "down": weights.down}},
    )


def read_rated(bench: Bench, name: str) -> tuple[list[Rated], dict[str, int]]:
    """Read a file of thumbs, and count them; an answer that the length leaves nothing of is dropped."""
    rows = bench.rows(name, Thumb)
    others = [*rows[1:], *rows[:1]]
    read = bench.reader.read_answers(
        (row.messages, (row.completion, other.completion)) for row, other in zip(rows, others, strict=True)
    )
    rated = [Rated(answer=own, strange=other, up=row.label) for row, (own, other) in zip(rows, read, strict=True)]
    kept = bench.some([each for each in rated if each.answer.weight], rows, name)
    ups = sum(each.up for each in kept)
    told = {"rows": len(rows), **counts([each.answer for each in kept]), "dropped": len(rated) - len(kept)}
    return kept, {**told, "up": ups, "down": len(kept) - ups}


def weights_for(given: Kto, *, ups: int, downs: int, beta: float) -> Weights:
    """Return the weights: those given, else such that both kinds weigh the same in all, the commoner one 1 each."""
    more = max(ups, downs)
    return Weights(
        up=given.up if given.up is not None else more / max(1, ups),
        down=given.down if given.down is not None else more / max(1, downs),
        beta=beta,
    )


class Thumbs:
    """The lesson: how far an answer's reward lies from where the model stands with any answer at all."""

    def __init__(self, reader: Reader, weights: Weights, *, most: int, packed: bool, group: Group) -> None:
        """Take the model's reader, the weights, how rows are laid out, and the processes that share a batch."""
        self._reader, self._weights, self._most, self._packed = reader, weights, most, packed
        self._group = group

    @torch.no_grad()
    def referred(self, rated: Sequence[Rated]) -> list[Rated]:
        """Return the answers with what the model, as it is now, says of them."""
        self._reader.model.eval()
        answers = self._said([each.answer for each in rated])
        strange = self._said([each.strange for each in rated])
        return [replace(each, reference=(own, other)) for each, own, other in zip(rated, answers, strange, strict=True)]

    def _said(self, documents: Sequence[Document]) -> list[float]:
        """Return the log-probability of each document's answer."""
        found = [0.0] * len(documents)
        for numbers, laid in lay_together([(each,) for each in documents], most=self._most, packed=self._packed):
            said = self._reader.log_probabilities(laid, len(numbers))
            for number, value in zip(numbers, said.tolist(), strict=True):
                found[number] = value
        return found

    def lay(self, items: Sequence[Rated], seed: int) -> list[Part]:
        """Lay answers out, with where the model stands now: its divergence from the reference on strange answers."""
        del seed
        with torch.no_grad():
            said = self._said([each.strange for each in items])
        moved = [now - each.reference[1] for now, each in zip(said, items, strict=True)]
        total, count = self._group.sum([sum(moved), len(moved)])
        stand = max(0.0, total / count) if count else 0.0
        return [
            Part(
                laid=(
                    laid,
                    torch.tensor([items[number].reference[0] for number in numbers]),
                    torch.tensor([items[number].up for number in numbers]),
                    stand,
                ),
                weight=len(numbers),
                tokens=laid.read,
            )
            for numbers, laid in lay_together([(each.answer,) for each in items], most=self._most, packed=self._packed)
        ]

    def loss(self, part: Part) -> Loss:
        """Sum the answers' losses."""
        laid, reference, up, stand = part.laid
        said = self._reader.log_probabilities(laid, len(up))
        reward = said - reference.to(said.device)
        up = up.to(said.device)
        gained = self._weights.beta * reward.detach()
        return Loss(
            total=kto_losses(reward, up, stand, self._weights).sum(),
            more={
                "stand": torch.tensor(stand * len(up)),
                "reward_up": gained[up].sum(),
                "reward_down": gained[~up].sum(),
            },
        )


def kto_losses(reward: Tensor, up: Tensor, stand: float, weights: Weights) -> Tensor:
    """Return λ (1 − σ(±β (r − z))), equation 8 of the paper.

    Args:
        reward: r, log π/π_ref of each answer, (answers,).
        up: whether it got a thumb up, (answers,).
        stand: z, the divergence of the model from the reference, no gradient through it.
        weights: λ and β.
    """
    gain = weights.beta * (reward - stand)
    return torch.where(up, weights.up * (1 - gain.sigmoid()), weights.down * (1 - (-gain).sigmoid()))
