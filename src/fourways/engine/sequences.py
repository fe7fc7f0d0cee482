"""One sequence to be generated, and the pieces it comes in. Knows no text and no tensors."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from fourways.core.errors import FourwaysError
from fourways.engine.decoders import BASE
from fourways.engine.drafts import Drafts
from fourways.engine.sampling import Alternatives, Sampler, Sampling
from fourways.engine.slots import Slot

Finish = Literal["stop", "length", "abort"]


class Constraint(Protocol):
    """A grammar on its way through an answer."""

    def allowed(self) -> NDArray[np.bool_]:
        """Return which tokens may come next, (vocabulary,)."""
        ...

    def take(self, token: int) -> bool:
        """Go on by a token; returns whether the answer is complete."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """What a pass brought a sequence: tokens, what the model thought of each if asked, and how it ended if it did."""

    tokens: Sequence[int]
    thoughts: Sequence[Alternatives] = ()
    finish: Finish | None = None
    error: FourwaysError | None = None


@dataclass(slots=True, kw_only=True, eq=False)
class Generation:
    """One sequence to be generated.

    Attributes:
        limit: tokens at most.
        ends: tokens that end it, not delivered.
        least: tokens before one of `ends` may come.
        lead: another of the same prompt, to be read first so that this one finds it in the cache.
        whole: delivered in one piece at its end, for those who do not stream.
        deliver: told each piece, in the event loop's thread.
        cancelled: set by anybody who no longer wants it.
        tokens: the prompt, then what was generated.
        read: how many of them are in the slot.
        cached: how many of the prompt were there to begin with.
    """

    prompt: Sequence[int]
    limit: int
    sampling: Sampling
    ends: frozenset[int]
    deliver: Callable[[Piece], None]
    least: int = 0
    adapter: int = BASE
    lead: "Generation | None" = None
    whole: bool = False
    cancelled: bool = False
    constraint: Constraint | None = field(init=False, default=None)
    tokens: list[int] = field(init=False)
    read: int = field(init=False, default=0)
    cached: int = field(init=False, default=0)
    slot: Slot | None = field(init=False, default=None)
    sampler: Sampler = field(init=False)
    drafts: Drafts | None = field(init=False, default=None)
    thoughts: list[Alternatives] = field(init=False, default_factory=list)
    finish: Finish | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self.tokens = list(self.prompt)
        self.sampler = Sampler(sampling=self.sampling)
        if self.sampling.plain and not self.least:
            self.drafts = Drafts(self.tokens)

    def hold_to(self, constraint: Constraint | None) -> None:
        """Let only tokens come that a grammar allows; nothing is guessed ahead then."""
        if constraint is not None:
            self.constraint, self.drafts = constraint, None

    @property
    def generated(self) -> int:
        """Tokens generated so far."""
        return len(self.tokens) - len(self.prompt)

    @property
    def decoding(self) -> bool:
        """Whether all but its newest token is read."""
        return self.read == len(self.tokens) - 1

    @property
    def readable(self) -> bool:
        """Whether it may start: the one it follows has left its prompt in the cache, or is gone."""
        return self.lead is None or self.lead.finish is not None or self.lead.read >= len(self.lead.prompt)
