"""Hard constraints: what the project's facts demand of a way, and whether what was measured keeps it. Pure."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from fourways.config.testing import Facts
from fourways.evals.comparing.advice import Reason
from fourways.evals.comparing.matrix import Measured
from fourways.evals.comparing.rules import FACTS, HERE, ruled_out
from fourways.evals.comparing.wording import dollars, figure_of, seconds, told

Word = Literal["kept", "doubtful", "broken"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """What a hard constraint says of a way."""

    word: Word
    reason: Reason


Constraint = Callable[[Measured, Facts], Ruling | None]
"""None where the facts say nothing of it."""


def _stays(arm: Measured, facts: Facts) -> Ruling | None:
    if facts.may_leave_network is not False:
        return None
    word: Word = "broken" if arm.traits.outside else "kept"
    says = "Data may not leave the network, and it does." if arm.traits.outside else "No data leaves the network."
    figure = "; ".join(arm.traits.data.because)
    return Ruling(word=word, reason=Reason(says=says, figure=figure, source=f"{FACTS}; {HERE}"))


def _may_be_trained(arm: Measured, facts: Facts) -> Ruling | None:
    against = ruled_out(facts, arm.way) if arm.traits.trained else ()
    return Ruling(word="broken", reason=against[0]) if against else None


def _fast(arm: Measured, facts: Facts) -> Ruling | None:
    allowed, p95 = facts.seconds_allowed, arm.p95
    if allowed is None or p95 is None:
        return None
    word: Word = "kept" if p95.value <= allowed else "doubtful" if p95.low <= allowed else "broken"
    says = {
        "kept": f"Answers within the {seconds(allowed)} that people wait.",
        "doubtful": f"May be slower than the {seconds(allowed)} that people wait; the interval holds both.",
        "broken": f"Slower than the {seconds(allowed)} that people wait.",
    }[word]
    return Ruling(word=word, reason=Reason(says=says, figure=f"p95 {told(p95, seconds)}", source=HERE))


def _accurate(arm: Measured, facts: Facts) -> Ruling | None:
    needed, quality = facts.accuracy_needed, arm.quality
    if needed is None or arm.lower_is_better:
        return None
    word: Word = "kept" if quality.value >= needed else "doubtful" if quality.high >= needed else "broken"
    says = {
        "kept": f"Reaches the {needed:g} below which it is of no use.",
        "doubtful": f"May not reach the {needed:g} below which it is of no use; the interval holds both.",
        "broken": f"Does not reach the {needed:g} below which it is of no use.",
    }[word]
    return Ruling(word=word, reason=Reason(says=says, figure=figure_of(arm), source=HERE))


def _affordable(arm: Measured, facts: Facts) -> Ruling | None:
    budget = facts.monthly_budget_usd
    if budget is None or facts.requests_per_month is None:
        return None
    if arm.monthly is None:
        says = "What it costs a month is not known: give the model's price under its provider."
        return Ruling(word="doubtful", reason=Reason(says=says, figure="no price is known", source=HERE))
    word: Word = "kept" if arm.monthly <= budget else "broken"
    says = f"{'Within' if word == 'kept' else 'Over'} the monthly budget of {dollars(budget)}."
    figure = f"{dollars(arm.monthly)} at {facts.requests_per_month:,.0f} answers a month"
    return Ruling(word=word, reason=Reason(says=says, figure=figure, source=HERE))


def _buildable(arm: Measured, facts: Facts) -> Ruling | None:
    if facts.budget_usd is None:
        return None
    word: Word = "kept" if arm.build_usd <= facts.budget_usd else "broken"
    says = f"{'Within' if word == 'kept' else 'Over'} the {dollars(facts.budget_usd)} there is to build it."
    return Ruling(word=word, reason=Reason(says=says, figure=dollars(arm.build_usd), source=HERE))


CONSTRAINTS: tuple[Constraint, ...] = (_stays, _may_be_trained, _accurate, _fast, _affordable, _buildable)
