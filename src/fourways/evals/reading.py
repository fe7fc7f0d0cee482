"""Files of test cases: our own rows, promptfoo's files, and public data sets, each known by its shape."""

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from fourways.core.errors import InvalidSuite
from fourways.evals.cases import Case
from fourways.evals.datasets import Options, recognised
from fourways.evals.promptfoo import OF_A_TEST, Config, in_a_cell, in_our_terms, read_config, tests_of
from fourways.evals.rows import AS_WRITTEN, EXPECTED, INPUTS, Placed, check_json, read_row
from fourways.evals.sheets import MOST_BYTES, Place, Row, Sheet, read_sheet


def read_file(
    path: Path, *, file: str = "", known: Collection[str] | None = None, options: Options | None = None
) -> tuple[Case, ...]:
    """Read a file of test cases.

    Args:
        path: where it is.
        file: what messages call it; its path where not given.
        known: the scorers there are; those of `SCORERS` where None.
        options: what public data sets leave open.

    Raises:
        InvalidSuite: it cannot be read, or something in it is wrong; with the line.
    """
    name = file or str(path)
    try:
        if path.stat().st_size > MOST_BYTES:
            raise InvalidSuite(f"is larger than {MOST_BYTES >> 20} MiB; cut it in several files", file=name)
        data = path.read_bytes()
    except OSError as error:
        raise InvalidSuite(f"cannot be read: {error.strerror or error}", file=name) from error
    return read_cases(name, data, known=known, options=options)


def read_cases(
    file: str, data: bytes | str, *, known: Collection[str] | None = None, options: Options | None = None
) -> tuple[Case, ...]:
    """Read the cases in a file's content: at least one, each with an id of its own.

    Args:
        file: its name; the ending says how it is written (`KINDS` of evals/sheets).
        data: its content.
        known: the scorers there are; those of `SCORERS` where None.
        options: what public data sets leave open.

    Raises:
        InvalidSuite: something in it is wrong; with the line.
    """
    sheet = read_sheet(file, data, AS_WRITTEN)
    form = recognised(sheet)
    found = form.convert(sheet, options or Options()) if form else _read(sheet, scorer_names(known))
    lines: dict[str, Place] = {}
    cases: list[Case] = []
    for one in found:
        check_json(one.case, one.place)
        before = lines.setdefault(one.case.id, one.place)
        if len(lines) == len(cases):
            where = f"in line {before.line}" if before.line else "before"
            raise one.place.wrong(f"the id '{one.case.id}' stands {where} too; give each case one of its own")
        cases.append(one.case)
    if not cases:
        raise sheet.place.wrong(f"holds no case; one would be {EXAMPLE}")
    return tuple(cases)


def scorer_names(known: Collection[str] | None = None) -> Collection[str]:
    """Return the scorers that assertions can name: those given, else all there are."""
    if known is not None:
        return known
    from fourways.evals.scorers import SCORERS

    return SCORERS.keys()


EXAMPLE = '{"input": "Which port does the VPN use?", "expected_output": "51820"}'


def _read(sheet: Sheet, known: Collection[str]) -> Iterator[Placed]:
    rows = _rows(sheet, known)
    for number, row in enumerate(rows, 1):
        case = read_row(row.value, name=f"{sheet.stem}-{number:03d}", place=row.place, known=known)
        yield Placed(row.place, case)


def _rows(sheet: Sheet, known: Collection[str]) -> Iterator[Row]:
    """Bring every shape of file to rows of our own."""
    if sheet.kind == "csv":
        yield from _records(sheet, known)
    elif not sheet.top.keys().isdisjoint((*INPUTS, "messages")):
        yield Row(sheet.place, sheet.top)
    elif sheet.top and "tests" not in sheet.top:
        raise sheet.place.wrong(f"should be a list of cases, or promptfoo's with `tests`; a case would be {EXAMPLE}")
    else:
        config = read_config(sheet.top, sheet.place) if sheet.top else Config({}, None)
        for row in sheet.rows:
            theirs = bool(sheet.top) or not ONLY_THEIRS.isdisjoint(row.value)
            tests = tests_of(row.value, config, row.place, known) if theirs else [row.value]
            yield from (Row(row.place, test) for test in tests)


ONLY_THEIRS = OF_A_TEST - {"vars", "assert", "metadata"}
"""A row with one of these keys is a test of promptfoo's, wherever it stands."""


# ---------------------------------------------------------------- CSV

Put = Callable[[dict[str, Any], str, Place], None]
"""Puts what a cell says into a row."""


def _records(sheet: Sheet, known: Collection[str]) -> Iterator[Row]:
    """Read a table's records: each column's name says what its cells are; what means nothing else is a variable."""
    columns = {name: _column(name, sheet.columns, known) for name in sheet.columns if name}
    for record in sheet.rows:
        row: dict[str, Any] = {"vars": {}, "metadata": {}, "assert": []}
        for name, cell in record.value.items():
            if cell.strip():
                columns[name](row, cell.strip(), record.place)
        threshold = row.pop("threshold", None)
        if threshold is not None and len(row["assert"]) == 1:
            row["assert"][0]["threshold"] = _number(threshold, record.place)
        yield Row(record.place, row)


def _column(name: str, columns: tuple[str, ...], known: Collection[str]) -> Put:
    plain = name.lower()
    for key, names in (("input", INPUTS), ("expected_output", EXPECTED), ("context", ("context",)), ("id", ("id",))):
        used = [column for one in names for column in columns if column.lower() == one]
        if used[:1] == [name]:
            return _listed(key) if key in {"expected_output", "context"} else _text(key)
    for prefix, key in PREFIXES.items():
        if plain.startswith(prefix):
            return _inside(key, name[len(prefix) :])
    if plain.rstrip("0123456789") == "__expected":
        return _asserted(known)
    if plain.startswith("__"):
        return THEIR_COLUMNS.get(plain, _unknown(name))
    return _inside("vars", name)


def _text(key: str) -> Put:
    def put(row: dict[str, Any], cell: str, place: Place) -> None:  # noqa: ARG001 - a `Put`
        row[key] = cell

    return put


def _listed(key: str) -> Put:
    def put(row: dict[str, Any], cell: str, place: Place) -> None:  # noqa: ARG001 - a `Put`
        row[key] = _list_or_text(cell)

    return put


def _inside(key: str, name: str) -> Put:
    def put(row: dict[str, Any], cell: str, place: Place) -> None:  # noqa: ARG001 - a `Put`
        row[key][name] = _list_or_text(cell) if key == "metadata" else cell

    return put


def _asserted(known: Collection[str]) -> Put:
    def put(row: dict[str, Any], cell: str, place: Place) -> None:
        row["assert"].append(in_our_terms(in_a_cell(cell), place, known, theirs=True))

    return put


def _unknown(name: str) -> Put:
    def put(row: dict[str, Any], cell: str, place: Place) -> None:  # noqa: ARG001 - a `Put`
        raise place.wrong(f"the column '{name}' is not known here; there is: __expected, {', '.join(THEIR_COLUMNS)}")

    return put


def _list_or_text(cell: str) -> Any:  # noqa: ANN401 - a text, or a list of them
    """Read `["a", "b"]` as a list, and everything else as text."""
    try:
        value = json.loads(cell) if cell.startswith("[") else cell
    except (ValueError, RecursionError):
        return cell
    return value if isinstance(value, list) and all(isinstance(one, str | int | float) for one in value) else cell


def _number(cell: str, place: Place) -> float:
    try:
        return float(cell)
    except ValueError as error:
        raise place.wrong(f"__threshold is {cell!r}; right would be a number such as 0.8") from error


PREFIXES: Mapping[str, str] = {"metadata.": "metadata", "__metadata:": "metadata", "vars.": "vars"}
THEIR_COLUMNS: Mapping[str, Put] = {
    "__description": _inside("metadata", "description"),
    "__threshold": _text("threshold"),
}
"""promptfoo's other columns that have a counterpart here."""
