"""Where the questions of one run are put: each asked once, kept the moment it is answered, paid from one purse."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol

from fourways.core.chat import Answerer, ChatRequest, Principal
from fourways.core.errors import Unavailable, UpstreamError
from fourways.core.ids import digest
from fourways.core.report import Answered
from fourways.core.trace import Clock
from fourways.evals.asking import ASKS, Price, ask, unpriced


class Cache(Protocol):
    """What was answered before, by digest of whatever decides the answer."""

    async def get(self, digest: str) -> Answered | None:
        """Return the answer, None where there is none."""
        ...

    def put(self, digest: str, answered: Answered) -> None:
        """Keep an answer; never waits."""
        ...


class Memory:
    """A cache that lasts as long as it is held."""

    def __init__(self) -> None:
        self.kept: dict[str, Answered] = {}

    async def get(self, digest: str) -> Answered | None:
        """Return the answer, None where there is none."""
        return self.kept.get(digest)

    def put(self, digest: str, answered: Answered) -> None:
        """Keep an answer."""
        self.kept[digest] = answered


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How a suite is asked.

    Attributes:
        at_once: cases under way together.
        repeat: how often each is asked.
        temperature: sent with every question; None leaves the candidate's own.
        timeout: seconds for one answer.
        budget_usd: what the run may spend; None for no bound.
        explain: whether the model is asked to explain itself where it missed.
        reuse: whether answers kept by earlier runs count; where not, all is asked afresh.
    """

    at_once: int = 4
    repeat: int = 1
    temperature: float | None = 0.0
    timeout: float = 120.0
    budget_usd: float | None = None
    explain: bool = False
    reuse: bool = True


Ready = Callable[[], Awaitable[None]]


async def at_once() -> None:
    """Be ready already."""


class Spent(Unavailable):
    """No further question may be put: the budget is spent, or cannot be kept."""


@dataclass(slots=True, kw_only=True)
class Purse:
    """What a run has spent, and whether it may go on.

    Attributes:
        spent: US dollars so far.
        paid: questions answered so far.
        under_way: questions that are being answered.
        unknown: a model whose price nobody knows, "" for none.
    """

    budget_usd: float | None
    spent: float = 0.0
    paid: int = 0
    under_way: int = 0
    unknown: str = ""

    def check(self) -> None:
        """Let one more question through.

        Those under way are reckoned with at the mean so far, so that the budget is overdrawn by what one answer costs
        more than that, and no further.

        Raises:
            Spent: it may not be put.
        """
        if self.budget_usd is None:
            return
        if self.unknown:
            raise Spent(
                f"a budget of ${self.budget_usd:g} cannot be kept: nobody knows what {self.unknown} costs; give its "
                "price in fourways.yaml (providers: … prices:)"
            )
        mean = self.spent / self.paid if self.paid else 0.0
        if self.spent + (self.under_way + 1) * mean > self.budget_usd:
            raise Spent(f"the budget of ${self.budget_usd:g} is spent")

    def pay(self, answered: Answered, model: str) -> None:
        """Note what an answer cost; one that broke off may have no price."""
        self.paid += 1
        self.spent += answered.cost_usd or 0.0
        if answered.cost_usd is None and not answered.error:
            self.unknown = model


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer, and whether it was there before this run."""

    answered: Answered
    reused: bool


class Desk:
    """Puts the questions of one run, whoever asks: cases, judges, rephrasings, disturbed cases.

    Args:
        settings: how.
        cache: where answers are kept and found.
        price: asked where an answer came without a price.
        clock: monotonic seconds.
        ready: awaited once, before the first question that is really put: what starts then is no answer's delay.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        cache: Cache | None = None,
        price: Price = unpriced,
        clock: Clock = time.perf_counter,
        ready: Ready = at_once,
    ) -> None:
        self.settings = settings
        self.clock = clock
        self.purse = Purse(budget_usd=settings.budget_usd)
        self._cache: Cache = Memory() if cache is None else cache
        self._price = price
        self._asked: dict[str, Answered] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._first = asyncio.Lock()
        self._ready: Ready | None = ready
        self._waiting = asyncio.Lock()

    async def ask(self, key: str, answerer: Answerer, request: ChatRequest, *, bound: bool = True) -> Reply:
        """Return the answer to a question: this run's or an earlier one's, else asked now.

        Args:
            key: digest of whatever decides the answer.
            answerer: who is asked.
            request: what.
            bound: whether the budget may refuse it; what belongs to a case that was answered is asked all the same.

        Raises:
            Spent: the budget refuses it.
        """
        async with self._locks.setdefault(key, asyncio.Lock()):
            known = self._asked.get(key)
            if known is not None:
                return Reply(answered=known, reused=False)
            earlier = await self._cache.get(key) if self.settings.reuse else None
            if earlier is not None:
                return Reply(answered=earlier, reused=True)
            return Reply(answered=await self._put(key, answerer, request, bound=bound), reused=False)

    async def _get_ready(self) -> None:
        if self._ready is not None:
            async with self._waiting:
                if self._ready is not None:
                    await self._ready()
                    self._ready = None

    async def _put(self, key: str, answerer: Answerer, request: ChatRequest, *, bound: bool) -> Answered:
        await self._get_ready()
        if bound and self.purse.budget_usd is not None and not self.purse.paid:
            async with self._first:  # alone, until it is known what one costs
                if not self.purse.paid:
                    return await self._pay_for(key, answerer, request, bound=bound)
        return await self._pay_for(key, answerer, request, bound=bound)

    async def _pay_for(self, key: str, answerer: Answerer, request: ChatRequest, *, bound: bool) -> Answered:
        if bound:
            self.purse.check()
        self.purse.under_way += 1
        try:
            within = self.settings.timeout
            answered = await ask(answerer, request, within=within, clock=self.clock, price=self._price)
        finally:
            self.purse.under_way -= 1
        self.purse.pay(answered, request.model)
        if not answered.error:
            self._asked[key] = answered
            self._cache.put(key, answered)
        return answered


@dataclass(frozen=True, slots=True, kw_only=True)
class AskModels:
    """The `Ask` of scorers: any model by its name, at temperature 0, from the run's desk and purse.

    Attributes:
        desk: where the questions are put.
        open_model: returns what answers under a name; raises UnknownModel.
        pin: says what a name stands for, JSON: another meaning, another question.
    """

    desk: Desk
    open_model: Callable[[str], Answerer]
    pin: Callable[[str], Any] = str
    bound: bool = False

    async def __call__(self, model: str, system: str, question: str) -> str:
        """Ask; the same question is asked once and remembered.

        Raises:
            FourwaysError: there is no such model, or it failed, or the budget is spent.
        """
        told = [{"role": "system", "content": system}] if system else []
        request = ChatRequest(
            model=model,
            messages=[*told, {"role": "user", "content": question}],
            principal=Principal(user=ASKS),
            options={"temperature": 0.0},
        )
        key = digest(["asked", self.pin(model), system, question])
        reply = await self.desk.ask(key, self.open_model(model), request, bound=self.bound)
        if reply.answered.error:
            raise UpstreamError(f"{model} was asked and failed: {reply.answered.error}", target=model)
        return reply.answered.text
