"""Jobs are done once, by whoever holds their lease, and taken over from workers that died."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from fourways.config.tree import Knowledge, Retention
from fourways.control import retention
from fourways.control.sync import Refresher
from fourways.control.worker import LEASE, Handler, Note, Worker, follow
from fourways.core.errors import Unavailable
from fourways.core.ids import DEFAULT_TENANT
from fourways.core.trace import Trace
from fourways.store import jobs, traces
from fourways.store.database import Database, open_database
from fourways.store.jobs import JobRow


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = open_database(f"sqlite:///{tmp_path / 'test.db'}")
    yield opened
    opened.close()


def submit(database: Database, **spec: Any) -> str:
    with database.transaction() as connection:
        return jobs.submit(connection, DEFAULT_TENANT, kind="sum", spec=spec, now=1.0).id


def row(database: Database, job_id: str) -> JobRow:
    with database.reading() as connection:
        return jobs.get_job(connection, DEFAULT_TENANT, job_id)


@asynccontextmanager
async def working(
    database: Database, handler: Handler, now: Callable[[], float], owner: str = "w"
) -> AsyncIterator[None]:
    async with Worker(database=database, handlers={"sum": handler}, owner=owner, now=now).beside():
        yield


async def test_a_job_is_done_and_its_result_kept(database: Database) -> None:
    async def handle(job: JobRow, note: Note) -> Mapping[str, Any]:
        note({"done": 1, "total": 1})
        return {"sum": sum(job.spec["of"])}

    job_id = submit(database, of=[1, 2])
    seen: list[str] = []
    async with working(database, handle, lambda: 2.0):
        (done,) = await follow(database, DEFAULT_TENANT, [job_id], lambda job: seen.append(job.state))
    assert (done.state, done.result) == ("done", {"sum": 3})
    assert seen[-1] == "done"


# what a handler raises, what the job then says
FAILURES = [(Unavailable("the index is away"), "the index is away"), (ValueError("no"), "ValueError: no")]


@pytest.mark.parametrize(("error", "said"), FAILURES)
async def test_a_failed_job_says_why(database: Database, error: Exception, said: str) -> None:
    async def handle(job: JobRow, note: Note) -> Mapping[str, Any]:
        raise error

    job_id = submit(database)
    async with working(database, handle, lambda: 2.0):
        (failed,) = await follow(database, DEFAULT_TENANT, [job_id], lambda _: None)
    assert (failed.state, failed.error) == ("failed", said)


async def test_a_worker_outlives_what_nobody_foresaw(database: Database) -> None:
    async def handle(job: JobRow, note: Note) -> Mapping[str, Any]:
        return {}

    looks = iter([ZeroDivisionError("a mistake of ours")])

    def now() -> float:
        for error in looks:
            raise error
        return 2.0

    job_id = submit(database)
    async with working(database, handle, now):
        async with asyncio.timeout(10):
            (done,) = await follow(database, DEFAULT_TENANT, [job_id], lambda _: None)
    assert done.state == "done"


async def test_a_worker_that_is_told_to_end_gives_its_job_back(database: Database) -> None:
    started = asyncio.Event()

    async def handle(job: JobRow, note: Note) -> Mapping[str, Any]:
        started.set()
        await asyncio.sleep(60)
        return {}

    job_id = submit(database)
    async with working(database, handle, lambda: 2.0):
        await started.wait()
    assert row(database, job_id).state == "queued"


async def test_a_dead_workers_job_is_taken_over_when_its_lease_has_run_out(database: Database) -> None:
    async def handle(job: JobRow, note: Note) -> Mapping[str, Any]:
        return {"by": job.owner}

    job_id = submit(database)
    with database.transaction() as connection:
        jobs.claim(connection, owner="dead", lease_seconds=LEASE, now=2.0, kinds=["sum"])
    clock = [3.0]
    async with working(database, handle, lambda: clock[0], owner="heir"):
        await asyncio.sleep(0.7)
        assert row(database, job_id).owner == "dead"
        clock[0] = 2.0 + LEASE + 0.1
        (done,) = await follow(database, DEFAULT_TENANT, [job_id], lambda _: None)
    assert (done.result, done.attempts) == ({"by": "heir"}, 2)


def test_a_knowledge_is_due_when_its_time_has_come() -> None:
    clock = [100.0]
    refresher = Refresher(now=lambda: clock[0])
    nodes = {
        "news": Knowledge.model_validate({"sources": [{"paths": ["."]}], "refresh": "1m"}),
        "book": Knowledge.model_validate({"sources": [{"paths": ["."]}]}),
    }
    assert refresher.due(nodes) == []
    clock[0] += 60
    assert refresher.due(nodes) == ["news"]
    refresher.asked("news")
    assert refresher.due(nodes) == []


def test_texts_are_forgotten_before_their_traces(database: Database) -> None:
    for age in (5.0, 50.0, 500.0):
        trace = Trace(now=partial(float, 1000.0 - age))
        trace.tenant, trace.question = DEFAULT_TENANT, "who am I?"
        trace.end()
        with database.transaction() as connection:
            traces.record_traces(connection, [trace])
    kept = Retention.model_validate({"traces": "100s", "texts": "10s"})
    assert retention.forget(database, DEFAULT_TENANT, kept, now=1000.0) == 2
    with database.reading() as connection:
        rows = traces.recent_traces(connection, DEFAULT_TENANT)
    assert [one.question for one in rows] == ["who am I?", None]
