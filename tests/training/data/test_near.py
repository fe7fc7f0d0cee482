"""Rows that are alike are found at scale; so are long runs of words that two texts share."""

import csv
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fourways.training.data.near import alike, shared_runs

BANKING = Path("../shared/data/banking77/train.csv")
TEXT = "the gateway of ferry is reached at port fifty one eight twenty from every network but the guests one"


def test_the_same_words_are_found_whatever_their_case_and_punctuation():
    (found,) = alike(["Which port does it use?", "Something else.", "which port, does it use"])
    assert (found.number, found.earlier, found.likeness) == (2, 0, 1.0)


def test_nearly_the_same_is_found_and_what_is_merely_alike_is_not():
    near = f"{TEXT} of Estermouth"
    other = TEXT.replace("fifty", "sixty").replace("every", "no").replace("ferry", "post")
    found = alike([TEXT, near, other])
    assert [(one.number, one.earlier) for one in found] == [(1, 0)]
    assert 0.8 <= found[0].likeness < 1


def test_texts_without_words_are_like_no_other():
    assert alike(["", "", "?!", "..."]) == ()


@given(st.lists(st.text(alphabet="abc ", max_size=30), max_size=12))
def test_no_text_is_like_a_later_one_or_itself(texts):
    for one in alike(texts):
        assert one.earlier < one.number
        assert 0.8 <= one.likeness <= 1


@pytest.mark.data
@pytest.mark.skipif(not BANKING.exists(), reason="../shared/data/banking77 is not there")
def test_ten_thousand_real_questions_are_gone_through():
    with BANKING.open(newline="") as file:
        texts = [row["text"] for row in csv.DictReader(file)]
    added = random.Random(1).sample(texts, 50)
    found = {one.number for one in alike([*texts, *(text.upper() for text in added)])}
    assert set(range(len(texts), len(texts) + 50)) <= found
    assert len(found) < 0.05 * len(texts)


def test_a_run_of_thirteen_words_is_found_and_one_of_twelve_is_not():
    words = [f"w{number}" for number in range(20)]
    long, short = " ".join(words[:13]), " ".join(words[:12])
    assert shared_runs([f"before {long} after", "nothing"], [long], 13) == [(0, 0)]
    assert shared_runs([f"before {short} after"], [short + " other"], 13) == []
