"""Rows that are alike: the same, nearly the same by MinHash, or with a long run of words in common. Pure."""

import zlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fourways.models.words import plain_words

HASHES, BANDS = 128, 32
"""Numbers in a signature, and bands of them that are looked up: 32 of 4 find likeness .8 in all but 3 of 10^8 cases."""
SHINGLE = 3
"""Words in a row that count as one; all of a text that has fewer."""
NEAR = 0.8
"""Estimated Jaccard likeness of shingles from which on two texts are nearly the same."""
_PRIME = (1 << 61) - 1
_MOST = np.uint64((1 << 32) - 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Like:
    """A text that is like an earlier one; `likeness` is 1 where the words are the same."""

    number: int
    earlier: int
    likeness: float


def alike(texts: Sequence[str], *, near: float = NEAR) -> tuple[Like, ...]:
    """Find each text that is like an earlier one, with the first that it is like.

    Signatures as Broder (1997), "On the resemblance and containment of documents"; looked up by bands as Leskovec,
    Rajaraman and Ullman, "Mining of Massive Datasets", 3.4. What the signatures propose is compared by its shingles.

    Args:
        texts: compared by their words, without case and punctuation; texts without any word are like no other.
        near: likeness from which on two are reported.
    """
    shingles = [_shingles(text) for text in texts]
    same: dict[bytes, int] = {}
    buckets: dict[tuple[int, bytes], list[int]] = defaultdict(list)
    found: list[Like] = []
    for number, signature in enumerate(_signatures(shingles)):
        if not len(shingles[number]):
            continue
        earlier = same.setdefault(shingles[number].tobytes(), number)
        if earlier != number:
            found.append(Like(number=number, earlier=earlier, likeness=1.0))
            continue
        plain, width = signature.tobytes(), signature.nbytes // BANDS
        keys = [(band, plain[band * width : (band + 1) * width]) for band in range(BANDS)]
        best = _nearest(number, {other for key in keys for other in buckets[key]}, shingles)
        if best is not None and best.likeness >= near:
            found.append(best)
            continue
        for key in keys:
            buckets[key].append(number)
    return tuple(found)


def _nearest(number: int, others: set[int], shingles: Sequence[NDArray[np.uint64]]) -> Like | None:
    best: Like | None = None
    for other in sorted(others):
        shared = len(np.intersect1d(shingles[number], shingles[other], assume_unique=True))
        likeness = shared / (len(shingles[number]) + len(shingles[other]) - shared)
        if best is None or likeness > best.likeness:
            best = Like(number=number, earlier=other, likeness=likeness)
    return best


def _shingles(text: str) -> NDArray[np.uint64]:
    """Return the distinct hashes of a text's runs of words, sorted."""
    words = plain_words(text)
    runs = {" ".join(words[at : at + SHINGLE]) for at in range(max(1, len(words) - SHINGLE + 1))} if words else set()
    return np.array(sorted(zlib.crc32(run.encode()) for run in runs), dtype=np.uint64)


def _signatures(shingles: Sequence[NDArray[np.uint64]]) -> Iterator[NDArray[np.uint64]]:
    """Yield for each set the least value of every hash function: (HASHES,) numbers below 2^32."""
    chance = np.random.default_rng(1)
    factors = chance.integers(1, 1 << 31, HASHES, dtype=np.uint64)[:, None]
    shifts = chance.integers(0, 1 << 31, HASHES, dtype=np.uint64)[:, None]
    for one in shingles:
        if len(one):
            yield (((factors * one[None, :] + shifts) % np.uint64(_PRIME)) & _MOST).min(axis=1)
        else:
            yield np.zeros(HASHES, dtype=np.uint64)


def shared_runs(texts: Sequence[str], others: Sequence[str], words: int) -> list[tuple[int, int]]:
    """Find (text, other) where both hold the same run of so many words; each text once, with the first such other."""
    runs: dict[tuple[str, ...], int] = {}
    for place, other in enumerate(others):
        for run in _runs(plain_words(other), words):
            runs.setdefault(run, place)
    if not runs:
        return []
    firsts = {run[0] for run in runs}
    found = []
    for number, text in enumerate(texts):
        listed = plain_words(text)
        hit = next((runs[run] for run in _runs(listed, words) if run[0] in firsts and run in runs), None)
        if hit is not None:
            found.append((number, hit))
    return found


def _runs(listed: list[str], words: int) -> Iterator[tuple[str, ...]]:
    return (tuple(listed[at : at + words]) for at in range(len(listed) - words + 1))
