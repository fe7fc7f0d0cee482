"""What the small model is trained on is what the platform's ways send it."""

import random

import pytest

from fourways.core.data import Hit, Passage
from fourways.evals.abstaining import says_nothing
from fourways.training.reader.chats import ABSTAINS, RULES, STYLES, chat, varied, with_sources
from fourways.training.reader.facts import Asked, Document
from fourways.ways import context

DOCUMENT = Document(
    passage="The door is green.",
    asked=(Asked(question="What colour is the door?", answer="green"), Asked(question="Who?", answer=None)),
)


def test_sources_are_put_as_way_rag_puts_them():
    tree = with_sources([DOCUMENT, DOCUMENT], random.Random(3))
    system, _, user = tree.trunk.partition("<|end|><|user|>")
    fence = system.split("between the ")[1].split()[0]
    assert system.endswith(RULES.format(abstain_text=system.split("say: ")[1].split("\n")[0], fence=fence))
    titles = [line.split("] ", 1)[1] for line in user.splitlines() if line.startswith(f"<{fence}")]
    hits = [Hit(passage=passage(title), score=1.0, dense=1.0, lexical=1.0) for title in titles]
    assert user == f"Sources:\n\n{context.show_sources(hits, fence)}\n\nQuestion:"


def passage(title):
    text = DOCUMENT.passage
    return Passage(id="p", knowledge="k", document="d", title=title, text=text, start=0, end=len(text), ordinal=0)


def test_the_rules_are_those_of_way_rag():
    assert RULES == context.INSTRUCTIONS


def test_an_answer_names_its_source_and_an_abstention_is_what_the_rules_ask_for():
    for seed in range(20):
        tree = with_sources([DOCUMENT], random.Random(seed))
        asked_for = tree.trunk.split("say: ")[1].split("\n")[0]
        answers = {branch.split("<|end|>")[0]: branch.split("<|assistant|>")[1] for branch in tree.branches}
        assert answers == {"What colour is the door?": "green [1]<|end|>", "Who?": f"{asked_for}<|end|>"}


@pytest.mark.parametrize("text", ABSTAINS)
def test_every_abstention_is_recognised_as_one(text):
    assert says_nothing(text.format(n="4400", g="the Foo club"))


@pytest.mark.parametrize("style", STYLES)
def test_a_chat_asks_and_answers_in_turn(style):
    text = chat(DOCUMENT.passage, DOCUMENT.asked, style)
    assert DOCUMENT.passage in text
    assert text.count("<|assistant|>") == 2
    assert text.endswith("<|assistant|>The text does not say.<|end|>")


def test_all_styles_are_drawn():
    made = [varied(DOCUMENT, random.Random(seed)) for seed in range(200)]
    assert {type(one).__name__ for one in made} == {"str", "Tree"}
