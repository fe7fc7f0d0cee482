"""Direct preference optimization (Rafailov et al. 2023): preferred answers become likelier, the others less so."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from fourways.training.reports import Sink
from fourways.training.rows import Preference
from fourways.training.runs import Run
from fourways.training.tuning.bench import Bench, counts, make_model, open_bench
from fourways.training.tuning.documents import Document
from fourways.training.tuning.loop import Loss, Part
from fourways.training.tuning.packing import lay_together
from fourways.training.tuning.reading import Reader
from fourways.training.tuning.teach import teach


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two answers to one question, and the reference's log-probability of each."""

    chosen: Document
    rejected: Document
    reference: tuple[float, float] = (0.0, 0.0)


def train(run: Run, folder: Path, watch: Sequence[Sink] = ()) -> Mapping[str, Any]:
    """Tune a base on preferences.

    The reference is the model as it was before the first step (with `start`, the base with that adapter); what it says
    of each answer is computed once, so that no second copy of the weights is held.

    Raises:
        InvalidRequest: the base, its template or the rows are not fit to be used.
    """
    bench = open_bench(run, folder, watch)
    pairs, read = read_pairs(bench, bench.data.train)
    valid, _ = read_pairs(bench, bench.data.valid)
    made = make_model(bench, rows=len(pairs), read=read)

    def lesson_of(model: Any) -> Preferences:  # noqa: ANN401 - any causal model
        reader = Reader(model, bench.machine)
        return Preferences(reader, beta=run.hyper.beta, most=run.hyper.micro_tokens, packed=bench.packing)

    before = lesson_of(made.model)
    return teach(
        bench,
        made,
        lesson_of,
        train=before.referred(pairs),
        valid=before.referred(valid),
        more={"data": read},
    )


def read_pairs(bench: Bench, name: str) -> tuple[list[Pair], dict[str, int]]:
    """Read a file of preferences, and count them; a pair of which the length leaves no answer is dropped."""
    rows = bench.rows(name, Preference)
    read = bench.reader.read_answers((row.messages, (row.chosen, row.rejected)) for row in rows)
    pairs = [Pair(chosen=chosen, rejected=rejected) for chosen, rejected in read]
    kept = bench.some([pair for pair in pairs if pair.chosen.weight and pair.rejected.weight], rows, name)
    documents = [each for pair in kept for each in (pair.chosen, pair.rejected)]
    return kept, {"rows": len(rows), **counts(documents), "dropped": len(pairs) - len(kept)}


class Preferences:
    """The lesson: by how much more than the reference the model prefers what was chosen."""

    def __init__(self, reader: Reader, *, beta: float, most: int, packed: bool) -> None:
        """Take the model's reader, β, the tokens to compute on at a time, and whether documents may share a row."""
        self._reader, self._beta, self._most, self._packed = reader, beta, most, packed

    @torch.no_grad()
    def referred(self, pairs: Sequence[Pair]) -> list[Pair]:
        """Return the pairs with what the model, as it is now, says of them."""
        self._reader.model.eval()
        found = list(pairs)
        for part in self.lay(pairs, 0):
            chosen, rejected = self._said(part)
            for at, number in enumerate(part.laid[0]):
                pair, reference = pairs[number], (chosen[at].item(), rejected[at].item())
                found[number] = Pair(chosen=pair.chosen, rejected=pair.rejected, reference=reference)
        return found

    def lay(self, items: Sequence[Pair], seed: int) -> list[Part]:
        """Lay pairs out, both answers of one in the same part."""
        del seed
        laid = lay_together([(each.chosen, each.rejected) for each in items], most=self._most, packed=self._packed)
        return [
            Part(
                laid=(numbers, some, torch.tensor([items[number].reference for number in numbers])),
                weight=len(numbers),
                tokens=some.read,
            )
            for numbers, some in laid
        ]

    def _said(self, part: Part) -> tuple[Tensor, Tensor]:
        """Return the log-probabilities of the chosen and of the rejected answers, (pairs,) each."""
        numbers, laid, _ = part.laid
        both = self._reader.log_probabilities(laid, 2 * len(numbers)).view(-1, 2)
        return both[:, 0], both[:, 1]

    def loss(self, part: Part) -> Loss:
        """Sum the pairs' losses; `preferred` is the share where the chosen answer's reward is the higher one."""
        chosen, rejected = self._said(part)
        reference = part.laid[2].to(chosen.device)
        rewards = self._beta * (chosen - reference[:, 0]), self._beta * (rejected - reference[:, 1])
        return Loss(
            total=dpo_losses(chosen, rejected, reference[:, 0], reference[:, 1], self._beta).sum(),
            more={
                "preferred": (rewards[0] > rewards[1]).sum(),
                "margin": (rewards[0] - rewards[1]).detach().sum(),
                "chosen_log_probability": chosen.detach().sum(),
                "rejected_log_probability": rejected.detach().sum(),
            },
        )


def dpo_losses(
    chosen: Tensor, rejected: Tensor, reference_chosen: Tensor, reference_rejected: Tensor, beta: float
) -> Tensor:
    """Return −log σ(β (log π/π_ref of the chosen − of the rejected)), equation 7 of the paper; all are (pairs,)."""
    return -functional.logsigmoid(beta * ((chosen - reference_chosen) - (rejected - reference_rejected)))
