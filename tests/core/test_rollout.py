"""Where releases stand follows from the log alone, and nobody is live who was not gated and canary before."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fourways.core.errors import IllegalTransition
from fourways.core.lifecycle import RELEASE
from fourways.core.rollout import Event, Line, bucket, fold

MOVES = sorted({event for moves in RELEASE.values() for event in moves if event not in {"supersede", "restore"}})


def event(release: int, name: str, *, at: float = 0.0, actor: str = "ann", **detail: Any) -> Event:
    return Event(
        number=0, at=at, app="desk", stage="production", release=release, event=name, actor=actor, detail=detail
    )


def line(*events: Event) -> Line:
    return fold(events)[("desk", "production")]


def to_live(release: int) -> list[Event]:
    names = ("create", "gate_passed", "approve", "start_canary", "promote")
    return [event(release, name) for name in names]


def test_a_release_walks_from_draft_to_live():
    walked = line(*to_live(1))
    assert walked.live == 1
    assert walked.standings[1].state == "live"
    assert walked.shares == {1: 1.0}


def test_before_the_first_release_everybody_gets_what_the_project_file_says():
    assert Line().shares == {None: 1.0}


def test_promoting_one_release_supersedes_the_one_before_by_the_same_row():
    walked = line(*to_live(1), *to_live(2))
    assert (walked.live, walked.standings[1].state) == (2, "superseded")


def test_rolling_live_back_restores_the_release_before_by_one_row():
    walked = line(*to_live(1), *to_live(2), event(2, "roll_back"))
    assert (walked.live, walked.standings[1].state, walked.standings[2].state) == (1, "live", "rolled_back")


def test_rolling_the_first_release_back_leaves_what_the_project_file_says():
    assert line(*to_live(1), event(1, "roll_back")).shares == {None: 1.0}


def test_a_canary_takes_its_share_from_live_and_gives_it_back():
    begun = [*to_live(1), *to_live(2)[:-1], event(2, "shift", step=0, weight=0.25, at=7.0)]
    assert line(*begun).shares == {1: 0.75, 2: 0.25}
    assert line(*begun, event(2, "roll_back")).shares == {1: 1.0}


def test_one_canary_at_a_time():
    with pytest.raises(IllegalTransition, match="r2 is canary"):
        line(*to_live(1), *to_live(2)[:-1], *to_live(3)[:-1])


def test_a_draft_cannot_become_live_and_the_error_says_what_it_could():
    with pytest.raises(IllegalTransition, match="legal from draft: gate_failed, gate_passed, reject"):
        line(event(1, "create"), event(1, "promote"))


def test_two_people_are_remembered():
    walked = line(event(1, "create"), event(1, "gate_passed"), event(1, "endorse"), event(1, "approve", actor="bob"))
    assert walked.standings[1].endorsed == ("ann", "bob")


@given(st.lists(st.tuples(st.integers(1, 3), st.sampled_from(MOVES), st.floats(0, 1)), max_size=60))
@settings(max_examples=300)
def test_whatever_is_tried_nothing_is_live_without_gate_and_canary_and_shares_sum_to_one(
    tries: list[tuple[int, str, float]],
):
    here = Line()
    been: dict[int, set[str]] = {number: set() for number in (1, 2, 3)}
    for number in been:
        here = here.applied(event(number, "create"))
    for number, name, weight in tries:
        try:
            here = here.applied(event(number, name, weight=weight))
        except IllegalTransition:
            continue
        been[number].add(here.standings[number].state)
        live = [n for n, standing in here.standings.items() if standing.state == "live"]
        assert live == ([] if here.live is None else [here.live])
        assert all({"gated", "approved", "canary"} <= been[n] for n in live)
        assert sum(here.shares.values()) == pytest.approx(1.0)
        assert all(share >= 0 for share in here.shares.values())
        assert all(here.standings[n].state == "superseded" for n in here.earlier)


@given(st.text(), st.text())
def test_a_bucket_is_always_the_same_and_below_one(salt: str, sticky: str):
    assert bucket(salt, sticky) == bucket(salt, sticky)
    assert 0 <= bucket(salt, sticky) < 1


def test_buckets_keep_their_proportion():
    share = sum(bucket("desk:r3", f"user-{n}") < 0.05 for n in range(20_000)) / 20_000
    assert share == pytest.approx(0.05, abs=0.005)


def test_the_canaries_of_two_releases_meet_different_people():
    first = {n for n in range(2_000) if bucket("desk:r3", str(n)) < 0.2}
    second = {n for n in range(2_000) if bucket("desk:r4", str(n)) < 0.2}
    assert len(first & second) / len(first) == pytest.approx(0.2, abs=0.07)
