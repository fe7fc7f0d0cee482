"""A release on its way: who may do what when, and what is written down of it."""

from collections.abc import Iterator
from typing import Any

import pytest

from fourways.config.tree import Project
from fourways.control import releases, showing
from fourways.control.policies import policy_of, read_policy
from fourways.core.errors import IllegalTransition, InvalidRequest, NotFound, Refused
from fourways.core.ids import DEFAULT_TENANT as TENANT
from fourways.core.specs import Candidate
from fourways.core.verdict import RuleResult, Verdict, prove
from fourways.store import audit, candidates, jobs
from fourways.store import releases as rows
from fourways.store.database import Database, open_database

GOOD = Verdict(rules=(RuleResult(rule="passed at least 0.5", passed=True, figure=0.9, bound="≥ 0.5"),))
BAD = Verdict(rules=(RuleResult(rule="passed at least 0.5", passed=False, figure=0.1, bound="≥ 0.5", reason="10 %"),))


def project(**release: Any) -> Project:
    app = {"ways": {"prompt": {"model": "echo"}}, "release": release}
    return Project.model_validate({"project": "testing", "apps": {"desk": app}})


@pytest.fixture
def database() -> Iterator[Database]:
    opened = open_database("sqlite://")
    yield opened
    opened.close()


def candidate(database: Database, system: str = "hello") -> Candidate:
    made = Candidate(app="desk", way="prompt", parts={"prompt": {"system": system}})
    with database.transaction() as connection:
        candidates.save_candidate(connection, TENANT, made, now=1.0)
    return made


def draft(database: Database, node: Project | None = None, **more: Any) -> rows.ReleaseRow:
    facts: dict[str, Any] = {"stage": "production", "actor": "ann", "now": 1.0} | more
    return releases.create(database, TENANT, node or project(), candidate(database), **facts)


def state(database: Database, number: int = 1) -> str:
    return showing.show(database, TENANT, "desk", number).standing.state


def test_a_draft_comes_with_the_job_that_evaluates_it(database: Database):
    release = draft(database)
    job = releases.job_of(database, TENANT, release)
    assert job is not None
    assert (state(database), job.state, dict(job.spec)) == ("draft", "queued", {"app": "desk", "release": 1})


def test_a_candidate_that_passes_waits_for_a_person(database: Database):
    release = draft(database)
    releases.gated(database, TENANT, release, GOOD, report="rep_1", now=2.0)
    shown = showing.show(database, TENANT, "desk", 1)
    assert (shown.standing.state, shown.waits_for) == ("gated", "1 approval")
    assert releases.approve(database, TENANT, "desk", 1, actor="bob", now=3.0).standing.state == "approved"


def test_a_candidate_that_fails_is_rejected_and_the_log_says_by_which_rule(database: Database):
    releases.gated(database, TENANT, draft(database), BAD, report="rep_1", now=2.0)
    standing = showing.show(database, TENANT, "desk", 1).standing
    assert (standing.state, standing.judged) == ("rejected", "passed at least 0.5: 10 %")


def test_what_could_not_be_told_is_no_pass(database: Database):
    unknown = Verdict(rules=(RuleResult(rule="judge", passed=None, reason="not calibrated"),))
    releases.gated(database, TENANT, draft(database), unknown, report="rep_1", now=2.0)
    assert state(database) == "rejected"


def test_where_nobody_must_approve_the_policy_does(database: Database):
    releases.gated(database, TENANT, draft(database, project(approval="none")), GOOD, report="rep_1", now=2.0)
    assert state(database) == "approved"


def test_where_two_must_approve_they_are_two_different_people(database: Database):
    releases.gated(database, TENANT, draft(database, project(approval="two")), GOOD, report="rep_1", now=2.0)
    assert releases.approve(database, TENANT, "desk", 1, actor="ann", now=3.0).standing.state == "gated"
    with pytest.raises(InvalidRequest, match="another person"):
        releases.approve(database, TENANT, "desk", 1, actor="ann", now=4.0)
    assert releases.approve(database, TENANT, "desk", 1, actor="bob", now=5.0).standing.state == "approved"


@pytest.mark.parametrize("approval", ["one", "two"])
def test_what_was_approved_cannot_be_approved_again(database: Database, approval: str):
    releases.gated(database, TENANT, draft(database, project(approval=approval)), GOOD, report="rep_1", now=2.0)
    for actor in ("ann", "bob")[: 1 if approval == "one" else 2]:
        releases.approve(database, TENANT, "desk", 1, actor=actor, now=3.0)
    with pytest.raises(IllegalTransition, match="approved cannot approve"):
        releases.approve(database, TENANT, "desk", 1, actor="ann", now=4.0)


def test_a_draft_cannot_be_approved(database: Database):
    draft(database)
    with pytest.raises(IllegalTransition, match="draft cannot approve"):
        releases.approve(database, TENANT, "desk", 1, actor="ann", now=2.0)


def test_only_a_proof_of_the_same_candidate_starts_a_canary(database: Database):
    release = draft(database, project(approval="none"))
    releases.gated(database, TENANT, release, GOOD, report="rep_1", now=2.0)
    seen = showing.show(database, TENANT, "desk", 1).standing
    with pytest.raises(IllegalTransition, match="proof is of"), database.transaction() as connection:
        releases.start_canary(connection, TENANT, release, prove(GOOD, "f" * 64), seen=seen, now=3.0)
    with database.transaction() as connection:
        proof = releases.proof_of(release, seen)
        releases.start_canary(connection, TENANT, release, proof, seen=seen, now=3.0)
    assert state(database) == "canary"


def test_a_verdict_that_is_no_pass_proves_nothing():
    with pytest.raises(Refused, match="10 %"):
        prove(BAD, "c" * 64)


def live(database: Database, node: Project | None = None, stage: str = "production") -> rows.ReleaseRow:
    release = draft(database, node or project(approval="none"), stage=stage)
    releases.gated(database, TENANT, release, GOOD, report="rep_1", now=2.0)
    seen = showing.show(database, TENANT, "desk", release.number).standing
    with database.transaction() as connection:
        releases.start_canary(connection, TENANT, release, releases.proof_of(release, seen), seen=seen, now=3.0)
        rows.append(connection, TENANT, release, "promote", actor="the rollout", at=4.0)
    return release


def test_rolling_back_without_a_number_takes_the_canary_or_else_live(database: Database):
    live(database)
    live(database)
    shown = releases.roll_back(database, TENANT, "desk", None, actor="ann", now=5.0, reason="wrong prices")
    assert (shown.release.name, state(database, 1), state(database, 2)) == ("r2", "live", "rolled_back")


def test_there_may_be_nothing_to_roll_back(database: Database):
    with pytest.raises(NotFound, match="nothing to roll back"):
        releases.roll_back(database, TENANT, "desk", None, actor="ann", now=5.0, reason="x")


def test_what_is_live_in_staging_goes_on_to_production_as_a_new_draft(database: Database):
    node = project()
    live(database, node, stage="staging")
    shown = releases.promote(database, TENANT, node, "desk", 1, actor="ann", now=5.0)
    assert (shown.release.name, shown.release.stage, shown.release.origin) == ("r2", "production", 1)


def test_a_policy_stays_as_it_was_when_the_release_was_made(database: Database):
    release = draft(database, project(approval="two", canary={"steps": [{"setWeight": 10}, {"pause": "1m"}]}))
    policy = read_policy(rows_of(database, release))
    assert policy == policy_of(
        project(approval="two", canary={"steps": [{"setWeight": 10}, {"pause": "1m"}]}).apps["desk"], "production"
    )
    assert [step.set_weight for step in policy.canary.steps] == [10, None]


def rows_of(database: Database, release: rows.ReleaseRow) -> rows.ReleaseRow:
    with database.reading() as connection:
        return rows.get_release(connection, TENANT, "desk", release.number)


def test_in_staging_nobody_waits(database: Database):
    policy = policy_of(project(approval="two").apps["desk"], "staging")
    assert (policy.approval, policy.canary.steps) == ("none", [])


def test_whatever_people_do_stands_in_the_audit_log_too(database: Database):
    releases.gated(database, TENANT, draft(database), GOOD, report="rep_1", now=2.0)
    releases.reject(database, TENANT, "desk", 1, actor="bob", now=3.0, reason="tone")
    with database.reading() as connection:
        acts = [(entry.actor, entry.action) for entry in audit.entries(connection, TENANT)]
    assert acts == [("ann", "release.create"), ("the gate", "release.gate_passed"), ("bob", "release.reject")]


def test_a_difference_is_named_by_its_place(database: Database):
    draft(database)
    other = candidate(database, "good day")
    facts: dict[str, Any] = {"stage": "production", "actor": "ann", "now": 1.0}
    releases.create(database, TENANT, project(), other, **facts)
    [found] = showing.diff(database, TENANT, "desk", 1, 2)
    assert (found.place, found.before, found.after) == ("prompt.system", "hello", "good day")


@pytest.mark.parametrize(("name", "number"), [("r3", 3), ("12", 12)])
def test_a_release_is_named_with_or_without_its_letter(name: str, number: int):
    assert showing.number_of(name) == number


def test_what_names_no_release_is_refused():
    with pytest.raises(InvalidRequest, match="right would be r3"):
        showing.number_of("latest")


def test_a_job_is_not_forgotten_with_others(database: Database):
    draft(database)
    with database.transaction() as connection:
        jobs.submit(connection, TENANT, kind="sync", spec={"knowledge": "x"}, now=9.0)
    assert releases.job_of(database, TENANT, rows_of(database, draft(database))) is not None
