"""The job between a draft and its approval: the candidate is evaluated, and the gate judges the report."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from fourways.control import releases as moves
from fourways.control.evaluations import Ask, Evaluator
from fourways.control.policies import read_policy
from fourways.control.worker import Handler, Note
from fourways.core.ids import TenantId
from fourways.core.trace import Clock
from fourways.evals.gate import Live
from fourways.evals.runner import OnProgress, Progress
from fourways.store import releases
from fourways.store.database import Database
from fourways.store.jobs import JobRow
from fourways.store.releases import ReleaseRow

BASELINE = Ask(robustness=False, explain=False)
"""What is live is measured for its figures alone."""


def gate_handler(
    database: Database,
    tenant: TenantId,
    evaluator: Callable[[], Evaluator],
    *,
    moved: Callable[[], Awaitable[None]],
    now: Clock = time.time,
) -> Handler:
    """Return what does a gate job. Killed, it is begun again, and goes on from the answers that were kept.

    Args:
        moved: puts what the release log says in force in this process: a draft made elsewhere, before it is asked.
    """

    async def handle(job: JobRow, note: Note) -> Mapping[str, Any]:
        release, live, state = await asyncio.to_thread(_read, database, tenant, job.spec)
        if state != "draft":
            return {"state": state, "why": "it was judged already"}
        await moved()
        judge = evaluator()
        steps = 1 if live is None else 2
        report = await judge.evaluate(
            f"{release.app}@{release.name}", on_progress=_noting(note, release.name, 1, steps)
        )
        baseline = None
        if live is not None:
            measured = await judge.evaluate(
                f"{release.app}@{live.name}", asking=BASELINE, on_progress=_noting(note, live.name, 2, steps)
            )
            baseline = Live(name=live.name, report=measured)
        verdict = judge.verdict(report, read_policy(release).gate, baseline)
        line = await asyncio.to_thread(moves.gated, database, tenant, release, verdict, report=report.id, now=now())
        await moved()
        return {"state": line.standings[release.number].state, "report": report.id, "outcome": verdict.outcome}

    return handle


def _noting(note: Note, name: str, part: int, parts: int) -> OnProgress:
    """Return what tells a job's progress of one of its evaluations."""

    def on_progress(progress: Progress) -> None:
        what = f"{name}: {progress.passed} passed" + (f", {progress.reused} known already" if progress.reused else "")
        done, total = (part - 1) * progress.total + progress.done, parts * progress.total
        note({"done": done, "total": total, "what": what})

    return on_progress


def _read(database: Database, tenant: TenantId, spec: Mapping[str, Any]) -> tuple[ReleaseRow, ReleaseRow | None, str]:
    with database.reading() as connection:
        release = releases.get_release(connection, tenant, spec["app"], spec["release"])
        line = releases.line_of(connection, tenant, release.app, release.stage)
        live = None if line.live is None else releases.get_release(connection, tenant, release.app, line.live)
    return release, live, line.standings[release.number].state
