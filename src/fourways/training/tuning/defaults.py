"""What a run's own settings leave open, by a table with sources: rate, batch, epochs, rank, length."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any

from fourways.training.runs import Run

RATE_7B = 2e-5
"""Full supervised tuning of 7 billion weights: Alpaca (Taori et al. 2023), Llama 2 chat (Touvron et al. 2023)."""
RATE_SLOPE = 0.4
"""The rate falls with the weights to this power: from 2e-5 at 7 G it passes 1e-4 at 117 M, where GPT (Radford et al.
2018) took 6.25e-5 and BERT (Devlin et al. 2019) 2e-5 to 5e-5 for its largest batch, and 1e-5 at 65 G (LIMA)."""
RATE_MOST = 1e-3
"""No full tuning learns faster, however small the model."""
ADAPTER_RATE = 10.0
"""An adapter's best rate by that of full tuning, over many models and ranks (Schulman et al. 2025, "LoRA Without
Regret"); gives QLoRA's 2e-4 at 7 G (Dettmers et al. 2023)."""
METHOD_RATE: Mapping[str, float] = MappingProxyType({"sft": 1.0, "distill": 1.0, "dpo": 1 / 40, "kto": 1 / 20})
"""By supervised tuning's: DPO 5e-7 at 7 G (Zephyr, Tunstall et al. 2023), KTO 1e-6 at β = 0.1 (trl's documentation)."""
EPOCHS: Mapping[str, tuple[tuple[int, float], ...]] = MappingProxyType(
    {
        "sft": ((60_000, 3.0), (200_000, 2.0), (1 << 62, 1.0)),
        "distill": ((60_000, 3.0), (200_000, 2.0), (1 << 62, 1.0)),
        "dpo": ((20_000, 3.0), (1 << 62, 1.0)),
        "kto": ((20_000, 3.0), (1 << 62, 1.0)),
    }
)
"""Up to so many rows, so many passes: Alpaca took 3 over 52 k (Taori et al. 2023), Zephyr 1 over 200 k and 3 over its
preferences; more than that memorises, which early stopping watches for."""
READER_RATE, READER_BATCH = 2e-4, 16
"""Of a reader, which has but two small heads that are new, and its questions a step at most: docs/decisions/0013."""
STEPS_AN_EPOCH, BATCH_LEAST, BATCH_MOST = 32, 4, 128
"""A batch is a 32nd of the rows, as a power of 2: LIMA (Zhou et al. 2023) took 32 of 1,000, Alpaca 128 of 52,000."""
RANK_LEAST, RANK_MOST, BITS = 8, 128, 2.0
"""An adapter holds about two bits a weight (Allen-Zhu & Li 2024), and text brings about one bit a token: the rank is
the least power of 2 that holds what the rows bring (Schulman et al. 2025)."""
LOOKS = 10
"""Validations and checkpoints a run, at least."""
REPORTS = 1000
"""Lines of a run's report, about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the defaults depend on.

    Attributes:
        parameters: of the base.
        rows: to learn from.
        longest: tokens of the longest row.
        learned: tokens that are learned in one pass.
        window: tokens that the base reads at most.
        per_rank: weights of an adapter of rank 1.
        reader: whether the base only quotes.
    """

    parameters: int
    rows: int
    longest: int
    learned: int
    window: int
    per_rank: int
    reader: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Derived:
    """Every number that a run is trained by, whether it was given or comes from the table."""

    learning_rate: float
    epochs: float
    steps: int
    batch: int
    rank: int
    alpha: float
    length: int
    warmup: int
    validate_every: int
    checkpoint_every: int
    report_every: int

    def plain(self) -> dict[str, Any]:
        """Return it as JSON takes it."""
        return asdict(self)


def derive(run: Run, facts: Facts) -> Derived:
    """Fill in what a run leaves open."""
    hyper, adapters = run.hyper, run.adapter.kind != "full"
    batch = hyper.batch or batch_for(facts.rows, reader=facts.reader)
    epochs = hyper.epochs or next(passes for rows, passes in EPOCHS[run.method] if facts.rows <= rows)
    steps = max(1, math.ceil(epochs * facts.rows / batch))
    steps = min(steps, hyper.max_steps or steps)
    every = max(1, math.ceil(steps / LOOKS))
    return Derived(
        learning_rate=hyper.learning_rate
        or rate_for(run.method, facts.parameters, adapters=adapters, reader=facts.reader),
        epochs=steps * batch / facts.rows if hyper.max_steps else epochs,
        steps=steps,
        batch=batch,
        rank=(run.adapter.r or rank_for(facts.learned, facts.per_rank)) if adapters else 0,
        alpha=run.adapter.alpha if adapters else 0.0,
        length=length_for(hyper.length, facts.window),
        warmup=math.ceil(hyper.warmup * steps),
        validate_every=hyper.validate_every or every,
        checkpoint_every=hyper.checkpoint_every or every,
        report_every=max(1, steps // REPORTS),
    )


def rate_for(method: str, parameters: int, *, adapters: bool, reader: bool = False) -> float:
    """Return the highest learning rate for a method, by the base's weights; a reader's is one for all."""
    if reader:
        return READER_RATE
    full = min(RATE_MOST, RATE_7B * (7e9 / parameters) ** RATE_SLOPE)
    return float(f"{full * METHOD_RATE[method] * (ADAPTER_RATE if adapters else 1.0):.2g}")


def batch_for(rows: int, *, reader: bool = False) -> int:
    """Return the rows of a step."""
    wanted = max(1, rows // STEPS_AN_EPOCH)
    return min(READER_BATCH if reader else BATCH_MOST, max(BATCH_LEAST, 1 << round(math.log2(wanted))))


def rank_for(learned: int, weights_a_rank: int) -> int:
    """Return the rank of adapters that can hold so many learned tokens."""
    needed = learned / (BITS * max(1, weights_a_rank))
    return min(RANK_MOST, max(RANK_LEAST, 1 << math.ceil(math.log2(max(1.0, needed)))))


def length_for(given: int | None, window: int) -> int:
    """Return the tokens that a row may have."""
    return min(given or window, window)
