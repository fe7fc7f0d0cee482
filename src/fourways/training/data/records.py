"""Records out of a file's bytes, each with its line: JSON Lines, JSON, CSV, Parquet, or the whole text as one."""

import csv
import gzip
import io
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from fourways.core.errors import InvalidDataset, Problem

MOST_BYTES = 1 << 30
"""Of a file, unpacked."""
MOST_CELL = 1 << 24
"""Characters of a CSV cell."""
_DELIMITERS = ",;\t|"
_LISTS = ("data", "train", "rows", "examples", "items", "conversations")
"""Keys under which a JSON object has its rows."""
_ZIPPED, _PARQUET = b"\x1f\x8b", b"PAR1"


@dataclass(frozen=True, slots=True)
class Record:
    """What stands in a line: an object, or why it is none."""

    line: int
    value: dict[str, Any]
    wrong: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """What a file holds: `notation` is jsonl, json, csv, parquet or text."""

    notation: str
    rows: tuple[Record, ...]


def read_records(file: str, data: bytes) -> Records:
    """Tell by its content how a file is written, and read its records.

    A line that cannot be read becomes a record that says why: the others are read all the same.

    Args:
        file: its name, for messages; `.csv`, `.tsv`, `.md` and `.txt` decide what could be either.
        data: its bytes: UTF-8 or, with its mark, UTF-16; gzipped or not.

    Raises:
        InvalidDataset: it is too large, no UTF-8, or its brackets are not closed.
    """
    if data[:2] == _ZIPPED:
        data, file = _unzipped(file, data), file.removesuffix(".gz")
    if len(data) > MOST_BYTES:
        raise _wrong(file, 0, f"is larger than {MOST_BYTES >> 20} MiB; cut it in several files")
    if data[:4] == _PARQUET:
        return _parquet(file, data)
    text = _text(file, data)
    start = text.lstrip()[:1]
    ending = PurePath(file).suffix.lower()
    if ending in {".csv", ".tsv"}:
        return _table(file, text)
    if start == "{" and ending not in {".md", ".txt"}:
        return _lines_or_object(text)
    if start == "[" and ending not in {".md", ".txt"}:
        return Records(notation="json", rows=_items(file, text))
    if ending not in {".md", ".markdown", ".txt"} and _looks_like_a_table(text):
        return _table(file, text)
    return Records(notation="text", rows=(Record(1, {"text": text}),) if text.strip() else ())


def _unzipped(file: str, data: bytes) -> bytes:
    try:
        with gzip.open(io.BytesIO(data)) as stream:
            return stream.read(MOST_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise _wrong(file, 0, f"is no whole gzip file: {error}") from error


def _text(file: str, data: bytes) -> str:
    try:
        return data.decode("utf-16" if data[:2] in {b"\xff\xfe", b"\xfe\xff"} else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise _wrong(file, line, "is not UTF-8; save it as UTF-8 (in Excel: CSV UTF-8)") from error


# ---------------------------------------------------------------- JSON


def _lines_or_object(text: str) -> Records:
    """Read objects, one a line; or one object over many lines, whose rows are a list in it, or which is a row."""
    stripped = text.strip()
    try:
        whole, end = json.JSONDecoder().raw_decode(stripped)
    except (ValueError, RecursionError):
        return Records(notation="jsonl", rows=tuple(_lines(text)))
    if end < len(stripped) or "\n" not in stripped:
        return Records(notation="jsonl", rows=tuple(_lines(text)))
    for key in _LISTS:
        rows = whole.get(key)
        if isinstance(rows, list) and rows and all(isinstance(row, dict) and "from" not in row for row in rows):
            return Records(notation="json", rows=tuple(Record(0, row) for row in rows))
    return Records(notation="json", rows=(Record(1, whole),))


def _lines(text: str) -> Iterator[Record]:
    for number, line in enumerate(io.StringIO(text, newline="\n"), 1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            reason = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
            yield Record(number, {}, f"is no JSON: {reason}; a line should be one whole object")
            continue
        if isinstance(value, dict):
            yield Record(number, value)
        else:
            yield Record(number, {}, f"should be an object such as {{…}}, not {_short(line)}")


def _items(file: str, text: str) -> tuple[Record, ...]:
    """Read the objects of a list one by one: only so is each one's line known."""
    decoder = json.JSONDecoder()
    at, line, counted = text.index("[") + 1, 1, 0
    found: list[Record] = []
    while True:
        while at < len(text) and (text[at].isspace() or text[at] == ","):
            at += 1
        if at >= len(text):
            raise _wrong(file, text.count("\n") + 1, "is no JSON: the list's ] is missing; was it copied whole?")
        if text[at] == "]":
            return tuple(found)
        line, counted = line + text.count("\n", counted, at), at
        try:
            value, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            reason = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
            raise _wrong(file, line, f"is no JSON: {reason}") from error
        wrong = "" if isinstance(value, dict) else f"each item should be an object such as {{…}}, not {_short(value)}"
        found.append(Record(line, value if isinstance(value, dict) else {}, wrong))


# ---------------------------------------------------------------- tables


def _looks_like_a_table(text: str) -> bool:
    """Whether the first lines have the same number of fields, two at least, under names that look like names."""
    lines = [line for line in text[:8192].splitlines()[:4] if line.strip()]
    if len(lines) < 2:  # noqa: PLR2004 - a heading and a record
        return False
    delimiter = max(_DELIMITERS, key=lines[0].count)
    names = lines[0].split(delimiter)
    return len(names) > 1 and all(name.strip(' "').replace("_", "").replace(" ", "").isalnum() for name in names)


def _table(file: str, text: str) -> Records:
    head = text[: text.find("\n")] if "\n" in text else text
    csv.field_size_limit(MOST_CELL)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=max(_DELIMITERS, key=head.count))
    names: list[str] = []
    found: list[Record] = []
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return Records(notation="csv", rows=tuple(found))
        except csv.Error as error:
            raise _wrong(file, line, f"is no CSV: {error}; a quoted field begins here and is not closed") from error
        if not any(cell.strip() for cell in cells):
            continue
        if not names:
            names = [cell.strip() for cell in cells]
            continue
        if len(cells) > len(names):
            wrong = f"has {len(cells)} fields for {len(names)} columns; put quotes around text with commas"
            found.append(Record(line, {}, wrong))
        else:
            found.append(Record(line, {name: cell for name, cell in zip(names, cells, strict=False) if cell.strip()}))


def _parquet(file: str, data: bytes) -> Records:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        rows = parquet.read_table(pa.BufferReader(data)).to_pylist()
    except (pa.ArrowException, OSError) as error:
        raise _wrong(file, 0, f"is no whole Parquet file: {error}") from error
    return Records(notation="parquet", rows=tuple(Record(number, row) for number, row in enumerate(rows, 1)))


def _short(value: object) -> str:
    line = " ".join(str(value).split())
    return repr(line if len(line) <= 60 else f"{line[:60]}…")  # noqa: PLR2004 - what fits beside a message


def _wrong(file: str, line: int, message: str) -> InvalidDataset:
    return InvalidDataset([Problem(file=file, line=line, key="", message=message)])
