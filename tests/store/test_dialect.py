"""Text and JSON are made fit for every database, and nothing else of them changes."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fourways.store.dialect import DIFFERENCES, LOCKS, encode_json, fit

ANY_TEXT = st.text(st.characters(exclude_categories=()))
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | ANY_TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(ANY_TEXT, inner),
)


@given(ANY_TEXT)
def test_fit_text_can_be_stored_and_keeps_every_offset(text):
    fitted = fit(text)
    fitted.encode()
    assert "\0" not in fitted
    assert len(fitted) == len(text)
    assert all(a == b for a, b in zip(fitted, text, strict=True) if b != "\0" and not "\ud800" <= b <= "\udfff")


@given(JSON)
def test_json_comes_back_as_it_went_in_or_mended(value):
    encoded = encode_json(value)
    encoded.encode()
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        assert isinstance(json.loads(encoded), type(value))
    else:
        assert json.loads(encoded) == value


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        (float("nan"), "null"),
        (float("-inf"), "null"),
        ((1, "x"), '[1,"x"]'),
        (frozenset({"a"}), '["a"]'),
        ({1: "x"}, '{"1":"x"}'),
        ({"a\ud800": ["\ud800", 1]}, '{"a\ufffd":["\ufffd",1]}'),
        (OSError("disk"), '"disk"'),
    ],
)
def test_what_is_no_json_becomes_some(value, encoded):
    assert encode_json(value) == encoded


def test_every_lock_has_a_number_of_its_own():
    assert len(set(LOCKS.values())) == len(LOCKS)
    assert set(DIFFERENCES) == {"sqlite", "postgresql"}
