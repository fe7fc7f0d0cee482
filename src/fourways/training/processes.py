"""Several processes that train one model: each reads its share of a batch, gradients are summed, one of them writes."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor
from torch import distributed as dist

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """This process among those that train together.

    Attributes:
        rank: its number; 0 alone writes.
        size: how many there are.
        local: its number on its machine.
    """

    rank: int = 0
    size: int = 1
    local: int = 0

    @property
    def writes(self) -> bool:
        """Whether this process writes what all have made."""
        return self.rank == 0

    def share(self, items: Sequence[T]) -> Sequence[T]:
        """Return this process's share of a batch, the same whenever it is asked."""
        return items[self.rank :: self.size]

    def sum(self, values: Iterable[float]) -> list[float]:
        """Add numbers up over all processes, each at its place."""
        numbers = torch.tensor(list(values), dtype=torch.float64)
        if self.size > 1:
            dist.all_reduce(numbers)
        return [float(number) for number in numbers]

    def sum_gradients(self, weights: Iterable[Tensor]) -> None:
        """Add up gradients over all processes, all of them in one message; one that has none counts as zero."""
        if self.size == 1:
            return
        trained = list(weights)
        for weight in trained:
            if weight.grad is None:
                weight.grad = torch.zeros_like(weight)
        flat = torch.cat([weight.grad.flatten() for weight in trained if weight.grad is not None])
        dist.all_reduce(flat)
        at = 0
        for weight in trained:
            if weight.grad is not None:
                weight.grad.copy_(flat[at : at + weight.numel()].view_as(weight))
            at += weight.numel()

    def wait(self) -> None:
        """Go on when all processes have come here."""
        if self.size > 1:
            dist.barrier()


def join() -> Group:
    """Join the processes that torchrun, or whatever sets its variables, has started; alone where there are none."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        return Group()
    if not dist.is_initialized():
        dist.init_process_group("cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo")
        if torch.cuda.is_available():
            torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    return Group(rank=dist.get_rank(), size=size, local=int(os.environ.get("LOCAL_RANK", "0")))


def leave() -> None:
    """Leave them."""
    if dist.is_initialized():
        dist.destroy_process_group()
