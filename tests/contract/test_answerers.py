"""Every answerer of `models/` does what `core/chat.py` says: streamed and whole agree, and leaving is safe."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import pytest
from tests.models.fake_openai import TEXT, FakeOpenAI

from fourways.core.chat import Answerer, ChatRequest, Principal, collect
from fourways.core.trace import Trace
from fourways.models.breaker import Breaker
from fourways.models.dialects import DIALECTS
from fourways.models.echo import Echo
from fourways.models.policy import Leg, Policy
from fourways.models.prices import free
from fourways.models.provider import ProviderClient
from fourways.models.remote import Remote
from fourways.models.transport import Deadlines, Transport
from fourways.models.wire import open_transport


@dataclass(frozen=True)
class Bench:
    server: FakeOpenAI
    transport: Transport

    def remote(self, dialect: str) -> Remote:
        client = ProviderClient(
            name="p", dialect=DIALECTS[dialect], base_url=self.server.url, transport=self.transport, key="sk-test"
        )
        return Remote(client, "m", deadlines=Deadlines(), cost=free)

    def policy(self, inner: Answerer) -> Policy:
        leg = Leg(name="p/m", answer=inner, breaker=Breaker(failures=5, cooldown=30), attempts=3)
        return Policy(name="named", targets=[leg], clock=time.monotonic, random=random.Random(0).random)


ANSWERERS: dict[str, Callable[[Bench], Answerer]] = {
    "echo": lambda bench: Echo(),
    "openai": lambda bench: bench.remote("openai"),
    "azure": lambda bench: bench.remote("azure"),
    "ollama": lambda bench: bench.remote("ollama"),
    "anthropic": lambda bench: bench.remote("anthropic"),
    "policy over openai": lambda bench: bench.policy(bench.remote("openai")),
    "policy over anthropic": lambda bench: bench.policy(bench.remote("anthropic")),
    "policy over echo": lambda bench: bench.policy(Echo()),
}


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    transport = open_transport({})
    async with FakeOpenAI() as server:
        yield Bench(server, transport)
        await transport.close()


@pytest.fixture(params=ANSWERERS)
def answerer(request, bench) -> Answerer:
    return ANSWERERS[request.param](bench)


def asked(*, stream: bool = True, **options) -> ChatRequest:
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": TEXT}]
    return ChatRequest(model="m", messages=messages, principal=Principal(), stream=stream, options=options)


async def test_streamed_and_whole_give_the_same_answer(answerer):
    streamed = await collect(answerer(asked(), Trace()))
    whole = await collect(answerer(asked(stream=False), Trace()))
    assert streamed.text == whole.text == TEXT
    assert [choice.finish for choice in streamed.choices] == [choice.finish for choice in whole.choices] == ["stop"]
    assert streamed.choices[0].fields["role"] == whole.choices[0].fields["role"] == "assistant"
    assert streamed.usage == whole.usage


async def test_a_stream_comes_in_pieces(answerer):
    texts = [chunk.text async for chunk in answerer(asked(), Trace()) if chunk.text]
    assert len(texts) == len(TEXT.split())


@pytest.mark.parametrize("stream", [True, False])
async def test_usage_is_told_once_and_priced(answerer, stream):
    usages = [chunk.usage async for chunk in answerer(asked(stream=stream), Trace()) if chunk.usage is not None]
    assert len(usages) == 1
    assert usages[0].input_tokens > 0
    assert usages[0].output_tokens > 0
    assert usages[0].cost_usd == 0.0


@pytest.mark.parametrize("stream", [True, False])
async def test_one_model_span_says_who_answered_and_what_it_took(answerer, stream):
    trace = Trace()
    answer = await collect(answerer(asked(stream=stream), trace))
    (span,) = trace.spans
    assert answer.usage is not None
    assert span.name == "model"
    assert span.error is None
    assert span.end is not None
    assert span.attributes["target"] in {"p/m", "echo"}
    assert span.attributes["finish"] == "stop"
    assert span.attributes["output_tokens"] == answer.usage.output_tokens
    assert 0 <= span.attributes["ttft"] <= span.end


async def test_leaving_after_the_first_chunk_closes_cleanly(answerer, bench):
    trace = Trace()
    chunks = answerer(asked(), trace)
    await anext(chunks)
    await chunks.aclose()
    (span,) = trace.spans
    assert span.end is not None
    assert span.error is None
    assert span.attributes["abandoned"] is True
    assert (await collect(answerer(asked(), Trace()))).text == TEXT


async def test_a_cancelled_task_leaves_a_closed_span(answerer, bench):
    trace = Trace()

    async def consume() -> None:
        async for _ in answerer(asked(), trace):
            await asyncio.sleep(60)

    task = asyncio.ensure_future(consume())
    await asyncio.sleep(0.1)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await asyncio.sleep(0)
    assert all(span.end is not None for span in trace.spans)


async def test_one_answerer_serves_many_at_a_time(answerer):
    answers = await asyncio.gather(*(collect(answerer(asked(), Trace())) for _ in range(10)))
    assert {answer.text for answer in answers} == {TEXT}


async def test_nothing_is_asked_before_the_first_chunk_is(answerer, bench):
    trace = Trace()
    chunks = answerer(asked(), trace)
    await asyncio.sleep(0.01)
    assert not bench.server.requests
    assert not trace.spans
    await chunks.aclose()
