"""Words shared with a right answer: to the last digit what the reference libraries compute."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import sacrebleu
from hypothesis import given
from hypothesis import strategies as st
from rouge_score.rouge_scorer import RougeScorer
from tests.evals.scorers.marks import mark, value

from fourways.core.errors import InvalidSuite, MissingPackage
from fourways.evals.scorers.overlap import corpus_bleu, corpus_chrf, token_f1_of

XQUAD = Path(__file__).resolve().parents[4] / "shared" / "data" / "xquad"

PAIRS: list[tuple[str, list[str]]] = [
    # answer, right answers
    ("The cat sat on the mat.", ["The cat is on the mat.", "There is a cat on the mat."]),
    ("the market was built in 1835", ["The market was built in 1835"]),
    ("Der Markt wurde 1835 eröffnet.", ["1835 wurde der Markt eröffnet."]),
    ("no word shared", ["entirely different here"]),
    ("", ["something"]),
    ("a", ["a"]),
]


@pytest.mark.parametrize(("said", "right"), PAIRS)
def test_bleu_is_sacrebleus(said, right):
    assert value("bleu", said, right) == sacrebleu.sentence_bleu(said, right).score / 100
    lower = sacrebleu.sentence_bleu(said, right, lowercase=True, tokenize="intl").score / 100
    assert value("bleu", said, right, lowercase=True, tokenize="intl") == lower


@pytest.mark.parametrize(("said", "right"), PAIRS)
def test_chrf_is_sacrebleus(said, right):
    assert value("chrf", said, right) == sacrebleu.sentence_chrf(said, right).score / 100
    assert value("chrf", said, right, word_order=2) == sacrebleu.sentence_chrf(said, right, word_order=2).score / 100


@pytest.mark.parametrize(("kind", "theirs"), [("rouge_1", "rouge1"), ("rouge_2", "rouge2"), ("rouge_l", "rougeL")])
@pytest.mark.parametrize(("said", "right"), PAIRS)
def test_rouge_is_that_of_rouge_score(kind, theirs, said, right):
    assert value(kind, said, right) == RougeScorer([theirs]).score_multi(right, said)[theirs].fmeasure
    for measure in ("precision", "recall"):
        best = max(getattr(RougeScorer([theirs], use_stemmer=True).score(one, said)[theirs], measure) for one in right)
        assert value(kind, said, right, measure=measure, stem=True) == best


def test_a_corpus_is_no_mean_of_its_sentences():
    said: list[str] = [one for one, _ in PAIRS]
    right: list[list[str]] = [refs for _, refs in PAIRS]
    streams: Any = [[refs[0] for refs in right], [refs[1] if len(refs) > 1 else None for refs in right]]
    bleu, chrf = corpus_bleu(said, right), corpus_chrf(said, right, 2)
    assert bleu.value == sacrebleu.corpus_bleu(said, streams).score / 100
    assert chrf.value == sacrebleu.corpus_chrf(said, streams, word_order=2).score / 100
    for estimate in (bleu, chrf):
        assert 0 <= estimate.low <= estimate.value <= estimate.high <= 1
        assert (estimate.n, estimate.method) == (len(PAIRS), "bootstrap")
    assert bleu.low < bleu.high


def test_token_f1_as_squad_has_it():
    # "market in Norwich" against "Norwich market hall": two of three words each way
    assert value("token_f1", "The market, in Norwich!", "Norwich market hall") == pytest.approx(2 / 3)
    assert value("token_f1", "Norwich", "a Norwich market hall") == pytest.approx(2 * 1 * (1 / 3) / (1 + 1 / 3))
    assert value("token_f1", "market market", "market") == pytest.approx(2 * 0.5 * 1 / 1.5), "a word counts once each"
    assert value("token_f1", "York", ["Norwich", "New York"]) == pytest.approx(2 / 3), "the nearest counts"
    assert value("token_f1", "", "Norwich") == 0.0
    assert value("token_f1", "the", "a") == 1.0, "neither holds a word"


def test_exact_match_as_squad_has_it():
    assert value("exact_match", "the  Norwich-market", "norwichmarket") == 1.0
    assert value("exact_match", "the market in Norwich", "market Norwich") == 0.0
    assert value("exact_match", "Der Markt", "Markt") == 0.0
    assert value("exact_match", "Der Markt", "Markt", language="de") == 1.0


@given(st.text(max_size=40), st.text(max_size=40))
def test_token_f1_is_symmetric_and_a_share(one, other):
    assert token_f1_of(one, other) == pytest.approx(token_f1_of(other, one))
    assert 0.0 <= token_f1_of(one, other) <= 1.0
    assert token_f1_of(one, one) == 1.0


def test_what_rouge_has_no_words_for_is_not_scored():
    found = mark("rouge_l", "東京", "東京")
    assert found.value is None
    assert "of a–z and 0–9" in found.reason


def test_settings_that_the_libraries_do_not_know_are_the_suites_mistake():
    with pytest.raises(InvalidSuite, match=r"option 'tokenize' is one of .*13a"):
        mark("bleu", "a", "a", tokenize="words")
    with pytest.raises(InvalidSuite, match="option 'measure' is one of f, precision, recall"):
        mark("rouge_1", "a", "a", measure="accuracy")


@pytest.mark.parametrize(
    ("tokenize", "module"), [("ja-mecab", "MeCab"), ("ko-mecab", "mecab_ko"), ("spm", "sentencepiece")]
)
def test_a_tokenizer_whose_package_is_missing_is_named(monkeypatch, tokenize, module):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(InvalidSuite, match=f"{tokenize} cannot be had here"):
        mark("bleu", "a", "a", tokenize=tokenize)


def test_a_library_that_is_not_installed_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "sacrebleu", None)
    with pytest.raises(MissingPackage, match=r"sacrebleu is not installed.*fourways\[evals\]"):
        mark("bleu", "a", "a")


@pytest.mark.data
def test_xquads_answers_against_the_passages_they_stand_in():
    if not XQUAD.exists():
        pytest.skip(f"{XQUAD} is not there")
    passages = [
        passage
        for article in json.loads((XQUAD / "xquad.en.json").read_text())["data"]
        for passage in article["paragraphs"]
    ]
    for passage in passages[::12]:
        right = passage["qas"][0]["answers"][0]["text"]
        assert value("exact_match", f"  {right.upper()}.", expected=right) == 1.0
        assert value("rouge_1", passage["context"], expected=right, measure="recall") == 1.0
        bleu = sacrebleu.sentence_bleu(passage["context"], [right]).score / 100
        assert value("bleu", passage["context"], expected=right) == bleu
