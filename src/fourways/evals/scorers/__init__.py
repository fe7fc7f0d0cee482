"""The scorers, a family: base, a file for each kind, and the table SCORERS."""

from collections.abc import Mapping
from types import MappingProxyType

from fourways.evals.scorers import (
    agreement,
    choosing,
    code,
    cost,
    grounding,
    judging,
    numeric,
    overlap,
    python,
    retrieval,
    safety,
    semantic,
    structured,
    text,
)
from fourways.evals.scorers.base import Scorer

FAMILIES = (
    text.ROWS,
    choosing.ROWS,
    numeric.ROWS,
    overlap.ROWS,
    structured.ROWS,
    code.ROWS,
    semantic.ROWS,
    retrieval.ROWS,
    grounding.ROWS,
    agreement.ROWS,
    judging.ROWS,
    safety.ROWS,
    python.ROWS,
    cost.ROWS,
)
"""Every file's rows, in the order in which the docs list them."""

SCORERS: Mapping[str, Scorer] = MappingProxyType({row.name: row for rows in FAMILIES for row in rows})
