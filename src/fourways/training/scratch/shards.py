"""Tokens on disk: shards that are mapped and not read, so that a corpus may be larger than memory."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fourways.core.errors import InvalidRequest

SHARD = 50_000_000
"""Tokens of a shard, about; a document is never parted."""
SMALL = 65_536
"""Vocabularies up to this are written in two bytes a token."""
SKIP = -100
"""The target of a position that is not learned from."""

Integers = NDArray[np.int64]


def write_shards(documents: Iterable[tuple[Sequence[int], Sequence[bool] | None]], folder: Path, pieces: int) -> int:
    """Write documents as shards; returns their tokens.

    Args:
        documents: tokens, and for each whether it is learned; None: all are.
        folder: is made; shards of before are replaced.
        pieces: of the vocabulary.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.bin"):
        old.unlink()
    kind = np.uint16 if pieces <= SMALL else np.uint32
    written, number = 0, 0
    tokens: list[int] = []
    marks: list[bool] = []
    ends: list[int] = []

    def flush() -> None:
        nonlocal number, tokens, marks, ends
        np.asarray(tokens, kind).tofile(folder / f"{number:05d}.tokens.bin")
        np.packbits(np.asarray(marks, bool)).tofile(folder / f"{number:05d}.learned.bin")
        np.asarray(ends, np.int64).tofile(folder / f"{number:05d}.ends.bin")
        number, tokens, marks, ends = number + 1, [], [], []

    for document, learned in documents:
        tokens.extend(document)
        marks.extend([True] * len(document) if learned is None else learned)
        ends.append(len(tokens))
        written += len(document)
        if len(tokens) >= SHARD:
            flush()
    if tokens:
        flush()
    (folder / "shards.json").write_text(json.dumps({"kind": np.dtype(kind).name, "tokens": written}) + "\n")
    return written


@dataclass(frozen=True, slots=True, kw_only=True)
class Shards:
    """Mapped shards, read as one line of documents.

    Attributes:
        tokens: a mapped array a shard.
        learned: bits, a mapped array a shard.
        starts: of each document within its shard, with `lengths` and `shard`.
    """

    tokens: tuple[NDArray[Any], ...]
    learned: tuple[NDArray[np.uint8], ...]
    shard: Integers
    starts: Integers
    lengths: Integers

    def __len__(self) -> int:
        """Documents."""
        return len(self.lengths)

    @property
    def total(self) -> int:
        """Tokens."""
        return int(self.lengths.sum())

    def piece(self, document: int, first: int, last: int) -> tuple[Integers, Integers]:
        """Return tokens of a document and, for each, the next one where that is learned, `SKIP` else."""
        shard, start = int(self.shard[document]), int(self.starts[document])
        end = start + int(self.lengths[document])
        tokens = self.tokens[shard][start + first : start + last].astype(np.int64)
        targets = np.full(last - first, SKIP, np.int64)
        following = slice(start + first + 1, min(start + last + 1, end))
        count = following.stop - following.start
        bits = self.learned[shard][following.start // 8 : (following.stop + 7) // 8]
        marks = np.unpackbits(bits)[following.start % 8 :][:count].astype(bool)
        targets[:count] = np.where(marks, self.tokens[shard][following].astype(np.int64), SKIP)
        return tokens, targets


def open_shards(folder: Path) -> Shards:
    """Map a folder's shards.

    Raises:
        InvalidRequest: there are none, or they hold no document.
    """
    try:
        kind = json.loads((folder / "shards.json").read_text())["kind"]
    except (FileNotFoundError, json.JSONDecodeError, KeyError) as error:
        raise InvalidRequest(f"{folder} holds no shards; right would be a folder that was written whole") from error
    tokens, learned, shard, starts, lengths = [], [], [], [], []
    for number, path in enumerate(sorted(folder.glob("*.tokens.bin"))):
        stem = path.name.removesuffix(".tokens.bin")
        tokens.append(np.memmap(path, kind, "r"))
        learned.append(np.memmap(folder / f"{stem}.learned.bin", np.uint8, "r"))
        ends = np.fromfile(folder / f"{stem}.ends.bin", np.int64)
        begins = np.concatenate([[0], ends[:-1]])
        shard.append(np.full(len(ends), number))
        starts.append(begins)
        lengths.append(ends - begins)
    if not tokens:
        raise InvalidRequest(f"{folder} holds no document; right would be one at least")
    return Shards(
        tokens=tuple(tokens),
        learned=tuple(learned),
        shard=np.concatenate(shard),
        starts=np.concatenate(starts),
        lengths=np.concatenate(lengths),
    )
