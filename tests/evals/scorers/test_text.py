"""What an answer says, and how long it is."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from tests.evals.scorers.marks import mark, value

from fourways.core.errors import InvalidSuite
from fourways.evals.scorers.wanted import bare, folded, occurrences

EXACT = [
    # answer, right, value
    ("Paris", "paris", 1.0),
    ("  “Paris”. ", "Paris", 1.0),
    ("**The Eiffel Tower!**", "eiffel tower", 1.0),
    ("Eiffel tower of Paris", "eiffel tower", 0.0),
    ("A", "A", 1.0),  # the article is all there is
    ("B", "A", 0.0),
    ("-5", "5", 0.0),  # signs, units, points are no punctuation
    ("5 %", "5", 0.0),
    (".5", "5", 0.0),
    ("C++", "C", 0.0),
    ("STRASSE", "Straße", 1.0),
    ("", "x", 0.0),
]


@pytest.mark.parametrize(("said", "right", "wanted"), EXACT)
def test_exact_but_for_case_articles_and_outer_punctuation(said, right, wanted):
    assert value("exact", said, right) == wanted


def test_exact_with_several_right_answers_strictly_and_in_other_languages():
    assert value("exact", "Lyon", ["Paris", "Lyon"]) == 1.0
    assert value("exact", "Lyon", expected=("Paris", "Lyon")) == 1.0
    assert value("exact", "Lyon", "Nice", expected=("Lyon",)) == 0.0, "the assertion's own value goes before"
    assert value("exact", "paris", "Paris", strict=True) == 0.0
    assert value("exact", "Paris", "Paris", strict=True) == 1.0
    assert value("exact", "der Markt", "Markt") == 0.0
    assert value("exact", "der Markt", "Markt", language="de") == 1.0
    assert value("exact", "the market", "market", language="") == 0.0
    assert value("exact", "Yes", True) == 1.0, "YAML reads a bare yes as true"


CONTAINS = [
    # the same words with other dashes, spaces, quotes, marks
    ("It takes 7 working days.", "7 working days", 1.0),
    ("It takes 7\u00a0working\u2009days.", "7 working days", 1.0),
    ("It takes **7** working days.", "7 working days", 1.0),
    ("It takes\n7   Working Days", "7 working days", 1.0),
    ("from 7\u201310 days", "7-10 days", 1.0),
    ("from 7\u201110 days", "7\u201410 days", 1.0),
    ("the employee\u2019s choice", "employee's choice", 1.0),
    ("the \u201cgood\u201d one", 'the "good" one', 1.0),
    ("work\u00ading days", "working days", 1.0),
    # a figure is not found inside another
    ("It takes 17 working days.", "7 working days", 0.0),
    ("It costs 7.5", "7", 0.0),
    ("It costs 1,200", "200", 0.0),
    ("It costs 7.", "7", 1.0),
    ("7, or 8", "7", 1.0),
    # words are
    ("concatenate", "cat", 1.0),
    ("nothing of the kind", "7 working days", 0.0),
]


@pytest.mark.parametrize(("said", "part", "wanted"), CONTAINS)
def test_contains_whatever_the_dashes_spaces_and_quotes(said, part, wanted):
    assert value("contains", said, part) == wanted


def test_contains_any_all_none():
    assert value("contains", "red and blue", ["green", "blue"]) == 1.0
    assert mark("contains", "red", ["green", "blue"]).reason == "not found: “green”, “blue”"
    assert value("contains_all", "red and blue", ["red", "blue"]) == 1.0
    half = mark("contains_all", "red and blue", ["red", "green"])
    assert (half.value, half.reason) == (0.5, "not found: “green”")
    assert value("not_contains", "red and blue", ["green"]) == 1.0
    found = mark("not_contains", "red and blue", ["green", "BLUE"])
    assert (found.value, found.reason) == (0.0, "found: “BLUE”")


def test_contains_whole_words_or_character_for_character():
    assert value("contains", "concatenate", "cat", whole_words=True) == 0.0
    assert value("contains", "the cat.", "cat", whole_words=True) == 1.0
    assert value("contains", "The Cat", "cat", strict=True) == 0.0
    assert value("contains", "17", "7", strict=True) == 1.0


def test_not_contains_needs_to_be_told_what():
    with pytest.raises(InvalidSuite, match="needs a `value`"):
        mark("not_contains", "x", expected="the right answer")


def test_starts_with():
    assert value("starts_with", "**Yes**, they may.", "yes") == 1.0
    assert value("starts_with", "They may, yes.", "yes") == 0.0
    assert value("starts_with", "10 days", "1") == 0.0
    assert value("starts_with", "No.", ["yes", "no"]) == 1.0


def test_regex():
    assert value("regex", "on 2024-05-01", r"\d{4}-\d{2}-\d{2}") == 1.0
    assert value("regex", "on Monday", r"\d{4}") == 0.0
    assert value("regex", "MONDAY", "monday") == 0.0
    assert value("regex", "MONDAY", "monday", ignore_case=True) == 1.0
    assert value("regex", "on Monday", "Monday", full=True) == 0.0
    assert value("regex", "Monday", ["Tuesday", "Monday"], full=True) == 1.0


@pytest.mark.parametrize("pattern", ["(", r"(?=lookahead)", r"(a)\1", "[z-a]"])
def test_a_pattern_that_re2_cannot_read_is_the_suites_mistake(pattern):
    with pytest.raises(InvalidSuite, match="assertion 'regex': RE2 cannot read the pattern"):
        mark("regex", "x", pattern)


@pytest.mark.parametrize("nothing", [None, [], 5, {"pattern": "x"}])
def test_regex_without_a_pattern_never_takes_the_expected_answer_for_one(nothing):
    with pytest.raises(InvalidSuite, match="a pattern or a list of patterns"):
        mark("regex", "x", nothing, expected="x")


def test_a_pattern_that_would_backtrack_for_ever_does_not():
    assert value("regex", "a" * 50_000 + "!", r"(a+)+$") == 0.0


def test_length():
    assert value("length", "one two three", 3) == 1.0
    assert mark("length", "one two three", 2).reason == "3 words"
    assert value("length", "one two three", 2) == 0.0
    assert value("length", "one — two", 2) == 1.0, "a dash is no word"
    assert value("length", "one two", least=3) == 0.0
    assert value("length", " abc ", most=3, least=3, of="characters") == 1.0
    with pytest.raises(InvalidSuite, match="needs a bound"):
        mark("length", "x")
    with pytest.raises(InvalidSuite, match="whole numbers"):
        mark("length", "x", "many")
    assert value("word_count", "one — two  three") == 3.0


def test_a_summary_is_shorter_than_what_it_was_made_from():
    text = "The market was opened in 1835, and burnt down in 1901."
    assert value("shorter_than_input", "Opened 1835.", question=text) == 1.0
    assert value("shorter_than_input", text + " So it was.", question=text) == 0.0
    assert value("shorter_than_input", text, question=text) == 0.0, "as long is not shorter"
    assert value("shorter_than_input", "", question=text) == 0.0
    assert value("shorter_than_input", "Opened 1835, burnt 1901.", question="Sum up.", context=[text]) == 1.0
    assert value("shorter_than_input", "Opened 1835.", "Opened 1835") == 0.0, "the value is the original, where given"
    assert value("shorter_than_input", "one two three", question="one two three four", of="words", share=0.5) == 0.0
    assert value("shorter_than_input", "x", question=" ") is None
    assert value("shorter_than_input", "x", []) is None


SPACES, DASHES = " \t\n\u00a0\u2009\u202f", "-\u2010\u2011\u2012\u2013\u2014\u2212"


@given(st.lists(st.sampled_from(["7", "days", "it's", '"so"', "-"]), min_size=1), st.data())
def test_no_choice_of_spaces_and_dashes_hides_a_text(words, data):
    plain = " ".join(words)
    varied = "".join(
        data.draw(st.sampled_from(SPACES if char == " " else DASHES if char == "-" else char)) for char in plain
    )
    assert value("contains", f"So: {varied}.", plain) == 1.0


@given(st.text(max_size=80))
def test_what_is_bare_stays_as_it_is(text):
    assert bare(bare(text)) == bare(text)


@given(st.text(max_size=30), st.text(min_size=1, max_size=5))
def test_a_whole_word_occurs_only_where_it_stands(text, part):
    for at in occurrences(text, part, whole=True):
        assert text[at : at + len(part)] == part
    assert set(occurrences(text, part, whole=True)) <= set(occurrences(text, part, whole=False))


@given(st.text(max_size=60).filter(str.strip))
def test_an_answer_is_exactly_and_contains_itself(text):
    assume(folded(text))  # of a soft hyphen alone nothing is left to be found
    assert value("exact", text, [text]) == 1.0
    assert value("contains", text, [text]) == 1.0
