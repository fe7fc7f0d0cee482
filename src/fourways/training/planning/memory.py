"""What training holds in a GPU's memory: weights, gradients, optimizer, activations; GB are 10⁹ bytes."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from fourways.training.planning.figures import Figure

Checkpointing = Literal["none", "selective", "full"]
"""Which activations are computed once more on the way back, not kept: none, those within attention, all of a layer."""

GB = 1e9
ADAM = 16.0
"""Bytes a trained parameter: 2 weight, 2 gradient, 12 master weight and both moments (Rajbhandari et al. 2020)."""
GRADIENTS_IN_32 = 4.0
"""More of them where gradients are also summed in 32 bits, as Megatron and DeepSpeed can."""
HALF = 2.0
"""Bytes of a frozen weight in bfloat16."""
NF4 = (4 + 0.127) / 8
"""Bytes of a frozen weight in NormalFloat 4 with double quantisation (Dettmers et al. 2023)."""
LOGIT = Figure(
    low=4, likely=10, high=14, source="bytes a logit: kept once in 32 bits, with its gradient, with all copies"
)
RUNTIME = Figure(low=0.5, likely=1.5, high=2.0, source="GB of driver, kernels and buffers: assumed")
SHARED_RUNTIME = Figure(low=1.0, likely=2.5, high=6.0, source="GB of driver, kernels and exchange buffers: assumed")
FRAGMENTED = 1.1
"""The most that allocation wastes, where `high` is meant: assumed."""
TOTAL = "the following, and a runtime of 0.5 to 6 GB; high: 10 % wasted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A dense decoder's shape: what attention, adapters and activations depend on besides the parameters."""

    layers: int
    hidden: int
    vocabulary: int

    @classmethod
    def guessed(cls, parameters: float, vocabulary: int) -> "Shape":
        """Guess from the size: 12·layers·hidden² parameters, hidden = 128·layers, as GPT-3 and Llama 7B/8B about have.

        Loss depends on the shape only weakly (Kaplan et al. 2020).
        """
        hidden = max(1, round((parameters * 128 / 12) ** (1 / 3)))
        return cls(layers=max(1, round(hidden / 128)), hidden=hidden, vocabulary=vocabulary)

    def adapter(self, rank: int) -> float:
        """Return the parameters of low-rank adapters on every matrix of every layer: rank·(in + out) each.

        Four of (hidden, hidden) and two of (hidden, 4·hidden): 18·rank·hidden a layer (Hu et al. 2022).
        """
        return 18.0 * rank * self.hidden * self.layers


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """Bytes that stand in memory for the whole run, for all GPUs together.

    Attributes:
        weights: of the model.
        trained: gradients, optimizer and what else a trained parameter needs besides its weight.
        more: what gradients summed in 32 bits take besides.
    """

    weights: float
    trained: float
    more: float
    source: str

    @classmethod
    def all_trained(cls, parameters: float, shape: Shape, rank: int) -> "Held":
        """Every parameter is trained, with AdamW in mixed precision."""
        del shape, rank
        return cls(
            weights=HALF * parameters,
            trained=(ADAM - HALF) * parameters,
            more=GRADIENTS_IN_32 * parameters,
            source="2 bytes each",
        )

    @classmethod
    def adapted(cls, parameters: float, shape: Shape, rank: int) -> "Held":
        """The model is frozen in 16 bits, adapters are trained."""
        adapter = shape.adapter(rank)
        return cls(
            weights=HALF * parameters,
            trained=ADAM * adapter,
            more=GRADIENTS_IN_32 * adapter,
            source="2 bytes each, frozen",
        )

    @classmethod
    def quantised(cls, parameters: float, shape: Shape, rank: int) -> "Held":
        """The layers are frozen in 4 bits, embedding and output in 16; adapters are trained (Dettmers et al. 2023)."""
        adapter = shape.adapter(rank)
        outer = min(2.0 * shape.vocabulary * shape.hidden, parameters / 2)
        return cls(
            weights=NF4 * (parameters - outer) + HALF * outer,
            trained=ADAM * adapter,
            more=GRADIENTS_IN_32 * adapter,
            source="4.127 bits each, embedding and output 16 (Dettmers)",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """GB on each GPU. `weights` and `trained` are sharded over all GPUs (FSDP, ZeRO-3)."""

    weights: Figure
    trained: Figure
    activations: Figure
    runtime: Figure
    total: Figure

    @property
    def figures(self) -> tuple[Figure, ...]:
        """All of them."""
        return self.weights, self.trained, self.activations, self.runtime, self.total


def _kept(shape: Shape, context: int, checkpointing: Checkpointing) -> float:
    """Return the bytes of activations a token (Korthikanti et al. 2022), heads taken to be 128 wide."""
    layer = 34.0 * shape.hidden
    if checkpointing == "none":
        return shape.layers * (layer + 5.0 * shape.hidden / 128 * context)
    if checkpointing == "selective":
        return shape.layers * layer
    return shape.layers * 2.0 * shape.hidden + layer


KEPT: Mapping[Checkpointing, str] = MappingProxyType(
    {
        "none": "34 bytes·hidden and the attention scores a token and layer",
        "selective": "34 bytes·hidden a token and layer",
        "full": "2 bytes·hidden a token and layer, one layer whole",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What a job puts into memory, however many GPUs share it.

    Attributes:
        context: tokens a sequence.
        micro_batch: sequences a GPU works on at a time.
    """

    held: Held
    shape: Shape
    context: int
    micro_batch: int
    checkpointing: Checkpointing


def memory(load: Load, gpus: int) -> Memory:
    """Return what each of so many GPUs holds."""
    held, shape, alone = load.held, load.shape, gpus == 1
    # With several GPUs, each layer's weights are gathered before they are used, the next one's meanwhile.
    gathered = 0.0 if alone else 2 * held.weights / shape.layers
    weights = Figure.exactly(
        (held.weights / gpus + gathered) / GB,
        held.source if alone else f"{held.source}; sharded, two layers gathered (ZeRO-3, Rajbhandari)",
    )
    trained = Figure(
        low=held.trained / gpus / GB,
        likely=held.trained / gpus / GB,
        high=(held.trained + held.more) / gpus / GB,
        source="AdamW: 16 bytes a trained parameter with its weight (Rajbhandari), 20 at most",
    )
    tokens = load.context * load.micro_batch
    inner = _kept(shape, load.context, load.checkpointing) * tokens
    logits = LOGIT.scaled(tokens * shape.vocabulary, LOGIT.source)
    activations = Figure(
        low=(inner + logits.low) / GB,
        likely=(inner + logits.likely) / GB,
        high=(inner + logits.high) / GB,
        source=f"{KEPT[load.checkpointing]} (Korthikanti), and the logits",
    )
    runtime = RUNTIME if alone else SHARED_RUNTIME
    parts = (weights, trained, activations, runtime)
    total = Figure(
        low=sum(part.low for part in parts),
        likely=sum(part.likely for part in parts),
        high=sum(part.high for part in parts) * FRAGMENTED,
        source=TOTAL,
    )
    return Memory(weights=weights, trained=trained, activations=activations, runtime=runtime, total=total)


def least_gpus(load: Load, room: float) -> int | None:
    """Return how many GPUs of `room` GB it takes at least; None where no number of them is enough.

    Activations are not sharded here: where they alone do not fit, a shorter context, checkpointing or tensor
    parallelism is what helps.
    """
    if memory(load, 1).total.likely <= room:
        return 1
    sharded = (load.held.weights + load.held.trained) / GB
    left = room - (memory(load, 2).total.likely - sharded / 2)
    return max(2, math.ceil(sharded / left)) if left > 0 else None
