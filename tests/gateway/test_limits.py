"""What a key may use of an app."""

import asyncio
import inspect

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fourways.config.tree import Limits
from fourways.core.chat import Chunk, Principal, close, collect
from fourways.core.errors import RateLimited
from fourways.core.trace import Trace, Usage
from fourways.gateway.limits import Bucket, LimitBook, limited


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


async def talker(request, trace, /):
    yield Chunk(text="x", usage=Usage(input_tokens=60, output_tokens=40))


def book(**limits):
    return LimitBook(clock=Clock(), default=Limits(**limits))


async def test_requests_refill_evenly_over_the_minute(ask):
    limits = book(requests_per_minute=2)
    answer = limited(limits)(talker)
    await collect(answer(ask(), Trace()))
    await collect(answer(ask(), Trace()))
    with pytest.raises(RateLimited) as caught:
        await collect(answer(ask(), Trace()))
    assert caught.value.retry_after == pytest.approx(30.0)
    limits.clock.now = 30.0
    await collect(answer(ask(), Trace()))


async def test_tokens_are_charged_when_they_are_known(ask):
    limits = book(tokens_per_minute=60)
    answer = limited(limits)(talker)
    await collect(answer(ask(), Trace()))
    with pytest.raises(RateLimited) as caught:
        await collect(answer(ask(), Trace()))
    assert caught.value.retry_after == pytest.approx(41.0)
    limits.clock.now = 42.0
    await collect(answer(ask(), Trace()))


async def test_so_many_at_a_time_and_the_next_when_one_ends(ask):
    answer = limited(book(concurrent=1))(talker)
    first = answer(ask(), Trace())
    await anext(first)
    with pytest.raises(RateLimited, match="1 requests at a time"):
        await collect(answer(ask(), Trace()))
    await close(first)
    await collect(answer(ask(), Trace()))


async def test_a_failed_answer_is_counted_out(ask):
    async def broken(request, trace, /):
        yield Chunk(index=int(request.model))

    answer = limited(book(concurrent=1))(broken)
    for _ in range(3):
        with pytest.raises(ValueError, match="invalid literal"):
            await collect(answer(ask(), Trace()))


async def test_keys_and_apps_have_accounts_of_their_own(ask):
    limits = book(requests_per_minute=1)
    limits.replace(Limits(requests_per_minute=1), {"help": Limits(requests_per_minute=1)})
    answer = limited(limits)(talker)
    await collect(answer(ask("help"), Trace()))
    await collect(answer(ask("fast"), Trace()))
    await collect(answer(ask("help", principal=Principal(key_id="other")), Trace()))
    with pytest.raises(RateLimited):
        await collect(answer(ask("help:rag"), Trace()))
    with pytest.raises(RateLimited):
        await collect(answer(ask("made-up"), Trace()))


async def test_new_limits_are_in_force_at_once(ask):
    limits = book(requests_per_minute=1)
    answer = limited(limits)(talker)
    await collect(answer(ask(), Trace()))
    limits.replace(Limits(requests_per_minute=5), {})
    await asyncio.gather(*(collect(answer(ask(), Trace())) for _ in range(5)))


async def test_nothing_limited_is_nothing_between(ask):
    chunks = limited(book())(talker)(ask(), Trace())
    assert inspect.isasyncgen(chunks)
    assert chunks.ag_code is talker.__code__


@given(st.integers(1, 1000), st.lists(st.floats(0, 5), max_size=200))
def test_a_bucket_never_gives_more_than_its_size_and_its_refill(per_minute, waits):
    bucket, now, given_out = Bucket(per_minute, 0.0), 0.0, 0
    for wait in waits:
        now += wait
        if bucket.wait(1.0, now) == 0.0:
            bucket.take(1.0)
            given_out += 1
    assert given_out <= per_minute + now * per_minute / 60 + 1e-6
