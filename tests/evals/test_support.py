"""Whether sources support a statement."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fourways.evals.support import Sources, is_german, support
from fourways.models.embedders import HashEmbedder

MARKET = (
    "The Grainger Market was opened in 1835. It replaced an earlier market that stood nearby. "
    "It is not lit by gas any more. Around 2,000 people came to the opening."
)

TABLE = [
    # statement, holds, a part of the reason
    ("The Grainger Market was opened in 1835.", True, ""),
    ("the grainger market WAS OPENED in 1835", True, ""),
    ("The market opened in 1835.", True, ""),
    ("It replaced an earlier market, opened in 1835.", True, ""),  # two neighbouring sentences
    ("The market was opened in 1836.", False, "no source has 1836"),
    ("The Fleming Market was not opened in 1835.", False, "no source has flem"),
    ("The market was never opened in 1835.", False, "it is negated"),
    ("The market is not lit by gas.", True, ""),
    ("Its roof was rebuilt after a fire.", False, "no sentence says as much"),
    ("Yes.", False, "nothing in it can be compared"),
]


@pytest.mark.parametrize(("statement", "holds", "reason"), TABLE)
async def test_what_the_sources_say_is_supported(statement, holds, reason):
    (found,) = await support([statement], Sources([MARKET]))
    assert found.holds is holds
    assert reason in found.reason


async def test_meaning_is_asked_only_about_what_words_leave_open():
    asked = []

    class Counting(HashEmbedder):
        async def __call__(self, texts):
            asked.extend(texts)
            return await super().__call__(texts)

    statements = ["The Grainger Market was opened in 1835.", "It was opened in 1777."]
    found = await support(statements, Sources([MARKET]), Counting())
    assert [one.value for one in found] == [1.0, 0.0]
    assert asked == []
    (found_by_meaning,) = await support(["The market was opened."], Sources([MARKET]), Counting())
    assert 0.5 < found_by_meaning.value < 1.0
    assert len(asked) == 5  # the statement and the four sentences


async def test_a_name_may_stand_in_a_title_and_in_another_form():
    text = ["It was built for American buyers."]
    (without,) = await support(["The Grainger was built for buyers from America."], Sources(text))
    (with_title,) = await support(["The Grainger was built for buyers from America."], Sources(text, "Grainger.md"))
    assert not without.holds
    assert with_title.holds


def test_german_nouns_are_no_names():
    assert is_german("Die Bibliothek ist am Sonntag geschlossen.")
    assert not is_german("The library was shut; people die, wars end.")
    assert Sources(["Die Bücherei ist am 3. Mai zu."]).lacking("Die Bibliothek ist am 4. Mai geschlossen.") == ["4"]


@given(st.text(max_size=200), st.text(max_size=60))
async def test_no_text_breaks_it_and_whatever_has_words_supports_itself(source, statement):
    (found,) = await support([statement], Sources([source]))
    assert 0.0 <= found.value <= 1.0
    if any(char.isalnum() for char in statement):
        (own,) = await support([statement], Sources([statement]))
        assert own.value == 1.0
