"""The laws of fusion."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fourways.knowledge.fusion import fuse, reorder, rescale

SCORES = st.dictionaries(st.integers(0, 30), st.floats(-1, 1, width=32), min_size=1, max_size=20)
ALPHA = st.floats(0, 1)


def test_each_side_counts_by_its_share_after_rescaling():
    dense = {"a": 0.9, "b": 0.5, "c": 0.1}
    lexical = {"b": 8.0, "c": 4.0}
    assert fuse(dense, lexical, alpha=0.5) == [("b", 0.75), ("a", 0.5), ("c", 0.25)]
    assert fuse(dense, lexical, alpha=1.0) == [("a", 1.0), ("b", 0.5), ("c", 0.0)]
    assert fuse(dense, lexical, alpha=0.0) == [("b", 1.0), ("c", 0.5), ("a", 0.0)]


def test_where_no_word_matched_only_meaning_counts():
    assert fuse({"a": 0.2, "b": 0.4}, {}, alpha=0.5) == [("b", 0.5), ("a", 0.0)]
    assert fuse({}, {}, alpha=0.5) == []


def test_equal_scores_are_ordered_by_key():
    assert [key for key, _ in fuse({"b": 0.3, "a": 0.3, "c": 0.3}, {}, alpha=0.5)] == ["a", "b", "c"]


@given(SCORES, ALPHA)
def test_scores_lie_in_0_to_1_and_fall(dense, alpha):
    ranked = fuse(dense, {key: abs(score) for key, score in dense.items()}, alpha=alpha)
    scores = [score for _, score in ranked]
    assert {key for key, _ in ranked} == set(dense)
    assert scores == sorted(scores, reverse=True)
    assert all(-1e-9 <= score <= 1 + 1e-9 for score in scores)


@given(SCORES, st.floats(0.1, 10), st.floats(-5, 5))
def test_a_sides_unit_and_origin_do_not_matter(dense, factor, offset):
    moved = {key: score * factor + offset for key, score in dense.items()}
    if max(moved.values()) == min(moved.values()):
        return
    for key, score in rescale(dense).items():
        assert math.isclose(score, rescale(moved)[key], abs_tol=1e-3)


def test_a_rerankers_scores_are_kept_where_they_are_shares():
    assert reorder(["a", "b"], [0.2, 0.9]) == [("b", 0.9), ("a", 0.2)]
    assert reorder(["a", "b", "c"], [-3.0, 5.0, 1.0]) == [("b", 1.0), ("c", 0.5), ("a", 0.0)]
    assert reorder(["b", "a"], [0.5, 0.5]) == [("b", 0.5), ("a", 0.5)], "ties stay as they were"
    with pytest.raises(ValueError, match="shorter"):
        reorder(["a", "b"], [1.0])
