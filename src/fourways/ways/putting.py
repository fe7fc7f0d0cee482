"""Rows put as people's questions will be: whatever an opened way would show its model, a row's question shows too."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fourways.core.chat import ChatRequest, Chunk, Message, Principal, collect
from fourways.core.data import Hit
from fourways.core.reading import BEFORE_QUESTION
from fourways.core.trace import Trace
from fourways.ways.prompted import pin_examples_embedder, prompted
from fourways.ways.reading import TUNED, reader
from fourways.ways.workshop import Workshop


class Putting:
    """Puts questions, through the very answerer that will answer them, with an ear in the model's place.

    Args:
        prompt: as `pin_prompt` pins it.
        reading: as `pin_reading` pins it, where passages are put before each question; empty for none.
    """

    def __init__(self, prompt: Mapping[str, Any], reading: Mapping[str, Any], workshop: Workshop) -> None:
        parts = {"prompt": prompt, "decoding": {}, **pin_examples_embedder(prompt), **reading}
        self._own_system = not prompt["system"]
        self._heard: dict[str, ChatRequest] = {}
        self._bare = prompted(self._hear, {**parts, "knowledge": None}, workshop)
        self._answer = reader(self._hear, parts, workshop, TUNED) if reading else self._bare

    async def __call__(self, messages: Sequence[Message]) -> "Put | None":
        """Return a conversation up to its question as the model will be shown it; None where it would not be asked.

        A row that brings its own passage is put without looking for others.
        """
        trace = Trace()
        own = bool(messages) and BEFORE_QUESTION in str(messages[-1].get("content", ""))
        request = ChatRequest(
            model="", messages=messages if self._own_system else _without_system(messages), principal=Principal()
        )
        await collect((self._bare if own else self._answer)(request, trace))
        heard = self._heard.pop(trace.id, None)
        return None if heard is None else Put(messages=list(heard.messages), sources=tuple(trace.sources))

    async def _hear(self, request: ChatRequest, trace: Trace, /) -> AsyncIterator[Chunk]:
        self._heard[trace.id] = request
        yield Chunk(finish="stop")


@dataclass(frozen=True, slots=True, kw_only=True)
class Put:
    """A question as the model is shown it, and the passages before it."""

    messages: list[Message]
    sources: tuple[Hit, ...]


def _without_system(messages: Sequence[Message]) -> list[Message]:
    """Leave out a row's own system text: the prompt's stands there when people ask."""
    return [message for message in messages if message.get("role") != "system"]
