"""One sync of a knowledge with its sources: list, compare, parse and cut what changed, index it, publish a snapshot.

Everything is written under the number of the snapshot that is being built, which no reader asks for before it is
published. A sync that was killed is gone on with by the next: what has been written is found to be unchanged.
"""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from fourways.config import tree
from fourways.core.data import Document
from fourways.core.errors import Busy
from fourways.core.ids import digest
from fourways.core.trace import Clock
from fourways.knowledge.erase import Eraser
from fourways.knowledge.mirror import Mirror, Moved
from fourways.knowledge.reading import FAILED, KEPT, NEW, TOUCHED, Listed, Reading, read_listed, recipe_of
from fourways.knowledge.search import Run
from fourways.knowledge.sources import open_source
from fourways.store import catalog, shown
from fourways.store.catalog import Place, SnapshotRow, Version
from fourways.store.database import Database

_AT_ONCE = 32
"""Documents read and parsed side by side, and written in one transaction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a sync is: `done` of `total`; `what` says of what, in words for people."""

    done: int
    total: int
    what: str


Report = Callable[[Progress], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncReport:
    """What a sync did.

    Attributes:
        snapshot: the newest published number.
        documents, passages: what it holds.
        denied: documents that the source has and the denylist keeps out.
        failed: why a document could not be read, by uri; its former version, if any, goes on answering.
    """

    snapshot: int
    documents: int
    passages: int
    added: int
    changed: int
    removed: int
    unchanged: int
    denied: int
    failed: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sync:
    """What one sync needs; the caller holds the knowledge's lock.

    Attributes:
        node: the knowledge in the project file.
        folder: the project's.
        run: where blocking calls go.
        now: Unix seconds.
        pinned: the snapshots that somebody counts on.
    """

    place: Place
    node: tree.Knowledge
    folder: Path
    network: Literal["open", "none"]
    database: Database
    mirror: Mirror
    eraser: Eraser
    run: Run
    now: Clock
    pinned: Callable[[], Collection[int]]

    async def __call__(self, report: Report) -> SyncReport:
        """Do it; raises as `Library.sync` says."""
        await self.eraser.drop_denied()
        current = await self.run(self._current)
        listed = await self._list(current, report)
        denied = await self.run(self._denied)
        wanted = [one for uri, one in listed.items() if uri not in denied]
        tally: Counter[str] = Counter()
        failed: dict[str, str] = {}
        for at in range(0, len(wanted), _AT_ONCE):
            some = wanted[at : at + _AT_ONCE]
            report(Progress(done=at, total=len(wanted), what=f"reading {some[0].item.uri}"))
            readings = await self._read(some, current)
            tally.update(_column(one) for one in readings)
            failed |= {one.listed.item.uri: one.error for one in readings if one.kind == FAILED}
        gone = [one for uri, one in current.items() if uri not in listed]
        await self.run(self._retire, gone)
        newest = await self._published(report)
        counts = newest.counts or {}
        return SyncReport(
            snapshot=newest.number,
            documents=counts["documents"],
            passages=counts["passages"],
            added=tally["added"],
            changed=tally["changed"],
            removed=len(gone),
            unchanged=tally["unchanged"],
            denied=len(listed) - len(wanted),
            failed=failed,
        )

    # ------------------------------------------------------------ what there is

    def _current(self) -> dict[str, Version]:
        """Return the versions that nothing has replaced or removed, by uri."""
        with self.database.reading() as connection:
            versions = catalog.versions(connection, self.place)
        return {one.uri: one for one in versions if one.removed_in is None}

    def _denied(self) -> frozenset[str]:
        with self.database.reading() as connection:
            return catalog.denied(connection, self.place)

    async def _list(self, current: Mapping[str, Version], report: Report) -> dict[str, Listed]:
        """List all sources whole; where two have a document of the same name, the first one's counts."""
        known = {uri: one.token for uri, one in current.items() if one.token}
        listed: dict[str, Listed] = {}
        for spec in self.node.sources:
            source = open_source(spec, self.folder, network=self.network, known=known)
            async for item in source.list():
                listed.setdefault(item.uri, Listed(item, source, recipe_of(item, self.node.chunk)))
                if len(listed) % 100 == 1:
                    report(Progress(done=0, total=0, what=f"listing: {len(listed)} documents"))
        return listed

    # ------------------------------------------------------------ what changed

    async def _read(self, some: Sequence[Listed], current: Mapping[str, Version]) -> list[Reading]:
        """Read documents and write what is new of them."""
        readings = await read_listed(some, current, self.place, self.node.chunk)
        if any(one.kind in {NEW, TOUCHED} for one in readings):
            await self.run(self._write, readings)
        return readings

    def _write(self, readings: Sequence[Reading]) -> None:
        """Write documents whole, in one transaction; one that was denied meanwhile is left out."""
        with self.database.transaction() as connection:
            denied = catalog.denied(connection, self.place)
            for one in readings:
                if one.kind == TOUCHED and one.before is not None:
                    catalog.set_token(connection, one.before.id, one.listed.item.token)
            new = [(one, one.document) for one in readings if one.document is not None]
            new = [(one, document) for one, document in new if document.uri not in denied]
            if not new:
                return
            number = catalog.begin(connection, self.place, now=self.now())
            catalog.retire(connection, [one.before for one, _ in new if one.before is not None], number)
            for one, document in new:
                version = _version(one, document, self.place, number)
                catalog.write_version(connection, self.place, version, document, one.passages)
            catalog.close_former(connection, self.place, {document.uri: document.acl for _, document in new})

    def _retire(self, gone: Sequence[Version]) -> None:
        if gone:
            with self.database.transaction() as connection:
                number = catalog.begin(connection, self.place, now=self.now())
                catalog.retire(connection, gone, number)

    # ------------------------------------------------------------ letting readers see it

    async def _published(self, report: Report) -> SnapshotRow:
        """Index what was written, and publish it if there is anything; return the newest snapshot."""
        building = await self.run(self._building)
        await self.mirror.bring_up(embedding(report))
        if building is not None:
            await self.run(self._publish, building)
            await self.eraser.prune(self.node.keep_snapshots, await self.run(self.pinned))
        await self.eraser.drop_denied()
        with suppress(Busy):  # for a deletion that was killed before it came to this; the next sync tries again
            await self.run(self.database.scrub)
        with self.database.reading() as connection:
            return catalog.published(connection, self.place)[-1]

    def _building(self) -> int | None:
        """Return the number that is to be published, None where nothing changed since the last."""
        with self.database.transaction() as connection:
            newest = catalog.published(connection, self.place)[-1:]
            if not newest or (newest[0].counts or {}).get("index") != self.mirror.index.name:
                return catalog.begin(connection, self.place, now=self.now())
            return catalog.building(connection, self.place)

    def _publish(self, number: int) -> None:
        with self.database.transaction() as connection:
            documents = shown.documents_in(connection, self.place, number)
            counts = {
                "documents": len(documents),
                "passages": sum(one.passages for one in documents),
                "index": self.mirror.index.name,
            }
            catalog.publish(connection, self.place, number, counts=counts, now=self.now())


def embedding(report: Report) -> Moved:
    """Return what tells how many passages are embedded."""
    return lambda done, total: report(Progress(done=done, total=total, what="embedding passages"))


def _column(reading: Reading) -> str:
    """Return under which of the report's counts a document falls."""
    if reading.kind == NEW:
        return "added" if reading.before is None else "changed"
    return {KEPT: "unchanged", TOUCHED: "unchanged", FAILED: "failed"}[reading.kind]


def _version(reading: Reading, document: Document, place: Place, number: int) -> Version:
    listed = reading.listed
    name = digest([place.tenant, place.knowledge, document.uri, number, document.content_hash, listed.recipe])
    return Version(
        id=name[:32],
        uri=document.uri,
        added_in=number,
        removed_in=None,
        content_hash=document.content_hash,
        recipe=listed.recipe,
        token=listed.item.token,
        passages=len(reading.passages),
        language=document.language,
        acl=document.acl,
    )
