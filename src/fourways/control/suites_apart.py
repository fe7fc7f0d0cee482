"""Whether rows to learn from hold test cases: near in words, one inside the other, or thirteen words in a row."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fourways.config.tree import Project
from fourways.core.errors import InvalidDataset, Problem
from fourways.evals.cases import Case, Suite
from fourways.evals.contamination import overlaps, question_asked
from fourways.evals.suites import load_suite
from fourways.training.data.near import shared_runs
from fourways.training.data.rows import Row, asked_alone

RUN = 13
"""Words in a row that two texts do not share by chance (Brown et al. 2020, appendix C)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contaminated:
    """A row, by its place in the list, and the test case that stands in it.

    Attributes:
        how: in words.
    """

    row: int
    suite: str
    case: str
    how: str


def suites_of(project: Project, folder: Path) -> tuple[Suite, ...]:
    """Return the test suites of all apps that have one: what none of the rows may hold.

    Raises:
        InvalidSuite: a case is wrong: what cannot be read cannot be kept apart.
    """
    return tuple(
        load_suite(app.tests, folder, name=name)
        for name, app in project.apps.items()
        if app.tests.files or app.tests.cases
    )


def contaminated(rows: Sequence[Row], suites: Sequence[Suite]) -> tuple[Contaminated, ...]:
    """Find the rows that hold a test case, each once for each suite, in order of the rows.

    Compared are the questions of both (near in words, one inside the other: `evals/contamination`), and each test
    question of thirteen words and more with all that a row says.
    """
    asked = [case for number, row in enumerate(rows) for case in _asked(row, number)]
    found: dict[tuple[int, str], Contaminated] = {}
    for suite in suites:
        for one in overlaps(asked, suite.cases):
            number = int(one.tuning.split("/")[0])
            how = {"same": "asks the same", "within": "holds the same words"}.get(
                one.kind, f"asks nearly the same ({one.likeness:.2f})"
            )
            found.setdefault(
                (number, suite.name), Contaminated(row=number, suite=suite.name, case=one.testing, how=how)
            )
        questions = [question_asked(case) for case in suite.cases]
        texts = [" ".join((*map(asked_alone, row.texts),)) for row in rows]
        for number, place in shared_runs(texts, questions, RUN):
            how, case = f"shares {RUN} words in a row", suite.cases[place].id
            found.setdefault((number, suite.name), Contaminated(row=number, suite=suite.name, case=case, how=how))
    return tuple(found[key] for key in sorted(found))


def assert_apart(rows: Sequence[Row], suites: Sequence[Suite]) -> None:
    """Let no row through that holds a test case.

    Raises:
        InvalidDataset: some do; the rows and the cases are named.
    """
    found = contaminated(rows, suites)
    if found:
        problems = [
            Problem(
                file=str(rows[one.row].source),
                line=0,
                key="",
                message=f"{one.how} as test case {one.case} ({one.suite})",
            )
            for one in found
        ]
        summary = (
            f"{len(found):,} rows hold test cases: what was learned before measures nothing; "
            "take them out (`fourways data clean`), or out of the tests:"
        )
        raise InvalidDataset(problems, summary=summary)


def _asked(row: Row, number: int) -> list[Case]:
    """Return every question of a row as a case."""
    texts = [asked_alone(str(one.get("content", ""))) for one in row.messages if one.get("role") == "user"]
    if row.text is not None:
        texts = [row.text]
    return [
        Case(id=f"{number}/{turn}", messages=({"role": "user", "content": text},), expected=(row.answer,))
        for turn, text in enumerate(texts)
    ]
