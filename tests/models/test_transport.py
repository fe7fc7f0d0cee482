"""Who may be reached, and through which proxy; and what the wire does that no contract asks for."""

import gzip

import pytest
from tests.models.fake_openai import Answer

from fourways.core.errors import RefusedAddress, UpstreamError, UpstreamTimeout
from fourways.models.pooled import PooledTransport
from fourways.models.transport import Deadlines, Fenced, is_loopback, origin_of, proxy_for
from fourways.models.wire import WireTransport

PROXY = "http://proxy:3128"


@pytest.mark.parametrize(
    ("url", "environ", "proxy"),
    [
        ("https://api.example/v1", {}, None),
        ("https://api.example/v1", {"HTTPS_PROXY": PROXY}, PROXY),
        ("https://api.example/v1", {"https_proxy": PROXY}, PROXY),
        ("https://api.example/v1", {"ALL_PROXY": PROXY}, PROXY),
        ("http://api.example/v1", {"HTTPS_PROXY": PROXY}, None),
        ("https://api.example/v1", {"HTTPS_PROXY": ""}, None),
        ("https://api.example/v1", {"HTTPS_PROXY": PROXY, "NO_PROXY": "*"}, None),
        ("https://api.example/v1", {"HTTPS_PROXY": PROXY, "NO_PROXY": "other, .example"}, None),
        ("https://api.example/v1", {"HTTPS_PROXY": PROXY, "NO_PROXY": "example:443"}, None),
        ("https://api.example/v1", {"HTTPS_PROXY": PROXY, "NO_PROXY": "pi.example"}, PROXY),
        ("http://127.0.0.1:8000/v1", {"HTTP_PROXY": PROXY}, None),
        ("http://localhost/v1", {"HTTP_PROXY": PROXY}, None),
    ],
)
def test_proxies(url, environ, proxy):
    assert proxy_for(url, environ) == proxy


@pytest.mark.parametrize(
    ("url", "loopback"),
    [
        ("http://localhost:80/x", True),
        ("http://127.0.0.1", True),
        ("http://127.8.8.8", True),
        ("http://[::1]:80/", True),
        ("http://127.0.0.1.evil.example/", False),
        ("http://127.evil/", False),
        ("http://localhost.evil.example/", False),
        ("http://user@127.0.0.1@evil.example/", False),
        ("http://10.0.0.1/", False),
        ("http://0.0.0.0/", False),
    ],
)
def test_loopback(url, loopback):
    assert is_loopback(url) is loopback


def test_an_origin_shows_no_key():
    assert origin_of("https://user:secret@x.example:8443/path?key=secret") == "https://x.example:8443"


async def test_a_fence_lets_out_what_it_was_told_and_nothing_else(server):
    fenced = Fenced(PooledTransport({}), ["https://inside.example/v1"])
    response = await fenced.open("GET", f"{server.url}/models", headers={}, deadlines=Deadlines())
    assert response.status == 200
    response.close()
    for url in ("https://inside.example:444/v1", "http://inside.example/v1", "https://outside.example"):
        with pytest.raises(RefusedAddress, match="network: none"):
            await fenced.open("GET", url, headers={}, deadlines=Deadlines())
    await fenced.close()


@pytest.fixture
async def wire():
    opened = WireTransport({}, PooledTransport({}))
    yield opened
    await opened.close()


async def get(wire, server, answer):
    server.script.append(answer)
    return await wire.open("GET", f"{server.url}/x", headers={}, deadlines=Deadlines())


async def test_a_body_that_was_compressed_against_our_wish_is_read(wire, server):
    packed = gzip.compress(b"hello " * 1000)
    response = await get(wire, server, Answer(body=packed, headers={"Content-Encoding": "GZIP"}, split=100))
    assert await response.read() == b"hello " * 1000


async def test_a_body_that_is_not_what_its_encoding_says_is_an_error(wire, server):
    with pytest.raises(UpstreamError, match=r"does not speak HTTP/1\.1"):
        await (await get(wire, server, Answer(body=b"plain", headers={"content-encoding": "gzip"}))).read()


async def test_what_goes_through_a_proxy_is_left_to_the_other_transport(server):
    asked: list[str] = []

    class Through(PooledTransport):
        async def open(self, method, url, *, headers, body=b"", deadlines):
            asked.append(url)
            return await super().open(method, f"{server.url}/models", headers=headers, deadlines=deadlines)

    wire = WireTransport({"HTTP_PROXY": PROXY}, Through({}))
    response = await wire.open("GET", "http://api.example/v1", headers={}, deadlines=Deadlines())
    response.close()
    await wire.close()
    assert asked == ["http://api.example/v1"]


@pytest.mark.parametrize("greeting", [b"SSH-2.0-x\r\n", b"HTTP/2 200\r\n\r\n", b"\x15\x03\x01\x00\x02\x02"])
async def test_a_server_of_another_protocol_is_named(wire, greeting):
    import asyncio

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.write(greeting)
        await writer.drain()
        await reader.read()
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    with pytest.raises(UpstreamError, match=r"http://127\.0\.0\.1:\d+ does not speak HTTP/1\.1"):
        await wire.open("GET", url, headers={}, deadlines=Deadlines(first_byte=1))
    server.close()


async def test_an_interim_answer_is_read_over(wire):
    import asyncio

    async def twice(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n")
        await writer.drain()
        await asyncio.sleep(0.01)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(twice, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    response = await wire.open("GET", url, headers={}, deadlines=Deadlines())
    assert (response.status, await response.read(), dict(response.headers)) == (200, b"ok", {"content-length": "2"})
    server.close()


async def test_closing_the_transport_ends_what_is_under_way(server):
    wire = WireTransport({}, PooledTransport({}))
    response = await get(wire, server, Answer(frames=[b"1"], hold=True))
    await wire.close()
    with pytest.raises(UpstreamError):
        await response.read()
    with pytest.raises(UpstreamTimeout, match="no connection"):
        await wire.open("GET", "http://127.0.0.1:9/", headers={}, deadlines=Deadlines(connect=0.0))
