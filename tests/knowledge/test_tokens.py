"""Tokens are counted about right without a tokeniser."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fourways.knowledge.tokens import approximate_tokens


@pytest.mark.parametrize(
    ("text", "tokens"),
    [  # as all-MiniLM-L6-v2's tokeniser counts, without the two marks at the ends
        ("The quick brown fox jumps over the lazy dog.", 10),
        ("We will pay for the travel that you have to do as part of your work with us.", 19),
        ("Total net sales 81,797 82,959", 11),
        ("El gato se sentó en la alfombra y no estaba contento.", 18),
        ("", 0),
        ("漢字", 2),
    ],
)
def test_the_count_is_near_the_true_one(text: str, tokens: int) -> None:
    assert tokens * 0.9 <= approximate_tokens(text) <= tokens * 1.35 + 1


@given(st.text(max_size=200))
def test_a_text_has_no_fewer_tokens_than_words(text: str) -> None:
    assert approximate_tokens(text) >= sum(1 for word in text.split() if word.isalnum())
