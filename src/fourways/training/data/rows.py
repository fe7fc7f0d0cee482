"""One row to learn from, whatever file or knowledge it came from, and how it is written for a training program."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import msgspec

from fourways.core.chat import Message, question_of, text_of
from fourways.core.ids import digest
from fourways.core.reading import BEFORE_QUESTION

Kind = Literal["sft", "dpo", "kto", "text"]
SourceKind = Literal["document", "trace", "file"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a row comes from.

    Attributes:
        name: a document's uri, a trace's id, or a file.
        knowledge: that the document belongs to; "" for what is no document.
        line: of a file; 0 where nobody knows.
        passage: a passage's id.
    """

    kind: SourceKind
    name: str
    knowledge: str = ""
    line: int = 0
    passage: str = ""

    def __str__(self) -> str:
        return f"{self.name}:{self.line}" if self.line else self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What one example teaches. Which fields are there says its kind.

    Attributes:
        messages: the conversation, as on OpenAI's wire: with its answers where they are learned (sft), else up to
            the question (dpo, kto).
        chosen, rejected: the better and the worse answer (dpo).
        completion, label: an answer, and whether people found it good (kto).
        text: of a corpus, read as it stands.
        tools: functions that the conversation may call, as on OpenAI's wire.
        group: rows of one group stay on one side of a split: a document, a customer; "" for none.
        passage: the text that the answer rests on; "" for none. It is not written with the row.
    """

    source: Source
    messages: tuple[Message, ...] = ()
    chosen: str | None = None
    rejected: str | None = None
    completion: str | None = None
    label: bool | None = None
    text: str | None = None
    tools: tuple[Mapping[str, Any], ...] = ()
    group: str = ""
    passage: str = ""

    @property
    def kind(self) -> Kind:
        """What it teaches: an answer, a preference, a judgement, or text as such."""
        if self.text is not None:
            return "text"
        if self.rejected is not None:
            return "dpo"
        return "sft" if self.label is None else "kto"

    @property
    def question(self) -> str:
        """What the last person asked; a corpus's text asks nothing."""
        return question_of(self.messages)

    @property
    def answers(self) -> tuple[str, ...]:
        """What is learned from it: the assistant's turns, or the answers that are judged."""
        if self.kind == "sft":
            said = (text_of(one) for one in self.messages if one.get("role") == "assistant")
            return tuple(text for text in said if text)
        judged = (self.text, self.chosen, self.completion, self.rejected)
        return tuple(text for text in judged if text is not None)

    @property
    def answer(self) -> str:
        """The answer that is wanted; the last one of a conversation."""
        found = self.answers
        return "" if not found else found[-1] if self.kind == "sft" else found[0]

    @property
    def texts(self) -> tuple[str, ...]:
        """All that people or models wrote in it, in order."""
        turns = tuple(text_of(one) for one in self.messages)
        return turns if self.kind == "sft" else (*turns, *self.answers)

    @property
    def content(self) -> dict[str, Any]:
        """What is learned from it, as JSON: two rows with the same are the same, wherever they come from."""
        fields = {"chosen": self.chosen, "rejected": self.rejected, "completion": self.completion, "label": self.label}
        said: dict[str, Any] = {"text": self.text} if self.text is not None else {}
        if self.text is None:
            said["messages"] = [dict(one) for one in self.messages]
        said |= {"tools": [dict(one) for one in self.tools]} if self.tools else {}
        return said | {name: value for name, value in fields.items() if value is not None}

    @property
    def digest(self) -> str:
        """Digest of its content."""
        return digest(self.content)

    @property
    def line(self) -> dict[str, Any]:
        """The row as it stands in a file for a training program: its content, where it comes from, its group."""
        source: dict[str, Any] = {"kind": self.source.kind, "name": self.source.name}
        more: dict[str, Any] = {
            "knowledge": self.source.knowledge,
            "line": self.source.line,
            "passage": self.source.passage,
        }
        source |= {name: value for name, value in more.items() if value}
        return self.content | {"source": source} | ({"group": self.group} if self.group else {})


def with_system(row: Row, system: str) -> Row:
    """Put a system text before a conversation that has none; text as such, and an empty system, change nothing."""
    has_one = any(one.get("role") in {"system", "developer"} for one in row.messages[:1])
    if not system or row.text is not None or has_one:
        return row
    return replace(row, messages=({"role": "system", "content": system}, *row.messages))


def asked_and_answered(question: str, answer: str) -> tuple[Message, ...]:
    """Make a conversation of a question and its answer."""
    return ({"role": "user", "content": question}, {"role": "assistant", "content": answer})


def reading(passage: str, question: str) -> str:
    """Put a passage before a question: what a model is asked that is to read, not to remember."""
    return f"{passage}{BEFORE_QUESTION}{question}"


def asked_alone(text: str) -> str:
    """Return a question without the passage that `reading` put before it."""
    return text.rsplit(BEFORE_QUESTION, 1)[-1]


def written(rows: Iterable[Row]) -> bytes:
    """Write rows as JSON Lines, as training programs read them."""
    encode = msgspec.json.encode
    return b"".join(encode(row.line) + b"\n" for row in rows)


def digest_of(train: Sequence[Row], valid: Sequence[Row] = ()) -> str:
    """Name a dataset: the digest of its rows as they are written, those learned from and those only watched."""
    return digest([digest(written(train)), digest(written(valid))])
