"""Rows from YAML: a list of mappings, or a mapping with `tests`; each with its line."""

from collections.abc import Collection, Iterator
from typing import Any

import yaml

from fourways.evals.sheets.base import Place, Row, Sheet, gathered

MOST_YAML = 8 << 20
"""Characters: YAML is read a hundred times as slowly as JSON, and nobody writes that much by hand."""
MOST_VALUES = 2_000_000
"""Values of a file with its aliases unfolded."""

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def yaml_list(file: str, text: str, as_written: Collection[str]) -> Sheet:
    """Read a list of mappings, or a mapping whose `tests` are one."""
    if len(text) > MOST_YAML:
        raise Place(file).wrong(f"is larger than {MOST_YAML >> 20} MiB, too much for YAML; write it as JSON Lines")
    values = _Values(file, as_written)
    try:
        root = yaml.compose(text, Loader=_LOADER)
        if isinstance(root, yaml.MappingNode):
            top = values.mapping(root, frozenset())
            tests = next((value for key, value in root.value if key.value == "tests"), None)
            listed = tests if isinstance(tests, yaml.SequenceNode) else None
        elif isinstance(root, yaml.SequenceNode):
            top, listed = {}, root
        else:
            raise Place(file, 1).wrong("should be a list of cases, each a mapping such as {input: …}")
        return Sheet(file=file, kind="yaml", top=top, rows=gathered(values.rows(listed)) if listed else ())
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise Place(file, line).wrong(f"is no YAML: {error.problem or error.context}") from error
    except (yaml.YAMLError, ValueError) as error:
        raise Place(file).wrong(f"is no YAML: {error}") from error
    except RecursionError as error:
        raise Place(file).wrong("is nested too deeply") from error


class _Values:
    """Turns YAML nodes into plain values, so many at most: aliases of aliases can unfold to any size."""

    def __init__(self, file: str, as_written: Collection[str]) -> None:
        self.file = file
        self.as_written = as_written
        self.left = MOST_VALUES
        self.loader = yaml.SafeLoader("")

    def rows(self, listed: yaml.SequenceNode) -> Iterator[Row]:
        for node in listed.value:
            place = self._at(node)
            if not isinstance(node, yaml.MappingNode):
                raise place.wrong("each item of the list should be a mapping such as {input: …}")
            yield Row(place, self.mapping(node, self.as_written))

    def mapping(self, node: yaml.MappingNode, as_written: Collection[str]) -> dict[str, Any]:
        merged: dict[str, Any] = {}
        made: dict[str, Any] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise self._at(key).wrong("a key should be a plain word")
            if key.tag == _MERGE:
                merged |= self._merged(value, as_written)
            elif key.value in made:
                raise self._at(key).wrong(f"'{key.value}' stands twice; keep one of them")
            else:
                made[key.value] = self._value(value, text=key.value in as_written)
        return merged | made

    def _merged(self, node: yaml.Node, as_written: Collection[str]) -> dict[str, Any]:
        """Return what `<<` brings in: a mapping, or several, of which the first goes before the others."""
        self._count(node)
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node, as_written)
        if not isinstance(node, yaml.SequenceNode):
            raise self._at(node).wrong("what << brings in should be a mapping, such as *defaults")
        made: dict[str, Any] = {}
        for one in reversed(node.value):
            made |= self._merged(one, as_written)
        return made

    def _count(self, node: yaml.Node) -> None:
        self.left -= 1
        if self.left < 0:
            raise self._at(node).wrong(f"its aliases unfold to more than {MOST_VALUES:,} values")

    def _value(self, node: yaml.Node, *, text: bool = False) -> Any:  # noqa: ANN401 - any YAML value
        self._count(node)
        if isinstance(node, yaml.SequenceNode):
            return [self._value(item, text=text) for item in node.value]
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node, frozenset())
        kind = node.tag.rpartition(":")[2]
        if kind == "timestamp" or (kind in _NUMBERS and ":" in node.value) or (text and kind in _WORDS):
            return node.value
        return self.loader.construct_object(node, deep=True)

    def _at(self, node: yaml.Node) -> Place:
        return Place(self.file, node.start_mark.line + 1)


_MERGE = "tag:yaml.org,2002:merge"
"""The key << (yaml.org/type/merge.html): what it brings in, the mapping's own keys go before."""
_NUMBERS = frozenset({"int", "float"})
"""1:30 is ninety in YAML 1.1, and a time of day to whoever writes it."""
_WORDS = _NUMBERS | {"bool"}
