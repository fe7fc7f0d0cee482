"""The lesson of supervised tuning: the cross-entropy of what the assistant says, over all such tokens of a step."""

from collections.abc import Sequence

from fourways.training.tuning.documents import Document
from fourways.training.tuning.loop import Loss, Part
from fourways.training.tuning.packing import lay
from fourways.training.tuning.reading import Reader


class Answers:
    """Says how well a model says what the assistant says; other methods score general cases by it."""

    def __init__(self, reader: Reader, *, most: int, packed: bool) -> None:
        """Take the model's reader, the tokens to compute on at a time, and whether documents may share a row."""
        self._reader, self._most, self._packed = reader, most, packed

    def lay(self, items: Sequence[Document], seed: int) -> list[Part]:
        """Lay documents into rows."""
        del seed
        return [
            Part(laid=laid, weight=laid.weight, tokens=laid.read)
            for laid in lay(items, most=self._most, packed=self._packed)
        ]

    def loss(self, part: Part) -> Loss:
        """Sum the cross-entropies of the learned tokens (nats)."""
        return Loss(total=self._reader.losses(part.laid).sum())
