"""What generates, seen from the scheduler: rows of tokens in, logits out; slots that keep what was read."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from fourways.engine.adapters import Adapter

Logits = NDArray[np.float32]

BASE = -1
"""The adapter number of the model itself."""


@dataclass(slots=True, kw_only=True)
class Rows:
    """One pass through the model: a row is a token at a place of a slot. A slot's rows stand together, in order.

    Attributes:
        adapters: each row's adapter by its number, `BASE` for none.
        wanted: rows whose logits are asked for.
    """

    tokens: list[int] = field(default_factory=list)
    slots: list[int] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)
    adapters: list[int] = field(default_factory=list)
    wanted: list[int] = field(default_factory=list)

    def add(self, tokens: Sequence[int], *, slot: int, position: int, adapter: int) -> None:
        """Add a run of tokens that begins at a position of a slot."""
        self.tokens += tokens
        self.slots += [slot] * len(tokens)
        self.positions += range(position, position + len(tokens))
        self.adapters += [adapter] * len(tokens)

    def runs(self) -> list[tuple[int, int]]:
        """Return (start, end) of each slot's rows."""
        borders = [at for at in range(1, len(self.slots)) if self.slots[at] != self.slots[at - 1]]
        return list(zip([0, *borders], [*borders, len(self.slots)], strict=True)) if self.slots else []


class Decoder(Protocol):
    """A causal model over slots, each of which keeps keys and values of the tokens it has read. One thread at a time.

    Attributes:
        name: what computes, for people to read.
        build: another wherever the same tokens may give other logits.
        vocabulary: numbers in a row of logits.
        window: tokens a slot holds at most.
        slots: how many sequences run at once.
        reuses: whether a slot can be cut back, or copied from another, at any length.
    """

    name: str
    build: str
    vocabulary: int
    window: int
    slots: int
    reuses: bool

    def forward(self, rows: Rows) -> Logits:
        """Read the rows; returns float32 of shape (len(rows.wanted), vocabulary)."""
        ...

    def keep(self, slot: int, length: int) -> None:
        """Forget a slot's tokens from `length` on."""
        ...

    def copy(self, source: int, target: int, length: int) -> None:
        """Let a slot hold another's first `length` tokens."""
        ...

    def load(self, adapter: "Adapter") -> int:
        """Take an adapter in; returns the number that rows call it by."""
        ...

    def unload(self, number: int) -> None:
        """Let an adapter go that no row uses any more."""
        ...
