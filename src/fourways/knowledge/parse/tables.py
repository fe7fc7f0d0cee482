"""CSV, and rows of any table: each as "Header: value; Header: value", so that a row says by itself what it is about."""

import csv
import io
import re
from collections.abc import Iterable, Sequence

from fourways.core.errors import UnreadableDocument
from fourways.knowledge.parse.base import Parsed
from fourways.knowledge.parse.decode import decode
from fourways.knowledge.parse.writer import Writer, flat

_DELIMITERS = ",;\t|"
_SAMPLE = 64_000
_FIGURE = re.compile(r"[-+($€£]*\d[\d.,:/ %)-]*")


def parse_csv(data: bytes, uri: str) -> Parsed:
    """Parse a table of delimited text; the delimiter is found out."""
    text = decode(data, uri=uri)
    writer = Writer(uri)
    try:
        dialect: type[csv.Dialect] | csv.Dialect = csv.Sniffer().sniff(text[:_SAMPLE], delimiters=_DELIMITERS)
    except csv.Error:
        dialect = csv.excel
    try:
        write_rows(writer, csv.reader(io.StringIO(text, newline=""), dialect, strict=False))
    except csv.Error as error:
        raise UnreadableDocument(f"'{uri}' is no CSV: {error}; check its quotes") from error
    return writer.parsed()


def write_rows(writer: Writer, rows: Iterable[Sequence[str]]) -> None:
    """Write rows with the header each stands under; a blank row may be followed by another table.

    A header is a row of at least two names, none of them a figure; a row of one cell is a line by itself.
    """
    header: list[str] = []
    fresh = True
    for row in rows:
        cells = [flat(cell) for cell in row]
        filled = [cell for cell in cells if cell]
        if not filled:
            fresh = True
            writer.gap()
        elif fresh and len(filled) > 1 and not any(_FIGURE.fullmatch(cell) for cell in filled):
            header, fresh = cells, False
            writer.gap()
            writer.line("; ".join(filled))
        elif len(filled) == 1 and fresh:
            writer.line(filled[0])
        else:
            fresh = False
            writer.line("; ".join(_named(header, place, cell) for place, cell in enumerate(cells) if cell))


def _named(header: Sequence[str], place: int, cell: str) -> str:
    name = header[place] if place < len(header) else ""
    return f"{name}: {cell}" if name else cell
