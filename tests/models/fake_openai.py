"""A model's server for tests: a tiny asyncio HTTP server on loopback that answers as it is told, and remembers.

async with FakeOpenAI() as server:
    server.script.append(Answer(status=500, body=b"..."))   # one by one; then its ordinary answers
    ... server.url, server.requests, await server.hung_up.wait()
"""

import asyncio
import contextlib
import json
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

TEXT = "The office opens at nine."
USAGE = {
    "prompt_tokens": 12,
    "completion_tokens": 6,
    "total_tokens": 18,
    "prompt_tokens_details": {"cached_tokens": 4},
    "completion_tokens_details": {"reasoning_tokens": 2},
}


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One scripted answer.

    frames: server-sent events' data, sent as a stream; else `body` is sent whole.
    framing: how the body's end is told: "chunked", "length" or "close" (the connection's end).
    delay, frame_delay: seconds before the head, and before each frame.
    drop_after: cut the connection after so many frames (or bytes of the body); 0 is before the head.
    split: write the body in pieces of so many bytes.
    hold: keep the connection open, silent, after the last frame.
    """

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    frames: Sequence[bytes] | None = None
    framing: str = ""
    delay: float = 0.0
    frame_delay: float = 0.0
    drop_after: int | None = None
    split: int | None = None
    hold: bool = False


@dataclass(frozen=True, kw_only=True)
class Request:
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def packed(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def frame(delta: Mapping[str, Any] | None = None, *, index: int = 0, finish: str | None = None, **top: Any) -> bytes:
    choice = {"index": index, "delta": delta or {}, "logprobs": None, "finish_reason": finish}
    return packed({**HEAD, "object": "chat.completion.chunk", "choices": [choice], **top})


HEAD = {"id": "chatcmpl-1", "created": 1700000000, "model": "m-2024", "system_fingerprint": "fp_1"}


def frames(text: str = TEXT, *, choices: int = 1, usage: bool = True) -> list[bytes]:
    """A whole stream, as OpenAI sends it."""
    sent = []
    for index in range(choices):
        sent.append(frame({"role": "assistant", "content": ""}, index=index))
        sent += [frame({"content": piece}, index=index) for piece in text.split(" ")[:1]]
        sent += [frame({"content": f" {piece}"}, index=index) for piece in text.split(" ")[1:]]
        sent.append(frame({}, index=index, finish="stop"))
    if usage:
        sent.append(packed({**HEAD, "object": "chat.completion.chunk", "choices": [], "usage": USAGE}))
    return [*sent, b"[DONE]"]


def completion(text: str = TEXT, *, choices: int = 1, **message: Any) -> bytes:
    made = [
        {
            "index": index,
            "message": {"role": "assistant", "content": text, **message},
            "logprobs": None,
            "finish_reason": "stop",
        }
        for index in range(choices)
    ]
    return packed({**HEAD, "object": "chat.completion", "choices": made, "usage": USAGE})


ANTHROPIC_USAGE = {
    "input_tokens": 8,
    "cache_read_input_tokens": 4,
    "cache_creation_input_tokens": 0,
    "output_tokens": 1,
}


def anthropic_message(text: str = TEXT) -> bytes:
    return packed(
        {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": "claude-x",
            "content": [{"type": "text", "text": text}],
            "stop_reason": "end_turn",
            "stop_sequence": None,
            "usage": {**ANTHROPIC_USAGE, "output_tokens": 6},
        }
    )


def anthropic_events(text: str = TEXT) -> list[bytes]:
    first, *rest = text.split(" ")
    start = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-x", "content": []}
    deltas = [first, *(f" {word}" for word in rest)]
    return [
        packed({"type": "message_start", "message": {**start, "stop_reason": None, "usage": ANTHROPIC_USAGE}}),
        packed({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
        packed({"type": "ping"}),
        *(
            packed({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": piece}})
            for piece in deltas
        ),
        packed({"type": "content_block_stop", "index": 0}),
        packed({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 6}}),
        packed({"type": "message_stop"}),
    ]


class FakeOpenAI:
    """The server. `script` holds what to answer next; when it is empty, answers are ordinary."""

    def __init__(self, *, text: str = TEXT) -> None:
        self.text = text
        self.script: deque[Answer] = deque()
        self.requests: list[Request] = []
        self.connections = 0
        self.asked = asyncio.Event()  # a request has come
        self.hung_up = asyncio.Event()  # a client left before its answer was whole
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()

    @property
    def origin(self) -> str:
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    @property
    def url(self) -> str:
        return f"{self.origin}/v1"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def drop_idle(self) -> None:
        """Close every connection, as a server does whose keep-alive ran out."""
        for writer in list(self._writers):
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._writers.add(writer)
        self.connections += 1
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                while await self._one(reader, writer):
                    pass
        finally:
            self._tasks.discard(task)
            self._writers.discard(writer)
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, path, _ = head[0].split(" ")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        request = Request(method=method, path=path, headers=headers, body=body)
        self.requests.append(request)
        self.asked.set()
        answer = self.script.popleft() if self.script else self._ordinary(request)
        watcher = asyncio.ensure_future(_left(reader))
        sending = asyncio.ensure_future(self._send(answer, writer))
        try:
            await asyncio.wait({watcher, sending}, return_when=asyncio.FIRST_COMPLETED)
            if not sending.done() or isinstance(sending.exception(), ConnectionError):
                self.hung_up.set()
                return False
            return await sending
        finally:
            sending.cancel()
            watcher.cancel()
            await asyncio.gather(watcher, sending, return_exceptions=True)

    async def _send(self, answer: Answer, writer: asyncio.StreamWriter) -> bool:
        await asyncio.sleep(answer.delay)
        if answer.drop_after == 0:
            writer.transport.abort()
            return False
        framing = answer.framing or ("length" if answer.frames is None else "chunked")
        headers = {"content-type": "application/json" if answer.frames is None else "text/event-stream"}
        headers |= {
            "chunked": {"transfer-encoding": "chunked"},
            "length": {"content-length": str(len(answer.body))},
            "close": {"connection": "close"},
        }[framing] | dict(answer.headers)
        lines = [f"HTTP/1.1 {answer.status} X", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
        writer.write("\r\n".join(lines).encode())
        size = answer.split or max(len(answer.body), 1)
        pieces = [answer.body[at : at + size] for at in range(0, len(answer.body), size)]
        if answer.frames is not None:
            pieces = [b"data: %b\n\n" % data for data in answer.frames]
        for position, piece in enumerate(pieces):
            if position == answer.drop_after:
                writer.transport.abort()
                return False
            await asyncio.sleep(answer.frame_delay)
            writer.write(b"%x\r\n%b\r\n" % (len(piece), piece) if framing == "chunked" else piece)
            await writer.drain()
        if answer.hold:
            await asyncio.sleep(3600)
        if framing == "chunked":
            writer.write(b"0\r\n\r\n")
        await writer.drain()
        return framing != "close"

    def _ordinary(self, request: Request) -> Answer:
        operation = request.path.partition("?")[0].rpartition("/")[2]
        asked = json.loads(request.body) if request.body else {}
        stream, choices = bool(asked.get("stream")), asked.get("n") or 1
        if request.path.partition("?")[0].endswith("/chat/completions"):
            usage = bool((asked.get("stream_options") or {}).get("include_usage"))
            if stream:
                return Answer(frames=frames(self.text, choices=choices, usage=usage))
            return Answer(body=completion(self.text, choices=choices))
        if operation == "messages":
            return Answer(frames=anthropic_events(self.text)) if stream else Answer(body=anthropic_message(self.text))
        made = ORDINARY.get(operation)
        if made is None:
            return Answer(status=404, body=packed({"error": {"message": f"no such path: {request.path}"}}))
        return Answer(body=packed(made(asked)))


async def _left(reader: asyncio.StreamReader) -> None:
    """Return once the client closed its end; reads nothing, for the next request may be there already."""
    while not (reader.at_eof() or reader.exception()):  # noqa: ASYNC110 - a reader tells nobody without being read
        await asyncio.sleep(0.002)


def _vectors(asked: Mapping[str, Any]) -> Any:
    rows = [{"index": i, "embedding": [float(len(text)), 1.0]} for i, text in enumerate(asked["input"])]
    return {"object": "list", "data": rows, "model": asked["model"], "usage": {"prompt_tokens": 1, "total_tokens": 1}}


def _ranking(asked: Mapping[str, Any]) -> Any:
    rows = [{"index": i, "relevance_score": len(text) / 100} for i, text in enumerate(asked["documents"])]
    return {"results": rows}


def _text(asked: Mapping[str, Any]) -> Any:
    choice = {"index": 0, "text": str(asked["prompt"]).upper(), "finish_reason": "stop", "logprobs": None}
    return {"id": "cmpl-1", "object": "text_completion", "choices": [choice], "usage": USAGE}


ORDINARY = {
    "embeddings": _vectors,
    "rerank": _ranking,
    "completions": _text,
    "models": lambda _asked: {"object": "list", "data": [{"id": "m", "object": "model", "owned_by": "vllm"}]},
}
