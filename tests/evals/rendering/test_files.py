"""JUnit XML and Markdown: read by machines and by people in a hurry, harmless whatever was answered."""

import re
from dataclasses import replace
from xml.etree.ElementTree import Element, fromstring

import pytest
from tests.evals.rendering.made import BROKE, HOSTILE, OPEN, VERDICT, of_results, report

from fourways.core.verdict import RuleResult, Verdict
from fourways.evals.rendering.junit import LONGEST, junit_xml
from fourways.evals.rendering.markdown import cell, evaluation_markdown

REPORT = report()
BASELINE = report(right=0.3, seed=2)


def suite_of(xml: str) -> Element:
    found = fromstring(xml.encode()).find("testsuite")
    assert found is not None
    return found


# ---------------------------------------------------------------- JUnit


def test_junit_counts_misses_errors_what_cannot_be_told_and_rules_that_do_not_hold():
    suite = suite_of(junit_xml(REPORT, VERDICT))
    missed = len(REPORT.results) - REPORT.passed - 2
    assert [suite.get(name) for name in ("tests", "failures", "errors", "skipped")] == [
        str(len(REPORT.results) + 3),
        str(missed + 2),
        "1",
        "1",
    ]


def test_junit_says_of_each_case_what_came_of_it_and_why():
    cases = suite_of(junit_xml(REPORT)).findall("testcase")
    assert [case.get("name") for case in cases] == [result.id for result in REPORT.results]
    assert cases[BROKE].find("error") is not None
    assert cases[OPEN].find("skipped") is not None
    at, missed = next((at, one) for at, one in enumerate(REPORT.results) if one.answer.abstained)
    failure = cases[at].find("failure")
    assert failure is not None
    assert failure.get("message") == "contains: not found: “07:00”"
    assert failure.text == f"question: {missed.input}\nexpected: 07:00\nanswer: I could not find this."
    assert cases[at].findtext("system-out") == "I could not find this."


def test_junit_has_the_measures_with_their_intervals_as_properties():
    values = {one.get("name"): one.get("value") for one in suite_of(junit_xml(REPORT)).iter("property")}
    assert re.fullmatch(r"0\.\d+ \(0\.\d+ to 0\.\d+, n = 79\)", values["passed"] or "")
    assert values["report"] == REPORT.id


@pytest.mark.parametrize(
    "answer", [HOSTILE, "\x1b[31m", "\ufffe", "x" * 1_000_000], ids=["markup", "esc", "fffe", "1 MB"]
)
def test_junit_holds_nothing_that_xml_forbids_nor_without_end(answer: str):
    xml = junit_xml(report(3, texts=[answer], right=0.0))
    said = suite_of(xml).findtext("testcase/system-out")
    assert said is not None
    assert len(said) <= LONGEST + 50
    assert len(xml.encode()) < 200_000


# ---------------------------------------------------------------- Markdown


def rows_of(text: str) -> list[list[str]]:
    """The cells of every table, a list for each row; rows of one table have equally many."""
    found = []
    for block in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        rows = [re.split(r"(?<!\\)\|", line)[1:-1] for line in block.splitlines()]
        assert len({len(row) for row in rows}) == 1
        found += rows
    return found


@pytest.mark.parametrize("baseline", [None, BASELINE], ids=["alone", "against r3"])
def test_markdown_is_short_with_the_verdict_first_and_the_misses_folded_away(baseline):
    rules = tuple(RuleResult(rule=f"rule {number}", passed=True) for number in range(40))
    verdict = Verdict(rules=(*rules, *VERDICT.rules))
    text = evaluation_markdown(REPORT, verdict=verdict, baseline=baseline, baseline_name="r3")
    assert len(text.splitlines()) < 60
    assert text.index("The gate says no") < text.index("| passed ") < text.index("<details>")
    assert ("against r3" in text) is (baseline is not None)
    assert [row[0].strip() for row in rows_of(text)][2:5] == ["❌", "❔", "✅"]


def test_markdown_of_hostile_answers_has_no_markup_of_theirs():
    results = [
        replace(one, id=HOSTILE, input=f"a|b\n# c {HOSTILE}", expected=HOSTILE) for one in report(9, right=0.0).results
    ]
    text = evaluation_markdown(of_results(results))
    rows_of(text)
    assert not re.search(r"(?<!\\)<(?!/?(?:details|summary)>)", text)
    text.encode("utf-8")


def test_nothing_in_a_cell_is_read_as_markup():
    assert cell("a|b\n<img> *x* @all") == "a\\|b \\<img\\> \\*x\\* \\@all"
