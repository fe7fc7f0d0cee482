"""What differs between two JSON values, leaf by leaf: how two candidates are told apart. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

ABSENT = "(not there)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One place at which two values differ: `prompt.system`, `retrieval.limit`."""

    place: str
    before: Any
    after: Any


def differences(before: Any, after: Any, place: str = "") -> Iterator[Difference]:  # noqa: ANN401 - any JSON value
    """Yield every leaf at which two JSON values differ, in the order of their keys; nothing for equal values."""
    if before == after:
        return
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in sorted({*before, *after}):
            inner = f"{place}.{key}" if place else str(key)
            yield from differences(before.get(key, ABSENT), after.get(key, ABSENT), inner)
    elif _is_list(before) and _is_list(after):
        for number, (first, second) in enumerate(zip_longest(before, after, fillvalue=ABSENT)):
            yield from differences(first, second, f"{place}[{number}]")
    else:
        yield Difference(place=place, before=before, after=after)


def _is_list(value: Any) -> bool:  # noqa: ANN401 - any JSON value
    return isinstance(value, Sequence) and not isinstance(value, str)
