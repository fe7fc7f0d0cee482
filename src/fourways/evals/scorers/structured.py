"""Scorers of answers that are JSON: whether they parse, fit a schema, hold a value. Pure; jsonschema comes late."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fourways.core.errors import MissingPackage
from fourways.core.report import Answered
from fourways.evals.cases import Assertion, Case
from fourways.evals.scorers.base import Mark, Scorer
from fourways.evals.scorers.blocks import fenced
from fourways.evals.scorers.wanted import NOT_KNOWN, invalid, settings


@dataclass(frozen=True, slots=True)
class Parsed:
    """What an answer parsed to, or why it did not."""

    value: Any
    problem: str = ""


def parsed(text: str, *, strict: bool) -> Parsed:
    """Read an answer as JSON (RFC 8259: no NaN): the whole of it, or, unless `strict`, its only fenced block."""
    blocks = [] if strict else fenced(text)
    try:
        return Parsed(json.loads(blocks[0].text if len(blocks) == 1 else text, parse_constant=_refuse))
    except (ValueError, RecursionError) as error:
        return Parsed(None, f"it is no JSON: {error}")


def json_parses(case: Case, answered: Answered, asked: Assertion) -> Mark:  # noqa: ARG001 - a `Plain`
    """Whether the answer is JSON. Option `strict`: without a code fence around it."""
    options = settings(asked, {"strict": False})
    read = parsed(answered.text, strict=options["strict"])
    return Mark(value=float(not read.problem), reason=read.problem)


def json_schema(case: Case, answered: Answered, asked: Assertion) -> Mark:  # noqa: ARG001 - a `Plain`
    """Whether the answer is JSON that fits a JSON Schema: the value. Nothing that a schema refers to is fetched.

    Option `strict`: without a code fence around it.

    Raises:
        InvalidSuite: there is no schema, or it is none.
        MissingPackage: jsonschema is not installed.
    """
    options = settings(asked, {"strict": False})
    schema = asked.value
    if not isinstance(schema, Mapping | bool):
        raise invalid(asked, f"needs a `value`: a JSON Schema, not {schema!r}")
    misfits = _misfits(asked, schema)
    read = parsed(answered.text, strict=options["strict"])
    reason = read.problem or misfits(read.value)
    return Mark(value=float(not reason), reason=reason[:500])


def _misfits(asked: Assertion, schema: Mapping[str, Any] | bool) -> Callable[[Any], str]:  # noqa: FBT001 - a schema
    """Return what says where a value does not fit a schema; "" where it does."""
    try:
        import jsonschema
        import referencing.exceptions
    except ModuleNotFoundError as error:
        raise MissingPackage("jsonschema", "evals") from error
    kind = jsonschema.validators.validator_for(schema, default=jsonschema.Draft202012Validator)
    try:
        kind.check_schema(schema)
    except (jsonschema.SchemaError, RecursionError) as error:
        raise invalid(asked, f"its value is no JSON Schema: {str(error).splitlines()[0]}") from None
    fitting = kind(schema, registry=referencing.Registry())

    def misfit(value: Any) -> str:  # noqa: ANN401 - any JSON
        try:
            wrong = jsonschema.exceptions.best_match(fitting.iter_errors(value))
        except referencing.exceptions.Unresolvable as error:
            raise invalid(asked, f"its schema refers to what is not in it: {error}") from None
        except re.error as error:
            raise invalid(asked, f"its schema has a pattern that cannot be read: {error}") from None
        except RecursionError:
            return "it is nested too deeply to be checked"
        return f"{wrong.json_path}: {wrong.message}" if wrong else ""

    return misfit


def json_equals(case: Case, answered: Answered, asked: Assertion) -> Mark:
    """Whether the answer is JSON that holds the value (or the case's expectation, itself JSON) at a path.

    Options: `path` (a JSON Pointer, RFC 6901, such as `/items/0/price`; the whole where not given), `strict`.
    """
    options = settings(asked, {"path": "", "strict": False})
    wanted = [Parsed(asked.value)] if asked.value is not None else [parsed(one, strict=True) for one in case.expected]
    right = [one.value for one in wanted if not one.problem]
    if not right:
        return NOT_KNOWN
    read = parsed(answered.text, strict=options["strict"])
    found = read if read.problem else at_path(read.value, _path(asked, options["path"]))
    if found.problem:
        return Mark(value=0.0, reason=found.problem)
    held = any(same(found.value, one) for one in right)
    return Mark(value=float(held), reason="" if held else f"it holds {json.dumps(found.value)[:200]}")


def at_path(value: Any, path: list[str]) -> Parsed:  # noqa: ANN401 - any JSON
    """Follow a path's parts through mappings and lists."""
    for depth, part in enumerate(path):
        try:
            value = value[int(part) if isinstance(value, list) and part.isdecimal() else part]
        except (KeyError, IndexError, ValueError, TypeError):
            return Parsed(None, f"there is nothing at /{'/'.join(path[: depth + 1])}")
    return Parsed(value)


def same(one: Any, other: Any) -> bool:  # noqa: ANN401 - any JSON
    """Whether two JSON values are equal: 1 is 1.0, and never true."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def _path(asked: Assertion, pointer: str) -> list[str]:
    if pointer and not pointer.startswith("/"):
        raise invalid(asked, f"option 'path' is a JSON Pointer such as /items/0/price, not {pointer!r}")
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]


def _refuse(constant: str) -> Any:  # noqa: ANN401 - never returns
    msg = f"{constant} is none of its numbers"
    raise ValueError(msg)


ROWS = (
    Scorer(name="json", line="the answer is JSON", plain=json_parses),
    Scorer(name="json_schema", line="the answer is JSON that fits a schema", plain=json_schema),
    Scorer(name="json_equals", line="the answer is JSON that holds a value at a path", plain=json_equals),
)
