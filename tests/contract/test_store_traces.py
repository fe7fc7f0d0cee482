"""What the store promises of traces on every database: each kept once, found by id, forgotten in time."""

import pytest

from fourways.core.errors import InvalidRequest, NotFound
from fourways.core.ids import DEFAULT_TENANT, TenantId
from fourways.core.trace import Trace, Usage
from fourways.store import traces
from fourways.store.database import Database

ACME, OTHER = TenantId("acme"), TenantId("other")


def trace(identity="a1", started_at=100.0, tenant: TenantId | None = ACME, error=None, app="helpdesk", question=None):
    made = Trace(clock=iter(range(100)).__next__, now=lambda: started_at, trace_id=identity)
    made.tenant, made.app, made.question = tenant, app, question
    with made.span("retrieve") as span:
        span.set(hits=[{"document": "docs/vpn.md", "score": 0.5}], query="how do I reset it?")
    made.end(error)
    return made


def ids(rows):
    return [row.id for row in rows]


def test_a_trace_is_kept_whole(database: Database):
    made = trace(question="What\0is \udfff this?")
    made.usage = Usage(input_tokens=10, output_tokens=2, cached_tokens=4, reasoning_tokens=1, cost_usd=0.25)
    made.way, made.candidate, made.release, made.model = "rag", "c" * 12, "r1", "openai/gpt"
    made.user, made.key_id, made.answer = "u" * 5000, "key_1", "Yes."
    made.attributes["figures"] = (1, float("inf"))
    with database.transaction() as connection:
        traces.record_traces(connection, [made])
        row = traces.get_trace(connection, ACME, "a1")
    assert row.question == "What\ufffdis \ufffd this?"
    assert (row.answer, row.status, row.error, row.started_at) == ("Yes.", "ok", None, 100.0)
    assert (row.way, row.candidate, row.release, row.model) == ("rag", "c" * 12, "r1", "openai/gpt")
    assert (row.user, row.key_id) == ("u" * 256, "key_1")
    assert (row.input_tokens, row.output_tokens, row.cached_tokens, row.reasoning_tokens) == (10, 2, 4, 1)
    assert row.cost_usd == 0.25
    assert row.duration == made.ended
    assert row.attributes == {"figures": [1, None]}
    (span,) = row.spans
    assert (span["name"], span["start"], span["end"], span["parent"]) == ("retrieve", 1, 2, None)
    assert span["attributes"]["query"] == "how do I reset it?"


def test_a_batch_written_twice_is_there_once(database: Database):
    batch = [trace("a1"), trace("a2", started_at=0.1 + 0.2)]
    with database.transaction() as connection:
        traces.record_traces(connection, batch)
        traces.record_traces(connection, [*batch, trace("a3")])
        traces.record_traces(connection, [])
        assert sorted(ids(traces.recent_traces(connection, ACME))) == ["a1", "a2", "a3"]


def test_requests_that_share_a_callers_trace_id_are_all_kept(database: Database):
    with database.transaction() as connection:
        traces.record_traces(connection, [trace("a1", 1.0), trace("a1", 3.0), trace("a1", 2.0)])
        assert len(traces.recent_traces(connection, ACME)) == 3
        assert traces.get_trace(connection, ACME, "a1").started_at == 3.0
        assert traces.get_trace(connection, ACME, "a").started_at == 3.0


def test_a_failed_request_without_a_tenant_is_the_default_tenants(database: Database):
    failed = trace("b1", tenant=None, app=None, error=ValueError("no such key"))
    with database.transaction() as connection:
        traces.record_traces(connection, [failed])
        row = traces.get_trace(connection, DEFAULT_TENANT, "b1")
    assert (row.status, row.error, row.input_tokens) == ("error", "ValueError: no such key", None)


def test_one_is_found_by_the_front_of_its_id_within_its_tenant(database: Database):
    with database.transaction() as connection:
        traces.record_traces(connection, [trace("abc1"), trace("abd2"), trace("xyz", tenant=OTHER)])
        assert traces.get_trace(connection, ACME, "abc").id == "abc1"
        with pytest.raises(InvalidRequest, match="abc1, abd2"):
            traces.get_trace(connection, ACME, "ab")
        for nowhere in ("xyz", "", "%", "a_c1"):
            with pytest.raises(NotFound):
                traces.get_trace(connection, ACME, nowhere)


def test_the_newest_come_first_narrowed_and_paged(database: Database):
    failed = trace("e", 4.0, error=ValueError("x"))
    with database.transaction() as connection:
        many = [trace("a", 1.0), trace("b", 2.0), trace("c", 3.0, app="sales"), failed, trace("o", 5.0, tenant=OTHER)]
        traces.record_traces(connection, many)
        first = traces.recent_traces(connection, ACME, limit=2)
        assert ids(first) == ["e", "c"]
        assert ids(traces.recent_traces(connection, ACME, before=first[-1].started_at)) == ["b", "a"]
        assert ids(traces.recent_traces(connection, ACME, app="sales")) == ["c"]
        assert ids(traces.recent_traces(connection, ACME, status="error")) == ["e"]


def test_old_ones_are_deleted_a_few_at_a_time(database: Database):
    with database.transaction() as connection:
        traces.record_traces(connection, [trace(f"t{n}", float(n)) for n in range(7)] + [trace("o", 0.0, tenant=OTHER)])
        deleted = [traces.delete_traces_before(connection, ACME, 5.0, limit=2) for _ in range(4)]
        assert deleted == [2, 2, 1, 0]
        assert sorted(ids(traces.recent_traces(connection, ACME))) == ["t5", "t6"]
        assert ids(traces.recent_traces(connection, OTHER)) == ["o"]


def test_old_words_are_forgotten_and_figures_stay(database: Database):
    with database.transaction() as connection:
        old = [trace(f"t{n}", float(n), question="my secret") for n in range(3)]
        traces.record_traces(connection, [*old, trace("new", 9.0, question="my secret")])
        forgotten = [traces.forget_texts_before(connection, ACME, 5.0, limit=2) for _ in range(3)]
        assert forgotten == [2, 1, 0]
        row = traces.get_trace(connection, ACME, "t1")
        assert row.question is None
        assert row.spans[0]["attributes"] == {"hits": [{"document": "docs/vpn.md", "score": 0.5}]}
        assert row.duration is not None
        assert traces.get_trace(connection, ACME, "new").question == "my secret"


def test_words_need_not_be_kept_at_all(database: Database):
    with database.transaction() as connection:
        traces.record_traces(connection, [trace("a", question="my secret")], texts=False)
        row = traces.get_trace(connection, ACME, "a")
    assert row.question is None
    assert "query" not in row.spans[0]["attributes"]
