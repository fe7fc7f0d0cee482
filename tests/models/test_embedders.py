"""What every embedder promises, and how the remote one cuts, sends and reads."""

import asyncio
import json
from base64 import b64encode
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fourways.core.errors import InvalidRequest, UpstreamError, UpstreamRefused
from fourways.models.embedders import HashEmbedder, RemoteEmbedder, split_batches


class Server:
    """A loopback of the wire: embeds a text as (its number, 1), in whatever form it is told to."""

    def __init__(self, *, wire: str = "base64", reverse: bool = False, delay: float = 0.0) -> None:
        self.wire, self.reverse, self.delay = wire, reverse, delay
        self.bodies: list[dict[str, Any]] = []
        self.busy = self.busiest = 0

    async def post(self, path: str, body: bytes) -> bytes:
        assert path == "/embeddings"
        sent = json.loads(body)
        self.bodies.append(sent)
        self.busy += 1
        self.busiest = max(self.busiest, self.busy)
        await asyncio.sleep(self.delay)
        self.busy -= 1
        rows = [
            {"object": "embedding", "index": at, "embedding": self.encode([float(text), 1.0])}
            for at, text in enumerate(sent["input"])
        ]
        return json.dumps({"object": "list", "data": rows[::-1] if self.reverse else rows}).encode()

    def encode(self, vector: list[float]) -> str | list[float]:
        return b64encode(np.asarray(vector, "<f4").tobytes()).decode() if self.wire == "base64" else vector


def remote(server: Server, **settings: Any) -> RemoteEmbedder:
    return RemoteEmbedder(name="test/two", model="two", post=server.post, **settings)


@pytest.mark.parametrize("wire", ["base64", "float"])
async def test_vectors_are_of_unit_length_and_in_the_order_of_the_texts(wire: str) -> None:
    server = Server(wire=wire, reverse=True)
    vectors = await remote(server, batch_texts=3)([str(number) for number in range(10)])
    assert vectors.shape == (10, 2)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(vectors[:, 0] / vectors[:, 1], range(10), rtol=1e-5)
    assert [len(body["input"]) for body in server.bodies] == [3, 3, 3, 1]


async def test_no_more_requests_are_under_way_than_allowed() -> None:
    server = Server(delay=0.005)
    await remote(server, batch_texts=1, concurrency=3)([str(number) for number in range(12)])
    assert server.busiest == 3


async def test_nothing_is_sent_for_no_texts() -> None:
    server = Server()
    assert (await remote(server)([])).shape[0] == 0
    assert not server.bodies


async def test_one_string_is_refused_instead_of_embedded_letter_by_letter() -> None:
    with pytest.raises(InvalidRequest, match="sequence of strings"):
        await remote(Server())("123")


@pytest.mark.parametrize(
    ("reply", "complaint"),
    [
        (b"<html>", "did not answer in the shape"),
        (b'{"data": []}', "0 vectors; 1 texts"),
        (b'{"data": [{"index": 0, "embedding": "%%%"}]}', "did not answer in the shape"),
        (b'{"data": [{"index": 0, "embedding": [0, 0]}]}', "no direction"),
        (b'{"data": [{"index": 1, "embedding": [1, 0]}]}', "one vector each"),
        (b'{"data": [{"index": 0, "embedding": [1]}, {"index": 1, "embedding": [1, 2]}]}', "did not answer"),
    ],
)
async def test_an_answer_that_is_none_is_said_to_be_none(reply: bytes, complaint: str) -> None:
    async def post(path: str, body: bytes) -> bytes:
        return reply

    with pytest.raises(UpstreamError, match=complaint):
        await RemoteEmbedder(name="bad/one", model="one", post=post)(["x"])


async def test_a_refusal_passes_through_and_the_other_requests_are_given_up() -> None:
    async def post(path: str, body: bytes) -> bytes:
        if b'"3"' in body:
            raise UpstreamRefused("no", target="bad/one", status=400)
        await asyncio.sleep(60)
        raise AssertionError

    with pytest.raises(UpstreamRefused):
        await RemoteEmbedder(name="bad/one", model="one", post=post, batch_texts=1)(["1", "2", "3"])


@given(st.lists(st.text(max_size=30)), st.integers(1, 5), st.integers(1, 40))
def test_batches_are_the_texts_within_their_bounds(texts: list[str], count: int, characters: int) -> None:
    batches = list(split_batches(texts, count=count, characters=characters))
    assert [text for batch in batches for text in batch] == texts
    assert all(len(batch) <= count for batch in batches)
    assert all(len(batch) == 1 or sum(map(len, batch)) <= characters for batch in batches)


async def test_hashed_words_are_near_where_words_are_shared() -> None:
    embed = HashEmbedder()
    a, b, c, nothing = await embed(["reset my password", "my password reset!", "holiday calendar", ""])
    assert a @ b > 0.99
    assert a @ c < 0.3
    assert np.linalg.norm(nothing) == pytest.approx(1)
    assert (await embed([])).shape == (0, embed.dimensions)
