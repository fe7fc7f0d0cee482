"""The writing side of a knowledge's index: rows added, changed, and erased down to the disk; full text and partitions.

One writer at a time: the caller sees to that. All of it blocks: call it from a thread.
"""

import shutil
import warnings
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fourways.knowledge.filters import facts, quoted, sizes, tokens
from fourways.knowledge.index import Index

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

ALIVE = 2**53
"""`removed_in` of what no snapshot has removed."""

APPROXIMATE = 16_384
"""Rows from which vectors are found through a partitioned index: reading them all costs 1.6 µs a row."""

_GROWN = 0.5
"""Share of rows that the partitions were not made for, above which they are made anew."""

_LINGER = timedelta(minutes=1)
"""How long older states of the table stay for readers that are at them, where nothing is to be erased."""

_REWRITTEN_AT_ONCE = 8192

_LANGUAGES = {
    "ar": "Arabic",
    "da": "Danish",
    "de": "German",
    "el": "Greek",
    "en": "English",
    "es": "Spanish",
    "fi": "Finnish",
    "fr": "French",
    "hu": "Hungarian",
    "it": "Italian",
    "nl": "Dutch",
    "no": "Norwegian",
    "pt": "Portuguese",
    "ro": "Romanian",
    "ru": "Russian",
    "sv": "Swedish",
    "ta": "Tamil",
    "tr": "Turkish",
}
"""Languages whose words can be cut to their stems; others are indexed word by word."""

_NO_SPACES = frozenset({"zh", "ja", "th", "km", "lo", "my"})
"""Languages written without spaces: a dictionary finds their words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A passage to be indexed.

    Attributes:
        document: id of the version it belongs to.
        text: what full text finds it by.
        vector: float32, of unit length.
        removed_in: `ALIVE` where nothing removed it.
    """

    document: str
    ordinal: int
    text: str
    vector: "NDArray[np.float32]"
    acl: frozenset[str]
    metadata: Mapping[str, Any]
    added_in: int
    removed_in: int = ALIVE


class WritableIndex(Index):
    """An index for the one who may write it."""

    def add(self, entries: Sequence[Entry]) -> None:
        """Add rows."""
        if not entries:
            return
        rows = _arrow(entries)
        if self.exists():
            self._opened.add(rows)
        else:
            shutil.rmtree(self._place, ignore_errors=True)  # what a killed one left behind
            self.folder.mkdir(parents=True, exist_ok=True)
            self._database.create_table(self.name, rows)

    def change(self, changes: Mapping[str, tuple[int, frozenset[str]]]) -> None:
        """Set `removed_in` and the readers of versions."""
        table = self._opened
        for ids in _batches(list(changes), 200):
            for rows in _rows(table, f"document IN ({quoted(ids)})"):
                values = [changes[each] for each in rows["document"].to_pylist()]
                ended = _with(rows, "removed_in", [removed_in for removed_in, _ in values])
                closed = _with(ended, "acl", [tokens(acl) for _, acl in values])
                table.merge_insert("key").when_matched_update_all().execute(closed)

    def erase(self, documents: Collection[str]) -> None:
        """Remove versions from the table, from the full text, and from the disk.

        Lance marks deleted rows and leaves their bytes. They go with their files: whatever stays is written anew beside
        them, and the old files are deleted. A mark in the folder has a killed erasure done again by `settle`.
        """
        if not documents or not self.exists():
            return
        gone = set(documents)
        table = self._opened
        rows = table.search().with_row_id(True).select(["key", "document"]).limit(None).to_arrow()
        places = [row >> 32 for row in rows["_rowid"].to_pylist()]  # which file of the table a row lies in
        owners = rows["document"].to_pylist()
        files = {place for place, owner in zip(places, owners, strict=True) if owner in gone} | self._with_dead_rows()
        kept = [
            key
            for key, place, owner in zip(rows["key"].to_pylist(), places, owners, strict=True)
            if place in files and owner not in gone
        ]
        self._unfinished.touch()
        for ids in _batches(list(documents), 200):
            table.delete(f"document IN ({quoted(ids)})")
        self._rewrite(kept)

    def settle(self, language: str = "en") -> None:
        """Bring full text and partitions up to date, and finish an erasure that was killed.

        Args:
            language: ISO 639-1 of most documents; decides how words are cut and stemmed.
        """
        if not self.exists():
            return
        table = self._opened
        if self._unfinished.exists():
            self._rewrite(table.search().select(["key"]).limit(None).to_arrow()["key"].to_pylist())
        known = {index.name: index for index in table.list_indices()}
        words, vectors = known.get("text_idx"), known.get("vector_idx")
        if words is None or words.index_details.get("language") != _words(language)["language"]:
            table.create_fts_index("text", replace=True, **_words(language))
        rows = table.count_rows()
        if rows >= APPROXIMATE and (vectors is None or (vectors.num_unindexed_rows or 0) > _GROWN * rows):
            table.create_index("dot", vector_column_name="vector", index_type="IVF_FLAT", num_partitions=_parts(rows))
        _tidy(table, _LINGER)

    def drop(self) -> None:
        """Remove the table and all its files."""
        self._forget()
        shutil.rmtree(self._place, ignore_errors=True)
        self._unfinished.unlink(missing_ok=True)

    @property
    def _unfinished(self) -> Path:
        """The mark of an erasure that has begun and not ended."""
        return self.folder / f"{self.name}.unfinished"

    def _with_dead_rows(self) -> set[int]:
        """Return the files of the table that still hold rows deleted earlier: `change` moves rows and leaves such."""
        marks = (self._place / "_deletions").glob("*-*")
        return {int(mark.name.split("-")[0]) for mark in marks}

    def _rewrite(self, keys: Sequence[str]) -> None:
        """Write rows anew, make both indexes from what the table has, delete all files but the newest."""
        table = self._opened
        for some in _batches(keys, _REWRITTEN_AT_ONCE):
            for rows in _rows(table, f"key IN ({quoted(some)})"):
                table.merge_insert("key").when_matched_update_all().execute(rows)
        for index in list(table.list_indices()):
            self._made_anew(table, index)
        _tidy(table, timedelta(0))
        self._unfinished.unlink(missing_ok=True)

    @staticmethod
    def _made_anew(table: Any, index: Any) -> None:  # noqa: ANN401 - Lance has no types
        rows = table.count_rows()
        if index.name == "text_idx":
            kept = ("base_tokenizer", "language", "stem", "remove_stop_words")
            table.create_fts_index("text", replace=True, **{name: index.index_details[name] for name in kept})
        elif rows >= APPROXIMATE:
            table.create_index("dot", vector_column_name="vector", index_type="IVF_FLAT", num_partitions=_parts(rows))
        else:
            table.drop_index(index.name)


def _words(language: str) -> dict[str, Any]:
    """Return how full text cuts words."""
    stems = _LANGUAGES.get(language)
    return {
        "base_tokenizer": "icu" if language in _NO_SPACES else "simple",
        "language": stems or "English",
        "stem": language not in _NO_SPACES and (stems is not None or not language),
        "remove_stop_words": stems is not None or not language,
    }


def _tidy(table: Any, older_than: timedelta) -> None:  # noqa: ANN401 - Lance has no types
    """Merge small files, index what is not indexed, delete older states of the table; all of them at 0."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that readers of older states fail: `_reading` tries again
        table.optimize(cleanup_older_than=older_than, delete_unverified=not older_than)


def _parts(rows: int) -> int:
    """Return into how many partitions vectors go: about a third of the rows' root."""
    return max(32, int(rows**0.5 / 3))


def _rows(table: Any, where: str) -> Iterator["pa.Table"]:  # noqa: ANN401 - Lance has no types
    """Yield what fulfils a condition, whole rows, a batch at a time."""
    import pyarrow as pa

    for batch in table.search().where(where).limit(None).to_batches(_REWRITTEN_AT_ONCE):
        if batch.num_rows:
            yield pa.Table.from_batches([batch])


def _with(rows: "pa.Table", column: str, values: Sequence[object]) -> "pa.Table":
    import pyarrow as pa

    at = rows.schema.get_field_index(column)
    return rows.set_column(at, rows.schema.field(at), pa.array(values, rows.schema.field(at).type))


def _arrow(entries: Sequence[Entry]) -> "pa.Table":
    import numpy as np
    import pyarrow as pa

    matrix = np.stack([entry.vector for entry in entries]).astype(np.float32, copy=False)
    text = pa.string()
    columns: dict[str, Any] = {
        "key": pa.array([f"{entry.document}-{entry.ordinal}" for entry in entries], text),
        "document": pa.array([entry.document for entry in entries], text),
        "ordinal": pa.array([entry.ordinal for entry in entries], pa.int32()),
        "added_in": pa.array([entry.added_in for entry in entries], pa.int64()),
        "removed_in": pa.array([entry.removed_in for entry in entries], pa.int64()),
        "acl": pa.array([tokens(entry.acl) for entry in entries], text),
        "facts": pa.array([facts(entry.metadata) for entry in entries], text),
        "sizes": pa.array([sizes(entry.metadata) for entry in entries], pa.json_()),
        "text": pa.array([entry.text for entry in entries], text),
        "vector": pa.FixedSizeListArray.from_arrays(pa.array(matrix.ravel()), matrix.shape[1]),
    }
    return pa.table(columns)


def _batches(values: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    return (values[at : at + size] for at in range(0, len(values), size))
