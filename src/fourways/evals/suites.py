"""Suites: the cases of an app's project file, or of one file, with all that must hold of them; parted and kept apart.

Cases for tuning may be looked at and learned from; what was seen before measures nothing, so no test case is among
them, not even nearly.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from fourways.config.references import matching
from fourways.config.testing import Split, TestsNode
from fourways.core.errors import InvalidSuite
from fourways.core.ids import digest
from fourways.evals.cases import Assertion, Case, Suite
from fourways.evals.contamination import assert_clean, overlaps, question_asked, read_words
from fourways.evals.datasets import Options
from fourways.evals.defaults import defaults_for
from fourways.evals.reading import read_file, scorer_names
from fourways.evals.rows import assertion, from_node
from fourways.evals.sheets import Place

Side = Literal["testing", "tuning"]
INLINE = "case"
"""What ids of cases in the project file begin with."""
_DIGITS = 13


def load_suite(
    node: TestsNode, folder: Path, *, name: str, side: Side = "testing", known: Collection[str] | None = None
) -> Suite:
    """Gather one side of an app's test cases, and see that the other side has none of them.

    With `split`, the cases of `files` are parted; a case for tuning that is nearly one for testing is left out.

    Args:
        node: `tests` of the project file.
        folder: the project's.
        name: the suite's, for reports: the app's.
        side: cases to measure on, or those to try things out on.
        known: the scorers there are; those of `SCORERS` where None.

    Raises:
        InvalidSuite: a file or a case is wrong, a side is empty, or a case named for tuning is a test case, or nearly.
    """
    names = scorer_names(known)
    inline = tuple(
        from_node(case, name=f"{INLINE}-{number:03d}", place=Place(f"tests.cases[{number - 1}]"), known=names)
        for number, case in enumerate(node.cases, 1)
    )
    *files, written = _named_apart([*_read(node.files, folder, names), _Source("cases", inline)])
    sides = {one: [case for case in _all(files) if _side(case, node.split) == one] for one in EMPTY}
    testing = [*sides["testing"], *written.cases]
    apart = _read(node.tuning, folder, names)
    assert_clean(_all(apart), testing)
    cases = testing if side == "testing" else _tuning(sides["tuning"], apart, testing)
    if not cases:
        raise InvalidSuite(EMPTY[side])
    asserts = tuple(assertion(one, Place("tests.assert"), names) for one in node.assert_)
    return Suite(name=name if side == "testing" else f"{name}-tuning", cases=_scored(cases, asserts))


def load_file(
    path: Path, *, name: str = "", known: Collection[str] | None = None, options: Options | None = None
) -> Suite:
    """Read a file as a suite by itself; what asserts nothing has the defaults.

    Args:
        path: of test cases, or of a public data set.
        name: the suite's; the file's, without its endings, where not given.
        known: the scorers there are; those of `SCORERS` where None.
        options: what public data sets leave open.

    Raises:
        InvalidSuite: the file or a case in it is wrong.
    """
    cases = read_file(path, known=known, options=options)
    return Suite(name=name or path.name.split(".")[0], cases=_scored(cases, ()))


EMPTY: Mapping[Side, str] = {
    "testing": "there are no test cases: name files in `tests.files`, or write some under `tests.cases`",
    "tuning": "there are no cases for tuning: name files in `tests.tuning`, or part those of `tests.files` by `split`",
}


def side_of(case: Case, split: Split) -> Side:
    """Return the side that a case falls on: by a digest of its question, or of its group, and so always the same.

    Case and punctuation of the question make no difference.

    Raises:
        InvalidSuite: the case has no metadata of the name that the split goes by.
    """
    if split.by is not None and split.by not in case.metadata:
        raise InvalidSuite(f"case '{case.id}' has no metadata.{split.by}, by which the split goes; give it one")
    key = read_words(question_asked(case)).run if split.by is None else case.metadata[split.by]
    place = int(digest([split.seed, key])[:_DIGITS], 16) / 16**_DIGITS
    return "testing" if place < split.testing else "tuning"


# ---------------------------------------------------------------- files


@dataclass(frozen=True, slots=True)
class _Source:
    """Where cases come from: a name for their ids where two sources use one and the same."""

    name: str
    cases: tuple[Case, ...]


def _read(patterns: Sequence[str], folder: Path, known: Collection[str]) -> list[_Source]:
    """Read files and globs, each file once."""
    found = {path.resolve(): path for pattern in patterns for path in _files(pattern, folder)}
    files = [shown(path, folder) for path in found.values()]
    stems = Counter(Path(file).name.split(".")[0] for file in files)
    sources = []
    for path, file in zip(found.values(), files, strict=True):
        stem = Path(file).name.split(".")[0]
        sources.append(_Source(stem if stems[stem] == 1 else file, read_file(path, file=file, known=known)))
    return sources


def _files(pattern: str, folder: Path) -> list[Path]:
    found = matching(pattern, folder)
    if not found:
        raise InvalidSuite(f"no file matches {pattern} in {folder}")
    return found


def shown(path: Path, folder: Path) -> str:
    """Name a file as people know it: from the project's folder, where it lies in there."""
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else str(path)


def _named_apart(sources: Sequence[_Source]) -> list[_Source]:
    """Give every case an id of its own: one that several sources use is put behind its source's name."""
    uses = Counter(case.id for case in _all(sources))
    named = [
        replace(
            source,
            cases=tuple(
                case if uses[case.id] == 1 else replace(case, id=f"{source.name}/{case.id}") for case in source.cases
            ),
        )
        for source in sources
    ]
    twice = next((one for one, count in Counter(case.id for case in _all(named)).items() if count > 1), None)
    if twice is not None:
        raise InvalidSuite(f"two cases are called '{twice}'; give each an id of its own")
    return named


def _all(sources: Sequence[_Source]) -> list[Case]:
    return [case for source in sources for case in source.cases]


# ---------------------------------------------------------------- sides


def _side(case: Case, split: Split | None) -> Side:
    return "testing" if split is None else side_of(case, split)


def _tuning(parted: Sequence[Case], apart: Sequence[_Source], testing: Sequence[Case]) -> list[Case]:
    """Leave out of what was parted what resembles a test case: the test must not change when a case is added."""
    tested = {overlap.tuning for overlap in overlaps(parted, testing)}
    untested = tuple(case for case in parted if case.id not in tested)
    return _all(_named_apart([_Source("split", untested), *apart]))


def _scored(cases: Sequence[Case], asserts: tuple[Assertion, ...]) -> tuple[Case, ...]:
    """Add what must hold of every case; what fits the case where nothing is said at all."""
    return tuple(replace(case, asserts=(*case.asserts, *asserts) or defaults_for(case)) for case in cases)
