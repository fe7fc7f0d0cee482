"""Nearness to the right answer and to the question."""

import pytest
from tests.evals.scripted import case, scoring, tools

from fourways.core.report import Answered
from fourways.evals.scorers.base import Tools
from fourways.evals.scorers.semantic import ROWS

score = scoring(ROWS)


async def test_the_nearest_right_answer_counts():
    asked = case(expected=("nothing like it", "the market opened", "the market opened in spring"))
    found = await score("similarity", asked, "the market opened", tools())
    assert found.value == pytest.approx(1.0)
    assert found.reason == "nearest to “the market opened”"
    assert found.passed is True
    half = await score("similarity", asked, "the market closed late today", tools(), value="the market opened")
    assert half.value == pytest.approx(2 / (3 * 5) ** 0.5)  # two words shared of three and five
    assert half.passed is False


async def test_an_answer_is_held_against_its_question():
    asked = case("when did the market open")
    near = await score("answer_relevance", asked, "the market did open in 1835", tools())
    far = await score("answer_relevance", asked, "bees like clover", tools())
    assert near.value == pytest.approx(4 / (5 * 6) ** 0.5)
    assert far.value == pytest.approx(0.0)
    assert (near.passed, far.passed) == (True, False)


async def test_what_cannot_be_compared_is_not_scored():
    assert (await score("similarity", case(), "yes", tools())).value is None
    assert (await score("similarity", case(expected=("a",)), "", tools())).value == 0.0
    without = await score("similarity", case(expected=("a",)), "a", Tools())
    assert (without.value, without.passed) == (None, None)
    assert "no embedder" in without.reason
    broken = await score("similarity", case(expected=("a",)), Answered(error="timed out"), tools())
    assert broken.reason == "no answer came: timed out"
