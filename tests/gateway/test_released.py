"""Who gets which release."""

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from fourways.config.releasing import Flag
from fourways.core.chat import ChatRequest, Chunk, Principal, collect
from fourways.core.rollout import Event, fold
from fourways.core.trace import Trace
from fourways.gateway.released import Offered, released
from fourways.gateway.routes import AppRoutes, Route, Routes, Switch, routed, sticky_of

WALK = {"draft": 1, "approved": 3, "canary": 4, "live": 5}
MOVES = ("create", "gate_passed", "approve", "start_canary", "promote")


def says(text: str):
    async def answer(request: ChatRequest, trace: Trace, /):
        yield Chunk(text=text)

    return answer


OTHERWISE = Route(app="desk", way="rag", candidate="head", answerer=says("head"))


def routes(*states: str, weight: float = 0.0, flags: tuple[Flag, ...] = (), staging: bool = False) -> Routes:
    """Routes of one app whose releases r1, r2 … are in these states."""
    stage = "staging" if staging else "production"
    events = [
        Event(number=0, at=0.0, app="desk", stage=stage, release=number, event=move, actor="ann")
        for number, state in enumerate(states, 1)
        for move in MOVES[: WALK[state]]
    ]
    if weight:
        shift: dict[str, Any] = {"step": 0, "weight": weight}
        events.append(
            Event(
                number=0, at=0.0, app="desk", stage=stage, release=len(states), event="shift", actor="x", detail=shift
            )
        )
    lines = {stage: fold(events)[("desk", stage)]} if events else {}
    offered = [
        Offered(number=n, stage=stage, way="rag", candidate=f"c{n}", answerer=says(f"r{n}"))
        for n in range(1, len(states) + 1)
    ]
    made = released("desk", lines, offered, flags, OTHERWISE)
    return Routes(apps={"desk": AppRoutes(default="rag", ways={"rag": OTHERWISE}, pinned={}, released=made)})


def picked(at: Routes, user: str = "ann", model: str = "desk", key: str | None = None) -> Route:
    return at.pick(model, Principal(user=user, key_id=key), lambda: user)


def test_before_any_release_the_project_file_decides():
    assert picked(routes()).candidate == "head"


def test_what_is_live_is_what_everybody_gets():
    assert picked(routes("live", "live")).release == "r2"


def test_a_draft_meets_nobody():
    assert picked(routes("live", "draft")).release == "r1"


def test_a_canary_meets_its_share_of_the_users_and_always_the_same_ones():
    at = routes("live", "canary", weight=0.2)
    first = {f"u{n}": picked(at, f"u{n}").release for n in range(3000)}
    assert first == {f"u{n}": picked(at, f"u{n}").release for n in range(3000)}
    assert Counter(first.values())["r2"] / 3000 == pytest.approx(0.2, abs=0.03)


def test_what_is_measured_under_the_bare_name_is_what_is_live_whatever_some_people_meet():
    everybody = Flag(release="canary", percent=100)
    at = routes("live", "canary", weight=0.99, flags=(everybody,))
    assert at.pick("desk", Principal()).release == "r1"
    assert routes("canary", weight=0.99).pick("desk", Principal()).release is None


def test_whoever_met_the_canary_stays_on_it_as_it_grows():
    few, more = routes("live", "canary", weight=0.05), routes("live", "canary", weight=0.5)
    met = {f"u{n}" for n in range(1000) if picked(few, f"u{n}").release == "r2"}
    assert met
    assert all(picked(more, user).release == "r2" for user in met)


def test_both_arms_are_marked_so_that_they_can_be_compared():
    at = routes("live", "canary", weight=0.5)
    arms = {(picked(at, f"u{n}").release, picked(at, f"u{n}").arm) for n in range(50)}
    assert arms == {("r1", "control"), ("r2", "canary")}


def test_the_first_canary_is_compared_with_what_the_project_file_says():
    arms = {picked(routes("canary", weight=0.5), f"u{n}").candidate for n in range(50)}
    assert arms == {"head", "c1"}


@pytest.mark.parametrize(("name", "release"), [("desk@r1", "r1"), ("desk@live", "r1"), ("desk@canary", "r2")])
def test_a_release_can_be_asked_for_by_name(name: str, release: str):
    route = picked(routes("live", "canary"), model=name)
    assert (route.release, route.arm) == (release, None)


def test_staging_is_asked_for_by_name_and_changes_nothing_for_others():
    at = routes("live", staging=True)
    assert picked(at, model="desk@staging").release == "r1"
    assert picked(at).candidate == "head"


@pytest.mark.parametrize(
    ("flag", "user", "key", "release"),
    [
        (Flag(release="canary", users=["ann"]), "ann", None, "r2"),
        (Flag(release="canary", users=["ann"]), "bob", None, "r1"),
        (Flag(release="r2", keys=["key_1"]), "bob", "key_1", "r2"),
        (Flag(release="r2", percent=100), "bob", None, "r2"),
        (Flag(release="r2", tenants=["default"]), "bob", None, "r2"),
        (Flag(release="r2", tenants=["acme"]), "bob", None, "r1"),
        (Flag(release="r9", percent=100), "bob", None, "r1"),
    ],
)
def test_a_flag_gives_some_a_release_before_all(flag: Flag, user: str, key: str | None, release: str):
    assert picked(routes("live", "canary", flags=(flag,)), user, key=key).release == release


async def test_the_trace_says_which_release_answered_and_in_which_arm():
    trace = Trace()
    request = ChatRequest(
        model="desk", messages=[{"role": "user", "content": "hello"}], principal=Principal(user="ann")
    )
    answer = await collect(routed(Switch(routes("live", "canary", weight=1.0)))(request, trace))
    assert (answer.text, trace.release, trace.attributes["arm"]) == ("r2", "r2", "canary")


def test_without_a_user_a_conversation_stays_where_it_began():
    def turn(*texts: str) -> ChatRequest:
        messages = [{"role": "user", "content": text} for text in texts]
        return ChatRequest(model="desk", messages=messages, principal=Principal(key_id="key_1"))

    assert sticky_of(turn("first", "second")) == sticky_of(turn("first"))
    assert sticky_of(turn("first")) != sticky_of(turn("another"))


async def test_a_stream_ends_on_the_release_that_it_began_with():
    switch = Switch(routes("live", "live"))
    request = ChatRequest(model="desk", messages=[{"role": "user", "content": "hello"}], principal=Principal())

    async def slowly(request: ChatRequest, trace: Trace, /):
        yield Chunk(text="from ")
        switch.current = routes("live")
        yield Chunk(text="r2")

    named = switch.current.apps["desk"].released
    switch.current = Routes(
        apps={
            "desk": AppRoutes(
                default="rag",
                ways={"rag": OTHERWISE},
                pinned={},
                released=replace(named, live=replace(named.named["r2"], answerer=slowly)),
            )
        }
    )
    trace = Trace()
    answer = await collect(routed(switch)(request, trace))
    assert (answer.text, trace.release) == ("from r2", "r2")
    assert picked(switch.current).release == "r1"
