"""The trained weights in float32, that the optimizer moves, beside the short ones that the model computes with."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn


class Masters:
    """Keeps a model's trained weights twice: in float32 as masters, and in the format that it computes in.

    As in the mixed precision of PyTorch's FSDP: forward and backward run wholly in bfloat16, gradients are added up and
    weights moved in float32. Where the model computes in float32, masters and weights are the same.
    """

    def __init__(self, model: nn.Module, dtype: torch.dtype) -> None:
        """Take the model; its trained weights, loaded in float32, become the masters."""
        named = [(name, weight) for name, weight in model.named_parameters() if weight.requires_grad]
        self._short: dict[str, Tensor] = dict(named)
        self._same = dtype == torch.float32
        self.weights: dict[str, Tensor] = self._short if self._same else {}
        if not self._same:
            for name, weight in named:
                self.weights[name] = weight.detach().float().clone().requires_grad_()
                weight.data = weight.data.to(dtype)

    def collect(self) -> None:
        """Add the model's gradients to the masters', and clear the model's."""
        if self._same:
            return
        pairs = [(self.weights[name], short) for name, short in self._short.items() if short.grad is not None]
        for master, short in pairs:
            if short.grad is None:
                continue
            if master.grad is None:
                master.grad = short.grad.float()
            else:
                master.grad.add_(short.grad)
            short.grad = None

    @torch.no_grad()
    def spread(self) -> None:
        """Put what the optimizer made of the masters into the model."""
        if not self._same and self.weights:
            torch._foreach_copy_(list(self._short.values()), list(self.weights.values()))

    @torch.no_grad()
    def put(self, weights: Mapping[str, Tensor]) -> None:
        """Copy weights into the masters and the model."""
        for name, weight in weights.items():
            self.weights[name].copy_(weight)
        self.spread()

    def plain(self) -> dict[str, Tensor]:
        """Return the masters without their gradients, as a file takes them."""
        return {name: weight.detach().contiguous() for name, weight in self.weights.items()}
