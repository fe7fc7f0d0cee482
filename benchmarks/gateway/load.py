"""Asks a server for chats over a few kept-alive connections, checks every answer, prints its counts as JSON."""

import argparse
import asyncio
import json
import time

import httptools
import uvloop

QUESTION = "What do I do when the printer on the second floor says it is out of paper but is not? " * 10


class Client(asyncio.Protocol):
    def __init__(self):
        self.done = None
        self.chunks = 0
        self.tail = b""

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.parser.feed_data(data)

    def on_body(self, body):
        self.chunks += body.count(b"data: {")
        self.tail = (self.tail + body)[-4000:]

    def on_message_complete(self):
        self.done.set_result(self.parser.get_status_code())

    def connection_lost(self, _):
        if self.done is not None and not self.done.done():
            self.done.set_exception(ConnectionError("the server closed the connection"))

    async def ask(self, request: bytes) -> int:
        self.done = asyncio.get_running_loop().create_future()
        self.parser = httptools.HttpResponseParser(self)
        self.transport.write(request)
        return await self.done


def wire(options) -> bytes:
    body = {"model": options.model, "messages": [{"role": "user", "content": QUESTION}], "temperature": 0}
    if options.stream:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    raw = json.dumps(body).encode()
    head = (
        f"POST {options.path} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {options.key}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(raw)}\r\n\r\n"
    )
    return head.encode() + raw


async def worker(options, request: bytes, count: int) -> int:
    _, client = await asyncio.get_running_loop().create_connection(Client, "127.0.0.1", options.port)
    for _ in range(count):
        status = await client.ask(request)
        good = b"[DONE]" in client.tail if options.stream else b"word word" in client.tail
        if status != 200 or not good:
            raise SystemExit(f"{status}: {client.tail[-600:]!r}")
        client.tail = b""
    client.transport.close()
    return client.chunks


async def main(options) -> None:
    request = wire(options)
    began = time.perf_counter()
    counts = [options.requests // options.connections] * options.connections
    chunks = sum(await asyncio.gather(*(worker(options, request, count) for count in counts)))
    print(json.dumps({"requests": sum(counts), "chunks": chunks, "seconds": time.perf_counter() - began}))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--path", default="/v1/chat/completions")
    parser.add_argument("--model", default="mock")
    parser.add_argument("--key", default="none")
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--stream", action="store_true")
    uvloop.run(main(parser.parse_args()))
