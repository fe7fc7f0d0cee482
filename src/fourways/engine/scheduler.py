"""Continuous batching: each pass reads a token of every running sequence and a piece of new prompts. Knows no text."""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fourways.core.errors import FourwaysError, Unavailable
from fourways.engine.decoders import Decoder
from fourways.engine.passes import collect
from fourways.engine.sampling import Alternatives, alternatives
from fourways.engine.sequences import Finish, Generation, Piece
from fourways.engine.slots import Slots

Post = Callable[[Sequence[tuple[Generation, Piece]]], None]


class Scheduler:
    """A thread that runs the decoder.

    Args:
        post: given each pass's pieces; passes them on to whom they belong.
        limit: sequences that may wait; more are refused.
        speculate: tokens guessed ahead (from what was read) for a greedy sequence when few run; 0 for none.
    """

    def __init__(self, decoder: Decoder, post: Post, *, limit: int = 256, speculate: int = 8) -> None:
        self.decoder, self._post, self._limit, self._speculate = decoder, post, limit, speculate
        self._slots = Slots(decoder.slots, reuses=decoder.reuses)
        self._waiting: deque[Generation] = deque()
        self._running: list[Generation] = []
        self._calls: deque[tuple[Callable[[], Any], Future[Any]]] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._retired: set[int] = set()
        self.prefix_queries = self.prefix_hits = self.passes = self.drafted = self.accepted = 0
        self.seconds = 0.0
        self._thread = threading.Thread(target=self._run, name="generate", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Sequences without a slot."""
        return len(self._waiting)

    @property
    def running(self) -> int:
        """Sequences with a slot."""
        return len(self._running)

    @property
    def usage(self) -> float:
        """Share of the cache that running sequences fill."""
        return self._slots.held() / (self.decoder.slots * self.decoder.window)

    def submit(self, generations: Sequence[Generation]) -> None:
        """Queue sequences; raises `Unavailable` when too many wait, or the engine is stopping."""
        with self._changed:
            if self._closed:
                raise Unavailable("the engine is stopping")
            waiting = sum(1 for one in self._waiting if not one.cancelled)
            if waiting and waiting + len(generations) > self._limit:
                msg = f"{waiting} sequences are waiting and {self._limit} may; try again soon"
                raise Unavailable(msg, retry_after=1.0)
            self._waiting.extend(generations)
            self._changed.notify()

    def call(self, work: Callable[[], Any]) -> Future[Any]:
        """Run something between two passes, in the decoder's thread."""
        future: Future[Any] = Future()
        with self._changed:
            if self._closed:
                raise Unavailable("the engine is stopping")
            self._calls.append((work, future))
            self._changed.notify()
        return future

    def retire(self, adapter: int) -> None:
        """Let the decoder forget an adapter once no sequence uses it."""
        self.call(lambda: self._retired.add(adapter))

    def close(self, *, timeout: float = 10.0) -> None:
        """End the thread; sequences that run are aborted."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join(timeout)

    def _run(self) -> None:
        while self._prepared():
            start = time.perf_counter()
            try:
                pieces = self._pass()
            except Exception as error:  # noqa: BLE001 - whatever the model raised belongs to those who wait for it
                pieces = self._failed(error)
            self.seconds += time.perf_counter() - start
            self.passes += 1
            self._post(pieces)
        self._post([self._ended(one, "abort") for one in [*self._running, *self._waiting]])

    def _prepared(self) -> bool:
        """Wait for something to do and admit what has room; False means the end."""
        while True:
            with self._changed:
                while not (self._closed or self._calls or self._waiting or self._running):
                    self._changed.wait()
                if self._closed:
                    return False
                calls = [self._calls.popleft() for _ in range(len(self._calls))]
            for work, future in calls:
                _answer(work, future)
            self._drop()
            self._admit()
            for number in self._retired - {one.adapter for one in [*self._running, *self._waiting]}:
                self.decoder.unload(number)
                self._retired.discard(number)
            if self._running:
                return True

    def _drop(self) -> None:
        """Free the slots of those whose clients have gone."""
        for one in [one for one in self._running if one.cancelled]:
            self._ended(one, "abort")
        with self._changed:
            for one in [one for one in self._waiting if one.cancelled]:
                one.finish = "abort"
                self._waiting.remove(one)

    def _admit(self) -> None:
        for one in list(self._waiting):
            if not one.readable:
                continue
            place = self._slots.find(one.prompt, one.adapter)
            if place is None:
                return
            with self._changed:
                self._waiting.remove(one)
            if place.source is not None:
                self.decoder.copy(place.source.number, place.slot.number, place.cached)
            self.decoder.keep(place.slot.number, place.cached)
            one.slot, one.read, one.cached = place.slot, place.cached, place.cached
            self.prefix_queries += len(one.prompt)
            self.prefix_hits += place.cached
            self._running.append(one)

    def _pass(self) -> list[tuple[Generation, Piece]]:
        """Read one batch and draw from it."""
        rows, shares = collect(self._running, speculate=self._speculate, window=self.decoder.window)
        logits = self.decoder.forward(rows)
        likeliest = logits.argmax(1).tolist()
        pieces: list[tuple[Generation, Piece]] = []
        at = 0
        for share in shares:
            self._note(share.one, share.run)
            self.drafted += share.guessed
            if share.wanted:
                span = slice(at, at + share.wanted)
                piece = self._advanced(share.one, share.run, logits[span], likeliest[span])
                at += share.wanted
                if piece:
                    pieces.append((share.one, piece))
        return pieces

    @staticmethod
    def _note(one: Generation, run: Sequence[int]) -> None:
        """Write down what the slot holds now."""
        assert one.slot is not None  # noqa: S101 - a running one has its slot
        one.slot.tokens += run
        one.read += len(run)

    def _advanced(
        self, one: Generation, run: Sequence[int], logits: NDArray[np.float32], likeliest: Sequence[int]
    ) -> Piece | None:
        """Draw the tokens that follow a run, as far as its guesses hold."""
        before = len(one.tokens)
        finish: Finish | None = None
        for at in range(len(logits)):
            token = self._drawn(one, logits[at], likeliest[at])
            finish = self._taken(one, token)
            if finish or at + 1 == len(logits):
                break
            if run[at + 1] != token:
                break
            self.accepted += 1
        fresh = one.tokens[before:]
        if len(run) > len(fresh) or finish:
            self._forget(one)
        if finish:
            return self._ended(one, finish, fresh)[1]
        return None if one.whole else Piece(tokens=fresh, thoughts=self._thoughts(one))

    def _drawn(self, one: Generation, row: NDArray[np.float32], likeliest: int) -> int:
        if one.sampling.plain and one.constraint is None and one.generated >= one.least:
            token = likeliest
        else:
            token = one.sampler.draw(row, self._allowed(one, len(row)))
        if one.sampling.top_logprobs is not None:
            one.thoughts.append(alternatives(row, token, one.sampling.top_logprobs))
        return token

    @staticmethod
    def _allowed(one: Generation, vocabulary: int) -> NDArray[np.bool_] | None:
        if one.constraint is not None:
            return one.constraint.allowed()
        if one.generated < one.least:
            allowed = np.ones(vocabulary, np.bool_)
            allowed[list(one.ends)] = False
            return allowed
        return None

    def _taken(self, one: Generation, token: int) -> Finish | None:
        """Add a token; returns how the sequence ends with it, if it does."""
        one.tokens.append(token)
        if one.drafts is not None:
            one.drafts.add(token)
        complete = one.constraint.take(token) if one.constraint is not None else False
        if token in one.ends and one.generated > one.least:
            return "stop"
        if complete:
            return "stop"
        full = one.generated >= one.limit or len(one.tokens) >= self.decoder.window
        return "length" if full else None

    def _forget(self, one: Generation) -> None:
        """Cut the slot back to what was confirmed: all but the newest token."""
        assert one.slot is not None  # noqa: S101 - a running one has its slot
        one.read = min(one.read, len(one.tokens) - 1)
        if len(one.slot.tokens) > one.read:
            del one.slot.tokens[one.read :]
            self.decoder.keep(one.slot.number, one.read)

    @staticmethod
    def _thoughts(one: Generation) -> list[Alternatives]:
        thoughts, one.thoughts = one.thoughts, []
        return thoughts

    def _ended(self, one: Generation, finish: Finish, fresh: Sequence[int] = ()) -> tuple[Generation, Piece]:
        """Free the slot and say how it ended."""
        one.finish = finish
        if one in self._running:
            self._running.remove(one)
        if one.slot is not None:
            self._slots.free(one.slot)
            one.slot = None
        tokens = one.tokens[len(one.prompt) :] if one.whole else fresh
        return one, Piece(tokens=tokens, thoughts=self._thoughts(one), finish=finish)

    def _failed(self, error: Exception) -> list[tuple[Generation, Piece]]:
        """End all that runs; what their slots hold is no longer trusted."""
        shown = error if isinstance(error, FourwaysError) else FourwaysError(f"the model failed: {error!r}")
        pieces = []
        for one in list(self._running):
            if one.slot is not None:
                one.slot.tokens.clear()
            self._ended(one, "abort")
            pieces.append((one, Piece(tokens=(), finish="abort", error=shown)))
        return pieces


def _answer(work: Callable[[], Any], future: Future[Any]) -> None:
    try:
        future.set_result(work())
    except Exception as error:  # noqa: BLE001 - it belongs to whoever called
        future.set_exception(error)
