"""From logits to a token: temperature, top-k, top-p, penalties, a mask; each sequence draws from its own seed."""

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fourways.engine.decoders import Logits

GREEDY = 1e-5
"""A temperature under this takes the likeliest token."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """How a token is drawn, in OpenAI's and vLLM's terms.

    Attributes:
        top_k: 0 for all.
        bias: added to the logits of these tokens.
        top_logprobs: likeliest tokens to report with each token; None reports nothing.
    """

    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    seed: int = 0
    presence: float = 0.0
    frequency: float = 0.0
    bias: Mapping[int, float] = field(default_factory=dict)
    top_logprobs: int | None = None

    @property
    def plain(self) -> bool:
        """Whether it is the logits' maximum and nothing else."""
        return self.temperature < GREEDY and not (self.presence or self.frequency or self.bias)


@dataclass(frozen=True, slots=True, kw_only=True)
class Alternatives:
    """What the model thought of a token: natural logarithms of probabilities, before any change to them."""

    logprob: float
    top: Sequence[tuple[int, float]]


@dataclass(slots=True, kw_only=True, eq=False)
class Sampler:
    """Draws one sequence's tokens."""

    sampling: Sampling
    _random: random.Random = field(init=False)
    _seen: Counter[int] = field(init=False, default_factory=Counter)

    def __post_init__(self) -> None:
        self._random = random.Random(self.sampling.seed)

    def draw(self, row: Logits, allowed: NDArray[np.bool_] | None = None) -> int:
        """Return a token.

        Args:
            row: logits, (vocabulary,); left as it is.
            allowed: the tokens that may come, (vocabulary,); None for all.
        """
        settings = self.sampling
        if settings.plain and allowed is None:
            return int(row.argmax())
        row = self._changed(row, allowed)
        greedy = settings.temperature < GREEDY
        token = int(row.argmax()) if greedy else drawn(row, settings, self._random.random())
        if settings.presence or settings.frequency:
            self._seen[token] += 1
        return token

    def _changed(self, row: Logits, allowed: NDArray[np.bool_] | None) -> Logits:
        settings = self.sampling
        if settings.bias or self._seen or allowed is not None:
            row = row.copy()
        for token, bias in settings.bias.items():
            row[token] += bias
        for token, times in self._seen.items():
            row[token] -= settings.presence + settings.frequency * times
        if allowed is not None:
            row[~allowed[: len(row)]] = -np.inf
        return row


def drawn(row: Logits, settings: Sampling, chance: float) -> int:
    """Draw a token from a softmax at a temperature, from the top k, from the nucleus (Holtzman et al. 2019).

    Args:
        row: logits, (vocabulary,).
        chance: in [0, 1): the place on the cumulated probabilities.
    """
    scaled = (row - row.max()) / np.float32(settings.temperature)
    if settings.top_k or settings.top_p < 1:
        kept = _kept(scaled, settings)
        at = _place(np.exp(scaled[kept]), chance)
        return int(kept[at])
    return _place(np.exp(scaled), chance)


def _kept(scaled: Logits, settings: Sampling) -> NDArray[np.intp]:
    """Return the tokens left by top-k, then by top-p, likeliest first."""
    if 0 < settings.top_k < len(scaled):
        best = np.argpartition(-scaled, settings.top_k - 1)[: settings.top_k]
    else:
        best = np.flatnonzero(scaled > _FLOOR)
    best = best[np.argsort(-scaled[best], kind="stable")]
    weights = np.cumsum(np.exp(scaled[best].astype(np.float64)))
    inside = int(np.searchsorted(weights, settings.top_p * weights[-1])) + 1
    return best[:inside]


_FLOOR = -25.0
"""What is e^25 times less likely than the likeliest token is in no nucleus."""


def _place(weights: NDArray[np.floating], chance: float) -> int:
    cumulated = np.cumsum(weights, dtype=np.float64)
    return min(int(np.searchsorted(cumulated, chance * cumulated[-1], side="right")), len(weights) - 1)


def alternatives(row: Logits, token: int, count: int) -> Alternatives:
    """Return the log-probability of a token and of the `count` likeliest ones."""
    shifted = row.astype(np.float64) - row.max()
    logprobs = shifted - np.log(np.exp(shifted).sum())
    best = np.argpartition(-logprobs, count - 1)[:count] if count else np.empty(0, np.intp)
    best = best[np.argsort(-logprobs[best], kind="stable")]
    return Alternatives(logprob=float(logprobs[token]), top=[(int(at), float(logprobs[at])) for at in best])
