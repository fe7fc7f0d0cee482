"""Which number format the model computes in: measured on this machine, and checked against float32."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import torch
from torch import Tensor
from torch.nn import functional

from fourways.core.errors import InvalidRequest
from fourways.engine.tokens import Tokens

Model = TypeVar("Model")

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
SPEEDUP = 1.15
"""bfloat16 is taken where a matrix product is at least this much faster in it."""
PARITY = 0.999
"""Mean cosine with float32's vectors that bfloat16 must reach."""
PROBE = tuple(
    Tokens(ids=[101, *range(first, first + length), 102], whole=length + 2)
    for first, length in ((2000, 24), (2300, 16), (2600, 40), (2900, 9))
)
"""A few short sequences of BERT's word pieces."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen(Generic[Model]):
    """The model in the format that was chosen, and why."""

    model: Model
    reason: str


def choose(
    dtype: str,
    build: Callable[[torch.dtype], Model],
    outputs: Callable[[Model, Sequence[Tokens]], Tensor],
    probe: Sequence[Tokens] = PROBE,
) -> Chosen[Model]:
    """Build the model in the given format, or (`auto`) in the faster one that agrees with float32.

    Args:
        build: makes the model in a format.
        outputs: one row, or one number, for each sequence; or other rows that can be compared.
        probe: what both formats read.

    Raises:
        InvalidRequest: there is no such format.
    """
    if dtype in DTYPES:
        return Chosen(model=build(DTYPES[dtype]), reason=f"{dtype} (asked for)")
    if dtype != "auto":
        raise InvalidRequest(f"there is no dtype '{dtype}'; there is: auto, {', '.join(DTYPES)}", param="dtype")
    plain = build(torch.float32)
    gain = speedup()
    if gain < SPEEDUP:
        return Chosen(model=plain, reason=f"float32 (bfloat16 is {gain:.2f} times as fast here)")
    short = build(torch.bfloat16)
    with torch.inference_mode():
        agreement = likeness(outputs(plain, probe), outputs(short, probe))
    if agreement < PARITY:
        return Chosen(model=plain, reason=f"float32 (bfloat16 agrees with it to {agreement:.5f} only)")
    return Chosen(model=short, reason=f"bfloat16 ({gain:.2f} times as fast here, agrees to {agreement:.5f})")


def likeness(a: Tensor, b: Tensor) -> float:
    """Return the rows' mean cosine; for single numbers, 1 minus the mean distance."""
    if a.dim() == 1:
        return 1 - float((a - b).abs().mean())
    return float(functional.cosine_similarity(a, b).mean())


def speedup(clock: Callable[[], float] = time.thread_time) -> float:
    """Return how many times faster a matrix product of MiniLM's size is in bfloat16 than in float32 (about 30 ms).

    Args:
        clock: CPU seconds of this thread, so that a busy machine does not mislead.
    """
    seconds = {}
    with torch.inference_mode():
        for kind in DTYPES.values():
            x, weight = torch.ones(256, 384, dtype=kind), torch.ones(1536, 384, dtype=kind)
            functional.linear(x, weight)
            times = []
            for _ in range(3):
                start = clock()
                functional.linear(x, weight)
                times.append(clock() - start)
            seconds[kind] = min(times)
    return seconds[torch.float32] / max(seconds[torch.bfloat16], 1e-9)
