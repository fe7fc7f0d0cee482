"""Releases over /api: who may, what is answered, and that a move is in force before the answer."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import pytest
from tests.web.calling import Answered, call
from tests.web.conftest import Running

from fourways.control import releases, showing
from fourways.core.chat import Principal
from fourways.core.ids import DEFAULT_TENANT as TENANT
from fourways.core.ids import TenantId
from fourways.core.specs import Candidate
from fourways.core.verdict import RuleResult, Verdict
from fourways.gateway.keys import Grant, KeyRing
from fourways.store import candidates
from fourways.store.access import hash_of

PROJECT = {"apps": {"desk": {"ways": {"prompt": {"model": "echo"}}}}}
GOOD = Verdict(rules=(RuleResult(rule="passed", passed=True, figure=0.9),))
RING = KeyRing(
    grants={
        hash_of(f"sk-{name}"): Grant(principal=principal)
        for name, principal in {
            "ann": Principal(admin=True, key_id="ann"),
            "bob": Principal(admin=True, key_id="bob"),
            "user": Principal(),
            "other": Principal(admin=True, tenant=TenantId("other")),
        }.items()
    },
    locked=True,
)


@pytest.fixture(scope="module")
def running(serve_for_module: Callable[..., AbstractContextManager[Running]]) -> Iterator[Running]:
    with serve_for_module(settings=PROJECT, ring=RING) as found:
        with found.house.database.transaction() as connection:
            made = Candidate(app="desk", way="prompt", parts={"prompt": {"system": "hello"}})
            candidates.save_candidate(connection, TENANT, made, now=1.0)
        yield found


def asked(running: Running, method: str, path: str, key: str = "ann", **body: Any) -> Answered:
    return call(running, method, path, f"sk-{key}", json=body or None)


def gated(running: Running) -> str:
    """Make a release and let it pass its gate, as a worker does; returns its name."""
    card = asked(running, "POST", "/api/releases", app="desk", note="first").json()
    database = running.house.database
    row = showing.show(database, TENANT, "desk", showing.number_of(card["name"])).release
    releases.gated(database, TENANT, row, GOOD, report="rep_1", now=2.0)
    return str(card["name"])


@pytest.mark.parametrize(("key", "status"), [("", 401), ("nobody", 401), ("user", 403)])
@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/api/releases"), ("POST", "/api/releases"), ("POST", "/api/releases/desk/r1/approve")],
)
def test_nobody_but_an_admin_may(running: Running, key: str, status: int, method: str, path: str):
    assert asked(running, method, path, key).status_code == status


def test_another_tenant_sees_and_moves_nothing(running: Running):
    name = gated(running)
    assert asked(running, "GET", "/api/releases", "other").json()["data"] == []
    assert asked(running, "POST", f"/api/releases/desk/{name}/approve", "other").status_code == 404


def test_a_release_is_made_as_a_draft_and_says_what_it_waits_for(running: Running):
    answer = asked(running, "POST", "/api/releases", app="desk", note="shorter answers")
    card = answer.json()
    assert (answer.status_code, card["state"], card["waits_for"]) == (202, "draft", "its evaluation")
    assert asked(running, "GET", f"/api/releases/desk/{card['name']}").json()["note"] == "shorter answers"


def test_one_call_approves_and_the_gateway_is_told(running: Running):
    name = gated(running)
    running.house.rerouted = False
    card = asked(running, "POST", f"/api/releases/desk/{name}/approve", "bob", reason="read it").json()
    assert (card["state"], card["endorsed"], card["judged"]) == ("approved", ["bob"], "read it")
    assert running.house.rerouted


def test_an_illegal_move_says_what_would_be_legal(running: Running):
    name = gated(running)
    answer = asked(running, "POST", f"/api/releases/desk/{name}/rollback")
    assert answer.status_code == 409
    assert "legal from gated: approve, endorse, reject" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({"app": "dusk"}, 404, "did you mean 'desk'"),
        ({"app": "desk", "stage": "moon"}, 400, "there is: staging, production"),
        ({"app": "desk", "way": "rag"}, 404, "nothing was built"),
        ({"app": "desk", "candidate": "ffff"}, 404, "no candidate"),
        ({"app": "desk", "wait": True}, 400, "wait"),
    ],
)
def test_nonsense_is_refused_with_what_would_be_right(running: Running, body: dict[str, Any], status: int, said: str):
    answer = asked(running, "POST", "/api/releases", **body)
    assert answer.status_code == status
    assert said in answer.json()["error"]["message"]


def test_the_log_says_who_did_what_and_that_it_is_whole(running: Running):
    gated(running)
    log = asked(running, "GET", "/api/releases/desk/log?limit=2").json()
    assert [row["event"] for row in log["data"]] == ["create", "gate_passed"]
    assert log["broken"] == ""


def test_two_releases_of_one_candidate_do_not_differ(running: Running):
    first, second = gated(running), gated(running)
    assert asked(running, "GET", f"/api/releases/desk/diff?a={first}&b={second}").json()["data"] == []
