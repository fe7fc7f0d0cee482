"""Reads the rows that training programs learn from: JSON Lines, each of its method's shape, or refused by its line."""

from pathlib import Path
from typing import Literal, TypeVar

import msgspec

from fourways.core.errors import InvalidRequest


class Turn(msgspec.Struct, frozen=True):
    """One message of a chat."""

    role: Literal["system", "user", "assistant", "tool"]
    content: str


class Chat(msgspec.Struct, frozen=True, kw_only=True):
    """A conversation that ends with an answer; the assistant's turns are learned."""

    messages: tuple[Turn, ...]


class Preference(msgspec.Struct, frozen=True, kw_only=True):
    """A conversation up to a question, an answer that was preferred, and one that was not."""

    messages: tuple[Turn, ...]
    chosen: str
    rejected: str


class Thumb(msgspec.Struct, frozen=True, kw_only=True):
    """A conversation up to a question, an answer, and whether it was liked."""

    messages: tuple[Turn, ...]
    completion: str
    label: bool


Row = TypeVar("Row", Chat, Preference, Thumb)


def read_rows(path: Path, kind: type[Row]) -> list[Row]:
    """Read a file of rows.

    Raises:
        InvalidRequest: the file is absent or empty, or a line is not of the kind's shape; says which.
    """
    try:
        lines = path.read_bytes().split(b"\n")
    except (FileNotFoundError, IsADirectoryError) as error:
        raise InvalidRequest(f"there is no file {path}; run.toml's [data] names files beside it") from error
    decoder, rows = msgspec.json.Decoder(kind), []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = decoder.decode(line)
        except msgspec.DecodeError as error:
            raise InvalidRequest(f"{path}:{number}: {error}; right would be a {_shape(kind)}") from error
        wrong = _wrong(row)
        if wrong:
            raise InvalidRequest(f"{path}:{number}: {wrong}")
        rows.append(row)
    if not rows:
        raise InvalidRequest(f"{path} has no rows; right would be a line for each {_shape(kind)}")
    return rows


def _shape(kind: type[msgspec.Struct]) -> str:
    return "JSON object of " + ", ".join(kind.__struct_fields__)


def _wrong(row: Chat | Preference | Thumb) -> str:
    """Say what is wrong in a row of the right shape; "" where nothing is."""
    if not row.messages:
        return "it has no messages"
    last = row.messages[-1]
    if isinstance(row, Chat):
        if last.role != "assistant":
            return f"its last message is the {last.role}'s; there is nothing to learn, right would be the assistant's"
        return "" if last.content.strip() else "the assistant's last message is empty"
    if last.role == "assistant":
        return "its messages end with the assistant's; right would be the question that the answers are to"
    answers = (row.chosen, row.rejected) if isinstance(row, Preference) else (row.completion,)
    if not all(answer.strip() for answer in answers):
        return "an answer in it is empty"
    return "the preferred answer is the other one, word for word" if len(set(answers)) < len(answers) else ""
