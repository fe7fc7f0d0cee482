"""A citation is the words at its place: in the passage, and in the document."""

from fourways.core.data import Passage, cite

TEXT = "Before. Trains run hourly. After."


def test_a_citation_of_a_part_of_a_passage_points_into_its_document():
    passage = Passage(
        id="p",
        knowledge="k",
        document="a.md",
        title="Trains",
        text=TEXT[8:],
        start=8,
        end=len(TEXT),
        ordinal=1,
        headings=("When",),
        page=2,
        link="https://example.org/a",
    )
    cited = cite(3, passage, 0, 18)
    assert cited.quote == TEXT[cited.start : cited.end] == "Trains run hourly."
    assert (cited.number, cited.document, cited.headings, cited.page) == (3, "a.md", ("When",), 2)
    later = cite(1, passage, 19, 25)
    assert later.quote == TEXT[later.start : later.end] == "After."
