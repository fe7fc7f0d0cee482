"""What is invented holds together: answers stand in the passage, what is not said does not, and words are kept back."""

import random
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fourways.core.reading import NOT_SAID
from fourways.evals.abstaining import says_nothing
from fourways.training.reader.cloze import question_on
from fourways.training.reader.events import invent_event, swap, tell
from fourways.training.reader.facts import write_events, write_facts
from fourways.training.reader.inventing import KINDS, Inventor, kept_back
from fourways.training.reader.relations import RELATIONS
from fourways.training.reader.verbs import DEEDS


@given(seed=st.integers(0, 10_000), facts=st.integers(1, 12))
def test_answers_to_facts_stand_in_the_passage(seed, facts):
    document = write_facts(Inventor(random.Random(seed)), facts, questions=facts)
    folded = document.passage.lower()
    assert all(one.answer.lower() in folded for one in document.asked if one.answer is not None)


@given(seed=st.integers(0, 10_000), events=st.integers(1, 6))
def test_answers_to_events_stand_in_the_passage(seed, events):
    document = write_events(Inventor(random.Random(seed)), events, questions=8)
    folded = document.passage.lower()
    assert all(one.answer.lower() in folded for one in document.asked if one.answer is not None)


def test_a_seed_writes_one_document():
    one, same, other = (write_facts(Inventor(random.Random(seed)), 8, questions=8) for seed in (1, 1, 2))
    assert one == same
    assert one != other


def test_an_examination_has_only_words_kept_back():
    inventor = Inventor(random.Random(1), examining=True)
    assert all(kept_back(inventor.word()) for _ in range(200))
    inventor = Inventor(random.Random(1))
    assert not any(kept_back(inventor.word()) for _ in range(200))


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_made(kind):
    assert Inventor(random.Random(3)).make(kind).strip()


@pytest.mark.parametrize("relation", RELATIONS)
def test_relations_name_what_they_say_and_ask_for_one_of_it(relation):
    assert {relation.subject, relation.value} <= KINDS.keys()
    assert all("{s}" in form and "{v}" in form for form in relation.says)
    assert all("{s}" in form and "{v}" not in form for form in relation.asks)
    assert all("{v}" in form and "{s}" not in form for form in relation.turns)


@pytest.mark.parametrize("number", range(len(DEEDS)))
def test_an_event_of_each_class_is_told_with_a_question_for_each_part(number):
    inventor = Inventor(random.Random(number))
    told = tell(invent_event(inventor), inventor)
    assert len(told.asks) >= 2
    assert all(question.endswith("?") and answer for question, answer in told.asks)


def test_what_is_unsaid_of_a_group_is_asked_of_groups():
    inventor, persons = Inventor(random.Random(1)), Persons(random.Random(2))
    deeds = [one for one in DEEDS if one.subject == "group" and one.item != "person"]
    for deed in deeds:
        event = replace(invent_event(inventor), deed=deed, subject="the club", item="the cup", role=None)
        for _ in range(20):
            swap(event, persons, [event])
    assert persons.made == 0


class Persons(Inventor):
    """Counts the persons it makes."""

    made = 0

    def make(self, kind):
        self.made += kind == "person"
        return super().make(kind)


def test_what_is_unsaid_is_asked_in_the_share_wanted():
    asked = [
        one
        for seed in range(200)
        for one in write_events(Inventor(random.Random(seed)), 3, questions=6, unsaid=0.5).asked
    ]
    assert 0.4 < sum(one.answer is None for one in asked) / len(asked) < 0.6


def test_not_saying_is_recognised_as_abstaining():
    assert says_nothing(NOT_SAID)


def test_a_cloze_question_leaves_its_answer_out():
    sentence = "Every supervisor must approve the travel request in Concur before Friday."
    for seed in range(50):
        one = question_on(sentence, random.Random(seed))
        assert one is not None
        assert one.answer is not None
        assert one.answer in sentence
        assert not re.search(rf"\b{re.escape(one.answer)}\b", one.question)
