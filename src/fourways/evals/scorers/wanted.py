"""What an assertion wants: the right answers, the scorer's options; and texts made comparable. Pure."""

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

from fourways.core.errors import InvalidSuite
from fourways.core.report import Answered
from fourways.evals.cases import Assertion, Case
from fourways.evals.scorers.base import Mark

NOT_KNOWN = Mark(value=None, reason="nothing to compare with: the case has no expected output, the assertion no value")
"""For a case that says nothing of what is right."""

_QUOTES = str.maketrans(
    dict.fromkeys("\u2018\u2019\u201a\u201b\u2032\u02bc\u00b4`", "'")
    | dict.fromkeys("\u201c\u201d\u201e\u201f\u00ab\u00bb\u2033", '"')
)
_STRONG = re.compile(r"(\*\*|__|(?<!\w)[*_`])(?=\S)([^\n]{1,400}?)(?<=\S)\1(?!\w)")
_OUTER = " \"'`,;:!?…¿¡()[]{}<>*_~|"
_DECIMAL = ".,"
_FEWEST = 2


def references(case: Case, asked: Assertion) -> tuple[str, ...]:
    """Return the right answers, any of which will do: the assertion's value (a text or several), else the case's."""
    value = asked.value
    if value is None:
        return case.expected
    several = value if isinstance(value, list | tuple) else (value,)
    return tuple(written(one) for one in several)


def written(value: Any) -> str:  # noqa: ANN401 - whatever stands in the file
    """Return a value as a person would have written it: YAML reads a bare `yes` as true."""
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def settings(asked: Assertion, defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Return a scorer's options: the assertion's over the defaults.

    Raises:
        InvalidSuite: an option that the scorer does not have, or of another type than its default.
    """
    for name, value in asked.options.items():
        if name not in defaults:
            raise invalid(asked, f"has no option '{name}'; it has: {', '.join(defaults) or 'none'}")
        if not _fits(value, defaults[name]):
            raise invalid(asked, f"option '{name}' must be like {defaults[name]!r}, not {value!r}")
    return {**defaults, **asked.options}


def one_of(asked: Assertion, name: str, value: Any, known: Mapping[str, Any]) -> Any:  # noqa: ANN401 - the table's
    """Look an option's value up in the table of those there are.

    Raises:
        InvalidSuite: it is not one of them.
    """
    if value not in known:
        raise invalid(asked, f"option '{name}' is one of {', '.join(known)}, not {value!r}")
    return known[value]


def invalid(asked: Assertion, message: str) -> InvalidSuite:
    """Build the error that names the assertion."""
    return InvalidSuite(f"assertion '{asked.name}': {message}")


def unanswered(answered: Answered) -> Mark | None:
    """Return the mark of an answer that never came, for scorers of what only an answer has; None where it came."""
    return Mark(value=None, reason=f"no answer came: {answered.error}") if answered.error else None


def folded(text: str) -> str:
    """Make a text comparable: one kind of dash, quote and space, no soft hyphens or marks of emphasis, no case.

    Unicode's compatibility form (NFKC, UAX #15), dashes (category Pd) and the minus sign as `-`, format characters
    (category Cf) dropped, full case folding.
    """
    return evened(text).casefold()


def evened(text: str) -> str:
    """Do all that `folded` does, and leave the case."""
    text = text.translate(_QUOTES)
    if not text.isascii():
        text = "".join(map(_plain, unicodedata.normalize("NFKC", text)))
    return " ".join(_STRONG.sub(r"\2", text).split())


def bare(text: str) -> str:
    """Take quotes, brackets, emphasis and full stops off both ends; signs, units and decimal points stay."""
    text = text.rstrip(_OUTER + ".").lstrip(_OUTER)
    return text if text[:1] == "." and text[1:2].isdigit() else text.lstrip(_OUTER + ".")


def occurrences(text: str, part: str, *, whole: bool) -> list[int]:
    """Return where a part stands in a text. A figure is never found inside a longer figure: 7 is not in 17 or 7.5.

    Args:
        whole: only where it begins and ends with whole words.
    """
    found, at = [], text.find(part)
    while at >= 0:
        end = at + len(part)
        if not _goes_on(text[max(0, at - 2) : at][::-1], part[0], whole) and not _goes_on(text[end:], part[-1], whole):
            found.append(at)
        at = text.find(part, at + 1)
    return found


def _goes_on(beyond: str, edge: str, whole: bool) -> bool:  # noqa: FBT001 - private
    """Whether a word or figure goes on beyond its edge; `beyond` begins next to it."""
    nearest = beyond[:1]
    if edge.isdigit() and (nearest.isdigit() or (nearest in _DECIMAL and beyond[1:_FEWEST].isdigit())):
        return bool(nearest)
    return whole and (edge.isalnum() or edge == "_") and (nearest.isalnum() or nearest == "_")


def _plain(char: str) -> str:
    category = unicodedata.category(char)
    if category == "Cf":
        return ""
    return "-" if category == "Pd" or char == "\u2212" else char


def _fits(value: Any, default: Any) -> bool:  # noqa: ANN401 - whatever stands in the file
    if default is None:
        return True
    if isinstance(default, bool) or isinstance(value, bool):
        return isinstance(value, bool) and isinstance(default, bool)
    return isinstance(value, int | float if isinstance(default, float) else type(default))
