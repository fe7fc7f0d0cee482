"""Every error has its line in the table."""

import inspect

import pytest

from fourways.core import errors
from fourways.core.errors import FourwaysError, RateLimited, UpstreamRefused
from fourways.web.errors import STATUS, body_of, headers_of, row_of

EVERY = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, FourwaysError)]


@pytest.mark.parametrize("kind", EVERY)
def test_every_error_has_a_row(kind):
    assert kind in STATUS


def test_no_row_is_for_an_error_that_is_not_there():
    assert set(STATUS) == set(EVERY)


def test_an_error_of_a_kind_nobody_listed_takes_its_parents_row():
    class TooOld(errors.InvalidRequest):
        """A kind of its own."""

    assert row_of(TooOld("x")) == STATUS[errors.InvalidRequest]


def test_a_wait_is_rounded_up_to_whole_seconds():
    assert headers_of(RateLimited("x", retry_after=0.2)) == [(b"retry-after", b"1")]


def test_our_key_being_wrong_at_the_provider_is_not_the_callers_401():
    error = UpstreamRefused("x", target="p/m", status=401)
    assert row_of(error).status == 502
    assert (b"x-should-retry", b"false") in headers_of(error)


def test_nothing_of_an_unexpected_error_is_shown():
    assert b"password" not in body_of(ValueError("password"), "ab12")
    assert b"ab12" in body_of(ValueError("password"), "ab12")
