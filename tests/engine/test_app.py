"""The engine's door, with a tiny encoder in the model's place: shapes, errors, loading, a full queue."""

import asyncio
import json
import threading
from base64 import b64decode
from collections.abc import AsyncIterator, Sequence
from typing import Any

import numpy as np
import pytest

from fourways.engine.app import HANDLERS, MAX_BODY, App
from fourways.engine.batching import Rows
from fourways.engine.service import Engine, Loaded, Settings
from fourways.engine.tokens import Tokens


class Letters:
    """A real, tiny encoder: how many a, b and other letters there are. Cut at eight."""

    dimensions, max_tokens, precision = 3, 8, "counted"

    def __init__(self) -> None:
        self.open = threading.Event()
        self.open.set()
        self.seen: list[int] = []

    def tokenize(self, texts: Sequence[str]) -> list[Tokens]:
        return [Tokens(ids=[*map(ord, text[:8])] or [0], whole=max(1, len(text))) for text in texts]

    def encode(self, batch: Sequence[Tokens]) -> Rows:
        self.open.wait(10)
        self.seen += [len(one.ids) for one in batch]
        counts = [[one.ids.count(97), one.ids.count(98), 0.1] for one in batch]
        return np.array([np.divide(row, np.linalg.norm(row)) for row in counts], np.float32)


class Client:
    def __init__(self, engine: Any, handlers: Any = HANDLERS) -> None:
        self.app = App(engine, handlers)

    async def ask(self, method: str, path: str, body: bytes | dict[str, Any] = b"", *, leave: bool = False) -> Any:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        events: list[dict[str, Any]] = [{"type": "http.request", "body": data, "more_body": False}]
        self.sent: list[Any] = []

        async def receive() -> dict[str, Any]:
            if events:
                return events.pop(0)
            await asyncio.sleep(0.05 if leave else 60)
            return {"type": "http.disconnect"}

        async def send(event: Any) -> None:
            self.sent.append(event)

        await self.app({"type": "http", "method": method, "path": path}, receive, send)
        if not self.sent:
            return None
        self.status, self.headers = self.sent[0]["status"], dict(self.sent[0]["headers"])
        text = self.sent[1]["body"]
        return json.loads(text) if self.headers[b"content-type"] == b"application/json" else text.decode()


@pytest.fixture
def letters() -> Letters:
    return Letters()


@pytest.fixture
async def client(letters: Letters) -> AsyncIterator[Client]:
    settings = Settings(model="letters", instance="i1", workers=1, pack_tokens=16, queue_tokens=20)
    engine = Engine(settings, lambda: Loaded(encoder=letters))
    await engine.load()
    yield Client(engine)
    letters.open.set()
    await asyncio.to_thread(engine.close)


async def test_embeddings_have_openais_shape(client: Client) -> None:
    reply = await client.ask("POST", "/v1/embeddings", {"input": ["aa", "b"], "model": "letters"})
    assert client.status == 200
    assert {key: reply[key] for key in ("object", "model", "usage")} == {
        "object": "list",
        "model": "letters",
        "usage": {"prompt_tokens": 3, "total_tokens": 3},
    }
    assert [(row["object"], row["index"]) for row in reply["data"]] == [("embedding", 0), ("embedding", 1)]
    assert reply["data"][0]["embedding"] == pytest.approx([0.9987, 0, 0.0499], abs=1e-3)
    packed = await client.ask("POST", "/v1/embeddings", {"input": "aa", "encoding_format": "base64"})
    vector = np.frombuffer(b64decode(packed["data"][0]["embedding"]), "<f4")
    assert vector.tolist() == pytest.approx(reply["data"][0]["embedding"])


async def test_what_was_cut_is_said(client: Client) -> None:
    reply = await client.ask("POST", "/v1/embeddings", {"input": ["a", "a" * 9]})
    assert reply["fourways"] == {"truncated": [1]}
    assert reply["usage"]["prompt_tokens"] == 9
    assert await client.ask("POST", "/tokenize", {"prompt": ["a", "a" * 9]}) == {"counts": [1, 9], "max_model_len": 8}
    assert (await client.ask("POST", "/tokenize", {"prompt": "ab"}))["count"] == 2


async def test_rerank_puts_the_nearest_first(client: Client) -> None:
    body = {"query": "aa", "documents": ["b", {"text": "a"}, "ab"], "top_n": 2, "return_documents": True}
    reply = await client.ask("POST", "/v1/rerank", body)
    assert [(row["index"], row["document"]["text"]) for row in reply["results"]] == [(1, "a"), (2, "ab")]
    assert reply["results"][0]["relevance_score"] > reply["results"][1]["relevance_score"]


@pytest.mark.parametrize(
    ("path", "body", "param", "message"),
    [
        ("/v1/embeddings", b"", None, "not the JSON"),
        ("/v1/embeddings", b"{", None, "not the JSON"),
        ("/v1/embeddings", b"[" * 100_000, None, "the body"),
        ("/v1/embeddings", b'{"input": "\xff"}', None, "not the JSON"),
        ("/v1/embeddings", {"model": "letters"}, None, "missing required field `input`"),
        ("/v1/embeddings", {"input": []}, "input", "empty list"),
        ("/v1/embeddings", {"input": [1, 2]}, "input[0]", "Expected `str`"),
        ("/v1/embeddings", {"input": ["x"] * 2049}, "input", "2048 at most"),
        ("/v1/embeddings", {"input": "a", "dimensions": 2}, "dimensions", "gives 3 and no other"),
        ("/v1/embeddings", {"input": "a", "encoding_format": "hex"}, "encoding_format", "Invalid enum value"),
        ("/v1/rerank", {"query": "a", "documents": []}, "documents", "empty list"),
        ("/v1/rerank", {"query": "a", "documents": ["a"], "top_n": 0}, "top_n", "1 or more"),
        ("/v1/rerank", {"query": "a", "documents": [{"body": "a"}]}, "documents[0]", "missing required field"),
        ("/tokenize", {"prompt": 1}, "prompt", "Expected `str | array`"),
    ],
)
async def test_a_bad_request_is_refused_in_openais_shape(
    client: Client, path: str, body: Any, param: str | None, message: str
) -> None:
    reply = await client.ask("POST", path, body)
    assert client.status == 400
    assert message in reply["error"]["message"]
    assert reply["error"]["param"] == param
    assert reply["error"]["type"] == "invalid_request_error"


async def test_unknown_models_and_paths_are_404_and_say_what_there_is(client: Client) -> None:
    reply = await client.ask("POST", "/v1/embeddings", {"input": "a", "model": "letter"})
    assert (client.status, "did you mean 'letters'" in reply["error"]["message"]) == (404, True)
    reply = await client.ask("GET", "/v1/embeddings")
    assert (client.status, "POST /v1/embeddings" in reply["error"]["message"]) == (404, True)
    assert [model["id"] for model in (await client.ask("GET", "/v1/models"))["data"]] == ["letters"]


async def test_a_body_over_the_limit_is_413(client: Client) -> None:
    await client.ask("POST", "/v1/embeddings", b" " * (MAX_BODY + 1))
    assert client.status == 413


async def test_while_the_model_loads_everything_is_503(letters: Letters) -> None:
    engine = Engine(Settings(model="letters", instance="i1"), lambda: Loaded(encoder=letters))
    client = Client(engine)
    assert (await client.ask("GET", "/health"))["status"] == "loading"
    assert client.status == 503
    await client.ask("POST", "/v1/embeddings", {"input": "a"})
    assert (client.status, client.headers[b"retry-after"]) == (503, b"1")
    await engine.load()
    assert (await client.ask("GET", "/health"))["instance"] == "i1"
    assert client.status == 200
    engine.close()


async def test_a_full_queue_is_503_with_a_time_to_come_back(client: Client, letters: Letters) -> None:
    letters.open.clear()
    others = [Client(client.app._engine) for _ in range(2)]
    waiting = []
    for one in others:  # the first is with the model, the second waits and fills the queue
        waiting.append(asyncio.create_task(one.ask("POST", "/v1/embeddings", {"input": ["a" * 8] * 2})))
        await asyncio.sleep(0.1)
    reply = await client.ask("POST", "/v1/embeddings", {"input": ["a" * 8] * 2})
    assert (client.status, client.headers[b"retry-after"]) == (503, b"1")
    assert "are waiting" in reply["error"]["message"]
    letters.open.set()
    await asyncio.gather(*waiting)
    assert [one.status for one in others] == [200, 200]
    metrics = await client.ask("GET", "/metrics")
    assert 'fourways_engine_requests_total{path="/v1/embeddings",status="503"}' in metrics
    assert 'vllm:prompt_tokens_total{model_name="letters"}' in metrics


async def test_a_client_that_hangs_up_takes_its_texts_with_it(client: Client, letters: Letters) -> None:
    letters.open.clear()
    other = Client(client.app._engine)
    first = asyncio.create_task(other.ask("POST", "/v1/embeddings", {"input": "aaaa"}))
    await asyncio.sleep(0.02)
    assert await client.ask("POST", "/v1/embeddings", {"input": "aaaaaa"}, leave=True) is None
    await asyncio.sleep(0.02)
    letters.open.set()
    await first
    await client.ask("POST", "/v1/embeddings", {"input": "a"})
    assert letters.seen == [4, 1]
