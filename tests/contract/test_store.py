"""What the store promises on every database: transactions, keys, revisions, feedback, candidates, audit."""

import os
import threading
from itertools import count

import pytest
from sqlalchemy import update
from sqlalchemy.exc import SQLAlchemyError

from fourways.core.errors import FourwaysError, InvalidRequest, NotFound
from fourways.core.ids import TenantId
from fourways.core.specs import Candidate
from fourways.store import access, audit, candidates, chain, feedback, revisions, schema
from fourways.store.database import HEAD, Database, version
from fourways.store.feedback import Opinion

ACME, OTHER = TenantId("acme"), TenantId("other")
NASTY = "a\0b \ud800 'quote\" ; -- ünïcode 🦊"
STORED = "a\ufffdb \ufffd 'quote\" ; -- ünïcode 🦊"


def candidate(app="helpdesk", way="rag", **parts):
    return Candidate(app=app, way=way, parts=parts)


def bytes_from(counter):
    """Return random bytes that are none: the next number, so many bytes long."""
    return lambda length: next(counter).to_bytes(length, "big")


def test_postgresql_is_held_to_the_same(request: pytest.FixtureRequest):
    if not os.environ.get("FOURWAYS_TEST_POSTGRES"):
        pytest.skip("FOURWAYS_TEST_POSTGRES names no PostgreSQL, such as postgresql+psycopg://postgres@127.0.0.1/test")
    assert any("[postgresql]" in item.name for item in request.session.items)


class TestTransactions:
    def test_are_at_the_migration_the_code_was_written_for(self, database: Database):
        with database.reading() as connection:
            assert version(connection) == HEAD

    def test_an_error_that_leaves_one_undoes_it(self, database: Database):
        def bump_and_fail():
            with database.transaction() as connection:
                revisions.bump(connection, "keys")
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            bump_and_fail()
        with database.reading() as connection:
            assert revisions.current(connection) == {}

    def test_a_reading_one_cannot_write_and_leaves_its_connection_as_it_was(self, database: Database):
        with pytest.raises((FourwaysError, SQLAlchemyError)), database.reading() as connection:
            revisions.bump(connection, "keys")
        with database.transaction() as connection:
            revisions.bump(connection, "keys")
        with database.reading() as connection:
            assert revisions.current(connection) == {"keys": 1}

    def test_a_reading_one_sees_one_moment(self, database: Database):
        if database.engine.url.database in {None, ""}:
            pytest.skip("an in-memory database has one connection: nothing else can write meanwhile")
        with database.reading() as early:
            assert revisions.current(early) == {}
            with database.transaction() as connection:
                revisions.bump(connection, "keys")
            assert revisions.current(early) == {}


class TestRevisions:
    def test_no_count_is_lost_between_threads(self, database: Database):
        def bump_ten_times():
            for _ in range(10):
                with database.transaction() as connection:
                    revisions.bump(connection, "keys")

        threads = [threading.Thread(target=bump_ten_times) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with database.reading() as connection:
            assert revisions.current(connection) == {"keys": 40}


class TestKeys:
    def test_a_secret_is_shown_once_and_kept_as_a_hash(self, database: Database):
        with database.transaction() as connection:
            key = access.create_key(connection, ACME, name="wiki bot", now=1.0)
            stored = " ".join(str(value) for value in connection.execute(schema.keys.select()).one())
        assert key.secret.startswith("fw-")
        assert len(key.secret) == 35
        assert key.secret not in stored
        assert access.hash_of(key.secret) in stored
        assert key.secret not in repr(key)

    def test_an_active_key_proves_its_principal(self, database: Database):
        with database.transaction() as connection:
            key = access.create_key(
                connection, ACME, name="hr", now=1.0, apps=["b", "a", "a"], labels=["hr"], admin=True, expires_at=9.0
            )
            found = access.all_active_keys(connection, 2.0)[access.hash_of(key.secret)]
        assert found.principal.tenant == ACME
        assert found.principal.key_id == key.id
        assert found.principal.apps == frozenset({"a", "b"})
        assert found.principal.labels == {"hr"}
        assert found.principal.admin
        assert found.expires_at == 9.0

    @pytest.mark.parametrize(("now", "active"), [(1.0, True), (4.99, True), (5.0, False)])
    def test_a_key_counts_until_it_expires(self, database: Database, now, active):
        with database.transaction() as connection:
            access.create_key(connection, ACME, name="short", now=1.0, expires_at=5.0)
            assert bool(access.all_active_keys(connection, now)) is active

    def test_a_revoked_key_no_longer_counts_but_stays_listed_and_counted(self, database: Database):
        with database.transaction() as connection:
            key = access.create_key(connection, ACME, name="k", now=1.0)
            access.revoke_key(connection, ACME, key.id, now=2.0)
            again = access.revoke_key(connection, ACME, key.id, now=3.0)
            assert again.revoked_at == 2.0
            assert access.all_active_keys(connection, 2.0) == {}
            assert [row.id for row in access.list_keys(connection, ACME)] == [key.id]
            assert access.count_keys(connection) == 1

    def test_another_tenant_neither_sees_nor_revokes_it(self, database: Database):
        with database.transaction() as connection:
            key = access.create_key(connection, ACME, name="k", now=1.0)
            assert access.list_keys(connection, OTHER) == []
            with pytest.raises(NotFound):
                access.revoke_key(connection, OTHER, key.id, now=2.0)

    def test_every_change_is_counted_and_only_changes_are(self, database: Database):
        with database.transaction() as connection:
            key = access.create_key(connection, ACME, name="k", now=1.0)
            for now in (2.0, 3.0):
                access.revoke_key(connection, ACME, key.id, now=now)
            assert revisions.current(connection) == {"keys": 2}

    def test_it_is_found_by_the_front_of_its_id_if_that_is_enough(self, database: Database):
        with database.transaction() as connection:
            numbers = bytes_from(count(1))
            first = access.create_key(connection, ACME, name="1", now=1.0, random=numbers)
            access.create_key(connection, ACME, name="2", now=1.0, random=numbers)
            with pytest.raises(InvalidRequest, match="begins several"):
                access.revoke_key(connection, ACME, "key_0", now=2.0)
            for wild in ("", "%", "key%", "nothing"):
                with pytest.raises(NotFound):
                    access.revoke_key(connection, ACME, wild, now=2.0)
            assert access.revoke_key(connection, ACME, first.id, now=2.0).name == "1"

    def test_its_last_use_never_goes_back(self, database: Database):
        with database.transaction() as connection:
            key = access.create_key(connection, ACME, name="k", now=1.0)
            for at in (5.0, 4.0):
                access.note_use(connection, {key.id: at})
            assert access.list_keys(connection, ACME)[0].last_used_at == 5.0

    @pytest.mark.parametrize("wrong", [{"name": " "}, {"name": "k", "apps": []}, {"name": "k", "expires_at": 1.0}])
    def test_nonsense_is_refused(self, database: Database, wrong):
        with pytest.raises(InvalidRequest), database.transaction() as connection:
            access.create_key(connection, ACME, now=1.0, **wrong)


class TestFeedback:
    def test_what_is_said_later_completes_or_replaces(self, database: Database):
        with database.transaction() as connection:
            feedback.save_feedback(connection, ACME, trace_id="t", user="ann", now=1.0, opinion=Opinion(thumb=1))
            row = feedback.save_feedback(
                connection, ACME, trace_id="t", user="ann", now=2.0, opinion=Opinion(thumb=-1, comment=NASTY)
            )
            assert feedback.feedback_on(connection, ACME, "t") == [row]
        assert row.opinion == Opinion(thumb=-1, comment=STORED)
        assert (row.created_at, row.updated_at) == (1.0, 2.0)

    def test_each_user_has_an_opinion_of_their_own(self, database: Database):
        with database.transaction() as connection:
            for user in ("ann", "bob", "", "x" * 3000):
                feedback.save_feedback(connection, ACME, trace_id="t", user=user, now=1.0, opinion=Opinion(stars=5))
            assert len(feedback.feedback_on(connection, ACME, "t")) == 4
            assert feedback.feedback_on(connection, OTHER, "t") == []

    def test_the_newest_come_first_and_page_on(self, database: Database):
        with database.transaction() as connection:
            for now in (1.0, 2.0, 3.0):
                feedback.save_feedback(connection, ACME, trace_id=f"t{now}", now=now, opinion=Opinion(thumb=1))
            first = feedback.recent_feedback(connection, ACME, limit=2)
            second = feedback.recent_feedback(connection, ACME, limit=2, before=first[-1].created_at)
        assert [row.trace_id for row in first + second] == ["t3.0", "t2.0", "t1.0"]


class TestCandidates:
    def test_saving_again_changes_nothing(self, database: Database):
        one = candidate(model="m", prompt={"system": NASTY.replace("\ud800", "")})
        with database.transaction() as connection:
            for now in (1.0, 2.0):
                candidates.save_candidate(connection, ACME, one, now=now)
            assert candidates.recent_candidates(connection, ACME, "helpdesk") == [one]
            assert revisions.current(connection) == {"candidates": 1}

    def test_going_back_to_an_old_one_makes_it_the_newest_whatever_the_clock_says(self, database: Database):
        old, new = candidate(prompt=1), candidate(prompt=2)
        with database.transaction() as connection:
            for built, now in ((old, 5.0), (new, 6.0), (old, 4.0)):
                candidates.save_candidate(connection, ACME, built, now=now)
            assert candidates.newest_candidate(connection, ACME, "helpdesk", "rag") == old
            assert candidates.recent_candidates(connection, ACME, "helpdesk") == [old, new]

    def test_one_is_found_by_its_short_name_in_its_app_and_tenant(self, database: Database):
        one, twin = candidate(prompt=1), candidate(app="sales", prompt=1)
        with database.transaction() as connection:
            for built in (one, twin):
                candidates.save_candidate(connection, ACME, built, now=1.0)
            assert candidates.get_candidate(connection, ACME, "helpdesk", one.id) == one
            assert candidates.get_candidate(connection, ACME, "sales", twin.digest) == twin
            with pytest.raises(NotFound):
                candidates.get_candidate(connection, OTHER, "helpdesk", one.id)
            assert candidates.newest_candidate(connection, OTHER, "helpdesk", "rag") is None


class TestAudit:
    def test_a_chain_holds_as_it_was_written(self, database: Database):
        with database.transaction() as connection:
            for tenant in (ACME, OTHER, ACME):
                detail = {"name": NASTY, "share": 0.1, "whole": 1.0, "odd": float("nan"), "list": (1, "two")}
                last = audit.append(
                    connection, tenant, at=0.1 + 0.2, actor=NASTY, action="key.create", subject="k", detail=detail
                )
            assert audit.verify(connection, ACME) == chain.Chain(length=2, head=last.hash)
            assert audit.entries(connection, ACME)[-1] == last
            assert audit.verify(connection, TenantId("nobody")) == chain.Chain(length=0, head=chain.GENESIS)

    @pytest.mark.parametrize(
        ("tamper", "length", "broken"),
        [
            (update(schema.audit).where(schema.audit.c.number == 2).values(actor="eve"), 1, "entry 2 was changed"),
            (update(schema.audit).where(schema.audit.c.number == 2).values(at=9.0), 1, "entry 2 was changed"),
            (update(schema.audit).where(schema.audit.c.number == 2).values(previous="0"), 1, "entry 2 does not stand"),
            (schema.audit.delete().where(schema.audit.c.number == 2), 1, "entry 2 is missing"),
            (schema.audit.delete().where(schema.audit.c.number == 1), 0, "entry 1 is missing"),
        ],
    )
    def test_whoever_changes_one_is_found_out(self, database: Database, tamper, length, broken):
        with database.transaction() as connection:
            for number in range(3):
                audit.append(connection, ACME, at=1.0, actor="ann", action="release.approve", subject=f"r{number}")
            connection.execute(tamper)
            found = audit.verify(connection, ACME)
        assert found.length == length
        assert found.broken.startswith(broken)

    def test_threads_do_not_break_it(self, database: Database):
        def append():
            for _ in range(5):
                with database.transaction() as connection:
                    audit.append(connection, ACME, at=1.0, actor="ann", action="key.create", subject="k")

        threads = [threading.Thread(target=append) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with database.reading() as connection:
            chain = audit.verify(connection, ACME)
        assert (chain.length, chain.broken) == (20, "")
