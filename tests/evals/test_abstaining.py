"""Which answers are none."""

import pytest

from fourways.core.report import Answered
from fourways.evals.abstaining import abstains, says_nothing

NOTHING = [
    "I could not find this in the documents I was given.",
    "I don't know.",
    "The sources do not say. You may want to ask HR.",
    "Sorry, I can't help with that.",
    "I'm sorry, but I cannot answer this question based on the given documents.",
    "The document does not mention the price.",
    "There is no information about this in the sources.",
    "Based on the sources, the question cannot be answered.",
    "None of the sources mention this.",
    "Not mentioned in the sources.",
    "Das weiß ich nicht.",
    "Ich konnte das in den Dokumenten nicht finden.",
    "No encuentro esa información en los documentos.",
]
SOMETHING = [
    "",
    "30 days.",
    "I could not find it at first, but the policy says 30 days.",
    "You cannot return opened items.",
    "If you cannot find the form, ask your manager.",
    "It is not known who built the bridge.",
    "George Washington said: “I cannot tell a lie.”",
    "There is no evidence of ghosts.",
    "Nicht mehr als 30 Tage.",
    "I do not know who of the two you mean. " + "The older one was born in 1901 and wrote on bees. " * 8,
]


@pytest.mark.parametrize("text", NOTHING)
def test_says_that_it_has_no_answer(text):
    assert says_nothing(text)


@pytest.mark.parametrize("text", SOMETHING)
def test_says_something(text):
    assert not says_nothing(text)


def test_the_answers_own_flag_goes_first():
    assert abstains(Answered(text="Ask the front desk, please.", abstained=True))
    assert abstains(Answered(text="I don't know."))
    assert not abstains(Answered(text="On Monday."))
