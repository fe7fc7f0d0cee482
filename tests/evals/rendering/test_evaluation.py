"""Pages, JUnit and Markdown of an evaluation: complete, harmless whatever was answered, and not endless."""

import re
from xml.etree.ElementTree import fromstring

import pytest
from tests.evals.rendering.made import HOSTILE, VERDICT, report

from fourways.evals.rendering.evaluation import evaluation_html, headline
from fourways.evals.rendering.junit import junit_xml, legal
from fourways.evals.rendering.markdown import cell, evaluation_markdown
from fourways.evals.rendering.page import LONGEST

REPORT = report()
BASELINE = report(right=0.5)


def test_the_headline_is_a_sentence_with_its_interval():
    assert re.fullmatch(r"\d+ of 80 cases passed \(\d+%, \d+% to \d+%\)", headline(REPORT))


def test_the_page_shows_verdict_measures_and_every_miss():
    page = evaluation_html(REPORT, verdict=VERDICT, baseline=BASELINE)
    assert "The gate says no." in page
    assert "kappa 0.31 of 40" in page
    assert page.count("data-case>") == len(REPORT.results) - REPORT.passed
    assert "not distinguishable over 80 cases" in page


def test_the_page_fetches_nothing():
    page = evaluation_html(REPORT, verdict=VERDICT, baseline=BASELINE)
    assert re.findall(r"(?:src|href)=|@import|url\(|https?://", page) == []


def test_a_hostile_answer_stays_text():
    page = evaluation_html(report(texts=[HOSTILE] * 80, right=0.0), verdict=VERDICT)
    assert page.count("<script>") == 1, "the page's own"
    assert "&lt;script&gt;alert" in page
    page.encode("utf-8")


def test_a_long_answer_is_cut_and_said_to_be():
    page = evaluation_html(report(texts=["x" * 1_000_000], right=0.0))
    assert f"{1_000_000 - LONGEST:,} more characters" in page
    assert len(page) < 400_000


def test_a_large_suite_makes_a_page_under_a_megabyte():
    assert len(evaluation_html(report(1190), baseline=report(1190, right=0.5))) < 1_000_000


def test_a_page_without_misses_says_so():
    assert "Nothing was missed" in evaluation_html(report(5, right=1.1))


def test_junit_counts_misses_errors_and_rules_that_do_not_hold():
    suite = fromstring(junit_xml(REPORT, VERDICT)).find("testsuite")
    assert suite is not None
    broke, missed = 1, len(REPORT.results) - REPORT.passed - 1
    assert (suite.get("tests"), suite.get("errors"), suite.get("failures")) == ("83", str(broke), str(missed + 2))
    assert suite.find("properties/property[@name='passed']") is not None


def test_junit_holds_nothing_that_xml_forbids():
    answers = [HOSTILE, "\x1b[31m", "\ufffe"]
    found = fromstring(junit_xml(report(texts=answers)))
    assert "alert" in str(found.findtext(".//system-out"))
    assert legal("a\x00b\ud800") == "a\ufffdb\ufffd"


@pytest.mark.parametrize("baseline", [None, BASELINE])
def test_markdown_is_short_and_its_tables_have_equal_rows(baseline: object):
    text = evaluation_markdown(REPORT, verdict=VERDICT, baseline=BASELINE if baseline else None)
    assert len(text.splitlines()) < 60
    for block in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}) == 1


def test_nothing_in_a_cell_is_read_as_markup():
    assert cell("a|b\n<img> *x*") == "a\\|b \\<img\\> \\*x\\*"
