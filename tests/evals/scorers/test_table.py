"""The table of scorers as a whole."""

import pytest
from tests.evals.scorers.marks import mark

from fourways.core.errors import InvalidSuite
from fourways.core.report import Answered
from fourways.evals.scorers import FAMILIES, SCORERS, choosing, cost, numeric, overlap, retrieval, structured, text
from fourways.evals.scorers.base import Scorer

PLAIN = [row for file in (text, choosing, numeric, overlap, structured, retrieval, cost) for row in file.ROWS]


def test_no_name_stands_twice():
    assert len(SCORERS) == sum(map(len, FAMILIES))


@pytest.mark.parametrize("row", SCORERS.values(), ids=lambda row: row.name)
def test_a_row_is_one_function_and_says_in_one_line_what_it_measures(row: Scorer):
    assert (row.plain is None) != (row.aided is None)
    assert row.line
    assert "\n" not in row.line
    assert not row.line.endswith(".")


@pytest.mark.parametrize("row", PLAIN, ids=lambda row: row.name)
def test_an_option_that_a_scorer_does_not_have_is_an_error_that_lists_those_it_has(row: Scorer):
    with pytest.raises(InvalidSuite, match=f"assertion '{row.name}': has no option 'colour'; it has: "):
        mark(row.name, "yes", "yes", colour="red")


@pytest.mark.parametrize(
    "kind", ["exact", "contains", "starts_with", "numeric", "token_f1", "bleu", "rouge_1", "json_equals"]
)
def test_a_case_that_says_nothing_of_what_is_right_is_not_scored(kind: str):
    assert mark(kind, "an answer").value is None
    assert "no expected output" in mark(kind, "an answer").reason


def test_an_option_of_another_type_is_an_error():
    with pytest.raises(InvalidSuite, match="option 'strict' must be like False, not 'yes'"):
        mark("exact", "a", "a", strict="yes")
    with pytest.raises(InvalidSuite, match="option 'k' must be like 5, not True"):
        mark("hit", "a", metadata={"document": "a.md"}, k=True)
    with pytest.raises(InvalidSuite, match="option 'language' is one of en, de, es, , not 'fr'"):
        mark("exact", "a", "a", language="fr")


@pytest.mark.parametrize(
    "kind", ["latency", "first_token", "cost", "tokens", "output_tokens", "word_count", "shorter_than_input"]
)
def test_an_answer_that_never_came_has_no_length_time_or_cost(kind: str):
    found = mark(kind, Answered(error="the model is down", seconds=9.0, cost_usd=0.1, first_token=1.0))
    assert (found.value, found.reason) == (None, "no answer came: the model is down")


def test_an_answer_that_never_came_is_not_right():
    lost = Answered(error="the model is down")
    assert mark("exact", lost, "yes").value == 0.0
    assert mark("contains", lost, "yes").value == 0.0
    assert mark("not_contains", lost, "yes").value is None
    assert mark("length", lost, 5).value is None
