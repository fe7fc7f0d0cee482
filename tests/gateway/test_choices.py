"""Several choices and stop sequences for answerers that know neither."""

import asyncio

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fourways.core.chat import ChatRequest, Chunk, Principal, collect
from fourways.core.errors import InvalidRequest, Unavailable
from fourways.core.trace import Trace, Usage
from fourways.gateway.choices import repeated, stopped


def speaker(*pieces):
    async def answer(request, trace, /):
        for piece in pieces:
            yield Chunk(text=piece)
        yield Chunk(finish="stop", usage=Usage(input_tokens=1, output_tokens=len(pieces)))

    return answer


async def test_choices_run_at_once_and_their_usage_is_summed(ask):
    waiting = asyncio.Barrier(3)

    async def together(request, trace, /):
        await waiting.wait()
        yield Chunk(text="x", finish="stop", usage=Usage(input_tokens=1, output_tokens=1))

    answer = await collect(repeated(together)(ask(n=3), Trace()))
    assert [choice.text for choice in answer.choices] == ["x", "x", "x"]
    assert answer.usage == Usage(input_tokens=3, output_tokens=3)


async def test_one_choice_that_fails_ends_them_all(ask):
    ended: list[int] = []

    async def unlucky(request, trace, /):
        try:
            await asyncio.sleep(0.01)
            if not ended:
                raise Unavailable("x")
            yield Chunk(text="x")
        finally:
            ended.append(1)

    with pytest.raises(Unavailable):
        await collect(repeated(unlucky)(ask(n=3), Trace()))
    assert len(ended) == 3


@pytest.mark.parametrize("n", [17, -1, "two", 1.5])
async def test_n_out_of_bounds_is_refused(ask, n):
    with pytest.raises(InvalidRequest) as caught:
        await collect(repeated(speaker("x"))(ask(n=n), Trace()))
    assert caught.value.param == "n"


@pytest.mark.parametrize("stop", [5, [5], ["x"] * 17])
async def test_stop_that_is_none_is_refused(ask, stop):
    with pytest.raises(InvalidRequest) as caught:
        await collect(stopped(speaker("x"))(ask(stop=stop), Trace()))
    assert caught.value.param == "stop"


async def test_a_providers_frames_pass_a_stop_untouched(ask):
    async def remote(request, trace, /):
        yield Chunk(text="a stop", raw=b"{}")

    [chunk] = [chunk async for chunk in stopped(remote)(ask(stop="stop"), Trace())]
    assert chunk.raw == b"{}"


@example(pieces=["ba", "c"], stops=["a", "bac"])  # the longer one begins before the one that is found first
@given(st.lists(st.text("abc", max_size=4), max_size=8), st.lists(st.text("abc", min_size=1, max_size=3), max_size=3))
def test_stopping_a_stream_equals_stopping_the_joined_text(pieces, stops):
    request = ChatRequest(model="m", messages=[], principal=Principal(), options={"stop": stops})
    answer = asyncio.run(collect(stopped(speaker(*pieces))(request, Trace())))
    whole = "".join(pieces)
    places = [whole.find(stop) for stop in stops if stop in whole]
    assert answer.text == (whole[: min(places)] if places else whole)
    assert answer.usage == Usage(input_tokens=1, output_tokens=len(pieces))
