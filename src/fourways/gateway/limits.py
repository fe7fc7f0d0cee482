"""What a key may use of an app: requests and tokens a minute (token buckets) and requests at a time, in process."""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from fourways.config.tree import Limits
from fourways.core.chat import Answerer, ChatRequest, Chunk, Principal, Wrapper, close
from fourways.core.errors import RateLimited
from fourways.core.trace import Clock, Trace
from fourways.gateway.routes import app_of

MINUTE = 60.0
"""Seconds over which the rates of the project file are counted."""
BUSY_RETRY = 1.0
"""Seconds after which a key with too many open requests may try again: nobody knows when one will end."""


class Bucket:
    """A token bucket: holds a minute's worth, refills evenly, may be overdrawn by what is only known afterwards."""

    __slots__ = ("level", "rate", "size", "updated")

    def __init__(self, per_minute: int, now: float) -> None:
        self.size = float(per_minute)
        self.rate = per_minute / MINUTE
        self.level = self.size
        self.updated = now

    def wait(self, amount: float, now: float) -> float:
        """Return the seconds until `amount` is there; 0.0 where it is."""
        self.level = min(self.size, self.level + (now - self.updated) * self.rate)
        self.updated = now
        return 0.0 if self.level >= amount else (amount - self.level) / self.rate

    def take(self, amount: float) -> None:
        """Take it, into debt if need be."""
        self.level -= amount


@dataclass(slots=True)
class Account:
    """What one key has used of one app."""

    limits: Limits
    requests: Bucket | None
    tokens: Bucket | None
    open: int = 0

    def admit(self, now: float) -> None:
        """Count one request in, or raise RateLimited saying which limit and when to come back."""
        limits = self.limits
        if limits.concurrent is not None and self.open >= limits.concurrent:
            raise refused(f"{limits.concurrent} requests at a time", BUSY_RETRY)
        if self.tokens is not None and (seconds := self.tokens.wait(1.0, now)):
            raise refused(f"{limits.tokens_per_minute} tokens a minute", seconds)
        if self.requests is not None:
            if seconds := self.requests.wait(1.0, now):
                raise refused(f"{limits.requests_per_minute} requests a minute", seconds)
            self.requests.take(1.0)
        self.open += 1

    def settle(self, tokens: int) -> None:
        """Count one request out, with the tokens it turned out to have used."""
        self.open -= 1
        if self.tokens is not None:
            self.tokens.take(tokens)


def refused(limit: str, seconds: float) -> RateLimited:
    """Build the error that names the limit and the wait, in seconds."""
    return RateLimited(f"this key is limited to {limit}; try again in {seconds:.1f} s", retry_after=seconds)


@dataclass(slots=True)
class LimitBook:
    """The limits in force and what has been used under them.

    Attributes:
        default: the project's limits, for apps without their own and for models reached directly.
        apps: limits of single apps.
        clock: monotonic seconds.
    """

    clock: Clock
    default: Limits = field(default_factory=Limits)
    apps: Mapping[str, Limits] = field(default_factory=dict)
    accounts: dict[tuple[str, str | None, str], Account] = field(default_factory=dict)

    def replace(self, default: Limits, apps: Mapping[str, Limits]) -> None:
        """Put new limits in force (hot reload); accounts whose limits changed start afresh."""
        self.default, self.apps = default, apps

    def account(self, model: str, principal: Principal) -> Account | None:
        """Return the account to charge for what a `model` name asks; None where nothing is limited."""
        app = app_of(model) if self.apps else ""
        limits = self.apps.get(app)
        if limits is None:
            app, limits = "", self.default
        if limits.requests_per_minute is limits.tokens_per_minute is limits.concurrent is None:
            return None
        key = (principal.tenant, principal.key_id, app)
        account = self.accounts.get(key)
        if account is None or (account.limits is not limits and account.limits != limits):
            account = self.accounts[key] = self._opened(limits)
        return account

    @contextmanager
    def charged(self, name: str, principal: Principal) -> Iterator[None]:
        """Admit what is done inside as one request; raises RateLimited."""
        account = self.account(name, principal)
        if account is None:
            yield
            return
        account.admit(self.clock())
        try:
            yield
        finally:
            account.settle(0)

    def _opened(self, limits: Limits) -> Account:
        now = self.clock()
        requests, tokens = limits.requests_per_minute, limits.tokens_per_minute
        return Account(
            limits=limits,
            requests=Bucket(requests, now) if requests else None,
            tokens=Bucket(tokens, now) if tokens else None,
        )


def limited(book: LimitBook) -> Wrapper:
    """Refuse requests beyond the limits of their key and app; raises RateLimited before anything is asked."""

    def wrap(answer: Answerer) -> Answerer:
        def guarded(request: ChatRequest, trace: Trace, /) -> AsyncIterator[Chunk]:
            account = book.account(request.model, request.principal)
            if account is None:
                return answer(request, trace)
            return counted(account, request, trace)

        async def counted(account: Account, request: ChatRequest, trace: Trace) -> AsyncIterator[Chunk]:
            account.admit(book.clock())
            tokens = 0
            chunks = None
            try:
                chunks = answer(request, trace)
                async for chunk in chunks:
                    if chunk.usage is not None:
                        tokens = chunk.usage.input_tokens + chunk.usage.output_tokens
                    yield chunk
            finally:
                account.settle(tokens)
                await close(chunks)

        return guarded

    return wrap
