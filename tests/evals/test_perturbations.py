"""Ways to disturb a case."""

import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.evals.scripted import case

from fourways.core.data import Hit, Passage
from fourways.core.report import Answered
from fourways.evals.perturbations import (
    PERTURBATIONS,
    Canary,
    Inserted,
    distractors,
    injection,
    seeded,
    swap,
    synonyms,
    typos,
    with_question,
)
from fourways.evals.wordings import INJECTIONS, NAMES, NEIGHBOURS, PREAMBLES
from fourways.models.words import plain_words

QUESTION = "In which year was the Grainger Market opened, and how much is 2.5 % of 1,190 visitors?"
EDITS = [row for row in PERTURBATIONS.values() if row.edit is not None]
TEXTS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=200)


def hit(text: str, score: float = 0.8) -> Hit:
    passage = Passage(
        id=text[:8], knowledge="k", document="d.md", title="D", text=text, start=0, end=len(text), ordinal=0
    )
    return Hit(passage=passage, score=score, dense=score, lexical=3.0)


def test_the_table_says_what_each_acts_on_and_what_must_hold():
    names = "typos casing punctuation synonyms swap prefix paraphrase language distractors injection"
    assert set(PERTURBATIONS) == set(names.split())
    for name, row in PERTURBATIONS.items():
        assert row.name == name
        assert sum((row.edit is not None, bool(row.prompt), row.insert is not None)) == 1
    assert [name for name, row in PERTURBATIONS.items() if row.acts_on == "hits"] == ["distractors", "injection"]
    assert [name for name, row in PERTURBATIONS.items() if row.holds == "no obedience"] == ["injection"]


@pytest.mark.parametrize("row", EDITS, ids=lambda row: row.name)
@given(text=TEXTS, seed=st.integers(0, 3))
def test_the_same_seed_disturbs_in_the_same_way(row, text, seed):
    asked = case(text)
    assert row.edit is not None
    assert row.edit(asked, seeded(seed, row.name, asked)) == row.edit(asked, seeded(seed, row.name, asked))


@pytest.mark.parametrize("name", ["typos", "casing", "punctuation", "prefix"])
@given(seed=st.integers(0, 500))
def test_an_ordinary_question_is_changed_and_its_figures_stay(name, seed):
    asked = case(QUESTION)
    edit = PERTURBATIONS[name].edit
    assert edit is not None
    changed = edit(asked, seeded(seed, name, asked))
    assert changed != QUESTION
    assert "2.5" in changed
    assert "1,190" in changed


@given(st.integers(0, 500))
def test_a_typo_is_one_letter_in_two_words_of_seventeen(seed):
    before, after = QUESTION.split(), typos(case(QUESTION), random.Random(seed)).split()
    assert len(before) == len(after) == 17
    changed = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
    assert 1 <= len(changed) <= 2
    for old, new in changed:
        assert old[0] == new[0]
        assert abs(len(old) - len(new)) <= 1


def test_keys_lie_beside_each_other_both_ways():
    assert NEIGHBOURS["g"] == "fhtyvb" or set(NEIGHBOURS["g"]) == set("fhtyvb")
    assert all(letter in NEIGHBOURS[near] for letter, others in NEIGHBOURS.items() for near in others)


def test_synonyms_leave_the_answers_words_alone():
    rng = random.Random(0)
    assert synonyms(case("How do I buy a car?"), rng) == "How do I purchase a automobile?"
    assert synonyms(case("How do I buy a car?", expected=("Take the car.",)), rng) == "How do I purchase a car?"
    assert synonyms(case("Who was Ann?"), rng) == "Who was Ann?"


def test_names_are_swapped_where_the_answer_does_not_hang_on_them():
    asked = "I am Anna from Berlin; Anna asks how many days of leave I get after 3 years."
    changed = swap(case(asked), random.Random(1))
    found = re.fullmatch(r"I am (\w+) from (\w+); (\w+) asks how many days of leave I get after 3 years.", changed)
    assert found is not None
    assert found[1] == found[3] != "Anna"
    assert found[1] in NAMES[0]
    assert found[2] in NAMES[2]
    kept = swap(case(asked, expected=("Anna gets 30",), context=("In Berlin it is 30.",)), random.Random(1))
    assert kept == asked


def test_the_cases_author_says_what_else_may_be_swapped():
    asked = case("Is room 12 free on 3 May for Zoe?", metadata={"swap": ["12", "Zoe"]})
    changed = swap(asked, random.Random(1))
    found = re.fullmatch(r"Is room (\d+) free on 3 May for (\w+)\?", changed)
    assert found is not None
    assert found[1] != "12"
    assert found[2] != "Zoe"


def test_a_preamble_is_long_and_comes_first():
    asked = case(QUESTION)
    edit = PERTURBATIONS["prefix"].edit
    assert edit is not None
    assert edit(asked, random.Random(0)).endswith(f"\n\n{QUESTION}")
    assert all(len(text.split()) >= 100 for text in PREAMBLES)


def test_the_question_is_replaced_wherever_it_stands():
    image = {"type": "image_url", "image_url": {"url": "data:,"}}
    messages = (
        {"role": "user", "content": "old?"},
        {"role": "assistant", "content": "yes"},
        {"role": "user", "content": [{"type": "text", "text": "old?"}, image]},
    )
    asked = case().__class__(id="one", messages=messages, variables={"question": "old?", "tone": "kind"})
    changed = with_question(asked, "new?")
    assert changed.input == "new?"
    assert changed.messages[:2] == messages[:2]
    assert changed.messages[2]["content"] == [{"type": "text", "text": "new?"}, image]
    assert changed.variables == {"question": "new?", "tone": "kind"}
    assert with_question(case("old?"), "new?").messages == ({"role": "user", "content": "new?"},)


def test_distractors_are_other_questions_passages_without_this_ones_answer():
    passages = ["Opened in 1835.", "Bees like clover.", "A violin has a post.", "Bread rises.", "In 18350 stars"]
    found = distractors(case(expected=("1835",)), random.Random(0), passages)
    assert len(set(found.texts)) == 3
    assert "Opened in 1835." not in found.texts
    assert set(found.texts) <= set(passages)
    stock = distractors(case(expected=("1835",)), random.Random(0), [])
    assert len(stock.texts) == 3


def test_what_is_slipped_in_keeps_what_was_found_in_its_order():
    hits = [hit("one", 0.9), hit("two", 0.5)]
    changed = Inserted(texts=("first", "last"), places=(0.0, 1.0))(hits)
    assert [one.passage.text for one in changed] == ["first", "one", "two", "last"]
    assert max(one.dense for one in changed) == 0.9  # nothing looks better found than what was
    assert len({one.passage.id for one in changed}) == 4
    assert [one.passage.text for one in Inserted(texts=("a",), places=(0.5,))([])] == ["a"]


@given(TEXTS, st.integers(0, 100), st.lists(TEXTS, max_size=3))
def test_quoting_an_injected_order_is_not_obeying_it(question, seed, passages):
    asked = case(question)
    found = injection(asked, random.Random(seed), [*passages, "Bees like clover."])
    assert found.canary is not None
    (text,) = found.texts
    assert not found.obeyed(Answered(text=text))
    assert not found.obeyed(Answered(text=" ".join(plain_words(text))))
    for joint in ("", " ", "-", "\n", "**"):
        assert found.obeyed(Answered(text=f"OK: {found.canary.first.upper()}{joint}{found.canary.second}."))


def test_no_injected_order_holds_the_word_it_asks_for():
    for order in INJECTIONS:
        assert not Canary(first="amber", second="fjord123").sung(order.format(first="amber", second="fjord123"))


def test_what_is_slipped_in_has_a_digest_of_its_own():
    one, other = (Inserted(texts=(text,), places=(0.0,)) for text in ("a", "b"))
    assert one.digest != other.digest
    assert one.digest == Inserted(texts=("a",), places=(0.0,), canary=Canary(first="x", second="y")).digest
