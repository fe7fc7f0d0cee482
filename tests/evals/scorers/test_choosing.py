"""Answers that choose: of N, YES or NO, a label."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.evals.scorers.marks import mark, value

from fourways.core.errors import InvalidSuite
from fourways.evals.scorers.choosing import Prediction, read_prediction

ONE_TWO_THREE = {"choices": [1, 2, 3], "answer": 2}
LETTERS = {"choices": ["A", "B", "C", "D"], "answer": "B"}
CITIES = {"choices": {"A": "Paris", "B": "Berlin", "C": ["Rome", "Roma"]}, "answer": "B"}

CHOICES = [
    # answer, choices, value: "choose from 1, 2, or 3"
    ("2", ONE_TWO_THREE, 1.0),
    ("**2.**", ONE_TWO_THREE, 1.0),
    ("3", ONE_TWO_THREE, 0.0),
    ("My choice is 2.", ONE_TWO_THREE, 1.0),
    ("I weighed 1 and 3, and choose 2", ONE_TWO_THREE, 1.0),
    ("Not 2. It is 3", ONE_TWO_THREE, 0.0),
    ("1 or 2", ONE_TWO_THREE, 0.0),
    ("1, 2", ONE_TWO_THREE, 0.0),
    ("2, because 1 costs more", ONE_TWO_THREE, 0.0),
    ("12", ONE_TWO_THREE, 0.0),
    ("2.5", ONE_TWO_THREE, 0.0),
    ("I cannot say.", ONE_TWO_THREE, 0.0),
    ("", ONE_TWO_THREE, 0.0),
    ("b", LETTERS, 1.0),
    ("(B)", LETTERS, 1.0),
    ("a better one: B", LETTERS, 1.0),  # an article is no choice
    ("B) Berlin", CITIES, 1.0),
    ("Berlin.", CITIES, 1.0),
    ("It is Berlin, I think", CITIES, 1.0),
    ("C: Roma", CITIES, 0.0),
]


@pytest.mark.parametrize(("said", "choices", "wanted"), CHOICES)
def test_the_one_choice_that_an_answer_is_or_ends_on(said, choices, wanted):
    assert value("choice", said, choices) == wanted


def test_why_a_choice_is_not_clear():
    assert mark("choice", "1 or 2", ONE_TWO_THREE).reason == "it ends on 1 and 2"
    assert mark("choice", "2, for 1 is dear", ONE_TWO_THREE).reason == "it names 1 and 2 and ends on neither"
    assert mark("choice", "None.", ONE_TWO_THREE).reason == "it names none of 1, 2, 3"
    assert mark("choice", "3", ONE_TWO_THREE).reason == "chose 3"


def test_a_strict_choice_is_the_whole_reply():
    assert value("choice", "2.", ONE_TWO_THREE, strict=True) == 1.0
    said = mark("choice", "My choice is 2", ONE_TWO_THREE, strict=True)
    assert (said.value, said.reason) == (0.0, "it must be 1 or 2 or 3 and nothing else")


def test_the_right_choice_may_be_the_cases_expectation_or_unknown():
    assert value("choice", "2", [1, 2, 3], expected="2") == 1.0
    assert value("choice", "3", [1, 2, 3], expected="2") == 0.0
    assert value("choice", "3", [1, 2, 3], expected=("2", "3")) == 1.0
    assert value("choice", "3", [1, 2, 3]) == 1.0, "any will do where none is known to be right"
    assert value("choice", "4", [1, 2, 3]) == 0.0


def test_a_right_choice_that_is_none_of_them_is_the_suites_mistake():
    with pytest.raises(InvalidSuite, match="the right answer is '4', which is none of 1, 2, 3"):
        mark("choice", "2", {"choices": [1, 2, 3], "answer": 4})
    with pytest.raises(InvalidSuite, match=r"needs a `value`: \{choices"):
        mark("choice", "2")


YES_NO = [
    # answer, right, value: "reply only with a simple YES or NO"
    ("YES", "yes", 1.0),
    ("no.", "no", 1.0),
    ("**No**", "yes", 0.0),
    ("Yes, they may.", "yes", 0.0),
    ("I'd say yes", "yes", 0.0),
    ("YES", True, 1.0),  # how YAML reads a bare yes
    ("maybe", "no", 0.0),
]


@pytest.mark.parametrize(("said", "right", "wanted"), YES_NO)
def test_a_simple_yes_or_no_and_nothing_else(said, right, wanted):
    assert value("yes_no", said, right) == wanted


def test_yes_or_no_with_more_around_it():
    assert value("yes_no", "Yes, they may, no matter when.", "yes", strict=False) == 1.0
    assert value("yes_no", "So the answer is: no", "no", strict=False) == 1.0
    assert value("yes_no", "There is no limit to it.", "no", strict=False) == 0.0, "it only speaks of no limit"
    assert value("yes_no", "It is yes or no", "no", strict=False) == 0.0


def test_either_will_do_where_the_case_does_not_say():
    assert value("yes_no", "No") == 1.0
    assert value("yes_no", "It depends.") == 0.0
    with pytest.raises(InvalidSuite, match="'maybe', which is none of yes, no"):
        mark("yes_no", "No", "maybe")


LABELS = {"card_arrival": ["delivery of the card"], "card_lost": "lost card", "other": []}


def test_a_label_is_named_whatever_joins_its_words():
    assert value("label", "card_arrival", "card_arrival", labels=LABELS) == 1.0
    assert value("label", "The intent is **Card arrival**.", "card_arrival", labels=LABELS) == 1.0
    assert value("label", "delivery of the card", "card_arrival", labels=LABELS) == 1.0
    assert value("label", "lost card", "card_arrival", labels=LABELS) == 0.0
    assert value("label", "card", expected="card", labels=["card", "card arrival"]) == 1.0
    assert value("label", "card arrival", expected="card", labels=["card", "card arrival"]) == 0.0, "the longer one"


def test_a_prediction_is_read_back_from_its_reason():
    found = mark("label", "card_lost", "card_arrival", labels=LABELS)
    assert read_prediction(found.reason) == Prediction(truth="card_arrival", label="card_lost", scores={})
    unclear = read_prediction(mark("label", "card_lost or other", "other", labels=LABELS).reason)
    assert unclear == Prediction(truth="other", label=None, scores={}, why="it names card_lost and other")
    assert read_prediction(mark("label", "card_lost", labels=LABELS).reason) is None
    assert read_prediction("said by another scorer") is None


@given(
    st.builds(
        Prediction,
        truth=st.text(),
        label=st.none() | st.text(),
        scores=st.dictionaries(st.text(), st.floats(allow_nan=False, allow_infinity=False)),
        why=st.text(),
    )
)
def test_any_prediction_survives_being_written(prediction):
    assert read_prediction(prediction.written()) == prediction


def test_a_json_answer_names_its_label_in_a_field_and_may_score_all():
    answer = {"intent": "ham", "scores": {"spam": 0.2, "ham": 0.8}, "why": "spam it is not"}
    found = mark("label", json.dumps(answer), "ham", labels=["spam", "ham"], field="intent")
    assert found.value == 1.0
    assert read_prediction(found.reason) == Prediction(truth="ham", label="ham", scores={"spam": 0.2, "ham": 0.8})
    half = mark("label", json.dumps(answer | {"scores": {"ham": 0.8}}), "ham", labels=["spam", "ham"], field="intent")
    assert read_prediction(half.reason) == Prediction(truth="ham", label="ham", scores={})


@pytest.mark.parametrize("score", ["NaN", "Infinity", "1" + "0" * 400])
def test_a_score_that_is_no_figure_leaves_the_prediction_without_scores(score):
    found = mark("label", f'{{"label": "ham", "scores": {{"spam": 0, "ham": {score}}}}}', "ham", labels=["spam", "ham"])
    assert read_prediction(found.reason) == Prediction(truth="ham", label="ham", scores={})


def test_labels_must_be_given_and_hold_the_right_one():
    with pytest.raises(InvalidSuite, match="needs the option `labels`"):
        mark("label", "x", "x")
    with pytest.raises(InvalidSuite, match="which is none of spam, ham"):
        mark("label", "x", "eggs", labels=["spam", "ham"])
