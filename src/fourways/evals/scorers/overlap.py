"""Scorers by the words shared with a right answer: SQuAD's, BLEU, chrF, ROUGE. Pure; the libraries come late."""

import json
import re
import string
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

from fourways.core.errors import MissingPackage
from fourways.core.report import Answered, Estimate
from fourways.evals.cases import Assertion, Case
from fourways.evals.scorers.base import Mark, Plain, Scorer
from fourways.evals.scorers.text import ARTICLES
from fourways.evals.scorers.wanted import NOT_KNOWN, invalid, one_of, references, settings

_PUNCTUATION = str.maketrans("", "", string.punctuation)
PERCENT = 100.0
"""sacrebleu's figures are out of a hundred; ours, as all shares, out of one."""
ROUNDS = 1000
"""Bootstrap resamplings behind the interval of a corpus figure."""


# ---------------------------------------------------------------- SQuAD


def squad_tokens(text: str, language: str = "en") -> list[str]:
    """Return an answer's words as SQuAD compares them: lower case, no ASCII punctuation, no articles."""
    plain = text.lower().translate(_PUNCTUATION)
    articles = "|".join(sorted(ARTICLES[language], key=len, reverse=True))
    return (re.sub(rf"\b({articles})\b", " ", plain) if articles else plain).split()


def token_f1_of(answer: str, right: str, language: str = "en") -> float:
    """Return the F1 of the words of two answers (Rajpurkar et al. 2016, as SQuAD 2.0's evaluation computes it)."""
    said, wanted = squad_tokens(answer, language), squad_tokens(right, language)
    if not said or not wanted:
        return float(said == wanted)
    shared = sum((Counter(said) & Counter(wanted)).values())
    if not shared:
        return 0.0
    precision, recall = shared / len(said), shared / len(wanted)
    return 2 * precision * recall / (precision + recall)


def token_f1(case: Case, answered: Answered, asked: Assertion) -> Mark:
    """F1 of the answer's words and those of the right answer that is nearest. Option: `language` (en, de, es, "")."""
    language = _language(asked)
    return _best(case, asked, lambda right: token_f1_of(answered.text, right, language))


def exact_match(case: Case, answered: Answered, asked: Assertion) -> Mark:
    """Whether the answer's words, as SQuAD compares them, are those of a right answer. Option: `language`."""
    language = _language(asked)
    said = squad_tokens(answered.text, language)
    return _best(case, asked, lambda right: float(said == squad_tokens(right, language)))


# ---------------------------------------------------------------- BLEU, chrF


def bleu(case: Case, answered: Answered, asked: Assertion) -> Mark:
    """BLEU of one answer (Papineni et al. 2002), as sacrebleu's `sentence_bleu` computes it, over a hundred.

    Options: `tokenize` (13a, intl, char, zh, …), `lowercase`.
    """
    options = settings(asked, {"tokenize": "13a", "lowercase": False})
    metrics = _metrics()
    one_of(asked, "tokenize", options["tokenize"], dict.fromkeys(metrics.BLEU.TOKENIZERS))
    try:
        metric = metrics.BLEU(effective_order=True, **options)
    except (ImportError, RuntimeError) as error:  # sacrebleu's for a tokenizer whose own package is missing: either
        said = " ".join(str(error).split())
        raise invalid(asked, f"tokenize: {options['tokenize']} cannot be had here: {said}") from error
    return _by_sacrebleu(metric, case, answered, asked)


def chrf(case: Case, answered: Answered, asked: Assertion) -> Mark:
    """Score chrF of one answer (Popović 2015), as sacrebleu's `sentence_chrf` computes it, over a hundred.

    Options: `word_order` (2 for chrF++).
    """
    options = settings(asked, {"word_order": 0})
    return _by_sacrebleu(_metrics().CHRF(**options), case, answered, asked)


def corpus_bleu(
    answers: Sequence[str], right: Sequence[Sequence[str]], tokenize: str = "13a", *, lowercase: bool = False
) -> Estimate:
    """BLEU of all answers together, as sacrebleu's `corpus_bleu`, over a hundred, with its bootstrap interval.

    Args:
        right: for each answer the references it may be like; not all need have as many.

    Raises:
        MissingPackage: sacrebleu is not installed.
    """
    return _corpus(_metrics().BLEU(tokenize=tokenize, lowercase=lowercase), answers, right)


def corpus_chrf(answers: Sequence[str], right: Sequence[Sequence[str]], word_order: int = 0) -> Estimate:
    """Score chrF of all answers together, as sacrebleu's `corpus_chrf`, over a hundred, with its bootstrap interval."""
    return _corpus(_metrics().CHRF(word_order=word_order), answers, right)


def _by_sacrebleu(metric: Any, case: Case, answered: Answered, asked: Assertion) -> Mark:  # noqa: ANN401 - untyped
    right = references(case, asked)
    return Mark(value=metric.sentence_score(answered.text, right).score / PERCENT) if right else NOT_KNOWN


def _corpus(metric: Any, answers: Sequence[str], right: Sequence[Sequence[str]]) -> Estimate:  # noqa: ANN401 - untyped
    most = max(map(len, right))
    streams = [[texts[rank] if rank < len(texts) else None for texts in right] for rank in range(most)]
    score = metric.corpus_score(list(answers), streams, n_bootstrap=ROUNDS)
    told = json.loads(score.format(width=12, signature=str(metric.get_signature()), is_json=True))
    value = score.score / PERCENT
    # sacrebleu tells half the width of the interval between the outer fortieths and the mean of the resamplings.
    mean, half = told.get("confidence_mean", score.score) / PERCENT, told.get("confidence_var", 0.0) / PERCENT
    low, high = max(0.0, min(mean - half, value)), min(1.0, max(mean + half, value))
    return Estimate(value=value, low=low, high=high, n=len(answers), method="bootstrap")


# ---------------------------------------------------------------- ROUGE

MEASURES: Mapping[str, str] = {"f": "fmeasure", "precision": "precision", "recall": "recall"}


def rouge(kind: str) -> Plain:
    """Return the scorer of one kind of ROUGE (Lin 2004), as rouge-score computes it: the best of the right answers.

    Options: `measure` (f, precision or recall), `stem` (Porter's stemmer, for English). Its words are made of a to z
    and 0 to 9 alone: a text without any cannot be scored.
    """

    def scored(case: Case, answered: Answered, asked: Assertion) -> Mark:
        options = settings(asked, {"measure": "f", "stem": False})
        measure = one_of(asked, "measure", options["measure"], MEASURES)
        right = references(case, asked)
        if right and not any(char.isascii() and char.isalnum() for text in right for char in text):
            return Mark(value=None, reason="ROUGE counts words of a–z and 0–9, and the expected output has none")
        scorer = _rouge_scorer(kind, options["stem"])
        return _best(case, asked, lambda text: float(getattr(scorer.score(text, answered.text)[kind], measure)))

    return scored


@cache
def _rouge_scorer(kind: str, stem: bool) -> Any:  # noqa: ANN401, FBT001 - untyped; a cache's key
    try:
        from rouge_score.rouge_scorer import RougeScorer
    except ModuleNotFoundError as error:
        raise MissingPackage("rouge-score", "evals") from error
    return RougeScorer([kind], use_stemmer=stem)


def _metrics() -> Any:  # noqa: ANN401 - a module without types
    try:
        from sacrebleu import metrics
    except ModuleNotFoundError as error:
        raise MissingPackage("sacrebleu", "evals") from error
    return metrics


def _language(asked: Assertion) -> str:
    language: str = settings(asked, {"language": "en"})["language"]
    one_of(asked, "language", language, ARTICLES)
    return language


def _best(case: Case, asked: Assertion, measure: Callable[[str], float]) -> Mark:
    right = references(case, asked)
    return Mark(value=max(map(measure, right))) if right else NOT_KNOWN


# The thresholds are those which promptfoo takes for `bleu` and `rouge-n`, whose files are read too.
ROWS = (
    Scorer(name="token_f1", line="F1 of the words shared with a right answer (SQuAD)", plain=token_f1, threshold=0.5),
    Scorer(name="exact_match", line="the answer's words are those of a right one (SQuAD)", plain=exact_match),
    Scorer(name="bleu", line="BLEU, over a hundred (sacrebleu)", plain=bleu, threshold=0.5),
    Scorer(name="chrf", line="chrF, over a hundred (sacrebleu)", plain=chrf, threshold=0.5),
    Scorer(name="rouge_1", line="ROUGE-1: single words shared (rouge-score)", plain=rouge("rouge1"), threshold=0.75),
    Scorer(name="rouge_2", line="ROUGE-2: pairs of words shared", plain=rouge("rouge2"), threshold=0.75),
    Scorer(name="rouge_l", line="ROUGE-L: longest common sequence of words", plain=rouge("rougeL"), threshold=0.75),
)
