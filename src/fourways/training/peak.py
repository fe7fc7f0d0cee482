"""What the machine can do and what it does: a measured peak of bf16 matrix products, and model FLOPs beside it."""

import time

import torch

from fourways.training.decoder import Decoder

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


def measured_speed(model: Decoder, *, rows: int, length: int, steps: int = 4) -> float:
    """Return tokens a second of a model in training: the fastest of some steps, forth and back, without an optimizer's.

    Args:
        rows, length: of a step.
    """
    device = next(model.parameters()).device
    tokens = torch.randint(5, model.size.vocabulary, (rows, length), device=device)
    best = float("inf")
    for _ in range(steps):
        start = time.perf_counter()
        with torch.autocast(device.type, torch.bfloat16):
            scores = model.scores(model(tokens, torch.zeros_like(tokens)).flatten(0, 1))
        torch.nn.functional.cross_entropy(scores, tokens.flatten()).backward()
        model.zero_grad(set_to_none=True)
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        best = min(best, time.perf_counter() - start)
    return rows * length / best
