"""Has a model write questions about documents; each passage is asked about once, and the reply kept."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from fourways.control.answers_kept import AnswersKept
from fourways.core.ids import TenantId
from fourways.evals.desk import AskModels, Desk, Settings
from fourways.evals.scorers.asking import read_object
from fourways.store.database import Database
from fourways.training.data.grounded import grounded, put, told
from fourways.training.data.making import Pair, Read
from fourways.ways.workshop import Workshop

AT_ONCE = 4
"""Passages that a model is asked about together."""
MOST = 15
"""Pairs that a model is asked for at once: beyond it, models repeat themselves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedOfModels:
    """Pairs written by models; those that do not rest on their passage are left out."""

    workshop: Workshop
    database: Database
    tenant: TenantId

    async def __call__(self, model: str, read: Read, count: int) -> Sequence[Pair]:
        """Return a model's pairs about a document, passage by passage.

        Args:
            model: its name.
            read: the document.
            count: pairs of a passage at most; no model is asked for more than `MOST` at once.

        Raises:
            FourwaysError: there is no such model, or it failed: what was asked so far is kept for the next time.
        """
        bound = asyncio.Semaphore(AT_ONCE)
        async with AnswersKept(database=self.database, tenant=self.tenant, app="") as kept:
            desk = Desk(Settings(temperature=0.0), cache=kept)
            ask = AskModels(desk=desk, open_model=self.workshop.models.answerer, pin=self.workshop.pin_model)

            async def about(number: int) -> list[Pair]:
                async with bound:
                    reply = await ask(model, told(min(count, MOST)), put(read.passages[number]))
                return grounded(read_object(reply, "pairs"), read.passages[number])

            found = await asyncio.gather(*map(about, range(len(read.passages))))
        return [pair for pairs in found for pair in pairs]
