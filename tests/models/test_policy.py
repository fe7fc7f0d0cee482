"""The policy retries before the first chunk only, shares load, falls back, and leaves failing targets alone."""

import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fourways.core.chat import ChatRequest, Principal, collect
from fourways.core.errors import (
    CircuitOpen,
    InvalidRequest,
    RefusedAddress,
    Unavailable,
    UpstreamError,
    UpstreamRefused,
    UpstreamTimeout,
)
from fourways.core.trace import Trace
from fourways.models.breaker import Breaker
from fourways.models.echo import Echo, Reply
from fourways.models.policy import Leg, Policy, Remedy, drawn, judge, pause

DOWN = Reply(fail_after=0)


class World:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def world() -> World:
    return World()


def leg(script, *, name="p/m", attempts=3, weight=1.0, failures=5):
    breaker = Breaker(failures=failures, cooldown=30)
    return Leg(name=name, answer=Echo(script), breaker=breaker, weight=weight, attempts=attempts)


def policy(world, *targets, fallback=(), **settings):
    return Policy(
        name="named",
        targets=targets,
        fallback=fallback,
        clock=world.clock,
        random=random.Random(7).random,
        sleep=world.sleep,
        **settings,
    )


def asked(**options):
    messages = [{"role": "user", "content": "hello there"}]
    return ChatRequest(model="named", messages=messages, principal=Principal(), stream=True, options=options)


async def said(answerer, trace=None, **options):
    return (await collect(answerer(asked(**options), trace or Trace()))).text


def refused(status, retry_after=None):
    return UpstreamRefused("no", target="p/m", status=status, retry_after=retry_after)


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        (refused(500), Remedy.AGAIN),
        (refused(503), Remedy.AGAIN),
        (refused(429), Remedy.AGAIN),
        (refused(408), Remedy.AGAIN),
        (UpstreamTimeout("late"), Remedy.AGAIN),
        (UpstreamError("broken"), Remedy.AGAIN),
        (Unavailable("starting"), Remedy.AGAIN),
        (refused(401), Remedy.ELSEWHERE),
        (refused(404), Remedy.ELSEWHERE),
        (CircuitOpen("open", target="p/m", retry_after=1), Remedy.ELSEWHERE),
        (RefusedAddress("outside"), Remedy.ELSEWHERE),
        (refused(400), Remedy.GIVE_UP),
        (refused(422), Remedy.GIVE_UP),
        (InvalidRequest("nonsense"), Remedy.GIVE_UP),
    ],
)
def test_what_each_failure_calls_for(error, remedy):
    assert judge(error) is remedy


@settings(deadline=None)
@given(st.integers(1, 9), st.floats(0, 0.999))
def test_waits_double_with_half_of_them_left_to_chance(attempt, chance):
    wait = pause(attempt, UpstreamError("x"), backoff=0.25, random=lambda: chance)
    whole = 0.25 * 2 ** (attempt - 1)
    assert whole / 2 <= wait < whole


def test_what_the_server_asks_for_goes_before():
    assert pause(1, refused(429, retry_after=7.0), backoff=0.25, random=lambda: 0.5) == 7.0
    assert pause(1, refused(429, retry_after=0.0), backoff=0.25, random=lambda: 0.5) == 0.0


@settings(deadline=None)
@given(st.lists(st.floats(0.1, 10), min_size=1, max_size=5), st.integers())
def test_every_target_is_drawn_once(weights, seed):
    legs = [leg(None, name=str(position), weight=weight) for position, weight in enumerate(weights)]
    names = [each.name for each in drawn(legs, random.Random(seed).random)]
    assert sorted(names) == [each.name for each in legs]


def test_first_draws_keep_the_weights_proportion():
    legs = [leg(None, name="a", weight=3), leg(None, name="b", weight=1)]
    chance = random.Random(1).random
    firsts = Counter(next(drawn(legs, chance)).name for _ in range(4000))
    assert 0.72 < firsts["a"] / 4000 < 0.78


async def test_it_tries_again_until_one_try_answers(world):
    trace = Trace()
    assert await said(policy(world, leg([DOWN, DOWN, "third"])), trace) == "third"
    assert [span.attributes["attempt"] for span in trace.spans] == [1, 2, 3]
    assert [span.error is None for span in trace.spans] == [False, False, True]
    assert len(world.slept) == 2
    assert world.slept[0] < world.slept[1]


async def test_it_gives_up_with_the_last_failure(world):
    script = [DOWN, Reply(status=503)]
    with pytest.raises(UpstreamRefused) as last:
        await said(policy(world, leg(script, attempts=2)))
    assert last.value.status == 503


async def test_a_wrong_request_is_asked_once(world):
    trace = Trace()
    with pytest.raises(UpstreamRefused):
        await said(policy(world, leg([Reply(status=400)]), leg(["never"]), fallback=[leg(["never"])]), trace)
    assert len(trace.spans) == 1
    assert world.slept == []


async def test_once_a_chunk_is_out_a_failure_is_final(world):
    trace, got = Trace(), []

    async def consume():
        async for chunk in policy(world, leg([Reply(text="one two three", fail_after=1), "again"]))(asked(), trace):
            got.append(chunk.text)  # noqa: PERF401 - what came before the error counts

    with pytest.raises(UpstreamError):
        await consume()
    assert got == ["one"]
    assert len(trace.spans) == 1


async def test_other_targets_then_fallbacks_follow_in_order(world):
    targets = [leg([Reply(status=401)], name="a"), leg([Reply(status=404)], name="b")]
    trace = Trace()
    fallback = [leg([DOWN], name="c", attempts=2), leg(["last"], name="d")]
    assert await said(policy(world, *targets, fallback=fallback), trace) == "last"
    assert [span.attributes["attempt"] for span in trace.spans] == [1, 2, 3, 4, 5]


async def test_a_server_that_asks_for_too_long_is_passed_over(world):
    limited = Reply(fail_after=0, error=refused(429, retry_after=600.0))
    assert await said(policy(world, leg([limited]), fallback=[leg(["other"])])) == "other"
    assert world.slept == []


async def test_no_try_begins_after_the_whole_time_is_over(world):
    with pytest.raises(UpstreamError):
        await said(policy(world, leg([DOWN], attempts=10, failures=99), backoff=1.0, total=3.0))
    assert world.now < 3.0


async def test_a_target_that_keeps_failing_is_left_alone_and_tried_again_later(world):
    failing = leg([DOWN, DOWN, "well again", "well still"], attempts=1, failures=2)
    asking = policy(world, failing)
    for _ in range(2):
        with pytest.raises(UpstreamError, match="broke off"):
            await said(asking)
    with pytest.raises(CircuitOpen, match="tried again in 30 s") as opened:
        await said(asking)
    assert opened.value.retry_after == 30
    world.now = 31
    assert await said(asking) == "well again"
    world.now = 31.5
    assert await said(asking) == "well still"


async def test_refusals_do_not_open_the_circuit(world):
    refusing = policy(world, leg([Reply(status=400)], attempts=1, failures=2))
    for _ in range(5):
        with pytest.raises(UpstreamRefused):
            await said(refusing)


async def test_a_stream_that_breaks_counts_as_a_failure(world):
    asking = policy(world, leg([Reply(text="a b c", fail_after=2)], attempts=1, failures=1))
    with pytest.raises(UpstreamError, match="broke off"):
        await said(asking)
    with pytest.raises(CircuitOpen):
        await said(asking)


async def test_its_options_stand_behind_the_requests(world):
    echo = Echo(lambda request: f"{request.options}")
    one = Leg(name="p/m", answer=echo, breaker=Breaker(failures=1, cooldown=1))
    assert await said(policy(world, one, options={"a": 1, "b": 1}), b=2) == "{'a': 1, 'b': 2}"
