"""Files of rows with their lines, by their ending: JSON Lines, JSON, YAML, CSV; gzipped too."""

import zlib
from collections.abc import Callable, Collection, Mapping
from pathlib import PurePath

from fourways.evals.sheets.base import Place, Row, Sheet
from fourways.evals.sheets.json_lists import json_lines, json_list
from fourways.evals.sheets.tables import table
from fourways.evals.sheets.yaml_lists import yaml_list

__all__ = ["KINDS", "MOST_BYTES", "Place", "Row", "Sheet", "read_sheet"]

MOST_BYTES = 256 << 20
"""Of a file, unpacked."""

_ZIPPED = b"\x1f\x8b"
_MARKS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}


def read_sheet(file: str, data: bytes | str, as_written: Collection[str] = ()) -> Sheet:
    """Read a file by its ending: .jsonl, .ndjson, .json, .yaml, .yml, .csv, .tsv, each with .gz behind it too.

    Args:
        file: its name, for messages.
        data: what is in it: UTF-8 (or UTF-16 with its mark), with or without a byte order mark, CRLF or LF.
        as_written: keys of rows whose plain values are taken as text in YAML: 14:30, 1.10, yes, 2026-01-31.

    Raises:
        InvalidSuite: the ending is not known, or the content is not what it says; with the line.
    """
    ending = _ending(file)
    if ending not in KINDS:
        raise Place(file).wrong(f"'{ending or 'no ending'}' is no kind of test file; there is: {', '.join(KINDS)}")
    text = data if isinstance(data, str) else _text(_unpacked(data, file), file)
    return KINDS[ending](file, text.removeprefix("\ufeff"), as_written)


def _ending(file: str) -> str:
    endings = [ending.lower() for ending in PurePath(file).suffixes]
    endings = endings[:-1] if endings[-1:] == [".gz"] else endings
    return endings[-1] if endings else ""


def _unpacked(data: bytes, file: str) -> bytes:
    """Unpack gzip (RFC 1952) up to the most that is read, so that a small file cannot become a huge one."""
    if data.startswith(_ZIPPED):
        pieces, size, rest = [], 0, data
        try:
            while rest.startswith(_ZIPPED) and size <= MOST_BYTES:
                stream = zlib.decompressobj(zlib.MAX_WBITS | 16)
                pieces.append(stream.decompress(rest, MOST_BYTES - size + 1))
                size += len(pieces[-1])
                if size <= MOST_BYTES and not stream.eof:
                    raise Place(file).wrong("its gzip ends too early; was it copied whole?")
                rest = stream.unused_data
        except zlib.error as error:
            raise Place(file).wrong(f"is no gzip: {error}") from error
        data = b"".join(pieces)
    if len(data) > MOST_BYTES:
        raise Place(file).wrong(f"is larger than {MOST_BYTES >> 20} MiB; cut it in several files")
    return data


def _text(data: bytes, file: str) -> str:
    try:
        return data.decode(_MARKS.get(data[:2], "utf-8-sig"))
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise Place(file, line).wrong("is not UTF-8; save it as UTF-8 (in Excel: CSV UTF-8)") from error


Read = Callable[[str, str, Collection[str]], Sheet]

KINDS: Mapping[str, Read] = {
    ".jsonl": json_lines,
    ".ndjson": json_lines,
    ".json": json_list,
    ".yaml": yaml_list,
    ".yml": yaml_list,
    ".csv": table,
    ".tsv": table,
}
