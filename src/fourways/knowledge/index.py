"""The reading side of a knowledge's index: vectors and full text in a Lance table, asked what is near or matches.

The database is the system of record; everything in here can be made again from it. Rows belong to a version of a
document and carry the snapshots that show it. Any number of readers in any process: each search sees the newest state
of the table. All of it blocks: call it from a thread.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from fourways.core.errors import Unavailable

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

T = TypeVar("T")

_PROBES = 40
"""Partitions looked into at least: found 98 of 100 true neighbours among 100,000 passages, in 15 ms."""

_CACHE_BYTES = 256 << 20
"""What is kept of an index in memory once it is asked: room for the vectors of 160,000 passages."""


@dataclass(frozen=True, slots=True)
class Held:
    """What the index holds of a version; compare with what the database says."""

    passages: int
    removed_in: int
    acl: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A row that one side of a search proposes, with that side's score: a cosine, or BM25."""

    document: str
    ordinal: int
    row: int
    score: float


class Index:
    """One table in a folder.

    Args:
        folder: where tables lie; made when the first row is written.
        name: of the table; may hold letters, digits, `_`, `-` and `.`.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self.folder, self.name = folder, name

    def held(self) -> dict[str, Held]:
        """Return what there is, by version; `removed_in` is -1 where its rows do not agree."""
        if not self.exists():
            return {}
        import pyarrow as pa

        rows = self._opened.search().select(["document", "removed_in", "acl"]).limit(None).to_arrow()
        counted = pa.TableGroupBy(rows, ["document", "removed_in", "acl"]).aggregate([([], "count_all")])
        held: dict[str, Held] = {}
        for row in counted.to_pylist():
            same, before = Held(row["count_all"], row["removed_in"], row["acl"]), held.get(row["document"])
            held[row["document"]] = same if before is None else Held(before.passages + same.passages, -1, same.acl)
        return held

    def nearest(self, vector: "NDArray[np.float32]", where: str, count: int) -> list[Found]:
        """Return the rows whose vectors are nearest, best first, with their cosines."""

        def look() -> list[Found]:
            query = self._opened.search(vector, vector_column_name="vector").distance_type("dot")
            query = query.minimum_nprobes(_PROBES).maximum_nprobes(0).limit(count).where(where, prefilter=True)
            rows = query.with_row_id(True).select(["document", "ordinal", "_distance"]).to_arrow()
            return list(_founds(rows, [1 - distance for distance in rows["_distance"].to_pylist()]))

        return self._reading(look, [])

    def matching(self, words: str, where: str, count: int) -> list[Found]:
        """Return the rows that share words with a text, best first, with their BM25."""

        def look() -> list[Found]:
            query = self._opened.search(words, query_type="fts", fts_columns="text").limit(count)
            query = query.where(where, prefilter=True).with_row_id(True)
            rows = query.select(["document", "ordinal", "_score"]).to_arrow()
            return sorted(
                _founds(rows, rows["_score"].to_pylist()), key=lambda one: (-one.score, one.document, one.ordinal)
            )

        return self._reading(look, [])

    def cosines(self, vector: "NDArray[np.float32]", found: Sequence[Found]) -> list[float | None]:
        """Return exact cosines of rows found; None for one that was moved or removed since."""
        if not found:
            return []

        def look() -> list[float | None]:
            import numpy as np

            query = self._opened.take_row_ids([one.row for one in found])
            rows = query.select(["document", "ordinal", "vector"]).to_arrow()
            if not rows.num_rows:
                return [None] * len(found)
            matrix = rows["vector"].combine_chunks().flatten().to_numpy().reshape(rows.num_rows, -1)
            names = zip(rows["document"].to_pylist(), rows["ordinal"].to_pylist(), strict=True)
            known = dict(zip(names, (matrix @ np.asarray(vector)).tolist(), strict=True))
            return [known.get((one.document, one.ordinal)) for one in found]

        return self._reading(look, [None] * len(found))

    def exists(self) -> bool:
        """Whether there is a table: one whose making was killed has rows in its folder, and no version of itself."""
        return any(self._place.glob("_versions/*.manifest"))

    @property
    def _place(self) -> Path:
        return self.folder / f"{self.name}.lance"

    # ------------------------------------------------------------ the table

    @cached_property
    def _database(self) -> Any:  # noqa: ANN401 - Lance has no types
        import lancedb

        session = lancedb.Session(index_cache_size_bytes=_CACHE_BYTES, metadata_cache_size_bytes=_CACHE_BYTES // 4)
        return lancedb.connect(str(self.folder), read_consistency_interval=timedelta(0), session=session)

    @cached_property
    def _opened(self) -> Any:  # noqa: ANN401 - the same
        return self._database.open_table(self.name)

    def _forget(self) -> None:
        """Let go of what is open: the table may be another one by now."""
        self.__dict__.pop("_opened", None)
        self.__dict__.pop("_database", None)

    def _reading(self, look: Callable[[], T], empty: T) -> T:
        """Look, and once more where a writer has just replaced the files that were being read."""
        if not self.exists():
            return empty
        try:
            return look()
        except (OSError, RuntimeError, ValueError):
            self._forget()
        try:
            return look()
        except (OSError, RuntimeError, ValueError) as error:
            raise Unavailable(
                f"the index '{self.name}' cannot be read ({error}); `fourways ingest` mends it"
            ) from error


def _founds(rows: "pa.Table", scores: Sequence[float]) -> Iterator[Found]:
    columns = [rows[name].to_pylist() for name in ("document", "ordinal", "_rowid")]
    for document, ordinal, row, score in zip(*columns, scores, strict=True):
        yield Found(document=document, ordinal=ordinal, row=row, score=score)
