"""Rows parted into those learned from and those only watched: by group and seed, no group on both sides."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fourways.core.ids import digest
from fourways.models.words import plain_words
from fourways.training.data.rows import Row, asked_alone


@dataclass(frozen=True, slots=True, kw_only=True)
class Parted:
    """Rows in their former order, on two sides."""

    train: tuple[Row, ...]
    valid: tuple[Row, ...]


def group_of(row: Row) -> str:
    """Return what a row is kept together with: its group, else its document, else whatever asks the same."""
    if row.group:
        return f"group {row.group}"
    if row.source.kind == "document":
        return f"document {row.source.knowledge} {row.source.name}"
    return asking(row)


def asking(row: Row) -> str:
    """Return what a row asks, without case and punctuation; what asks nothing is known by its content."""
    words = plain_words(asked_alone(row.question))
    return f"asking {' '.join(words)}" if words else f"content {row.digest}"


def part(rows: Sequence[Row], *, valid: float, seed: int, by: Callable[[Row], str] = group_of) -> Parted:
    """Part rows: whole groups go to the watched side, in an order drawn by the seed, until it has its share.

    A side is never left empty by a share above 0, where there are two groups at least.

    Args:
        rows: of any kind.
        valid: share of the rows that is only watched, 0 to 1.
        seed: another one, another parting; the same rows are parted alike everywhere.
        by: what a row is kept together with.
    """
    groups: dict[str, list[int]] = defaultdict(list)
    for number, row in enumerate(rows):
        groups[by(row)].append(number)
    drawn = sorted(groups, key=lambda name: digest([seed, name]))
    wanted = valid * len(rows)
    watched: set[int] = set()
    for name in drawn[:-1]:  # the last one drawn is learned from, whatever the share
        if len(watched) + len(groups[name]) / 2 <= wanted:
            watched.update(groups[name])
    if wanted and not watched and len(groups) > 1:
        watched.update(groups[min(drawn, key=lambda name: len(groups[name]))])
    return Parted(
        train=tuple(row for number, row in enumerate(rows) if number not in watched),
        valid=tuple(row for number, row in enumerate(rows) if number in watched),
    )
