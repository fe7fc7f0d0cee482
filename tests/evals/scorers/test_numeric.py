"""Figures, however written."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.evals.scorers.marks import mark, value

from fourways.core.errors import InvalidSuite
from fourways.evals.scorers.numeric import Figure, figures, final

GSM8K = Path(__file__).resolve().parents[4] / "shared" / "data" / "gsm8k" / "test.jsonl"

WRITTEN = [
    # text, numbers in it
    ("It is 72.", [72]),
    ("1,234,567.5", [1234567.5]),
    ("1.234,56 €", [1234.56]),
    ("1 000 000", [1000000]),
    ("12\u202f345", [12345]),
    ("1'234", [1234]),
    ("1_000", [1000]),
    ("1,5", [1.5]),
    ("0,125", [0.125]),
    ("1,2,3", [1, 2, 3]),
    ("-5 and −6, $-7, -$8", [-5, -6, -7, -8]),
    ("5-7 days, GPT-4", [5, 7, 4]),
    ("$1.2 million or USD100", [1.2e6, 100]),
    ("1/2, 3 1/2, 2½, ⅓", [0.5, 3.5, 2.5, 1 / 3]),
    (r"\frac{3}{4}", [0.75]),
    ("on 1/2/2024", [1, 2, 2024]),
    ("1e-5 and .5", [1e-5, 0.5]),
    ("H2O, CO2, v1.2.3", []),
    ("7th of 9", [7, 9]),
    ("1/0", [1, 0]),
    ("none", []),
]


@pytest.mark.parametrize(("text", "numbers"), WRITTEN)
def test_numbers_are_read_however_they_are_written(text, numbers):
    assert [figure.value for figure in figures(text)] == pytest.approx(numbers)


def test_what_an_answer_comes_to():
    assert final("2 + 2 is 4, not 5.") == Figure(5)
    assert final("It takes 2 bolts.\n#### 1,234\n(of 3)") == Figure(1234)
    assert final(r"so \boxed{42} of 50") == Figure(42)
    assert final("nothing") is None


def test_a_figure_is_right_within_the_tolerance():
    assert value("numeric", "about 3.14", 3.14159) == 0.0
    assert value("numeric", "about 3.14", 3.14159, absolute=0.01) == 1.0
    assert value("numeric", "about 3.14", 3.14159, relative=0.001) == 1.0
    assert value("numeric", "-3.14", 3.14, absolute=0.01) == 0.0
    assert value("numeric", "$1,234.00", "1234") == 1.0
    assert mark("numeric", "It is 7", 8).reason == "it comes to 7, not 8"
    assert mark("numeric", "Nobody knows", 8).reason == "there is no number in the answer"


def test_per_cent_compares_with_shares_and_with_per_cent():
    assert value("numeric", "50 %", 0.5) == 1.0
    assert value("numeric", "50 percent", 50) == 1.0
    assert value("numeric", "0.5", "50%") == 1.0
    assert value("numeric", "50", "50%") == 1.0
    assert value("numeric", "0.5 %", 0.5) == 0.0
    assert value("numeric", "0.5 %", "0.5 %") == 1.0


def test_options_for_other_answers():
    assert value("numeric", "42 is it, of 2024", 42) == 0.0
    assert value("numeric", "42 is it, of 2024", 42, last=False) == 1.0
    assert value("numeric", "1.234", "1234", decimal=",") == 1.0
    assert value("numeric", "1,234", 1.234, decimal=",") == 1.0
    assert value("numeric", "7", expected=("5", "it is 7")) == 1.0


def test_what_holds_no_number_cannot_be_compared_with():
    with pytest.raises(InvalidSuite, match="there is no number in its value 'many'"):
        mark("numeric", "7", "many")
    assert mark("numeric", "7", expected="many").value is None


@given(st.integers(-(10**9), 10**9))
def test_a_number_is_read_from_every_way_of_writing_it(number):
    for text in (str(number), f"{number:,}", f"{number:_}", f"so {number}.", f"{number}.00 €", f"#### {number}"):
        assert final(text) == Figure(number)


@given(st.text(alphabet="0123456789.,/ $%-e'_", max_size=60))
def test_no_text_of_digits_and_marks_breaks_it(text):
    list(figures(text))


@pytest.mark.data
def test_every_answer_of_gsm8k_comes_to_its_own_figure_and_to_no_other():
    if not GSM8K.exists():
        pytest.skip(f"{GSM8K} is not there")
    rows = [json.loads(line) for line in GSM8K.read_text().splitlines()]
    right = [row["answer"].rsplit("#### ", 1)[1] for row in rows]
    for row, figure in zip(rows, right, strict=True):
        assert value("numeric", row["answer"], figure) == 1.0
        assert value("numeric", f"So it is ${figure}.", expected=row["answer"]) == 1.0
        assert value("numeric", f"{figure}1", figure) == 0.0
