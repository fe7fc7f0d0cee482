"""Evaluations: what a name means, asked test cases as the gateway would ask it, reported, judged by a gate."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from fourways.config.releasing import Gate
from fourways.config.testing import TestsNode
from fourways.config.tree import Project
from fourways.control.answers_kept import AnswersKept
from fourways.control.builds import default_way
from fourways.control.calibrating import calibrations, labelled_answers
from fourways.control.disturbing import disturb
from fourways.core.chat import Answerer
from fourways.core.errors import FourwaysError, NotFound
from fourways.core.ids import TenantId
from fourways.core.report import Report
from fourways.core.specs import Candidate
from fourways.core.trace import Clock, Usage
from fourways.core.verdict import Verdict
from fourways.evals.calibration import Labelled
from fourways.evals.cases import Suite
from fourways.evals.contamination import as_cases, assert_clean
from fourways.evals.desk import AskModels, Cache, Desk, Ready, Settings, at_once
from fourways.evals.gate import SETTINGS, Live, decide
from fourways.evals.runner import BY_HAND, OnProgress, Target, ignore, run
from fourways.evals.scorers.base import Tools
from fourways.evals.suites import Side, load_file, load_suite
from fourways.models.registry import Models
from fourways.store import candidates, catalog, reports
from fourways.store.catalog import Place as Knowledge
from fourways.store.database import Database
from fourways.ways.workshop import Workshop

EMBEDDER = "minilm"
"""What scorers compare meanings with."""
KNOWLEDGE, MODEL, JUDGES = "knowledge", "model", "judges"
"""What reports pin, besides how they were asked."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """What a name means, as the gateway would serve it; `candidate` is its short name."""

    answerer: Answerer
    app: str = ""
    way: str = ""
    candidate: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What one evaluation does otherwise than the project file says; None leaves it so.

    Attributes:
        suite: a file of cases, in place of the app's.
        first: only so many cases.
        fresh: ask anew what was answered before.
        robustness: whether to disturb cases; what the project file says where None.
    """

    suite: Path | None = None
    side: Side = "testing"
    first: int | None = None
    fresh: bool = False
    repeat: int | None = None
    at_once: int | None = None
    explain: bool | None = None
    budget_usd: float | None = None
    robustness: bool | None = None


AS_THE_PROJECT_SAYS = Ask()


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluator:
    """Evaluates whatever the API's `model` can name.

    Attributes:
        pick: what a name means; raises UnknownModel.
    """

    project: Project
    folder: Path
    database: Database
    tenant: TenantId
    models: Models
    workshop: Workshop
    pick: Callable[[str], Named]
    now: Clock = time.time

    def suite(self, app: str, side: Side = "testing") -> Suite:
        """Return an app's test cases.

        Raises:
            NotFound: the project has no such app.
            InvalidSuite: a case is wrong, there are none, or a test case is among those for tuning.
        """
        if app not in self.project.apps:
            raise NotFound.named("app", app, self.project.apps)
        return load_suite(self.project.apps[app].tests, self.folder, name=app, side=side)

    async def evaluate(
        self,
        model: str,
        *,
        first: int | None = None,
        fresh: bool = False,
        on_progress: OnProgress = ignore,
        asking: Ask = AS_THE_PROJECT_SAYS,
        stop: asyncio.Event | None = None,
    ) -> Report:
        """Evaluate what a name means, and keep the report.

        Args:
            model: any name that the API takes; an app's bare name means what the project file says now, not what is
                live (`app@live`); a model asked directly needs `asking.suite`.
            first: only the first so many cases.
            fresh: ask anew what was answered before.
            asking: what is done otherwise than the project file says.
            stop: once set, what is under way is broken off, and the report says so.

        Raises:
            UnknownModel: it names nothing.
            InvalidSuite: a case is wrong, or the candidate has seen it.
        """
        asking = replace(asking, first=first or asking.first, fresh=fresh or asking.fresh)
        model = f"{model}:{default_way(self.project, model)}" if model in self.project.apps else model
        job = await asyncio.to_thread(self._job, model, self.pick(model), asking)
        async with self.kept(job.target.app) as kept:
            desk = self.desk(kept, _settings(job.node, asking), ready=lambda: self._warm_up(job.candidate))
            tools, began = self.tools(desk, judge=job.node.judge or ""), desk.clock()
            report = await run(
                job.suite, job.target, desk, tools=tools, on_progress=on_progress, now=self.now, stop=stop
            )
            if not report.stopped:
                more = self._more(report, job, desk, tools, on_progress)
                report = await _unless(stop, more) or replace(report, stopped=BY_HAND)
        asked = {"temperature": desk.settings.temperature, "repeat": desk.settings.repeat, "judge": tools.judge}
        pins, seconds = {**report.pins, SETTINGS: asked}, desk.clock() - began
        report = replace(report, pins=pins, cost_usd=desk.purse.spent, seconds=seconds)
        await asyncio.to_thread(self._keep, report)
        return report

    def _job(self, model: str, named: Named, asking: Ask) -> "_Job":
        """Gather all that an evaluation needs, so that nothing is asked where something is wrong."""
        node = self.project.apps[named.app].tests if named.app else TestsNode()
        suite, candidate = self._cases(named, asking), self._candidate(named)
        if candidate is not None and asking.side == "testing":
            seen = [(one["input"], one["output"]) for one in candidate.parts.get("prompt", {}).get("examples", ())]
            assert_clean(as_cases(seen), suite.cases, what="examples in the prompt")
        target = Target(
            model=model,
            answerer=named.answerer,
            app=named.app,
            way=named.way,
            candidate=candidate.digest if candidate is not None else "",
            pins=self._pins(candidate) if named.app else {MODEL: self.workshop.pin_model(model)},
        )
        return _Job(
            node=node,
            disturbed=bool(node.robustness) if asking.robustness is None else asking.robustness,
            suite=suite,
            target=target,
            candidate=candidate,
            labelled=labelled_answers(node, self.folder),
        )

    async def _more(self, report: Report, job: "_Job", desk: Desk, tools: Tools, on_progress: OnProgress) -> Report:
        """Add to a report what disturbed cases do, and what people say of its judges."""
        if job.disturbed and job.candidate is not None:
            effects = await disturb(
                job.node.robustness, job.suite, job.target, job.candidate, desk, tools, self.workshop, on_progress
            )
            report = replace(report, robustness=effects)
        judges = await calibrations(job.suite, job.labelled, tools)
        return replace(report, pins={**report.pins, JUDGES: judges}) if judges else report

    def verdict(self, report: Report, gate: Gate, live: Live | None) -> Verdict:
        """Judge a report by a gate's rules, against what is live."""
        judges: Mapping[str, Mapping[str, Any]] = report.pins.get(JUDGES, {})
        may_not = {metric: str(facts["reason"]) for metric, facts in judges.items() if facts["reason"]}
        return decide(report, gate, live, may_not)

    def kept(self, app: str) -> AnswersKept:
        """Return where an app's answers are kept, to be used as a context."""
        return AnswersKept(database=self.database, tenant=self.tenant, app=app, now=self.now)

    def desk(self, kept: Cache, settings: Settings | None = None, *, ready: Ready = at_once) -> Desk:
        """Return where questions are put, over what is kept, with prices."""
        return Desk(settings or Settings(), cache=kept, price=self._price, ready=ready)

    def tools(self, desk: Desk, *, judge: str = "") -> Tools:
        """Return what scorers may use: the embedder in the package, models by name, the project's folder."""
        return Tools(
            embed=self.models.embedder(EMBEDDER),
            ask=AskModels(desk=desk, open_model=self.models.answerer, pin=self.workshop.pin_model),
            judge=judge,
            folder=self.folder,
        )

    def _cases(self, named: Named, asking: Ask) -> Suite:
        if asking.suite is not None:
            return load_file(asking.suite).first(asking.first)
        if not named.app:
            raise NotFound("a model asked directly has no test cases of its own; name a file: --suite FILE")
        return self.suite(named.app, asking.side).first(asking.first)

    def _candidate(self, named: Named) -> Candidate | None:
        if not named.candidate:
            return None
        with self.database.reading() as connection:
            return candidates.get_candidate(connection, self.tenant, named.app, named.candidate)

    def _pins(self, candidate: Candidate | None) -> Mapping[str, Any]:
        """Say which state of its knowledge a candidate answers from: another state, other answers."""
        pinned = candidate.parts.get("knowledge") if candidate is not None else None
        if pinned is None:
            return {}
        place = Knowledge(tenant=self.tenant, knowledge=pinned["name"])
        with self.database.reading() as connection:
            published = catalog.published(connection, place)
        newest = published[-1].number if published else 0
        return {KNOWLEDGE: {pinned["name"]: newest if pinned["snapshot"] == "latest" else pinned["snapshot"]}}

    async def _warm_up(self, candidate: Candidate | None) -> None:
        """Search a candidate's knowledge once: an engine that starts is no part of an answer's latency."""
        pinned = candidate.parts.get("knowledge") if candidate is not None else None
        if pinned is not None:
            with contextlib.suppress(FourwaysError):  # the questions themselves will say what is wrong
                await self.workshop.knowledge(pinned["name"]).search("warm up", labels=frozenset(), limit=1)

    async def _price(self, target: str, usage: Usage) -> float | None:
        cost = self.models.cost(target, usage)
        if cost is None and "/" in target:
            await asyncio.to_thread(self.models.prices.wait)
            cost = self.models.cost(target, usage)
        return cost

    def _keep(self, report: Report) -> None:
        with self.database.transaction() as connection:
            reports.save_report(connection, self.tenant, report)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """One evaluation, ready to be begun."""

    node: TestsNode
    disturbed: bool
    suite: Suite
    target: Target
    candidate: Candidate | None
    labelled: Sequence[Labelled]


async def _unless(stop: asyncio.Event | None, work: Coroutine[Any, Any, T]) -> T | None:
    """Do something unless it is stopped meanwhile: None then."""
    doing = asyncio.ensure_future(work)
    stopping = asyncio.ensure_future((stop or asyncio.Event()).wait())
    try:
        await asyncio.wait({doing, stopping}, return_when=asyncio.FIRST_COMPLETED)
        return doing.result() if doing.done() else None
    finally:
        for task in (doing, stopping):
            task.cancel()
        await asyncio.gather(doing, stopping, return_exceptions=True)


def _settings(node: TestsNode, asking: Ask) -> Settings:
    return Settings(
        at_once=asking.at_once or node.at_once,
        repeat=asking.repeat or node.repeat,
        temperature=node.temperature,
        timeout=node.timeout.total_seconds(),
        budget_usd=node.budget_usd if asking.budget_usd is None else asking.budget_usd,
        explain=node.explain if asking.explain is None else asking.explain,
        reuse=not asking.fresh,
    )
