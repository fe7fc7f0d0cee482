"""Anthropic's Messages wire without I/O: OpenAI chats out, messages and their events back in.

The Messages API: docs.claude.com, "Messages", "Streaming messages".
"""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import ClassVar

import msgspec

from fourways.core.chat import Chunk
from fourways.core.errors import UpstreamError
from fourways.core.trace import Usage
from fourways.models.anthropic_requests import Json, to_messages
from fourways.models.openai import FrameReader, Price

FINISH: Mapping[str, str] = MappingProxyType(
    {
        "end_turn": "stop",
        "stop_sequence": "stop",
        "pause_turn": "stop",
        "max_tokens": "length",
        "model_context_window_exceeded": "length",
        "tool_use": "tool_calls",
        "refusal": "content_filter",
    }
)

_decode = msgspec.json.Decoder(Json).decode
_encode = msgspec.json.Encoder().encode


class AnthropicWire:
    """Writes and reads Messages."""

    def request(self, body: Json) -> Json:
        """Turn an OpenAI chat body into a Messages body; fields that neither knows pass through.

        Raises:
            InvalidRequest: something that Messages cannot say: several choices, logprobs, sound.
        """
        return to_messages(body)

    def answer(self, data: bytes, price: Price) -> list[Chunk]:
        """Read a whole message."""
        try:
            return [from_message(_decode(data), price)]
        except (msgspec.MsgspecError, KeyError, TypeError) as error:
            raise UpstreamError(f"the server's answer is no message: {error!r}") from error

    def reader(self, price: Price, *, hide_usage: bool) -> FrameReader:  # noqa: ARG002 - no frame of it is ever relayed
        """Begin a stream of message events."""
        return AnthropicReader(price)


def from_message(message: Json, price: Price) -> Chunk:
    """Return a whole message as the one chunk of its one choice."""
    text: list[str] = []
    thinking: list[Json] = []
    calls: list[Json] = []
    for block in message["content"]:
        kind = block["type"]
        if kind == "text":
            text.append(block["text"])
        elif kind in {"thinking", "redacted_thinking"}:
            thinking.append(block)
        elif kind == "tool_use":
            calls.append(_call(block, len(calls), _encode(block["input"]).decode()))
    delta: Json = {"role": "assistant"}
    if thinking:
        delta["reasoning_content"] = "".join(block.get("thinking", "") for block in thinking)
        delta["thinking_blocks"] = thinking
    if calls:
        delta["tool_calls"] = calls
    return Chunk(
        text="".join(text),
        delta=delta,
        finish=_finish(message.get("stop_reason")),
        usage=price(usage_of(message.get("usage") or {})),
        fields={"id": message.get("id"), "model": message.get("model")},
    )


class AnthropicReader:
    """Reads the events of one streamed message; every event's data names its own type."""

    __slots__ = ("_block", "_calls", "_filled", "_price", "_thoughts", "_usage", "done")

    def __init__(self, price: Price) -> None:
        self.done = False
        self._price = price
        self._usage: Json = {}
        self._block: Json = {}  # the content block that is open
        self._thoughts: list[Json] = []  # the thinking blocks so far, to be handed back with the next turn
        self._calls = -1  # index of the newest tool call
        self._filled = False  # whether arguments of it have come

    def complete(self) -> bool:
        """`message_stop` came."""
        return self.done

    def feed(self, payload: bytes) -> Sequence[Chunk]:
        """Read one event; those that say nothing to an OpenAI client give nothing."""
        try:
            event = _decode(payload)
            read = self.EVENTS.get(event["type"])
            return read(self, event) if read is not None else ()
        except (msgspec.MsgspecError, KeyError, TypeError) as error:
            raise UpstreamError(f"the server sent an event that is none of a message's: {error!r}") from error

    def _message_start(self, event: Json) -> Sequence[Chunk]:
        message = event["message"]
        self._usage.update(message.get("usage") or {})
        return (Chunk(delta={"role": "assistant"}, fields={"id": message.get("id"), "model": message.get("model")}),)

    def _block_start(self, event: Json) -> Sequence[Chunk]:
        self._block = dict(event["content_block"])
        if self._block["type"] == "text" and self._block.get("text"):
            return (Chunk(text=self._block["text"]),)
        if self._block["type"] != "tool_use":
            return ()
        self._calls += 1
        given = self._block.get("input")
        self._filled = bool(given)
        arguments = _encode(given).decode() if given else ""
        return (Chunk(delta={"tool_calls": [_call(self._block, self._calls, arguments)]}),)

    def _block_delta(self, event: Json) -> Sequence[Chunk]:
        delta = event["delta"]
        read = self.DELTAS.get(delta["type"])
        return read(self, delta) if read is not None else ()

    def _block_stop(self, event: Json) -> Sequence[Chunk]:  # noqa: ARG002 - one row of the table of events
        block, self._block = self._block, {}
        if block.get("type") == "tool_use" and not self._filled:
            return (self._arguments("{}"),)
        if block.get("type") in {"thinking", "redacted_thinking"}:
            self._thoughts.append(block)
            return (Chunk(delta={"thinking_blocks": list(self._thoughts)}),)
        return ()

    def _text(self, delta: Json) -> Sequence[Chunk]:
        return (Chunk(text=delta["text"]),)

    def _thinking(self, delta: Json) -> Sequence[Chunk]:
        self._block["thinking"] = self._block.get("thinking", "") + delta["thinking"]
        return (Chunk(delta={"reasoning_content": delta["thinking"]}),)

    def _signature(self, delta: Json) -> Sequence[Chunk]:
        self._block["signature"] = delta["signature"]
        return ()

    def _json(self, delta: Json) -> Sequence[Chunk]:
        if not delta["partial_json"] or self._block.get("type") != "tool_use":
            return ()
        self._filled = True
        return (self._arguments(delta["partial_json"]),)

    def _arguments(self, piece: str) -> Chunk:
        return Chunk(delta={"tool_calls": [{"index": self._calls, "function": {"arguments": piece}}]})

    def _message_delta(self, event: Json) -> Sequence[Chunk]:
        told = {name: value for name, value in (event.get("usage") or {}).items() if value is not None}
        self._usage.update(told)
        return (Chunk(finish=_finish(event["delta"].get("stop_reason")), usage=self._price(usage_of(self._usage))),)

    def _message_stop(self, event: Json) -> Sequence[Chunk]:  # noqa: ARG002 - one row of the table of events
        self.done = True
        return ()

    def _failed(self, event: Json) -> Sequence[Chunk]:
        error = event["error"]
        said = f"{error.get('type')}: {error.get('message')}"
        raise UpstreamError(f"the server failed in the middle of its answer: {said}")

    EVENTS: ClassVar[Mapping[str, "Step"]] = MappingProxyType(
        {
            "message_start": _message_start,
            "content_block_start": _block_start,
            "content_block_delta": _block_delta,
            "content_block_stop": _block_stop,
            "message_delta": _message_delta,
            "message_stop": _message_stop,
            "error": _failed,
        }
    )
    DELTAS: ClassVar[Mapping[str, "Step"]] = MappingProxyType(
        {
            "text_delta": _text,
            "thinking_delta": _thinking,
            "signature_delta": _signature,
            "input_json_delta": _json,
        }
    )


Step = Callable[[AnthropicReader, Json], Sequence[Chunk]]


def usage_of(usage: Json) -> Usage:
    """Read a message's usage: what was written to and read from the cache was read as input too."""
    cached = usage.get("cache_read_input_tokens") or 0
    written = usage.get("cache_creation_input_tokens") or 0
    return Usage(
        input_tokens=(usage.get("input_tokens") or 0) + cached + written,
        output_tokens=usage.get("output_tokens") or 0,
        cached_tokens=cached,
        reasoning_tokens=(usage.get("output_tokens_details") or {}).get("thinking_tokens") or 0,
    )


def _finish(reason: str | None) -> str:
    return FINISH.get(reason or "end_turn", "stop")


def _call(block: Json, index: int, arguments: str) -> Json:
    function = {"name": block["name"], "arguments": arguments}
    return {"index": index, "id": block["id"], "type": "function", "function": function}
