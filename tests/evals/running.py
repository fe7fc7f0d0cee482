"""What tests of the runner share: a target that answers by a script and counts, cases in a line, a run in a line."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

from fourways.core.chat import ChatRequest, Chunk, question_of
from fourways.core.report import Report
from fourways.core.trace import Trace, Usage
from fourways.evals.cases import Assertion, Case, Suite
from fourways.evals.desk import Cache, Desk, Memory, Settings
from fourways.evals.runner import Target, run
from fourways.evals.scorers.base import Tools
from fourways.models.echo import Echo, Reply, Script

CONTAINS = (Assertion(type="contains"),)


class Counted:
    """A scripted model that remembers what it was asked; each answer costs a dollar where it has a price.

    Attributes:
        delays: seconds before the answer to a question.
    """

    def __init__(
        self, script: Script | None = None, *, price: float | None = 0.0, delays: dict[str, float] | None = None
    ) -> None:
        self.echo = Echo(script)
        self.price = price
        self.delays = delays or {}
        self.requests: list[ChatRequest] = []
        self.under_way = self.most = 0

    @property
    def asked(self) -> list[str]:
        return [question_of(request.messages) for request in self.requests]

    async def __call__(self, request: ChatRequest, trace: Trace, /) -> AsyncIterator[Chunk]:
        self.requests.append(request)
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            await asyncio.sleep(self.delays.get(question_of(request.messages), 0.0))
            async for chunk in self.echo(request, Trace()):
                used = chunk.usage and Usage(input_tokens=3, output_tokens=2, cost_usd=self.price)
                yield Chunk(text=chunk.text, finish=chunk.finish, usage=used)
        finally:
            self.under_way -= 1


def case(name: str, expected: str = "", *, asserts: tuple[Assertion, ...] = CONTAINS, **fields: Any) -> Case:
    """A case that asks its own name."""
    right = (expected,) if expected else ()
    return Case(id=name, messages=({"role": "user", "content": name},), expected=right, asserts=asserts, **fields)


def suite(*cases: Case) -> Suite:
    return Suite(name="testing", cases=cases)


def target(answerer: Any, **fields: Any) -> Target:
    return Target(model="desk:prompt", answerer=answerer, **{"app": "desk", "candidate": "c" * 64, **fields})


def desk(cache: Cache | None = None, **settings: Any) -> Desk:
    return Desk(Settings(**settings), cache=cache if cache is not None else Memory())


async def ran(
    cases: Suite, answerer: Any, *, cache: Cache | None = None, tools: Tools | None = None, **settings: Any
) -> Report:
    return await run(cases, target(answerer), desk(cache, **settings), tools=tools)


def right_but(wrong: dict[str, str], gold: Callable[[str], str]) -> Callable[[ChatRequest], str | Reply]:
    """A script that knows every answer, but for some."""

    def reply(request: ChatRequest) -> str:
        question = question_of(request.messages)
        return wrong.get(question, gold(question))

    return reply
