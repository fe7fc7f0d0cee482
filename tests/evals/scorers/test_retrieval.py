"""What was found, in its order: to the last digit what ir_measures computes."""

import ir_measures
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ir_measures import AP, RR, P, R, Success, nDCG
from sklearn.metrics import ndcg_score
from tests.evals.scorers.marks import mark, value

from fourways.core.errors import InvalidSuite
from fourways.core.report import Answered
from fourways.evals.scorers import retrieval

NAMES = [f"d{number}" for number in range(12)]
RANKED = st.lists(st.sampled_from(NAMES), min_size=1, unique=True)
JUDGED = st.dictionaries(st.sampled_from(NAMES), st.integers(0, 3), min_size=1).filter(lambda one: any(one.values()))
OURS_AND_THEIRS = [
    (retrieval.hit, lambda depth: Success @ depth),
    (retrieval.recall, lambda depth: R @ depth),
    (retrieval.precision, lambda depth: P @ depth),
    (retrieval.mrr, lambda depth: RR @ depth),
    (retrieval.average_precision, lambda depth: AP @ depth),
    (retrieval.ndcg, lambda depth: nDCG @ depth),
]


@pytest.mark.parametrize(("ours", "theirs"), OURS_AND_THEIRS, ids=lambda one: getattr(one, "__name__", ""))
@given(ranked=RANKED, judged=JUDGED, depth=st.integers(1, 12))
def test_a_measure_is_that_of_ir_measures(ours, theirs, ranked, judged, depth):
    run = {"q": {name: float(len(ranked) - rank) for rank, name in enumerate(ranked)}}
    measure = theirs(depth)
    reference = ir_measures.calc_aggregate([measure], {"q": judged}, run)[measure]
    assert ours(ranked, judged, depth) == pytest.approx(reference, abs=1e-12)


@given(ranked=st.permutations(NAMES), judged=JUDGED, depth=st.integers(1, 12))
def test_ndcg_of_a_full_ranking_is_that_of_sklearn(ranked, judged, depth):
    truth = [[judged.get(name, 0) for name in NAMES]]
    scores = [[-ranked.index(name) for name in NAMES]]
    assert retrieval.ndcg(ranked, judged, depth) == pytest.approx(ndcg_score(truth, scores, k=depth), abs=1e-12)


def found(*documents: str) -> Answered:
    sources = tuple({"document": name, "id": f"p{place}", "text": ""} for place, name in enumerate(documents, 1))
    return Answered(text="so", sources=sources)


def test_a_document_counts_once_at_its_best_passages_rank():
    answered = found("docs/a.md", "docs/a.md", "docs/a.md", "docs/leave.md")
    assert value("mrr", answered, metadata={"document": "leave.md"}) == 1 / 2
    assert value("hit", answered, metadata={"document": "leave.md"}, k=2) == 1.0
    assert value("hit", answered, metadata={"document": "leave.md"}, k=1) == 0.0


def test_documents_are_named_by_globs_over_the_end_of_their_names():
    answered = found("/srv/acme/docs/hr/leave.md", "/srv/acme/docs/pay.md")
    for glob in ("leave.md", "hr/leave.md", "docs/hr/*.md", "*leave*", "/srv/acme/docs/hr/leave.md"):
        assert value("hit", answered, metadata={"document": glob}) == 1.0, glob
    for glob in ("eave.md", "leave", "docs/leave.md", "other.md"):
        assert value("hit", answered, metadata={"document": glob}) == 0.0, glob


def test_what_one_glob_names_counts_once():
    answered = found("q1.pdf", "q2.pdf", "x.pdf", "y.pdf")
    assert value("recall", answered, metadata={"documents": ["q*.pdf", "z.pdf"]}) == 1 / 2
    assert value("precision", answered, metadata={"documents": ["q*.pdf"]}, k=3) == 1 / 3
    assert value("map", answered, metadata={"documents": ["q*.pdf", "y.pdf"]}) == (1 + 2 / 3) / 2


def test_passages_are_named_by_their_ids():
    answered = found("a.md", "a.md", "a.md")
    assert value("mrr", answered, metadata={"passages": ["p3"]}) == 1 / 3
    assert value("recall", answered, metadata={"passages": ["p3", "p9"]}) == 1 / 2


def test_grades_make_the_order_count():
    grades = {"relevance": {"a.md": 1, "b.md": 3, "c.md": 0}}
    assert value("ndcg", found("b.md", "a.md", "c.md"), metadata=grades) == 1.0
    assert value("ndcg", found("a.md", "b.md"), metadata=grades) == pytest.approx(
        retrieval.ndcg(["a", "b"], {"a": 1, "b": 3})
    )
    assert value("recall", found("c.md", "a.md"), metadata=grades) == 1 / 2, "what was found wanting is not looked for"


@pytest.mark.parametrize("passages", ["p2", ["p2"], ("p2",)])
def test_one_passage_needs_no_list(passages):
    assert value("recall", found("a.md", "b.md"), metadata={"passages": passages}) == 1.0


@pytest.mark.parametrize("passages", [None, [], ""])
def test_no_passages_are_none(passages):
    assert value("hit", found("a.md"), metadata={"passages": passages, "document": "a.md"}) == 1.0


def test_what_cannot_be_scored_says_why():
    assert mark("hit", found("a.md")).reason == "the case names no document that is right"
    assert mark("hit", "so", metadata={"document": "a.md"}).reason == "nothing was retrieved"
    assert mark("ndcg", found("a.md"), metadata={"relevance": {"a.md": 0}}).value is None
    wanting = {"document": "a.md", "relevance": {"a.md": 0}}
    assert mark("recall", found("a.md"), metadata=wanting).reason == "the case names no document that is right"
    assert mark("map", found("a.md"), metadata=wanting).value is None
    with pytest.raises(InvalidSuite, match="maps documents to grades"):
        mark("ndcg", found("a.md"), metadata={"relevance": ["a.md"]})
    with pytest.raises(InvalidSuite, match="counts ranks from 1, not 0"):
        mark("hit", found("a.md"), metadata={"document": "a.md"}, k=0)
