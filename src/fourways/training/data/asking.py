"""Questions about a document, made by rules from what it says: its tables first. Pure."""

from collections.abc import Sequence

from fourways.core.data import Document
from fourways.training.data.making import Pair
from fourways.training.data.tables import table_pairs


def pairs_by_rules(document: Document) -> Sequence[Pair]:
    """Ask a document's text what rules can ask of it, the surer questions first."""
    return tuple(table_pairs(document))
