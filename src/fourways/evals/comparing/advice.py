"""Which way to take, and why: from measurements first, from the project's facts where nothing can be measured. Pure."""

from dataclasses import dataclass
from typing import Literal

Basis = Literal["measured", "facts", "nothing"]
"""What a recommendation rests on."""
Standing = Literal["measured", "possible", "ruled out", "hardly offered"]
"""What is known of one cell of the matrix."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One reason, with what it rests on.

    Attributes:
        says: one sentence.
        figure: the figure that it rests on, in words: `0.81 against 0.12, n = 1,190`; "" where there is none.
        source: `measured here`, `the project file`, or the title of an article.
    """

    says: str
    source: str
    figure: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A way, with the reasons for it (the recommended one, the runner-up) or against it (one that is out)."""

    way: str
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Untried:
    """A way that was not measured and is worth trying.

    Attributes:
        reasons: why.
        takes: what it would take: data, people, hardware, money, a sentence each.
    """

    way: str
    reasons: tuple[Reason, ...]
    takes: tuple[Reason, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One cell of the matrix: who runs the model, how it gets at what the company knows.

    Attributes:
        hosting: `a service` or `your own network`.
        way: the column.
        says: one sentence: what was measured, what it would take, what rules it out.
    """

    hosting: str
    way: str
    standing: Standing
    says: str
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """What is recommended.

    Attributes:
        basis: what it rests on.
        recommended: None where every way is out, or nothing is known; `says` then tells what is missing.
        runner_up: the next best, with what speaks for it and what put it second.
        out: the ways that break a hard constraint.
        worth_trying: ways that no test measured.
        disputed: where the sources disagree, and what decides.
        hosting: a service or one's own machines: what was found on that second question.
        matrix: all cells, row by row.
        missing: facts that would sharpen it: keys of `facts:` that the project file does not give.
    """

    basis: Basis
    says: str
    recommended: Choice | None
    runner_up: Choice | None = None
    out: tuple[Choice, ...] = ()
    worth_trying: tuple[Untried, ...] = ()
    disputed: tuple[Reason, ...] = ()
    hosting: tuple[Reason, ...] = ()
    matrix: tuple[Cell, ...] = ()
    missing: tuple[str, ...] = ()
