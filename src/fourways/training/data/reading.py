"""Files of rows: the format told by the content, every wrong row named with file and line, and what would be right."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fourways.core.errors import InvalidDataset, Problem
from fourways.training.data.formats import ANSWERS, FORMATS, QUESTIONS, Format, format_named, group_of
from fourways.training.data.records import Record, Records, read_records
from fourways.training.data.rows import Row, Source

LOOKED_AT = 50
"""Records by which a file's format is told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """What a file holds: its rows, and what is wrong with the others."""

    file: str
    format: str
    rows: tuple[Row, ...]
    problems: tuple[Problem, ...] = ()


def read_file(path: Path, *, file: str = "", format_: str = "", columns: Mapping[str, str] | None = None) -> Read:
    """Read a file of rows in whatever form it is.

    Args:
        path: where it is.
        file: what messages and lineage call it; its path where not given.
        format_: a key of `FORMATS`; told by the content where "".
        columns: which of its columns (or keys) are meant: {question: text, answer: category, group: customer}.

    Raises:
        InvalidDataset: it cannot be read at all, or nothing in it is a row. What is wrong with single rows stands in
            the result's `problems`.
    """
    name = file or str(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InvalidDataset([_problem(name, 0, f"cannot be read: {error.strerror or error}")]) from error
    return read_rows(name, data, format_=format_, columns=columns)


def read_rows(file: str, data: bytes, *, format_: str = "", columns: Mapping[str, str] | None = None) -> Read:
    """Read the rows in a file's bytes; see `read_file`."""
    records = read_records(file, data)
    if not records.rows:
        raise InvalidDataset([_problem(file, 0, "holds no row; one would be " + FORMATS["pairs"].example)])
    named = [_renamed(one, columns or {}) for one in records.rows]
    form = _format(file, records, named, format_)
    rows: list[Row] = []
    problems: list[Problem] = []
    for one in named:
        found = _row(file, one, form, strict=not format_)
        if isinstance(found, Row):
            rows.append(found)
        else:
            problems.append(found)
    return Read(file=file, format=form.name, rows=tuple(rows), problems=tuple(problems))


def rows_of(reads: Sequence[Read]) -> list[Row]:
    """Return the rows of several files, all of which must be right.

    Raises:
        InvalidDataset: a row of one of them is wrong; all of the wrong ones are counted, the first named.
    """
    rows = [row for read in reads for row in read.rows]
    unread([problem for read in reads for problem in read.problems], len(rows))
    return rows


def unread(problems: Sequence[Problem], right: int) -> None:
    """Raise InvalidDataset where rows could not be read; `right` is how many could."""
    if problems:
        hint = "mend them, or let `fourways data clean` leave them out"
        count = f"{len(problems):,} of {right + len(problems):,} rows"
        raise InvalidDataset(problems, summary=f"{count} cannot be learned from; {hint}:")


def _renamed(record: Record, columns: Mapping[str, str]) -> Record:
    """Give the named columns the names under which they are looked for; each name that is not there is a mistake."""
    if not columns or record.wrong:
        return record
    absent = next((name for name in columns.values() if name not in record.value), None)
    if absent is not None:
        there = ", ".join(record.value) or "nothing"
        return Record(record.line, record.value, f"has no column '{absent}'; there is: {there}")
    meant = {key: record.value[name] for key, name in columns.items()}
    taken = {*columns.values(), *QUESTIONS, *ANSWERS}
    return Record(record.line, {name: value for name, value in record.value.items() if name not in taken} | meant)


def _format(file: str, records: Records, named: Sequence[Record], wanted: str) -> Format:
    """Tell a file's format: as it was named, or the one that fits most of its first rows."""
    if wanted:
        try:
            return format_named(wanted)
        except ValueError as error:
            raise InvalidDataset([_problem(file, 0, str(error))]) from error
    if records.notation == "text":
        return FORMATS["text"]
    looked = [one for one in named if not one.wrong][:LOOKED_AT]
    votes = Counter(name for one in looked if (name := _fitting(one.value)))
    if votes:
        return FORMATS[votes.most_common(1)[0][0]]
    problems = [_problem(file, one.line, one.wrong) for one in named if one.wrong]
    if looked:
        keys = ", ".join(looked[0].value) or "nothing"
        ways = "".join(f"\n  {one.name}: {one.example}" for one in FORMATS.values())
        hint = "; say which is which: --column question=NAME --column answer=NAME" if records.notation == "csv" else ""
        problems = [_problem(file, looked[0].line, f"a row with {keys} is of no known form{hint}. There is:{ways}")]
    raise InvalidDataset(problems)


def _fitting(values: Mapping[str, Any]) -> str:
    return next((one.name for one in FORMATS.values() if one.fits(values)), "")


def _row(file: str, record: Record, form: Format, *, strict: bool) -> Row | Problem:
    """Make a row of a record; one that is rather of another form is wrong, unless the form was named by a person."""
    if record.wrong:
        return _problem(file, record.line, record.wrong)
    source = _source(record, file)
    try:
        other = _fitting(record.value)
        if not form.fits(record.value) or (strict and other != form.name):
            form_of_it = f"is {other}, the rest of the file {form.name}" if other else f"is not {form.name}"
            message = f"{form_of_it}; right would be {form.example}"
            return _problem(file, record.line, message)
        row = form.read(record.value, source)
    except ValueError as error:
        return _problem(file, record.line, str(error))
    group = group_of({name: value for name, value in record.value.items() if name != "text"})
    return replace(row, group=group) if group else row


def _source(record: Record, file: str) -> Source:
    """Keep what a row of our own says of where it comes from; else it comes from this file."""
    said = record.value.get("source")
    if (
        isinstance(said, Mapping)
        and said.get("kind") in {"document", "trace", "file"}
        and isinstance(said.get("name"), str)
    ):
        return Source(
            kind=said["kind"],
            name=said["name"],
            knowledge=str(said.get("knowledge", "")),
            line=int(said.get("line", 0)),
            passage=str(said.get("passage", "")),
        )
    return Source(kind="file", name=file, line=record.line)


def _problem(file: str, line: int, message: str) -> Problem:
    return Problem(file=file, line=line, key="", message=message)
