"""XLSX: each visible sheet a page of rows; dates and percentages as they are shown, formulas by their last value."""

import datetime as dt
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from fourways.core.errors import UnreadableDocument
from fourways.knowledge.parse.archive import Archive
from fourways.knowledge.parse.base import Parsed
from fourways.knowledge.parse.tables import write_rows
from fourways.knowledge.parse.writer import Writer

_MAIN = "xl/workbook.xml"
_MAX_COLUMNS = 16_384
_MAX_CELLS = 5_000_000
_DATES = frozenset((*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)))  # ECMA-376, 18.8.30
_PERCENT = frozenset((9, 10))
_DATE_MARKS = re.compile(r"[ymdhs]", re.IGNORECASE)
_LITERAL = re.compile(r"\"[^\"]*\"|\\.|\[[^\]]*\]|_.|general", re.IGNORECASE)
_EPOCHS = {False: dt.datetime(1899, 12, 30), True: dt.datetime(1904, 1, 1)}  # noqa: DTZ001 - a sheet's days have no zone
_BOOLEANS = {"0": "no", "1": "yes"}


def parse_workbook(data: bytes, uri: str) -> Parsed:
    """Parse an XLSX; raises UnreadableDocument where it is none, damaged, encrypted or a bomb."""
    archive = Archive(data, uri, kind="XLSX")
    book = archive.walk(_MAIN, _Book())
    targets = archive.related(_MAIN)
    strings = archive.walk("xl/sharedStrings.xml", _Strings()).found
    formats = archive.walk("xl/styles.xml", _Styles()).kinds()
    writer = Writer(uri)
    for name, link in book.sheets:
        writer.page()
        writer.heading(2, name)
        cells = archive.walk(targets.get(link, ""), _Sheet(uri)).cells
        write_rows(writer, _rows(cells, _Reading(strings=strings, formats=formats, epoch=_EPOCHS[book.from_1904])))
    return writer.parsed()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    """What turns a cell's stored value into what a reader sees."""

    strings: list[str]
    formats: list[str]
    epoch: dt.datetime

    def shown(self, kind: str, style: int, value: str) -> str:
        """Return a cell's text."""
        if kind == "s":
            place = int(value) if value.isdigit() else -1
            return self.strings[place] if 0 <= place < len(self.strings) else ""
        if kind == "b":
            return _BOOLEANS.get(value, value)
        if kind not in {"", "n"}:
            return value
        try:
            number = float(value)
        except ValueError:
            return value
        return self._number(number, self.formats[style] if style < len(self.formats) else "")

    def _number(self, number: float, form: str) -> str:
        if form == "date":
            try:
                moment = self.epoch + dt.timedelta(days=number)
            except OverflowError:
                return f"{number:.15g}"
            if number < 1:
                return f"{moment:%H:%M}"
            return f"{moment:%Y-%m-%d}" if number == int(number) else f"{moment:%Y-%m-%d %H:%M}"
        return f"{number * 100:.10g}%" if form == "percent" else f"{number:.15g}"


def _rows(cells: Mapping[tuple[int, int], tuple[str, int, str]], reading: _Reading) -> Iterator[list[str]]:
    """Yield a sheet's rows, a blank one for each run of rows left empty; empty columns at the left stay."""
    row: list[str] = []
    current = 0
    for (number, column), (kind, style, value) in sorted(cells.items()):
        if number != current:
            if row:
                yield row
            if current and number > current + 1:
                yield []
            row, current = [], number
        row += [""] * (column - len(row)) + [reading.shown(kind, style, value)]
    if row:
        yield row


class _Walker:
    """A walker that takes nothing."""

    def start(self, name: str, given: Mapping[str, str]) -> None:
        """Begin an element."""

    def end(self, name: str) -> None:
        """End an element."""

    def data(self, text: str) -> None:
        """Take text."""


class _Book(_Walker):
    """Walks the workbook: its visible sheets as (name, link), and from which day it counts."""

    def __init__(self) -> None:
        self.sheets: list[tuple[str, str]] = []
        self.from_1904 = False

    def start(self, name: str, given: Mapping[str, str]) -> None:
        """Take a sheet."""
        if name == "sheet" and given.get("state", "visible") == "visible":
            self.sheets.append((given.get("name", ""), given.get("id", "")))
        elif name == "workbookPr":
            self.from_1904 = given.get("date1904") in {"1", "true"}


class _Strings(_Walker):
    """Walks the shared strings."""

    def __init__(self) -> None:
        self.found: list[str] = []
        self._collecting = False
        self._phonetic = False

    def start(self, name: str, _given: Mapping[str, str]) -> None:
        """Begin an element."""
        if name == "si":
            self.found.append("")
        elif name == "rPh":
            self._phonetic = True
        self._collecting = name == "t" and not self._phonetic

    def end(self, name: str) -> None:
        """End an element."""
        self._collecting = False
        if name == "rPh":
            self._phonetic = False

    def data(self, text: str) -> None:
        """Take text."""
        if self._collecting and self.found:
            self.found[-1] += text


class _Styles(_Walker):
    """Walks the styles: which cell formats show a date or a percentage."""

    def __init__(self) -> None:
        self._codes: dict[int, str] = {}
        self._used: list[int] = []
        self._inside = False

    def start(self, name: str, given: Mapping[str, str]) -> None:
        """Begin an element."""
        if name == "numFmt":
            self._codes[int(given.get("numFmtId", "0"))] = _LITERAL.sub("", given.get("formatCode", ""))
        elif name == "cellXfs":
            self._inside = True
        elif name == "xf" and self._inside:
            self._used.append(int(given.get("numFmtId", "0")))

    def end(self, name: str) -> None:
        """End an element."""
        if name == "cellXfs":
            self._inside = False

    def kinds(self) -> list[str]:
        """Return, by cell format, `date`, `percent` or ""."""
        return [self._kind(number) for number in self._used]

    def _kind(self, number: int) -> str:
        code = self._codes.get(number, "")
        if number in _DATES or _DATE_MARKS.search(code):
            return "date"
        return "percent" if number in _PERCENT or "%" in code else ""


class _Sheet(_Walker):
    """Walks a sheet: (kind, style, value) by (row, column), from 1 and from 0."""

    def __init__(self, uri: str) -> None:
        self.cells: dict[tuple[int, int], tuple[str, int, str]] = {}
        self._uri = uri
        self._row = self._column = 0
        self._kind, self._style = "", 0
        self._collecting = False
        self._value: list[str] = []

    def start(self, name: str, given: Mapping[str, str]) -> None:
        """Begin an element."""
        if name == "row":
            self._row = int(given["r"]) if given.get("r", "").isdigit() else self._row + 1
            self._column = -1
        elif name == "c":
            letters = given.get("r", "").rstrip("0123456789")
            self._column = _column(letters) if letters else self._column + 1
            self._kind = given.get("t", "")
            self._style = int(given["s"]) if given.get("s", "").isdigit() else 0
        self._collecting = name in {"v", "t"}

    def end(self, name: str) -> None:
        """End an element."""
        self._collecting = False
        if name == "c":
            if self._value and 0 <= self._column < _MAX_COLUMNS:
                self.cells[self._row, self._column] = (self._kind, self._style, "".join(self._value))
            self._value = []
            if len(self.cells) > _MAX_CELLS:
                raise UnreadableDocument(f"'{self._uri}' has a sheet of over {_MAX_CELLS:,} cells; split it")

    def data(self, text: str) -> None:
        """Take text."""
        if self._collecting:
            self._value.append(text)


def _column(letters: str) -> int:
    """Return the number of a column from 0: A is 0, AA is 26."""
    number = 0
    for letter in letters[:4].upper():
        number = number * 26 + ord(letter) - 64
    return number - 1
