"""A canary is aborted when it is worse, called sound when that is shown, and left alone while nobody can tell."""

import re
from dataclasses import replace

import pytest
from benchmarks.canary.simulate import Hour, World, many, share_of
from hypothesis import given
from hypothesis import strategies as st

from fourways.config.releasing import Analysis
from fourways.evals.canary import Segment, Tally, confidence_at, decide, stratified_z

PLAN = Analysis()
GOOD = Tally(requests=600, failures=3, latencies=[0.5, 0.6, 0.7] * 50)


def both(canary: Tally, control: Tally = GOOD, share: float = 0.5) -> list[Segment]:
    return [Segment(canary=canary, control=control, share=share)]


def action(canary: Tally, control: Tally = GOOD, *, looked: int = 0, plan: Analysis = PLAN) -> str:
    return decide(plan, both(canary, control), looked=looked).action


def test_one_that_is_as_good_is_shown_to_be_after_its_last_look():
    decision = decide(PLAN, both(GOOD), looked=0)
    assert (decision.action, decision.looks, decision.verdict.outcome) == ("sound", 5, "pass")


def test_nobody_met_it_so_nothing_is_known():
    decision = decide(PLAN, [], looked=0)
    assert decision.action == "continue"
    assert "not met by anybody" in decision.verdict.rules[0].reason


@pytest.mark.parametrize("count", [10, 99])
def test_a_few_good_answers_prove_nothing(count: int):
    few = replace(GOOD, requests=count, failures=0)
    decision = decide(PLAN, both(few, few), looked=0)
    assert decision.action == "continue"
    assert "more answers of the canary are needed" in decision.verdict.rules[0].reason


def test_many_errors_abort_at_once_without_waiting_for_a_look():
    assert action(Tally(requests=40, failures=9), Tally(requests=40, failures=0)) == "abort"


def test_more_errors_abort_at_a_look_and_not_between_looks():
    worse, fine = replace(GOOD, failures=12), replace(GOOD, failures=3)
    assert action(worse, fine, looked=4) == "abort"
    assert action(worse, fine, looked=5) == "continue"


@pytest.mark.parametrize(
    ("canary", "control", "rule"),
    [
        (replace(GOOD, latencies=[1.5, 1.6] * 80), GOOD, "latency"),
        (replace(GOOD, thumbs_down=60, thumbs_up=10), replace(GOOD, thumbs_down=10, thumbs_up=60), "thumbs down"),
        (replace(GOOD, interventions=120), replace(GOOD, interventions=10), "guards' interventions"),
        (replace(GOOD, judged=[0.2, 0.4] * 30), replace(GOOD, judged=[0.8, 1.0] * 30), "judge"),
    ],
)
def test_whatever_is_clearly_worse_aborts_and_is_named(canary: Tally, control: Tally, rule: str):
    decision = decide(PLAN, both(canary, control), looked=0)
    assert decision.action == "abort"
    assert [one.rule for one in decision.verdict.rules if one.passed is False] == [rule]
    assert decide(PLAN, both(canary, control), looked=5).action == "continue", "worse is no reason to promote"


def test_a_little_slower_is_no_reason():
    assert action(replace(GOOD, latencies=[0.55, 0.66, 0.77] * 50)) == "sound"


def test_a_few_hundredths_of_a_second_are_never_slower():
    fast, slow = [0.01, 0.02] * 100, [0.03, 0.04] * 100
    assert action(replace(GOOD, latencies=slow), replace(GOOD, latencies=fast)) == "sound"


def test_a_bad_hour_that_both_arms_had_is_not_held_against_the_canary():
    """It had half of the people then, and few before: its errors are more in all, and in no hour."""
    quiet = Segment(canary=Tally(requests=50), control=Tally(requests=950, failures=1), share=0.05)
    bad_hour = Segment(canary=Tally(requests=500, failures=50), control=Tally(requests=500, failures=50), share=0.5)
    assert decide(PLAN, [quiet, bad_hour], looked=4).action == "continue"
    assert abs(stratified_z([(0, 50, 1, 950), (50, 500, 50, 500)])) < 0.5


def test_a_slow_hour_that_both_arms_had_is_not_held_against_the_canary():
    fast, slow = [0.9, 1.0, 1.1], [2.9, 3.0, 3.1]
    quiet = Segment(
        canary=replace(GOOD, requests=20, failures=0, latencies=fast * 7),
        control=replace(GOOD, requests=380, latencies=fast * 126),
        share=0.05,
    )
    busy = Segment(canary=replace(GOOD, latencies=slow * 100), control=replace(GOOD, latencies=slow * 100), share=0.5)
    assert decide(PLAN, [quiet, busy], looked=0).action == "sound"
    slower = replace(busy, canary=replace(GOOD, latencies=[2 * value for value in slow] * 100))
    assert decide(PLAN, [quiet, slower], looked=0).action == "abort"


def test_someone_busy_who_fell_to_the_canary_is_not_held_against_it():
    """A tenth of the people got it, and they ask four fifths of all; both arms fail alike."""
    assert action(Tally(requests=320, failures=8), Tally(requests=80, failures=2), looked=5) == "continue"
    [segment] = both(Tally(requests=320, failures=8), Tally(requests=80, failures=2), share=0.1)
    evidence = decide(PLAN, [segment], looked=5).verdict.rules[1]
    assert evidence.passed
    assert evidence.figure is not None
    assert evidence.figure < 1, "it failed as often as it was asked"


def test_without_control_only_failing_as_a_rule_is_told():
    nobody = Tally()
    assert action(Tally(requests=5000, failures=25), nobody) == "continue"
    assert action(Tally(requests=5000), nobody) == "continue"
    assert action(Tally(requests=12, failures=12), nobody) == "continue"
    assert action(Tally(requests=40, failures=36), nobody) == "abort"


def test_the_earlier_the_surer_one_has_to_be():
    assert confidence_at(PLAN, 600) == confidence_at(PLAN, 9000) == pytest.approx(0.95)
    levels = [confidence_at(PLAN, answers) for answers in (600, 400, 200, 100, 1)]
    assert levels == sorted(levels)
    assert levels[-1] < 1


@pytest.mark.parametrize("failures", [0, 1, 2])
def test_as_many_more_answers_as_it_asks_for_show_it(failures: int):
    fine = Tally(requests=150, failures=failures)
    needed = re.search(r"about (\d+) more", decide(PLAN, both(fine, fine), looked=5).verdict.rules[0].reason)
    assert needed is not None
    times = 1 + int(needed[1]) / 150
    more = Tally(requests=round(150 * times), failures=round(failures * times))
    assert action(more, more, looked=5) == "sound"
    half = Tally(requests=150 + int(needed[1]) // 2, failures=round(failures * (1 + times) / 2))
    assert action(half, half, looked=5) == "continue", "and it does not ask for twice as many as it takes"


@given(st.integers(0, 60), st.integers(0, 60), st.integers(60, 700), st.integers(60, 700))
def test_more_failures_never_turn_an_abort_into_a_promotion(few: int, base: int, of: int, other: int):
    worse = decide(
        PLAN, both(Tally(requests=of, failures=min(of, few + 30)), Tally(requests=other, failures=base)), looked=0
    )
    better = decide(PLAN, both(Tally(requests=of, failures=few), Tally(requests=other, failures=base)), looked=0)
    order = ["abort", "continue", "sound"]
    assert order.index(worse.action) <= order.index(better.action)


@pytest.mark.slow
def test_the_marks_hold_in_simulated_rollouts():
    """Of 150: the full 1,000 a cell are `python -m benchmarks.canary`, whose figures stand in docs/log.md."""
    same = many(World(canary_errors=0.01, control_errors=0.01), PLAN, 150)
    busy = World(canary_errors=0.01, control_errors=0.01, people=10, hours=(Hour(share=0.25),))
    slow_hour = World(canary_errors=0.0, control_errors=0.0, hours=(Hour(share=0.05, answers=50), Hour(slower=2.0)))
    edge = World(canary_errors=0.03, control_errors=0.01)
    five = many(World(canary_errors=0.05, control_errors=0.01), PLAN, 150)
    ten = many(World(canary_errors=0.10, control_errors=0.01), PLAN, 150)
    assert share_of(same, "abort") <= 0.06
    assert share_of(many(busy, PLAN, 150), "abort") <= 0.06
    assert share_of(many(slow_hour, PLAN, 20, timed=True), "abort") <= 0.06
    assert share_of(many(edge, PLAN, 150, at_any_time=True), "sound") <= 0.06
    assert share_of(five, "abort") >= 0.90
    assert share_of(ten, "abort") >= 0.99
    assert sorted(one.answers for one in ten)[75] <= 260


def test_a_bad_hour_is_not_held_against_the_canary_by_the_judge_either():
    good, poor = [0.9, 0.7] * 30, [0.3, 0.5] * 30
    quiet = Segment(canary=replace(GOOD, judged=good[:6]), control=replace(GOOD, judged=good), share=0.05)
    bad_hour = Segment(canary=replace(GOOD, judged=poor), control=replace(GOOD, judged=poor), share=0.5)
    judged = next(rule for rule in decide(PLAN, [quiet, bad_hour], looked=0).verdict.rules if rule.rule == "judge")
    assert judged.passed
