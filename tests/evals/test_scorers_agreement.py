"""Steadiness: repeats, rephrasings, and knowing one's own words again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.evals.scripted import HASHED, Asked, case, scoring, tools

from fourways.core.errors import InvalidSuite
from fourways.core.report import Answered
from fourways.evals.agreeing import agreeing, normalised
from fourways.evals.scorers.agreement import ROWS
from fourways.evals.scorers.base import Tools

score = scoring(ROWS)


def said(*texts: str) -> list[Answered]:
    return [Answered(text=text) for text in texts]


SAME = [
    ("Paris.", "paris", True),
    ("The capital is Paris.", "Capital is **Paris**", True),
    ("I don't know.", "The sources do not say.", True),
    ("+", "-", False),
    ("", "", True),
    ("", "yes", False),
    ("4", "5", False),
    # near by their words, and at odds
    (
        "one two three four five six seven eight nine ten 11",
        "one two three four five six seven eight nine ten 12",
        False,
    ),
    ("it is so and so and so and so and so it is open", "it is so and so and so and so and so it is not open", False),
    (
        "we meet and greet and go by train and by bus to Rome",
        "we meet and greet and go by train and by bus to Oslo",
        False,
    ),
    ("we meet and greet and go by train and by bus to Rome", "we meet and greet and go by train and bus to Rome", True),
]


@pytest.mark.parametrize(("one", "other", "same"), SAME)
async def test_what_says_the_same(one, other, same):
    assert await agreeing([one, other], HASHED) == ((True, same), (same, True))


@given(st.lists(st.sampled_from(["yes", "Yes.", "no", "maybe", ""]), min_size=1, max_size=6))
async def test_agreement_is_symmetric_and_everything_agrees_with_itself(texts):
    table = await agreeing(texts)
    assert all(table[i][i] for i in range(len(texts)))
    assert all(table[i][j] == table[j][i] for i in range(len(texts)) for j in range(len(texts)))
    assert all(
        table[i][j] == (normalised(texts[i]) == normalised(texts[j])) for i in range(len(texts)) for j in range(i)
    )


async def test_the_largest_group_and_the_pairs():
    answers = said("Yes.", "yes", "No", "YES!", "yes")
    found = await score("agreement", case(), answers)
    assert (found.value, found.passed, found.reason) == (0.8, True, "4 of 5 say the same")
    assert (await score("agreement", case(), answers, options={"by": "pairs"})).value == pytest.approx(0.6)


AT_LEAST = [
    ({}, ("a", "a", "b"), True),  # most: two of three
    ({}, ("a", "a", "b", "b"), False),  # half is not most
    ({"at_least": "most"}, ("a", "b", "c"), False),
    ({"at_least": "all"}, ("a", "a", "b"), False),
    ({"at_least": "2 of 3"}, ("a", "a", "b"), True),
    ({"at_least": "3/3"}, ("a", "a", "b"), False),
    ({"at_least": 0.6}, ("a", "a", "b"), True),
    ({"at_least": 3}, ("a", "a", "b"), False),
]


@pytest.mark.parametrize(("options", "texts", "passed"), AT_LEAST)
async def test_most_of_k_agree(options, texts, passed):
    assert (await score("agreement", case(), said(*texts), options=options)).passed is passed


async def test_a_threshold_goes_before_at_least():
    assert (await score("agreement", case(), said("a", "b"), threshold=0.5)).passed is True


@pytest.mark.parametrize("at_least", ["many", 0, -1, True, [1]])
async def test_at_least_says_what_would_be_right(at_least):
    with pytest.raises(InvalidSuite, match="`4 of 5`"):
        await score("agreement", case(), said("a", "a"), options={"at_least": at_least})


async def test_a_failed_repeat_agrees_with_none_and_one_is_none():
    broken = [Answered(error="timed out"), Answered(error="timed out"), Answered(text="yes")]
    assert (await score("agreement", case(), broken)).value == pytest.approx(1 / 3)
    assert (await score("agreement", case(), said("yes"))).value is None


REPLIES = [("YES", 1.0), ("Yes, they do.", 1.0), ("no", 0.0), ("**No.**", 0.0), ("The answer is YES.", 1.0)]


@pytest.mark.parametrize(("reply", "value"), REPLIES)
async def test_the_model_knows_its_own_words_again(reply, value):
    model = Asked(["It went up in 1835.", reply])
    found = await score("rephrase_same", case(), "unused", Tools(again=model.again), value="It was built in 1835.")
    assert (found.value, found.reason) == (value, "rephrased: “It went up in 1835.”")
    assert model.asked[0][2].endswith("It was built in 1835.")
    assert "It was built in 1835." in model.asked[1][2]
    assert "It went up in 1835." in model.asked[1][2]


@pytest.mark.parametrize("reply", ["", "Perhaps.", "It says yes here and no there."])
async def test_neither_yes_nor_no_is_no_mark(reply):
    found = await score("rephrase_same", case(), "unused", tools(["It went up.", reply]), value="It was built.")
    assert (found.value, found.passed) == (None, None)
    assert "neither YES nor NO" in found.reason


async def test_another_model_may_say_whether_both_mean_the_same():
    model = Asked(["It went up.", "YES"])
    with_tools = Tools(again=model.again, ask=model)
    found = await score("rephrase_same", case(context=("It was built.",)), "unused", with_tools, model="big")
    assert found.value == 1.0
    assert [name for name, _, _ in model.asked] == ["candidate", "big"]


async def test_rephrased_questions_are_answered_the_same():
    model = {"Built when?": "1835", "In what year was it built?": "In 1836"}
    found = await score("consistent_under_rephrase", case(), "1835.", tools(model), value=list(model))
    assert found.value == 0.5
    assert found.reason == "asked “In what year was it built?”, it says “In 1836”"


async def test_no_rephrasings_are_the_suites_mistake():
    with pytest.raises(InvalidSuite, match="lists no rephrasing"):
        await score("consistent_under_rephrase", case(), "1835", tools([]), value=[])


async def test_the_judges_model_rephrases_where_no_rephrasings_are_given():
    judge, candidate = Asked(["Built when?", "What year?"]), Asked({"*": "1835"})
    found = await score(
        "consistent_under_rephrase", case(), "1835", Tools(ask=judge, judge="big", again=candidate.again)
    )
    assert found.value == 1.0
    assert [question for _, _, question in candidate.asked] == ["Built when?", "What year?"]
    assert "Not like this: Built when?" in judge.asked[1][1]


async def test_a_candidate_that_cannot_be_asked_again_is_not_scored():
    assert "cannot be asked here" in (await score("rephrase_same", case(), "x", Tools())).reason

    async def broken(question: str) -> Answered:
        return Answered(error="timed out")

    found = await score("consistent_under_rephrase", case(), "x", Tools(again=broken), value="y")
    assert (found.value, found.reason) == (None, "asked again, the candidate failed: timed out")
