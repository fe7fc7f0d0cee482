"""What a search may see, as a condition on the index's rows: a snapshot, a caller's labels, OpenAI's filter objects.

Values never become syntax: each is JSON inside a quoted SQL literal. Metadata stand in two columns of a row: `facts`, a
text of `[key,value]` tokens for equality (a list has one for each element), and `sizes`, JSON by kind and key
(`n:year`, `s:date`) for order. Knows nothing about LanceDB beyond its SQL.
"""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from fourways.core.errors import InvalidRequest

MARK = "\x1f"
"""Parts the tokens of a text: JSON never holds it bare."""

_DEEPEST, _MOST = 16, 500


def token(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """Write a value so that equal ones are equal text: 2.0 is 2, an object's keys are sorted."""
    return json.dumps(_plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)


def tokens(values: Collection[Any]) -> str:
    """Join values' tokens, with a mark before, between and behind; "" for none."""
    return MARK + MARK.join(sorted(map(token, values))) + MARK if values else ""


def facts(metadata: Mapping[str, Any]) -> str:
    """Return what equality is tested on."""
    return tokens([(key, each) for key, value in metadata.items() for each in _each(value)])


def sizes(metadata: Mapping[str, Any]) -> str:
    """Return what order is tested on: JSON of numbers and texts by kind and key."""
    kinds = {f"{_kind(value)}:{key}": value for key, value in metadata.items() if _kind(value)}
    return json.dumps(kinds, ensure_ascii=False)


# ---------------------------------------------------------------- conditions


def visible(number: int, labels: Collection[str]) -> str:
    """Return the condition of what a snapshot shows to a caller with these labels."""
    shown = f"added_in <= {number:d} AND removed_in > {number:d}"
    readers = ["acl = ''", *(_holds("acl", token(label)) for label in sorted(labels))]
    return f"{shown} AND ({' OR '.join(readers)})"


def compile_filter(filters: Mapping[str, Any] | None) -> str:
    """Return the condition of an OpenAI filter object, "" for none.

    Args:
        filters: `{type, key, value}` with eq, ne, gt, gte, lt, lte, in, nin; or `{type: and|or, filters: […]}`. A key
            that a document does not have fulfils only ne and nin; a list fulfils eq where an element does.

    Raises:
        InvalidRequest: it is not one.
    """
    if filters is None:
        return ""
    return f"({_compile(filters, _DEEPEST)})"


def _compile(node: Any, depth: int) -> str:  # noqa: ANN401 - whatever a caller sent
    if not isinstance(node, Mapping):
        raise _invalid(f"a filter is an object with a type, not {token(node)[:80]}")
    if depth == 0:
        raise _invalid(f"filters are nested more than {_DEEPEST} deep")
    kind = node.get("type")
    if kind in ("and", "or"):
        parts = node.get("filters")
        if not isinstance(parts, Sequence) or isinstance(parts, str) or not 0 < len(parts) <= _MOST:
            raise _invalid(f"a filter of type '{kind}' has from 1 to {_MOST} filters")
        return f" {kind.upper()} ".join(f"({_compile(part, depth - 1)})" for part in parts)
    compare = _COMPARE.get(kind) if isinstance(kind, str) else None
    if compare is None:
        known = ", ".join((*_COMPARE, "and", "or"))
        raise _invalid(f"a filter's type is one of {known}, not {token(kind)[:80]}")
    key = node.get("key")
    if not isinstance(key, str) or "value" not in node:
        raise _invalid(f"a filter of type '{kind}' has a key (a text) and a value")
    return compare(key, node["value"])


def _equal(key: str, value: Any) -> str:  # noqa: ANN401 - any JSON value
    return _holds("facts", token((key, value)))


def _unequal(key: str, value: Any) -> str:  # noqa: ANN401 - any JSON value
    return f"NOT {_equal(key, value)}"


def _among(key: str, value: Any) -> str:  # noqa: ANN401 - whatever a caller sent
    if not isinstance(value, Sequence) or isinstance(value, str) or len(value) > _MOST:
        raise _invalid(f"in and nin take a list of at most {_MOST} values")
    return f"({' OR '.join(_equal(key, each) for each in value)})" if value else "1 = 0"


def _not_among(key: str, value: Any) -> str:  # noqa: ANN401 - whatever a caller sent
    return f"NOT ({_among(key, value)})"


def _ordered(sign: str) -> Callable[[str, Any], str]:
    def compare(key: str, value: Any) -> str:  # noqa: ANN401 - whatever a caller sent
        kind = _kind(value)
        if not kind:
            raise _invalid("gt, gte, lt and lte compare a number or a text")
        path = _literal(f"{kind}:{key}")
        if kind == "s":
            return f"json_get_string(sizes, {path}) {sign} {_literal(value)}"
        return f"json_get_float(sizes, {path}) {sign} {float(value)!r}"

    return compare


_COMPARE: Mapping[str, Callable[[str, Any], str]] = MappingProxyType(
    {
        "eq": _equal,
        "ne": _unequal,
        "gt": _ordered(">"),
        "gte": _ordered(">="),
        "lt": _ordered("<"),
        "lte": _ordered("<="),
        "in": _among,
        "nin": _not_among,
    }
)


def quoted(values: Collection[str]) -> str:
    """Return texts as a list of SQL literals, for IN."""
    return ", ".join(map(_literal, values))


def _holds(column: str, value: str) -> str:
    return f"contains({column}, {_literal(MARK + value + MARK)})"


def _literal(text: str) -> str:
    """Quote a text for SQL; what Lance's UTF-8 cannot carry matches nothing."""
    whole = text.encode(errors="replace").decode()
    return "'" + whole.replace("'", "''") + "'"


def _kind(value: Any) -> str:  # noqa: ANN401 - any JSON value
    if isinstance(value, bool):
        return ""
    if isinstance(value, str):
        return "s"
    return "n" if isinstance(value, int | float) and abs(value) < float("inf") else ""


def _each(value: Any) -> Sequence[Any]:  # noqa: ANN401 - any JSON value
    return value if isinstance(value, list | tuple) else (value,)


def _plain(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value


def _invalid(message: str) -> InvalidRequest:
    return InvalidRequest(message, param="filters")
