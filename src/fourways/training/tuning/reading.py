"""A model's scores of what is to be said next, computed only where something is learned."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from fourways.training.machine import Machine
from fourways.training.tuning.packing import Laid


class Reader:
    """Reads laid documents with a causal model of transformers, with or without an adapter of peft around it.

    The last matrix, onto the vocabulary, is often the largest of all: a hook before it lets only those positions
    through at which something is learned.
    """

    def __init__(self, model: nn.Module, machine: Machine) -> None:
        """Take the model."""
        self.model, self._machine = model, machine
        self._at: Tensor | None = None
        head = model.get_output_embeddings()  # type: ignore[operator]
        head.register_forward_pre_hook(self._pick)

    def _pick(self, _: nn.Module, given: tuple[Any, ...]) -> tuple[Any, ...] | None:
        return None if self._at is None else (given[0].flatten(0, 1)[self._at],)

    def scores(self, laid: Laid) -> Tensor:
        """Return logits in float32, (positions at which something is learned, vocabulary), row by row."""
        here = laid.to(self._machine.device)
        self._at = here.picked()
        try:
            out = self.model(
                input_ids=here.tokens, attention_mask=here.mask(), position_ids=here.positions, use_cache=False
            )
        finally:
            self._at = None
        scores: Tensor = out.logits.float()
        return scores

    def losses(self, laid: Laid) -> Tensor:
        """Return the cross-entropy of each learned token, in nats."""
        here = laid.to(self._machine.device)
        return functional.cross_entropy(self.scores(here), here.targets.flatten()[here.picked()], reduction="none")

    def log_probabilities(self, laid: Laid, documents: int) -> Tensor:
        """Return, for each document by its number, the log-probability of all that is learned in it, (documents,)."""
        here = laid.to(self._machine.device)
        owners = here.owner.flatten()[here.picked()]
        sums = torch.zeros(documents, device=self._machine.device)
        return sums.index_add(0, owners, -self.losses(here))
