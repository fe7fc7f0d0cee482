"""What local answerers leave to us: several choices (`n`), and stop sequences held back while they may be beginning."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

from fourways.core.chat import Answerer, ChatRequest, Chunk, close
from fourways.core.errors import InvalidRequest
from fourways.core.trace import Trace, Usage

MOST_CHOICES = 16
"""Choices of one request at most: each is a whole run of the answerer."""
MOST_STOPS = 16
"""Stop sequences of one request at most."""


def repeated(answer: Answerer) -> Answerer:
    """Answer `n` times at once, for an answerer that knows one choice; chunks are told apart by index."""

    def choose(request: ChatRequest, trace: Trace, /) -> AsyncIterator[Chunk]:
        count = request.options.get("n") or 1
        if count == 1:
            return answer(request, trace)
        if not isinstance(count, int) or not 1 <= count <= MOST_CHOICES:
            raise InvalidRequest(f"n is {count!r}; right would be a whole number from 1 to {MOST_CHOICES}", param="n")
        single = replace(request, options={name: value for name, value in request.options.items() if name != "n"})
        return _merged([answer(single, trace) for _ in range(count)])

    return choose


async def _merged(runs: Sequence[AsyncIterator[Chunk]]) -> AsyncIterator[Chunk]:
    """Interleave runs; their usages are summed into one at the end. One that fails ends them all."""
    queue: asyncio.Queue[Chunk | BaseException | None] = asyncio.Queue(maxsize=len(runs) * 2)
    tasks = [asyncio.create_task(_drain(run, index, queue)) for index, run in enumerate(runs)]
    usage: Usage | None = None
    open_runs = len(runs)
    try:
        while open_runs:
            item = await queue.get()
            if item is None:
                open_runs -= 1
            elif isinstance(item, BaseException):
                raise item
            else:
                if item.usage is not None:
                    usage = item.usage if usage is None else usage + item.usage
                yield replace(item, usage=None)
        if usage is not None:
            yield Chunk(usage=usage)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _drain(run: AsyncIterator[Chunk], index: int, queue: "asyncio.Queue[Chunk | BaseException | None]") -> None:
    try:
        async for chunk in run:
            await queue.put(replace(chunk, index=index, raw=None))
        await queue.put(None)
    except Exception as error:  # noqa: BLE001 - raised again by whoever reads the queue
        await queue.put(error)
    finally:
        await close(run)


def stopped(answer: Answerer) -> Answerer:
    """End each choice before the first stop sequence, for an answerer that does not know them."""

    def until(request: ChatRequest, trace: Trace, /) -> AsyncIterator[Chunk]:
        stops = stops_of(request)
        return _cut(answer(request, trace), stops) if stops else answer(request, trace)

    return until


def stops_of(request: ChatRequest) -> tuple[str, ...]:
    """Return a request's stop sequences; raises InvalidRequest where they are none."""
    stops = request.options.get("stop")
    listed = [stops] if isinstance(stops, str) else stops or []
    if not isinstance(listed, list) or len(listed) > MOST_STOPS or not all(isinstance(s, str) for s in listed):
        raise InvalidRequest(f"stop must be a string or a list of up to {MOST_STOPS} strings", param="stop")
    return tuple(stop for stop in listed if stop)


async def _cut(chunks: AsyncIterator[Chunk], stops: tuple[str, ...]) -> AsyncIterator[Chunk]:
    """Pass chunks on up to a stop sequence. A provider's own frames pass untouched: it stops by itself."""
    held: dict[int, StopHold] = {}
    try:
        async for chunk in chunks:
            if chunk.raw is not None:
                yield chunk
                continue
            hold = held.get(chunk.index)
            if hold is None:
                hold = held[chunk.index] = StopHold(stops)
            passed = hold.cut(chunk)
            if passed is not None:
                yield passed
    finally:
        await close(chunks)


class StopHold:
    """Holds back the end of one choice's text while a stop sequence may be beginning there."""

    def __init__(self, stops: tuple[str, ...]) -> None:
        self._stops = stops
        self._held = ""
        self._ended = False

    def cut(self, chunk: Chunk) -> Chunk | None:
        """Return what of a chunk may go out now; None where nothing does."""
        if self._ended:
            return replace(chunk, text="", delta=None, finish=None, logprobs=None) if chunk.usage else None
        text = self._held + chunk.text
        found = min((place for stop in self._stops if (place := text.find(stop)) >= 0), default=-1)
        keep = 0 if chunk.finish else self._beginning(text)
        # A longer stop sequence that may be beginning before the one found would end the text earlier: wait for it.
        if 0 <= found <= len(text) - keep:
            self._ended = True
            return replace(chunk, text=text[:found], finish="stop")
        self._held = text[len(text) - keep :]
        return replace(chunk, text=text[: len(text) - keep])

    def _beginning(self, text: str) -> int:
        """Return the length of the longest end of `text` that a stop sequence begins with."""
        longest = max(len(stop) for stop in self._stops) - 1
        return next(
            (
                size
                for size in range(min(longest, len(text)), 0, -1)
                if any(stop.startswith(text[-size:]) for stop in self._stops)
            ),
            0,
        )
