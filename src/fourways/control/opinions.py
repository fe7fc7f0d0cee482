"""What judges and replays say of a canary: gathered beside the watch, off the request path, each thing asked once."""

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field

from fourways.config.releasing import Analysis
from fourways.control.again import again
from fourways.control.judging import NO_OPINIONS, Opinion, Opinions
from fourways.control.policies import read_policy
from fourways.control.standings import StandingsRead
from fourways.core.chat import Answerer
from fourways.core.ids import TenantId, digest
from fourways.core.report import Answered
from fourways.core.rollout import Standing, bucket
from fourways.evals.asking import request_of
from fourways.evals.cases import Assertion, Case
from fourways.evals.desk import Cache, Desk
from fourways.evals.scorers import SCORERS
from fourways.evals.scorers.base import Tools
from fourways.store import arms
from fourways.store.arms import ARMS, Put
from fourways.store.database import Database
from fourways.store.releases import ReleaseRow

PAUSE = 1.0
"""Seconds between two rounds."""
A_ROUND = 8
"""Questions of a round at most, so that a slow model holds nobody up."""
MOST_JUDGED = 500
"""Answers of an arm that a judge scores at most."""

Quality = float
"""In [0, 1]."""


@dataclass(slots=True)
class _Known:
    """What has been gathered of one canary, by trace; `tried` counts what was begun, whatever came of it."""

    judged: dict[str, dict[str, Opinion]] = field(default_factory=lambda: {arm: {} for arm in ARMS})
    pairs: dict[str, tuple[Quality, Quality]] = field(default_factory=dict)
    tried: Counter[str] = field(default_factory=Counter)

    def next(self, put: Iterable[Put], done: Collection[str], many: int) -> list[Put]:
        """Take what is to be done in a round: what was least tried first, so that what yields nothing blocks none."""
        fresh = sorted((one for one in put if one.trace_id not in done), key=lambda one: self.tried[one.trace_id])
        self.tried.update(one.trace_id for one in fresh[:many])
        return fresh[:many]


@dataclass(slots=True, kw_only=True)
class Gatherer:
    """Gathers opinions of every canary whose policy asks for them.

    Attributes:
        serve: what answers for an app's canary (True) or for the others (False), as the gateway would.
        kept: where an app's answers are kept, so that a restart asks nothing twice.
        desk: where questions are put, over what is kept.
        tools: what scorers may use.
    """

    database: Database
    tenant: TenantId
    serve: Callable[[str, bool], Answerer]
    kept: Callable[[str], AbstractAsyncContextManager[Cache]]
    desk: Callable[[Cache], Desk]
    tools: Callable[[Desk], Tools]
    _known: dict[tuple[str, int], _Known] = field(default_factory=dict)
    _standings: StandingsRead = field(init=False)

    def __post_init__(self) -> None:
        self._standings = StandingsRead(self.database, self.tenant)

    def known(self, release: ReleaseRow) -> Opinions:
        """Return what is known of a canary now; waits for nothing."""
        analysis = read_policy(release).canary.analysis
        found = self._known.get((release.app, release.number))
        if found is None:
            return Opinions(judged={}, wanted=analysis.shadow) if analysis.shadow else NO_OPINIONS
        pairs = list(found.pairs.values())
        return Opinions(
            judged={arm: list(scores.values()) for arm, scores in found.judged.items()},
            canary=[ours for ours, _ in pairs],
            control=[theirs for _, theirs in pairs],
            wanted=analysis.shadow,
        )

    async def run(self) -> None:
        """Gather until cancelled."""
        await again(self.gather, "opinions of a canary could not be gathered", pause=PAUSE)

    async def gather(self) -> None:
        """Do one round for every canary."""
        for release, standing in await asyncio.to_thread(self._canaries):
            analysis = read_policy(release).canary.analysis
            if not (analysis.judge or analysis.shadow):
                continue
            known = self._known.setdefault((release.app, release.number), _Known())
            async with self.kept(release.app) as kept:
                desk = self.desk(kept)
                tools = self.tools(desk)
                if analysis.judge:
                    await self._judge(release, standing, analysis, known, tools)
                if analysis.shadow:
                    await self._replay(release, standing, analysis, known, desk, tools)

    def _canaries(self) -> list[tuple[ReleaseRow, Standing]]:
        standings = self._standings.now()
        return [
            (standings.release(app, line.canary), line.standings[line.canary])
            for (app, _), line in standings.lines.items()
            if line.canary is not None
        ]

    # ------------------------------------------------------------ a judge on a sample of live answers

    async def _judge(
        self, release: ReleaseRow, standing: Standing, analysis: Analysis, known: _Known, tools: Tools
    ) -> None:
        for arm in ARMS:
            put = await asyncio.to_thread(self._put, release, standing, arm, MOST_JUDGED)
            sampled = [one for one in put if bucket("judge", one.trace_id) < analysis.sample]
            fresh = known.next(sampled, known.judged[arm], A_ROUND)
            graded = (self._graded(one.question, Answered(text=one.answer), analysis, tools) for one in fresh)
            scores = await asyncio.gather(*graded)
            for one, score in zip(fresh, scores, strict=True):
                if score is not None:
                    known.judged[arm][one.trace_id] = Opinion(at=one.at, score=score)

    # ------------------------------------------------------------ the same questions to both

    async def _replay(
        self,
        release: ReleaseRow,
        standing: Standing,
        analysis: Analysis,
        known: _Known,
        desk: Desk,
        tools: Tools,
    ) -> None:
        missing = analysis.shadow - len(known.pairs)
        if missing <= 0:
            return
        put = await asyncio.to_thread(self._put, release, standing, "control", analysis.shadow)
        for one in known.next(put, known.pairs, min(missing, A_ROUND)):
            answers = [await self._asked(release, one, desk, canary=canary) for canary in (True, False)]
            ours, theirs = [await self._quality(one.question, answer, analysis, tools) for answer in answers]
            if ours is not None and theirs is not None:
                known.pairs[one.trace_id] = (ours, theirs)

    async def _asked(self, release: ReleaseRow, put: Put, desk: Desk, *, canary: bool) -> Answered:
        """Put a question to one side, as nobody in particular: what only some may read is out of both sides' reach."""
        case = Case(id=put.trace_id, messages=({"role": "user", "content": put.question},))
        request = request_of(case, release.app, temperature=None)
        key = digest(["shadow", release.app, release.number, canary, put.trace_id])
        return (await desk.ask(key, self.serve(release.app, canary), request)).answered

    async def _quality(self, question: str, answered: Answered, analysis: Analysis, tools: Tools) -> Quality | None:
        """Say how good an answer is: by the judge where there is one, else by its sources, else by whether it came."""
        if answered.error:
            return 0.0
        if analysis.judge:
            return await self._graded(question, answered, analysis, tools)
        if answered.sources and not answered.abstained:
            asked = Assertion(type="groundedness")
            case = Case(id="shadow", messages=({"role": "user", "content": question},))
            return (await SCORERS["groundedness"].score(case, (answered,), asked, tools)).value
        return 0.0 if answered.abstained else 1.0

    async def _graded(self, question: str, answered: Answered, analysis: Analysis, tools: Tools) -> Quality | None:
        case = Case(id="live", messages=({"role": "user", "content": question},))
        asked = Assertion(type="judge", model=analysis.judge or "")
        return (await SCORERS["judge"].score(case, (answered,), asked, tools)).value

    def _put(self, release: ReleaseRow, standing: Standing, arm: str, limit: int) -> list[Put]:
        since = standing.shifts[0].at
        with self.database.reading() as connection:
            return arms.questions_put(
                connection, self.tenant, release.app, release=release.name, arm=arm, since=since, limit=limit
            )
