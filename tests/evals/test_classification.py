"""What only a whole suite has: to the last digit what scikit-learn and sacrebleu compute."""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import sacrebleu
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics
from tests.evals.scorers.marks import mark

from fourways.core.report import Answered, CaseResult, Score
from fourways.evals import classification as ours
from fourways.evals.cases import Assertion, Case

LABELS = ["ham", "spam", "eggs"]
PAIRS = st.lists(st.tuples(st.sampled_from(LABELS), st.sampled_from(LABELS)), min_size=1, max_size=40)
WITH_GAPS = st.lists(st.tuples(st.sampled_from(LABELS), st.none() | st.sampled_from(LABELS)), min_size=1, max_size=40)


@given(PAIRS)
def test_accuracies_and_f1_are_those_of_sklearn(pairs):
    truth, predicted = [one for one, _ in pairs], [other for _, other in pairs]
    counts = ours.confusion(truth, predicted)
    assert ours.accuracy(counts) == pytest.approx(metrics.accuracy_score(truth, predicted))
    for average, figure in (("macro", ours.macro_f1(counts)), ("micro", ours.micro_f1(counts))):
        assert figure == pytest.approx(metrics.f1_score(truth, predicted, average=average, zero_division=0))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # sklearn warns where a label was predicted that never occurs
        assert ours.balanced_accuracy(counts) == pytest.approx(metrics.balanced_accuracy_score(truth, predicted))


@given(WITH_GAPS)
def test_each_labels_scores_are_those_of_sklearn_though_some_answers_name_none(pairs):
    truth, predicted = [one for one, _ in pairs], [other for _, other in pairs]
    counts = ours.confusion(truth, predicted)
    labels = ours.labels_of(counts)
    told = [other or "none of them" for other in predicted]
    columns = metrics.precision_recall_fscore_support(truth, told, labels=labels, zero_division=0)
    for label, *theirs in zip(labels, *columns, strict=True):
        mine = ours.by_label(counts)[label]
        assert [mine.precision, mine.recall, mine.f1, mine.support] == pytest.approx(theirs)
    for average, figure in (("macro", ours.macro_f1(counts)), ("micro", ours.micro_f1(counts))):
        theirs = metrics.f1_score(truth, told, labels=labels, average=average, zero_division=0)
        assert figure == pytest.approx(theirs)


def test_a_confusion_counts_what_was_taken_for_what():
    counts = ours.confusion(["ham", "ham", "spam", "spam"], ["ham", "spam", "ham", None])
    assert counts == {("ham", "ham"): 1, ("ham", "spam"): 1, ("spam", "ham"): 1, ("spam", None): 1}
    assert ours.accuracy(counts) == 1 / 4
    assert ours.by_label(counts)["ham"] == ours.LabelScores(precision=0.5, recall=0.5, f1=0.5, support=2)
    with pytest.raises(ValueError, match="zip"):
        ours.confusion(["ham"], [])


SCORES = st.lists(st.tuples(st.booleans(), st.integers(0, 5)), min_size=2, max_size=40)


@given(SCORES.filter(lambda one: len({positive for positive, _ in one}) > 1))
def test_the_auc_is_that_of_sklearn_ties_and_all(scored):
    positive, scores = [one for one, _ in scored], [float(score) for _, score in scored]
    assert ours.roc_auc(positive, scores) == pytest.approx(metrics.roc_auc_score(positive, scores))


def test_there_is_no_auc_of_cases_that_are_all_alike():
    assert ours.roc_auc([True, True], [0.1, 0.9]) is None
    assert ours.macro_auc(["ham"], [{"ham": 1.0}]) is None


@given(st.integers(0, 2**32 - 1))
def test_the_macro_auc_is_sklearns_one_against_the_rest(seed):
    random = np.random.default_rng(seed)
    truth = [*LABELS, *random.choice(LABELS, size=12)]
    shares = random.dirichlet([1, 1, 1], size=len(truth))
    order = sorted(LABELS)
    theirs = metrics.roc_auc_score(truth, shares, multi_class="ovr", average="macro", labels=order)
    mine = ours.macro_auc(truth, [dict(zip(order, map(float, row), strict=True)) for row in shares])
    assert mine == pytest.approx(theirs)


# ---------------------------------------------------------------- a suite


def asked(kind: str, name: str = "", **options: Any) -> Assertion:
    return Assertion(type=kind, metric=name, options=options)


def scored(case: Case, said: str) -> CaseResult:
    """Score an answer by all that its case asserts."""
    found = [mark(one.type, said, one.value, expected=case.expected, **dict(one.options)) for one in case.asserts]
    scores = tuple(
        Score(metric=one.name, value=each.value, reason=each.reason)
        for one, each in zip(case.asserts, found, strict=True)
    )
    return CaseResult(id=case.id, input=case.input, answers=(Answered(text=said),), scores=scores)


def suite(rows: Sequence[tuple[str, str]], *asserts: Assertion) -> tuple[list[Case], list[CaseResult]]:
    """Make cases of (expected, answer) and score them."""
    cases = [
        Case(
            id=str(number),
            messages=({"role": "user", "content": "?"},),
            expected=(right,) if right else (),
            asserts=asserts,
        )
        for number, (right, _) in enumerate(rows)
    ]
    return cases, [scored(case, said) for case, (_, said) in zip(cases, rows, strict=True)]


def measured(rows: Sequence[tuple[str, str]], *asserts: Assertion) -> dict[str, Any]:
    cases, results = suite(rows, *asserts)
    return {measure.metric: measure for measure in ours.suite_measures(results, cases)}


def test_a_suite_of_labels_has_accuracy_and_f1_with_intervals():
    rows = [("ham", "ham"), ("ham", "It is spam."), ("spam", "spam"), ("eggs", "ham or spam"), ("", "ham")] * 6
    found = measured(rows, asked("label", labels=LABELS))
    assert list(found) == ["accuracy", "balanced_accuracy", "macro_f1", "micro_f1"]
    truth, told = ["ham", "ham", "spam", "eggs"] * 6, ["ham", "spam", "spam", "unclear"] * 6
    assert found["accuracy"].estimate.value == 0.5
    assert found["accuracy"].estimate.method == "wilson"
    assert found["macro_f1"].estimate.value == pytest.approx(
        metrics.f1_score(truth, told, labels=LABELS, average="macro", zero_division=0)
    )
    for measure in found.values():
        estimate = measure.estimate
        assert 0 <= estimate.low < estimate.value < estimate.high <= 1, measure
        assert (estimate.n, measure.unscored) == (24, 6)


def test_scores_of_labels_give_an_auc():
    rows = [
        ("ham", '{"label": "ham", "scores": {"ham": 0.9, "spam": 0.1}}'),
        ("ham", '{"label": "spam", "scores": {"ham": 0.4, "spam": 0.6}}'),
        ("spam", '{"label": "spam", "scores": {"ham": 0.2, "spam": 0.8}}'),
        ("spam", '{"label": "ham", "scores": {"ham": 0.7, "spam": 0.3}}'),
        ("spam", "spam"),
    ]
    found = measured(rows, asked("label", "intent", labels=["ham", "spam"]))
    auc = found["intent_auc"]
    assert auc.estimate.value == metrics.roc_auc_score([1, 1, 0, 0], [0.9, 0.4, 0.2, 0.7])
    assert (auc.estimate.n, auc.unscored) == (4, 1)
    assert found["intent_accuracy"].estimate.value == 3 / 5


def test_an_interval_is_the_same_each_time_and_narrows_with_more_cases():
    rows = [("ham", "ham"), ("ham", "spam"), ("spam", "spam"), ("spam", "spam")]
    few, again = (measured(rows * 5, asked("label", labels=LABELS))["macro_f1"].estimate for _ in range(2))
    many = measured(rows * 50, asked("label", labels=LABELS))["macro_f1"].estimate
    assert few == again
    assert many.high - many.low < (few.high - few.low) / 2


def test_bleu_and_chrf_are_also_those_of_the_whole_corpus():
    rows = [
        ("The cat is on the mat.", "The cat sat on the mat."),
        ("It rains in Rome.", "In Rome it rains."),
        ("", "x"),
    ]
    found = measured(rows, asked("bleu"), asked("chrf", "letters", word_order=2))
    said, right = [answer for one, answer in rows if one], [[one for one, _ in rows if one]]
    assert list(found) == ["corpus_bleu", "corpus_letters"]
    assert found["corpus_bleu"].estimate.value == sacrebleu.corpus_bleu(said, right).score / 100
    assert found["corpus_letters"].estimate.value == sacrebleu.corpus_chrf(said, right, word_order=2).score / 100
    assert found["corpus_bleu"].unscored == 1


def test_a_suite_that_asserts_none_of_them_has_no_such_measures():
    assert measured([("a", "a")], asked("exact")) == {}
    assert measured([("", "ham")], asked("label", labels=LABELS)) == {}
    assert ours.suite_measures([], []) == ()
