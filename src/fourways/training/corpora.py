"""Documents and chats of a run as tokens: a document ends with the end token, and of a chat the answers are learned."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from fourways.core.errors import InvalidRequest
from fourways.training.cleaning import Document, read_corpus
from fourways.training.tokenizer import ASSISTANT, END, SPECIAL, SYSTEM, USER

if TYPE_CHECKING:
    from tokenizers import Tokenizer

Tokens = tuple[list[int], list[bool] | None]
"""A document's tokens, and for each whether it is learned; None: all are."""
ROLE = {"system": SPECIAL[SYSTEM], "user": SPECIAL[USER], "assistant": SPECIAL[ASSISTANT]}


class Turn(msgspec.Struct, frozen=True):
    """One message."""

    role: Literal["system", "user", "assistant"]
    content: str


class Chat(msgspec.Struct, frozen=True):
    """A conversation that ends with an answer."""

    messages: tuple[Turn, ...]


def documents_of(path: Path) -> Iterator[Document]:
    """Read a file of documents."""
    return (document for _, document in read_corpus(path))


def chats_of(path: Path) -> list[Chat]:
    """Read a file of chats.

    Raises:
        InvalidRequest: there is none, it is empty, or a line is no chat that ends with an answer; says which.
    """
    decoder, chats = msgspec.json.Decoder(Chat), []
    try:
        lines = path.read_bytes().split(b"\n")
    except (FileNotFoundError, IsADirectoryError) as error:
        raise InvalidRequest(f"there is no file of chats {path}; right would be one beside run.toml") from error
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            chat = decoder.decode(line)
        except msgspec.DecodeError as error:
            raise InvalidRequest(f'{path}:{number}: {error}; right would be {{"messages": […]}}') from error
        if not chat.messages or chat.messages[-1].role != "assistant" or not chat.messages[-1].content.strip():
            raise InvalidRequest(f"{path}:{number}: it does not end with an answer; right would be the assistant's")
        chats.append(chat)
    if not chats:
        raise InvalidRequest(f"{path} holds no chat; right would be one a line")
    return chats


def document_tokens(tokenizer: "Tokenizer", text: str) -> Tokens:
    """Read a document."""
    return [*tokenizer.encode(text, add_special_tokens=False).ids, SPECIAL[END]], None


def chat_tokens(tokenizer: "Tokenizer", chat: Chat) -> Tokens:
    """Read a chat as the tokenizer's template writes it; what the assistant says is learned, its end too."""
    tokens: list[int] = []
    learned: list[bool] = []
    for turn in chat.messages:
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
