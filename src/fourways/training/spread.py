"""Many processes that train one model: as torchrun starts them, each with its share of a step's rows."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
from torch import Tensor, nn

from fourways.core.errors import InvalidRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Which of the processes this is, and what it computes on.

    Attributes:
        rank: from 0; the first alone writes.
        world: how many there are.
    """

    rank: int
    world: int
    device: torch.device

    @property
    def first(self) -> bool:
        """Whether it is the one that writes."""
        return self.rank == 0

    def share(self, rows: int) -> tuple[int, int]:
        """Return the first of its rows of a step, and how many.

        Raises:
            InvalidRequest: they cannot be parted evenly.
        """
        if rows % self.world:
            msg = f"a batch of {rows} rows is not to be parted among {self.world} processes; make it a multiple"
            raise InvalidRequest(msg, param="pretrain.set.batch")
        each = rows // self.world
        return self.rank * each, each

    def total(self, value: Tensor) -> Tensor:
        """Return the sum over all processes."""
        if self.world > 1:
            torch.distributed.all_reduce(value)
        return value

    def wait(self) -> None:
        """Wait for all the others."""
        if self.world > 1:
            torch.distributed.barrier()


@contextmanager
def together() -> Iterator[Place]:
    """Join the other processes, if torchrun started any, for as long as the context lasts."""
    world, rank = int(os.environ.get("WORLD_SIZE", "1")), int(os.environ.get("RANK", "0"))
    cuda = torch.cuda.is_available()
    device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0"))) if cuda else torch.device("cpu")
    if cuda:
        torch.cuda.set_device(device)
    if world == 1:
        yield Place(rank=0, world=1, device=device)
        return
    torch.distributed.init_process_group("nccl" if cuda else "gloo", timeout=timedelta(minutes=30))
    try:
        yield Place(rank=rank, world=world, device=device)
    finally:
        torch.distributed.destroy_process_group()


def sum_gradients(model: nn.Module, place: Place) -> None:
    """Replace each gradient by the sum over all processes: in one message a kind of number."""
    if place.world == 1:
        return
    gradients = [weight.grad for weight in model.parameters() if weight.grad is not None]
    flat = torch.cat([gradient.flatten() for gradient in gradients])
    torch.distributed.all_reduce(flat)
    for gradient, part in zip(gradients, torch.split(flat, [gradient.numel() for gradient in gradients]), strict=True):
        gradient.copy_(part.view_as(gradient))
