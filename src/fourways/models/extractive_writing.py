"""An answer's pieces out of chosen quotations: text with its mark, and the citations. Pure.

Without marks and white space, the pieces are their citations' quotes one after the other: nothing is added.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from fourways.core.data import Citation, Hit, cite
from fourways.models.extractive_cutting import Quotable


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One quotation as it is said: a sentence with its mark, or a table's head with rows and their mark."""

    text: str
    citations: tuple[Citation, ...]


def write_pieces(quoted: Sequence[Quotable], sources: Sequence[Hit]) -> Iterator[Piece]:
    """Yield the answer's pieces, in the order given; joined, their texts are the answer.

    A table's rows stand below its head and above their mark, so that they can still be read as a table.
    """
    before: Quotable | None = None
    for (source, head, _), group in groupby(quoted, lambda one: (one.source, one.head, one.head or one.start)):
        rows = list(group)
        places = [*([head] if head else []), *((row.start, row.end) for row in rows)]
        citations = tuple(cite(source + 1, sources[source].passage, start, end) for start, end in places)
        same = before is not None and before.source == source and not before.head and not head
        same = same and "\n" not in rows[0].text  # steps and lists begin a line of their own
        joint = "" if before is None else " " if same else "\n\n"
        mark = f"\n\n[{source + 1}]" if head else f" [{source + 1}]"
        yield Piece(text=joint + "\n".join(one.quote for one in citations) + mark, citations=citations)
        before = rows[-1]
