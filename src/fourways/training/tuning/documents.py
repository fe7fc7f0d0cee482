"""Turns chats into tokens by the base's own chat template, and marks those that the assistant is to learn to say."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

from fourways.core.errors import InvalidRequest
from fourways.training.rows import Turn

_PROBE = (Turn("user", "Zebra 17?"), Turn("assistant", "Quagga 42."))
CHUNK = 512
"""Texts that are read at a time."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """What a model reads at once.

    Attributes:
        tokens: its pieces.
        learned: for each, whether the model is to learn to say it.
        cut: whether it was longer than the model reads, and lost its end.
    """

    tokens: tuple[int, ...]
    learned: tuple[bool, ...]
    cut: bool = False

    @property
    def weight(self) -> int:
        """How many tokens are learned; the first of all follows nothing and cannot be."""
        return sum(self.learned[1:])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Text:
    """A rendered chat; what the assistant says in it, as ranges of characters."""

    text: str
    said: tuple[tuple[int, int], ...]


class ChatReader:
    """Reads chats as the base will see them when it is asked.

    The assistant's turns are found by rendering: what a conversation has beyond the prompt that stood before an answer
    is that answer with its end. Where a template writes earlier turns differently once others follow (as those that
    drop a model's thoughts do), each answer becomes a document of its own.
    """

    def __init__(self, tokenizer: Any, *, length: int) -> None:  # noqa: ANN401 - transformers' tokenizer
        """Take a tokenizer and the most tokens that a document may have.

        Raises:
            InvalidRequest: it has no chat template, or one from which the assistant's turns cannot be told.
        """
        self._tokenizer, self._length = tokenizer, length
        if not tokenizer.chat_template:
            raise InvalidRequest(
                "the base has no chat template; right would be one in its tokenizer_config.json or chat_template.jinja"
            )
        if not tokenizer.is_fast:
            raise InvalidRequest("the base has no tokenizer.json, by which pieces are found in the text; add one")
        self._check()

    def _check(self) -> None:
        """Try the template on a small chat."""
        text = self._render(_PROBE)
        prompt = self.prompt(_PROBE[:1])
        answer = _PROBE[1].content
        if not text.startswith(prompt) or answer not in text[len(prompt) :]:
            raise InvalidRequest(
                "the chat template does not tell the assistant's turns apart: a conversation does not begin with the "
                "prompt before its last answer; right would be one that heeds add_generation_prompt"
            )
        if not text[len(prompt) :].partition(answer)[2].strip():
            raise InvalidRequest(
                "the chat template does not end the assistant's turns, so a model would never learn to stop; right "
                "would be an end-of-turn token after each"
            )

    def prompt(self, turns: Sequence[Turn]) -> str:
        """Render what the model sees when it is to answer."""
        return self._render(turns, asked=True)

    def _render(self, turns: Sequence[Turn], *, asked: bool = False) -> str:
        plain = [{"role": turn.role, "content": turn.content} for turn in turns]
        try:
            text = self._tokenizer.apply_chat_template(plain, tokenize=False, add_generation_prompt=asked)
        except Exception as error:  # whatever a template raises is about the chat
            raise InvalidRequest(f"the chat template refuses a chat that begins {turns[0]!r}: {error}") from error
        return str(text)

    def read(self, chats: Iterable[Sequence[Turn]]) -> Iterator[list[Document]]:
        """Read chats: of each its documents, one unless the template rewrites earlier turns."""
        for some in _chunks(chats):
            texts = [self._texts(chat) for chat in some]
            read = iter(self._encode([text for each in texts for text in each]))
            for each in texts:
                yield [next(read) for _ in each]

    def answer(self, turns: Sequence[Turn], answers: Sequence[str]) -> list[_Text]:
        """Render answers to the same question; only they are learned."""
        prompt = self.prompt(turns)
        return [self._answer(prompt, (*turns, Turn("assistant", answer))) for answer in answers]

    def read_answers(self, asked: Iterable[tuple[Sequence[Turn], Sequence[str]]]) -> Iterator[list[Document]]:
        """Read questions, each with its answers: a document an answer, in which only that is learned."""
        for some in _chunks(asked):
            texts = [self.answer(turns, answers) for turns, answers in some]
            read = iter(self._encode([text for each in texts for text in each]))
            for each in texts:
                yield [next(read) for _ in each]

    def _texts(self, chat: Sequence[Turn]) -> list[_Text]:
        each = [
            self._answer(self.prompt(chat[:at]), chat[: at + 1])
            for at, turn in enumerate(chat)
            if turn.role == "assistant"
        ]
        last = each[-1]
        if all(last.text.startswith(text.text[: text.said[0][1]]) for text in each):
            return [_Text(text=last.text, said=tuple(text.said[0] for text in each))]
        return each

    def _answer(self, prompt: str, chat: Sequence[Turn]) -> _Text:
        """Render a chat that ends with an answer, of which that alone is learned, with what ends it."""
        text = self._render(chat)
        if not text.startswith(prompt):
            raise InvalidRequest(
                f"the chat template writes a prompt otherwise once it is answered, in a chat that begins {chat[0]!r}; "
                "right would be one that leaves earlier turns as they were"
            )
        return _Text(text=text, said=((len(prompt), len(text.rstrip())),))

    def _encode(self, texts: Sequence[_Text]) -> Iterator[Document]:
        read = self._tokenizer(
            [text.text for text in texts], add_special_tokens=False, return_offsets_mapping=True, verbose=False
        )
        for text, tokens, offsets in zip(texts, read["input_ids"], read["offset_mapping"], strict=True):
            learned = _within([start for start, _ in offsets], text.said)
            yield Document(
                tokens=tuple(tokens[: self._length]),
                learned=tuple(learned[: self._length]),
                cut=len(tokens) > self._length,
            )


def _within(starts: Sequence[int], ranges: Sequence[tuple[int, int]]) -> list[bool]:
    """Say for each position whether one of the ranges, in order, holds it."""
    found, at = [], 0
    for start in starts:
        while at < len(ranges) and start >= ranges[at][1]:
            at += 1
        found.append(at < len(ranges) and start >= ranges[at][0])
    return found


def _chunks(all_of_them: Iterable[T]) -> Iterator[list[T]]:
    waiting = iter(all_of_them)
    while some := list(islice(waiting, CHUNK)):
        yield some
