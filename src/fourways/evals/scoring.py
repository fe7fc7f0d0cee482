"""Scoring one case by everything that it asserts; a check that could not be made is never one that held."""

from collections.abc import Sequence
from dataclasses import replace

from fourways.core.errors import FourwaysError, InvalidSuite, MissingPackage
from fourways.core.report import Answered, Score
from fourways.evals.cases import Assertion, Case
from fourways.evals.promptfoo import MEASURED
from fourways.evals.scorers import SCORERS
from fourways.evals.scorers.base import Tools


async def score(case: Case, answers: Sequence[Answered], tools: Tools) -> tuple[Score, ...]:
    """Score the first of a case's answers by everything that the case asserts.

    A score without a value fails the case where the check could not be made, and says so; where there was nothing to
    check it decides nothing.

    Raises:
        InvalidSuite: an assertion is not what its scorer understands.
        MissingPackage: a scorer needs what is not installed.
    """
    return tuple([await _scored(case, answers, asked, tools) for asked in case.asserts])


async def _scored(case: Case, answers: Sequence[Answered], asked: Assertion, tools: Tools) -> Score:
    try:
        found = await SCORERS[asked.type].score(case, answers, asked, tools)
    except InvalidSuite as error:
        raise InvalidSuite(f"case {case.id}: {error.message}") from error
    except MissingPackage:
        raise
    except FourwaysError as error:
        found = Score(metric=asked.name, value=None, reason=error.message)
    if not decides(asked):
        return replace(found, passed=None)
    if found.value is None and can_fail(asked) and not answers[0].error:
        return replace(found, passed=False, reason=f"could not be scored: {found.reason}")
    return found


def decides(asked: Assertion) -> bool:
    """Whether an assertion can fail a case: without a threshold, or with one that every score keeps, it measures."""
    scorer = SCORERS[asked.type]
    bound = scorer.threshold if asked.threshold is None else asked.threshold
    return bound is not None and (scorer.direction == "lower" or bound > MEASURED)


def can_fail(asked: Assertion) -> bool:
    """Whether no score means that the check could not be made; elsewhere it means that there was nothing to check.

    An answer that abstains has nothing to be grounded. A judge that gave no verdict has not judged: no pass.
    """
    return asked.type in MAY_FAIL or asked.options.get("by") == "judge"


MAY_FAIL = frozenset(("judge", "pairwise", "python", "code", "agreement", "rephrase_same", "consistent_under_rephrase"))
"""Scorers that ask a model, run a program, or need what the suite may not give."""
