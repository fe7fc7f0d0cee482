"""POST /v1/completions, the older wire: a prompt in, its continuation out. A provider that speaks it is relayed."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from fourways.core.chat import Answer, ChatRequest, Principal, close, collect
from fourways.core.errors import InvalidRequest
from fourways.core.trace import Trace, Usage
from fourways.gateway.record import answered_by, recording
from fourways.models.openai import usage_of
from fourways.models.transport import Deadlines
from fourways.web.asgi import Exchange
from fourways.web.frames import DONE, encode, extras_of, spliced, usage_body
from fourways.web.house import House
from fourways.web.presence import Presence
from fourways.web.traces import traced
from fourways.web.wire import AnswerExtras, StreamOptions, UsageBody, checked

MOST_PROMPTS = 64
OURS = ("model", "prompt", "stream", "suffix", "echo", "best_of", "logprobs")
"""Fields of the older wire that a chat does not have."""


class CompletionBody(msgspec.Struct, kw_only=True):
    """The body of POST /v1/completions. Fields that are not listed pass through to the model."""

    model: str
    prompt: str | Annotated[list[str], Meta(min_length=1, max_length=MOST_PROMPTS)]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    user: str | None = None


class CompletionChoice(msgspec.Struct, kw_only=True):
    """One continuation."""

    text: str
    index: int
    finish_reason: str | None
    logprobs: dict[str, Any] | None = None


class Completion(msgspec.Struct, kw_only=True):
    """The continuations of all prompts, in their order."""

    id: str
    created: int
    model: str
    choices: list[CompletionChoice]
    usage: UsageBody | None = None
    fourways: AnswerExtras | None = None
    object: str = "text_completion"


_typed = msgspec.json.Decoder(CompletionBody)
_plain = msgspec.json.Decoder(dict[str, Any])


async def completions(house: House, exchange: Exchange) -> None:
    """Continue a prompt, or several."""
    body = await exchange.body()
    typed = checked(body, _typed)
    principal = exchange.principal if typed.user is None else replace(exchange.principal, user=typed.user)
    provider, slash, model = typed.model.partition("/")
    if slash and provider in house.models.providers():
        client = house.models.client(provider)
        if client.dialect.path("completions"):
            house.routes.current.pick(typed.model, principal)
            await _relay(house, exchange, typed, _plain.decode(body) | {"model": model}, principal)
            return
    requests = [_as_chat(prompt, typed, body, principal) for prompt in _prompts(typed)]
    if not typed.stream:
        await _whole(house, exchange, requests)
    elif len(requests) == 1:
        await _stream(house, exchange, requests[0])
    else:
        raise InvalidRequest("one prompt at a time can be streamed; send several without `stream`", param="prompt")


def _prompts(typed: CompletionBody) -> Sequence[str]:
    return [typed.prompt] if isinstance(typed.prompt, str) else typed.prompt


def _as_chat(prompt: str, typed: CompletionBody, body: bytes, principal: Principal) -> ChatRequest:
    options = {name: value for name, value in _plain.decode(body).items() if name not in OURS}
    return ChatRequest(
        model=typed.model,
        messages=[{"role": "user", "content": prompt}],
        principal=principal,
        stream=bool(typed.stream),
        options=options,
    )


async def _whole(house: House, exchange: Exchange, requests: Sequence[ChatRequest]) -> None:
    traces = [traced(exchange), *(Trace() for _ in requests[1:])]
    with Presence(exchange):
        answers = await asyncio.gather(
            *(collect(house.gateway(request, trace)) for request, trace in zip(requests, traces, strict=True))
        )
    usages = [answer.usage for answer in answers if answer.usage is not None]
    choices = [
        CompletionChoice(text=choice.text, index=index, finish_reason=choice.finish or "stop")
        for index, choice in enumerate(choice for answer in answers for choice in answer.choices)
    ]
    completion = Completion(
        id=f"cmpl-{traces[0].id}",
        created=int(traces[0].started_at),
        model=_name(answers[0], traces[0]),
        choices=choices,
        usage=usage_body(sum(usages[1:], usages[0])) if usages else None,
    )
    body = encode(completion)
    await exchange.reply(200, spliced(body.replace(b',"fourways":null', b"", 1), b'"fourways"', extras_of(traces[0])))


def _name(answer: Answer, trace: Trace) -> str:
    return str(answer.fields.get("model") or answered_by(trace))


async def _stream(house: House, exchange: Exchange, request: ChatRequest) -> None:
    trace = traced(exchange)
    options = request.options.get("stream_options") or {}
    usage: Usage | None = None
    every = house.project.server.keep_alive_comment.total_seconds()
    chunks = house.gateway(request, trace)
    with Presence(exchange, comment_every=every) as presence:
        try:
            async for chunk in chunks:
                usage = chunk.usage or usage
                if not (chunk.text or chunk.finish):
                    continue
                choice = CompletionChoice(text=chunk.text, index=chunk.index, finish_reason=chunk.finish)
                presence.speak()
                await exchange.begin_stream_once()
                await exchange.write(_frame(trace, [choice], extras=chunk.finish is not None))
        finally:
            await close(chunks)
    await exchange.begin_stream_once()
    last = b""
    if options.get("include_usage") and usage is not None:
        last = spliced(_frame(trace, [], extras=False)[:-2], b'"usage"', encode(usage_body(usage))) + b"\n\n"
    await exchange.end_stream(last + DONE)


def _frame(trace: Trace, choices: Sequence[CompletionChoice], *, extras: bool) -> bytes:
    body = encode(
        {
            "id": f"cmpl-{trace.id}",
            "object": "text_completion",
            "created": int(trace.started_at),
            "model": answered_by(trace),
            "choices": choices,
        }
    )
    return b"data: %b\n\n" % (spliced(body, b'"fourways"', extras_of(trace)) if extras else body)


async def _relay(
    house: House, exchange: Exchange, typed: CompletionBody, body: dict[str, Any], principal: Principal
) -> None:
    """Pass a completion on to a provider that speaks this wire, and its bytes back as they come."""
    provider = typed.model.partition("/")[0]
    trace = traced(exchange)
    trace.model = typed.model

    def priced(usage: Usage) -> Usage:
        return replace(usage, cost_usd=house.models.cost(typed.model, usage))

    with (
        recording(house.recorder, trace, principal, "text_completion", typed.model),
        house.limits.charged(typed.model, principal),
        Presence(exchange),
    ):
        response = await house.models.client(provider).completions(body["model"], body, Deadlines())
        try:
            if not typed.stream:
                whole = await response.read()
                trace.usage = usage_of(_plain.decode(whole).get("usage"), priced)
                await exchange.reply(200, whole)
                return
            async for piece in response:
                await exchange.begin_stream_once()
                trace.note_first_token()
                await exchange.write(piece)
        finally:
            response.close()
    await exchange.begin_stream_once()
    await exchange.end_stream()
