"""Scorers of what an answer took: seconds, tokens, money. Pure; an answer that never came has none of them."""

from collections.abc import Callable

from fourways.core.report import Answered
from fourways.evals.cases import Assertion, Case
from fourways.evals.scorers.base import Mark, Plain, Scorer
from fourways.evals.scorers.wanted import settings, unanswered


def measured(take: Callable[[Answered], float | None], missing: str) -> Plain:
    """Return the scorer that reads one figure off an answer; `missing` says why there may be none."""

    def scored(case: Case, answered: Answered, asked: Assertion) -> Mark:  # noqa: ARG001 - a `Plain`
        settings(asked, {})
        value = take(answered)
        reason = missing if value is None else ""
        return unanswered(answered) or Mark(value=None if value is None else float(value), reason=reason)

    return scored


def _row(name: str, line: str, unit: str, take: Callable[[Answered], float | None], missing: str = "") -> Scorer:
    return Scorer(name=name, line=line, plain=measured(take, missing), direction="lower", threshold=None, unit=unit)


ROWS = (
    _row("latency", "seconds until the whole answer was there", "s", lambda answered: answered.seconds),
    _row(
        "first_token",
        "seconds until the first token was there",
        "s",
        lambda answered: answered.first_token,
        missing="no token came by itself: it was not streamed",
    ),
    _row(
        "cost",
        "US dollars that the answer cost",
        "USD",
        lambda answered: answered.cost_usd,
        missing="no price is known for the model",
    ),
    _row(
        "tokens",
        "tokens read and written",
        "tokens",
        lambda answered: answered.input_tokens + answered.output_tokens,
    ),
    _row("output_tokens", "tokens written", "tokens", lambda answered: answered.output_tokens),
)
