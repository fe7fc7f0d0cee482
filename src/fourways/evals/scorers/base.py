"""What a scorer is: a function from a case and its answer to a mark, with a direction and a threshold of its own."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from fourways.core.report import Answered, Direction, Score
from fourways.evals.cases import Assertion, Case
from fourways.models.embedders import Embedder


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """What a scorer gives.

    Attributes:
        value: None where it cannot be scored; `reason` then says why.
        passed: set by scorers that decide by themselves; else the threshold decides.
    """

    value: float | None
    reason: str = ""
    passed: bool | None = None


class Ask(Protocol):
    """Puts a prompt to a model and returns its text; the same question is asked once and remembered."""

    async def __call__(self, model: str, system: str, question: str) -> str:
        """Ask.

        Raises:
            FourwaysError: the model cannot be asked.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What a scorer may use besides the case and the answer.

    Attributes:
        embed: turns texts into unit vectors.
        ask: puts a prompt to a model.
        judge: the model that judges where an assertion names none; "" for none.
        again: puts another question to the candidate itself (rephrasings); returns its whole answer.
        folder: the project's, for scorers written in Python; None where there is no project.
    """

    embed: Embedder | None = None
    ask: Ask | None = None
    judge: str = ""
    again: Callable[[str], Awaitable[Answered]] | None = None
    folder: Path | None = None


Plain = Callable[[Case, Answered, Assertion], Mark]
"""A pure function."""
Aided = Callable[[Case, Sequence[Answered], Assertion, Tools], Awaitable[Mark]]
"""One that needs tools, or all repeats of the answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scorer:
    """One row of `SCORERS`.

    Attributes:
        name: its `type` in test cases.
        plain, aided: the function; exactly one of them.
        threshold: from which value on an answer passes (up to which, where `direction` is lower); None for never asked.
        unit: of the value; "" for a share.
        line: what it measures, one line for the docs.
    """

    name: str
    line: str
    plain: Plain | None = None
    aided: Aided | None = None
    direction: Direction = "higher"
    threshold: float | None = 1.0
    unit: str = ""

    async def score(self, case: Case, answers: Sequence[Answered], asked: Assertion, tools: Tools) -> Score:
        """Score an answer (the first of its repeats) and hold it against the threshold."""
        if self.plain is not None:
            mark = self.plain(case, answers[0], asked)
        else:
            assert self.aided is not None, self.name  # noqa: S101 - the table's mistake
            mark = await self.aided(case, answers, asked, tools)
        return Score(metric=asked.name, value=mark.value, passed=self._passed(mark, asked), reason=mark.reason)

    def _passed(self, mark: Mark, asked: Assertion) -> bool | None:
        bound = self.threshold if asked.threshold is None else asked.threshold
        if mark.passed is not None and asked.threshold is None:
            return mark.passed
        if mark.value is None or bound is None:
            return None
        return mark.value >= bound if self.direction == "higher" else mark.value <= bound
