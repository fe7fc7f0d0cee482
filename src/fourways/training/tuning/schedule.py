"""Which rows a step reads, and at which rate it learns: functions of the seed and the step alone."""

import math
from collections.abc import Iterator
from functools import lru_cache

import torch

from fourways.training.tuning.defaults import Derived


def batch_at(rows: int, batch: int, seed: int, step: int) -> Iterator[int]:
    """Say which rows a step reads: each pass over them has an order of its own, of seed and number alone."""
    for at in range(step * batch, (step + 1) * batch):
        number, place = divmod(at, rows)
        yield _order(rows, seed, number)[place]


@lru_cache(maxsize=2)
def _order(rows: int, seed: int, number: int) -> list[int]:
    chance = torch.Generator().manual_seed(seed * 1_000_003 + number)
    order: list[int] = torch.randperm(rows, generator=chance).tolist()
    return order


def rate_at(step: int, numbers: Derived, schedule: str) -> float:
    """Return the learning rate of a step, counted from 0: up linearly, then down to zero as the schedule says.

    Cosine: Loshchilov & Hutter 2017.
    """
    if step < numbers.warmup:
        return numbers.learning_rate * (step + 1) / numbers.warmup
    share = (step - numbers.warmup) / max(1, numbers.steps - numbers.warmup)
    falls = {"cosine": 0.5 * (1 + math.cos(math.pi * share)), "linear": 1 - share, "constant": 1.0}
    return numbers.learning_rate * falls[schedule]
