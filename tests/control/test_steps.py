"""A canary's steps, walked against a clock and the evidence."""

import pytest

from fourways.config.releasing import Canary
from fourways.control.steps import due
from fourways.core.rollout import Shift

STEPS = Canary.model_validate(
    {"steps": [{"setWeight": 5}, {"pause": "10m"}, {"pause": "5m"}, {"setWeight": 50}, {"analysis": {}}]}
).steps
BEGUN = Shift(step=-1, weight=0.0, at=0.0)
FIVE = Shift(step=0, weight=0.05, at=0.0)
HALF = Shift(step=3, weight=0.5, at=900.0)


def test_the_first_weight_is_set_at_once():
    assert due(STEPS, BEGUN, now=7.0, sound=False).shift == Shift(step=0, weight=0.05, at=7.0)


@pytest.mark.parametrize(("now", "moves"), [(599.0, False), (601.0, False), (899.0, False), (900.0, True)])
def test_pauses_in_a_row_add_up(now: float, moves: bool):  # noqa: FBT001 - a table
    assert (due(STEPS, FIVE, now=now, sound=True).shift is not None) is moves


def test_what_it_waits_for_is_said():
    assert due(STEPS, FIVE, now=590.0, sound=True).waits == "10 s more of step 2 of 5 (pause)"


def test_an_analysis_ends_only_on_evidence():
    assert due(STEPS, HALF, now=1e9, sound=False).waits == "evidence, at step 5 of 5 (analysis)"
    assert due(STEPS, HALF, now=901.0, sound=True).finished


def test_without_steps_all_is_behind_it():
    assert due([], BEGUN, now=0.0, sound=False).finished
