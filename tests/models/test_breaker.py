"""The circuit opens after failures in a row, and lets one through per cooldown until one succeeds."""

from fourways.models.breaker import Breaker


def broken(*, at: float = 0.0) -> Breaker:
    breaker = Breaker(failures=3, cooldown=30)
    for _ in range(3):
        breaker.failed(at)
    return breaker


def test_it_stays_closed_below_its_limit():
    breaker = Breaker(failures=3, cooldown=30)
    breaker.failed(0)
    breaker.failed(0)
    assert breaker.wait(0) == 0


def test_failures_count_in_a_row():
    breaker = Breaker(failures=2, cooldown=30)
    for _ in range(10):
        breaker.failed(0)
        breaker.succeeded()
    assert breaker.wait(0) == 0


def test_it_opens_and_says_for_how_long():
    assert broken(at=100).wait(110) == 20


def test_after_the_cooldown_one_may_try_and_others_wait():
    breaker = broken()
    assert breaker.wait(30) == 0
    assert breaker.wait(31) == 29


def test_a_try_that_succeeds_closes_it():
    breaker = broken()
    breaker.wait(30)
    breaker.succeeded()
    assert [breaker.wait(31), breaker.wait(31)] == [0, 0]


def test_a_try_that_fails_opens_it_again():
    breaker = broken()
    breaker.wait(30)
    breaker.failed(35)
    assert breaker.wait(40) == 25


def test_a_try_that_is_never_heard_of_does_not_close_the_door_for_ever():
    breaker = broken()
    assert breaker.wait(30) == 0
    assert breaker.wait(60) == 0
