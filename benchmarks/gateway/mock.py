"""A model's server that is not the bottleneck: fixed answers over bare asyncio and httptools."""

import asyncio
import socket
import sys

import httptools
import uvloop

WORDS = 120
BODY = (
    b'{"id":"chatcmpl-1","object":"chat.completion","created":1700000000,"model":"mock","choices":[{"index":0,"message":'
    b'{"role":"assistant","content":"' + b"word " * WORDS + b'"},"finish_reason":"stop"}],"usage":{"prompt_tokens":200,'
    b'"completion_tokens":120,"total_tokens":320}}'
)
WHOLE = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (len(BODY), BODY)
STREAM = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
CHUNKS = 200


def frame(payload: bytes) -> bytes:
    event = b"data: " + payload + b"\n\n"
    return b"%x\r\n%s\r\n" % (len(event), event)


def delta(inner: bytes, finish: bytes = b"null") -> bytes:
    return (
        b'{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"mock",'
        b'"choices":[{"index":0,"delta":' + inner + b',"finish_reason":' + finish + b"}]}"
    )


FRAMES = [frame(delta(b'{"content":"word%d "}' % number)) for number in range(CHUNKS - 1)] + [
    frame(delta(b"{}", b'"stop"'))
]
USAGE = frame(
    b'{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"mock","choices":[],"usage":'
    b'{"prompt_tokens":200,"completion_tokens":200,"total_tokens":400}}'
)
DONE = frame(b"[DONE]") + b"0\r\n\r\n"


class Mock(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport
        self.parser = httptools.HttpRequestParser(self)
        self.body = b""

    def data_received(self, data):
        self.parser.feed_data(data)

    def on_message_begin(self):
        self.body = b""

    def on_body(self, body):
        self.body += body

    def on_message_complete(self):
        if b'"stream":true' in self.body.replace(b" ", b""):
            self.task = asyncio.ensure_future(self.stream())
        else:
            self.transport.write(WHOLE)

    async def stream(self):
        """Send each piece by itself, as a model does: one write, one packet."""
        self.transport.write(STREAM)
        for piece in FRAMES:
            self.transport.write(piece)
            await asyncio.sleep(0.0005)
        if b"include_usage" in self.body:
            self.transport.write(USAGE)
        self.transport.write(DONE)


async def main(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Mock, "127.0.0.1", port)
    for sock in server.sockets:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
