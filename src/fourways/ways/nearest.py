"""Few-shot by nearness: the examples most like the question, by the meaning of their words."""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from fourways.config.ways import Example
from fourways.models.embedders import Embedder

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class NearestExamples:
    """Chooses the k examples nearest to a question; embeds them all once, when first asked."""

    def __init__(self, examples: Sequence[Example], k: int, embed: Embedder) -> None:
        self.examples = examples
        self.k = k
        self.embed = embed
        self._vectors: NDArray[np.float32] | None = None
        self._once = asyncio.Lock()

    async def __call__(self, question: str) -> list[Example]:
        """Return the k nearest, the nearest last: what stands closest to the question weighs most."""
        async with self._once:
            if self._vectors is None:
                self._vectors = await self.embed([example.input for example in self.examples])
        scores = self._vectors @ (await self.embed([question]))[0]
        order = sorted(range(len(self.examples)), key=lambda number: (float(scores[number]), -number))
        return [self.examples[number] for number in order[-self.k :]]
