"""An embedder that remembers: the same vectors, asked for once while they are held."""

import asyncio
from collections.abc import Sequence
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from fourways.models.embedders import HashEmbedder
from fourways.models.remembered import RememberedEmbedder


class Noting(HashEmbedder):
    """Notes what it is asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    async def __call__(self, texts: Sequence[str]) -> Any:
        self.asked += texts
        return await super().__call__(texts)


def test_asks_once_for_each_text():
    noting = Noting()
    remembered = RememberedEmbedder(noting)
    asyncio.run(remembered(["one", "two", "one"]))
    asyncio.run(remembered(["two", "three"]))
    assert noting.asked == ["one", "two", "three"]
    assert remembered.name == noting.name


def test_forgets_after_its_time():
    noting, now = Noting(), [0.0]
    remembered = RememberedEmbedder(noting, seconds=10, clock=lambda: now[0])
    asyncio.run(remembered(["one"]))
    now[0] = 9.9
    asyncio.run(remembered(["one"]))
    now[0] = 10.0
    asyncio.run(remembered(["one"]))
    assert noting.asked == ["one", "one"]


def test_holds_no_more_than_its_number():
    noting = Noting()
    remembered = RememberedEmbedder(noting, most=2)
    asyncio.run(remembered(["one", "two", "three"]))
    asyncio.run(remembered(["two", "three"]))
    assert noting.asked == ["one", "two", "three"]
    asyncio.run(remembered(["one"]))
    assert noting.asked[3:] == ["one"]


@given(calls=st.lists(st.lists(st.sampled_from("abcdef"), max_size=5), max_size=6), most=st.integers(0, 4))
def test_gives_the_vectors_of_the_one_it_asks(calls, most):
    plain, remembered = HashEmbedder(), RememberedEmbedder(HashEmbedder(), most=most)
    for texts in calls:
        assert np.array_equal(asyncio.run(remembered(texts)), asyncio.run(plain(texts)))
