"""Whether a test case stands among those that something was tuned on: word for word, inside another, or nearly. Pure.

Both sides are read as bags of words: content words and question words count one each, the words that hold a sentence
together and courtesies a fifth, and a slip of the pen is no other word. A question in another language, or put in quite
other words, is not found.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Literal

from fourways.core.errors import InvalidSuite
from fourways.evals.cases import Case
from fourways.models.words import FUNCTION_WORDS, stem

NEAR = 0.8
"""From here on two questions count as nearly the same: see `python -m benchmarks.contamination` and docs/log.md."""
LIGHT = 0.2
"""What a function word counts."""
RUN = 8
"""Words from which on a question that stands in a longer one is the same one: fewer begin many others."""
SHOWN = 5
"""Overlaps that an error lists."""

Kind = Literal["same", "within", "near"]

_ASKING = frozenset(
    "who whom whose when where why wer wen wem wann wo wohin warum wieso quién quien cuándo dónde".split()
)
"""Function words that make another question of a question."""
_COURTEOUS = frozenset(
    "please thanks thank hi hello hey dear tell know like kindly bitte danke hallo hola favor gracias".split()
)
_LIGHT_WORDS = (FUNCTION_WORDS | _COURTEOUS) - _ASKING
_SHARED = 0.6
"""Share of the weightier question's heavy words that both must have, letter for letter, to be compared at all."""
_FEWEST_LETTERS = 4

_WRITTEN_OUT = (("cannot", "can not"), ("can't", "can not"), ("won't", "will not"), ("n't", " not"))
_SHORTENED = re.compile(r"'(?:s|m|re|ve|ll|d)\b")
_WORD = re.compile(r"[^\W_]+(?:[.,]\d+)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """A case for tuning, and the test case that it is most like.

    Attributes:
        tuning, testing: their ids.
        kind: the same words; one inside the other; nearly the same words.
        likeness: from `NEAR` to 1.
        same_answer: whether both expect the same; None where one of them does not say.
    """

    tuning: str
    testing: str
    kind: Kind
    likeness: float
    same_answer: bool | None = None

    def __str__(self) -> str:
        how = {"same": "is", "within": "holds, or is part of,", "near": f"is nearly ({self.likeness:.2f})"}[self.kind]
        answers = {True: ", with the same answer", False: ", with another answer", None: ""}[self.same_answer]
        return f"{self.tuning} {how} {self.testing}{answers}"


def overlaps(tuning: Iterable[Case], testing: Sequence[Case], *, near: float = NEAR) -> tuple[Overlap, ...]:
    """Find the cases for tuning that are test cases too, or nearly; each once, with the test case most like it.

    What is compared is the question: a data set's own (`metadata.question`), without the instruction around it.

    Args:
        tuning: whatever was learned from or looked at: cases, or `as_cases` of few-shot examples.
        testing: the cases that a candidate is measured on.
        near: the likeness from which on two questions are nearly the same; `_SHARED` bounds it below.
    """
    learned = list(tuning)
    seen = [read_words(question_asked(case)) for case in learned]
    asked = [read_words(question_asked(case)) for case in testing]
    index = _Index(asked)
    inside = {**_inside(asked, seen, swapped=True), **_inside(seen, asked)}
    found = []
    for number, words in enumerate(seen):
        match = index.same(words) or inside.get(number) or index.nearest(words, near)
        if match is not None:
            one, other = learned[number], testing[match.number]
            found.append(
                Overlap(
                    tuning=one.id,
                    testing=other.id,
                    kind=match.kind,
                    likeness=match.likeness,
                    same_answer=_same_answer(one, other),
                )
            )
    return tuple(found)


def assert_clean(tuning: Iterable[Case], testing: Sequence[Case], *, what: str = "cases for tuning") -> None:
    """Let nothing through that stands on both sides.

    Args:
        tuning: as for `overlaps`.
        testing: the cases that a candidate is measured on.
        what: what the first are, for the message.

    Raises:
        InvalidSuite: there are overlaps; the first few are named.
    """
    found = overlaps(tuning, testing)
    if found:
        listed = "".join(f"\n- {one}" for one in found[:SHOWN])
        more = f"\n- and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
        message = f"{len(found)} of the {what} are test cases too, or nearly: what was seen before measures nothing"
        raise InvalidSuite(f"{message}; take them out of one side, or use `split`{listed}{more}")


def as_cases(examples: Iterable[tuple[str, str]]) -> tuple[Case, ...]:
    """Return few-shot examples (question, answer) as cases: what stands in a prompt was seen too."""
    return tuple(
        Case(id=f"example {number}", messages=({"role": "user", "content": question},), expected=(answer,))
        for number, (question, answer) in enumerate(examples, 1)
    )


# ---------------------------------------------------------------- words


def question_asked(case: Case) -> str:
    """Return a case's question without the instruction that a data set puts around it."""
    return str(case.metadata.get("question", case.input))


@dataclass(frozen=True, slots=True)
class Words:
    """A question as it is compared.

    Attributes:
        run: its words in order, one space around each.
        heavy, light: stems of those that say what it is about, and the others.
    """

    run: str
    heavy: frozenset[str]
    light: frozenset[str]

    @property
    def listed(self) -> list[str]:
        """Its words in order."""
        return self.run.split()


def read_words(text: str) -> Words:
    """Read a question: Unicode's compatibility form, no case, no punctuation, `what's` and `can't` written out."""
    plain = unicodedata.normalize("NFKC", text).casefold().replace("’", "'")
    for short, long in _WRITTEN_OUT:
        plain = plain.replace(short, long)
    words = _WORD.findall(_SHORTENED.sub("", plain).replace("'", ""))
    heavy = frozenset(word if word in _ASKING else stem(word) for word in words if word not in _LIGHT_WORDS)
    return Words(f" {' '.join(words)} ", heavy, frozenset(words) & _LIGHT_WORDS)


def likeness(one: Words, other: Words) -> float:
    """Return the weight of the words that two questions share over that of all their words: Jaccard's index, weighted.

    Two words that are one slip of the pen apart count as shared.
    """
    shared = len(one.heavy & other.heavy)
    shared += _slips(one.heavy - other.heavy, other.heavy - one.heavy)
    heavy = len(one.heavy) + len(other.heavy) - shared
    every = heavy + LIGHT * len(one.light | other.light)
    return (shared + LIGHT * len(one.light & other.light)) / every if every else 0.0


def _slips(left: Collection[str], right: Collection[str]) -> int:
    """Count the words that are a slip of another, each of one only: as many as can be (Kuhn 1955), in any order."""
    partners: dict[str, str] = {}

    def paired(word: str, tried: set[str]) -> bool:
        for like in right:
            if like not in tried and one_slip(word, like):
                tried.add(like)
                if like not in partners or paired(partners[like], tried):
                    partners[like] = word
                    return True
        return False

    return sum(paired(word, set()) for word in left)


def one_slip(one: str, other: str) -> bool:
    """Whether two words of four letters and more differ by one letter, or by two neighbours that changed places."""
    if min(len(one), len(other)) < _FEWEST_LETTERS or abs(len(one) - len(other)) > 1:
        return False
    if not (one.isalpha() and other.isalpha()) or not _ASKING.isdisjoint((one, other)):
        return False
    short, long = sorted((one, other), key=len)
    at = next((place for place, letter in enumerate(short) if letter != long[place]), len(short))
    if len(short) < len(long):
        return short[at:] == long[at + 1 :]
    return short[at + 1 :] == long[at + 1 :] or (
        short[at : at + 2] == long[at : at + 2][::-1] and short[at + 2 :] == long[at + 2 :]
    )


# ---------------------------------------------------------------- finding


@dataclass(frozen=True, slots=True)
class _Match:
    number: int
    kind: Kind
    likeness: float = 1.0


class _Index:
    """Finds the question most like another without comparing all: by the rarest words of both (prefix filtering).

    Two questions that share six tenths of the heavy words of each share one of the four tenths that are rarest in
    either (Bayardo, Ma and Srikant 2007, "Scaling up all pairs similarity search").
    """

    def __init__(self, questions: Sequence[Words]) -> None:
        self.questions = questions
        self.runs: dict[str, int] = {}
        self.postings: dict[str, list[int]] = defaultdict(list)
        self.frequency: dict[str, int] = defaultdict(int)
        for number, question in enumerate(questions):
            if self.runs.setdefault(question.run, number) == number:
                for word in question.heavy:
                    self.frequency[word] += 1
        for number in self.runs.values():
            for word in self._rarest(questions[number]):
                self.postings[word].append(number)

    def same(self, words: Words) -> _Match | None:
        number = self.runs.get(words.run) if words.run.strip() else None
        return None if number is None else _Match(number, "same")

    def nearest(self, words: Words, near: float) -> _Match | None:
        candidates = {number for word in self._rarest(words) for number in self.postings.get(word, ())}
        best: _Match | None = None
        for number in sorted(candidates):
            other = self.questions[number]
            if len(words.heavy & other.heavy) >= _SHARED * max(len(words.heavy), len(other.heavy)):
                value = likeness(words, other)
                if value >= near and (best is None or value > best.likeness):
                    best = _Match(number, "near", value)
        return best

    def _rarest(self, words: Words) -> list[str]:
        size = len(words.heavy)
        ordered = sorted(words.heavy, key=lambda word: (self.frequency.get(word, 0), word))
        return ordered[: size - ceil(_SHARED * size) + 1] if size else []


def _inside(shorter: Sequence[Words], longer: Sequence[Words], *, swapped: bool = False) -> Mapping[int, _Match]:
    """Find the questions that stand word for word in others, by their first words.

    The keys are numbers of `shorter`, or where `swapped` of `longer`; the matches are of the other.
    """
    beginnings: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for number, words in enumerate(shorter):
        if len(words.heavy) >= RUN // 2 and len(words.listed) >= RUN:
            beginnings[tuple(words.listed[:RUN])].append(number)
    found: dict[int, _Match] = {}
    for number, words in enumerate(longer):
        for beginning in set(_runs(words.listed)):
            for inner in beginnings.get(beginning, ()):
                if shorter[inner].run in words.run:
                    key, match = (number, inner) if swapped else (inner, number)
                    found.setdefault(key, _Match(match, "within"))
    return found


def _runs(words: list[str]) -> Iterator[tuple[str, ...]]:
    return (tuple(words[at : at + RUN]) for at in range(len(words) - RUN + 1))


def _same_answer(one: Case, other: Case) -> bool | None:
    if not one.expected or not other.expected:
        return None
    said = {read_words(text).run for text in one.expected}
    return not said.isdisjoint(read_words(text).run for text in other.expected)
