"""One question put to anything that answers: from a test case to a request, from its chunks to what is kept of them."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from fourways.core.chat import Answerer, ChatRequest, Chunk, Message, Principal, close
from fourways.core.data import Citation, Hit
from fourways.core.errors import FourwaysError
from fourways.core.report import Answered
from fourways.core.trace import Clock, Span, Trace, Usage, describe
from fourways.evals.cases import Case

LOG = logging.getLogger(__name__)

ASKS = "evaluation"
"""Who asks, as traces and providers are told."""
WHY = "Why did you answer so? Say in a few sentences what in the question, or in what you were given, led you to it."
"""Asked after a miss (R86). It does not give the right answer away, nor that there was a miss."""

Price = Callable[[str, Usage], Awaitable[float | None]]
"""US dollars of a usage of `provider/model`, asked where the answer came without a price; None where nobody knows."""


async def unpriced(target: str, usage: Usage) -> float | None:  # noqa: ARG001 - a `Price`
    """Know no price."""
    return None


def request_of(case: Case, model: str, *, temperature: float | None) -> ChatRequest:
    """Return the request that a case is put with: streamed, so that its first token can be timed.

    Args:
        model: the name that is asked.
        temperature: sent along; the candidate's own where None.
    """
    return ChatRequest(
        model=model,
        messages=case.messages,
        principal=Principal(labels=case.labels, user=ASKS),
        stream=True,
        options={} if temperature is None else {"temperature": temperature},
        variables=case.variables,
    )


def why(request: ChatRequest, answer: str) -> ChatRequest:
    """Return the request that goes on in the same conversation and asks for an explanation."""
    turns: Sequence[Message] = (
        *request.messages,
        {"role": "assistant", "content": answer},
        {"role": "user", "content": WHY},
    )
    return ChatRequest(
        model=request.model,
        messages=turns,
        principal=request.principal,
        stream=True,
        options=request.options,
        variables=request.variables,
    )


async def ask(
    answerer: Answerer, request: ChatRequest, *, within: float, clock: Clock, price: Price = unpriced
) -> Answered:
    """Put one request and wait for the whole answer. Whatever goes wrong stands in the answer's `error`.

    Args:
        answerer: the very one that the gateway would ask.
        request: what is asked.
        within: seconds for the whole answer; then it is broken off.
        clock: monotonic seconds.
        price: asked where the answer came without a price.
    """
    trace = Trace(clock=clock)
    trace.tenant, trace.user = request.principal.tenant, request.principal.user
    told, error = _Told(), ""
    try:
        async with asyncio.timeout(within):
            await told.read(answerer, request, trace)
    except TimeoutError:
        error = f"no whole answer within {within:g} s"
    except FourwaysError as failed:
        error = describe(failed)
    except Exception as fault:
        LOG.exception("a question could not be answered; it counts as an error")
        error = describe(fault)
    trace.end()
    usage = await _used(trace, told.usage, price)
    return Answered(
        text="".join(told.pieces),
        citations=tuple(_cited(citation) for citation in told.citations),
        sources=tuple(_source(hit) for hit in trace.sources),
        abstained=bool(trace.attributes.get("abstained")),
        seconds=trace.ended or 0.0,
        first_token=trace.first_token,
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cost_usd=usage.cost_usd,
        error=error,
        finish=told.finish,
    )


@dataclass(slots=True)
class _Told:
    """What was said so far, of the first choice."""

    pieces: list[str] = field(default_factory=list)
    citations: tuple[Citation, ...] = ()
    usage: Usage | None = None
    finish: str = ""

    async def read(self, answerer: Answerer, request: ChatRequest, trace: Trace) -> None:
        chunks = answerer(request, trace)
        try:
            async for chunk in chunks:
                if chunk.text and chunk.index == 0:
                    trace.note_first_token()
                self.take(chunk)
        finally:
            await close(chunks)

    def take(self, chunk: Chunk) -> None:
        self.usage = chunk.usage or self.usage
        if chunk.index == 0:
            self.pieces.append(chunk.text)
            self.citations = chunk.citations or self.citations
            self.finish = chunk.finish or self.finish


async def _used(trace: Trace, last: Usage | None, price: Price) -> Usage:
    """Add up what every model was asked for this answer: the one that answers, and one that rewrote the question."""
    spans = [span for span in trace.spans if "input_tokens" in span.attributes]
    if not spans:
        return last or Usage()
    usages = [await _priced(span, price) for span in spans]
    costs = [usage.cost_usd for usage in usages if usage.cost_usd is not None]
    return Usage(
        input_tokens=sum(usage.input_tokens for usage in usages),
        output_tokens=sum(usage.output_tokens for usage in usages),
        cost_usd=sum(costs) if len(costs) == len(usages) else None,
    )


async def _priced(span: Span, price: Price) -> Usage:
    noted = span.attributes
    usage = Usage(
        input_tokens=noted["input_tokens"],
        output_tokens=noted.get("output_tokens", 0),
        cached_tokens=noted.get("cached_tokens", 0),
        reasoning_tokens=noted.get("reasoning_tokens", 0),
        cost_usd=noted.get("cost_usd"),
    )
    return usage if usage.cost_usd is not None else usage + Usage(cost_usd=await price(noted.get("target", ""), usage))


def _source(hit: Hit) -> Mapping[str, Any]:
    passage = hit.passage
    return {"document": passage.document, "id": passage.id, "text": passage.text, "score": round(hit.score, 4)}


def _cited(citation: Citation) -> Mapping[str, Any]:
    return {**asdict(citation), "headings": list(citation.headings)}
