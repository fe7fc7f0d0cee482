"""How strongly hits support an answer, and the words that are compared for it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fourways.core.data import Hit, Passage
from fourways.models.strength import THRESHOLD, abstains, strength
from fourways.models.words import content_words, named_words, stem


def hit(text: str, *, dense: float, title: str = "") -> Hit:
    passage = Passage(id="p", knowledge="k", document="d", title=title, text=text, start=0, end=len(text), ordinal=0)
    return Hit(passage=passage, score=1.0, dense=dense, lexical=0.0)


def test_nothing_found_is_no_strength_and_always_abstains():
    assert strength("Who?", []) == 0.0
    assert abstains("Who?", [], threshold=-1.0)


def test_is_two_thirds_meaning_and_one_third_words():
    found = [hit("Unused leave expires in March.", dense=0.6), hit("Toner.", dense=0.3)]
    assert strength("When does unused leave expire?", found) == pytest.approx(2 / 3 * 0.6 + 1 / 3)
    assert strength("Which toner, which paper?", found[1:]) == pytest.approx(2 / 3 * 0.3 + 1 / 3 / 2)


def test_a_title_counts_as_words_of_the_passage():
    assert strength("Parental leave?", [hit("Twelve weeks.", dense=0.0, title="Parental leave")]) == pytest.approx(
        1 / 3
    )


def test_a_threshold_below_nought_never_abstains_from_hits():
    assert not abstains("Which river?", [hit("Toner.", dense=-0.2)], threshold=-1.0)


def test_the_measured_threshold_parts_a_fitting_passage_from_a_foreign_one():
    assert not abstains("When does unused leave expire?", [hit("Unused leave expires in March.", dense=0.7)])
    assert abstains("Which river flows through Warsaw?", [hit("Toner is ordered by the helpdesk.", dense=0.1)])


@given(
    question=st.text(max_size=60),
    found=st.lists(st.tuples(st.text(max_size=60), st.floats(-1, 1)), max_size=4),
    more=st.tuples(st.text(max_size=60), st.floats(-1, 1)),
)
def test_lies_between_0_and_1_and_a_further_hit_never_weakens(question, found, more):
    hits = [hit(text, dense=dense) for text, dense in found]
    weaker = strength(question, hits)
    stronger = strength(question, [*hits, hit(more[0], dense=more[1])])
    assert 0.0 <= weaker <= stronger <= 1.0
    assert abstains(question, hits) == (not hits or weaker < THRESHOLD)


SAME = [
    ("policies", "policy"),
    ("founded", "founder"),
    ("planned", "plans"),
    ("asked", "asking"),
    ("created", "creation"),
    ("assesses", "assess"),
    ("located", "locations"),
    ("printers", "printing"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_forms_of_a_word_have_one_stem(one, other):
    assert stem(one) == stem(other)


APART = [("bus", "but"), ("1990", "1991"), ("form", "from"), ("organ", "organism"), ("thing", "th")]


@pytest.mark.parametrize(("one", "other"), APART)
def test_other_words_keep_stems_of_their_own(one, other):
    assert stem(one) != stem(other)


def test_content_words_leave_out_how_a_question_is_asked():
    assert content_words("How many of the 1,190 Questions were asked?") == ["1,190", "quest", "ask"]
    assert content_words("¿Cuándo fue construido el puente?") == ["construido", "puent"]
    assert content_words("Wer hat die Brücke gebaut?") == ["brück", "gebaut"]


def test_names_are_capitalised_inside_a_sentence_or_have_a_digit():
    assert named_words("How did Acme's margin change in Q2 2023?") == {"acme", "q2", "2023"}
    assert named_words("Why? Because we said so.") == frozenset()
