"""The page of a comparison and its Markdown: the advice first, every way beside the others, nothing broken out of."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.evals.comparing.test_comparison import GOOD, POOR, clocked, composed, evidence
from tests.evals.rendering.made import HOSTILE, ROBUSTNESS, effect
from tests.evals.rendering.test_evaluation import Read

from fourways.config.testing import Facts
from fourways.core.traits import Receiver
from fourways.evals.comparing.comparison import Comparison
from fourways.evals.rendering.comparison import comparison_html
from fourways.evals.rendering.markdown import comparison_markdown
from fourways.evals.rendering.money import count
from fourways.evals.rendering.robust import heat_table

FACTS = Facts(requests_per_month=50_000, personal_data=True, instructions=60_000, machine_usd_per_hour=2.5)
OUT = Receiver(name="openai/some", does="answers", sees="passages", place="outside", address="https://api.example.com")


@pytest.fixture
def two() -> Comparison:
    rag = evidence("rag", GOOD, 0.9, cost=0.0009, usd=3.0, receiver=OUT)
    return composed(
        evidence("prompt", POOR, 0.4, cost=0.0021, usd=0.0),
        replace(rag, report=replace(rag.report, robustness=ROBUSTNESS)),
        evidence("finetune", GOOD, clocked=clocked(0.25, busy=0.5), usd=1400.0),
        facts=FACTS,
    )


def test_the_page_begins_with_the_advice_its_reasons_and_the_runner_up(two: Comparison):
    said = Read(comparison_html(two)).text
    assert said.index("Recommended: ") < said.index("Why ") < said.index("Runner-up: ") < said.index("Side by side")


def test_every_way_stands_beside_the_others_with_figures_costs_and_facts(two: Comparison):
    said = Read(comparison_html(two)).text
    for part in (
        "90 %",
        "79.9 to 95.3 %",
        "rag against prompt, over 60 cases: better by 73.3 points (56.7 to 88.3)",
        "At the 50,000 answers a month that you expect: prompt $1,930, rag $1,870, finetune $1,942.",
        "finetune from 129 k",
        "Up to 129,352 answers a month rag is cheaper, beyond it finetune ($1,942).",
        "Leaves the network: openai/some.",
        "not among this app's ways",
        "the most difficult and expensive",
        "prompt is beaten all round by finetune.",
        "fourways compare a",
    ):
        assert part in said


def test_rungs_stand_from_easy_to_hard_and_those_not_measured_too(two: Comparison):
    said = Read(comparison_html(two)).text
    titles = ["Prompt with context", "Retrieval (RAG)", "Fine-tuned model", "Trained from scratch"]
    places = [said.index(title, said.index("The ladder")) for title in titles]
    assert places == sorted(places)


def test_what_is_better_than_all_others_beyond_doubt_is_bold():
    page = comparison_html(composed(evidence("prompt", POOR, 0.1), evidence("rag", GOOD, 0.3)))
    assert page.count('class="n best"') == 4, "passed and exact of rag, both medians of prompt"
    level = comparison_html(composed(evidence("prompt", GOOD), evidence("rag", GOOD)))
    assert level.count('class="n best"') == 0


def test_disturbances_of_ways_stand_side_by_side_and_where_none_was_tried_there_is_a_gap():
    rows = heat_table([{}, ROBUSTNESS, {"effects": [effect("typos", 30)]}])
    assert [row.name for row in rows] == ["typos", "prefix", "injection"]
    assert [cell and (cell.figure, cell.heat) for cell in rows[0].cells] == [None, ("90 %", 1), ("100 %", 0)]


def test_a_price_that_is_not_known_is_said_to_be():
    unpriced = composed(evidence("prompt", POOR, cost=None), evidence("rag", GOOD), facts=FACTS)
    page = Read(comparison_html(unpriced)).text
    assert "prompt no price is known, rag $1,825" in page
    assert "no price is known" in comparison_markdown(unpriced)


def test_one_way_alone_and_none_that_can_be_recommended_are_pages_too():
    assert "No way is recommended yet." in comparison_html(composed(evidence("prompt", POOR), primary="bleu"))
    assert "Recommended" in comparison_html(composed(evidence("rag", GOOD)))


def test_costs_that_are_the_same_at_any_traffic_are_said_to_be():
    same = composed(evidence("prompt", POOR), evidence("rag", GOOD))
    assert "prompt and rag cost about the same at every traffic shown." in comparison_html(same)


def test_where_nothing_costs_anything_no_curve_is_made_up():
    free = composed(
        evidence("prompt", POOR, usd=0.0), evidence("rag", GOOD, usd=0.0), facts=Facts(machine_usd_per_hour=0)
    )
    page = comparison_html(free)
    assert "Cost over traffic" not in page
    assert "cost about the same" in page


def test_of_two_ways_the_one_that_costs_nothing_lies_on_the_ground():
    facts = Facts(machine_usd_per_hour=0)
    one = composed(evidence("prompt", POOR, cost=0.002, usd=0.0), evidence("rag", GOOD, usd=0.0), facts=facts)
    assert "Cost over traffic" in comparison_html(one)
    assert "rag costs no more than prompt at any traffic shown" in comparison_html(one)


@given(st.floats(1, 1e12))
def test_a_traffic_is_said_in_few_letters_and_never_as_a_power_of_ten(traffic: float):
    said = count(traffic)
    assert "e" not in said
    size = {"M": 1e6, "k": 1e3}.get(said[-1], 1.0)
    assert float(said.rstrip(" Mk").replace(",", "")) * size == pytest.approx(traffic, rel=0.006)


def test_hostile_names_and_answers_stay_texts(two: Comparison):
    contrasts = tuple(
        replace(one, input=HOSTILE, replies=tuple(replace(reply, text=HOSTILE) for reply in one.replies))
        for one in two.contrasts
    )
    arms = tuple(replace(arm, model=HOSTILE) for arm in two.arms)
    one = replace(
        two, app=HOSTILE, description=HOSTILE, suite=HOSTILE, contrasts=contrasts, arms=arms, notes=(HOSTILE,)
    )
    read = Read(comparison_html(one))
    assert (read.tags.count("script"), read.tags.count("img")) == (1, 0)
    comparison_html(one).encode("utf-8")


def test_markdown_of_a_comparison_is_short_and_says_what_to_take(two: Comparison):
    text = comparison_markdown(two)
    assert len(text.splitlines()) < 60
    assert text.startswith("### a: ")
    for part in ("Why **", "Runner-up: **", "| passed | ", "| where data goes | ", "| a thousand answers | $2.1"):
        assert part in text
