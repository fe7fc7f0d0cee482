"""Every transport does what `models/transport.py: Transport` says, against a real server on loopback."""

import asyncio
from collections.abc import Callable

import pytest
from tests.models.fake_openai import Answer, FakeOpenAI

from fourways.core.errors import UpstreamError, UpstreamTimeout
from fourways.models.pooled import PooledTransport
from fourways.models.transport import Deadlines, Transport
from fourways.models.wire import WireTransport

TRANSPORTS: dict[str, Callable[[], Transport]] = {
    "aiohttp": lambda: PooledTransport({}),
    "wire": lambda: WireTransport({}, PooledTransport({})),
}
SHORT = Deadlines(connect=5, first_byte=0.2, idle=0.2, total=5)
LONG = Deadlines()
BIG = bytes(range(256)) * 4096 * 4


@pytest.fixture(params=TRANSPORTS)
async def transport(request):
    opened = TRANSPORTS[request.param]()
    yield opened
    await opened.close()


@pytest.fixture
async def server():
    async with FakeOpenAI() as running:
        yield running


async def ask(transport: Transport, server: FakeOpenAI, answer: Answer | None = None, deadlines=LONG, body=b"{}"):
    if answer is not None:
        server.script.append(answer)
    return await transport.open("POST", f"{server.url}/x?q=1", headers={"x-a": "b"}, body=body, deadlines=deadlines)


async def collect_into(got: list[bytes], response) -> None:
    async for piece in response:
        got.append(piece)  # noqa: PERF401 - what came before an error counts


async def whole(response) -> bytes:
    body = b"".join([piece async for piece in response])
    response.release()
    return body


@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
@pytest.mark.parametrize("split", [1, 7, None])
async def test_a_body_comes_whole_however_it_is_framed_and_split(transport, server, framing, split):
    body = b"0123456789" * 20
    response = await ask(transport, server, Answer(body=body, framing=framing, split=split, headers={"X-Seen": "Yes"}))
    assert (response.status, response.headers["x-seen"]) == (200, "Yes")
    assert await whole(response) == body


async def test_the_request_arrives_as_it_was_given(transport, server):
    response = await ask(transport, server, Answer(body=b"{}"), body=BIG)
    await response.read()
    got = server.requests[0]
    assert (got.method, got.path, got.body, got.headers["x-a"]) == ("POST", "/v1/x?q=1", BIG, "b")
    assert got.headers["host"] == server.origin.removeprefix("http://")


async def test_a_get_has_no_body(transport, server):
    response = await transport.open("GET", f"{server.url}/models", headers={}, deadlines=LONG)
    assert b"vllm" in await response.read()
    assert (server.requests[0].method, server.requests[0].body) == ("GET", b"")


@pytest.mark.parametrize("status", [301, 400, 404, 429, 500, 503])
async def test_an_error_status_is_an_answer(transport, server, status):
    response = await ask(transport, server, Answer(status=status, body=b"no", headers={"location": "/elsewhere"}))
    assert (response.status, await response.read()) == (status, b"no")


async def test_an_empty_body_ends(transport, server):
    assert await whole(await ask(transport, server, Answer(body=b""))) == b""
    assert await whole(await ask(transport, server, Answer(status=204, body=b""))) == b""


@pytest.mark.parametrize("framing", ["length", "chunked"])
async def test_a_big_body_comes_whole_to_a_slow_reader(transport, server, framing):
    response = await ask(transport, server, Answer(body=BIG, framing=framing))
    got = []
    async for piece in response:
        got.append(piece)
        if len(got) % 8 == 0:
            await asyncio.sleep(0.001)
    assert b"".join(got) == BIG


async def test_a_reader_that_stops_holds_the_server_back(transport, server):
    response = await ask(transport, server, Answer(body=BIG * 4, framing="chunked", split=65536))
    await anext(aiter(response))
    await asyncio.sleep(0.1)
    assert not server.hung_up.is_set()
    response.close()
    await asyncio.wait_for(server.hung_up.wait(), 2)


async def test_a_body_longer_than_the_limit_is_refused(transport, server):
    response = await ask(transport, server, Answer(body=b"x" * 1000))
    with pytest.raises(UpstreamError, match="longer than 100 bytes"):
        await response.read(100)
    response.close()


async def test_a_connection_serves_one_request_after_another(transport, server):
    for _ in range(5):
        await whole(await ask(transport, server, Answer(body=b"{}")))
    for _ in range(5):
        await whole(await ask(transport, server, Answer(frames=[b"1", b"2"])))
    assert server.connections == 1


async def test_requests_at_a_time_do_not_mix(transport, server):
    async def one(number: int) -> None:
        body = str(number).encode() * 50
        server.script.append(Answer(body=b"", delay=0.01))
        response = await transport.open("POST", f"{server.url}/embeddings", headers={}, body=body, deadlines=LONG)
        await whole(response)

    await asyncio.gather(*(one(number) for number in range(20)))
    assert len({request.body for request in server.requests}) == 20


async def test_a_kept_connection_that_the_server_closed_is_replaced(transport, server):
    await whole(await ask(transport, server, Answer(body=b"{}")))
    server.drop_idle()
    assert await whole(await ask(transport, server, Answer(body=b"[]"))) == b"[]"


async def test_a_kept_connection_that_dies_under_the_next_request_is_replaced(transport, server):
    await whole(await ask(transport, server, Answer(body=b"{}")))
    server.script.extend([Answer(drop_after=0), Answer(body=b"[]")])
    assert await whole(await ask(transport, server)) == b"[]"
    assert server.connections == 2


async def test_a_fresh_connection_that_dies_is_an_error(transport, server):
    with pytest.raises(UpstreamError, match=r"127\.0\.0\.1:\d+"):
        await ask(transport, server, Answer(drop_after=0))


@pytest.mark.parametrize("framing", ["length", "chunked"])
async def test_a_connection_that_breaks_in_the_body_is_an_error_after_what_came(transport, server, framing):
    response = await ask(transport, server, Answer(body=b"x" * 100, split=10, drop_after=3, framing=framing))
    got: list[bytes] = []
    with pytest.raises(UpstreamError, match="middle of its answer"):
        await collect_into(got, response)
    assert b"".join(got) == b"x" * 30
    response.close()


async def test_nobody_there_is_an_error(transport):
    with pytest.raises(UpstreamError, match="could not be reached"):
        await transport.open("GET", "http://127.0.0.1:1/x", headers={}, deadlines=LONG)


async def test_a_server_that_does_not_begin_is_a_timeout(transport, server):
    with pytest.raises(UpstreamTimeout, match=r"begin to answer within 0\.2 s"):
        await ask(transport, server, Answer(delay=5), SHORT)
    await asyncio.wait_for(server.hung_up.wait(), 2)


async def test_a_server_that_falls_silent_is_a_timeout(transport, server):
    response = await ask(transport, server, Answer(frames=[b"1"], hold=True), SHORT)
    with pytest.raises(UpstreamTimeout, match=r"silent for 0\.2 s"):
        await whole(response)
    response.close()
    await asyncio.wait_for(server.hung_up.wait(), 2)


async def test_an_answer_may_take_long_as_long_as_it_moves(transport, server):
    response = await ask(transport, server, Answer(frames=[b"1"] * 8, frame_delay=0.05), SHORT)
    assert (await whole(response)).count(b"data") == 8


async def test_the_whole_has_a_deadline_too(transport, server):
    short = Deadlines(connect=1, first_byte=1, idle=1, total=0.4)
    response = await ask(transport, server, Answer(frames=[b"1"] * 100, frame_delay=0.02), short)
    with pytest.raises(UpstreamTimeout, match=r"0\.4 s"):
        await whole(response)
    response.close()


async def test_closing_early_hangs_up_at_once(transport, server):
    response = await ask(transport, server, Answer(frames=[b"1"], hold=True))
    await anext(aiter(response))
    response.close()
    await asyncio.wait_for(server.hung_up.wait(), 2)


async def test_a_cancelled_request_hangs_up_at_once(transport, server):
    task = asyncio.ensure_future(ask(transport, server, Answer(delay=5)))
    await server.asked.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.wait_for(server.hung_up.wait(), 2)


async def test_a_cancelled_reader_can_close(transport, server):
    response = await ask(transport, server, Answer(frames=[b"1"], hold=True))

    async def read() -> None:
        try:
            async for _ in response:
                pass
        finally:
            response.close()

    task = asyncio.ensure_future(read())
    await asyncio.sleep(0.05)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await asyncio.wait_for(server.hung_up.wait(), 2)


async def test_a_released_body_that_goes_on_is_cut_in_the_end(transport, server):
    response = await ask(transport, server, Answer(frames=[b"1"], hold=True))
    await anext(aiter(response))
    response.release()
    response.close()
    await asyncio.sleep(0.1)
    assert not server.hung_up.is_set()
    await asyncio.wait_for(server.hung_up.wait(), 3)


async def test_a_released_body_that_ends_gives_its_connection_back(transport, server):
    response = await ask(transport, server, Answer(frames=[b"1", b"2", b"3"], frame_delay=0.02))
    await anext(aiter(response))
    response.release()
    await asyncio.sleep(0.2)
    await whole(await ask(transport, server, Answer(body=b"{}")))
    assert server.connections == 1
