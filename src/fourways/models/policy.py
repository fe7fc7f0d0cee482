"""One policy for all models: weights, retries before the first chunk, fallbacks, circuit breaking; pure decisions."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

from fourways.core.chat import Answerer, ChatRequest, Chunk, close
from fourways.core.errors import (
    CircuitOpen,
    FourwaysError,
    RefusedAddress,
    Unavailable,
    UpstreamError,
    UpstreamRefused,
)
from fourways.core.trace import Clock, Trace
from fourways.models.breaker import Breaker

Random = Callable[[], float]
"""A number in [0, 1)."""
Sleep = Callable[[float], Awaitable[None]]

AGAIN_STATUS = frozenset({408, 409, 425, 429})
"""Refusals, besides 5xx, that a later try may not meet."""
WRONG_STATUS = frozenset({400, 413, 415, 422})
"""Refusals that say the request itself is wrong: no target would do better."""
LONGEST_WAIT = 20.0
"""Seconds a server may ask us to wait before a retry; if it asks for more, the next target is tried."""


class Remedy(Enum):
    """What to do about a failure."""

    AGAIN = "the same target may answer a second time"
    ELSEWHERE = "this target will not answer, another may"
    GIVE_UP = "the request is wrong everywhere"


def judge(error: FourwaysError) -> Remedy:
    """Say what a failure before the first chunk calls for."""
    if isinstance(error, UpstreamRefused):
        if error.status in AGAIN_STATUS or error.status >= 500:  # noqa: PLR2004 - where HTTP's server errors begin
            return Remedy.AGAIN
        return Remedy.GIVE_UP if error.status in WRONG_STATUS else Remedy.ELSEWHERE
    if isinstance(error, CircuitOpen | RefusedAddress):
        return Remedy.ELSEWHERE
    return Remedy.AGAIN if isinstance(error, UpstreamError | Unavailable) else Remedy.GIVE_UP


def pause(attempt: int, error: FourwaysError, *, backoff: float, random: Random) -> float:
    """Return the seconds to wait after a failed attempt (the first is 1).

    What the server asks for goes before; else `backoff`, doubled each time, of which a random half to whole
    ("equal jitter": Brooker, "Exponential Backoff And Jitter", 2015).
    """
    asked = getattr(error, "retry_after", None)
    if isinstance(error, UpstreamRefused) and asked is not None:
        return float(asked)
    return backoff * 2.0 ** (attempt - 1) * (0.5 + 0.5 * random())


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """One answerer that may be asked.

    Attributes:
        name: `provider/model`, or the name of another model.
        weight: its share among the targets.
        attempts: how often it is asked, at most.
    """

    name: str
    answer: Answerer
    breaker: Breaker
    weight: float = 1.0
    attempts: int = 1


def drawn(legs: Sequence[Leg], random: Random) -> Iterator[Leg]:
    """Yield every leg once, each draw in proportion to the weights of those left."""
    left = list(legs)
    while len(left) > 1:
        point = random() * sum(leg.weight for leg in left)
        for leg in left:
            point -= leg.weight
            if point < 0:
                break
        left.remove(leg)
        yield leg
    yield from left


@dataclass(slots=True, kw_only=True)
class Policy:
    """An answerer made of answerers: asks until one begins to answer; from then on that one's errors are final.

    Attributes:
        targets: share the load; when one fails the others follow.
        fallback: asked in order after all targets.
        backoff: seconds before a second try.
        total: seconds after which no new try begins.
        options: sent where the request names none.
        clock: monotonic seconds.
    """

    name: str
    targets: Sequence[Leg]
    fallback: Sequence[Leg] = ()
    backoff: float = 0.25
    total: float = 600.0
    options: Mapping[str, Any] = field(default_factory=dict)
    clock: Clock
    random: Random
    sleep: Sleep = asyncio.sleep

    async def __call__(self, request: ChatRequest, trace: Trace, /) -> AsyncIterator[Chunk]:
        """Answer; each try leaves its own `model` span, numbered by `attempt`.

        Raises:
            UpstreamError: the last target's failure, or that of an answer that had begun.
            CircuitOpen: every target is being left alone.
        """
        if self.options:
            request = replace(request, options={**self.options, **request.options})
        tries = _Tries(self, request, trace)
        begun = await tries.first_chunk()
        try:
            if begun.first is not None:
                yield begun.first
                async for chunk in begun.rest:
                    yield chunk
        except UpstreamError:
            begun.leg.breaker.failed(self.clock())
            raise
        finally:
            await close(begun.rest)

    def route(self) -> Iterator[Leg]:
        """Yield the legs in the order in which this request tries them."""
        yield from drawn(self.targets, self.random) if len(self.targets) > 1 else self.targets
        yield from self.fallback


@dataclass(frozen=True, slots=True)
class _Begun:
    leg: Leg
    first: Chunk | None
    rest: AsyncIterator[Chunk]


class _Tries:
    """The tries of one request, up to the first chunk."""

    __slots__ = ("_begun_at", "_count", "_policy", "_request", "_trace")

    def __init__(self, policy: Policy, request: ChatRequest, trace: Trace) -> None:
        self._policy, self._request, self._trace = policy, request, trace
        self._begun_at = policy.clock()
        self._count = 0

    async def first_chunk(self) -> _Begun:
        """Ask one leg after the other until one answers; raises the last failure."""
        last: FourwaysError | None = None
        for leg in self._policy.route():
            for attempt in range(1, leg.attempts + 1):
                try:
                    return await self._ask(leg)
                except FourwaysError as error:
                    last = error
                remedy = judge(last)
                if remedy is Remedy.GIVE_UP:
                    raise last
                wait = pause(attempt, last, backoff=self._policy.backoff, random=self._policy.random)
                if remedy is Remedy.ELSEWHERE or attempt == leg.attempts or not self._may_wait(wait):
                    break
                await self._policy.sleep(wait)
        raise last or UpstreamError(f"model '{self._policy.name}' has no target")

    def _may_wait(self, wait: float) -> bool:
        spent = self._policy.clock() - self._begun_at
        return wait <= LONGEST_WAIT and spent + wait < self._policy.total

    async def _ask(self, leg: Leg) -> _Begun:
        clock = self._policy.clock
        closed_for = leg.breaker.wait(clock())
        if closed_for > 0:
            msg = f"{leg.name} failed so often lately that it is left alone; it is tried again in {closed_for:.0f} s"
            raise CircuitOpen(msg, target=leg.name, retry_after=closed_for)
        self._count += 1
        spans = self._trace.spans
        position = len(spans)
        chunks = leg.answer(self._request, self._trace)
        try:
            first = await anext(chunks, None)
        except BaseException as error:
            if isinstance(error, FourwaysError):
                _count(leg.breaker, error, clock())
            await close(chunks)
            raise
        finally:
            if len(spans) > position:
                spans[position].attributes.setdefault("attempt", self._count)
        leg.breaker.succeeded()
        return _Begun(leg, first, chunks)


def _count(breaker: Breaker, error: FourwaysError, now: float) -> None:
    """Count what speaks of the server's health; a refusal of this one request speaks of its being well."""
    if isinstance(error, UpstreamRefused) and error.status < 500:  # noqa: PLR2004 - where HTTP's server errors begin
        breaker.succeeded()
    elif isinstance(error, UpstreamError | Unavailable) and not isinstance(error, CircuitOpen):
        breaker.failed(now)
