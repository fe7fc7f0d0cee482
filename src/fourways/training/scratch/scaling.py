"""Published rules by which a model trained from scratch is measured out: each a small pure function with its source."""

import math
from dataclasses import dataclass

FLOPS_A_TOKEN = 6.0
"""A parameter and token, forward and back (Kaplan et al. 2020)."""
TOKENS_A_PARAMETER = 20.0
"""At the best use of computing (Hoffmann et al. 2022)."""
AS_GOOD_AS_NEW = 4.0
"""Epochs up to which a repeated token is worth nearly a new one (Muennighoff et al. 2023)."""
EXPOSURES = 100.0
"""Of a fact, until a parameter holds one bit of such facts (Allen-Zhu & Li 2024, Knowledge Capacity Scaling Laws)."""
BITS_A_CHARACTER = 1.0
"""Of English (Shannon 1951: .6 to 1.3)."""
ASPECT = 64
"""Width by depth: loss hardly depends on it between 30 and 150 (Kaplan et al. 2020, figure 5)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """Loss by parameters and tokens with repetition: Muennighoff et al. 2023, equations 5 and 7, their constants."""

    floor: float = 1.87
    of_parameters: float = 521.0
    of_tokens: float = 1488.0
    exponent: float = 0.353
    repeats: float = 15.39
    excess: float = 5.31

    def loss(self, parameters: float, tokens: float, unique: float) -> float:
        """Predict nats a token of a model that sees `tokens`, of which `unique` are different."""
        read = _worn(tokens, unique, self.repeats)
        wanted = unique / TOKENS_A_PARAMETER
        held = _worn(parameters, wanted, self.excess)
        return (
            self.floor
            + self.of_parameters / math.pow(held, self.exponent)
            + self.of_tokens / math.pow(read, self.exponent)
        )


def _worn(amount: float, fresh: float, lasting: float) -> float:
    """Return what an amount is worth where what exceeds `fresh` counts less and less."""
    if amount <= fresh:
        return amount
    return fresh * (1 + lasting * (1 - math.exp(-(amount / fresh - 1) / lasting)))


def best_parameters(flops: float, unique: float, fit: Fit | None = None) -> float:
    """Return the parameters with the least predicted loss for so many FLOPs and different tokens."""
    law = fit or Fit()
    candidates = [10 ** (3 + step / 50) for step in range(50 * 9)]
    return min(candidates, key=lambda n: law.loss(n, max(1.0, flops / (FLOPS_A_TOKEN * n)), unique))


def knowledge_parameters(characters: float) -> float:
    """Return the parameters that can hold a text, at a bit each."""
    return characters * BITS_A_CHARACTER


def batch_tokens(flops: float) -> float:
    """Return tokens a step: 0.2920·C^0.3271 (Bi et al. 2024, DeepSeek LLM, equation 1), like the noise scale."""
    return 0.2920 * math.pow(flops, 0.3271)


def adam_rate(flops: float) -> float:
    """Return AdamW's highest rate: 0.3118·C^-0.1250 (Bi et al. 2024, DeepSeek LLM, equation 1)."""
    return 0.3118 * math.pow(flops, -0.1250)


def vocabulary_of(parameters: float, width: int) -> float:
    """Return the pieces of a vocabulary that suits so many parameters of blocks (Tao et al. 2024).

    Their law: parameters of the vocabulary grow with the others to the power of 0.83; anchored at their 2.87 B model
    with 43,000 pieces of width 3,072.
    """
    return 43_000 * 3_072 / width * math.pow(parameters / 2.87e9, 0.83)


def depth_of(parameters: float) -> int:
    """Return the blocks of a model whose blocks hold so many parameters: 12·depth·width² of them, width 64 a block."""
    return max(2, round(math.cbrt(parameters / (12 * ASPECT**2))))


def length_of(width: int) -> int:
    """Return the tokens of a row at which attention takes a sixth of what the matrices do: 2·width, in powers of 2.

    Forward, 2·n·width FLOPs a token and block on average, against 24·width² (Kaplan et al. 2020, table 1).
    """
    return min(4096, max(256, 1 << round(math.log2(2 * width))))


def characters_a_token(vocabulary: int) -> float:
    """Guess the characters of a token of English, digits one by one: measured from 1 k to 8 k pieces on handbooks."""
    return min(4.4, 1.1 + 0.66 * math.log2(max(257, vocabulary) / 256))
