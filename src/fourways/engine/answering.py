"""One request on its way: its sequences, the pieces they come in, and the answer made of them, whole or streamed."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

from fourways.core.errors import FourwaysError
from fourways.engine.chat_metrics import ChatMetrics
from fourways.engine.chat_replies import DONE, Choice, Form, Usage, entries
from fourways.engine.sequences import Generation, Piece
from fourways.engine.texts import Reader, Words
from fourways.engine.wire import Reply, error_reply, json_reply


@dataclass(slots=True, kw_only=True, eq=False)
class Part:
    """One choice: its sequence, what reads its tokens, and what came of it."""

    generation: Generation
    reader: Reader
    choice: Choice
    newest: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What a piece added to a choice."""

    index: int
    text: str
    finish: str | None
    logprobs: Sequence[dict[str, object]] | None


@dataclass(slots=True, kw_only=True, eq=False)
class Answering:
    """A request's choices, collected in the event loop.

    Attributes:
        prompts: tokens of each prompt.
        pieces: what came and was not looked at yet, by choice.
    """

    form: Form
    words: Words
    metrics: ChatMetrics
    prompts: Sequence[int]
    echo: Sequence[str] = ()
    usage: bool = False
    clock: Callable[[], float] = time.perf_counter
    parts: list[Part] = field(init=False, default_factory=list)
    pieces: "asyncio.Queue[tuple[int, Piece]]" = field(init=False, default_factory=asyncio.Queue)
    start: float = field(init=False)

    def __post_init__(self) -> None:
        self.start = self.clock()

    def receive(self, index: int) -> Callable[[Piece], None]:
        """Return what a sequence's pieces are told to."""
        return lambda piece: self.pieces.put_nowait((index, piece))

    async def whole(self) -> Reply:
        """Wait for all choices; returns the answer."""
        async with aclosing(self._frames()) as frames:
            async for _ in frames:
                pass
        for part in self.parts:
            part.choice.text = self._echoed(part.choice.index) + part.choice.text
        return json_reply(self.form.whole([part.choice for part in self.parts], self._usage()))

    async def stream(self) -> AsyncGenerator[bytes, None]:
        """Yield the answer's frames as they come; ends with OpenAI's `[DONE]`."""
        opened: set[int] = set()
        try:
            async with aclosing(self._frames()) as frames:
                async for frame in frames:
                    if frame.index not in opened:
                        opened.add(frame.index)
                        if opening := self._opening(frame.index):
                            yield opening
                    yield self.form.piece(frame.index, frame.text, finish=frame.finish, logprobs=frame.logprobs)
        except FourwaysError as error:
            yield b"data: " + error_reply(error).body + b"\n\n"
        else:
            if self.usage:
                yield self.form.closing(self._usage())
        yield DONE

    def _opening(self, index: int) -> bytes:
        """Return what comes before a choice's first piece."""
        echoed = self._echoed(index)
        return self.form.opening(index) + (self.form.piece(index, echoed) if echoed else b"")

    def _echoed(self, index: int) -> str:
        return self.echo[index] if self.echo else ""

    def _usage(self) -> Usage:
        return Usage(
            prompt=sum(self.prompts),
            cached=sum(part.generation.cached for part in self.parts if part.generation.lead is None),
            generated=sum(part.choice.generated for part in self.parts),
        )

    async def _frames(self) -> AsyncGenerator[Frame, None]:
        """Yield what each piece adds; sequences that nobody waits for any more are cancelled."""
        open_parts = {part.choice.index for part in self.parts}
        try:
            while open_parts:
                index, piece = await self.pieces.get()
                if index not in open_parts:
                    continue
                if piece.error is not None:
                    raise piece.error
                frame = self._read(self.parts[index], piece)
                if frame.finish:
                    open_parts.discard(index)
                    self._finished(self.parts[index])
                if frame.text or frame.finish or frame.logprobs:
                    yield frame
        finally:
            for index in open_parts:
                self.parts[index].generation.cancelled = True
                self.metrics.finished("abort")

    def _read(self, part: Part, piece: Piece) -> Frame:
        """Take a piece's tokens one by one: those behind a stop string count for nothing."""
        choice, tokens = part.choice, piece.tokens
        self._timed(part, len(tokens))
        text, taken, finish = "", 0, piece.finish
        ended = finish == "stop" and bool(tokens) and tokens[-1] in part.generation.ends
        spoken = tokens[:-1] if ended else tokens
        for token in spoken:
            added = part.reader.add([token])
            text, taken = text + added.text, taken + 1
            if added.stop is not None:
                finish = "stop"
                part.generation.cancelled = True
                break
        else:
            taken += ended
            if finish:
                text += part.reader.add((), last=True).text
        choice.generated += taken
        choice.text += text
        choice.finish = finish
        logprobs = None
        if choice.logprobs is not None:
            shown = min(taken, len(spoken))
            logprobs = entries(spoken[:shown], piece.thoughts, self.words.spelling)
            choice.logprobs += logprobs
        return Frame(index=choice.index, text=text, finish=finish, logprobs=logprobs)

    def _timed(self, part: Part, tokens: int) -> None:
        now = self.clock()
        if not part.newest:
            self.metrics.first.observe(now - self.start)
        else:
            for _ in range(tokens):
                self.metrics.between.observe((now - part.newest) / tokens)
                self.metrics.each.observe((now - part.newest) / tokens)
        part.newest = now

    def _finished(self, part: Part) -> None:
        self.metrics.finished(part.choice.finish or "abort")
        self.metrics.generation_tokens.inc(part.choice.generated)
        self.metrics.whole.observe(self.clock() - self.start)
