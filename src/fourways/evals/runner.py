"""Running a suite against anything that answers: bounded, resumable, within a budget; what comes out is a `Report`.

What was answered is kept the moment it is there, under a digest of whatever decides it: a run that was killed, or
stopped, goes on where it was, because the next one finds those answers. Failures are not kept. The order of the results
is the suite's, whatever came first.
"""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from typing import Any

from fourways.core.chat import Answerer
from fourways.core.errors import InvalidSuite, NotFound
from fourways.core.ids import digest
from fourways.core.report import Answered, CaseResult, Report
from fourways.core.trace import Clock
from fourways.evals.asking import WHY, request_of, why
from fourways.evals.cases import Assertion, Case, Suite
from fourways.evals.desk import Desk, Reply, Spent
from fourways.evals.measuring import measures
from fourways.evals.scorers import SCORERS
from fourways.evals.scorers.base import Tools
from fourways.evals.scoring import score

VERSION = version("fourways")
"""Another version may ask, or answer, otherwise."""
BY_HAND = "stopped by hand"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What is measured.

    Attributes:
        model: the name that is asked.
        answerer: what answers under it: the very one that the gateway would use.
        app, way, candidate: whose; `candidate` is a digest, "" for a model asked directly.
        pins: JSON: what else the answers depend on, such as the snapshots of knowledge.
    """

    model: str
    answerer: Answerer
    app: str = ""
    way: str = ""
    candidate: str = ""
    pins: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a run is.

    Attributes:
        done: cases with all their scores, of `total`; `reused` of them were answered before.
        passed: of those.
        cost_usd: spent so far.
        seconds: since the beginning.
        phase: what is being done, for people.
    """

    done: int
    total: int
    passed: int = 0
    reused: int = 0
    cost_usd: float = 0.0
    seconds: float = 0.0
    phase: str = "asking"

    @property
    def rate(self) -> float:
        """Cases a second that were asked and not found."""
        return (self.done - self.reused) / self.seconds if self.seconds else 0.0


OnProgress = Callable[[Progress], None]


def ignore(progress: Progress) -> None:
    """Tell nobody."""


async def run(
    suite: Suite,
    target: Target,
    desk: Desk,
    *,
    tools: Tools | None = None,
    on_progress: OnProgress = ignore,
    now: Clock = time.time,
    stop: asyncio.Event | None = None,
) -> Report:
    """Ask every case of a suite, score it, and measure the whole.

    Args:
        suite: what is asked.
        target: whom.
        desk: how, with which budget, and where answers are kept.
        tools: what scorers may use; the candidate itself is added to them.
        on_progress: called at the beginning and after each case.
        now: Unix seconds.
        stop: once set, what is under way is broken off, and the report says so.

    Raises:
        InvalidSuite: a case asserts what no scorer measures, or in a way that its scorer does not understand.
        MissingPackage: a scorer needs what is not installed.
    """
    check(suite)
    running = _Run(suite, target, desk, tools or Tools(), on_progress, now())
    work = asyncio.ensure_future(running.all())
    stopping = asyncio.ensure_future((stop or asyncio.Event()).wait())
    try:
        await asyncio.wait({work, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            running.stopped = BY_HAND
        else:
            work.result()
    finally:
        for task in (work, stopping):
            task.cancel()
        await asyncio.gather(work, stopping, return_exceptions=True)
    return running.report()


def check(suite: Suite) -> None:
    """Let nothing be spent on a suite that cannot be scored.

    What a plain scorer makes of its settings, and of the case, shows on any answer: a pattern that is none, or a right
    answer that is no yes or no, is found before it costs.

    Raises:
        InvalidSuite: a case asserts what no scorer measures or understands, or two have one id.
        MissingPackage: a scorer needs what is not installed.
    """
    ids: set[str] = set()
    for case in suite.cases:
        if case.id in ids:
            raise InvalidSuite(f"two cases of '{suite.name}' have the id '{case.id}'; give each one of its own")
        ids.add(case.id)
        for asked in case.asserts:
            if asked.type not in SCORERS:
                raise InvalidSuite(f"case {case.id}: {NotFound.named('scorer', asked.type, SCORERS).message}")
            _try(case, asked)


def _try(case: Case, asked: Assertion) -> None:
    plain = SCORERS[asked.type].plain
    if plain is not None:
        try:
            plain(case, Answered(text="-"), asked)
        except InvalidSuite as error:
            raise InvalidSuite(f"case {case.id}: {error.message}") from error


class Candidate:
    """The target as it is asked: each question under the digest of whatever decides its answer."""

    def __init__(self, target: Target, desk: Desk) -> None:
        self.target = target
        self.desk = desk

    async def ask(self, case: Case, repeat: int = 0, *, bound: bool = True) -> Reply:
        """Put a case; the desk knows whether it was asked before.

        Raises:
            Spent: the budget refuses it.
        """
        request = request_of(case, self.target.model, temperature=self.desk.settings.temperature)
        key = self.key(case.asked, request.options, repeat)
        return await self.desk.ask(key, self.target.answerer, request, bound=bound)

    async def explain(self, case: Case, answered: Answered) -> str:
        """Ask in the same conversation why it answered so; says what went wrong where that cannot be asked."""
        request = why(request_of(case, self.target.model, temperature=self.desk.settings.temperature), answered.text)
        key = self.key(case.asked, request.options, 0, [answered.text, WHY])
        try:
            reply = await self.desk.ask(key, self.target.answerer, request)
        except Spent as spent:
            return f"(not asked: {spent.message})"
        said = reply.answered
        return f"(it could not say: {said.error})" if said.error else said.text.strip()

    def again(self, case: Case) -> Callable[[str], Any]:
        """Return what puts another question as this case is put: to the same readers, with the same variables."""

        async def again(question: str) -> Answered:
            other = replace(case, messages=({"role": "user", "content": question},))
            return (await self.ask(other, bound=False)).answered

        return again

    def key(self, asked: str, options: Mapping[str, Any], repeat: int, more: Any = None) -> str:  # noqa: ANN401 - JSON
        """Name a question by whatever decides its answer."""
        target = self.target
        who = [target.candidate or target.model, dict(target.pins), VERSION]
        return digest([who, asked, dict(options), repeat, more])


class _Run:
    """One run: what is done so far."""

    def __init__(
        self, suite: Suite, target: Target, desk: Desk, tools: Tools, on_progress: OnProgress, started_at: float
    ) -> None:
        self.suite, self.target, self.desk, self.tools = suite, target, desk, tools
        self.candidate = Candidate(target, desk)
        self.stopped = ""
        self._results: dict[int, CaseResult] = {}
        self._passed = self._reused = 0
        self._on_progress = on_progress
        self._started_at = started_at
        self._began = desk.clock()

    async def all(self) -> None:
        """Ask all cases, as many together as the settings say."""
        self._tell()
        left = iter(range(len(self.suite.cases)))
        count = min(self.desk.settings.at_once, len(self.suite.cases))
        workers = [asyncio.ensure_future(self._work(left)) for _ in range(count)]
        try:
            await asyncio.gather(*workers)
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)

    async def _work(self, left: Iterator[int]) -> None:
        for at in left:
            try:
                self._keep(at, await self._case(self.suite.cases[at]))
            except Spent as spent:  # what was answered earlier costs nothing: the others are looked at all the same
                self.stopped = self.stopped or spent.message
                continue
            self._tell()

    def _keep(self, at: int, result: CaseResult) -> None:
        self._results[at] = result
        self._passed += result.passed
        self._reused += result.reused

    async def _case(self, case: Case) -> CaseResult:
        replies = [await self.candidate.ask(case, repeat) for repeat in range(self.desk.settings.repeat)]
        answers = tuple(reply.answered for reply in replies)
        result = CaseResult(
            id=case.id,
            input=case.input,
            expected=" | ".join(case.expected),
            answers=answers,
            scores=await score(case, answers, replace(self.tools, again=self.candidate.again(case))),
            reused=all(reply.reused for reply in replies),
            metadata=case.metadata,
        )
        if not self.desk.settings.explain or result.passed or result.answer.error:
            return result
        return replace(result, explanation=await self.candidate.explain(case, result.answer))

    def _tell(self) -> None:
        self._on_progress(
            Progress(
                done=len(self._results),
                total=len(self.suite.cases),
                passed=self._passed,
                reused=self._reused,
                cost_usd=self.desk.purse.spent,
                seconds=self.desk.clock() - self._began,
            )
        )

    def report(self) -> Report:
        """Return what came out so far."""
        results = tuple(self._results[at] for at in sorted(self._results))
        return Report(
            app=self.target.app,
            way=self.target.way,
            candidate=self.target.candidate,
            model=self.target.model,
            suite=self.suite.name,
            suite_digest=self.suite.digest,
            results=results,
            measures=measures(results, self.suite.cases),
            pins=self.target.pins,
            stopped=self.stopped,
            started_at=self._started_at,
            seconds=self.desk.clock() - self._began,
            at_once=self.desk.settings.at_once,
            cost_usd=self.desk.purse.spent,
        )
