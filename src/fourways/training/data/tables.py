"""Questions about Markdown tables: a row's and a column's heading ask for the cell where they meet. Pure."""

import re
from collections.abc import Iterator

from fourways.core.data import Document
from fourways.training.data.making import Pair

_RULE = re.compile(r"^\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)+\|?\s*$")


def table_pairs(document: Document) -> Iterator[Pair]:
    """Ask for every cell of every table."""
    at, lines = 0, document.text.splitlines(keepends=True)
    places = []
    for line in lines:
        places.append(at)
        at += len(line)
    for number, line in enumerate(lines):
        if number and _RULE.match(line):
            names = cells(lines[number - 1])
            for row in range(number + 1, len(lines)):
                values = cells(lines[row])
                if len(values) != len(names):
                    break
                for name, value in zip(names[1:], values[1:], strict=True):
                    if value:
                        start = places[row]
                        yield Pair(
                            question=f"What is the {name.lower()} of {values[0]}?",
                            answer=value,
                            start=start,
                            end=start + len(lines[row].rstrip()),
                            fact=f"{values[0]} {name}",
                        )


def cells(line: str) -> list[str]:
    """Return the cells of a table's line; none where it is no such line."""
    text = line.strip()
    return [cell.strip() for cell in text.strip("|").split("|")] if text.startswith("|") else []
