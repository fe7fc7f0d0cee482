"""Scorers of answers that choose: one of N choices, YES or NO, one of the known labels. Pure."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

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
    references,
    settings,
    written,
)

Forms = Mapping[str, Sequence[str]]
"""What may be chosen, each with the ways in which it may be written."""

YES_NO: Forms = {"yes": ("yes",), "no": ("no",)}

_JOINERS = frozenset({"", "or", "and", "oder", "und", "o", "y", "ou", "et"})
_BETWEEN = " .,;:/&|()[]\"'*-"
_PREDICTED = "predicted "


@dataclass(frozen=True, slots=True)
class Chosen:
    """What an answer chose; None where it is not clear, and `why` not."""

    choice: str | None
    why: str = ""


@dataclass(frozen=True, slots=True)
class _Mention:
    start: int
    end: int
    choice: str


def choice(case: Case, answered: Answered, asked: Assertion) -> Mark:
    """Whether the answer chooses the right one of N choices: value `{choices: [1, 2, 3], answer: 2}`.

    Choices may be a mapping from labels to texts; either will do. The right one is the case's expectation where the
    value has no `answer`; where there is neither, any one choice will do. An answer that says more than its choice
    must end on it, or name no other. Option `strict`: it must say nothing else.

    Raises:
        InvalidSuite: no choices, or the right one is not among them.
    """
    options = settings(asked, {"strict": False})
    value = asked.value if isinstance(asked.value, Mapping) else {"choices": asked.value}
    forms = _forms(asked, value.get("choices"), "a `value`: {choices: […], answer: …}")
    right = [written(value["answer"])] if "answer" in value else list(case.expected)
    read = whole_reply if options["strict"] else ends_on
    return _judged(asked, read(answered.text, forms), right, forms)


def yes_no(case: Case, answered: Answered, asked: Assertion) -> Mark:
    """Whether the answer is the right one of a simple YES and NO, and nothing else.

    Where the case does not say which is right, either will do. Option `strict`: false lets it begin or end with it.
    """
    options = settings(asked, {"strict": True})
    read = whole_reply if options["strict"] else _opens_or_ends
    return _judged(asked, read(answered.text, YES_NO), list(references(case, asked)), YES_NO)


def label(case: Case, answered: Answered, asked: Assertion) -> Mark:
    """Whether the answer names the right one of the known labels, and no other.

    The right one is the assertion's value, or the case's expectation. An answer that is a JSON object names it in a
    field, and may give every label's score beside it, from which the suite's AUC is computed. The reason holds the
    prediction (`read_prediction`). Options: `labels` (a list, or a mapping to synonyms), `field` (label), `scores`
    (the field with the scores).

    Raises:
        InvalidSuite: no labels, or the right one is not among them.
    """
    options = settings(asked, {"labels": None, "field": "label", "scores": "scores"})
    forms = _forms(asked, options["labels"], "the option `labels`: a list, or a mapping from labels to synonyms")
    right = references(case, asked)
    if not right:
        return NOT_KNOWN
    truth = _known(asked, right[0], forms)
    said = _object(answered.text)
    chosen = only_named(str(said.get(options["field"], "")) if said else answered.text, forms)
    scores = _scores(said.get(options["scores"]), forms)
    prediction = Prediction(truth=truth, label=chosen.choice, scores=scores, why=chosen.why)
    return Mark(value=float(chosen.choice == truth), reason=prediction.written())


# ---------------------------------------------------------------- what is chosen


def whole_reply(text: str, forms: Forms) -> Chosen:
    """Return the choice that is the whole answer, but for case and outer punctuation."""
    reply = bare(folded(text))
    for name, written_as in forms.items():
        if reply in {bare(folded(form)) for form in written_as}:
            return Chosen(name)
    return Chosen(None, f"it must be {' or '.join(forms)} and nothing else")


def ends_on(text: str, forms: Forms) -> Chosen:
    """Return the one choice that the answer is, or names alone, or ends on."""
    whole = whole_reply(text, forms)
    mentions = _mentions(text, forms)
    named = {mention.choice for mention in mentions.found}
    if whole.choice is not None:
        return whole
    if not named:
        return Chosen(None, f"it names none of {', '.join(forms)}")
    last = mentions.found[-1]
    if len(named) == 1:
        return Chosen(last.choice)
    if bare(mentions.text[last.end :]):
        return Chosen(None, f"it names {_and(named)} and ends on neither")
    before = next(mention for mention in reversed(mentions.found) if mention.choice != last.choice)
    if mentions.text[before.end : last.start].strip(_BETWEEN).casefold() in _JOINERS:
        return Chosen(None, f"it ends on {before.choice} and {last.choice}")
    return Chosen(last.choice)


def only_named(text: str, forms: Forms) -> Chosen:
    """Return the choice that the answer names, where it names exactly one; `_` and `-` are as good as spaces."""
    spaced = {name: [_spaced(form) for form in written_as] for name, written_as in forms.items()}
    named = {mention.choice for mention in _mentions(_spaced(text), spaced).found}
    if len(named) == 1:
        return Chosen(named.pop())
    return Chosen(None, f"it names {_and(named)}" if named else "it names no label")


def _opens_or_ends(text: str, forms: Forms) -> Chosen:
    mentions = _mentions(text, forms)
    if mentions.found and not bare(mentions.text[: mentions.found[0].start]):
        return Chosen(mentions.found[0].choice)
    if mentions.found and not bare(mentions.text[mentions.found[-1].end :]):
        return ends_on(text, forms)
    return Chosen(None, f"it neither begins nor ends with {' or '.join(forms)}")


@dataclass(frozen=True, slots=True)
class _Mentions:
    text: str
    found: list[_Mention]


def _mentions(text: str, forms: Forms) -> _Mentions:
    """Find whole-word mentions in order, the longest where they overlap. A, B, C are letters: their case counts."""
    fold = evened if all(len(form) == 1 for written_as in forms.values() for form in written_as) else folded
    text = fold(text)
    found = [
        _Mention(start, start + len(part), name)
        for name, written_as in forms.items()
        for part in filter(None, map(fold, written_as))
        for start in occurrences(text, part, whole=True)
    ]
    apart: list[_Mention] = []
    for mention in sorted(found, key=lambda one: (one.start, -one.end)):
        if not apart or mention.start >= apart[-1].end:
            apart.append(mention)
    return _Mentions(text, apart)


# ---------------------------------------------------------------- predictions


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """What an answer was taken to say of a case.

    Attributes:
        label: None where it named none, or several.
        scores: of every label, where the answer gave any.
    """

    truth: str
    label: str | None
    scores: Mapping[str, float]
    why: str = ""

    def written(self) -> str:
        """Write it as the reason of a score, from which `read_prediction` reads it back."""
        facts: dict[str, Any] = {"label": self.label, "truth": self.truth}
        facts |= {"scores": dict(self.scores)} if self.scores else {}
        facts |= {"why": self.why} if self.why else {}
        return _PREDICTED + json.dumps(facts, ensure_ascii=False)


def read_prediction(reason: str) -> Prediction | None:
    """Read a prediction from the reason of a `label` score; None where there is none (the case has no label)."""
    if not reason.startswith(_PREDICTED):
        return None
    facts = json.loads(reason.removeprefix(_PREDICTED))
    return Prediction(
        truth=facts["truth"], label=facts["label"], scores=facts.get("scores", {}), why=facts.get("why", "")
    )


def _scores(given: Any, forms: Forms) -> Mapping[str, float]:  # noqa: ANN401 - whatever the model wrote
    """Take over the scores of all labels, or none: an AUC of half of them says nothing."""
    if not isinstance(given, Mapping):
        return {}
    scores = {name: given.get(name) for name in forms}
    sound = {
        name: float(score)
        for name, score in scores.items()
        if isinstance(score, int | float) and not isinstance(score, bool) and abs(score) <= sys.float_info.max
    }
    return sound if len(sound) == len(forms) else {}


def _object(text: str) -> Mapping[str, Any]:
    """Return the JSON object that the answer is, fenced or not; an empty one where it is none."""
    start, end = text.find("{"), text.rfind("}")
    try:
        value = json.loads(text[start : end + 1]) if start >= 0 else None
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


# ---------------------------------------------------------------- the assertion


def _forms(asked: Assertion, given: Any, where: str) -> Forms:  # noqa: ANN401 - whatever stands in the file
    if isinstance(given, Mapping):
        return {written(name): (written(name), *_texts(texts)) for name, texts in given.items()}
    if isinstance(given, list | tuple) and given:
        return {written(one): (written(one),) for one in given}
    raise invalid(asked, f"needs {where}")


def _texts(given: Any) -> Iterable[str]:  # noqa: ANN401 - whatever stands in the file
    return map(written, given if isinstance(given, list | tuple) else [given])


def _known(asked: Assertion, right: str, forms: Forms) -> str:
    """Return the choice that an expectation means."""
    chosen = whole_reply(right, forms).choice
    if chosen is None:
        raise invalid(asked, f"the right answer is {right!r}, which is none of {', '.join(forms)}")
    return chosen


def _judged(asked: Assertion, chosen: Chosen, right: Sequence[str], forms: Forms) -> Mark:
    truths = {_known(asked, one, forms) for one in right}
    if chosen.choice is None:
        return Mark(value=0.0, reason=chosen.why)
    if not truths:
        return Mark(value=1.0, reason=f"chose {chosen.choice}; the case does not say which is right")
    return Mark(value=float(chosen.choice in truths), reason=f"chose {chosen.choice}")


def _spaced(text: str) -> str:
    return evened(text).replace("_", " ").replace("-", " ")


def _and(names: Iterable[str]) -> str:
    return " and ".join(sorted(names))


ROWS = (
    Scorer(name="choice", line="the answer chooses the right one of N choices", plain=choice),
    Scorer(name="yes_no", line="the answer is a simple YES or NO, the right one", plain=yes_no),
    Scorer(name="label", line="the answer names the right one of the known labels, and no other", plain=label),
)
