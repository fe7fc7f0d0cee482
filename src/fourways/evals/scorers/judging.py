"""Scorers that ask a model to judge: by a rubric, or which of two answers is better. May gate only once calibrated."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from fourways.core.report import Answered
from fourways.evals.cases import Assertion, Case
from fourways.evals.scorers.asking import as_data, ask_model, excerpt, read_object, show, unless_failed
from fourways.evals.scorers.base import Mark, Scorer, Tools
from fourways.evals.scorers.wanted import NOT_KNOWN, references, settings

RUBRIC = "The answer is correct and answers the question. Where a right answer is given, it says the same."
JUDGE = """\
You judge an answer by this rubric, and by nothing else:
{rubric}

The answer and what you need to judge it are in the next message. {data}
A score of 1 means that the answer meets the rubric in full, 0.5 in part, 0 not at all. Length and style earn nothing \
unless the rubric asks for them.
Answer with JSON and nothing else: {{"reason": "one or two sentences", "score": a number from 0 to 1}}\
"""
COMPARE = """\
You compare two answers to one question by this rubric, and by nothing else:
{rubric}

The question and both answers are in the next message. {data}
Their order means nothing. Length and style earn nothing unless the rubric asks for them.
Answer with JSON and nothing else: {{"reason": "one or two sentences", "better": "A" or "B" or "tie"}}\
"""
THRESHOLD = 0.75
"""Met more than in part."""

Preference = Literal["first", "second", "tie"]


async def judge(case: Case, answers: Sequence[Answered], asked: Assertion, tools: Tools) -> Mark:
    """Score what a model gives the answer by a rubric, the assertion's value: from 0 to 1.

    It sees the question, the expected answers if there are any, and with `options.sources: true` the sources. Whatever
    it says that is no verdict makes a mark without a value, never a failed answer.
    """
    parts = {"question": case.input, "answer": answers[0].text}
    if case.expected:
        parts["right answer"] = "\n".join(case.expected)
    if settings(asked, {"sources": False})["sources"]:
        parts["sources"] = "\n\n".join(str(source.get("text", "")) for source in answers[0].sources)
    return await graded(str(asked.value or RUBRIC), parts, asked, tools)


async def graded(rubric: str, parts: Mapping[str, str], asked: Assertion, tools: Tools) -> Mark:
    """Have the assertion's model grade what is shown by a rubric, from 0 to 1; no value where it gave no verdict.

    Raises:
        FourwaysError: there is no model, or it failed.
    """
    reply = await ask_model(asked, tools, JUDGE.format(rubric=rubric, data=as_data(parts)), show(parts))
    verdict = read_object(reply, "score")
    score = _score(verdict["score"]) if verdict is not None else None
    if verdict is None or score is None:
        return Mark(value=None, reason=f"the judge gave no verdict: “{excerpt(reply)}”")
    return Mark(value=score, reason=str(verdict.get("reason", "")).strip())


async def pairwise(case: Case, answers: Sequence[Answered], asked: Assertion, tools: Tools) -> Mark:
    """Score 1 where a model finds the answer better than another (the value, else the expected), ½ for a tie, else 0.

    The other answer is the assertion's value or the case's first expectation; the rubric is in `options.rubric`.
    """
    rubric = settings(asked, {"rubric": RUBRIC})["rubric"]
    others = references(case, asked)
    if not others:
        return NOT_KNOWN
    found = await compare(case.input, answers[0].text, others[0], rubric=rubric, asked=asked, tools=tools)
    if found.preferred is None:
        return Mark(value=None, reason=found.reason)
    return Mark(value=WORTH[found.preferred], reason=found.reason)


WORTH: Mapping[Preference, float] = {"first": 1.0, "tie": 0.5, "second": 0.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Which of two answers a judge preferred, in both orders; None where it gave no verdict."""

    preferred: Preference | None
    reason: str


async def compare(question: str, first: str, second: str, *, rubric: str, asked: Assertion, tools: Tools) -> Comparison:
    """Have a model compare two answers, twice, each being shown first once.

    One is better only where both orders say so, else it is a tie: judges prefer a place as much as an answer (Zheng et
    al. 2023, "Judging LLM-as-a-Judge", arXiv:2306.05685; Wang et al. 2023, arXiv:2305.17926).

    Raises:
        FourwaysError: there is no model, or it failed.
    """
    if first == second:
        return Comparison(preferred="tie", reason="both answers are the same")
    said = []
    for here, there in ((first, second), (second, first)):
        parts = {"question": question, "answer A": here, "answer B": there}
        reply = await ask_model(asked, tools, COMPARE.format(rubric=rubric, data=as_data(parts)), show(parts))
        verdict = read_object(reply, "better")
        better = str(verdict["better"]).strip().upper() if verdict else ""
        if better not in {"A", "B", "TIE"}:
            return Comparison(preferred=None, reason=f"the judge gave no verdict: “{excerpt(reply)}”")
        said.append(_Said(better=better, reason=str((verdict or {}).get("reason", "")).strip()))
    one, swapped = said
    preferred = BOTH_ORDERS.get((one.better, swapped.better), "tie")
    place = f"{one.better} in both orders: " if one.better == swapped.better != "TIE" else ""
    return Comparison(preferred=preferred, reason=f"{place}{one.reason}")


BOTH_ORDERS: Mapping[tuple[str, str], Preference] = {("A", "B"): "first", ("B", "A"): "second"}
"""What was better with the first answer shown as A, and with it shown as B → which one is better."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Said:
    better: str
    reason: str


def _score(said: object) -> float | None:
    """Read a score; None where it is none, or on a scale that was not asked for."""
    try:
        score = float(said) if isinstance(said, int | float | str) else math.nan
    except (ValueError, OverflowError):
        return None
    return score if 0.0 <= score <= 1.0 else None


ROWS = (
    Scorer(
        name="judge",
        line="what a model gives the answer by the rubric in `value`, 0 to 1; gates only once calibrated",
        aided=unless_failed(judge),
        threshold=THRESHOLD,
    ),
    Scorer(
        name="pairwise",
        line="whether a model prefers the answer to the one in `value`, in both orders: 1, ½ for a tie, 0",
        aided=unless_failed(pairwise),
        threshold=0.5,
    ),
)
