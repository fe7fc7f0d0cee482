"""A report as an evaluation makes it: eighty cases, some missed, one that broke off, hostile texts among them."""

import random
from collections.abc import Sequence

from fourways.core.report import Answered, CaseResult, Report, Score
from fourways.core.verdict import RuleResult, Verdict
from fourways.evals.cases import Assertion, Case
from fourways.evals.measuring import measures

HOSTILE = '</script><script>alert("x")</script> & "quotes" \'single\' \ud800 \x00 ]]>'
KINDS = ("fact", "table", "procedure", "version")


def result(number: int, dice: random.Random, *, right: float, text: str = "") -> CaseResult:
    good = dice.random() < right
    said = text or ("It opens at 07:00." if good else "I could not find this.")
    answer = Answered(
        text=said,
        seconds=dice.lognormvariate(-1.2, 0.5),
        first_token=0.05,
        input_tokens=600,
        output_tokens=20,
        cost_usd=0.0004,
        sources=({"document": "docs/hours.md", "id": "p1", "text": "It opens at 07:00.", "score": 0.9},),
        error="UpstreamError: broke off" if number == 7 else "",
    )
    scores = (
        Score(metric="contains", value=float(good), passed=good, reason="" if good else "none of it stands there"),
        Score(metric="token_f1", value=dice.random() if good else 0.1),
    )
    return CaseResult(
        id=f"test-{number:03}",
        input=f"When does counter {number} open on Fridays?",
        expected="07:00",
        answers=(answer,),
        scores=scores,
        metadata={"kind": KINDS[number % len(KINDS)]},
    )


def case(one: CaseResult) -> Case:
    asserts = (Assertion(type="contains"), Assertion(type="token_f1", threshold=0.0))
    return Case(id=one.id, messages=({"role": "user", "content": one.input},), expected=("07:00",), asserts=asserts)


def report(count: int = 80, *, right: float = 0.6, seed: int = 1, texts: Sequence[str] = ()) -> Report:
    dice = random.Random(seed)
    results = tuple(
        result(number, dice, right=right, text=texts[number] if number < len(texts) else "") for number in range(count)
    )
    return Report(
        app="helpdesk",
        way="rag",
        candidate="c0ffee" * 10,
        model="helpdesk:rag",
        suite="helpdesk",
        suite_digest="ab" * 32,
        results=results,
        measures=measures(results, [case(one) for one in results]),
        pins={"knowledge": {"handbook": 3}},
        started_at=1_764_200_000.0,
        seconds=12.5,
        at_once=4,
    )


VERDICT = Verdict(
    rules=(
        RuleResult(rule="passed at least 50 %", passed=True, figure=0.6, bound="≥ 50 %", reason="60 % of 80 cases"),
        RuleResult(rule="errors at most 1 %", passed=False, figure=0.0125, bound="≤ 1 %", reason="1.25 % of 80 cases"),
        RuleResult(rule="judge at least 0.7", passed=None, reason="its judge may not gate: kappa 0.31 of 40"),
    )
)
