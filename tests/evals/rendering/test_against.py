"""How two candidates differ, in words: better, worse, the same, or not distinguishable; never more than is known."""

from dataclasses import replace

from tests.evals.rendering.made import of_results, report

from fourways.evals.rendering.against import against
from fourways.evals.rendering.tables import said_once, spanned

GOOD, POOR = report(right=0.8, seed=1), report(right=0.3, seed=2)


def says(one, other, metric):
    found = against(one, other, one.measure(metric))
    return found and found.says


def test_who_is_better_is_worse_the_other_way_round():
    assert says(GOOD, POOR, "contains") == "better by 0.608 (0.494 to 0.722)"
    assert says(POOR, GOOD, "contains").startswith("worse by 0.608 (0.")


def test_shares_are_told_apart_in_points():
    assert says(GOOD, POOR, "passed") == "better by 60.8 points (49.4 to 72.2)"


def test_a_candidate_is_not_better_than_itself():
    assert says(GOOD, GOOD, "passed") == "the same, case by case"


def test_a_few_cases_do_not_tell_however_alike_they_fall():
    """Of five that all differ alike the bootstrap's interval has no width; the exact test is not sure."""
    few = report(5, right=1.1)
    found = against(few, report(5, right=0.0), few.measures[0])
    assert found is not None
    assert (few.measures[0].metric, found.better, found.difference.value) == ("passed", 0, 1.0)


def test_less_time_is_better():
    slower = of_results(
        [replace(one, answers=(replace(one.answer, seconds=one.answer.seconds + 1.0),)) for one in GOOD.results]
    )
    assert says(slower, GOOD, "latency_p50") == "worse by 1 s (1 to 1)"
    assert says(GOOD, slower, "latency_p50") == "better by 1 s (1 to 1)"


def test_without_a_case_in_common_nothing_is_said_of_it():
    others = of_results([one for one in POOR.results if one.id > "test-050"])
    first = of_results([one for one in GOOD.results if one.id < "test-050"])
    assert says(first, others, "passed") == "no case in common"


def test_a_unit_is_said_once():
    assert spanned("61.9 %", "81.1 %") == "61.9 to 81.1 %"
    assert spanned("$0.10", "$0.20") == "$0.10 to $0.20"
    assert spanned("900 ms", "1.2 s") == "900 ms to 1.2 s"
    assert said_once([0, 50, 100], lambda value: f"{value:g} %") == ["0", "50", "100 %"]
    assert said_once([0, 500, 1000], lambda value: f"{value} ms" if value < 1000 else "1 s") == ["0", "500 ms", "1 s"]
