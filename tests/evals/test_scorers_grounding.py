"""Groundedness, citations, abstention, recall of the context."""

import json

import pytest
from tests.evals.scripted import Asked, case, scoring, tools

from fourways.core.errors import InvalidSuite
from fourways.core.report import Answered
from fourways.evals.scorers.base import Tools
from fourways.evals.scorers.grounding import ROWS, Statement, statements

score = scoring(ROWS)

SOURCES = (
    {"document": "market.md", "id": "1", "text": "The market was opened in 1835. It is lit by gas.", "score": 1.0},
    {"document": "bees.md", "id": "2", "text": "Bees like clover. They return to it by landmarks.", "score": 0.5},
)


def quoted(number: int, document: str, quote: str) -> dict[str, object]:
    return {"number": number, "document": document, "quote": quote, "start": 0, "end": len(quote)}


READ = [
    ("Ann sang. Bob wept.", [("Ann sang.", ()), ("Bob wept.", ())]),
    ("Ann sang [1]. Bob wept [2][3].", [("Ann sang.", (1,)), ("Bob wept.", (2, 3))]),
    ("Ann sang. [1] Bob wept. [2]", [("Ann sang.", (1,)), ("Bob wept.", (2,))]),
    ("Ann sang.[1]\n\nBob wept.", [("Ann sang.", (1,)), ("Bob wept.", ())]),
    ("[1] Ann sang. [2] Bob wept.", [("Ann sang.", (1,)), ("Bob wept.", (2,))]),
    ("Zero [3].\n- Ann sang\n- Bob wept\n\n[1]", [("Zero.", (3,)), ("Ann sang", (1,)), ("Bob wept", (1,))]),
    ("Is that so? Ann sang. It is.", [("Ann sang.", ())]),
    ("I don't know.", []),
    ("", []),
]


@pytest.mark.parametrize(("answer", "found"), READ)
def test_an_answer_is_read_as_statements_with_their_marks(answer, found):
    assert statements(answer) == [Statement(text=text, numbers=numbers) for text, numbers in found]


async def test_the_share_of_supported_sentences():
    answer = Answered(
        text="The market was opened in 1835 [1]. Bees like clover. It burned down in 1901.", sources=SOURCES
    )
    found = await score("groundedness", case(), answer, tools())
    assert found.value == pytest.approx(2 / 3)
    assert found.reason == "2 of 3 supported; not “It burned down in 1901.” (no source has 1901)"
    assert found.passed is False


async def test_the_cases_context_stands_in_for_sources():
    answer = Answered(text="Bees like clover.")
    assert (await score("groundedness", case(context=("Bees like clover.",)), answer, tools())).value == 1.0
    assert (await score("groundedness", case(), answer, tools())).reason == "there are no sources to hold it against"


async def test_who_abstains_claims_nothing():
    answer = Answered(text="I don't know.", sources=SOURCES)
    assert (await score("groundedness", case(), answer, tools())).value is None
    assert (await score("citation_coverage", case(), answer)).value is None


async def test_a_judge_may_say_what_is_supported():
    answer = Answered(text="The market was opened. Bees sting.", sources=SOURCES)
    by = {"by": "judge"}
    verdict = 'Let me see.\n```json\n{"supported": [1], "reason": "stinging is not in them"}\n```'
    found = await score("groundedness", case(), answer, tools([verdict]), options=by)
    assert found.value == 0.5
    assert "Bees sting." in found.reason
    assert "stinging is not in them" in found.reason
    for silent in ("Yes, all.", json.dumps({"supported": "all"}), json.dumps({"supported": ["1"]})):
        found = await score("groundedness", case(), answer, tools([silent]), options=by)
        assert found.value is None
        assert "gave no verdict" in found.reason
    assert "none is named" in (await score("groundedness", case(), answer, Tools(), options=by)).reason
    with pytest.raises(InvalidSuite, match="words, judge"):
        await score("groundedness", case(), answer, tools(), options={"by": "magic"})


async def test_the_judge_sees_sources_and_sentences_as_data():
    asked = Asked(['{"supported": [1]}'])
    answer = Answered(text="The market was opened.", sources=SOURCES)
    await score("groundedness", case(), answer, Tools(ask=asked, judge="big"), options={"by": "judge"})
    ((model, system, question),) = asked.asked
    assert model == "big"
    fence = question.split(" ")[0].removeprefix("<")
    assert fence in system
    assert f"<{fence} text>\n1. The market was opened.\n</{fence} text>" in question


async def test_a_citation_is_right_where_its_place_says_it():
    answer = Answered(
        text="The market was opened in 1835 [1]. Bees like clover [2]. It is lit by gas [2]. It has a roof [7].",
        citations=(
            quoted(1, "market.md", "The market was opened in 1835."),
            quoted(2, "bees.md", "Bees like clover."),
        ),
        sources=SOURCES,
    )
    found = await score("citation_correctness", case(), answer, tools())
    assert found.value == 0.5
    assert found.reason.startswith("2 of 4 right; not “It is lit by gas.”")
    lost = await score("citation_correctness", case(), Answered(text="It has a roof [7]."), tools())
    assert (lost.value, "[7] leads nowhere" in lost.reason) == (0.0, True)
    assert (await score("citation_correctness", case(), Answered(text="It has a roof."), tools())).value is None


async def test_names_may_stand_around_the_cited_place():
    around = {"document": "g.md", "text": "The Grainger Market is in Newcastle. It was opened in 1835.", "id": "1"}
    said = "The Grainger Market was opened in 1835 [1]."
    cited = (quoted(1, "g.md", "It was opened in 1835."),)
    assert (await score("citation_correctness", case(), Answered(text=said, citations=cited))).value == 0.0
    answer = Answered(text=said, citations=cited, sources=(around,))
    assert (await score("citation_correctness", case(), answer)).value == 1.0


async def test_the_share_of_sentences_that_cite():
    found = await score("citation_coverage", case(), "A market stood here [1]. Bees like clover.")
    assert (found.value, found.reason) == (0.5, "1 of 2 cited; not “Bees like clover.” (no citation)")


CELLS = [
    (True, "In 1835.", 1.0, "answered what has an answer"),
    (True, "I don't know.", 0.0, "abstained from what has an answer"),
    (False, "In 1835.", 0.0, "answered what has no answer"),
    (False, "I don't know.", 1.0, "abstained from what has no answer"),
]


@pytest.mark.parametrize(("answerable", "text", "value", "cell"), CELLS)
async def test_abstention_is_right_or_wrong_in_two_ways(answerable, text, value, cell):
    found = await score("abstention", case(metadata={"answerable": answerable}), text)
    assert (found.value, found.reason) == (value, cell)


async def test_no_answer_is_no_abstention():
    assert (await score("abstention", case(), Answered(error="timed out"))).value is None


RECALL = [
    (("1835",), 1.0),
    (("in 1836", "opened in 1835"), 1.0),
    (
        ("The market was opened. It is lit by electricity.",),
        (1.0 + 1 / 2) / 2,
    ),  # market, open; lit of lit and electricity
    (("roof",), 0.0),
]


@pytest.mark.parametrize(("expected", "value"), RECALL)
async def test_how_much_of_the_right_answer_was_found(expected, value):
    found = await score("context_recall", case(expected=expected), Answered(text="?", sources=SOURCES))
    assert found.value == pytest.approx(value)


async def test_recall_needs_an_answer_and_sources():
    nothing = case(metadata={"answerable": False})
    assert (await score("context_recall", nothing, Answered(sources=SOURCES))).value is None
    assert (await score("context_recall", case(), Answered(sources=SOURCES))).value is None
    assert (await score("context_recall", case(expected=("1835",)), Answered())).value is None
