"""The benchmark's formulas, against the same formulas written out another way and against known values."""

import importlib.util
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

FILE = Path(__file__).resolve().parents[2] / "benchmarks" / "quality" / "metrics.py"
SPEC = importlib.util.spec_from_file_location("quality_metrics", FILE)
assert SPEC is not None
assert SPEC.loader is not None
metrics = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(metrics)


def reference_ndcg(ranked: list[str], gains: dict[str, float], depth: int) -> float:
    """trec_eval's ndcg_cut, written as two sums over ranks."""
    found = ideal = 0.0
    best = sorted(gains.values())[::-1]
    for rank in range(1, depth + 1):
        discount = math.log(2) / math.log(1 + rank)
        if rank <= len(ranked) and ranked[rank - 1] in gains:
            found += gains[ranked[rank - 1]] * discount
        if rank <= len(best):
            ideal += best[rank - 1] * discount
    return found / ideal if ideal > 0 else 0.0


NAMES = st.sampled_from("abcdefghij")


@given(
    ranked=st.lists(NAMES, unique=True),
    gains=st.dictionaries(NAMES, st.floats(0, 4), max_size=10),
    depth=st.integers(1, 12),
)
def test_ndcg_is_the_reference_formula(ranked, gains, depth):
    assert metrics.ndcg(ranked, gains, depth) == pytest.approx(reference_ndcg(ranked, gains, depth))


def test_ndcg_of_a_known_ranking():
    # Relevant at ranks 1 and 3 of two: (1 + 1/2) / (1 + 1/log2(3))
    assert metrics.ndcg(["a", "x", "b"], {"a": 1.0, "b": 1.0}) == pytest.approx(1.5 / (1 + 1 / math.log2(3)))
    assert metrics.ndcg(["a", "b"], {"a": 2.0, "b": 1.0}) == pytest.approx(1.0)
    assert metrics.ndcg(["a"], {}) == 0.0


def test_wilson_interval_of_a_known_share():
    # 8 of 10: Wilson (1927) gives .490 to .943
    low, high = metrics.interval(8, 10)
    assert (round(low, 3), round(high, 3)) == (0.490, 0.943)
    assert metrics.interval(0, 0) == (0.0, 1.0)


@given(hits=st.integers(0, 50), more=st.integers(0, 50))
def test_an_interval_holds_its_share_and_stays_within_bounds(hits, more):
    low, high = metrics.interval(hits, hits + more)
    share = hits / (hits + more) if hits + more else 0.5
    assert 0.0 <= low <= share + 1e-12
    assert share - 1e-12 <= high <= 1.0


def test_passages_of_a_document_count_once():
    assert metrics.first_of_each(["a", "b", "a", "c", "b"]) == ["a", "b", "c"]
