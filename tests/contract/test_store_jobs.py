"""What the store promises of jobs on every database: idempotent, leased, taken over, never done twice at once."""

import threading

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fourways.core.errors import Busy, IllegalTransition, NotFound
from fourways.core.ids import TenantId
from fourways.core.lifecycle import JOB
from fourways.store import jobs
from fourways.store.database import Database

ACME, OTHER = TenantId("acme"), TenantId("other")


def submit(connection, spec=0, now=1.0, tenant=ACME, kind="sync"):
    return jobs.submit(connection, tenant, kind=kind, spec={"knowledge": spec}, now=now)


def claim(connection, owner="w1", now=10.0, kinds=("sync",)):
    return jobs.claim(connection, owner=owner, lease_seconds=5.0, now=now, kinds=kinds)


def beat(connection, job, now, progress=None):
    return jobs.heartbeat(connection, ACME, job.id, owner="w1", lease_seconds=5.0, now=now, progress=progress)


def test_work_that_waits_or_runs_is_not_submitted_twice(database: Database):
    with database.transaction() as connection:
        first = submit(connection)
        assert submit(connection, now=2.0) == first
        running = claim(connection)
        assert submit(connection) == running
        jobs.finish(connection, ACME, first.id, owner="w1", result={}, now=11.0)
        assert submit(connection).id != first.id


def test_a_person_who_asks_again_gets_all_the_attempts_again(database: Database):
    with database.transaction() as connection:
        submit(connection)
        for number in range(jobs.ATTEMPTS):
            assert claim(connection, now=10.0 + 10 * number) is not None
        spec = {"knowledge": 0}
        asked = jobs.submit(connection, ACME, kind="sync", spec=spec, now=70.0, afresh=True)
        assert (asked.state, asked.attempts) == ("running", 0)
        resumed = claim(connection, now=100.0)
        assert resumed is not None
        assert (resumed.id, resumed.attempts) == (asked.id, 1)


def test_other_work_and_other_tenants_have_jobs_of_their_own(database: Database):
    with database.transaction() as connection:
        asked = [submit(connection), submit(connection, spec=1), submit(connection, kind="eval")]
        asked.append(submit(connection, tenant=OTHER))
        assert len({job.id for job in asked}) == 4
        assert len(jobs.recent_jobs(connection, ACME)) == 3
        with pytest.raises(NotFound):
            jobs.get_job(connection, OTHER, asked[0].id)
        with pytest.raises(NotFound):
            jobs.cancel(connection, OTHER, asked[0].id, now=2.0)


def test_the_oldest_of_the_kinds_a_worker_knows_is_claimed(database: Database):
    with database.transaction() as connection:
        submit(connection, spec="new", now=3.0)
        old = submit(connection, spec="old", now=2.0)
        submit(connection, kind="train", now=1.0)
        job = claim(connection)
        assert job is not None
        assert job.id == old.id
        assert (job.state, job.owner, job.lease_until, job.attempts) == ("running", "w1", 15.0, 1)
        assert claim(connection, kinds=()) is None


def test_a_job_is_done_and_keeps_its_result(database: Database):
    with database.transaction() as connection:
        job = submit(connection)
        claim(connection)
        done = jobs.finish(connection, ACME, job.id, owner="w1", result={"documents": 3}, now=12.0)
        assert (done.state, done.result, done.owner, done.finished_at) == ("done", {"documents": 3}, None, 12.0)
        assert claim(connection, now=99.0) is None
        assert jobs.get_job(connection, ACME, job.id[:10]) == done


def test_a_heartbeat_keeps_the_lease_and_notes_progress(database: Database):
    with database.transaction() as connection:
        job = submit(connection)
        claim(connection, now=10.0)
        assert beat(connection, job, now=14.0, progress={"done": 7})
        assert claim(connection, owner="w2", now=18.0) is None
        assert beat(connection, job, now=18.0)
        assert jobs.get_job(connection, ACME, job.id).progress == {"done": 7}


def test_a_lost_lease_is_taken_over_and_its_old_owner_learns_so(database: Database):
    with database.transaction() as connection:
        job = submit(connection)
        claim(connection, owner="w1", now=10.0)
        assert claim(connection, owner="w2", now=15.0) is None
        taken = claim(connection, owner="w2", now=15.1)
        assert taken is not None
        assert (taken.id, taken.owner, taken.attempts) == (job.id, "w2", 2)
        assert not beat(connection, job, now=15.2)
        with pytest.raises(Busy, match="w2 took it over"):
            jobs.finish(connection, ACME, job.id, owner="w1", result={}, now=15.3)


def test_a_job_that_kills_its_workers_is_given_up(database: Database):
    with database.transaction() as connection:
        job, next_one = submit(connection), submit(connection, spec=1, now=2.0)
        now = 10.0
        for _ in range(jobs.ATTEMPTS):
            claimed = claim(connection, now=now)
            assert claimed is not None
            assert claimed.id == job.id
            now += 6.0
        after = claim(connection, now=now)
        assert after is not None
        assert after.id == next_one.id
        given_up = jobs.get_job(connection, ACME, job.id)
        assert given_up.state == "failed"
        assert "died 5 times" in str(given_up.error)


def test_a_worker_told_to_stop_gives_its_job_back(database: Database):
    with database.transaction() as connection:
        job = submit(connection)
        claim(connection)
        jobs.give_back(connection, ACME, job.id, owner="w1")
        again = claim(connection, owner="w2", now=10.1)
        assert again is not None
        assert (again.owner, again.attempts) == ("w2", 1)


def test_a_cancelled_job_stops_its_owner(database: Database):
    with database.transaction() as connection:
        job = submit(connection)
        claim(connection)
        jobs.cancel(connection, ACME, job.id, now=11.0)
        assert not beat(connection, job, now=11.1)
        with pytest.raises(IllegalTransition, match="cancelled cannot finish"):
            jobs.finish(connection, ACME, job.id, owner="w1", result={}, now=11.2)


def test_a_failed_job_is_tried_again_unless_its_work_was_submitted_anew(database: Database):
    with database.transaction() as connection:
        job = submit(connection)
        claim(connection)
        failed = jobs.fail(connection, ACME, job.id, owner="w1", error="no disk\0left", now=11.0)
        assert (failed.state, failed.error) == ("failed", "no disk\ufffdleft")
        submit(connection, now=12.0)
        with pytest.raises(Busy, match="submitted again"):
            jobs.retry(connection, ACME, job.id)
        claimed = claim(connection, now=13.0)
        assert claimed is not None
        jobs.finish(connection, ACME, claimed.id, owner="w1", result={}, now=14.0)
        retried = jobs.retry(connection, ACME, job.id)
        assert (retried.state, retried.error, retried.attempts) == ("queued", None, 0)


def test_recent_jobs_can_be_narrowed(database: Database):
    with database.transaction() as connection:
        for now in (1.0, 2.0, 3.0):
            submit(connection, spec=now, now=now)
        submit(connection, kind="eval", now=4.0)
        claim(connection)
        assert [job.created_at for job in jobs.recent_jobs(connection, ACME, limit=2)] == [4.0, 3.0]
        assert [job.created_at for job in jobs.recent_jobs(connection, ACME, kind="sync", state="queued")] == [3.0, 2.0]


def test_workers_never_share_a_job(database: Database):
    with database.transaction() as connection:
        asked = {submit(connection, spec=number).id for number in range(20)}
    got: list[str] = []

    def work(owner: str):
        while True:
            with database.transaction() as connection:
                job = claim(connection, owner=owner)
            if job is None:
                return
            got.append(job.id)

    workers = [threading.Thread(target=work, args=(f"w{number}",)) for number in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(got) == sorted(asked)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(events=st.lists(st.sampled_from(["claim", "finish", "fail", "cancel", "retry", "give_back"]), max_size=8))
def test_every_history_follows_the_lifecycle(database: Database, events):
    act = {
        "finish": lambda c, job: jobs.finish(c, ACME, job, owner="w1", result={}, now=2.0),
        "fail": lambda c, job: jobs.fail(c, ACME, job, owner="w1", error="x", now=2.0),
        "give_back": lambda c, job: jobs.give_back(c, ACME, job, owner="w1"),
        "cancel": lambda c, job: jobs.cancel(c, ACME, job, now=2.0),
        "retry": lambda c, job: jobs.retry(c, ACME, job),
    }
    moves = {"give_back": "lose"}
    with database.transaction() as connection:
        job = submit(connection, tenant=ACME, kind="law")
        for event in events:
            state = jobs.get_job(connection, ACME, job.id).state
            expected = JOB[state].get(moves.get(event, event))
            if event == "claim":
                claim(connection, now=2.0, kinds=("law",))
                expected = expected or state
            elif expected is None:
                expected = state
                with pytest.raises(IllegalTransition):
                    act[event](connection, job.id)
            else:
                act[event](connection, job.id)
            assert jobs.get_job(connection, ACME, job.id).state == expected
        connection.rollback()
