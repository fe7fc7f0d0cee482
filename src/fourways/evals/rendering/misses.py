"""Cases that did not pass, made ready to be looked at: why, and whether what they needed was found."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from fourways.core.report import CaseResult, Report
from fourways.evals.measuring import undecided

SHOWN_SOURCES = 5
ABSTAINED, BROKE_OFF, NO_SCORE = "abstained", "broke off", "could not be scored"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One passage that the answer was given; `right` where it is of a document that the case names."""

    document: str
    text: str
    right: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Miss:
    """One case that did not pass.

    Attributes:
        why: in a word or two: the metrics that it missed, that it abstained, that it broke off.
        lacking: right documents that were not among the sources.
    """

    result: CaseResult
    why: str
    sources: tuple[Source, ...]
    more_sources: int
    lacking: str


def missed_of(report: Report) -> list[CaseResult]:
    """Return the cases that were missed, in the suite's order; those that cannot be told are not among them."""
    return [result for result in report.results if not result.passed and not undecided(result)]


def misses_of(results: Sequence[CaseResult]) -> list[Miss]:
    """Make cases ready to be shown."""
    return [_miss(result) for result in results]


def why(result: CaseResult) -> str:
    """Say in a word or two why a case did not pass."""
    if result.answer.error:
        return BROKE_OFF
    failed = [score.metric for score in result.scores if score.passed is False and score.value is not None]
    unknown = [f"{score.metric} {NO_SCORE}" for score in result.scores if score.passed is False and score.value is None]
    return ", ".join([*([ABSTAINED] if result.answer.abstained else []), *failed, *unknown])


def _miss(result: CaseResult) -> Miss:
    wanted = list(_documents(result.metadata))
    sources = [
        Source(
            document=str(source.get("document", "")),
            text=str(source.get("text", "")),
            right=any(fnmatchcase(str(source.get("document", "")), one) for one in wanted),
        )
        for source in result.answer.sources
    ]
    found = [source.document for source in sources]
    lacking = [one for one in wanted if sources and not any(fnmatchcase(document, one) for document in found)]
    return Miss(
        result=result,
        why=why(result),
        sources=tuple(sources[:SHOWN_SOURCES]),
        more_sources=max(0, len(sources) - SHOWN_SOURCES),
        lacking=", ".join(lacking),
    )


def _documents(metadata: Mapping[str, Any]) -> Iterator[str]:
    """Yield the right documents (globs), where the case names any (`evals/cases`)."""
    named = metadata.get("documents", metadata.get("document", ()))
    yield from [named] if isinstance(named, str) else map(str, named)
