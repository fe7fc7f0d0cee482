"""A document is cut where a reader would cut it, and nothing of it is lost."""

import re
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fourways.knowledge.chunk import Piece, chunk
from fourways.knowledge.parse.base import Parsed
from fourways.knowledge.parse.markdown import find_headings


def words(text: str) -> int:
    return len(text.split())


def marks(text: str) -> int:
    """Count as a tokeniser does that has one token for each run of word characters and each other mark."""
    return len(re.findall(r"\w{1,4}|[^\w\s]", text))


def markdown(text: str, pages: tuple[int, ...] = ()) -> Parsed:
    return Parsed(title="t", text=text, headings=tuple(find_headings(text)), pages=pages)


def cut(text: str, size: int, overlap: int = 0) -> list[str]:
    return [text[piece.start : piece.end] for piece in chunk(markdown(text), size=size, overlap=overlap, count=words)]


def sentence(length: int, word: str = "word") -> str:
    return " ".join([word.capitalize(), *[word] * (length - 1)]) + "."


def test_a_section_is_a_piece() -> None:
    text = f"# A\n\n{sentence(20)}\n\n## B\n\n{sentence(25)}\n\n## C\n\n{sentence(22)}\n"
    pieces = chunk(markdown(text), size=32, count=words)
    assert [piece.headings for piece in pieces] == [("A",), ("A", "B"), ("A", "C")]
    assert [text[piece.start :][:4].strip() for piece in pieces] == ["# A", "## B", "## C"]


def test_small_sections_share_a_piece_and_the_path_they_share() -> None:
    text = "# A\n\n## B\n\nTiny.\n\n## C\n\nSmall too.\n"
    (piece,) = chunk(markdown(text), size=60, count=words)
    assert piece == Piece(start=0, end=len(text) - 1, ordinal=0, headings=("A",))


def test_a_bare_heading_goes_with_the_section_below_it() -> None:
    text = f"# A\n\n## B\n\n{sentence(30)}\n\n{sentence(30)}"
    pieces = chunk(markdown(text), size=40, count=words)
    assert [piece.headings for piece in pieces] == [("A", "B"), ("A", "B")]
    assert pieces[0].start == 0


def test_paragraphs_are_kept_whole_before_sentences() -> None:
    first, second = f"{sentence(10)} {sentence(10)}", f"{sentence(10)} {sentence(10)}"
    assert cut(f"{first}\n\n{second}", 30) == [first, second]


def test_no_small_piece_is_left_at_the_end() -> None:
    text = " ".join(sentence(10) for _ in range(11))
    assert [words(piece) for piece in cut(text, 50)] in ([40, 40, 30], [40, 30, 40], [30, 40, 40])


def test_rows_of_a_table_stay_whole_and_with_its_head() -> None:
    rows = [f"| {number} | a b c d e |" for number in range(12)]
    text = "\n".join(["| n | letters |", "|---|---|", *rows])
    pieces = cut(text, 30)
    assert all(line in {*rows, "| n | letters |", "|---|---|"} for piece in pieces for line in piece.split("\n"))
    assert pieces[0].startswith("| n | letters |\n|---|---|\n| 0 |")


def test_code_is_no_heading() -> None:
    text = "# A\n\n```sh\n# no heading\nrun\n```\n\nDone."
    assert [heading.text for heading in find_headings(text)] == ["A"]


def test_overlap_repeats_whole_sentences_of_the_same_section() -> None:
    text = " ".join(sentence(8, f"w{number}") for number in range(8)) + "\n\n# B\n\n" + sentence(20)
    pieces = cut(text, 32, overlap=8)
    assert all(later.startswith(earlier.rsplit(". ", 1)[-1]) for earlier, later in pairwise(pieces[:-1]))
    assert pieces[-1].startswith("# B")


def test_pieces_know_their_page() -> None:
    text = f"{sentence(20)}\n\n{sentence(20)}\n\n{sentence(20)}"
    pages = (0, text.index("\n\n") + 2, text.rindex("\n\n") + 2)
    assert [piece.page for piece in chunk(markdown(text, pages), size=25, count=words)] == [1, 2, 3]


def test_an_endless_word_is_cut_and_a_long_one_is_not() -> None:
    assert cut("a" * 199 + " " + "b" * 199, 32) == ["a" * 199 + " " + "b" * 199]
    pieces = chunk(Parsed(title="", text="x" * 5000), size=100, count=len)
    assert [piece.end - piece.start for piece in pieces] == [100] * 50


@pytest.mark.parametrize("overlap", [-1, 32])
def test_an_overlap_that_cannot_be_is_refused(overlap: int) -> None:
    with pytest.raises(ValueError, match="from 0 to 31"):
        chunk(Parsed(title="", text="a"), size=32, overlap=overlap, count=words)


SNIPPETS = st.sampled_from(
    [
        "# One\n",
        "\n## Two\n\n",
        "- item\n",
        "| a | b |\n",
        "|---|---|\n",
        "```\n",
        "---\n",
        "Dr. No. Yes. ",
        "\n\n",
        "z" * 300,
    ]
)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(SNIPPETS | st.text(max_size=12), max_size=40).map("".join),
    st.integers(4, 60),
    st.integers(0, 3),
    st.lists(st.integers(0, 200), max_size=3),
)
def test_pieces_are_ordered_slices_that_cover_all_and_fit(
    text: str, size: int, overlap: int, places: list[int]
) -> None:
    pages = (0, *sorted({place for place in places if 0 < place < len(text)}))
    pieces = chunk(markdown(text, pages), size=size, overlap=overlap, count=marks)
    assert [piece.ordinal for piece in pieces] == list(range(len(pieces)))
    assert all(a.start < b.start and a.end < b.end for a, b in pairwise(pieces))
    covered = {place for piece in pieces for place in range(piece.start, piece.end)}
    assert not "".join(mark for place, mark in enumerate(text) if place not in covered).strip()
    for piece in pieces:
        body = text[piece.start : piece.end]
        assert body == body.strip()
        assert marks(body) <= size or len(body) == 1


@given(
    st.lists(st.sampled_from(["alpha", "beta.", "Gamma", "3.5", "\n\n", "\n- x", "# H"]), max_size=80),
    st.integers(2, 20),
)
def test_no_word_is_cut(parts: list[str], size: int) -> None:
    text = " ".join(parts)
    assert [word for piece in cut(text, size) for word in piece.split()] == text.split()
