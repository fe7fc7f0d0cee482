"""Every way of an app built, evaluated on the same cases, clocked taking turns, and put side by side."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol, TypeVar

from fourways.config.references import knowledge_of_way
from fourways.config.testing import Facts, TestsNode
from fourways.config.tree import App, Project
from fourways.control.meter import cores, cpu_seconds
from fourways.core.chat import Answerer
from fourways.core.errors import InvalidRequest, NotFound, NotTrained, Unavailable
from fourways.core.ids import TenantId
from fourways.core.report import Report
from fourways.core.specs import Candidate
from fourways.core.trace import Clock
from fourways.evals.cases import Case, Suite
from fourways.evals.comparing.comparison import Build, Comparison, Step, encode
from fourways.evals.comparing.composing import Evidence, Setting, compose, with_phase
from fourways.evals.comparing.economics import SECONDS_AN_HOUR
from fourways.evals.comparing.timing import Clocked, Racer, spread, take_turns
from fourways.evals.runner import OnProgress, Progress
from fourways.store import reports, trainings
from fourways.store.database import Database
from fourways.store.reports import ReportRow
from fourways.ways import WAYS
from fourways.ways.base import Way
from fourways.ways.workshop import Workshop

T = TypeVar("T")

PATIENCE = 45.0
"""Seconds after which no further round of questions is clocked."""

Told = Callable[[str, int, int, str], None]
"""Told what is being done, how much of how much is done, and a few words."""
OnChange = Callable[[str, Mapping[str, Any]], None]


class Evaluates(Protocol):
    """What a comparison needs of the evaluator."""

    def suite(self, app: str) -> Suite:
        """Return an app's test cases; raises InvalidSuite."""
        ...

    async def evaluate(
        self, model: str, *, first: int | None = None, fresh: bool = False, on_progress: OnProgress
    ) -> Report:
        """Evaluate what a name means on its app's first test cases, and keep the report."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Compares:
    """Compares the ways of a project's apps.

    Attributes:
        project: the project file.
        workshop: what ways are built with.
        ingest: brings knowledge up to date, by name; returns each one's result.
        train: has the weights of an app's way trained, and waits for them.
        open_model: returns what answers under `app:way`.
        evaluator: evaluates, and keeps what was answered.
        database, tenant: where comparisons are kept.
        state: the project's state folder, in which its model servers are noted.
        clock: monotonic seconds; `now` is Unix seconds.
    """

    project: Project
    workshop: Workshop
    ingest: Callable[[Sequence[str], OnChange], Awaitable[Mapping[str, Mapping[str, Any]]]]
    train: Callable[[str, str, Callable[[Mapping[str, Any]], None]], Awaitable[object]]
    open_model: Callable[[str], Answerer]
    evaluator: Evaluates
    database: Database
    tenant: TenantId
    state: Path
    clock: Clock = time.perf_counter
    now: Clock = time.time

    async def compare(self, app: str, told: Told, *, first: int | None = None, fresh: bool = False) -> Comparison:
        """Build, evaluate, clock and compare every way that an app names, and keep the comparison.

        Killed, it is begun again and goes on from the answers that were kept.

        Args:
            app: which.
            told: how far it is.
            first: only the suite's first cases.
            fresh: ask all anew, whatever was answered before.

        A way whose training is refused or fails is left out, and the notes say why.

        Raises:
            NotFound: there is no such app.
            InvalidSuite: its test cases are wrong, or there are none.
            Unavailable: a knowledge cannot be brought up to date, or no way could be built.
        """
        if app not in self.project.apps:
            raise NotFound.named("app", app, self.project.apps)
        return await _Run(self, app, self.project.apps[app], told, first, fresh)()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ingested:
    """A knowledge brought up to date, and whether part of it was there before."""

    step: Step
    earlier: bool


@dataclass(slots=True)
class _Run:
    """One comparison under way."""

    tools: Compares
    app: str
    node: App
    told: Told
    first: int | None
    fresh: bool
    phases: list[Step] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)

    @property
    def facts(self) -> Facts:
        return self.node.facts or self.tools.project.facts

    async def __call__(self) -> Comparison:
        started = self.tools.now()
        suite = await asyncio.to_thread(self.tools.evaluator.suite, self.app)
        cases = suite.first(self.first).cases
        built = await self._timed("build", self._build())
        candidates = {candidate.way: candidate for candidate, _ in built}
        measured = {way: await self._timed(f"evaluate {way}", self._evaluate(way)) for way in candidates}
        clocked = await self._timed("take turns", self._clock(list(candidates), cases))
        begun = self.tools.clock()
        evidence = [
            Evidence(
                way=candidate.way,
                model=candidate.parts["model"]["name"],
                traits=WAYS[candidate.way].traits(candidate, self.tools.workshop),
                build=build,
                report=measured[candidate.way],
                clocked=clocked[candidate.way],
            )
            for candidate, build in built
        ]
        comparison = await asyncio.to_thread(compose, evidence, self._setting(started))
        comparison = with_phase(comparison, Step(name="put together", seconds=self.tools.clock() - begun))
        why = tuple(f"{way}: left out, as it could not be trained: {error}" for way, error in self.left_out.items())
        comparison = replace(comparison, notes=(*why, *comparison.notes))
        await asyncio.to_thread(self._keep, comparison)
        return comparison

    def _setting(self, started: float) -> Setting:
        return Setting(
            app=self.app,
            description=self.node.description,
            primary=self.node.tests.primary,
            facts=self.facts,
            cores=cores(),
            phases=tuple(self.phases),
            started_at=started,
        )

    # ------------------------------------------------------------ building

    async def _build(self) -> list[tuple[Candidate, Build]]:
        """Build each way from what there is, with the knowledge that it answers from brought up to date."""
        wanted = [(way, spec) for name, way in WAYS.items() if (spec := getattr(self.node.ways, name, None))]
        known: dict[str, _Ingested] = {}
        made: list[tuple[Candidate, Build]] = []
        for number, (way, spec) in enumerate(wanted, 1):
            rests_on = knowledge_of_way(spec, self.tools.project)
            for knowledge in rests_on:
                if knowledge not in known:
                    known[knowledge] = await self._ingest(knowledge)
            try:
                candidate, step = await self._candidate(way, spec)
            except (InvalidRequest, Unavailable) as error:
                self.left_out[way.name] = error.message
                continue
            trained = await asyncio.to_thread(self._trained, candidate)
            made.append((candidate, self._built([known[name] for name in rests_on], trained, step)))
            self.told("build", number, len(wanted), way.name)
        if not made:
            raise Unavailable("; ".join(f"{way}: {error}" for way, error in self.left_out.items()))
        return made

    async def _candidate(self, way: Way, spec: object) -> tuple[Candidate, Step]:
        """Build a way; where its weights are not there, have them trained first. The step is of the building alone."""
        begun = self.tools.clock()
        try:
            candidate = await way.build(self.app, spec, self.tools.workshop)
        except NotTrained:
            await self.tools.train(self.app, way.name, self._telling(way.name))
            begun = self.tools.clock()
            candidate = await way.build(self.app, spec, self.tools.workshop)
        return candidate, Step(name=f"build {way.name}", seconds=self.tools.clock() - begun)

    def _telling(self, way: str) -> Callable[[Mapping[str, Any]], None]:
        def on_change(progress: Mapping[str, Any]) -> None:
            stage = progress.get("stage", "train")
            self.told(
                f"train {way}: {stage}", progress.get("done", 0), progress.get("total", 0), progress.get("what", "")
            )

        return on_change

    def _trained(self, candidate: Candidate) -> Step | None:
        """Say what training a candidate's weights took, whenever that was; None where nothing was trained."""
        pin = candidate.parts.get("weights")
        if pin is None:
            return None
        with self.tools.database.reading() as connection:
            row = trainings.of_recipe(connection, self.tools.tenant, pin["recipe"])
        figures = {} if row is None else row.result
        steps, tokens = figures.get("steps"), figures.get("tokens")
        detail = f"{pin['method']}, {steps:,} steps, {tokens:,} tokens" if steps and tokens else pin["method"]
        return Step(name=f"train {candidate.way}", seconds=float(figures.get("seconds", 0.0)), detail=detail)

    async def _ingest(self, name: str) -> _Ingested:
        def on_change(which: str, progress: Mapping[str, Any]) -> None:
            self.told(f"ingest {which}", progress.get("done", 0), progress.get("total", 0), progress.get("what", ""))

        begun = self.tools.clock()
        result = (await self.tools.ingest([name], on_change))[name]
        if result.get("error"):
            raise Unavailable(f"'{name}' cannot be brought up to date: {result['error']}")
        already = f", {result['unchanged']:,} of them there already" if result["unchanged"] else ""
        detail = f"{result['documents']:,} documents, {result['passages']:,} passages{already}"
        self.told(f"ingest {name}", result["documents"], result["documents"], detail)
        step = Step(name=f"ingest {name}", seconds=self.tools.clock() - begun, detail=detail)
        return _Ingested(step=step, earlier=bool(already))

    def _built(self, ingested: Sequence[_Ingested], trained: Step | None, own: Step) -> Build:
        steps = (*(one.step for one in ingested), *((trained,) if trained else ()), own)
        seconds = sum(step.seconds for step in steps)
        usd = seconds * self.facts.machine_usd_per_hour / SECONDS_AN_HOUR
        return Build(steps=steps, usd=usd, earlier=any(one.earlier for one in ingested))

    # ------------------------------------------------------------ measuring

    async def _evaluate(self, way: str) -> Report:
        def on_progress(progress: Progress) -> None:
            words = f"{progress.passed} passed" + (f", {progress.reused} known already" if progress.reused else "")
            self.told(f"evaluate {way}", progress.done, progress.total, words)

        return await self.tools.evaluator.evaluate(
            f"{self.app}:{way}", first=self.first, fresh=self.fresh, on_progress=on_progress
        )

    async def _clock(self, ways: Sequence[str], cases: Sequence[Case]) -> Mapping[str, list[Clocked]]:
        tests: TestsNode = self.node.tests
        models = [(way, f"{self.app}:{way}") for way in ways]
        return await take_turns(
            [Racer(way=way, model=model, answerer=self.tools.open_model(model)) for way, model in models],
            spread(cases),
            clock=self.tools.clock,
            busy=lambda: cpu_seconds(self.tools.state),
            temperature=tests.temperature,
            within=tests.timeout.total_seconds(),
            patience=PATIENCE,
            told=lambda done, total: self.told("take turns", done, total, "one answer at a time"),
        )

    async def _timed(self, name: str, work: Awaitable[T]) -> T:
        begun = self.tools.clock()
        found = await work
        self.phases.append(Step(name=name, seconds=self.tools.clock() - begun))
        return found

    # ------------------------------------------------------------ keeping

    def _keep(self, comparison: Comparison) -> None:
        row = ReportRow(
            id=comparison.id,
            kind=reports.COMPARISON,
            app=self.app,
            way="",
            candidate="",
            suite=comparison.suite,
            suite_digest=comparison.suite_digest,
            created_at=comparison.started_at,
            summary=_summary(comparison),
        )
        with self.tools.database.transaction() as connection:
            reports.keep(connection, self.tools.tenant, row, encode(comparison))


def _summary(comparison: Comparison) -> dict[str, Any]:
    """Return what lists show of a comparison."""
    advice = comparison.advice
    primary = {arm.way: measure.estimate for arm in comparison.arms if (measure := arm.measure(comparison.primary))}
    return {
        "cases": comparison.cases,
        "primary": comparison.primary,
        "ways": {way: {"value": one.value, "low": one.low, "high": one.high} for way, one in primary.items()},
        "recommended": advice.recommended.way if advice.recommended else None,
        "basis": advice.basis,
        "says": advice.says,
    }
