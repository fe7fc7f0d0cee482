"""An embedder that remembers for a while: the sentences of a passage that many ask about are embedded once."""

import hashlib
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fourways.core.trace import Clock
from fourways.models.embedders import Embedder

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MOST = 4096
"""Vectors held: 6 MB of 384 dimensions."""
SECONDS = 600.0
"""How long one is held, so that what was erased from the documents is soon gone from here too."""


@dataclass(frozen=True, slots=True)
class _Held:
    vector: "NDArray[np.float32]"
    until: float


class RememberedEmbedder:
    """Asks another embedder only for what it was not asked lately. Texts are held as digests.

    Args:
        embed: the one asked; equal texts must have equal vectors.
        most: vectors held, the oldest give way.
        seconds: how long a vector is held.
        clock: monotonic seconds.
    """

    def __init__(
        self, embed: Embedder, *, most: int = MOST, seconds: float = SECONDS, clock: Clock = time.monotonic
    ) -> None:
        self.name = embed.name
        self._embed, self._most, self._seconds, self._clock = embed, most, seconds, clock
        self._held: OrderedDict[bytes, _Held] = OrderedDict()

    async def __call__(self, texts: Sequence[str]) -> "NDArray[np.float32]":
        """Return the texts' vectors; raises what the other embedder raises."""
        import numpy as np

        self._forget()
        keys = [_key(text) for text in texts]
        known = {key: self._held[key].vector for key in keys if key in self._held}
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
        if missing:
            fresh = await self._embed(list(missing.values()))
            known |= dict(zip(missing, fresh, strict=True))
            until = self._clock() + self._seconds
            self._held.update((key, _Held(known[key].copy(), until)) for key in missing)
        return np.stack([known[key] for key in keys]) if keys else await self._embed(texts)

    def _forget(self) -> None:
        """Drop what is too old or too much, oldest first."""
        now = self._clock()
        while self._held and (len(self._held) > self._most or next(iter(self._held.values())).until <= now):
            self._held.popitem(last=False)


def _key(text: str) -> bytes:
    return hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=16).digest()
