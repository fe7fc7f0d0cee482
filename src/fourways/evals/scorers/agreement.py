"""Scorers of steadiness: do repeats agree, does it hold when rephrased, does the model know its own words again."""

import re
from collections.abc import Sequence
from typing import Any

from fourways.core.errors import Unavailable
from fourways.core.report import Answered
from fourways.evals.agreeing import NEAR, agreeing
from fourways.evals.cases import Assertion, Case
from fourways.evals.scorers.asking import as_data, ask_again, ask_model, excerpt, said_yes, show, unless_failed
from fourways.evals.scorers.base import Mark, Scorer, Tools
from fourways.evals.scorers.wanted import invalid, one_of, references, settings

REPHRASE = "Say the following in other words. Keep its language and everything it says. Answer with that only."
SAME = """\
Two texts are in the next message. {data}
Do they mean the same? Answer with YES or NO and nothing else.\
"""
REPHRASINGS = 2
_OF = re.compile(r"\s*(\d+)\s*(?:of|/|out of)\s*(\d+)\s*", re.IGNORECASE)


async def agreement(case: Case, answers: Sequence[Answered], asked: Assertion, tools: Tools) -> Mark:  # noqa: ARG001 - an `Aided`
    """Score the share of repeats that say the same as one of them: the largest such group over all; R82's "most align".

    With `options.by: pairs` the share of pairs that agree, which falls faster: 4 of 5 are .8 by group, .6 by pairs.
    It passes from `options.at_least`: a share (.8), a count (4), `4 of 5`, `all`, or `most`, which it is where nothing
    is said. `options.similarity` is
    the cosine from which two say the same (.9). A repeat that failed agrees with none.
    """
    count = len(answers)
    if count < 2:  # noqa: PLR2004 - one answer agrees with itself
        return Mark(value=None, reason="asked once; with `repeat: 5` there would be answers to compare")
    options = settings(asked, {"by": "group", "at_least": None, "similarity": NEAR})
    table = await agreeing([answer.text for answer in answers], tools.embed, near=options["similarity"])
    sound = [not answer.error for answer in answers]
    agrees = [[same and sound[i] and sound[j] for j, same in enumerate(row)] for i, row in enumerate(table)]
    largest = max(sum(row) for row in agrees)
    pairs = sum(agrees[i][j] for i in range(count) for j in range(i)) / (count * (count - 1) / 2)
    value = one_of(asked, "by", options["by"], {"group": largest / count, "pairs": pairs})
    passed = value >= _least(asked, options["at_least"], count)
    return Mark(value=value, reason=f"{largest} of {count} say the same", passed=passed)


async def rephrase_same(case: Case, answers: Sequence[Answered], asked: Assertion, tools: Tools) -> Mark:  # noqa: ARG001 - an `Aided`
    """Have the candidate rephrase a text, then ask it whether both mean the same: 1 for YES, 0 for NO.

    The text is the assertion's value, else the case's first context, else its input. The second question goes to the
    assertion's `model` where it names one: no model need grade itself.
    """
    text = str(asked.value or next(iter(case.context), case.input))
    rephrased = (await ask_again(asked, tools, f"{REPHRASE}\n\n{text}")).text.strip()
    if not rephrased:
        return Mark(value=None, reason="the model rephrased it to nothing")
    parts = {"first": text, "second": rephrased}
    system = SAME.format(data=as_data(parts))
    if asked.model:
        reply = await ask_model(asked, tools, system, show(parts))
    else:
        reply = (await ask_again(asked, tools, f"{system}\n\n{show(parts)}")).text
    same = said_yes(reply)
    if same is None:
        return Mark(value=None, reason=f"neither YES nor NO: “{excerpt(reply)}”")
    return Mark(value=float(same), reason=f"rephrased: “{excerpt(rephrased)}”")


async def consistent_under_rephrase(case: Case, answers: Sequence[Answered], asked: Assertion, tools: Tools) -> Mark:
    """Ask the question again in other words; score the share of rephrasings that are answered as the question was.

    The rephrasings are the assertion's value (one, or several); else the assertion's model, or the judge, writes
    `options.n` of them (2).
    """
    options = settings(asked, {"n": REPHRASINGS, "similarity": NEAR})
    rephrased = await _rephrasings(case, options["n"], asked, tools)
    again = [(await ask_again(asked, tools, text)).text for text in rephrased]
    (row, *_) = await agreeing([answers[0].text, *again], tools.embed, near=options["similarity"])
    other = next((n for n, same in enumerate(row[1:]) if not same), None)
    reason = "" if other is None else f"asked “{excerpt(rephrased[other])}”, it says “{excerpt(again[other])}”"
    return Mark(value=sum(row[1:]) / len(again), reason=reason)


async def _rephrasings(case: Case, count: int, asked: Assertion, tools: Tools) -> Sequence[str]:
    if asked.value is not None:
        given = references(case, asked)
        if not given:
            raise invalid(asked, "its `value` lists no rephrasing; leave it out to have a model write some")
        return given
    found: list[str] = []
    for number in range(max(1, count)):
        # A remembered question has a remembered answer: each asks for another wording.
        others = "".join(f"\nNot like this: {text}" for text in found)
        parts = {"text": case.input}
        system = f"{REPHRASE} {as_data(parts)}{others}"
        text = await ask_model(asked, tools, system, show(parts))
        if not text:
            raise Unavailable(f"the model gave no rephrasing ({number + 1})")
        found.append(text)
    return found


def _least(asked: Assertion, said: Any, count: int) -> float:  # noqa: ANN401 - whatever stands in the file
    """Return the share that `at_least` means for so many repeats."""
    if said is None or said == "most":
        return (count // 2 + 1) / count
    if said == "all":
        return 1.0
    if isinstance(said, str) and (found := _OF.fullmatch(said)) and int(found[2]):
        return int(found[1]) / int(found[2])
    if isinstance(said, float | int) and not isinstance(said, bool) and said > 0:
        return float(said) if said <= 1 else said / count
    raise invalid(asked, f"at_least is {said!r}; right would be a share (0.8), a count (4), `most`, `all` or `4 of 5`")


ROWS = (
    Scorer(
        name="agreement",
        line="share of the repeats that say the same; `options.at_least: most`, `4 of 5`",
        aided=unless_failed(agreement, of_failed=True),
        threshold=0.5,
    ),
    Scorer(
        name="rephrase_same",
        line="the model rephrases a text and is asked whether both mean the same: 1 for YES",
        aided=unless_failed(rephrase_same),
    ),
    Scorer(
        name="consistent_under_rephrase",
        line="share of rephrased questions that are answered as the question was",
        aided=unless_failed(consistent_under_rephrase),
    ),
)
