"""A scripted model: for tests, dry runs and demonstrations. Says back what was asked, or what its script holds.

Word by word, with as much delay, failure and tool-calling as one wants to rehearse. It is the model `echo` of the
project file, where it has no script.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Any

from fourways.core.chat import ChatRequest, Chunk, question_of, text_of
from fourways.core.errors import FourwaysError, UpstreamError, UpstreamRefused
from fourways.core.trace import Span, Trace, Usage

NAME = "echo"

_WORDS = re.compile(r"\s*\S+|\s+$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What to answer, and how.

    Attributes:
        tool_calls: as on OpenAI's wire: {id, type, function: {name, arguments}}.
        finish: `stop`, or `tool_calls` where there are some, when empty.
        fail_after: break off after this many chunks; 0 fails before the first.
        error: what to fail with; a broken connection where None.
        status: refuse with this HTTP status instead of answering.
    """

    text: str = ""
    tool_calls: Sequence[Mapping[str, Any]] = ()
    finish: str = ""
    fail_after: int | None = None
    error: FourwaysError | None = None
    status: int | None = None


Line = str | Reply
Script = Sequence[Line] | Mapping[str, Line] | Callable[[ChatRequest], Line]
"""Replies in turn (again from the first after the last), by question (`*` for any other), or made by a function."""


class Echo:
    """Answers from a script; without one, with the last message a person wrote.

    Honours `stream`, `n` and `max_tokens`; a word is a token.

    Args:
        first_token_delay, token_delay: seconds before the first word, and before each further one.
        sleep: how to wait.
    """

    def __init__(
        self,
        script: Script | None = None,
        *,
        first_token_delay: float = 0.0,
        token_delay: float = 0.0,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._reply = _reader(script)
        self._delays = (first_token_delay, token_delay)
        self._sleep = sleep

    async def __call__(self, request: ChatRequest, trace: Trace, /) -> AsyncIterator[Chunk]:
        """Answer; raises `UpstreamRefused`, `UpstreamError` or what else the script says."""
        span = trace.start("model")
        span.set(target=NAME, provider=NAME, model=NAME)
        failed: FourwaysError | None = None
        try:
            line = self._reply(request)
            reply = Reply(text=line) if isinstance(line, str) else line
            if reply.status is not None:
                msg = f"{NAME} answered {reply.status}, as its script says"
                raise UpstreamRefused(msg, target=NAME, status=reply.status)
            for position, chunk in enumerate(_chunks(request, reply)):
                if reply.fail_after is not None and position >= reply.fail_after:
                    raise reply.error or UpstreamError(f"{NAME} broke off, as its script says", target=NAME)
                delay = self._delays[position > 0]
                if delay:
                    await self._sleep(delay)
                _note(span, chunk, trace)
                yield chunk
        except (GeneratorExit, asyncio.CancelledError):
            span.set(abandoned=True)
            raise
        except FourwaysError as error:
            failed = error
            raise
        finally:
            trace.finish(span, failed)


def _reader(script: Script | None) -> Callable[[ChatRequest], Line]:
    if script is None:
        return lambda request: question_of(request.messages)
    if isinstance(script, Mapping):
        by_question = dict(script)

        def look_up(request: ChatRequest) -> Line:
            question = question_of(request.messages)
            return by_question.get(question, by_question.get("*", question))

        return look_up
    if isinstance(script, Sequence):
        lines = cycle(script)
        return lambda request: next(lines)  # noqa: ARG005 - in turn, whatever is asked
    return script


def _chunks(request: ChatRequest, reply: Reply) -> Iterator[Chunk]:
    """Yield the words of every choice in turn, then the usage."""
    choices = request.options.get("n") or 1
    words = _WORDS.findall(reply.text)
    most = request.options.get("max_completion_tokens") or request.options.get("max_tokens")
    cut = most is not None and len(words) > most
    words = words[:most]
    finish = "length" if cut else reply.finish or ("tool_calls" if reply.tool_calls else "stop")
    calls = (
        {"tool_calls": [{"index": i, **call} for i, call in enumerate(reply.tool_calls)]} if reply.tool_calls else {}
    )
    pieces = words if request.stream else ["".join(words)]
    for index in range(choices):
        yield Chunk(index=index, text=pieces[0] if pieces else "", delta={"role": "assistant", **calls})
        for word in pieces[1:]:
            yield Chunk(index=index, text=word)
        yield Chunk(index=index, finish=finish)
    asked = sum(len(text_of(message).split()) for message in request.messages)
    yield Chunk(usage=Usage(input_tokens=asked, output_tokens=len(words) * choices, cost_usd=0.0))


def _note(span: Span, chunk: Chunk, trace: Trace) -> None:
    if "ttft" not in span.attributes:
        span.set(ttft=trace.elapsed - span.start)
    if chunk.finish is not None:
        span.set(finish=chunk.finish)
    if chunk.usage is not None:
        used = chunk.usage
        span.set(input_tokens=used.input_tokens, output_tokens=used.output_tokens, cost_usd=used.cost_usd)
