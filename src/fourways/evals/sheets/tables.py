"""Rows from CSV and its kin (RFC 4180; the delimiter is whichever the first line has most of); each with its line."""

import csv
import io
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from fourways.evals.sheets.base import Place, Row, Sheet, doubled, gathered

LONGEST_LINE = 1 << 20
"""Characters of a line."""
MOST_LINES = 10_000_000
_DELIMITERS = ",;\t|"


def table(file: str, text: str, as_written: Collection[str]) -> Sheet:  # noqa: ARG001 - in KINDS
    """Read records under the columns that the first line names."""
    records = _records(file, text)
    columns = next(records, None)
    if columns is None:
        raise Place(file).wrong("is empty; its first line should name its columns: input, expected_output")
    names = [name.strip() for name in columns.cells]
    if twice := doubled(filter(None, names)):
        raise columns.place.wrong(f"the column '{twice}' stands twice; keep one of them")

    def rows() -> Iterator[Row]:
        for record in records:
            if len(record.cells) > len(names):
                message = f"has {len(record.cells)} fields for {len(names)} columns; put quotes around text with commas"
                raise record.place.wrong(message)
            yield Row(record.place, {name: cell for name, cell in zip(names, record.cells, strict=False) if name})

    return Sheet(file=file, kind="csv", rows=gathered(rows()), columns=tuple(names))


@dataclass(frozen=True, slots=True)
class _Record:
    place: Place
    cells: list[str]


def _records(file: str, text: str) -> Iterator[_Record]:
    """Read the records that hold anything; the line is the first of a record's."""
    head = text[: min(LONGEST_LINE, max(text.find("\n"), 0) or LONGEST_LINE)]
    reader = csv.reader(_lines(file, text), strict=True, delimiter=max(_DELIMITERS, key=head.count))
    while True:
        place = Place(file, reader.line_num + 1)
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            message = f"is no CSV: {error}; a quoted field begins here, or its quotes are not closed"
            raise place.wrong(message) from error
        if any(cell.strip() for cell in cells):
            yield _Record(place, cells)


def _lines(file: str, text: str) -> Iterator[str]:
    for number, line in enumerate(io.StringIO(text, newline=""), 1):
        if len(line) > LONGEST_LINE:
            raise Place(file, number).wrong(f"has a line of {len(line):,} characters; is it CSV?")
        if number > MOST_LINES:
            raise Place(file, number).wrong(f"has more than {MOST_LINES:,} lines; cut it in several files")
        yield line
