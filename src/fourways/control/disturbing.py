"""Robustness of a candidate: cases asked again, disturbed; passages slipped in between its search and its model."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from fourways.config.testing import Robustness as Node
from fourways.config.tree import Search
from fourways.core.data import Hit
from fourways.core.report import Answered
from fourways.core.specs import Candidate
from fourways.evals.asking import request_of
from fourways.evals.cases import Case, Suite
from fourways.evals.desk import Desk, Spent
from fourways.evals.perturbations import PERTURBATIONS, Inserted
from fourways.evals.robustness import Rewrite, Robustness, robustness
from fourways.evals.runner import Candidate as Asked
from fourways.evals.runner import OnProgress, Progress, Target
from fourways.evals.scorers.base import Tools
from fourways.evals.scoring import score
from fourways.ways import WAYS
from fourways.ways.workshop import Searcher, Workshop

PHASE = "disturbing"
KNOWLEDGE = "knowledge"
"""The part of a candidate that says which knowledge it answers from."""
NO_PASSAGES = "it slips in passages, and this way finds none"


async def disturb(
    node: Node | None,
    suite: Suite,
    target: Target,
    candidate: Candidate,
    desk: Desk,
    tools: Tools,
    workshop: Workshop,
    on_progress: OnProgress,
) -> Mapping[str, Any]:
    """Ask a sample of a suite again under each perturbation; returns what came of it, as JSON.

    Args:
        node: `robustness` of the project file; everything at its default where None.
        candidate: opened anew over a knowledge into which passages are slipped.
    """
    node = node or Node()
    names = node.perturbations or tuple(PERTURBATIONS)
    left_out = {name: NO_PASSAGES for name in names if _of_passages(name) and KNOWLEDGE not in candidate.parts}
    asked, turns = Asked(target, desk), asyncio.Semaphore(desk.settings.at_once)
    done = 0

    async def ask(case: Case, inserted: Inserted | None) -> Answered:
        nonlocal done
        async with turns:
            answered = (await asked.ask(case)).answered if inserted is None else await _slipped(case, inserted)
        done += 1
        on_progress(Progress(done=done, total=0, cost_usd=desk.purse.spent, phase=PHASE))
        return answered

    async def _slipped(case: Case, inserted: Inserted) -> Answered:
        tampered = replace(workshop, knowledge=lambda name: Slipped(workshop.knowledge(name), inserted))
        opened = WAYS[candidate.way].open(candidate, tampered)
        request = request_of(case, target.model, temperature=desk.settings.temperature)
        key = asked.key(case.asked, request.options, 0, inserted.digest)
        return (await desk.ask(key, opened, request)).answered

    async def value(case: Case, answered: Answered) -> float | None:
        async with turns:
            scores = await score(case, (answered,), replace(tools, again=asked.again(case)))
        told = [one.passed for one in scores if one.passed is not None]
        return float(all(told)) if told else None

    try:
        found = await robustness(
            suite.cases,
            ask,
            value,
            names=[name for name in names if name not in left_out],
            sample=node.sample,
            seed=node.seed,
            rewrite=_rewriter(node, tools),
            embed=tools.embed,
        )
    except Spent as spent:  # before anything was disturbed
        found = Robustness(cases=0, seed=node.seed, effects=(), left_out=dict.fromkeys(names, spent.message))
    return replace(found, left_out={**found.left_out, **left_out}).plain()


def _of_passages(name: str) -> bool:
    return name in PERTURBATIONS and PERTURBATIONS[name].acts_on == "hits"


def _rewriter(node: Node, tools: Tools) -> Rewrite | None:
    ask, model = tools.ask, node.model
    if ask is None or model is None:
        return None

    async def rewrite(what: str, text: str) -> str:
        return await ask(model, what, text)

    return rewrite


@dataclass(frozen=True, slots=True)
class Slipped:
    """A knowledge whose every search finds some more than there is."""

    searcher: Searcher
    inserted: Inserted

    async def search(
        self,
        query: str,
        *,
        labels: frozenset[str],
        filters: Mapping[str, Any] | None = None,
        limit: int | None = None,
        snapshot: int | str = "latest",
        settings: Search | None = None,
    ) -> Sequence[Hit]:
        """Find passages, and slip the others in."""
        found = await self.searcher.search(
            query, labels=labels, filters=filters, limit=limit, snapshot=snapshot, settings=settings
        )
        return self.inserted(found)
