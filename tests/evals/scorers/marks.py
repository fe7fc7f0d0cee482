"""What tests of plain scorers share: the mark of an answer by its type."""

from collections.abc import Mapping, Sequence
from typing import Any

from fourways.core.report import Answered
from fourways.evals.cases import Assertion, Case
from fourways.evals.scorers import SCORERS
from fourways.evals.scorers.base import Mark


def mark(
    kind: str,
    said: str | Answered,
    value: Any = None,
    *,
    expected: Sequence[str] | str = (),
    question: str = "When?",
    context: Sequence[str] = (),
    metadata: Mapping[str, Any] | None = None,
    **options: Any,
) -> Mark:
    """Score one answer to one case by one assertion, without a threshold."""
    case = Case(
        id="one",
        messages=({"role": "user", "content": question},),
        expected=(expected,) if isinstance(expected, str) else tuple(expected),
        context=tuple(context),
        metadata=metadata or {},
    )
    plain = SCORERS[kind].plain
    assert plain is not None, kind
    answered = Answered(text=said) if isinstance(said, str) else said
    return plain(case, answered, Assertion(type=kind, value=value, options=options))


def value(kind: str, said: str | Answered, wanted: Any = None, **fields: Any) -> float | None:
    """Return the mark's value alone."""
    return mark(kind, said, wanted, **fields).value
