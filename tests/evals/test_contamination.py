"""Test cases among those for tuning are found: word for word, inside another, nearly; others are left alone."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fourways import samples
from fourways.core.errors import InvalidSuite
from fourways.evals.cases import Case
from fourways.evals.contamination import (
    NEAR,
    as_cases,
    assert_clean,
    likeness,
    one_slip,
    overlaps,
    read_words,
)
from fourways.evals.reading import read_file

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"


def case(name, text, *expected, **metadata):
    return Case(id=name, messages=({"role": "user", "content": text},), expected=expected, metadata=metadata)


def kind(one, other):
    found = overlaps([case("one", one)], [case("other", other)])
    return found[0].kind if found else None


PAIRS = [
    # same
    ("What is the VPN's port?", "what is  the vpn PORT", "same"),
    ("What's open on Fridays?", "what is open on fridays", "near"),
    ("Which port does the VPN use?", "Which port does the VPN use", "same"),
    ("¿Cuándo abre la oficina?", "cuándo abre la oficina", "same"),
    # nearly
    ("Which port does the VPN use?", "Hi, which port does a VPN use please", "near"),
    ("How do I reset the password of my laptop?", "how do i reset the passwrod of my laptop", "near"),
    ("How many days of vacation do I have left?", "how many vacation days do I have left", "near"),
    ("I can't use my card because it is broken", "I cannot use my card because it's broken", "near"),
    # inside
    (
        "Answer as a pirate would. By when must a lost badge be reported to the desk? Thank you.",
        "By when must a lost badge be reported to the desk?",
        "within",
    ),
    (
        "By when must a lost badge be reported to the desk?",
        "I am new here, in Estermouth. By when must a lost badge be reported to the desk, and who pays for it?",
        "within",
    ),
    # like each other, and not the same
    ("How do you say hello in French?", "How do you say hello in Spanish?", None),
    ("Who founded the Office of Western Medicine?", "When was the Office of Western Medicine founded?", None),
    ("When did the movement begin?", "Where did the movement begin?", None),
    ("What is the white population of Jacksonville?", "What is the population of Jacksonville?", None),
    ("How high is my credit limit?", "How high is my credit limit for my Walmart card?", None),
    ("Set a timer for 5 minutes", "Set a timer for 7 minutes", None),
    ("What is it?", "Is it what?", None),
    ("", "", None),
]


@pytest.mark.parametrize(("one", "other", "wanted"), PAIRS)
def test_what_is_the_same_is_told_from_what_is_like_it(one, other, wanted):
    assert kind(one, other) == wanted
    assert kind(other, one) == wanted


SLIPS = [
    ("password", "passwrod", True),
    ("password", "pasword", True),
    ("password", "passsword", True),
    ("password", "passwort", True),
    ("password", "pass", False),
    ("card", "cord", True),
    ("cat", "cut", False),
    ("2023", "2024", False),
    ("when", "where", False),
    ("debit", "credit", False),
]


@pytest.mark.parametrize(("one", "other", "wanted"), SLIPS)
def test_a_slip_of_the_pen_is_one_letter(one, other, wanted):
    assert one_slip(one, other) is wanted
    assert one_slip(other, one) is wanted


WORDS = st.lists(st.sampled_from("who when the my is port ports vpn vnp password 14 15 lost badge".split()), max_size=8)


def test_every_slip_finds_its_word_whichever_is_looked_at_first():
    assert likeness(read_words("card part"), read_words("cart cord")) == 1.0
    assert likeness(read_words("card part"), read_words("cart door")) < 1.0


@given(WORDS, WORDS)
def test_likeness_has_no_direction_and_its_bounds(one, other):
    left, right = read_words(" ".join(one)), read_words(" ".join(other))
    assert 0 <= likeness(left, right) <= 1
    assert likeness(left, right) == pytest.approx(likeness(right, left))
    assert likeness(left, left) == (1.0 if one else 0.0)


@given(st.lists(WORDS, max_size=6), st.lists(WORDS, max_size=6))
def test_the_index_finds_the_likest_that_comparing_all_would_find(learned, asked):
    tuning = [case(f"t{n}", " ".join(words)) for n, words in enumerate(learned)]
    testing = [case(f"e{n}", " ".join(words)) for n, words in enumerate(asked)]
    found = {overlap.tuning: overlap for overlap in overlaps(tuning, testing)}
    for one in tuning:
        words = read_words(one.input)
        comparable = [
            likeness(words, other)
            for other in (read_words(case.input) for case in testing)
            if words.heavy and len(words.heavy & other.heavy) >= 0.6 * max(len(words.heavy), len(other.heavy))
        ]
        if max(comparable, default=0.0) >= NEAR:
            assert found[one.id].kind != "near" or found[one.id].likeness == pytest.approx(max(comparable))


def test_whether_the_answers_agree_is_said():
    tuning = [case("a", "Which port?", "51820"), case("b", "Which host?", "x"), case("c", "Which name?")]
    testing = [case("d", "which port", "Port 1", "51820."), case("e", "which host", "y"), case("f", "which name", "z")]
    found = overlaps(tuning, testing)
    assert [(one.tuning, one.testing, one.same_answer) for one in found] == [
        ("a", "d", True),
        ("b", "e", False),
        ("c", "f", None),
    ]
    assert [str(one) for one in found] == [
        "a is d, with the same answer",
        "b is e, with another answer",
        "c is f",
    ]


def test_the_question_is_compared_and_not_the_instruction_around_it():
    around = "Solve this step by step. End with the result, a number alone on a line of its own. "
    tuning = [case("a", f"{around} How many ducks?", question="How many ducks?")]
    assert overlaps(tuning, [case("b", f"{around} What do eggs cost?", question="What do eggs cost?")]) == ()
    assert len(overlaps(tuning, [case("b", "how many ducks", question="how many ducks")])) == 1


def test_the_likest_is_named():
    testing = [case("far", "how long is a lost badge kept"), case("near", "how long is my lost badge kept at the desk")]
    (found,) = overlaps([case("a", "How long is a lost badge kept at the desk?")], testing)
    assert found.testing == "near"


def test_examples_of_a_prompt_were_seen_too():
    testing = [case("test-1", "Which port does the VPN use?", "51820")]
    assert_clean(as_cases([("What is Ferry?", "The VPN")]), testing, what="examples")
    with pytest.raises(InvalidSuite, match="1 of the examples are test cases too") as caught:
        assert_clean(
            as_cases([("What is Ferry?", "x"), ("which port does the vpn use", "51820")]), testing, what="examples"
        )
    assert "- example 2 is test-1, with the same answer" in str(caught.value)


def test_an_error_lists_the_first_few():
    questions = [
        f"What does part {n} of the {word} cost?" for n, word in enumerate("lens lamp desk door wall roof key".split())
    ]
    both = [case(f"c{n}", text) for n, text in enumerate(questions)]
    with pytest.raises(InvalidSuite, match="7 of the cases for tuning") as caught:
        assert_clean(both, both)
    assert str(caught.value).count("\n- c") == 5
    assert str(caught.value).endswith("- and 2 more")


def test_repeated_words_do_not_make_it_slow():
    text = "lost badge desk " * 20_000
    assert kind(text, f"{text} and") == "near"


def test_the_samples_own_sides_are_apart():
    folder = samples.folder("helpdesk")
    testing = read_file(folder / "tests" / "testing.jsonl", known=())
    assert overlaps(read_file(folder / "tests" / "tuning.jsonl", known=()), testing) == ()
    examples = [json.loads(line) for line in (folder / "prompts" / "examples.jsonl").read_text().splitlines()]
    assert_clean(as_cases((row["input"], row["output"]) for row in examples), testing)


@pytest.mark.data
@pytest.mark.skipif(not DATA.is_dir(), reason="../shared/data is absent: real questions are not compared")
def test_real_questions_that_come_out_as_alike_mean_the_same():
    held = json.loads((DATA / "clinc150" / "data_full.json").read_text(encoding="utf-8"))
    train, test = (
        [case(f"{name} {n}", text, label) for n, (text, label) in enumerate(held[name])] for name in ("train", "test")
    )
    found = overlaps(train, test)
    assert {kind: sum(one.kind == kind for one in found) for kind in ("same", "within", "near")} == {
        "same": 27,
        "within": 8,
        "near": 1056,
    }
    assert sum(one.same_answer is True for one in found) / len(found) > 0.97


@pytest.mark.data
@pytest.mark.skipif(not DATA.is_dir(), reason="../shared/data is absent: real questions are not compared")
def test_real_questions_about_one_thing_are_told_apart():
    questions = list(read_file(DATA / "xquad" / "xquad.en.json"))
    found = overlaps(questions[::2], questions[1::2])
    assert sum(one.kind == "same" for one in found) == 2
    assert len(found) <= 6
