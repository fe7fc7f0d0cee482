"""Releases: made of a candidate, gated, approved, promoted, rolled back; each move is one row: who, when, why."""

from collections.abc import Mapping
from typing import Any

from fourways.config.tree import Project
from fourways.control.policies import checked_stage, policy_of, read_policy
from fourways.control.showing import Shown, show, shown
from fourways.core.errors import IllegalTransition, InvalidRequest, NotFound
from fourways.core.ids import TenantId
from fourways.core.rollout import Line, Standing
from fourways.core.specs import Candidate
from fourways.core.verdict import Passed, Verdict, prove, read_verdict
from fourways.store import audit, candidates, jobs, releases
from fourways.store.database import Database, Transaction
from fourways.store.jobs import JobRow
from fourways.store.releases import ReleaseRow

GATE = "gate"
"""The kind of job that evaluates a draft and judges it."""
POLICY_ITSELF = "the project's policy"
"""Who approves where nobody must."""


# ---------------------------------------------------------------- making


def create(
    database: Database,
    tenant: TenantId,
    project: Project,
    candidate: Candidate,
    *,
    stage: str,
    actor: str,
    now: float,
    note: str = "",
    origin: int | None = None,
) -> ReleaseRow:
    """Make a draft and the job that evaluates it, in one transaction.

    Raises:
        NotFound: the project has no such app.
        InvalidRequest: there is no such stage.
    """
    if candidate.app not in project.apps:
        raise NotFound.named("app", candidate.app, project.apps)
    known = checked_stage(stage)
    policy = policy_of(project.apps[candidate.app], known)
    with database.transaction() as connection:
        release = releases.create(
            connection,
            tenant,
            app=candidate.app,
            stage=known,
            candidate=candidate.digest,
            way=candidate.way,
            policy=policy.plain(),
            actor=actor,
            now=now,
            note=note,
            origin=origin,
        )
        _audit(connection, tenant, release, "create", actor, now)
        jobs.submit(connection, tenant, kind=GATE, spec={"app": release.app, "release": release.number}, now=now)
    return release


def job_of(database: Database, tenant: TenantId, release: ReleaseRow) -> JobRow | None:
    """Return the job that evaluates a release, None where it has been forgotten."""
    with database.reading() as connection:
        mine = jobs.recent_jobs(connection, tenant, kind=GATE, limit=500)
    wanted = {"app": release.app, "release": release.number}
    return next((job for job in mine if dict(job.spec) == wanted), None)


def candidate_named(database: Database, tenant: TenantId, app: str, name: str | None, way: str) -> Candidate:
    """Return the candidate that a release is to be made of.

    Args:
        name: the beginning of its digest; the newest of `way` where None.

    Raises:
        NotFound: there is none.
    """
    with database.reading() as connection:
        if name is not None:
            return candidates.get_candidate(connection, tenant, app, name)
        newest = candidates.newest_candidate(connection, tenant, app, way)
    if newest is None:
        raise NotFound(f"nothing was built for '{app}' by {way} yet")
    return newest


# ---------------------------------------------------------------- moving


def gated(
    database: Database, tenant: TenantId, release: ReleaseRow, verdict: Verdict, *, report: str, now: float
) -> Line:
    """Let a draft through the gate, or reject it; where nobody must approve, it is approved at once.

    Args:
        report: the id of the report that was judged.
    """
    passed = verdict.outcome == "pass"
    detail = {"verdict": verdict.plain(), "report": report}
    reason = "every rule holds" if passed else "; ".join(verdict.reasons)
    event = "gate_passed" if passed else "gate_failed"
    with database.transaction() as connection:
        line = _move(connection, tenant, release, event, actor="the gate", now=now, reason=reason, detail=detail)
        if passed and read_policy(release).approval == "none":
            line = _move(connection, tenant, release, "approve", actor=POLICY_ITSELF, now=now)
    return line


def approve(
    database: Database, tenant: TenantId, app: str, number: int, *, actor: str, now: float, reason: str = ""
) -> Shown:
    """Approve a gated release: one call; where two must, by two different people.

    Raises:
        NotFound: there is no such release.
        IllegalTransition: it is not waiting for approval.
        InvalidRequest: this person has approved it already.
        Busy: somebody else moved it meanwhile.
    """
    with database.transaction() as connection:
        release = releases.get_release(connection, tenant, app, number)
        seen = releases.line_of(connection, tenant, app, release.stage).standings[number]
        if seen.state == "gated" and actor in seen.endorsed:
            raise InvalidRequest(f"{actor} has approved {release.name} already; another person must")
        enough = read_policy(release).approval != "two" or bool(seen.endorsed)
        event = "approve" if enough else "endorse"
        line = _move(connection, tenant, release, event, actor=actor, now=now, reason=reason, seen=seen)
    return shown(release, line)


def reject(
    database: Database, tenant: TenantId, app: str, number: int, *, actor: str, now: float, reason: str
) -> Shown:
    """Say no to a release that nobody has met yet; raises as `approve` does."""
    with database.transaction() as connection:
        release = releases.get_release(connection, tenant, app, number)
        line = _move(connection, tenant, release, "reject", actor=actor, now=now, reason=reason)
    return shown(release, line)


def promote(
    database: Database,
    tenant: TenantId,
    project: Project,
    app: str,
    number: int,
    *,
    actor: str,
    now: float,
    reason: str = "",
) -> Shown:
    """Make a canary live at once, by a person's word; or take what is live in staging on to production, as a new draft.

    Raises:
        NotFound: there is no such release.
        IllegalTransition: it is neither.
    """
    with database.transaction() as connection:
        release = releases.get_release(connection, tenant, app, number)
        line = releases.line_of(connection, tenant, app, release.stage)
        if not (release.stage == "staging" and line.live == number):
            said = reason or "promoted by a person, before the evidence was complete"
            return shown(release, _move(connection, tenant, release, "promote", actor=actor, now=now, reason=said))
        candidate = candidates.get_candidate(connection, tenant, app, release.candidate)
    note = reason or f"promoted from staging ({release.name})"
    made = create(
        database, tenant, project, candidate, stage="production", actor=actor, now=now, note=note, origin=number
    )
    return show(database, tenant, app, made.number)


def roll_back(
    database: Database,
    tenant: TenantId,
    app: str,
    number: int | None,
    *,
    stage: str = "production",
    actor: str,
    now: float,
    reason: str,
    detail: Mapping[str, Any] | None = None,
) -> Shown:
    """Take a canary or what is live back; the release before answers again from the next request on.

    Args:
        number: which; the canary, or else what is live, where None.

    Raises:
        NotFound: there is no such release, or nothing to roll back.
        IllegalTransition: it is neither canary nor live.
    """
    with database.transaction() as connection:
        if number is None:
            line = releases.line_of(connection, tenant, app, checked_stage(stage))
            number = line.canary or line.live
            if number is None:
                raise NotFound(f"'{app}' has neither a canary nor a live release in {stage}: nothing to roll back")
        release = releases.get_release(connection, tenant, app, number)
        line = _move(connection, tenant, release, "roll_back", actor=actor, now=now, reason=reason, detail=detail)
    return shown(release, line)


def start_canary(
    connection: Transaction, tenant: TenantId, release: ReleaseRow, passed: Passed, *, seen: Standing, now: float
) -> Line:
    """Let a release meet its first people. Only a proof that it passed the gate will do.

    Raises:
        IllegalTransition: the proof is another candidate's, or the release is not approved, or another canary runs.
        Busy: it no longer stands where it was seen.
    """
    if passed.candidate != release.candidate:
        raise IllegalTransition(f"the proof is of {passed.candidate[:12]}, not of {release.name} of '{release.app}'")
    return releases.append(
        connection,
        tenant,
        release,
        "start_canary",
        actor="the rollout",
        at=now,
        detail={"step": -1, "weight": 0.0},
        seen=seen,
    )


def proof_of(release: ReleaseRow, standing: Standing) -> Passed:
    """Return the proof that a release passed its gate, from the verdict in the log; raises Refused."""
    return prove(read_verdict(standing.gate or {"rules": ()}), release.candidate)


def _move(
    connection: Transaction,
    tenant: TenantId,
    release: ReleaseRow,
    event: str,
    *,
    actor: str,
    now: float,
    reason: str = "",
    detail: Mapping[str, Any] | None = None,
    seen: Standing | None = None,
) -> Line:
    line = releases.append(
        connection, tenant, release, event, actor=actor, at=now, reason=reason, detail=detail, seen=seen
    )
    _audit(connection, tenant, release, event, actor, now)
    return line


def _audit(connection: Transaction, tenant: TenantId, release: ReleaseRow, event: str, actor: str, now: float) -> None:
    subject = f"{release.app}@{release.name}"
    audit.append(connection, tenant, at=now, actor=actor, action=f"release.{event}", subject=subject)
