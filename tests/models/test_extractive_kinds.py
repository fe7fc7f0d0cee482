"""What questions ask for, and what sentences answer it with."""

import pytest

from fourways.models.extractive_kinds import answers_kind, kind_of
from fourways.models.words import plain_words

QUESTIONS = [
    ("When was the bridge built?", "date"),
    ("In what year did she leave?", "date"),
    ("Wann wurde die Brücke gebaut?", "date"),
    ("¿En qué año se construyó el puente?", "date"),
    ("How many people live there?", "number"),
    ("Wie viele Menschen wohnen dort?", "number"),
    ("¿Cuántas personas viven allí?", "number"),
    ("Who approves my leave?", "person"),
    ("Wer genehmigt meinen Urlaub?", "person"),
    ("Where is the printer?", "place"),
    ("Why was it closed?", "reason"),
    ("What is a firewall?", None),
    ("The whole thing", None),
]


@pytest.mark.parametrize(("question", "kind"), QUESTIONS)
def test_reads_the_kind_of_a_question(question, kind):
    assert kind_of(question) == kind


ANSWERS = [
    ("date", "It opened in 1909.", "when did it open", True),
    ("date", "It opened in 1909.", "what happened in 1909", False),
    ("date", "It opened early.", "when did it open", False),
    ("number", "It has three doors.", "how many doors", True),
    ("number", "It has many doors.", "how many doors", False),
    ("person", "It was signed by Ada Lovelace.", "who signed it", True),
    ("person", "It was signed by Ada.", "who signed it with ada", False),
    ("person", "Someone signed it.", "who signed it", False),
    ("place", "She lives in Turin.", "where does she live", True),
    ("reason", "It closed because of rain.", "why did it close", True),
    (None, "It opened in 1909.", "what is it", False),
]


@pytest.mark.parametrize(("kind", "sentence", "question", "answers"), ANSWERS)
def test_finds_what_is_asked_for_unless_the_question_said_it(kind, sentence, question, answers):
    assert answers_kind(kind, sentence, frozenset(plain_words(question))) is answers
