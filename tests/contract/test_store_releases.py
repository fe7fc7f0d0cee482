"""Releases and their log, and what the arms of a canary did, on every database."""

from typing import Any

import pytest

from fourways.core.errors import Busy, IllegalTransition, InvalidRequest, NotFound, UpstreamError
from fourways.core.ids import TenantId
from fourways.core.trace import Trace
from fourways.store import arms, chain, feedback, releases, schema, traces
from fourways.store.database import Database
from fourways.store.releases import ReleaseRow

ACME = TenantId("acme")
PATH = ("gate_passed", "approve", "start_canary", "promote")


def make(database: Database, app: str = "desk", **more: Any) -> ReleaseRow:
    facts: dict[str, Any] = {
        "stage": "production",
        "candidate": "c" * 64,
        "way": "rag",
        "policy": {},
        "actor": "ann",
        "now": 1.0,
    }
    with database.transaction() as connection:
        return releases.create(connection, ACME, app=app, **(facts | more))


def walk(database: Database, release: ReleaseRow, *events: str) -> None:
    for event in events:
        with database.transaction() as connection:
            releases.append(connection, ACME, release, event, actor="ann", at=2.0)


def test_an_app_counts_its_releases_from_one(database: Database):
    assert [make(database).name, make(database).name, make(database, app="other").name] == ["r1", "r2", "r1"]


def test_where_a_release_stands_is_what_the_log_says(database: Database):
    walk(database, make(database), *PATH)
    second = make(database)
    walk(database, second, *PATH[:3])
    with database.reading() as connection:
        line = releases.line_of(connection, ACME, "desk", "production")
    assert (line.live, line.canary) == (1, 2)


def test_an_illegal_move_leaves_no_row(database: Database):
    with pytest.raises(IllegalTransition, match="draft cannot promote"):
        walk(database, make(database), "promote")
    with database.reading() as connection:
        assert [event.event for event in releases.events(connection, ACME)] == ["create"]


def test_a_move_that_was_decided_on_what_is_no_longer_so_is_refused(database: Database):
    release = make(database)
    with database.reading() as connection:
        seen = releases.line_of(connection, ACME, "desk", "production").standings[1]
    walk(database, release, "gate_passed")
    with pytest.raises(Busy, match="moved by somebody else"), database.transaction() as connection:
        releases.append(connection, ACME, release, "reject", actor="bob", at=3.0, seen=seen)


def test_the_chain_breaks_where_it_was_touched(database: Database):
    walk(database, make(database), *PATH)
    table = schema.release_log
    with database.transaction() as connection:
        assert releases.verify(connection, ACME).length == 5
        connection.execute(table.update().where(table.c.number == 3).values(actor="mallory"))
    with database.reading() as connection:
        found = releases.verify(connection, ACME)
    assert (found.length, found.broken) == (2, "entry 3 was changed after it was written")


def test_a_row_that_was_taken_out_is_missed(database: Database):
    walk(database, make(database), *PATH)
    table = schema.release_log
    with database.transaction() as connection:
        connection.execute(table.delete().where(table.c.number == 2))
        assert releases.verify(connection, ACME) == chain.Chain(
            length=1, head=releases_hash(connection, 1), broken="entry 2 is missing: after 1 comes 3"
        )


def releases_hash(connection: Any, number: int) -> str:
    table = schema.release_log
    return str(connection.execute(table.select().where(table.c.number == number)).mappings().one()["hash"])


def test_another_tenant_sees_nothing(database: Database):
    make(database)
    with database.reading() as connection:
        assert releases.releases_of(connection, TenantId("other")) == []
        with pytest.raises(NotFound):
            releases.get_release(connection, TenantId("other"), "desk", 1)


def answered(
    arm: str, release: str | None, *, at: float, error: Exception | None = None, seconds: float = 0.5, **facts: Any
) -> Trace:
    trace = Trace(clock=iter([0.0, seconds]).__next__, now=lambda: at)
    trace.tenant, trace.app, trace.release = ACME, "desk", release
    trace.attributes |= {"arm": arm, **facts}
    trace.question, trace.answer = "why?", "because"
    trace.end(error)
    return trace


def test_arms_are_counted_from_traces(database: Database):
    asked = [
        answered("canary", "r2", at=10.0, seconds=2.0),
        answered("canary", "r2", at=11.0, error=UpstreamError("broke")),
        answered("canary", "r2", at=12.0, error=InvalidRequest("nonsense")),
        answered("canary", "r1", at=12.0),  # a former canary's
        answered("control", "r1", at=12.0, intervened=True),
        answered("control", None, at=9.0),  # before it began
    ]
    with database.transaction() as connection:
        traces.record_traces(connection, asked)
        feedback.save_feedback(connection, ACME, trace_id=asked[0].id, opinion=feedback.Opinion(thumb=-1), now=1.0)
        counted = arms.count_arms(connection, ACME, "desk", release="r2", since=10.0)
        put = arms.questions_put(connection, ACME, "desk", release="r2", arm="control", since=10.0, limit=5)
    canary, control = counted["canary"], counted["control"]
    assert (canary.requests, canary.failures, canary.thumbs_down, canary.durations) == (2, 1, 1, (2.0,))
    assert (control.requests, control.failures, control.interventions) == (1, 0, 1)
    assert [one.trace_id for one in put] == [asked[4].id]


def test_an_arm_that_nobody_met_did_nothing(database: Database):
    with database.reading() as connection:
        counted = arms.count_arms(connection, ACME, "desk", release="r2", since=0.0)
    assert counted["canary"].requests == counted["control"].requests == 0
