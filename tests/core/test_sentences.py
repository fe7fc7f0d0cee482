"""Sentences are found as exact spans, in prose, lists and tables."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fourways.core.sentences import sentences


def cut(text: str) -> list[str]:
    return [text[start:end] for start, end in sentences(text)]


@pytest.mark.parametrize(
    "whole",
    [
        "Dr. Smith met Mr. J. R. Jones at 5 p.m. near St. Paul.",
        "The U.S. Army paid 3.5 million to Acme Inc. Germany.",
        "E. I. du Pont founded it.",
        "See Fig. 3 and No. 5 of vol. 2, e.g. Table 4.",
        "Am 3. Mai im 19. Jahrhundert kam z. B. Goethe, d.h. Johann W. Goethe, ca. um 8 Uhr.",
        "El Sr. Pérez y la Dra. Gómez viven en EE. UU. y trabajan en la pág. 5.",
        "He asked “Why now?” and left.",
        "Version 2.13.0 is on example.com/a.b now.",
        "a line of prose\nthat goes on in the next",
    ],
)
def test_one_sentence_stays_whole(whole: str) -> None:
    assert cut(whole) == [whole]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("It rains. It pours!  Does it? Yes…", ["It rains.", "It pours!", "Does it?", "Yes…"]),
        ("He lived in the U.S. The end.", ["He lived in the U.S.", "The end."]),
        ("They sell tea, etc. In 2019 it fell. 45 came.", ["They sell tea, etc.", "In 2019 it fell.", "45 came."]),
        ("He said “No.” She left.", ["He said “No.”", "She left."]),
        ("Known.[1][2] Next (so.) Then.", ["Known.[1][2]", "Next (so.)", "Then."]),
        ("¿Quién? ¡Nadie! Él vino.", ["¿Quién?", "¡Nadie!", "Él vino."]),
        ("Das war 1990. Die Mauer fiel.", ["Das war 1990.", "Die Mauer fiel."]),
        ("今日は晴れ。明日は雨。", ["今日は晴れ。", "明日は雨。"]),
        ("# Title\nBody goes\non. More.", ["Title", "Body goes\non.", "More."]),
        ("- one\n- two\n  goes on\n3. three", ["one", "two\n  goes on", "3. three"]),
        ("| a | b |\n|---|---|\n| 1 | 2 |", ["| a | b |", "| 1 | 2 |"]),
        ("Total net sales 81,797 82,959\nCost of sales 45,384 47,074", None),
        ("Name: Ann; Age: 5\nName: Bob; Age: 6", None),
        ("Name\tAge\nAnn\t5", None),
        ("```\na = 1\nb = 2\n```\nDone.", ["a = 1", "b = 2", "Done."]),
        ("> quoted words\n\n---\n\nplain", ["quoted words", "plain"]),
        ("", []),
        (" \n\n -- \n", []),
    ],
)
def test_text_is_cut_where_a_reader_would(text: str, parts: list[str] | None) -> None:
    assert cut(text) == (text.split("\n") if parts is None else parts)


WORDS = st.sampled_from(
    ["Dr.", "the", "A.", "3.", "no.", "“Yes.”", "- x", "| a | b |", "\n", "\n\n", "```\n", "。", "ß", "\t"]
)


@given(st.lists(WORDS | st.text(max_size=8), max_size=40).map(" ".join))
def test_spans_are_in_order_trimmed_and_lose_no_word(text: str) -> None:
    spans = sentences(text)
    assert all(a < b <= c for (a, b), (c, _) in pairwise(spans))
    assert all(text[start:end].strip() == text[start:end] != "" for start, end in spans)
    inside = {place for start, end in spans for place in range(start, end)}
    lost = "".join(mark for place, mark in enumerate(text) if place not in inside)
    assert not any(mark.isalnum() for mark in lost)
