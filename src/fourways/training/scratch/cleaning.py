"""Cleans a corpus: reads its documents, drops or mends each by rule, and keeps a log of all that it did."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from fourways.core.errors import InvalidRequest
from fourways.training.scratch.asked import Cleaning
from fourways.training.scratch.near import Seen
from fourways.training.scratch.personal import mask
from fourways.training.scratch.quality import broken

BEGINS = 80
"""Characters of a dropped document that the log shows."""


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """A line of a corpus."""

    text: str
    source: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleaned:
    """What came of a corpus.

    Attributes:
        read, kept: documents.
        characters: of those kept.
        dropped: by the rule that dropped them.
        masked: findings of personal data by kind.
    """

    read: int
    kept: int
    characters: int
    dropped: dict[str, int]
    masked: dict[str, int]


def read_corpus(path: Path) -> Iterator[tuple[int, Document]]:
    """Read a corpus, a document a line, with the lines' numbers.

    Raises:
        InvalidRequest: there is no such file, or a line is no document; says which.
    """
    decoder = msgspec.json.Decoder(Document)
    try:
        file = path.open("rb")
    except (FileNotFoundError, IsADirectoryError) as error:
        raise InvalidRequest(
            f"there is no corpus {path}; right would be JSON Lines of text", param="data.train"
        ) from error
    with file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                yield number, decoder.decode(line)
            except msgspec.DecodeError as error:
                msg = f'{path}:{number}: {error}; right would be {{"text": "…"}}'
                raise InvalidRequest(msg, param="data.train") from error


def clean(path: Path, kept: Path, log: Path, cleaning: Cleaning) -> Cleaned:
    """Write the documents that are kept, and a line for each that is not or is changed.

    Raises:
        InvalidRequest: the corpus cannot be read, or nothing of it is kept.
    """
    seen = Seen(cleaning.near)
    exact: dict[bytes, int] = {}
    dropped: Counter[str] = Counter()
    masked: Counter[str] = Counter()
    read = count = characters = 0
    with kept.open("w", encoding="utf-8") as to, log.open("w", encoding="utf-8") as logged:
        for number, document in read_corpus(path):
            read += 1
            text, found = mask(document.text) if cleaning.personal != "keep" else (document.text, Counter())
            rule, how = _judged(text, number, found, cleaning, exact, seen)
            if rule or found:
                line = {"line": number, "source": document.source, "rule": rule or "personal data", "how": how}
                what = "dropped" if rule else "masked"
                logged.write(json.dumps({**line, "what": what, "begins": text[:BEGINS]}, ensure_ascii=False) + "\n")
            if rule:
                dropped[rule] += 1
                continue
            masked.update(found)
            count, characters = count + 1, characters + len(text)
            to.write(json.dumps({"text": text, "source": document.source}, ensure_ascii=False) + "\n")
    if not count:
        why = ", ".join(f"{times} by {rule}" for rule, times in dropped.most_common()) or "it is empty"
        raise InvalidRequest(f"nothing of {path} is kept ({why}); right would be running text", param="data.train")
    return Cleaned(read=read, kept=count, characters=characters, dropped=dict(dropped), masked=dict(masked))


def _judged(
    text: str, number: int, found: Counter[str], cleaning: Cleaning, exact: dict[bytes, int], seen: Seen
) -> tuple[str, str]:
    """Return the rule that drops a document, and how it breaks it; where it is kept, what was masked."""
    if found and cleaning.personal == "drop":
        return "personal data", _counts(found)
    rule, how = broken(text, cleaning)
    if rule:
        return rule, how
    digest = hashlib.sha256(" ".join(text.split()).encode()).digest()
    if digest in exact:
        return "the same", f"as line {exact[digest]}"
    exact[digest] = number
    other = seen.like(text, number) if cleaning.near <= 1 else None
    return ("nearly the same", f"as line {other}") if other is not None else ("", _counts(found))


def _counts(found: Counter[str]) -> str:
    return ", ".join(f"{times} × {kind}" for kind, times in found.items())
