"""Lays documents into rows of equal length for the processor: several in a row, none of which sees another."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from fourways.training.tuning.documents import Document

SKIP = -100
"""The target of a position that is not learned."""
ROUND = 8
"""Rows are a multiple of this long: what processors like, and fewer different shapes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Laid:
    """Documents laid into rows; all tensors but `order` are (rows, length).

    Attributes:
        tokens: with padding at the rows' ends.
        targets: the token that is to be said next; `SKIP` where none is learned.
        positions: within the document.
        owner: number of the document, in the order they were given; -1 for padding.
        single: whether each row holds but one, so that no mask is needed.
        weight: tokens learned.
    """

    tokens: Tensor
    targets: Tensor
    positions: Tensor
    owner: Tensor
    single: bool
    weight: int

    @property
    def read(self) -> int:
        """Tokens without padding."""
        return int((self.owner >= 0).sum())

    def mask(self) -> Tensor | None:
        """Return which position sees which, (rows, 1, length, length); None where causality says it all."""
        if self.single:
            return None
        length = self.owner.shape[1]
        causal = torch.ones(length, length, dtype=torch.bool, device=self.owner.device).tril()
        return ((self.owner[:, None, :] == self.owner[:, :, None]) & causal)[:, None]

    def picked(self) -> Tensor:
        """Return the positions at which something is learned, as numbers into the flattened rows."""
        return (self.targets.flatten() != SKIP).nonzero().squeeze(1)

    def to(self, device: torch.device) -> "Laid":
        """Move it."""
        if self.tokens.device == device:
            return self
        return Laid(
            tokens=self.tokens.to(device),
            targets=self.targets.to(device),
            positions=self.positions.to(device),
            owner=self.owner.to(device),
            single=self.single,
            weight=self.weight,
        )


def lay(documents: Sequence[Document], *, most: int, packed: bool = True) -> list[Laid]:
    """Lay documents into as many batches as are needed; what is learned is the same however they lie.

    Args:
        documents: each no longer than `most`, or it gets a batch of its own.
        most: tokens of a batch, padding counted in.
        packed: whether several may share a row (first fit, longest first); else each has one.
    """
    waiting = sorted(range(len(documents)), key=lambda number: -len(documents[number].tokens))
    batches = []
    while waiting:
        length = -(-len(documents[waiting[0]].tokens) // ROUND) * ROUND
        rows: list[list[int]] = []
        room: list[int] = []
        left = []
        for number in waiting:
            need = len(documents[number].tokens)
            at = next((at for at, free in enumerate(room) if packed and free >= need), None)
            if at is not None:
                rows[at].append(number)
                room[at] -= need
            elif (len(rows) + 1) * length <= max(most, length):
                rows.append([number])
                room.append(length - need)
            else:
                left.append(number)
        batches.append(_batch(documents, rows, length))
        waiting = left
    return batches


def lay_together(
    groups: Sequence[Sequence[Document]], *, most: int, packed: bool = True
) -> list[tuple[list[int], Laid]]:
    """Lay groups of documents out so that each lies whole in one batch.

    Args:
        groups: documents that a loss compares.
        most: tokens of a batch, padding not counted in; a larger group gets a batch of its own.
        packed: whether several documents may share a row.

    Returns:
        For each batch the numbers of its groups, and their documents, numbered in the order of the groups.
    """
    order = sorted(range(len(groups)), key=lambda number: -max(len(each.tokens) for each in groups[number]))
    batches: list[list[int]] = []
    room = 0
    for number in order:
        need = sum(len(document.tokens) for document in groups[number])
        if not batches or need > room:
            batches.append([])
            room = most
        batches[-1].append(number)
        room -= need
    every = 1 << 62
    return [
        (numbers, lay([each for number in numbers for each in groups[number]], most=every, packed=packed)[0])
        for numbers in batches
    ]


def _batch(documents: Sequence[Document], rows: Sequence[Sequence[int]], length: int) -> Laid:
    tokens = torch.zeros(len(rows), length, dtype=torch.long)
    targets = torch.full((len(rows), length), SKIP)
    positions = torch.zeros(len(rows), length, dtype=torch.long)
    owner = torch.full((len(rows), length), -1)
    for row, numbers in enumerate(rows):
        at = 0
        for number in numbers:
            document = documents[number]
            ids = torch.tensor(document.tokens)
            end = at + len(ids)
            tokens[row, at:end] = ids
            learned = torch.tensor(document.learned[1:], dtype=torch.bool)
            targets[row, at : end - 1] = torch.where(learned, ids[1:], SKIP)
            positions[row, at:end] = torch.arange(len(ids))
            owner[row, at:end] = number
            at = end
    return Laid(
        tokens=tokens,
        targets=targets,
        positions=positions,
        owner=owner,
        single=all(len(numbers) == 1 for numbers in rows),
        weight=int((targets != SKIP).sum()),
    )
