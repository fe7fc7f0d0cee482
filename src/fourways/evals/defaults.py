"""What is scored where neither the case nor its suite says: a small table, each row with its reason. Pure."""

from collections.abc import Callable
from dataclasses import dataclass

from fourways.evals.cases import Assertion, Case
from fourways.evals.promptfoo import MEASURED


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What is scored of the cases that a rule is for.

    Attributes:
        alone: whether no rule below is looked at.
    """

    fits: Callable[[Case], bool]
    asserts: tuple[Assertion, ...]
    why: str
    alone: bool = False


def defaults_for(case: Case) -> tuple[Assertion, ...]:
    """Return what is scored of a case that asserts nothing: by the first rule that stands alone, else by all that fit.

    Latency, tokens and cost are measured for every case anyway.
    """
    found: list[Assertion] = []
    for rule in RULES:
        if rule.fits(case):
            found += rule.asserts
            if rule.alone:
                break
    return tuple(found)


RULES = (
    Rule(
        fits=lambda case: not case.answerable,
        asserts=(Assertion(type="abstention", threshold=1.0),),
        why="what has no answer is answered rightly by saying so, and by nothing else",
        alone=True,
    ),
    Rule(
        fits=lambda case: bool(case.expected),
        asserts=(Assertion(type="contains", threshold=1.0), Assertion(type="token_f1", threshold=MEASURED)),
        why="a short right answer must be in what is said; how much else is said is measured and fails nothing",
    ),
    Rule(
        fits=lambda case: case.metadata.get("answerable") is True,
        asserts=(Assertion(type="abstention", threshold=1.0),),
        why="where cases say which have an answer, abstaining from one that has is a miss of its own kind",
    ),
    Rule(
        fits=lambda case: bool(case.documents),
        asserts=tuple(
            Assertion(type=name, threshold=MEASURED) for name in ("hit", "citation_correctness", "groundedness")
        ),
        why="they tell where a wrong answer comes from; a way without documents has none of them, and loses nothing",
    ),
)
