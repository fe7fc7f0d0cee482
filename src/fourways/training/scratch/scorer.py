"""A decoder and its last matrix behind one call: compiled where that pays, sharded over processes where it must be."""

import torch
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor

from fourways.training.decoder import Decoder
from fourways.training.processes import Group


class Scorer(nn.Module):
    """Tokens in, scores of what comes next out, at the positions that are asked for only."""

    def __init__(self, model: Decoder, group: Group, *, compiled: bool = False, sharded: bool = False) -> None:
        """Take a decoder.

        Args:
            model: is changed in place where it is sharded.
            group: that it is sharded over.
            compiled: whether torch compiles it.
            sharded: whether each process keeps a part of the weights, and gathers a block's when it is needed (FSDP2,
                Zhao et al. 2023).
        """
        super().__init__()
        self.model = model
        self.summed = not sharded
        if sharded:
            mesh = init_device_mesh(next(model.parameters()).device.type, (group.size,))
            for block in model.layers:
                fully_shard(block, mesh=mesh)
            fully_shard(self, mesh=mesh)
        self.compiled = torch.compile(model, dynamic=False) if compiled else None

    def forward(self, tokens: Tensor, documents: Tensor, at: Tensor) -> Tensor:
        """Return logits, (len(at), vocabulary), in float32.

        Args:
            tokens, documents: (rows, length), as the decoder takes them.
            at: positions, as numbers into the flattened rows.
        """
        read = self.model if self.compiled is None else self.compiled
        return self.model.scores(read(tokens, documents).flatten(0, 1)[at])


def whole(value: Tensor) -> Tensor:
    """Return a tensor whole; where it is sharded, all processes must ask for it."""
    return value.full_tensor() if isinstance(value, DTensor) else value


def like(value: Tensor, other: Tensor) -> Tensor:
    """Return a whole tensor as another of its shape is kept."""
    if isinstance(other, DTensor) and value.shape == other.shape:
        return distribute_tensor(value.to(other.device), other.device_mesh, other.placements)
    return value.to(other.device)
