"""`${NAME}` and `${NAME:-default}` in the project file, taken from the environment."""

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

VARIABLE = re.compile(r"\$(?P<escaped>\$)?\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>[^}]*))?\}")

Missing = tuple[tuple[str | int, ...], str]
"""Where an undefined variable stands, and what to say of it."""


def expand(value: Any, environ: Mapping[str, str]) -> tuple[Any, list[Missing]]:  # noqa: ANN401 - any YAML value
    """Replace variables in all strings of a value; `$${NAME}` stands for itself.

    Returns:
        The value, and a list of the undefined variables, each with its place.
    """
    missing: list[Missing] = []
    return _expand(value, environ, (), missing), missing


def _expand(value: Any, environ: Mapping[str, str], path: tuple[str | int, ...], missing: list[Missing]) -> Any:  # noqa: ANN401 - any YAML value
    if isinstance(value, dict):
        return {key: _expand(item, environ, (*path, key), missing) for key, item in value.items()}
    if isinstance(value, list):
        return [_expand(item, environ, (*path, number), missing) for number, item in enumerate(value)]
    if not isinstance(value, str) or "${" not in value:
        return value
    missing += [(path, message) for message in _undefined(value, environ)]
    return VARIABLE.sub(lambda match: _value(match, environ), value)


def _value(match: re.Match[str], environ: Mapping[str, str]) -> str:
    if match["escaped"]:
        return match[0][1:]
    return environ.get(match["name"]) or match["default"] or ""


def _undefined(text: str, environ: Mapping[str, str]) -> Iterator[str]:
    for match in VARIABLE.finditer(text):
        name = match["name"]
        if match["escaped"] or match["default"] is not None or environ.get(name):
            continue
        close = get_close_matches(name, environ, n=1, cutoff=0.8)
        hint = (
            f"; did you mean ${{{close[0]}}}?" if close else f"; set it (export {name}=…) or write ${{{name}:-default}}"
        )
        yield f"the environment has no {name}{hint}"
