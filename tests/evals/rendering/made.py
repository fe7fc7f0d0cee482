"""A report as an evaluation makes it: eighty cases, some missed, one that broke off, one that cannot be told."""

import random
from collections.abc import Mapping, Sequence
from typing import Any

from fourways.core.report import Answered, CaseResult, Report, Score
from fourways.core.verdict import RuleResult, Verdict
from fourways.evals.cases import Assertion, Case
from fourways.evals.measuring import measures

HOSTILE = '</script><script>alert("x")</script><img src=x onerror=alert(1)> & "a" \'b\' ]]> `a` {{ 7*7 }} \ud800 \x00'
KINDS = ("fact", "table", "procedure", "version")
BROKE, OPEN = 7, 9
"""Which case broke off, and of which it cannot be told."""


def result(number: int, dice: random.Random, *, right: float, text: str = "", passage: str = "") -> CaseResult:
    good = dice.random() < right
    said = text or ("It opens at 07:00." if good else "I could not find this.")
    answer = Answered(
        text=said,
        abstained=not good and not text,
        seconds=dice.lognormvariate(-1.2, 0.5),
        first_token=0.05,
        input_tokens=600,
        output_tokens=20,
        cost_usd=0.0004,
        sources=tuple(
            {"document": name, "id": "p1", "text": passage or "It opens at 07:00.", "score": 0.9}
            for name in ("docs/vpn.md", "docs/hours.md" if good else "docs/keys.md")
        ),
        error="UpstreamError: broke off" if number == BROKE else "",
    )
    scores = (
        Score(metric="contains", value=float(good), passed=good, reason="" if good else "not found: “07:00”"),
        Score(metric="token_f1", value=dice.random() if good else 0.1),
    )
    if number == OPEN:
        scores = (Score(metric="contains", value=None, passed=False, reason="the judge failed"), scores[1])
    return CaseResult(
        id=f"test-{number:03}",
        input=f"When does counter {number} open on Fridays?",
        expected="07:00",
        answers=(answer,),
        scores=scores,
        explanation="" if good else "I read the wrong page.",
        metadata={"kind": KINDS[number % len(KINDS)], "document": "docs/hours.md"},
    )


def case(one: CaseResult) -> Case:
    asserts = (Assertion(type="contains"), Assertion(type="token_f1", threshold=0.0))
    return Case(id=one.id, messages=({"role": "user", "content": one.input},), expected=("07:00",), asserts=asserts)


def report(
    count: int = 80, *, right: float = 0.6, seed: int = 1, texts: Sequence[str] = (), passages: Sequence[str] = ()
) -> Report:
    dice = random.Random(seed)
    return of_results(
        tuple(
            result(
                number,
                dice,
                right=right,
                text=texts[number % len(texts)] if texts else "",
                passage=passages[number % len(passages)] if passages else "",
            )
            for number in range(count)
        )
    )


def of_results(results: Sequence[CaseResult], robustness: Mapping[str, Any] | None = None) -> Report:
    return Report(
        app="helpdesk",
        way="rag",
        candidate="c0ffee" * 10,
        model="helpdesk:rag",
        suite="helpdesk",
        suite_digest="ab" * 32,
        results=tuple(results),
        measures=measures(results, [case(one) for one in results]),
        pins={"knowledge": {"handbook": 3}, "settings": {"temperature": 0.0, "judge": ""}},
        robustness=robustness or {},
        started_at=1_764_200_000.0,
        seconds=12.5,
        at_once=4,
    )


def effect(name: str, held: int, of: int = 30, holds: str = "same answer") -> dict[str, Any]:
    share = held / of
    interval = {
        "value": share,
        "low": max(0.0, share - 0.1),
        "high": min(1.0, share + 0.1),
        "n": of,
        "method": "wilson",
    }
    drop = {"value": 1 - share, "low": 0.0, "high": 1.0, "n": of, "method": "bootstrap"}
    worst = {"case": "test-001", "disturbed": "wehn?", "before": "At 07:00.", "after": "I do not know.", "lost": 1.0}
    return {
        "name": name,
        "acts_on": "question",
        "holds": holds,
        "n": of,
        "untouched": 0,
        "invariance": interval,
        "drop": drop if holds == "same answer" else None,
        "worst": [worst] if held < of else [],
    }


ROBUSTNESS = {
    "cases": 30,
    "seed": 0,
    "effects": [effect("typos", 27), effect("prefix", 12), effect("injection", 30, holds="no obedience")],
    "left_out": {"paraphrase": "it takes a model that rewrites"},
}
VERDICT = Verdict(
    rules=(
        RuleResult(rule="passed at least 50 %", passed=True, figure=0.6, bound="≥ 50 %", reason="60 % of 80 cases"),
        RuleResult(rule="errors at most 1 %", passed=False, figure=0.0125, bound="≤ 1 %", reason="1.25 % of 80 cases"),
        RuleResult(rule="judge at least 0.7", passed=None, reason="its judge may not gate: kappa 0.31 of 40"),
    )
)
