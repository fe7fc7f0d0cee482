"""What a file of rows is read into: places, rows, sheets. Knows nothing of notations, nor of what rows mean."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import PurePath
from typing import Any

from fourways.core.errors import InvalidSuite

MOST_ROWS = 1_000_000
_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands: a file and a line, 0 where nobody knows."""

    file: str
    line: int = 0

    def wrong(self, message: str) -> InvalidSuite:
        """Build the error that names the place."""
        return InvalidSuite(message, file=self.file, line=self.line)


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a file."""

    place: Place
    value: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """What a file holds.

    Attributes:
        kind: jsonl, json, yaml or csv.
        rows: of the list that it is, or of its `tests`.
        top: the mapping that it is; empty where it is a list.
        columns: of a CSV file, in order.
    """

    file: str
    kind: str
    rows: tuple[Row, ...] = ()
    top: Mapping[str, Any] = field(default_factory=dict)
    columns: tuple[str, ...] = ()

    @property
    def stem(self) -> str:
        """The file's name without its endings: `questions` of tests/questions.jsonl.gz."""
        return PurePath(self.file).name.split(".")[0] or "case"

    @property
    def place(self) -> Place:
        """The file as a whole."""
        return Place(self.file)


def gathered(rows: Iterator[Row]) -> tuple[Row, ...]:
    """Hold a file's rows; raises InvalidSuite where there are more than a suite can have."""
    found = tuple(islice(rows, MOST_ROWS + 1))
    if len(found) > MOST_ROWS:
        raise found[-1].place.wrong(f"has more than {MOST_ROWS:,} rows; cut it in several files")
    return found


def doubled(names: Iterable[str]) -> str | None:
    """Return the first name that stands twice."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return None


def short(text: str) -> str:
    """Quote the beginning of what was found, for a message."""
    line = " ".join(text[: 2 * _SHOWN].split())
    return repr(line if len(line) <= _SHOWN else f"{line[:_SHOWN]}…") if line else "nothing"
