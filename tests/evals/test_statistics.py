"""Intervals and tests equal the reference libraries, and hold what their names promise."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import cohen_kappa_score

from fourways.evals.statistics import (
    bootstrap_mean,
    cases_needed,
    cohen_kappa,
    mann_whitney,
    mcnemar,
    mean_estimate,
    newcombe_difference,
    paired,
    quantile_estimate,
    sign_flips,
    van_elteren,
    wilson,
)

VALUES = st.lists(st.floats(-100, 100), min_size=2, max_size=40)


@pytest.mark.parametrize(("hits", "of"), [(0, 10), (3, 10), (10, 10), (41, 80), (999, 1000)])
def test_wilson_is_the_score_interval(hits: int, of: int):
    found = wilson(hits, of)
    known = stats.binomtest(hits, of).proportion_ci(method="wilson")
    assert (found.low, found.high) == pytest.approx((known.low, known.high), abs=1e-9)


def test_of_nothing_nothing_is_known():
    assert (wilson(0, 0).low, wilson(0, 0).high) == (0.0, 1.0)
    assert math.isinf(bootstrap_mean([]).high)


@given(st.integers(0, 50), st.integers(1, 50))
def test_a_share_lies_within_its_interval_and_that_within_bounds(hits: int, more: int):
    found = wilson(hits, hits + more)
    assert 0 <= found.low <= found.value <= found.high <= 1


@given(VALUES, st.randoms())
def test_a_mean_lies_within_its_interval_whatever_the_order(values: list[float], dice: random.Random):
    found = bootstrap_mean(values, resamples=200)
    assert found.low <= found.value <= found.high
    shuffled = values.copy()
    dice.shuffle(shuffled)
    assert bootstrap_mean(shuffled, resamples=200) == found


def test_more_cases_make_a_narrower_interval():
    few, many = bootstrap_mean([0.2, 0.8] * 10), bootstrap_mean([0.2, 0.8] * 1000)
    assert many.high - many.low < (few.high - few.low) / 5


def test_shares_and_other_means_are_told_apart():
    assert mean_estimate([1.0, 0.0, 1.0]).method == "wilson"
    assert mean_estimate([0.5, 0.0, 1.0]).method == "bootstrap"


def test_the_bootstrap_covers_the_truth_about_as_often_as_it_says():
    dice = random.Random(1)
    samples = [[dice.expovariate(1.0) for _ in range(60)] for _ in range(300)]
    covered = sum((found := bootstrap_mean(sample, resamples=400)).low <= 1.0 <= found.high for sample in samples)
    assert covered / 300 == pytest.approx(0.94, abs=0.03)


def test_a_quantiles_interval_holds_it_about_as_often_as_it_says():
    dice = random.Random(2)
    truth = -math.log(0.05)
    samples = [[dice.expovariate(1.0) for _ in range(200)] for _ in range(400)]
    covered = sum((found := quantile_estimate(sample, 0.95)).low <= truth <= found.high for sample in samples)
    assert covered / 400 >= 0.93


def test_two_candidates_that_cannot_be_told_apart_say_so_and_how_many_cases_it_would_take():
    first, second = [1.0, 0.0] * 20, [0.0, 1.0] * 19 + [1.0, 1.0]
    found = paired(first, second)
    assert found.better == 0
    assert found.difference.low < 0 < found.difference.high
    assert found.needed is not None
    assert found.needed > 40


def test_a_clear_difference_is_told():
    found = paired([1.0] * 30, [0.0] * 20 + [1.0] * 10)
    assert (found.better, found.p_value) == (1, mcnemar(20, 0))


@pytest.mark.parametrize("count", [1, 3, 5])
def test_a_few_cases_that_all_say_the_same_tell_nothing(count: int):
    assert paired([1.0] * count, [0.0] * count).better == 0
    assert paired([0.9] * count, [0.4] * count).better == 0


def test_what_does_not_differ_is_seldom_told_apart():
    dice = random.Random(7)
    samples = [[dice.gauss(0, 1) for _ in range(6)] for _ in range(150)]
    assert sum(paired(sample, [0.0] * 6).better != 0 for sample in samples) / 150 <= 0.08


def test_cases_are_paired_one_to_one():
    with pytest.raises(ValueError, match="shorter"):
        paired([1.0, 0.0], [1.0])


def test_as_many_cases_as_needed_tell_the_difference_as_often_as_promised():
    dice = random.Random(3)

    def differences(count: int) -> list[float]:
        return [dice.gauss(0.2, 1.0) for _ in range(count)]

    needed = cases_needed(differences(5000), 0.2)
    assert needed is not None
    samples = (differences(needed) for _ in range(200))
    told = sum(bootstrap_mean(sample, resamples=300).low > 0 for sample in samples)
    assert told / 200 == pytest.approx(0.8, abs=0.08)


@pytest.mark.parametrize(("one", "other"), [(0, 0), (3, 12), (7, 7), (1, 0)])
def test_mcnemar_is_the_exact_test(one: int, other: int):
    known = stats.binomtest(one, one + other).pvalue if one + other else 1.0
    assert mcnemar(one, other) == pytest.approx(known)


def test_sign_flips_agree_with_an_exact_permutation_test():
    data = [0.3, -0.1, 0.4, 0.2, 0.5, -0.2, 0.1, 0.6]
    known = stats.permutation_test((data,), sum, permutation_type="samples", n_resamples=10_000)
    assert sign_flips(data) == pytest.approx(known.pvalue, abs=0.02)


@given(st.lists(st.integers(0, 9), min_size=3, max_size=30), st.lists(st.integers(0, 9), min_size=3, max_size=30))
def test_mann_whitney_is_the_asymptotic_one(first: list[int], second: list[int]):
    found = mann_whitney(first, second)
    if len({*first, *second}) > 1:
        known = stats.mannwhitneyu(first, second, method="asymptotic")
        assert (found.u, found.p_value) == pytest.approx((known.statistic, known.pvalue))
    assert mann_whitney(second, first).z == pytest.approx(-found.z)


def test_of_one_stratum_ranks_are_compared_as_mann_whitney_does():
    first, second = [3.0, 1.0, 4.0, 1.0, 5.0], [9.0, 2.0, 6.0, 5.0, 3.0, 5.0]
    known = stats.mannwhitneyu(first, second, method="asymptotic", use_continuity=False)
    assert 2 * stats.norm.sf(abs(van_elteren([(first, second)]))) == pytest.approx(known.pvalue)


def test_strata_are_compared_within_themselves_only():
    """The second stratum is ten times as large, and the first sample has most of its values there."""
    dice = random.Random(4)

    def drawn(count: int, scale: float) -> list[float]:
        return [scale * dice.random() for _ in range(count)]

    strata = [(drawn(20, 1), drawn(400, 1)), (drawn(300, 10), drawn(300, 10))]
    assert abs(van_elteren(strata)) < 2
    pooled = [value for one, _ in strata for value in one], [value for _, other in strata for value in other]
    assert mann_whitney(*pooled).z > 8
    assert van_elteren([]) == van_elteren([([], [1.0]), ([2.0], [])]) == 0.0


def test_strata_without_a_difference_cross_as_often_as_chance_has_it():
    dice = random.Random(8)

    def drawn(count: int) -> list[float]:
        return [float(dice.randrange(5)) for _ in range(count)]

    found = [van_elteren([(drawn(4), drawn(30)), (drawn(25), drawn(10))]) for _ in range(1000)]
    assert sum(abs(z) > 1.96 for z in found) / 1000 == pytest.approx(0.05, abs=0.02)


def test_newcombes_interval_is_the_published_one():
    """Newcombe 1998, table II, example (a) by method 10: 56/70 less 48/80."""
    found = newcombe_difference(56, 70, 48, 80)
    assert (found.value, found.low, found.high) == pytest.approx((0.2, 0.0524, 0.3339), abs=5e-5)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abc")), min_size=2, max_size=30))
def test_kappa_is_scikit_learns(pairs: list[tuple[str, str]]):
    first, second = [one for one, _ in pairs], [other for _, other in pairs]
    if len({*first, *second}) > 1:
        assert cohen_kappa(first, second) == pytest.approx(cohen_kappa_score(first, second))
