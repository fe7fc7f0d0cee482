"""Removing versions of documents from everywhere: database, embedding cache, index, and the disk under them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from fourways.knowledge.index_writing import WritableIndex
from fourways.knowledge.search import Run
from fourways.store import catalog
from fourways.store.catalog import Place, Version
from fourways.store.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletionReport:
    """What was found of a document, and removed.

    Attributes:
        versions: of the document, those of kept snapshots too.
        vectors: cached embeddings; one that another document's equal text uses stays.
    """

    document: str
    versions: int
    passages: int
    vectors: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Eraser:
    """Erases in one knowledge; the caller holds its lock.

    An erasure that was killed is ended by the next sync: rows of the index that the database does not know are
    orphans to it, and a mark in the index's folder says that deleted rows may still lie in files.
    """

    place: Place
    database: Database
    index: WritableIndex
    run: Run

    async def drop(self, gone: Sequence[Version]) -> int:
        """Erase versions; return how many cached vectors went with them."""
        if not gone:
            return 0
        ids = [version.id for version in gone]
        vectors = await self.run(self._drop_rows, ids)
        await self.run(self.index.erase, ids)
        await self.run(self.database.scrub)
        return vectors

    async def drop_denied(self) -> int:
        """Erase what is left of documents on the denylist; return how many versions there were."""
        gone = await self.run(self._denied)
        await self.drop(gone)
        return len(gone)

    async def prune(self, keep: int, pinned: Collection[int]) -> int:
        """Forget all snapshots but the newest `keep` and the pinned ones, and erase what only they showed.

        Returns how many versions were erased.
        """
        gone = await self.run(self._forget, keep, frozenset(pinned))
        await self.drop(gone)
        return len(gone)

    def _drop_rows(self, ids: Sequence[str]) -> int:
        with self.database.transaction() as connection:
            return catalog.drop_versions(connection, ids)

    def _denied(self) -> list[Version]:
        with self.database.reading() as connection:
            denied = catalog.denied(connection, self.place)
            return [one for uri in sorted(denied) for one in catalog.versions(connection, self.place, uri)]

    def _forget(self, keep: int, pinned: frozenset[int]) -> list[Version]:
        with self.database.transaction() as connection:
            numbers = [row.number for row in catalog.published(connection, self.place)]
            kept = {*numbers[-keep:], *(number for number in numbers if number in pinned)}
            catalog.forget(connection, self.place, [number for number in numbers if number not in kept])
            return [one for one in catalog.versions(connection, self.place) if not _shown(one, kept)]


def _shown(version: Version, numbers: Collection[int]) -> bool:
    """Whether a snapshot shows a version, or one still to come will."""
    return version.removed_in is None or any(version.added_in <= one < version.removed_in for one in numbers)
