"""How a passage and its questions become a chat, in the tokens of the small model."""
# ruff: noqa: PLR2004 - styles are drawn in shares

import random
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from fourways.training.facts import NOT_SAID, Asked, Document
from fourways.training.tokenizer import ASSISTANT, END, SYSTEM, USER


def chat(passage: str, asked: Sequence[Asked], style: str = "plain") -> str:
    """Write a passage and its questions in the chat's tokens.

    Args:
        passage: what is read; "" for none.
        asked: questions, each a turn.
        style: how passage and first question are put, of `STYLES`.
    """
    first, later = STYLES[style]
    turns = []
    for number, one in enumerate(asked):
        said = NOT_SAID if one.answer is None else one.answer
        shown = (later if number else first).format(passage=passage, question=one.question)
        turns.append(f"{shown}{END}{ASSISTANT}{said}{END}")
    return "".join(turns)


STYLES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "plain": (f"{USER}{{passage}}\n\nQuestion: {{question}}", f"{USER}Question: {{question}}"),
        "system": (f"{SYSTEM}{{passage}}{END}{USER}{{question}}", f"{USER}{{question}}"),
        "sources": (f"{USER}Sources:\n\n[1] {{passage}}\n\nQuestion: {{question}}", f"{USER}Question: {{question}}"),
        "bare": (f"{USER}{{passage}}\n\n{{question}}", f"{USER}{{question}}"),
    }
)
"""How the first question is put, and the later ones."""


def varied(document: Document, chance: random.Random) -> str:
    """Write a document's chat in a style drawn; at times without its passage, and then nothing can be said."""
    if chance.random() < 0.02:
        unread = [Asked(question=one.question, answer=None) for one in document.asked[:1]]
        return chat("", unread, "system" if chance.random() < 0.5 else "bare")
    return chat(document.passage, document.asked, chance.choices(tuple(STYLES), (6, 2, 1, 1))[0])
