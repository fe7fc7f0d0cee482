"""What happened while one request was answered: a trace, its spans, its tokens. Knows nothing of where it is stored."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from fourways.core.data import Hit
from fourways.core.ids import TenantId, new_trace_id

Clock = Callable[[], float]
"""Seconds; monotonic for durations, Unix time for dates."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens of one answer, and what they cost.

    Attributes:
        cached_tokens: the part of `input_tokens` read from the provider's cache.
        reasoning_tokens: the part of `output_tokens` spent thinking.
        cost_usd: None where no price is known; 0.0 for a local model.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    cost_usd: float | None = None

    def __add__(self, other: "Usage") -> "Usage":
        """Sum two usages; a known cost plus an unknown one is the known one."""
        costs = [u.cost_usd for u in (self, other) if u.cost_usd is not None]
        return Usage(
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            cached_tokens=self.cached_tokens + other.cached_tokens,
            reasoning_tokens=self.reasoning_tokens + other.reasoning_tokens,
            cost_usd=sum(costs) if costs else None,
        )


class Span:
    """One step of a trace: `retrieve`, `prompt`, `model`, `guard`. Times are seconds since the trace began."""

    __slots__ = ("attributes", "end", "error", "name", "parent", "start")

    def __init__(self, name: str, start: float, parent: int | None) -> None:
        self.name = name
        self.start = start
        self.end: float | None = None
        self.parent = parent
        self.error: str | None = None
        self.attributes: dict[str, Any] = {}

    def set(self, **attributes: Any) -> None:  # noqa: ANN401 - any JSON value
        """Note facts about this step."""
        self.attributes.update(attributes)


class Trace:
    """One request on its way through the house: filled by whoever handles it, recorded once at the end.

    Args:
        clock: monotonic seconds.
        now: Unix seconds, read once.
        trace_id: 32 hex characters; new where not given (a caller's `traceparent` gives one).

    Attributes:
        sources: the passages that the answer was given to rest on; for whoever measures it, never kept.
    """

    __slots__ = (
        "_open",
        "answer",
        "app",
        "attributes",
        "candidate",
        "clock",
        "ended",
        "error",
        "first_token",
        "id",
        "key_id",
        "model",
        "origin",
        "question",
        "release",
        "sources",
        "spans",
        "started_at",
        "status",
        "tenant",
        "usage",
        "user",
        "way",
    )  # fmt: skip

    def __init__(
        self, *, clock: Clock = time.perf_counter, now: Clock = time.time, trace_id: str | None = None
    ) -> None:
        self.id = trace_id or new_trace_id()
        self.clock = clock
        self.started_at = now()
        self.origin = clock()
        self.ended: float | None = None
        self.first_token: float | None = None
        self.tenant: TenantId | None = None
        self.key_id: str | None = None
        self.user: str | None = None
        self.app: str | None = None
        self.way: str | None = None
        self.candidate: str | None = None
        self.release: str | None = None
        self.model: str | None = None
        self.status = "ok"
        self.error: str | None = None
        self.usage: Usage | None = None
        self.question: str | None = None
        self.answer: str | None = None
        self.attributes: dict[str, Any] = {}
        self.sources: tuple[Hit, ...] = ()
        self.spans: list[Span] = []
        self._open: list[int] = []

    @property
    def elapsed(self) -> float:
        """Seconds since the trace began."""
        return self.clock() - self.origin

    def start(self, name: str) -> Span:
        """Open a span under the innermost open one; close it with `finish`."""
        span = Span(name, self.clock() - self.origin, self._open[-1] if self._open else None)
        self._open.append(len(self.spans))
        self.spans.append(span)
        return span

    def finish(self, span: Span, error: BaseException | None = None) -> None:
        """Close a span, and any left open inside it."""
        now = self.clock() - self.origin
        while self._open:
            inner = self.spans[self._open.pop()]
            inner.end = now if inner.end is None else inner.end
            if inner is span:
                break
        if error is not None:
            span.error = describe(error)

    @contextmanager
    def span(self, name: str) -> Iterator[Span]:
        """Time a step: `with trace.span("retrieve") as span: span.set(hits=5)`."""
        span = self.start(name)
        try:
            yield span
        except BaseException as error:
            self.finish(span, error)
            raise
        self.finish(span)

    def note_first_token(self) -> None:
        """Remember when the first token left, once."""
        if self.first_token is None:
            self.first_token = self.clock() - self.origin

    def end(self, error: BaseException | None = None) -> None:
        """Close the trace, once; later calls change nothing."""
        if self.ended is not None:
            return
        self.ended = self.clock() - self.origin
        for position in self._open:
            self.spans[position].end = self.ended
        self._open.clear()
        if error is not None:
            self.status, self.error = "error", describe(error)


def describe(error: BaseException) -> str:
    """Say an error in one line: its kind and its message."""
    return f"{type(error).__name__}: {error}"
