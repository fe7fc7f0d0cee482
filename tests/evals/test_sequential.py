"""Bounds equal the published ones; looking often fools neither them nor the e-process."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fourways.evals.sequential import Failures, e_process, obrien_fleming


@pytest.mark.parametrize(
    ("looks", "alpha", "constant"),
    [(1, 0.05, 1.960), (2, 0.05, 1.977), (3, 0.05, 2.004), (5, 0.05, 2.040), (10, 0.05, 2.087), (4, 0.01, 2.609)],
)
def test_bounds_are_those_of_the_tables(looks: int, alpha: float, constant: float):
    """Jennison and Turnbull 2000, table 2.3."""
    bounds = obrien_fleming(looks, alpha, one_sided=False)
    assert bounds[-1] == pytest.approx(constant, abs=0.001)
    assert bounds == pytest.approx([constant * (looks / look) ** 0.5 for look in range(1, looks + 1)], abs=0.003)


def test_a_walk_without_drift_crosses_them_as_often_as_allowed():
    bounds, dice, crossed = obrien_fleming(5, 0.05), random.Random(5), 0
    for _ in range(4000):
        total = 0.0
        for look, bound in enumerate(bounds, 1):
            total += dice.gauss(0, 1)
            if total / look**0.5 >= bound:
                crossed += 1
                break
    assert crossed / 4000 == pytest.approx(0.05, abs=0.01)


def test_the_e_process_is_the_formula():
    """The mean over m of (θ/ρ)^k1·((1−θ)/(1−ρ))^k0, by hand for ρ = 1/2: θ/ρ = 2m/(m + 1)."""
    by_hand = sum((2 * m / (m + 1)) ** 3 * (2 / (m + 1)) ** 2 for m in (2, 4, 8)) / 3
    assert e_process([Failures(canary=3, control=2, share=0.5)]) == pytest.approx(by_hand)


def test_without_failures_there_is_no_evidence():
    assert e_process([]) == e_process([Failures(canary=0, control=0, share=0.1)]) == 1.0


def test_where_the_share_changes_the_ratios_multiply_for_each_alternative():
    parts = [Failures(canary=2, control=1, share=0.1), Failures(canary=3, control=4, share=0.5)]
    [by_hand] = [
        sum(
            e_process([parts[0]], (m,)) * e_process([parts[1]], (m,)) for m in (2.0, 4.0, 8.0)
        ) / 3
    ]  # fmt: skip
    assert e_process(parts) == pytest.approx(by_hand)


@given(st.integers(0, 5000), st.integers(0, 5000), st.floats(0.01, 0.99))
def test_it_never_overflows(canary: int, control: int, share: float):
    assert e_process([Failures(canary=canary, control=control, share=share)]) >= 0


def test_looking_after_every_failure_is_no_way_to_be_fooled():
    dice, fooled = random.Random(6), 0
    for _ in range(1500):
        canary = control = 0
        for _ in range(120):
            hit = dice.random() < 0.3
            canary, control = canary + hit, control + (not hit)
            if e_process([Failures(canary=canary, control=control, share=0.3)]) >= 20:
                fooled += 1
                break
    assert fooled / 1500 <= 0.05
