"""What this process computes on, in which precision, and how fast that is at its best."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import torch

_SIDE = 1024
"""Of the matrices that the peak is measured with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """A device, and whether models on it compute in bfloat16."""

    device: torch.device
    bf16: bool

    @property
    def dtype(self) -> torch.dtype:
        """What models compute in."""
        return torch.bfloat16 if self.bf16 else torch.float32

    @contextmanager
    def computing(self) -> Iterator[None]:
        """Compute a model of float32 weights by autocast, where bfloat16 is computed in."""
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16):
            yield


def this_machine(precision: Literal["auto", "bf16", "float32"], *, local: int = 0) -> Machine:
    """Return the accelerator with this number, or the processor.

    Whether bfloat16 pays is asked of the hardware, not measured: a run resumed at a busy moment must not change.
    """
    device = torch.device("cuda", local) if torch.cuda.is_available() else torch.device("cpu")
    return Machine(device=device, bf16=_has_bf16(device) if precision == "auto" else precision == "bf16")


def _has_bf16(device: torch.device) -> bool:
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return bool(torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported())  # noqa: SLF001


def measured_peak(machine: Machine) -> float:
    """Return the FLOP/s of the best of a few products of two square matrices: what a training is held against."""
    a = torch.ones(_SIDE, _SIDE, dtype=machine.dtype, device=machine.device)
    best = float("inf")
    for _ in range(8):
        began = time.perf_counter()
        a @ a
        if machine.device.type == "cuda":
            torch.cuda.synchronize(machine.device)
        best = min(best, time.perf_counter() - began)
    return 2.0 * _SIDE**3 / best
