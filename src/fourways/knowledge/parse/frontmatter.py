"""YAML front matter of a Markdown file: its title, language, labels and any metadata."""

import datetime as dt
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from fourways.core.errors import UnreadableDocument

_FENCED = re.compile(r"\s*---[ \t]*\n(.*?)^(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)
_LIMIT = 65_536
_NODES = 2_000
_LABELS = ("acl", "labels")
_LANGUAGE = re.compile(r"[a-zA-Z]{2}(?:[-_].*)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontMatter:
    """What a document says of itself, and where its text begins."""

    begins: int = 0
    title: str = ""
    language: str = ""
    acl: frozenset[str] = frozenset()
    metadata: Mapping[str, Any] = field(default_factory=dict)


def read_front_matter(text: str, *, uri: str) -> FrontMatter:
    """Read the front matter at the head of a text; one without any gives the empty one.

    Raises UnreadableDocument where it is no YAML mapping or its labels are no names: a page whose restrictions cannot
    be read must not be shown to everybody.
    """
    found = _FENCED.match(text, 0, _LIMIT) if text.lstrip()[:3] == "---" else None
    if not found or ":" not in found[1]:
        return FrontMatter()  # a rule at the head of a text is no front matter
    values = _load(found[1], uri)
    acl = frozenset(label for key in _LABELS for label in _labels(values.get(key), key, uri))
    language = str(values.get("language") or values.get("lang") or "")
    return FrontMatter(
        begins=found.end(),
        title=str(values.get("title") or "").strip(),
        language=language[:2].lower() if _LANGUAGE.fullmatch(language) else "",
        acl=acl,
        metadata={key: value for key, value in values.items() if key not in {"title", *_LABELS}},
    )


def _load(block: str, uri: str) -> dict[str, Any]:
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        values = yaml.load(block, Loader=loader)  # noqa: S506 - a safe loader, the fast one where it was built
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f" (line {mark.line + 2})" if mark else ""
        reason = getattr(error, "problem", None) or "it is nested too deep"
        raise UnreadableDocument(
            f"the front matter of '{uri}'{place} is not YAML: {reason}; put values with ': ' or '#' in quotes"
        ) from error
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise UnreadableDocument(f"the front matter of '{uri}' is not a mapping; write it as 'title: …' lines")
    budget = iter(range(_NODES))
    return {str(key): _json(value, budget, uri) for key, value in values.items()}


def _json(value: object, budget: Iterator[int], uri: str) -> object:
    """Return a YAML value as JSON has it; the budget stops aliases that would unfold without end."""
    if next(budget, None) is None:
        raise UnreadableDocument(f"the front matter of '{uri}' has more than {_NODES:,} values; keep data out of it")
    if isinstance(value, dict):
        return {str(key): _json(each, budget, uri) for key, each in value.items()}
    if isinstance(value, list | tuple | set):
        return [_json(each, budget, uri) for each in value]
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)


def _labels(value: object, key: str, uri: str) -> list[str]:
    if value is None:
        return []
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list) or not all(isinstance(name, str) and name.strip() for name in names):
        raise UnreadableDocument(
            f"'{key}' in the front matter of '{uri}' must be a list of labels, such as [hr, legal]"
        )
    return [name.strip() for name in names]
