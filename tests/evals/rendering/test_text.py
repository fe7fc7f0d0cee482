"""Texts in reports: nothing that no file may hold, cut where there is no room, and then alike."""

from xml.etree.ElementTree import fromstring

from hypothesis import given
from hypothesis import strategies as st

from fourways.evals.rendering.text import LEAST, LONGEST, cut, fair, flat, legal

ANY = st.text(st.characters(codec=None, categories=None))


@given(ANY)
def test_a_legal_text_can_be_written_and_read_as_xml(text: str):
    held = legal(text).replace("&", "").replace("<", "")
    fromstring(f"<a>{held}</a>".encode())


def test_what_is_not_allowed_is_replaced_and_seen_to_be():
    assert legal("a\x00b\ud800c\ufffe\x1b[31m\t\n") == "a\ufffdb\ufffdc\ufffd\ufffd[31m\t\n"


def test_how_much_was_cut_is_said():
    assert cut("short") == "short"
    assert cut("x" * 1_000_000) == "x" * LONGEST + " … (996,000 more characters)"


def test_a_flat_text_is_one_line_and_as_short_as_asked():
    assert flat(" a\n\n b\tc ", 10) == "a b c"
    assert flat("x" * 1_000_000, 10) == "x" * 10 + " …"


@given(st.lists(st.text(max_size=3_000), max_size=40), st.integers(20_000, 100_000))
def test_texts_cut_alike_fit_the_room(texts: list[str], room: int):
    most = fair(texts, room)
    assert LEAST <= most <= LONGEST
    if most > LEAST:
        ratio = sum(len(text.encode()) for text in texts) / max(1, sum(map(len, texts)))
        assert sum(min(most, len(text)) for text in texts) * ratio <= room + len(texts) * ratio


def test_short_texts_stay_whole_where_a_long_one_is_cut():
    assert fair(["x" * 100] * 10 + ["y" * 4_000], 3_000) == 2_000
