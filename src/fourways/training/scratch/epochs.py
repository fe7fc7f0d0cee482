"""Packed rows of tokens without end, epoch after epoch, each in an order of its own; and the batches made of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from fourways.training.scratch.shards import SKIP, Shards

OPEN = 16
"""Rows that are filled at a time where documents stay whole."""
APART = 64
"""By how much the numbers of a row's documents differ: those in between are for what stands behind one of them."""
PAD = 0
"""What fills a row up; nothing is learned there."""

Span = tuple[int, int, int]
"""A document, and from which of its tokens to which."""


class Epochs(Protocol):
    """The rows of each epoch, decided by a seed: each a list of spans."""

    shards: Shards
    length: int

    def count(self, epoch: int) -> int:
        """Count an epoch's rows."""
        ...

    def spans(self, epoch: int, row: int) -> list[Span]:
        """Return what a row holds."""
        ...


class Stream:
    """Documents one after the other, cut where a row ends: no padding, the rest begins the next row."""

    def __init__(self, shards: Shards, length: int, seed: int) -> None:
        """Take the shards, the tokens of a row, and what decides the order."""
        self.shards, self.length, self.seed = shards, length, seed
        self._epoch = -1

    def count(self, epoch: int) -> int:
        """Count an epoch's rows; what is left at its end, less than a row, is not read in it."""
        del epoch
        return max(1, self.shards.total // self.length)

    def spans(self, epoch: int, row: int) -> list[Span]:
        """Return what a row holds."""
        if epoch != self._epoch:
            self._order = _order(self.shards, self.seed, epoch)
            self._edges = np.concatenate([[0], np.cumsum(self.shards.lengths[self._order])])
            self._epoch = epoch
        first = row * self.length
        last = min(first + self.length, int(self._edges[-1]))
        at = int(np.searchsorted(self._edges, first, "right")) - 1
        found: list[Span] = []
        while at < len(self._order) and self._edges[at] < last:
            begin, end = int(self._edges[at]), int(self._edges[at + 1])
            found.append((int(self._order[at]), max(0, first - begin), min(end, last) - begin))
            at += 1
        return found


class Whole:
    """Documents that stay whole, each in the first open row that has room; what is longer than a row loses its end."""

    def __init__(self, shards: Shards, length: int, seed: int) -> None:
        """Take the shards, the tokens of a row, and what decides the order."""
        self.shards, self.length, self.seed = shards, length, seed
        self._epoch = -1
        self._rows: list[list[Span]] = []

    def count(self, epoch: int) -> int:
        """Count an epoch's rows."""
        self._lay(epoch)
        return len(self._rows)

    def spans(self, epoch: int, row: int) -> list[Span]:
        """Return what a row holds."""
        self._lay(epoch)
        return self._rows[row]

    def _lay(self, epoch: int) -> None:
        if epoch == self._epoch:
            return
        done: list[list[Span]] = []
        going: list[tuple[list[Span], int]] = []
        for document in _order(self.shards, self.seed, epoch).tolist():
            size = min(int(self.shards.lengths[document]), self.length)
            at = next((number for number, (_, room) in enumerate(going) if room >= size), None)
            if at is None:
                if len(going) == OPEN:
                    done.append(going.pop(0)[0])
                going.append(([(document, 0, size)], self.length - size))
            else:
                row, room = going[at]
                row.append((document, 0, size))
                going[at] = row, room - size
        self._rows, self._epoch = done + [row for row, _ in going], epoch


def _order(shards: Shards, seed: int, epoch: int) -> NDArray[np.int64]:
    return np.random.default_rng([seed, epoch]).permutation(len(shards))


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """Rows of a step, all (rows, length): tokens, targets (`SKIP`: none), each position's document (-1: none)."""

    tokens: NDArray[np.int64]
    targets: NDArray[np.int64]
    documents: NDArray[np.int64]

    def parts(self, rows: int) -> Iterator["Packed"]:
        """Yield so many rows at a time."""
        for at in range(0, len(self.tokens), rows):
            part = slice(at, at + rows)
            yield Packed(tokens=self.tokens[part], targets=self.targets[part], documents=self.documents[part])


class Reader:
    """Hands out rows by their number, counted through all epochs."""

    def __init__(self, epochs: Epochs) -> None:
        """Take what decides the rows."""
        self.epochs = epochs
        self._edges = [0]

    def rows(self, first: int, count: int) -> Packed:
        """Return so many rows from one on."""
        length = self.epochs.length
        tokens = np.full((count, length), PAD, np.int64)
        targets = np.full((count, length), SKIP, np.int64)
        documents = np.full((count, length), -1, np.int64)
        for at in range(count):
            start = 0
            for number, (document, begin, end) in enumerate(self._spans(first + at)):
                place = slice(start, start + end - begin)
                tokens[at, place], targets[at, place] = self.epochs.shards.piece(document, begin, end)
                documents[at, place] = number * APART
                start = place.stop
        return Packed(tokens=tokens, targets=targets, documents=documents)

    def _spans(self, row: int) -> list[Span]:
        while self._edges[-1] <= row:
            self._edges.append(self._edges[-1] + self.epochs.count(len(self._edges) - 1))
        epoch = int(np.searchsorted(self._edges, row, "right")) - 1
        return self.epochs.spans(epoch, row - self._edges[epoch])
