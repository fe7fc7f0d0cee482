"""Scorers of what the answer's text says and how long it is: exact, contains, regex, length. Pure."""

from collections.abc import Callable, Mapping

import re2

from fourways.core.report import Answered
from fourways.evals.cases import Assertion, Case
from fourways.evals.scorers.base import Mark, Scorer
from fourways.evals.scorers.wanted import (
    NOT_KNOWN,
    bare,
    evened,
    folded,
    invalid,
    occurrences,
    one_of,
    references,
    settings,
    unanswered,
)

ARTICLES: Mapping[str, frozenset[str]] = {
    "en": frozenset("a an the".split()),
    "de": frozenset("ein eine einen einem eines einer der die das den dem des".split()),
    "es": frozenset("un una unos unas el la los las".split()),
    "": frozenset(),
}
"""Words that make no difference, by language: SQuAD's for English, MLQA's (Lewis et al. 2020) for the others."""


def exact(case: Case, answered: Answered, asked: Assertion) -> Mark:
    """Whether the answer is one of the right ones, but for case, spaces, articles and outer punctuation.

    Options: `strict` (character for character), `language` (whose articles: en, de, es, "" for none).
    """
    options = settings(asked, {"strict": False, "language": "en"})
    right = references(case, asked)
    if not right:
        return NOT_KNOWN
    if options["strict"]:
        return _held(answered.text in right)
    articles = one_of(asked, "language", options["language"], ARTICLES)
    return _held(pared(answered.text, articles) in {pared(one, articles) for one in right})


def pared(text: str, articles: frozenset[str] = ARTICLES["en"]) -> str:
    """Make a short answer comparable: `folded`, bare of outer punctuation, without articles unless it is one."""
    whole = bare(folded(text))
    return bare(" ".join(word for word in whole.split() if word not in articles)) or whole


def contains(case: Case, answered: Answered, asked: Assertion) -> Mark:
    """Whether any of the texts stands in the answer, whatever its dashes, spaces, quotes and case.

    Options: `strict` (character for character), `whole_words`.
    """
    parts = _parts(case, answered, asked)
    if parts is None:
        return NOT_KNOWN
    return _held(any(parts.values()), "" if any(parts.values()) else f"not found: {_listed(parts)}")


def contains_all(case: Case, answered: Answered, asked: Assertion) -> Mark:
    """Share of the texts that stand in the answer; options as for `contains`."""
    parts = _parts(case, answered, asked)
    if parts is None:
        return NOT_KNOWN
    missing = [part for part, found in parts.items() if not found]
    reason = f"not found: {_listed(missing)}" if missing else ""
    return Mark(value=1 - len(missing) / len(parts), reason=reason)


def not_contains(case: Case, answered: Answered, asked: Assertion) -> Mark:
    """Whether none of the texts stands in the answer; options as for `contains`. Needs a value."""
    if asked.value is None:
        raise invalid(asked, "needs a `value`: the texts that must not be there")
    parts = _parts(case, answered, asked) or {}
    found = [part for part, there in parts.items() if there]
    return unanswered(answered) or _held(not found, f"found: {_listed(found)}" if found else "")


def starts_with(case: Case, answered: Answered, asked: Assertion) -> Mark:
    """Whether the answer begins with one of the texts, compared as `contains` does, after quotes and bold marks."""
    settings(asked, {})
    right = [bare(folded(part)) for part in references(case, asked)]
    if not right:
        return NOT_KNOWN
    text = bare(folded(answered.text))
    return _held(any(0 in occurrences(text, part, whole=False) for part in right if part))


def regex(case: Case, answered: Answered, asked: Assertion) -> Mark:  # noqa: ARG001 - a `Plain`
    """Whether a pattern (RE2's syntax, or any of several) is found in the answer.

    RE2 runs in time linear in the text (Cox 2010), so it knows no lookaround and no backreferences. Options:
    `ignore_case`, `full` (the pattern must match the whole answer).

    Raises:
        InvalidSuite: no pattern, or one that RE2 cannot read.
    """
    options = settings(asked, {"ignore_case": False, "full": False})
    patterns = [asked.value] if isinstance(asked.value, str) else asked.value
    if not isinstance(patterns, list | tuple) or not patterns or not all(isinstance(one, str) for one in patterns):
        raise invalid(asked, f"needs a `value`: a pattern or a list of patterns, not {asked.value!r}")
    flags = re2.Options()
    flags.case_sensitive = not options["ignore_case"]
    flags.log_errors = False
    for pattern in patterns:
        try:
            compiled = re2.compile(pattern, flags)
        except re2.error as error:
            said = error.args[0].decode() if isinstance(error.args[0], bytes) else str(error)
            message = f"RE2 cannot read the pattern {pattern!r}: {said} (it has no lookaround, no backreferences)"
            raise invalid(asked, message) from None
        if (compiled.fullmatch if options["full"] else compiled.search)(answered.text):
            return _held(True)
    return _held(False, "no match")


# ---------------------------------------------------------------- length


def count_words(text: str) -> int:
    """Count what stands between spaces and has a letter or a digit in it."""
    return sum(any(char.isalnum() for char in word) for word in text.split())


COUNTS: Mapping[str, Callable[[str], int]] = {"words": count_words, "characters": len}


def length(case: Case, answered: Answered, asked: Assertion) -> Mark:  # noqa: ARG001 - a `Plain`
    """Whether the answer has as many words as allowed: a value of 50 for at most 50.

    Options: `least`, `most`, `of` (words or characters, counted without outer spaces).

    Raises:
        InvalidSuite: no bound is given.
    """
    options = settings(asked, {"least": None, "most": None, "of": "words"})
    least, most = options["least"], options["most"] if asked.value is None else asked.value
    if least is None and most is None:
        raise invalid(asked, "needs a bound: a `value` (at most), or the options `least` and `most`")
    if not all(bound is None or (isinstance(bound, int) and not isinstance(bound, bool)) for bound in (least, most)):
        raise invalid(asked, f"its bounds are whole numbers, not {least!r} and {most!r}")
    count = one_of(asked, "of", options["of"], COUNTS)(answered.text.strip())
    kept = (least is None or count >= least) and (most is None or count <= most)
    return unanswered(answered) or _held(kept, f"{count} {options['of']}")


def shorter_than_input(case: Case, answered: Answered, asked: Assertion) -> Mark:
    """Whether the answer (a summary) is shorter than what it was made from, and not empty.

    That is the assertion's value, or the longer of the case's input and its context. Options: `share` (at most that
    part of it; 1 where not given), `of` (words or characters).
    """
    options = settings(asked, {"share": 1.0, "of": "characters"})
    counted = one_of(asked, "of", options["of"], COUNTS)
    count = counted(evened(answered.text))
    originals = [case.input, "\n".join(case.context)] if asked.value is None else list(references(case, asked))
    original = max((counted(evened(text)) for text in originals), default=0)
    if not original:
        return Mark(value=None, reason="there is no input to compare with")
    kept = 0 < count < original and count <= options["share"] * original
    return unanswered(answered) or _held(kept, f"{count} of {original} {options['of']}")


def word_count(case: Case, answered: Answered, asked: Assertion) -> Mark:  # noqa: ARG001 - a `Plain`
    """Count the answer's words."""
    settings(asked, {})
    return unanswered(answered) or Mark(value=float(count_words(answered.text)))


def _parts(case: Case, answered: Answered, asked: Assertion) -> dict[str, bool] | None:
    """Say of each text whether it stands in the answer; None where there are none."""
    options = settings(asked, {"strict": False, "whole_words": False})
    wanted = [part for part in references(case, asked) if part.strip()]
    if not wanted:
        return None
    if options["strict"]:
        return {part: part in answered.text for part in wanted}
    text = folded(answered.text)
    return {part: bool(occurrences(text, folded(part) or part, whole=options["whole_words"])) for part in wanted}


def _listed(parts: Mapping[str, bool] | list[str]) -> str:
    return ", ".join(f"“{part}”" for part in parts)


def _held(held: bool, reason: str = "") -> Mark:  # noqa: FBT001 - the mark's value
    return Mark(value=float(held), reason=reason)


ROWS = (
    Scorer(name="exact", line="the answer is a right one, but for case, articles and outer punctuation", plain=exact),
    Scorer(name="contains", line="any of the texts stands in the answer", plain=contains),
    Scorer(name="contains_all", line="share of the texts that stand in the answer", plain=contains_all),
    Scorer(name="not_contains", line="none of the texts stands in the answer", plain=not_contains),
    Scorer(name="starts_with", line="the answer begins with one of the texts", plain=starts_with),
    Scorer(name="regex", line="a pattern of RE2 is found in the answer", plain=regex),
    Scorer(name="length", line="the answer has as many words or characters as allowed", plain=length),
    Scorer(
        name="shorter_than_input", line="the answer is shorter than what it was made from", plain=shorter_than_input
    ),
    Scorer(
        name="word_count",
        line="words of the answer",
        plain=word_count,
        direction="lower",
        threshold=None,
        unit="words",
    ),
)
