"""A provider's model as an `Answerer`: one request, one try, streamed or whole, timed as one `model` span."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Protocol

from fourways.core.chat import ChatRequest, Chunk
from fourways.core.errors import FourwaysError, UpstreamError
from fourways.core.trace import Span, Trace, Usage
from fourways.models.anthropic import AnthropicWire
from fourways.models.dialects import speak
from fourways.models.openai import FrameReader, OpenAIWire, Price, Wire
from fourways.models.prices import Cost
from fourways.models.provider import ProviderClient, encode
from fourways.models.sse import EventParser
from fourways.models.transport import Deadlines, Response

WIRES: Mapping[str, Wire] = MappingProxyType({"openai": OpenAIWire(), "anthropic": AnthropicWire()})


class Remote:
    """Asks one model of one provider.

    A stream's chunks carry the provider's frame in `raw`. The frame of usage that was asked for on our own account
    carries none, so that it is not relayed to a client who did not ask. Not streamed, a single choice is one chunk
    whose `raw` is the whole body.

    Args:
        deadlines: how long to wait, in seconds.
        cost: what a usage costs in US dollars, or None where nobody knows.
    """

    def __init__(self, client: ProviderClient, model: str, *, deadlines: Deadlines, cost: Cost) -> None:
        self.client, self.model = client, model
        self.target = client.target(model)
        self._deadlines, self._cost = deadlines, cost
        self._wire = WIRES[client.dialect.wire]

    async def __call__(self, request: ChatRequest, trace: Trace, /) -> AsyncIterator[Chunk]:
        """Answer; closing the iterator, or cancelling the task that drives it, hangs up on the provider at once.

        Raises:
            UpstreamRefused: the provider answered with an error status.
            UpstreamTimeout: a deadline passed.
            UpstreamError: no connection, an error frame, nonsense, or a stream cut short.
        """
        span = trace.start("model")
        span.attributes.update(target=self.target, provider=self.client.dialect.name, model=self.model)
        response: Response | None = None
        failed: FourwaysError | None = None
        try:
            body = encode(self._body(request, span))
            response = await self.client.open("chat", self.model, body, self._deadlines)
            reading = self._reading(request, response)
            async for data in response:
                for chunk in reading.feed(data):
                    _note(span, chunk, trace)
                    yield chunk
                if reading.done:
                    break
            for chunk in reading.end():
                _note(span, chunk, trace)
                yield chunk
            response.release()
        except (GeneratorExit, asyncio.CancelledError):
            span.attributes["abandoned"] = True
            raise
        except FourwaysError as error:
            failed = error
            if isinstance(error, UpstreamError) and not error.target:
                error.target = self.target
            raise
        finally:
            if response is not None:
                response.close()
            trace.finish(span, failed)

    def _body(self, request: ChatRequest, span: Span) -> dict[str, Any]:
        body = {**request.options, "model": self.model, "messages": list(request.messages)}
        if request.stream:
            body["stream"] = True
            body["stream_options"] = {**(request.options.get("stream_options") or {}), "include_usage": True}
        dropped = [name for name in speak(self.client.dialect, body) if name in request.options]
        if dropped:
            span.attributes["dropped"] = dropped
        return self._wire.request(body)

    def _reading(self, request: ChatRequest, response: Response) -> "_Reading":
        if request.stream and "json" not in response.headers.get("content-type", ""):
            asked = request.options.get("stream_options") or {}
            return _Streamed(self._wire.reader(self._priced, hide_usage=not asked.get("include_usage")))
        return _Whole(self._wire, self._priced)

    def _priced(self, usage: Usage) -> Usage:
        return Usage(
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            cached_tokens=usage.cached_tokens,
            reasoning_tokens=usage.reasoning_tokens,
            cost_usd=self._cost(usage),
        )


def _note(span: Span, chunk: Chunk, trace: Trace) -> None:
    """Note on the span what the chunk tells."""
    noted = span.attributes
    if "ttft" not in noted and (chunk.text or chunk.delta):
        noted["ttft"] = trace.elapsed - span.start
    if chunk.finish is not None:
        noted["finish"] = chunk.finish
    usage = chunk.usage
    if usage is not None:
        noted["input_tokens"] = usage.input_tokens
        noted["output_tokens"] = usage.output_tokens
        noted["cached_tokens"] = usage.cached_tokens
        noted["reasoning_tokens"] = usage.reasoning_tokens
        noted["cost_usd"] = usage.cost_usd


class _Reading(Protocol):
    """Makes chunks of a body's bytes; `done` once nothing more is to be read."""

    done: bool

    def feed(self, data: bytes) -> Sequence[Chunk]: ...

    def end(self) -> Sequence[Chunk]: ...


class _Streamed:
    __slots__ = ("_events", "_frames", "done")

    def __init__(self, frames: FrameReader) -> None:
        self._events, self._frames = EventParser(), frames
        self.done = False

    def feed(self, data: bytes) -> Sequence[Chunk]:
        payloads = self._events.feed(data)
        if len(payloads) == 1:
            chunks = self._frames.feed(payloads[0])
        else:
            chunks = [chunk for payload in payloads for chunk in self._frames.feed(payload)]
        self.done = self._frames.done
        return chunks

    def end(self) -> Sequence[Chunk]:
        chunks = [chunk for payload in self._events.end() for chunk in self._frames.feed(payload)]
        if not self._frames.complete():
            raise UpstreamError("the server ended its stream before its answer was complete")
        return chunks


class _Whole:
    __slots__ = ("_pieces", "_price", "_wire", "done")

    def __init__(self, wire: Wire, price: Price) -> None:
        self._pieces: list[bytes] = []
        self._wire, self._price = wire, price
        self.done = False

    def feed(self, data: bytes) -> Sequence[Chunk]:
        self._pieces.append(data)
        return ()

    def end(self) -> Sequence[Chunk]:
        return self._wire.answer(b"".join(self._pieces), self._price)
