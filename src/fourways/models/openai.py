"""OpenAI's chat wire without I/O: bodies out; frames and whole answers in, as chunks that keep the frame untouched."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from fourways.core.chat import Chunk, text_of
from fourways.core.errors import UpstreamError
from fourways.core.trace import Usage
from fourways.models.sse import DONE

Price = Callable[[Usage], Usage]
"""Puts the cost on a usage."""


class FrameReader(Protocol):
    """Reads the events of one stream.

    Attributes:
        done: nothing more will come, whatever the connection does.
    """

    done: bool

    def feed(self, payload: bytes) -> Sequence[Chunk]:
        """Return what one event's data adds; raises `UpstreamError` for an error frame and for nonsense."""
        ...

    def complete(self) -> bool:
        """Whether the answer was whole, if the connection ends now."""
        ...


class Wire(Protocol):
    """How one family of servers writes chats: a codec, without I/O."""

    def request(self, body: dict[str, Any]) -> dict[str, Any]:
        """Turn an OpenAI chat body into the server's; raises `InvalidRequest` for what it cannot say."""
        ...

    def answer(self, data: bytes, price: Price) -> list[Chunk]:
        """Read a whole answer: one chunk a choice, the last with the usage."""
        ...

    def reader(self, price: Price, *, hide_usage: bool) -> FrameReader:
        """Begin a stream. `hide_usage`: the client did not ask for a frame of usage, so it is not to be relayed."""
        ...


class _Choice(msgspec.Struct, gc=False):
    index: int | None = 0
    delta: dict[str, Any] | None = None
    finish_reason: str | None = None
    logprobs: dict[str, Any] | None = None


class _Frame(msgspec.Struct, gc=False):
    choices: list[_Choice] | None = None
    usage: dict[str, Any] | None = None
    error: Any = None


class _WholeChoice(msgspec.Struct):
    message: dict[str, Any]
    index: int | None = 0
    finish_reason: str | None = None
    logprobs: dict[str, Any] | None = None


class _Whole(msgspec.Struct):
    choices: list[_WholeChoice]
    usage: dict[str, Any] | None = None


_decode_frame = msgspec.json.Decoder(_Frame).decode
_decode_whole = msgspec.json.Decoder(_Whole).decode
_decode = msgspec.json.Decoder(dict[str, Any]).decode


class OpenAIWire:
    """The wire that most servers speak; there is nothing to translate."""

    def request(self, body: dict[str, Any]) -> dict[str, Any]:
        """Return the body as it is."""
        return body

    def answer(self, data: bytes, price: Price) -> list[Chunk]:
        """Read a `chat.completion`; a single choice keeps the whole body as its `raw`."""
        try:
            whole = _decode_whole(data)
        except msgspec.MsgspecError as error:
            raise UpstreamError(f"the server's answer is no chat.completion: {error}") from error
        chunks = [
            Chunk(
                index=choice.index or 0,
                text=_pop_text(choice.message),
                delta=choice.message,
                finish=choice.finish_reason or "stop",
                logprobs=choice.logprobs,
                usage=usage_of(whole.usage, price) if last else None,
                fields=_fields(data) if position == 0 else None,
                raw=data if len(whole.choices) == 1 else None,
            )
            for position, choice in enumerate(whole.choices)
            for last in (position == len(whole.choices) - 1,)
        ]
        if not chunks:
            raise UpstreamError("the server's answer holds no choice")
        return chunks

    def reader(self, price: Price, *, hide_usage: bool) -> FrameReader:
        """Begin a stream of `chat.completion.chunk` frames."""
        return OpenAIReader(price, hide_usage=hide_usage)


class OpenAIReader:
    """Reads `chat.completion.chunk` frames. The frame's own top-level fields come with the first chunk only."""

    __slots__ = ("_begun", "_hide_usage", "_open", "_price", "done")

    def __init__(self, price: Price, *, hide_usage: bool) -> None:
        self.done = False
        self._price = price
        self._hide_usage = hide_usage
        self._begun = False
        self._open: set[int] = set()  # choices without a finish_reason yet

    def complete(self) -> bool:
        """`[DONE]` came, or every choice that began has finished."""
        return self.done or (self._begun and not self._open)

    def feed(self, payload: bytes) -> Sequence[Chunk]:
        """Read one frame; several choices in one frame become several chunks without `raw`."""
        if payload == DONE:
            self.done = True
            return ()
        try:
            frame = _decode_frame(payload)
        except msgspec.MsgspecError as error:
            raise UpstreamError(f"the server sent a frame that is no chat.completion.chunk: {error}") from error
        if frame.error is not None:
            raise UpstreamError(f"the server failed in the middle of its answer: {_said(frame.error)}")
        choices = frame.choices
        if choices is not None and len(choices) == 1:
            return (self._chunk(frame, choices[0], payload),)
        if choices:
            return [self._chunk(frame, choice, None) for choice in choices]
        return self._bare(frame, payload)

    def _chunk(self, frame: _Frame, choice: _Choice, raw: bytes | None) -> Chunk:
        index, finish, delta = choice.index or 0, choice.finish_reason, choice.delta
        text = _pop_text(delta) if delta else ""
        if finish is None:
            self._open.add(index)
        else:
            self._open.discard(index)
        if self._begun and finish is None and not delta and choice.logprobs is None and frame.usage is None:
            return Chunk(index=index, text=text, raw=raw)  # the ordinary frame: a piece of text
        fields = None if self._begun or raw is None else _fields(raw)
        self._begun = True
        return Chunk(
            index=index,
            text=text,
            delta=delta or None,
            finish=finish,
            logprobs=choice.logprobs,
            usage=usage_of(frame.usage, self._price),
            fields=fields,
            raw=raw,
        )

    def _bare(self, frame: _Frame, payload: bytes) -> Sequence[Chunk]:
        """Read a frame without choices: the usage at the end, or a provider's own remarks at the beginning."""
        usage = usage_of(frame.usage, self._price)
        hidden = usage is not None and self._hide_usage
        return (Chunk(usage=usage, fields=_fields(payload), raw=None if hidden else payload),)


def usage_of(usage: Mapping[str, Any] | None, price: Price) -> Usage | None:
    """Read a `usage` object: OpenAI's, and DeepSeek's name for what came from the cache."""
    if not usage:
        return None
    cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens") or usage.get("prompt_cache_hit_tokens")
    used = Usage(
        input_tokens=usage.get("prompt_tokens") or 0,
        output_tokens=usage.get("completion_tokens") or 0,
        cached_tokens=cached or 0,
        reasoning_tokens=(usage.get("completion_tokens_details") or {}).get("reasoning_tokens") or 0,
    )
    return price(used)


def _pop_text(delta: dict[str, Any]) -> str:
    """Take the content out of a delta; a list of parts gives the text among them."""
    content = delta.pop("content", None)
    if isinstance(content, str):
        return content
    return text_of({"content": content}) if content else ""


def _fields(data: bytes) -> dict[str, Any]:
    fields = _decode(data)
    fields.pop("choices", None)
    fields.pop("usage", None)
    return fields


def _said(error: object) -> str:
    return str(error.get("message") or error) if isinstance(error, Mapping) else str(error)
