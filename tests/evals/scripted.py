"""What tests of scorers share: a case, an answer, tools whose model says what a script holds."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from fourways.core.chat import ChatRequest, Principal, collect
from fourways.core.report import Answered, Score
from fourways.core.trace import Trace
from fourways.evals.cases import Assertion, Case
from fourways.evals.scorers.base import Scorer, Tools
from fourways.models.echo import Echo, Script
from fourways.models.embedders import Embedder, HashEmbedder

HASHED = HashEmbedder(4096)


def case(question: str = "When was the market built?", **fields: Any) -> Case:
    return Case(id="one", messages=({"role": "user", "content": question},), **fields)


class Asked:
    """A scripted model that can be asked as scorers ask, and remembers what it was asked."""

    def __init__(self, script: Script) -> None:
        self.echo = Echo(script)
        self.asked: list[tuple[str, str, str]] = []

    async def __call__(self, model: str, system: str, question: str) -> str:
        self.asked.append((model, system, question))
        messages = [{"role": "system", "content": system}, {"role": "user", "content": question}]
        request = ChatRequest(model=model, messages=messages, principal=Principal())
        return (await collect(self.echo(request, Trace()))).text

    async def again(self, question: str) -> Answered:
        return Answered(text=await self("candidate", "", question))


def tools(
    script: Script | None = None, *, embed: Embedder | None = HASHED, judge: str = "judge", folder: Path | None = None
) -> Tools:
    asked = Asked(script) if script is not None else None
    return Tools(embed=embed, ask=asked, judge=judge, again=asked.again if asked else None, folder=folder)


def row(rows: Sequence[Scorer], name: str) -> Scorer:
    return next(one for one in rows if one.name == name)


def scoring(rows: Sequence[Scorer]) -> Callable[..., Any]:
    """Return `await score(type, case, answer or answers, tools, **assertion)`."""

    async def score(
        kind: str,
        one: Case,
        said: Answered | str | Sequence[Answered],
        with_tools: Tools | None = None,
        **asked: Any,
    ) -> Score:
        answers = [Answered(text=said)] if isinstance(said, str) else [said] if isinstance(said, Answered) else said
        assertion = Assertion(type=kind, **asked)
        return await row(rows, kind).score(one, answers, assertion, with_tools or Tools())

    return score
