"""Documents and chats of a run as tokens: a document ends with the end token, and of a chat the answers are learned."""

import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from fourways.core.errors import InvalidRequest
from fourways.training.rows import Chat
from fourways.training.scratch.cleaning import Document, read_corpus
from fourways.training.tokenizer import ASSISTANT, END, SPECIAL, SYSTEM, USER

if TYPE_CHECKING:
    from tokenizers import Tokenizer

Tokens = tuple[list[int], list[bool] | None]
"""A document's tokens, and for each whether it is learned; None: all are."""
AT_A_TIME = 4096
"""Chats that are read at once."""
ROLE = {"system": SPECIAL[SYSTEM], "user": SPECIAL[USER], "assistant": SPECIAL[ASSISTANT]}


def documents_of(path: Path) -> Iterator[Document]:
    """Read a file of documents."""
    return (document for _, document in read_corpus(path))


def document_tokens(tokenizer: "Tokenizer", text: str) -> Tokens:
    """Read a document."""
    return [*tokenizer.encode(text, add_special_tokens=False).ids, SPECIAL[END]], None


def chat_tokens(tokenizer: "Tokenizer", chats: Iterable[Chat]) -> Iterator[Tokens]:
    """Read chats as the tokenizer's template writes them; what the assistant says is learned, its end too.

    Raises:
        InvalidRequest: a turn is neither the system's, nor the user's, nor the assistant's.
    """
    for some in _batched(chats):
        texts = list(dict.fromkeys(turn.content for chat in some for turn in chat.messages))
        read = tokenizer.encode_batch(texts, add_special_tokens=False)
        known = {text: [*found.ids, SPECIAL[END]] for text, found in zip(texts, read, strict=True)}
        for chat in some:
            tokens: list[int] = []
            learned: list[bool] = []
            for turn in chat.messages:
                if turn.role not in ROLE:
                    raise InvalidRequest(f"a chat has a {turn.role}'s turn; right would be system, user and assistant")
                said = known[turn.content]
                tokens += [ROLE[turn.role], *said]
                learned += [False, *[turn.role == "assistant"] * len(said)]
            yield tokens, learned


def _batched(chats: Iterable[Chat]) -> Iterator[list[Chat]]:
    rest = iter(chats)
    while some := list(itertools.islice(rest, AT_A_TIME)):
        yield some


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
