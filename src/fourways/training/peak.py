"""What the machine can do at most: a measured peak of bf16 matrix products, beside which training is held."""

import time

import torch

SIDE, TIMES = 2048, 3
"""Of the square matrices that are multiplied, and how often each probe does so."""


def measured_peak(device: torch.device, *, side: int = SIDE, seconds: float = 0.5) -> float:
    """Return FLOP/s of the fastest bf16 product of square matrices in so many seconds.

    Args:
        device: on which; on CPU with the threads that torch has.
        side: of the matrices.
        seconds: of trying, at least `TIMES` products.
    """
    left = torch.randn(side, side, dtype=torch.bfloat16, device=device)
    right = torch.randn(side, side, dtype=torch.bfloat16, device=device)
    best, until, done = float("inf"), time.perf_counter() + seconds, 0
    while done < TIMES or time.perf_counter() < until:
        start = time.perf_counter()
        product = left @ right
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        best, done = min(best, time.perf_counter() - start), done + 1
        del product
    return 2.0 * side**3 / best
