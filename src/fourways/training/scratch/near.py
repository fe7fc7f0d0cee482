"""Near-duplicates among many documents: MinHash over word 5-grams, found by bands (Broder 1997; Lee et al. 2022)."""

import re
import zlib
from collections import defaultdict
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

GRAM, HASHES, BANDS = 5, 128, 32
"""Words of a gram; hashes of a signature; bands of 4: at a likeness of 0.8 a pair is missed once in 10⁷."""
PRIME = (1 << 61) - 1
_WORD = re.compile(r"\w+")
_CHANCE = np.random.default_rng(1)
_A = _CHANCE.integers(1, 1 << 31, HASHES, dtype=np.uint64)
_B = _CHANCE.integers(0, 1 << 31, HASHES, dtype=np.uint64)
_MASK = np.uint64(0xFFFFFFFF)

Signature = NDArray[np.uint64]


def signature_of(text: str) -> Signature:
    """Return a document's signature: the least of each hash over its grams."""
    words = _WORD.findall(text.lower())
    count = max(1, len(words) - GRAM + 1)
    grams = {zlib.crc32(" ".join(words[at : at + GRAM]).encode()) for at in range(count)}
    hashed = np.fromiter(grams, np.uint64, len(grams))
    least = np.full(HASHES, _MASK, np.uint64)
    for at in range(0, len(hashed), 1024):
        mixed = (hashed[at : at + 1024, None] * _A + _B) & np.uint64(PRIME)
        least = np.minimum(least, (mixed & _MASK).min(0))
    return least


def likeness(one: Signature, other: Signature) -> float:
    """Estimate the share of grams that two documents have in common, of those that either has."""
    return float((one == other).mean())


class Seen:
    """Remembers the documents that were kept, and says which of them another is nearly the same as."""

    def __init__(self, near: float) -> None:
        """Take the likeness from which on two are the same."""
        self.near = near
        self._signatures: dict[int, Signature] = {}
        self._bands: defaultdict[tuple[int, bytes], list[int]] = defaultdict(list)

    def like(self, text: str, number: int) -> int | None:
        """Return the number of a document seen before that this is like; else remember it under its own."""
        signature = signature_of(text)
        keys = list(self._keys(signature))
        for other in {other for key in keys for other in self._bands.get(key, ())}:
            if likeness(signature, self._signatures[other]) >= self.near:
                return other
        self._signatures[number] = signature
        for key in keys:
            self._bands[key].append(number)
        return None

    @staticmethod
    def _keys(signature: Signature) -> Iterable[tuple[int, bytes]]:
        each = HASHES // BANDS
        return ((band, signature[band * each : (band + 1) * each].tobytes()) for band in range(BANDS))
