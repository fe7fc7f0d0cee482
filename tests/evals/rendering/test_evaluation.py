"""The page of an evaluation: complete, readable, harmless whatever was answered, and not endless."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from tests.evals.rendering.made import BROKE, HOSTILE, OPEN, ROBUSTNESS, VERDICT, of_results, report

from fourways.core.report import Report
from fourways.evals.rendering.evaluation import MISSES, evaluation_html, headline
from fourways.evals.rendering.misses import missed_of, misses_of, why

XQUAD = Path(__file__).resolve().parents[3].parent / "shared" / "data" / "xquad"
REPORT = report()
BASELINE = report(right=0.3, seed=2)
VOID = {"meta", "input", "br"}


class Read(HTMLParser):
    """What a browser makes of a page: its tags, properly closed, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        assert not [name for name, _ in attrs if name.startswith("on")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


# ---------------------------------------------------------------- what it says


def test_the_headline_is_a_sentence_with_its_interval_and_leaves_out_what_cannot_be_told():
    assert headline(REPORT) == "47 of 79 cases passed (59 %, 48 to 70 %); 1 could not be decided"


def test_where_nothing_had_to_hold_the_headline_claims_nothing():
    free = [replace(one, scores=tuple(replace(score, passed=None) for score in one.scores)) for one in REPORT.results]
    answered = [one for one in free if not one.answer.error]
    assert headline(of_results(answered)) == "none of 79 cases could be decided"


def test_the_page_says_what_a_product_owner_asks():
    said = Read(evaluation_html(REPORT, verdict=VERDICT, baseline=BASELINE, baseline_name="r3")).text
    for part in (
        "47 of 79 cases passed",
        "Of a hundred more questions like these, 48 to 70 can be expected to pass.",
        "Against r3, over 79 cases: better by 43 points (27.8 to 57).",
        "The gate says no.",
        "kappa 0.31 of 40",
        "By kind of question",
        "share of the cases in which everything held",
        "half answered within",
        "handbook: 3",
        "fourways eval helpdesk:rag",
        "47 passed: a line each",
    ):
        assert part in said


def test_what_cannot_be_told_apart_is_said_with_the_cases_that_it_would_take():
    said = Read(evaluation_html(REPORT, baseline=report(right=0.57, seed=4))).text
    assert re.search(r"not distinguishable \(-[\d.]+ to \+[\d.]+ points\); about [\d,]+ cases would tell", said)


def test_every_miss_stands_there_with_why_and_with_what_it_was_given():
    page = Read(evaluation_html(REPORT))
    assert page.tags.count("details") == len(missed_of(REPORT)) + 1
    for part in ("I read the wrong page.", "not found: “07:00”", "docs/keys.md", "UpstreamError: broke off"):
        assert part in page.text


def test_a_miss_says_whether_the_right_document_was_found():
    result = next(one for one in REPORT.results if one.answer.abstained)
    (miss,) = misses_of([result])
    assert (miss.why, miss.lacking) == ("abstained, contains", "docs/hours.md")
    found = replace(result, metadata={"documents": ["docs/k*"]})
    assert [source.right for source in misses_of([found])[0].sources] == [False, True]


def test_what_broke_off_or_cannot_be_told_is_not_called_wrong():
    assert why(REPORT.results[BROKE]) == "broke off"
    assert REPORT.results[OPEN] not in missed_of(REPORT)


def test_disturbances_stand_with_the_worst_first_and_what_was_left_out():
    said = Read(evaluation_html(of_results(REPORT.results, ROBUSTNESS))).text
    assert said.index("prefix") < said.index("typos") < said.index("injection")
    for part in ("Left out: paraphrase: it takes a model that rewrites.", "wehn?", "+0.60 (+0.00 to +1.00)"):
        assert part in said


def test_a_page_without_misses_or_without_cases_says_so():
    assert "Nothing was missed" in evaluation_html(report(5, right=1.1))
    assert "No case was asked" in evaluation_html(replace(of_results(()), stopped="the budget"))


# ---------------------------------------------------------------- that it does no harm


def test_the_page_fetches_nothing():
    page = evaluation_html(of_results(REPORT.results, ROBUSTNESS), verdict=VERDICT, baseline=BASELINE)
    assert re.findall(r"\b(?:src|href|srcset|action)\s*=|@import|url\(|https?://", page) == []
    assert "default-src 'none'" in page


def hostile(one: Report) -> Report:
    """Put hostile texts wherever a text can come from outside."""
    results = [
        replace(
            result,
            id=f"{HOSTILE}{number}",
            input=HOSTILE,
            expected=HOSTILE,
            explanation=HOSTILE,
            metadata={"kind": HOSTILE, HOSTILE: HOSTILE, "document": HOSTILE},
            scores=tuple(replace(score, reason=HOSTILE) for score in result.scores),
        )
        for number, result in enumerate(one.results)
    ]
    made = replace(of_results(results, {**ROBUSTNESS, "left_out": {HOSTILE: HOSTILE}}), stopped=HOSTILE, suite=HOSTILE)
    measures = tuple(replace(measure, metric=f"{measure.metric} {HOSTILE}") for measure in made.measures)
    name = HOSTILE.replace("\ud800", "")  # a name with a half of a letter has no digest, and is refused before
    return replace(made, app=HOSTILE, model=name, pins={HOSTILE: HOSTILE}, measures=measures)


@pytest.mark.parametrize("right", [0.0, 0.5])
def test_hostile_texts_stay_texts_wherever_they_stand(right: float):
    rules = tuple(replace(rule, rule=HOSTILE, bound=HOSTILE, reason=HOSTILE) for rule in VERDICT.rules)
    one = hostile(report(40, texts=[HOSTILE], passages=[HOSTILE], right=right))
    other = hostile(report(40, right=0.5, seed=3))
    page = evaluation_html(one, verdict=replace(VERDICT, rules=rules), baseline=other, baseline_name=HOSTILE)
    read = Read(page)
    assert (read.tags.count("script"), read.tags.count("img")) == (1, 0)
    assert "{{ 7*7 }}" in read.text, "nothing is taken for a template"
    page.encode("utf-8")
    assert "\x00" not in page


# ---------------------------------------------------------------- that it does not get endless


def test_a_long_answer_is_cut_and_said_to_be():
    page = evaluation_html(report(texts=["x" * 1_000_000], right=0.0))
    assert "more characters" in page
    assert len(page) < 1_000_000


def test_of_many_misses_the_first_stand_in_full_and_the_others_in_a_line():
    many = report(600, right=0.2, seed=5)
    read = Read(evaluation_html(many))
    assert read.tags.count("dl") == MISSES + 1
    assert f"{len(missed_of(many)) - MISSES} more missed" in read.text
    assert read.tags.count("tr") > 600 - MISSES


@pytest.mark.data
@pytest.mark.skipif(not XQUAD.is_dir(), reason=f"there is no {XQUAD}")
@pytest.mark.parametrize("language", ["en", "de", "es"])
@pytest.mark.parametrize("right", [0.1, 0.8])
def test_all_of_xquad_makes_a_page_under_a_megabyte(language: str, right: float):
    articles = json.loads((XQUAD / f"xquad.{language}.json").read_text(encoding="utf-8"))["data"]
    passages = [paragraph["context"] for article in articles for paragraph in article["paragraphs"]]
    one = report(1190, right=right, texts=passages, passages=passages)
    page = evaluation_html(one, verdict=VERDICT, baseline=report(1190, right=0.5, seed=2))
    assert len(page.encode()) < 1_000_000
    assert len(passages) == 240
