"""One knowledge of one tenant: synced with its sources, searched, and rid of a document for good."""

import asyncio
import shutil
import time
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import Any, Literal, TypeVar

from fourways.config import tree
from fourways.core.data import Hit
from fourways.core.errors import Busy, NotFound, Unavailable
from fourways.core.ids import DEFAULT_TENANT, TenantId, digest
from fourways.core.trace import Clock
from fourways.knowledge.erase import DeletionReport, Eraser
from fourways.knowledge.index_writing import WritableIndex
from fourways.knowledge.lock import locked
from fourways.knowledge.mirror import Mirror
from fourways.knowledge.search import Question, Rerank, Searcher, check_question
from fourways.knowledge.sync import Progress, Report, Sync, SyncReport, embedding
from fourways.models.embedders import Embedder
from fourways.store import catalog, shown
from fourways.store.catalog import Place, SnapshotRow
from fourways.store.database import Database
from fourways.store.shown import DocumentRow

__all__ = ["DeletionReport", "Library", "Progress", "SyncReport"]

T = TypeVar("T")

_THREADS = 4
"""Blocking calls of one knowledge that run at a time; a search makes two."""

_PATIENCE = 20.0
"""Seconds a deletion waits for a sync that is under way."""


class Library:
    """One knowledge of one tenant.

    Args:
        name: as in the project file.
        node: its node there.
        folder: the project's.
        state: where the index lies.
        database: opened.
        embed: makes vectors; another one means that all is embedded anew at the next sync.
        tenant: whose it is.
        network: the project's `network`.
        rerank: reorders what a search proposes.
        pinned: snapshots that somebody counts on; they are not pruned.
        now: Unix seconds.
    """

    def __init__(
        self,
        name: str,
        node: tree.Knowledge,
        *,
        folder: Path,
        state: Path,
        database: Database,
        embed: Embedder,
        tenant: TenantId = DEFAULT_TENANT,
        network: Literal["open", "none"] = "open",
        rerank: Rerank | None = None,
        pinned: Callable[[], Collection[int]] = frozenset,
        now: Clock = time.time,
    ) -> None:
        self.name, self.node, self.folder = name, node, folder
        self._database, self._embed = database, embed
        self._network, self._pinned, self._now = network, pinned, now
        self._place = Place(tenant=tenant, knowledge=name)
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix=f"knowledge-{name}")
        self._family = f"{name}.{digest(tenant)[:8]}."
        self._index = WritableIndex(state / "index", f"{self._family}{digest(embed.name)[:12]}")
        self._lock = state / "index" / f"{self._family[:-1]}.lock"
        self._eraser = Eraser(place=self._place, database=database, index=self._index, run=self._run)
        self._searcher = Searcher(
            index=self._index,
            database=database,
            place=self._place,
            settings=node.search,
            run=self._run,
            rerank=rerank,
        )

    # ------------------------------------------------------------ reading

    async def search(
        self,
        query: str,
        *,
        labels: Collection[str],
        filters: Mapping[str, Any] | None = None,
        limit: int | None = None,
        snapshot: int | str = "latest",
        settings: tree.Search | None = None,
    ) -> list[Hit]:
        """Return the passages that answer a query best, best first; none where nothing was published yet.

        Args:
            query: in words.
            labels: the ACL labels that the caller may read; passages without labels are everybody's.
            filters: an OpenAI filter object over metadata, `document` (its uri) and `language`.
            limit: passages at most; the knowledge's own limit where None.
            snapshot: a published number, or "latest".
            settings: how to search; as the project file says where None.

        Raises:
            InvalidRequest: the query is empty, the limit out of bounds, the filters are none.
            NotFound: there is no such snapshot.
            Unavailable: the index is being made for another embedding model, or cannot be read.
        """
        limit = self.node.search.limit if limit is None else limit
        text = check_question(query, limit)
        number = await self._run(self._number, snapshot)
        if number is None:
            return []
        (vector,) = await self._embed([text])
        question = Question(
            text=text, vector=vector, labels=frozenset(labels), filters=filters, number=number, limit=limit
        )
        searcher = self._searcher if settings is None else replace(self._searcher, settings=settings)
        return await searcher(question)

    def snapshots(self) -> list[SnapshotRow]:
        """Return the snapshots that may be searched, oldest first."""
        with self._database.reading() as connection:
            return catalog.published(connection, self._place)

    def documents(self, snapshot: int | str = "latest") -> list[DocumentRow]:
        """Return a snapshot's documents, by uri.

        Raises:
            NotFound: there is no such snapshot.
        """
        number = self._number(snapshot, searching=False)
        if number is None:
            return []
        with self._database.reading() as connection:
            return shown.documents_in(connection, self._place, number)

    def _number(self, snapshot: int | str, *, searching: bool = True) -> int | None:
        rows = self.snapshots()
        if searching and rows and (rows[-1].counts or {}).get("index") != self._index.name:
            raise Unavailable(
                f"'{self.name}' was last indexed for another embedding model than {self._embed.name}; "
                "it can be searched when the next sync is done (`fourways ingest`)"
            )
        if snapshot == "latest":
            return rows[-1].number if rows else None
        if not any(row.number == snapshot for row in rows):
            known = ", ".join(str(row.number) for row in rows) or "none"
            raise NotFound(f"'{self.name}' has no snapshot {snapshot}; there is: {known}, and latest")
        return int(snapshot)

    # ------------------------------------------------------------ writing

    async def sync(self, progress: Report = lambda _: None) -> SyncReport:
        """Bring the knowledge up to date with its sources; where nothing changed, no snapshot is made.

        Killed at any point, it is gone on with by the next call, under the same number.

        Args:
            progress: told how far it is.

        Raises:
            Busy: somebody else is writing this knowledge.
            InvalidProject: a path or URL of a source is wrong.
            RefusedAddress: `network: none` forbids a source.
            Unavailable: a source cannot be listed whole, or the embedding model cannot be reached.
        """
        async with self._writing():
            sync = Sync(
                place=self._place,
                node=self.node,
                folder=self.folder,
                network=self._network,
                database=self._database,
                mirror=self._mirror(),
                eraser=self._eraser,
                run=self._run,
                now=self._now,
                pinned=self._pinned,
            )
            report = await sync(progress)
            await self._run(self._clear_others)
            return report

    async def rebuild(self, progress: Report = lambda _: None) -> None:
        """Make the index anew from the database; raises as `sync` does."""
        async with self._writing():
            await self._run(self._index.drop)
            await self._mirror().bring_up(embedding(progress))

    async def delete(self, uri: str, *, reason: str = "deleted") -> DeletionReport:
        """Erase a document for good: it answers no more, its bytes are gone, and no sync brings it back.

        Once this has returned, text, vectors and full-text entries are in no file of the database or the index. Where
        somebody else is writing, the document no longer answers, and their sync erases it.

        Raises:
            NotFound: there is no such document.
            Busy: somebody else is writing this knowledge and does not come to an end.
        """
        found = await self._run(self._deny, uri, reason)
        try:
            async with self._writing(_PATIENCE):
                gone = await self._run(self._versions, uri)
                vectors = await self._eraser.drop(gone)
                if not gone:  # an earlier deletion may have been killed between database and index
                    await self._mirror().bring_up()
                    await self._run(self._database.scrub)
        except Busy as error:
            raise Busy(f"'{uri}' no longer answers; its bytes go when the sync that is under way ends") from error
        return DeletionReport(document=uri, versions=found.versions, passages=found.passages, vectors=vectors)

    def erasable(self, uri: str) -> DeletionReport:
        """Say what `delete` would find, and change nothing.

        Raises:
            NotFound: there is no such document.
        """
        with self._database.reading() as connection:
            versions = catalog.versions(connection, self._place, uri)
            if not versions and uri not in catalog.denied(connection, self._place):
                names = {one.uri for one in catalog.versions(connection, self._place)}
                close = get_close_matches(uri, names, n=1)
                hint = f"did you mean '{close[0]}'?" if close else f"it has {len(names)}; citations show their names"
                raise NotFound(f"'{self.name}' has no document '{uri}'; {hint}")
        passages = sum(one.passages for one in versions)
        return DeletionReport(document=uri, versions=len(versions), passages=passages, vectors=passages)

    def restore(self, uri: str) -> bool:
        """Let a deleted document come back at the next sync; False where it was not deleted."""
        with self._database.transaction() as connection:
            return catalog.allow(connection, self._place, uri)

    def _deny(self, uri: str, reason: str) -> DeletionReport:
        found = self.erasable(uri)
        with self._database.transaction() as connection:
            catalog.deny(connection, self._place, uri, reason=reason, now=self._now())
        return found

    def _versions(self, uri: str) -> list[catalog.Version]:
        with self._database.reading() as connection:
            return catalog.versions(connection, self._place, uri)

    def _mirror(self) -> Mirror:
        return Mirror(
            index=self._index,
            database=self._database,
            place=self._place,
            embed=self._embed,
            run=self._run,
            now=self._now,
        )

    def _clear_others(self) -> None:
        """Remove the indexes of embedding models that are no longer this knowledge's."""
        for folder in self._index.folder.glob(f"{self._family}*.lance"):
            if folder.name != f"{self._index.name}.lance":
                shutil.rmtree(folder, ignore_errors=True)

    def _writing(self, patience: float = 0.0) -> AbstractAsyncContextManager[None]:
        return locked(self._lock, patience=patience)

    async def _run(self, work: Callable[..., T], /, *args: object) -> T:
        """Run what blocks in a thread of this library; a cancelled caller waits for it: no write outlives its lock."""
        future = asyncio.get_running_loop().run_in_executor(self._threads, partial(work, *args))
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            await asyncio.wait([future])
            raise
