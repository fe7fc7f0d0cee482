"""What differs between two candidates is named by its place."""

from hypothesis import given
from hypothesis import strategies as st

from fourways.core.difference import ABSENT, Difference, differences

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


def test_each_leaf_is_named():
    before = {"model": {"name": "a"}, "prompt": {"system": "x", "examples": [1, 2]}}
    after = {"model": {"name": "b"}, "prompt": {"system": "x", "examples": [1]}}
    assert list(differences(before, after)) == [
        Difference(place="model.name", before="a", after="b"),
        Difference(place="prompt.examples[1]", before=2, after=ABSENT),
    ]


def test_a_key_that_is_new_is_said_to_be():
    assert list(differences({}, {"limit": 5})) == [Difference(place="limit", before=ABSENT, after=5)]


@given(JSON, JSON)
def test_equal_values_and_only_they_have_no_differences(first: object, second: object):
    assert list(differences(first, first)) == []
    assert (list(differences(first, second)) == []) == (first == second)
