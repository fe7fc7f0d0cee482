"""Rows from JSON Lines and from JSON: a list of objects, or an object with `tests`; each with its line."""

import io
import json
import re
from collections.abc import Collection, Iterator
from typing import Any

from fourways.core.errors import InvalidSuite
from fourways.evals.sheets.base import Place, Row, Sheet, doubled, gathered, short


def json_lines(file: str, text: str, as_written: Collection[str]) -> Sheet:  # noqa: ARG001 - in KINDS
    """Read objects, one a line."""

    def rows() -> Iterator[Row]:
        # Not splitlines(): U+2028 and its like may stand inside a JSON text.
        for number, line in enumerate(io.StringIO(text, newline="\n"), 1):
            if line.strip():
                place = Place(file, number)
                if line.lstrip()[0] != "{":
                    raise place.wrong(f"a line should be an object such as {{…}}, not {short(line)}")
                try:
                    yield Row(place, _STRICT.decode(line.strip()))
                except (ValueError, RecursionError) as error:
                    raise _no_json(error, file, number, number) from error

    return Sheet(file=file, kind="jsonl", rows=gathered(rows()))


def json_list(file: str, text: str, as_written: Collection[str]) -> Sheet:
    """Read a list of objects, an object (its `tests` are its rows), or objects one a line under the wrong ending."""
    start = _skip(text, 0)
    if text[start : start + 1] == "[":
        return Sheet(file=file, kind="json", rows=gathered(_items(file, text, start)))
    if text[start : start + 1] != "{":
        raise Place(file, 1).wrong(f"should be a list of objects, [{{…}}, {{…}}], not {short(text)}")
    try:
        top, end = _STRICT.raw_decode(text, start)
    except (ValueError, RecursionError) as error:
        raise _no_json(error, file, 1, 1) from error
    behind = _skip(text, end)
    if text[behind : behind + 1] == "{":
        return json_lines(file, text, as_written)
    if behind < len(text):
        line = text.count("\n", 0, behind) + 1
        raise Place(file, line).wrong(f"is no JSON: nothing may stand behind its last }}, not {short(text[behind:])}")
    tests = _member(text, start, "tests") if isinstance(top.get("tests"), list) else None
    return Sheet(file=file, kind="json", top=top, rows=gathered(_items(file, text, tests)) if tests is not None else ())


def _items(file: str, text: str, at: int) -> Iterator[Row]:
    """Read the objects of the list that begins at a place, one by one: only so is each one's line known."""
    line, counted = 1, 0
    at = _skip(text, at + 1)
    while text[at : at + 1] != "]":
        line, counted = line + text.count("\n", counted, at), at
        if text[at : at + 1] != "{":
            what = short(text[at : at + 200]) if at < len(text) else "the end of the file"
            raise Place(file, line).wrong(f"each item of the list should be an object such as {{…}}, not {what}")
        try:
            value, at = _STRICT.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            raise _no_json(error, file, 1, line) from error
        yield Row(Place(file, line), value)
        at = _skip(text, at)
        if text[at : at + 1] == ",":
            at = _skip(text, at + 1)
        elif text[at : at + 1] != "]":
            raise Place(file, line + text.count("\n", counted, at)).wrong("is no JSON: a comma or the ] is missing")


def _member(text: str, at: int, name: str) -> int | None:
    """Return where a member's value begins in the object that begins at a place; the text is known to be JSON."""
    at = _skip(text, at + 1)
    while text[at] == '"':
        key, at = _DECODER.raw_decode(text, at)
        at = _skip(text, _skip(text, at) + 1)
        if key == name:
            return at
        at = _skip(text, _DECODER.raw_decode(text, at)[1])
        at = _skip(text, at + 1) if text[at] == "," else at
    return None


def _skip(text: str, at: int) -> int:
    match = _SPACES.match(text, at)
    return match.end() if match else at


def _no_json(error: Exception, file: str, first: int, line: int) -> InvalidSuite:
    """Build the error; `first` is the line on which what was decoded begins, `line` the row's."""
    if isinstance(error, RecursionError):
        return Place(file, line).wrong("is nested too deeply")
    if isinstance(error, json.JSONDecodeError):
        return Place(file, first + error.lineno - 1).wrong(f"is no JSON: {error.msg} (column {error.colno})")
    return Place(file, line).wrong(f"is no JSON: {error}")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make an object of its members, and refuse a doubled one: the first would be lost without a word."""
    made = dict(pairs)
    if len(made) < len(pairs):
        msg = f"'{doubled(key for key, _ in pairs)}' stands twice; keep one of them"
        raise ValueError(msg)
    return made


def _refused(constant: str) -> Any:  # noqa: ANN401 - never returns
    msg = f"{constant} is none of its numbers"
    raise ValueError(msg)


_DECODER = json.JSONDecoder()
_STRICT = json.JSONDecoder(object_pairs_hook=_once, parse_constant=_refused)
_SPACES = re.compile(r"[ \t\r\n]*")
