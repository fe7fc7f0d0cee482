"""Whether a judge may gate."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.evals.scripted import row, tools

from fourways.core.errors import InvalidSuite
from fourways.evals.calibration import Labelled, by_scorer, calibrate, kappa_estimate, read_labelled
from fourways.evals.cases import Assertion
from fourways.evals.scorers.judging import ROWS
from fourways.evals.sheets import Place, Row


def labelled(good: int, bad: int) -> list[Labelled]:
    return [Labelled(question="?", answer=f"{n}", good=n < good) for n in range(good + bad)]


def wrong_on(*numbers: int):
    """Return a judge that knows the labels, but for some."""

    async def judge(one: Labelled) -> bool:
        return one.good is not (int(one.answer) in numbers)

    return judge


async def test_a_judge_that_agrees_may_gate():
    found = await calibrate(labelled(20, 20), wrong_on(0, 1, 20, 21))
    assert (found.n, found.unjudged, found.lenient, found.strict) == (40, 0, 2, 2)
    assert found.agreement.value == pytest.approx(0.9)
    assert found.kappa is not None
    assert found.kappa.value == pytest.approx(0.8)  # (.9 - .5) / (1 - .5)
    assert found.kappa.low < 0.8 < found.kappa.high <= 1.0
    assert found.usable
    assert found.reason == ""


async def test_agreement_by_chance_is_worth_nothing():
    async def lenient(one: Labelled) -> bool:
        return one.answer != "0"

    found = await calibrate(labelled(36, 4), lenient)
    assert found.agreement.value == pytest.approx(35 / 40)
    assert found.kappa is not None
    assert found.kappa.value < 0.05
    assert not found.usable
    assert found.reason.startswith("kappa is -0.0")


async def test_one_opinion_of_all_has_no_kappa():
    async def content(one: Labelled) -> bool:
        return True

    found = await calibrate(labelled(36, 4), content)
    assert found.kappa is None
    assert "label good ones and bad ones" in found.reason


async def test_too_few_labels_never_gate():
    found = await calibrate(labelled(15, 14), wrong_on())
    assert found.reason == "29 labelled answers were judged; it takes 30"
    assert (await calibrate(labelled(15, 15), wrong_on())).usable
    assert not (await calibrate([], wrong_on())).usable


async def test_a_judge_that_is_often_silent_never_gates():
    async def silent(one: Labelled) -> bool | None:
        return None if int(one.answer) % 5 == 0 else one.good

    found = await calibrate(labelled(25, 25), silent)
    assert (found.n, found.unjudged) == (40, 10)
    assert found.reason == "it gave no verdict on 10 of 50 answers"


async def test_a_scorer_is_a_judge():
    script = ['{"score": 1}', '{"score": 0.5}', "no idea"]
    judge = by_scorer(row(ROWS, "judge"), Assertion(type="judge"), tools(script))
    assert [await judge(one) for one in labelled(2, 1)] == [True, False, None]


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=2, max_size=60))
def test_kappa_lies_in_its_interval_and_does_not_care_who_is_first(pairs):
    people, judged = [one for one, _ in pairs], [other for _, other in pairs]
    found = kappa_estimate(people, judged)
    assert -1.0 <= found.low <= found.value <= found.high <= 1.0
    assert kappa_estimate(judged, people).value == pytest.approx(found.value)


EXPECTED = [1835, 0, True, [1835, False], None, ""]


def rows_of(*values: dict[str, object]) -> list[Row]:
    return [Row(Place("labels.jsonl", line), value) for line, value in enumerate(values, 1)]


def test_labelled_answers_are_read():
    rows: list[dict[str, object]] = [
        {"input": "When?", "answer": "1835", "good": True, "expected_output": "in 1835"},
        {"input": "When?", "answer": "1836", "good": "no", "expected_output": ["1835", "in 1835"]},
    ]
    assert read_labelled(rows_of(*rows)) == (
        Labelled(question="When?", answer="1835", good=True, expected=("in 1835",)),
        Labelled(question="When?", answer="1836", good=False, expected=("1835", "in 1835")),
    )
    figure = {"input": "When?", "answer": "1835", "good": True}
    assert [
        one.expected for one in read_labelled(rows_of(*({**figure, "expected_output": said} for said in EXPECTED)))
    ] == [*(("1835",), ("0",), ("yes",), ("1835", "no"), (), ())]
    with pytest.raises(InvalidSuite, match="good is \\['yes'\\]"):
        read_labelled(rows_of({**figure, "good": ["yes"]}))
    with pytest.raises(InvalidSuite, match=r"labels.jsonl:1: a labelled answer has no answer, good"):
        read_labelled(rows_of({"input": "When?"}))
    with pytest.raises(InvalidSuite, match="good is 'fine'"):
        read_labelled(rows_of({"input": "When?", "answer": "1835", "good": "fine"}))
