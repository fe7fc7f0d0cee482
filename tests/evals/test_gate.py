"""What the gate says of a report: pass, fail, or that it cannot be told; always why."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fourways.config.releasing import Gate, Rule
from fourways.core.report import Answered, CaseResult, Report, Score
from fourways.core.verdict import RuleResult, Verdict
from fourways.evals.cases import Assertion, Case
from fourways.evals.gate import Live, decide, say
from fourways.evals.measuring import measures

BOUNDED = Assertion(type="contains")


def report(passed: str, *, cost: float | None = None, seconds: float = 1.0, metric: str = "", **fields: Any) -> Report:
    """A report with a case for each letter: y passed, n failed, e broke off, u could not be scored."""
    asked = replace(BOUNDED, metric=metric)
    cases = [
        Case(id=f"q{n}", messages=({"role": "user", "content": "?"},), asserts=(asked,)) for n in range(len(passed))
    ]
    results = tuple(
        CaseResult(
            id=case.id,
            input="?",
            answers=(Answered(error="down" if letter == "e" else "", cost_usd=cost, seconds=seconds),),
            scores=(SCORES[letter](asked.name),),
        )
        for case, letter in zip(cases, passed, strict=True)
    )
    facts: dict[str, Any] = {
        "app": "desk", "way": "rag", "candidate": "c" * 64, "model": "desk", "suite": "testing", "suite_digest": "s",
    }  # fmt: skip
    return Report(results=results, measures=measures(results, cases), **(facts | fields))


SCORES = {
    "y": lambda metric: Score(metric=metric, value=1.0, passed=True),
    "n": lambda metric: Score(metric=metric, value=0.0, passed=False),
    "e": lambda metric: Score(metric=metric, value=None),
    "u": lambda metric: Score(metric=metric, value=None, passed=False),
}


def one(rule: Rule, ours: Report, live: Live | None = None, **more: Any) -> RuleResult:
    (result,) = decide(ours, Gate(rules=[rule]), live, **more).rules
    return result


def live(passed: str, **fields: Any) -> Live:
    return Live(name="r3", report=report(passed, **fields))


# ---------------------------------------------------------------- floors and ceilings


@pytest.mark.parametrize(
    ("passed", "rule", "holds", "reason"),
    [
        ("yyyn", Rule(metric="passed", at_least=0.75), True, "75 % (30.1 % to 95.4 %) of 4 cases"),
        ("yynn", Rule(metric="passed", at_least=0.75), False, "50 % (15 % to 85 %) of 4 cases"),
        ("yyye", Rule(metric="errors", at_most=0.2), False, "25 % (4.56 % to 69.9 %) of 4 cases"),
        ("yyyy", Rule(metric="errors", at_most=0.0), True, "0 % (0 % to 49 %) of 4 cases"),
    ],
)
def test_a_figure_is_held_against_its_bound(passed: str, rule: Rule, *, holds: bool, reason: str):
    found = one(rule, report(passed))
    assert (found.passed, found.reason) == (holds, reason)


def test_each_rule_names_itself_its_figure_and_its_bound_in_words():
    gate = Gate(
        rules=[
            Rule(metric="passed", at_least=0.5),
            Rule(metric="latency_p95", at_most=2.0),
            Rule(metric="cost", at_most=0.001),
            Rule(metric="contains", at_least=0.25, at_most=0.875),
            Rule(metric="passed", not_worse_than_live=0.05),
        ]
    )
    verdict = decide(report("yyyn", cost=0.00021), gate, None)
    assert [(rule.rule, rule.figure, rule.bound) for rule in verdict.rules] == [
        ("passed at least 50 %", 0.75, "≥ 50 %"),
        ("latency_p95 at most 2 s", 1.0, "≤ 2 s"),
        ("cost at most $0.0010", 0.00021, "≤ $0.0010"),
        ("contains at least 0.25", 0.75, "≥ 0.25"),
        ("contains at most 0.875", 0.75, "≤ 0.875"),
        ("passed not worse than live by more than 5 points", 0.75, ""),
    ]
    assert verdict.outcome == "pass"


def test_where_confidence_is_asked_the_near_end_must_hold_too():
    sure, unsure = report("y" * 60), report("yyyyy")
    rule = Rule(metric="passed", at_least=0.9, confident=True)
    assert one(rule, sure).passed is True
    found = one(rule, unsure)
    assert (found.passed, found.reason) == (
        None,
        "100 % (56.6 % to 100 %) of 5 cases: not with 95 % confidence; more cases would tell",
    )
    assert one(Rule(metric="errors", at_most=0.1, confident=True), unsure).passed is None
    assert one(rule, report("nnnny")).passed is False


def test_what_was_not_measured_cannot_be_told_and_the_likely_typo_is_named():
    found = one(Rule(metric="latency_p59", at_most=1), report("yy"))
    assert found.passed is None
    assert found.reason == "latency_p59 was not measured; did you mean latency_p95?"


def test_a_report_that_was_stopped_cannot_be_told_whatever_it_says_so_far():
    gate = Gate(rules=[Rule(metric="passed", at_least=0.5)])
    for passed in ("yyy", "nnn"):
        verdict = decide(report(passed, stopped="the budget of $1 is spent"), gate, None)
        assert verdict.outcome == "inconclusive"
        assert verdict.reasons[0] == "every case is asked: stopped after 3: the budget of $1 is spent"


def test_a_report_without_a_case_cannot_be_told():
    assert decide(report(""), Gate(), None).outcome == "inconclusive"


# ---------------------------------------------------------------- skipped checks and judges


def test_cases_that_could_not_be_scored_did_not_pass():
    rule = Rule(metric="passed", at_least=0.5)
    found = one(rule, report("y" * 8 + "uu"))
    assert found.passed is None
    assert found.reason == "of 10 cases, 2 could not be scored by all that must hold"
    assert one(rule, report("y" * 9 + "u")).passed is True
    assert one(Rule(metric="contains", at_least=0.5), report("uu")).reason == "none of 2 cases could be scored"


def test_a_judge_that_was_not_calibrated_may_not_gate_nor_may_what_rests_on_it():
    judges = {"judge": "12 labelled answers were judged; it takes 30"}
    ours = report("y" * 20, metric="judge")
    found = one(Rule(metric="judge", at_least=0.5), ours, judges=judges)
    assert (found.passed, found.reason) == (
        None,
        "its judge may not gate: 12 labelled answers were judged; it takes 30",
    )
    resting = one(Rule(metric="passed", at_least=0.5), ours, judges=judges)
    assert (resting.passed, resting.reason[:48]) == (None, "it rests on 'judge', whose judge may not gate: 1")
    assert one(Rule(metric="errors", at_most=0.1), ours, judges=judges).passed is True
    assert one(Rule(metric="judge", at_least=0.5), ours, judges={}).passed is True


# ---------------------------------------------------------------- against what is live


def test_as_good_as_live_is_not_worse():
    found = one(Rule(metric="passed", not_worse_than_live=0.05), report("yn" * 20), live("yn" * 20))
    assert (found.passed, found.bound, found.reason) == (
        True,
        "r3 - 5 points",
        "the same as r3 (+0 to +0) over 40 cases",
    )


def test_clearly_worse_than_live_fails():
    found = one(Rule(metric="passed", not_worse_than_live=0.05), report("yn" * 20), live("y" * 40))
    assert found.passed is False
    assert found.reason.startswith("50 points worse than r3 (-65 to -35) over 40 cases")


def test_perhaps_worse_than_live_cannot_be_told_and_says_how_many_cases_would():
    found = one(Rule(metric="passed", not_worse_than_live=0.05), report("y" * 36 + "nyyn"), live("y" * 36 + "ynyn"))
    assert found.passed is None
    assert found.reason.startswith("the same as r3 (-7.5 to +7.5) over 40 cases: not sure enough; about 162 cases")


def test_where_lower_is_better_worse_is_higher():
    rule = Rule(metric="latency_p95", not_worse_than_live=0.5)
    slower = one(rule, report("y" * 20, seconds=3.0), live("y" * 20, seconds=1.0))
    assert (slower.passed, slower.bound, slower.reason) == (
        False,
        "r3 + 0.5 s",
        "2 s worse than r3 (-2 s to -2 s) over 20 cases",
    )
    assert one(rule, report("y" * 20, seconds=1.4), live("y" * 20, seconds=1.0)).passed is True
    assert one(rule, report("y" * 20, seconds=0.4), live("y" * 20, seconds=1.0)).passed is True


def test_a_few_cases_are_not_compared_nor_are_fewer_than_the_margin_needs():
    rule = Rule(metric="passed", not_worse_than_live=0.05)
    found = one(rule, report("y" * 19), live("y" * 19))
    assert (found.passed, found.reason) == (None, "19 cases can be compared, and it takes 20 for this margin")
    assert one(rule, report("y" * 20), live("y" * 20)).passed is True
    cost = Rule(metric="cost", not_worse_than_live=0.001)
    assert one(cost, report("y" * 10, cost=0.01), live("y" * 10, cost=0.01)).passed is True
    assert one(cost, report("y" * 9, cost=0.01), live("y" * 9, cost=0.01)).passed is None


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        (Live(name="r3", missing="its suite is gone"), "r3 cannot be compared with: its suite is gone"),
        (live("y" * 20, suite_digest="other"), "r3 was measured on other cases; evaluate it on these"),
        (live("y" * 20, stopped="by hand"), "r3 was measured on some of the cases only: by hand"),
        (live("y" * 20, pins={"settings": {"temperature": 1}}), "r3 was asked in another way"),
    ],
    ids=["not measured", "other cases", "stopped", "other settings"],
)
def test_what_cannot_be_compared_with_live_cannot_be_told(other: Live, reason: str):
    gate = Gate(rules=[Rule(metric="passed", not_worse_than_live=0.05)], pinned=["*"])
    verdict = decide(report("y" * 20), gate, other)
    assert [rule.passed for rule in verdict.rules] == [None, None]
    assert verdict.rules[0].reason.startswith(reason)


def test_with_nothing_live_nothing_can_be_worse():
    gate = Gate(rules=[Rule(metric="passed", not_worse_than_live=0.0)], pinned=["q1"])
    verdict = decide(report("nn"), gate, None)
    assert [(rule.passed, rule.reason) for rule in verdict.rules] == [(True, "nothing is live yet")] * 2


def test_a_figure_of_the_whole_suite_cannot_be_compared_case_by_case():
    ours = report("y" * 20)
    whole = replace(ours.measures[0], metric="macro_f1")
    found = one(Rule(metric="macro_f1", not_worse_than_live=0.1), replace(ours, measures=(whole,)), live("y" * 20))
    assert (found.passed, found.reason[:33]) == (None, "macro_f1 is of the whole suite: i")


# ---------------------------------------------------------------- pinned cases


@pytest.mark.parametrize(
    ("pinned", "ours", "theirs", "holds", "reason"),
    [
        (["q0"], "yn", "yy", True, "1 case that r3 passes hold"),
        (["q1"], "yn", "yy", False, "1 case that r3 passes: q1"),
        (["*"], "ynny", "yyyn", False, "2 cases that r3 passes: q1, q2"),
        (["*"], "yyn", "ynn", True, "1 case that r3 passes hold"),
        (["q0", "q9"], "yy", "yy", None, "not among the cases: q9"),
        (["q1", "q9"], "yn", "yy", False, "1 case that r3 passes: q1"),
        (["q0"], "u" + "y" * 9, "y" * 10, None, "1 case that r3 passes could not be scored: q0"),
        (["*"], "un" + "y" * 9, "y" * 11, False, "1 case that r3 passes: q1"),
        (["*"], "u" + "y" * 9, "n" + "y" * 9, True, "9 cases that r3 passes hold"),
    ],
)
def test_what_live_answers_rightly_must_stay_right(
    pinned: list[str], ours: str, theirs: str, *, holds: bool | None, reason: str
):
    (found,) = decide(report(ours), Gate(rules=[], pinned=pinned), live(theirs)).rules
    assert (found.passed, found.reason) == (holds, reason)


# ---------------------------------------------------------------- laws

LETTERS = st.text("yneu", min_size=1, max_size=40)


@given(LETTERS, LETTERS)
def test_no_gate_passes_what_its_rules_do_not(ours: str, theirs: str):
    gate = Gate(pinned=["*"])
    verdict: Verdict = decide(report(ours), gate, live(theirs))
    assert len(verdict.rules) == 4
    assert all(rule.reason for rule in verdict.rules)
    if verdict.outcome == "pass":
        assert ours.count("y") >= ours.count("n") + ours.count("e")
        assert ours.count("u") <= 0.1 * len(ours)


@given(LETTERS)
def test_a_candidate_is_never_worse_than_itself(letters: str):
    gate = Gate(rules=[Rule(metric="passed", not_worse_than_live=0.05)], pinned=["*"])
    verdict = decide(report(letters), gate, live(letters))
    assert verdict.outcome != "fail"


@pytest.mark.parametrize(
    ("unit", "value", "said"),
    [("s", 0.1234, "0.123 s"), ("USD", 0.0000213, "$0.000021"), ("USD", 12.5, "$12.50"), ("USD", 0, "$0.00"),
     ("tokens", 1234.4, "1,234 tokens"), ("", 0.6123, "0.612")],
)  # fmt: skip
def test_figures_are_said_as_people_do(unit: str, value: float, said: str):
    measure = replace(report("y").measures[1], unit=unit)
    assert say(measure, value) == said
