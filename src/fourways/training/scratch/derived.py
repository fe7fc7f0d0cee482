"""What the dial works with and what it sets: a machine, a text, a model's shape, and all figures that follow."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fourways.training.scratch import scaling


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What training runs on.

    Attributes:
        flops: peak of a bf16 matrix product, FLOP/s, all processes together.
        utilisation: share of it that training reaches.
        watts: rated.
        source: of `flops`.
    """

    name: str
    flops: float
    utilisation: float
    usd_per_hour: float
    watts: float
    source: str

    @property
    def speed(self) -> float:
        """FLOP/s in training."""
        return self.flops * self.utilisation


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """What there is to learn from: documents and chats.

    Attributes:
        characters, chat_characters: of each.
        tokens, chat_tokens: of each, once counted; None to guess from the characters.
    """

    characters: float
    chat_characters: float = 0.0
    tokens: float | None = None
    chat_tokens: float | None = None

    def counted(self, vocabulary: int) -> tuple[float, float]:
        """Return tokens of documents and of chats, guessed where they are not counted."""
        each = scaling.characters_a_token(vocabulary)
        documents = self.characters / each if self.tokens is None else self.tokens
        return documents, self.chat_characters / each if self.chat_tokens is None else self.chat_tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A decoder's measures, and what they come to.

    Attributes:
        head: width of one of the `heads`.
        hidden: of the gated feed-forward.
        length: tokens of a row.
    """

    vocabulary: int
    layers: int
    width: int
    heads: int
    hidden: int
    length: int

    @property
    def head(self) -> int:
        """Width of a head."""
        return self.width // self.heads

    @property
    def matrices(self) -> int:
        """Parameters of the blocks' matrices."""
        return self.layers * (4 * self.width**2 + 3 * self.width * self.hidden)

    @property
    def parameters(self) -> int:
        """All parameters; embedding and output are one matrix."""
        return self.matrices + self.vocabulary * self.width + (2 * self.layers + 1) * self.width

    @property
    def flops_a_token(self) -> float:
        """Forth and back: 6 a parameter that multiplies, the output's matrix counted in, and attention's scores."""
        attention = 12.0 * self.layers * self.length * self.width
        return scaling.FLOPS_A_TOKEN * (self.matrices + self.vocabulary * self.width) + attention


@dataclass(frozen=True, slots=True, kw_only=True)
class Derived:
    """All that the dial sets.

    Attributes:
        tokens: seen in pretraining, repetition counted in; `chat_tokens` in the instruction stage.
        documents: tokens of documents mixed into the instruction stage, by tokens of chats.
        wordings: of each question besides its own.
        batch: tokens a step.
        warmup, decay: shares of a stage's steps in which the rates rise, and fall to zero.
        valid: share of the documents held out.
        flops, seconds, usd, joules: of all stages; an estimate.
        why: for each figure, the rule that it is by.
    """

    shape: Shape
    tokens: int
    epochs: float
    chat_tokens: int
    chat_epochs: float
    documents: float
    wordings: int
    batch: int
    steps: int
    chat_steps: int
    optimizer: str
    muon_rate: float
    adam_rate: float
    warmup: float
    decay: float
    weight_decay: float
    valid: float
    compile: bool
    flops: float
    tokens_per_second: float
    seconds: float
    usd: float
    joules: float
    why: Mapping[str, str]

    def plain(self) -> dict[str, Any]:
        """Return all figures by name, the shape's among them, without their rules: for JSON."""
        measures = ("parameters", "vocabulary", "layers", "width", "heads", "head", "hidden", "length")
        rest = [name for name in self.__dataclass_fields__ if name not in {"shape", "why"}]
        return {name: getattr(self.shape, name) for name in measures} | {name: getattr(self, name) for name in rest}

    def table(self) -> list[tuple[str, str, str]]:
        """Return name, value and rule of each figure, for people."""
        return [(name, _shown(value), self.why.get(name, "")) for name, value in self.plain().items()]


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"  # noqa: PLR2004 - digits that a person reads
    return f"{value:,}" if isinstance(value, int) else str(value)
