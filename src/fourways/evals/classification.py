"""Measures of a whole suite that are no means over its cases: F1, balanced accuracy, AUC; a corpus' BLEU and chrF."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fourways.core.report import CaseResult, Estimate, Measure
from fourways.evals.cases import Assertion, Case
from fourways.evals.scorers.choosing import Prediction, read_prediction
from fourways.evals.scorers.overlap import corpus_bleu, corpus_chrf
from fourways.evals.scorers.wanted import references
from fourways.evals.statistics import mann_whitney, wilson

if TYPE_CHECKING:
    from numpy.typing import NDArray

RESAMPLES = 1000
OF_RANKS = 200
"""Resamplings of the AUC, each of which sorts all scores once a label."""

Confusion = Mapping[tuple[str, str | None], int]
"""How often a label was taken for which; None where the answer named none, or several. That is never right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelScores:
    """How well one label is told: right of all that were taken for it, right of all that had it."""

    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True, slots=True)
class Sums:
    """Counts by label, the last dimension: told rightly, had the label, taken for it. Others are resamplings."""

    hits: "NDArray[np.float64]"
    had: "NDArray[np.float64]"
    taken: "NDArray[np.float64]"


Formula = Callable[[Sums], "NDArray[np.float64]"]


# ---------------------------------------------------------------- one right label a case


def confusion(truth: Sequence[str], predicted: Sequence[str | None]) -> Confusion:
    """Count what was taken for what.

    Raises:
        ValueError: there are not as many predictions as labels.
    """
    return Counter(zip(truth, predicted, strict=True))


def accuracy(counts: Confusion) -> float:
    """Return the share of the cases told rightly."""
    return _exactly(_accuracy, counts)


def balanced_accuracy(counts: Confusion) -> float:
    """Return the mean, over the labels that occur, of the share told rightly (Brodersen et al. 2010)."""
    return _exactly(_balanced_accuracy, counts)


def macro_f1(counts: Confusion) -> float:
    """Return the mean of the labels' F1: each label counts alike, however rare."""
    return _exactly(_macro_f1, counts)


def micro_f1(counts: Confusion) -> float:
    """Return the F1 of all predictions together: the accuracy, where every answer names a label."""
    return _exactly(_micro_f1, counts)


def by_label(counts: Confusion) -> Mapping[str, LabelScores]:
    """Return each label's precision, recall and F1; 0 where there is nothing to divide by."""
    sums = _summed(counts, np.array(list(counts.values()), dtype=float))
    columns = zip(sums.hits, sums.had, sums.taken, _f1(sums), strict=True)
    return {
        label: LabelScores(
            precision=float(hits / max(taken, 1)), recall=float(hits / max(had, 1)), f1=float(f1), support=int(had)
        )
        for label, (hits, had, taken, f1) in zip(labels_of(counts), columns, strict=True)
    }


def labels_of(counts: Confusion) -> list[str]:
    """Return all labels that were right or predicted, in order."""
    return sorted({name for pair in counts for name in pair if name is not None})


def _accuracy(sums: Sums) -> "NDArray[np.float64]":
    return _ratio(sums.hits.sum(-1), sums.had.sum(-1))


def _balanced_accuracy(sums: Sums) -> "NDArray[np.float64]":
    occurs = sums.had > 0
    return _ratio((_ratio(sums.hits, sums.had) * occurs).sum(-1), occurs.sum(-1))


def _macro_f1(sums: Sums) -> "NDArray[np.float64]":
    return _ratio(_f1(sums).sum(-1), (sums.had + sums.taken > 0).sum(-1))


def _micro_f1(sums: Sums) -> "NDArray[np.float64]":
    return _ratio(2 * sums.hits.sum(-1), sums.had.sum(-1) + sums.taken.sum(-1))


def _f1(sums: Sums) -> "NDArray[np.float64]":
    return _ratio(2 * sums.hits, sums.had + sums.taken)


def _ratio(part: "NDArray[np.float64]", whole: "NDArray[np.float64] | NDArray[np.int64]") -> "NDArray[np.float64]":
    return part / np.maximum(whole, 1)


def _summed(counts: Confusion, draws: "NDArray[np.float64]") -> Sums:
    """Sum counts by label; `draws` holds a count for each pair of the confusion, (…, pairs)."""
    labels, pairs = labels_of(counts), list(counts)
    had = np.array([[truth == label for label in labels] for truth, _ in pairs], dtype=float)
    taken = np.array([[predicted == label for label in labels] for _, predicted in pairs], dtype=float)
    return Sums(draws @ (had * taken), draws @ had, draws @ taken)


def _exactly(formula: Formula, counts: Confusion) -> float:
    return float(formula(_summed(counts, np.array(list(counts.values()), dtype=float))))


# ---------------------------------------------------------------- scores of labels


def roc_auc(positive: Sequence[bool], scores: Sequence[float]) -> float | None:
    """Return the area under the ROC curve: how often a positive case scores above a negative one, a tie being half.

    By ranks (Hanley and McNeil 1982). None where all cases are alike.

    Raises:
        ValueError: there are not as many scores as cases.
    """
    yes = [score for score, is_so in zip(scores, positive, strict=True) if is_so]
    no = [score for score, is_so in zip(scores, positive, strict=True) if not is_so]
    return mann_whitney(yes, no).u / (len(yes) * len(no)) if yes and no else None


def macro_auc(truth: Sequence[str], scores: Sequence[Mapping[str, float]]) -> float | None:
    """Return the mean over the labels that occur of the AUC of each against all others (Fawcett 2006, §10).

    Args:
        scores: of every label, for each case.
    """
    areas = [
        roc_auc([one == label for one in truth], [score[label] for score in scores]) for label in sorted(set(truth))
    ]
    known = [area for area in areas if area is not None]
    return sum(known) / len(known) if known else None


# ---------------------------------------------------------------- the measures of a suite


@dataclass(frozen=True, slots=True)
class Scored:
    """A case with its result, and what was asserted of it."""

    result: CaseResult
    case: Case
    asked: Assertion

    @property
    def prediction(self) -> Prediction | None:
        """What the answer was taken to say; None where the case has no label."""
        name = self.asked.name
        return next((read_prediction(score.reason) for score in self.result.scores if score.metric == name), None)


def suite_measures(results: Sequence[CaseResult], cases: Iterable[Case]) -> tuple[Measure, ...]:
    """Measure what only a whole suite has, for each metric of type `label`, `bleu` or `chrf` that its cases assert.

    Args:
        results: of the cases that were asked; other cases do not matter.

    Raises:
        MissingPackage: sacrebleu is not installed, and `bleu` or `chrf` is asserted.
    """
    known = {case.id: case for case in cases}
    metrics: dict[tuple[str, str], list[Scored]] = {}
    for result in results:
        for asked in known[result.id].asserts if result.id in known else ():
            if asked.type in OF_SUITES:
                metrics.setdefault((asked.type, asked.name), []).append(Scored(result, known[result.id], asked))
    return tuple(measure for (kind, name), scored in metrics.items() for measure in OF_SUITES[kind](name, scored))


def _labelled(name: str, scored: Sequence[Scored]) -> tuple[Measure, ...]:
    known = [prediction for one in scored if (prediction := one.prediction) is not None]
    if not known:
        return ()
    counts = confusion([one.truth for one in known], [one.label for one in known])
    with_scores = [one for one in known if one.scores]
    estimates = {
        "accuracy": wilson(sum(one.label == one.truth for one in known), len(known)),
        "balanced_accuracy": _resampled(_balanced_accuracy, counts),
        "macro_f1": _resampled(_macro_f1, counts),
        "micro_f1": _resampled(_micro_f1, counts),
        "auc": _auc(with_scores),
    }
    prefix = "" if name == "label" else f"{name}_"
    return tuple(
        Measure(metric=f"{prefix}{what}", estimate=estimate, unscored=len(scored) - estimate.n)
        for what, estimate in estimates.items()
        if estimate is not None
    )


def _bleu(name: str, scored: Sequence[Scored]) -> tuple[Measure, ...]:
    options = scored[0].asked.options
    tokenize, lowercase = options.get("tokenize", "13a"), options.get("lowercase", False)
    return _corpus(name, scored, lambda texts, right: corpus_bleu(texts, right, tokenize, lowercase=lowercase))


def _chrf(name: str, scored: Sequence[Scored]) -> tuple[Measure, ...]:
    order = scored[0].asked.options.get("word_order", 0)
    return _corpus(name, scored, lambda texts, right: corpus_chrf(texts, right, order))


def _corpus(
    name: str, scored: Sequence[Scored], measure: Callable[[list[str], list[tuple[str, ...]]], Estimate]
) -> tuple[Measure, ...]:
    right = [references(one.case, one.asked) for one in scored]
    texts = [one.result.answer.text for one, known in zip(scored, right, strict=True) if known]
    if not texts:
        return ()
    estimate = measure(texts, [known for known in right if known])
    return (Measure(metric=f"corpus_{name}", estimate=estimate, unscored=len(scored) - len(texts)),)


OF_SUITES: Mapping[str, Callable[[str, Sequence[Scored]], tuple[Measure, ...]]] = {
    "label": _labelled,
    "bleu": _bleu,
    "chrf": _chrf,
}
"""What each type of assertion adds to a suite's measures, by its metric's name."""


# ---------------------------------------------------------------- intervals


def _resampled(formula: Formula, counts: Confusion, seed: int = 0) -> Estimate:
    """Estimate a figure with its percentile bootstrap interval: cases drawn anew are pairs drawn by their frequency."""
    cases = sum(counts.values())
    shares = np.array(list(counts.values()), dtype=float) / cases
    draws = np.random.default_rng(seed).multinomial(cases, shares, size=RESAMPLES).astype(float)
    return _between(_exactly(formula, counts), formula(_summed(counts, draws)), cases)


def _auc(predictions: Sequence[Prediction], seed: int = 0) -> Estimate | None:
    """Estimate the macro AUC; None where no answer gave scores, or all cases have one label."""
    random = np.random.default_rng(seed)
    value = _auc_of(predictions)
    if value is None:
        return None
    picks = random.integers(0, len(predictions), size=(OF_RANKS, len(predictions)))
    drawn = [area for pick in picks if (area := _auc_of([predictions[place] for place in pick])) is not None]
    return _between(value, np.array(drawn or [value]), len(predictions))


def _auc_of(predictions: Sequence[Prediction]) -> float | None:
    return macro_auc([one.truth for one in predictions], [one.scores for one in predictions])


def _between(value: float, drawn: "NDArray[np.float64]", cases: int) -> Estimate:
    low, high = (float(edge) for edge in np.quantile(drawn, (0.025, 0.975)))
    return Estimate(value=value, low=min(low, value), high=max(high, value), n=cases, method="bootstrap")
