"""What a model must be able to do before anyone meets it: requirements R80 to R86 of evaluation, case by case.

Each case stands as people write it in the project file, and is put to a model that does well and to one that does not.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.evals.running import Counted, ran

from fourways.config.testing import TestsNode
from fourways.core.chat import ChatRequest, question_of
from fourways.core.report import CaseResult, Report
from fourways.evals.asking import WHY
from fourways.evals.cases import Suite
from fourways.evals.scorers.agreement import REPHRASE
from fourways.evals.suites import load_suite

BATTERY = """
cases:
  - id: R80 a simple YES or NO
    input: Is a triangle a shape with three sides? Reply only with a simple YES or NO.
    expected_output: "YES"
    assert: [{type: yes_no}]
  - id: R80 one of three
    input: "Which of these is a fruit? 1: hammer, 2: pear, 3: river. Choose from 1, 2, or 3."
    assert: [{type: choice, value: {choices: [1, 2, 3], answer: 2}}]
  - id: R83 a summary is shorter than the original
    input: >-
      Summarise in one sentence: The night train leaves Aldermoor at ten, stops twice for mail and once for water, and
      arrives at the coast before the first ferry, so that travellers to the islands need not spend a night in the port.
    assert: [{type: shorter_than_input}]
  - id: R84 rephrased it means the same
    input: The night train arrives before the first ferry.
    assert: [{type: rephrase_same}]
  - id: R85 code compiles, runs and gives the expected result
    input: Write a Python function `double(n)` that returns twice n.
    assert:
      - type: code
        value: |
          assert double(21) == 42
          assert double(-1) == -2
        options: {entry_point: double}
"""
GOOD = {
    "R80 a simple YES or NO": ["YES", "yes.", "Yes"],
    "R80 one of three": ["2", "2: pear", "The answer is 2."],
    "R83 a summary is shorter than the original": ["The night train connects to the first ferry."],
    "R85 code compiles, runs and gives the expected result": [
        "def double(n):\n    return 2 * n\n",
        "Here it is:\n\n```python\ndef double(n: int) -> int:\n    return n + n\n```\nIt adds n to itself.",
    ],
}
BAD = {
    "R80 a simple YES or NO": ["NO", "Yes, a triangle has three sides.", "It depends.", ""],
    "R80 one of three": ["3", "1 or 2", "a pear", "4"],
    "R83 a summary is shorter than the original": ["The night train, " * 40],
    "R85 code compiles, runs and gives the expected result": [
        "def double(n)\n    return 2 * n",  # does not compile
        "def double(n):\n    return twice(n)",  # does not run
        "def double(n):\n    return n ** 2",  # gives another result
        "def triple(n):\n    return 3 * n",  # is another function
        "I would rather not.",
    ],
}


def battery(**settings: Any) -> Suite:
    node = TestsNode.model_validate(yaml.safe_load(BATTERY) | settings)
    return load_suite(node, Path(), name="battery")


async def put(name: str, script: Any, **settings: Any) -> CaseResult:
    (one,) = (case for case in battery().cases if case.id == name)
    return (await ran(Suite(name="battery", cases=(one,)), Counted(script), **settings)).results[0]


@pytest.mark.parametrize(
    ("name", "said", "passes"),
    [
        (name, said, passes)
        for passes, table in ((True, GOOD), (False, BAD))
        for name, answers in table.items()
        for said in answers
    ],
)
async def test_a_model_that_does_well_passes_and_one_that_does_not_fails(name: str, said: str, *, passes: bool):
    result = await put(name, lambda request: said)
    assert result.passed is passes, result.scores
    (score,) = result.scores
    assert score.value is not None


# ---------------------------------------------------------------- R81


async def test_r81_temperature_zero_is_sent_with_every_question():
    model = Counted()
    await ran(battery(), model)
    assert len(model.requests) > len(battery().cases), "asked again, too"
    assert {dict(request.options).get("temperature") for request in model.requests} == {0.0}


# ---------------------------------------------------------------- R82

REPEATED = {"cases": [{"input": "How many sides has a triangle?", "assert": [{"type": "agreement"}]}], "repeat": 5}


@pytest.mark.parametrize(
    ("said", "value", "passes"),
    [
        (["three"] * 5, 1.0, True),
        (["three", "three", "four", "three", "three"], 0.8, True),
        (["three", "Three.", "it has 3 of them", "three", "none"], 0.6, True),
        (["one", "two", "three", "four", "two"], 0.4, False),
    ],
    ids=["all", "four", "three", "two"],
)
async def test_r82_most_of_the_repeats_align(said: list[str], value: float, *, passes: bool):
    node = TestsNode.model_validate(REPEATED)
    model = Counted(said)
    report = await ran(load_suite(node, Path(), name="repeats"), model, repeat=node.repeat)
    (result,) = report.results
    assert (result.score("agreement"), result.passed, len(model.requests)) == (value, passes, 5)


# ---------------------------------------------------------------- R84


def rephrasing(same: str) -> Callable[[ChatRequest], str]:
    """A model that rephrases, and says whether both mean the same."""

    def reply(request: ChatRequest) -> str:
        question = question_of(request.messages)
        if question.startswith(REPHRASE[:20]):
            return "Before the first ferry, the night train is there."
        return same if "Do they mean the same?" in question else "…"

    return reply


@pytest.mark.parametrize(("same", "passes"), [("YES", True), ("No.", False)], ids=["same", "another"])
async def test_r84_the_model_knows_its_own_words_again(same: str, *, passes: bool):
    result = await put("R84 rephrased it means the same", rephrasing(same))
    assert (result.score("rephrase_same"), result.passed) == (float(passes), passes)


async def test_r84_a_model_that_says_neither_yes_nor_no_has_not_passed():
    result = await put("R84 rephrased it means the same", rephrasing("Perhaps."))
    assert (result.score("rephrase_same"), result.passed) == (None, False)


# ---------------------------------------------------------------- R86


async def test_r86_where_an_answer_deviates_the_model_is_asked_why_and_only_there():
    def reply(request: ChatRequest) -> str:
        question = question_of(request.messages)
        if question == WHY:
            return "I took the pear for a tool."
        return "1" if "fruit" in question else {"triangle": "YES"}.get(question.split()[2], "double = lambda n: 2 * n")

    model = Counted(reply)
    report: Report = await ran(battery(), model, explain=True)
    explained = {result.id: result.explanation for result in report.results if result.explanation}
    assert explained["R80 one of three"] == "I took the pear for a tool."
    assert set(explained) == {result.id for result in report.results if not result.passed}
    assert "R80 a simple YES or NO" not in explained
