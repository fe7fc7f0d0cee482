"""Packs: within their budget, small requests first, every text answered with its own row."""

import threading
from collections.abc import Sequence
from concurrent.futures import CancelledError

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fourways.core.errors import Unavailable
from fourways.engine.batching import INTERACTIVE, Batcher, Rows, Waiting, Work
from fourways.engine.tokens import Tokens


def tokens(*lengths: int) -> list[Tokens]:
    return [Tokens(ids=range(length), whole=length) for length in lengths]


def lengths_of(batch: Sequence[Tokens]) -> Rows:
    """Stands for a model: a sequence's row is its length."""
    return np.array([[len(one.ids)] for one in batch], np.float32)


def work(*lengths: int) -> Work:
    return Work(sequences=tokens(*lengths), encode=lengths_of, rows=np.empty((len(lengths), 1), np.float32))


@given(st.lists(st.lists(st.integers(1, 300), min_size=1, max_size=8), max_size=6), st.integers(50, 600))
def test_every_sequence_is_taken_once_and_no_pack_is_over_its_budget(requests: list[list[int]], budget: int) -> None:
    waiting = Waiting(limit=10**9)
    works = [work(*lengths) for lengths in requests]
    for one in works:
        waiting.put(one)
    taken = []
    while pack := waiting.take(budget):
        assert len(pack) == 1 or sum(len(unit.tokens.ids) for unit in pack) <= budget
        taken += [(works.index(unit.work), unit.at) for unit in pack]
    assert sorted(taken) == [(w, at) for w, lengths in enumerate(requests) for at in range(len(lengths))]
    assert (waiting.tokens, len(waiting)) == (0, 0)


def test_a_question_goes_before_bulk_that_came_first() -> None:
    waiting = Waiting(limit=10**6)
    bulk, question = work(*[200] * 10), work(12)
    waiting.put(bulk)
    waiting.take(400)
    waiting.put(question)
    assert [unit.work for unit in waiting.take(400)] == [question]
    assert [unit.work for unit in waiting.take(400)] == [bulk, bulk]


def test_bulk_requests_are_served_in_turn() -> None:
    waiting = Waiting(limit=10**6)
    first, second = work(*[INTERACTIVE] * 2), work(*[INTERACTIVE] * 2)
    waiting.put(first)
    waiting.put(second)
    assert [unit.work for unit in waiting.take(3 * INTERACTIVE)] == [first, first, second]


def test_what_was_taken_back_is_not_computed() -> None:
    waiting = Waiting(limit=10**6)
    unwanted, wanted = work(300), work(300)
    waiting.put(unwanted)
    waiting.put(wanted)
    unwanted.future.cancel()
    assert [unit.work for unit in waiting.take(1000)] == [wanted]
    assert waiting.tokens == 0


def test_too_much_waiting_is_refused_with_a_time_to_come_back_but_one_alone_never() -> None:
    waiting = Waiting(limit=100)
    waiting.put(work(500))
    with pytest.raises(Unavailable, match="500 tokens are waiting and 10 more") as refused:
        waiting.put(work(10))
    assert refused.value.retry_after > 0


def test_rows_come_back_to_their_own_texts_from_many_threads() -> None:
    batcher = Batcher(workers=2, budget=100, limit=10**6)
    lengths = [[(caller * 37 + at * 11) % 90 + 1 for at in range(20)] for caller in range(16)]
    futures = [batcher.submit(tokens(*one), lengths_of, 1) for one in lengths]
    assert [future.result(10)[:, 0].tolist() for future in futures] == lengths
    assert batcher.submit([], lengths_of, 1).result(1).shape == (0, 1)
    batcher.close()


def test_closing_finishes_what_waits_and_refuses_what_comes() -> None:
    let_go = threading.Event()

    def slow(batch: Sequence[Tokens]) -> Rows:
        let_go.wait(5)
        return lengths_of(batch)

    batcher = Batcher(workers=1, budget=10, limit=1000)
    waits = [batcher.submit(tokens(9), slow, 1) for _ in range(3)]
    closing = threading.Thread(target=batcher.close)
    closing.start()
    let_go.set()
    closing.join(5)
    assert [future.result(0).item() for future in waits] == [9, 9, 9]
    with pytest.raises(Unavailable, match="stopping"):
        batcher.submit(tokens(1), slow, 1)


def test_a_failing_pack_fails_its_own_requests_only() -> None:
    def picky(batch: Sequence[Tokens]) -> Rows:
        if any(len(one.ids) == 13 for one in batch):
            raise ZeroDivisionError("thirteen")
        return lengths_of(batch)

    batcher = Batcher(workers=1, budget=13, limit=1000)
    bad, good = batcher.submit(tokens(13, 5, 13), picky, 1), batcher.submit(tokens(12), picky, 1)
    with pytest.raises(ZeroDivisionError):
        bad.result(5)
    assert good.result(5).item() == 12
    gone = batcher.submit(tokens(3), picky, 1)
    if gone.cancel():
        with pytest.raises(CancelledError):
            gone.result(0)
    batcher.close()
