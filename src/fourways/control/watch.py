"""Watches releases on their way: starts what is approved, walks canaries through their steps, takes bad ones back.

Everything it knows stands in the release log and in traces, so that after `kill -9` the next one goes on; and each
move is made only where the release still stands as it was seen, so that several may watch at once.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from fourways.config.releasing import Canary
from fourways.control import releases as moves
from fourways.control.again import again
from fourways.control.judging import NO_OPINIONS, Opinions, judge
from fourways.control.policies import read_policy
from fourways.control.standings import StandingsRead
from fourways.control.steps import due
from fourways.core.errors import Busy, FourwaysError, IllegalTransition
from fourways.core.ids import TenantId
from fourways.core.rollout import Line, Standing
from fourways.core.trace import Clock
from fourways.evals.canary import Decision
from fourways.store import releases
from fourways.store.database import Database
from fourways.store.releases import ReleaseRow

LOG = logging.getLogger(__name__)

LOOK = 0.5
"""Seconds between two looks at least."""
LOAD = 10.0
"""A look that took long is followed by a pause so many times as long: watching must not load the database."""
ACTOR = "the rollout"

Opine = Callable[[ReleaseRow], Opinions]
"""Says what judges and replays have said of a canary so far; waits for nothing."""


def no_opinions(release: ReleaseRow) -> Opinions:  # noqa: ARG001 - an `Opine`
    """Know of none."""
    return NO_OPINIONS


@dataclass(slots=True, kw_only=True)
class Watch:
    """Looks after every app's releases.

    Attributes:
        moved: called after each move, so that this process serves it at once.
        opine: what judges and replays say.
        now: Unix seconds.
    """

    database: Database
    tenant: TenantId
    moved: Callable[[], Awaitable[None]]
    opine: Opine = no_opinions
    now: Clock = time.time
    _standings: StandingsRead = field(init=False)

    def __post_init__(self) -> None:
        self._standings = StandingsRead(self.database, self.tenant)

    async def run(self) -> None:
        """Watch until cancelled."""
        await again(self.look, "releases could not be looked after", pause=LOOK, load=LOAD)

    async def look(self) -> None:
        """Do once whatever is due."""
        standings = await asyncio.to_thread(self._standings.now)
        for (app, stage), line in standings.lines.items():
            try:
                if await self._tend(line, {row.number: row for row in standings.rows if row.app == app}):
                    await self.moved()
            except (Busy, IllegalTransition) as error:
                LOG.info("%s in %s: %s", app, stage, error)
            except FourwaysError as error:  # of this one alone: no other app waits for it
                LOG.warning("%s in %s cannot be looked after: %s", app, stage, error)

    async def _tend(self, line: Line, rows: Mapping[int, ReleaseRow]) -> bool:
        """Do what is due in one app's stage; return whether anything was moved."""
        if line.canary is not None:
            return await self._walk(rows[line.canary], line.standings[line.canary])
        approved = [number for number, standing in line.standings.items() if standing.state == "approved"]
        if not approved:
            return False
        number = min(approved)
        await asyncio.to_thread(self._start, rows[number], line.standings[number])
        return True

    def _start(self, release: ReleaseRow, seen: Standing) -> None:
        passed = moves.proof_of(release, seen)
        with self.database.transaction() as connection:
            moves.start_canary(connection, self.tenant, release, passed, seen=seen, now=self.now())

    async def _walk(self, release: ReleaseRow, seen: Standing) -> bool:
        """Take one canary a step on, or back."""
        canary = read_policy(release).canary
        if not canary.steps:
            await self._append(release, seen, "promote", "its policy has no canary steps")
            return True
        opinions = self.opine(release)
        decision = await asyncio.to_thread(judge, self.database, self.tenant, release, seen, opinions)
        verdict = {"verdict": decision.verdict.plain()}
        if decision.action == "abort":
            reason = "; ".join(decision.verdict.reasons)
            await self._append(release, seen, "roll_back", reason, verdict)
            LOG.warning("%s of '%s' was rolled back: %s", release.name, release.app, reason)
            return True
        if decision.looks > seen.looks:
            await self._append(release, seen, "look", "", {"look": decision.looks, **verdict})
            return True
        return await self._step(release, seen, canary, decision)

    async def _step(self, release: ReleaseRow, seen: Standing, canary: Canary, decision: Decision) -> bool:
        now, sound = self.now(), decision.action == "sound"
        last = seen.shifts[-1]
        next_ = due(canary.steps, last, now=now, sound=sound)
        if next_.shift is not None:
            detail = {"step": next_.shift.step, "weight": next_.shift.weight}
            await self._append(release, seen, "shift", f"step {next_.shift.step + 1} of {len(canary.steps)}", detail)
            return True
        if next_.finished and sound and now - last.at >= canary.hold.total_seconds():
            reason = "shown to be no worse: every rule of its analysis holds"
            await self._append(release, seen, "promote", reason, {"verdict": decision.verdict.plain()})
            return True
        return False

    async def _append(
        self, release: ReleaseRow, seen: Standing, event: str, reason: str, detail: Mapping[str, Any] | None = None
    ) -> None:
        await asyncio.to_thread(self._write, release, seen, event, reason, detail or {})

    def _write(self, release: ReleaseRow, seen: Standing, event: str, reason: str, detail: Mapping[str, Any]) -> None:
        with self.database.transaction() as connection:
            releases.append(
                connection,
                self.tenant,
                release,
                event,
                actor=ACTOR,
                at=self.now(),
                reason=reason,
                detail=detail,
                seen=seen,
            )
