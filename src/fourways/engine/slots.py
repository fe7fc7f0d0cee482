"""Which sequence holds which slot, and what of a new prompt a slot has read already."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field

from fourways.engine.decoders import BASE


@dataclass(slots=True, kw_only=True)
class Slot:
    """A place in the decoder's cache.

    Attributes:
        tokens: what it has read, kept after its sequence has ended.
        adapter: that they were read with.
        used: when it was last given away, as a count.
    """

    number: int
    tokens: list[int] = field(default_factory=list)
    adapter: int = BASE
    busy: bool = False
    used: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a prompt goes: the slot, and how many of its tokens are there once `source`, if any, is copied."""

    slot: Slot
    cached: int
    source: Slot | None = None


class Slots:
    """The decoder's slots, shared out.

    Args:
        reuses: whether what a slot has read may serve another prompt.
    """

    def __init__(self, count: int, *, reuses: bool) -> None:
        self.all = [Slot(number=number) for number in range(count)]
        self._reuses = reuses
        self._given = 0

    def find(self, prompt: Sequence[int], adapter: int) -> Place | None:
        """Give a slot to a prompt, one that begins like it where there is one; None where all are busy.

        At least one token of the prompt is always left to read: its logits are needed.
        """
        free = [slot for slot in self.all if not slot.busy]
        if not free:
            return None
        self._given += 1
        best = max(self.all, key=lambda slot: (self._shared(slot, prompt, adapter), not slot.busy))
        cached = self._shared(best, prompt, adapter)
        oldest = min(free, key=lambda slot: (len(slot.tokens) > 0, slot.used))
        place = Place(slot=oldest, cached=0)
        if cached and not best.busy and cached * 2 >= len(best.tokens):
            place = Place(slot=best, cached=cached)
        elif cached and best is not oldest:
            place = Place(slot=oldest, cached=cached, source=best)
        elif cached:
            place = Place(slot=best, cached=cached)
        slot = place.slot
        slot.tokens, slot.adapter = list(prompt[: place.cached]), adapter
        slot.busy, slot.used = True, self._given
        return place

    def free(self, slot: Slot) -> None:
        """Take a slot back; what it has read stays, for the next prompt that begins like it."""
        slot.busy = False
        if not self._reuses:
            slot.tokens.clear()

    def held(self) -> int:
        """Count the tokens of the sequences that run."""
        return sum(len(slot.tokens) for slot in self.all if slot.busy)

    def _shared(self, slot: Slot, prompt: Sequence[int], adapter: int) -> int:
        if not self._reuses or slot.adapter != adapter or not slot.tokens:
            return 0
        most = min(len(slot.tokens), len(prompt) - 1)
        differ = range(1, most + 1)
        return bisect_left(differ, x=True, key=lambda length: slot.tokens[:length] != list(prompt[:length]))
