"""Documents and chats of a run as tokens: a document ends with the end token, and of a chat the answers are learned."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from fourways.core.errors import InvalidRequest
from fourways.training.cleaning import Document, read_corpus
from fourways.training.rows import Chat
from fourways.training.tokenizer import ASSISTANT, END, SPECIAL, SYSTEM, USER

if TYPE_CHECKING:
    from tokenizers import Tokenizer

Tokens = tuple[list[int], list[bool] | None]
"""A document's tokens, and for each whether it is learned; None: all are."""
ROLE = {"system": SPECIAL[SYSTEM], "user": SPECIAL[USER], "assistant": SPECIAL[ASSISTANT]}


def documents_of(path: Path) -> Iterator[Document]:
    """Read a file of documents."""
    return (document for _, document in read_corpus(path))


def document_tokens(tokenizer: "Tokenizer", text: str) -> Tokens:
    """Read a document."""
    return [*tokenizer.encode(text, add_special_tokens=False).ids, SPECIAL[END]], None


def chat_tokens(tokenizer: "Tokenizer", chat: Chat) -> Tokens:
    """Read a chat as the tokenizer's template writes it; what the assistant says is learned, its end too."""
    tokens: list[int] = []
    learned: list[bool] = []
    for turn in chat.messages:
        if turn.role not in ROLE:
            raise InvalidRequest(f"a chat has a {turn.role}'s turn; right would be system, user and assistant")
        said = [*tokenizer.encode(turn.content, add_special_tokens=False).ids, SPECIAL[END]]
        tokens += [ROLE[turn.role], *said]
        learned += [False, *[turn.role == "assistant"] * len(said)]
    return tokens, learned


def mixed(chats: list[Tokens], documents: list[Tokens], share: float, length: int) -> Iterator[Tokens]:
    """Yield chats and, in between, pieces of documents, of about `share` times the chats' tokens."""
    yield from chats
    room = share * sum(len(tokens) for tokens, _ in chats)
    if not documents:
        return
    for tokens, _ in itertools.cycle(documents):
        for at in range(0, len(tokens), length):
            if room <= 0:
                return
            piece = tokens[at : at + length]
            room -= len(piece)
            yield piece, None
