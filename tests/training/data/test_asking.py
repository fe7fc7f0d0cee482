"""Rules ask what people would ask of a document: its tables, its lists, its sentences; each answer stands in it."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fourways.core.data import Document
from fourways.training.data.asking import pairs_by_rules

PAGE = """# Laptops

| Model | Meant for | Memory | Price |
|---|---|---|---|
| Larch 14 | office work | 16 GB | €1,150 |
| Alder 15 | software developers | 48 GB | €2,150 |

## Who is who

- Head of IT: Dov Marchetti, extension 4401

## Rules

Your session ends after 12 hours, or after 60 minutes without traffic. Each user gets up to 40 Mbit/s.
If you have lost your second factor, call extension 4400. To show your screen, plug in the USB-C cable.
Our mail system is called Post. Keys are kept in Strongbox. Prismatic cannot be borrowed.
Only the security team can release programs. Never approve a prompt that you did not cause.
"""


def asked(text: str = PAGE, **fields) -> dict[str, str]:
    document = Document(uri="a.md", title="Laptops", text=text, content_hash="", **fields)
    return {typed(pair.question): pair.answer for pair in pairs_by_rules(document)}


def typed(question: str) -> str:
    """A question as some of them are: typed in a hurry."""
    return question.lower().rstrip("?.")


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("How much memory does Larch 14 have?", "16 GB"),
        ("How much does Alder 15 cost?", "€2,150"),
        ("Laptops: how much does Alder 15 cost?", "€2,150"),
        ("alder 15 price", "€2,150"),
        ("What is Larch 14 meant for?", "office work"),
        ("Which model is meant for software developers?", "Alder 15"),
        ("Which model has a memory of 48 GB?", "Alder 15"),
        ("Who is the head of IT?", "Dov Marchetti"),
        ("Which extension does Dov Marchetti have?", "4401"),
        ("After how long does my session end?", "after 12 hours"),
        ("Laptops, rules: Each user gets how much?", "up to 40 Mbit/s"),
        ("What do I do if I have lost my second factor?", "call extension 4400"),
        ("I have lost my second factor. What now?", "call extension 4400"),
        ("How do I show my screen?", "plug in the USB-C cable"),
        ("What is our mail system called?", "Post"),
        ("Where are keys kept?", "in Strongbox"),
        ("Can Prismatic be borrowed?", "No, Prismatic cannot be borrowed"),
        ("Who can release programs?", "only the security team"),
        ("May I approve a prompt that I did not cause?", "No. Never approve a prompt that you did not cause"),
    ],
)  # fmt: skip
def test_a_fact_is_asked_for_as_people_would(question, answer):
    assert asked()[typed(question)] == answer


def test_every_answer_stands_in_the_text():
    plain = re.sub(r"[*|\s]+", " ", PAGE).lower()
    for question, answer in asked().items():
        said = re.sub(r"^(?:Yes|No)[,.] ", "", answer)
        assert " ".join(said.lower().split()) in plain, (question, answer)


def test_what_holds_no_longer_is_asked_for_under_its_title():
    questions = asked(metadata={"status": "superseded"})
    assert questions
    assert all(question.startswith("laptops") for question in questions)


def test_of_another_language_only_tables_and_named_values_are_asked_for():
    text = PAGE + "\nDas Passwort ist at least 12 characters.\n"
    assert typed("How much memory does Larch 14 have?") in asked(text, language="de")
    assert not any("session" in question for question in asked(text, language="de"))


@pytest.mark.parametrize(
    "text", ["", "One line.", "| a |\n|---|\n| b |\n", "# Heading\n", "1. 2. 3.\n", "|||\n|-|-|\n|||"]
)
def test_a_page_that_says_nothing_is_asked_nothing(text):
    assert asked(text) == {}


@given(st.text(alphabet="aI1 .,;:|-#*\n(€@/fyou", max_size=200))
def test_any_text_can_be_asked_and_its_pairs_lie_in_it(text):
    for pair in pairs_by_rules(Document(uri="a.md", title="T", text=text, content_hash="")):
        assert 0 <= pair.start <= pair.end <= len(text)


@pytest.mark.parametrize(
    "piece", ["x", "a ", "If a, ", "| a ", "a: b; ", "at least ", "1. ", "12 ", "(", "[a](", "<a "]
)
def test_an_endless_line_keeps_nobody_waiting(piece):
    asked(piece * 30_000)


def test_records_of_a_sheet_are_rows_too():
    text = "## Software\n\nTitle; Maker; Owner\nTitle: Nightjar; Maker: Owlet Security; Owner: Priya Lindholm\n"
    assert asked(text)[typed("Who makes Nightjar?")] == "Owlet Security"
    assert asked(text)[typed("Who is responsible for Nightjar?")] == "Priya Lindholm"
