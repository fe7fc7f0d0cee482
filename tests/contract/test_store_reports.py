"""Reports, and answers to test cases, on every database."""

import math
from dataclasses import replace
from typing import Any

import pytest

from fourways.core.errors import InvalidRequest, NotFound
from fourways.core.ids import TenantId
from fourways.core.report import Answered, CaseResult, Estimate, Measure, Report, Score
from fourways.store import answers, reports
from fourways.store.database import Database
from fourways.store.reports import ReportRow

ACME, OTHER = TenantId("acme"), TenantId("other")

ANSWER = Answered(
    text="Nine o'clock [1].",
    citations=({"number": 1, "document": "docs/hours.md", "quote": "opens at nine", "start": 4, "end": 17},),
    sources=({"document": "docs/hours.md", "id": "p1", "text": "It opens at nine.", "score": 0.5},),
    seconds=1.5,
    first_token=0.25,
    input_tokens=12,
    output_tokens=6,
    cost_usd=0.001,
    finish="stop",
)
RESULT = CaseResult(
    id="hours-1",
    input="When does it open?",
    expected="nine",
    answers=(ANSWER, Answered(error="UpstreamTimeout: too slow")),
    scores=(Score(metric="contains", value=1.0, passed=True), Score(metric="judge", value=None, reason="no verdict")),
    explanation="The document says so.",
    metadata={"documents": ["docs/hours.md"], "answerable": True},
)


def report(**fields: Any) -> Report:
    facts: dict[str, Any] = {
        "app": "desk",
        "way": "rag",
        "candidate": "c" * 64,
        "model": "desk:rag",
        "suite": "testing",
        "suite_digest": "s" * 64,
        "results": (RESULT,),
        "measures": (Measure(metric="passed", estimate=Estimate(value=1.0, low=0.2, high=1.0, n=1, method="wilson")),),
        "pins": {"knowledge": {"handbook": 3}},
        "robustness": {"effects": []},
        "started_at": 100.0,
        "cost_usd": 0.001,
    }
    return Report(**(facts | fields))


def save(database: Database, *made: Report, tenant: TenantId = ACME) -> None:
    with database.transaction() as connection:
        for one in made:
            reports.save_report(connection, tenant, one)


def test_a_report_comes_back_as_it_was(database: Database):
    made = report()
    save(database, made)
    with database.reading() as connection:
        assert reports.get_report(connection, ACME, made.id) == made
        assert reports.get_report(connection, ACME, made.id[:10]) == made


def test_a_figure_without_bounds_comes_back_too(database: Database):
    endless = Estimate(value=0.0, low=-math.inf, high=math.inf, n=0)
    made = report(measures=(Measure(metric="cost", estimate=endless, unit="USD", direction="lower"),))
    save(database, made)
    with database.reading() as connection:
        assert reports.get_report(connection, ACME, made.id) == made


def test_no_database_stores_every_character_yet_the_report_is_kept(database: Database):
    made = report(results=(replace(RESULT, input="a\0b\ud800"),))
    save(database, made)
    with database.reading() as connection:
        found = reports.get_report(connection, ACME, made.id)
    assert found.results[0].input == "a\ufffdb\ufffd"


def test_the_newest_of_a_candidate_is_that_on_the_suite_asked_for(database: Database):
    old, new = report(started_at=1.0), report(started_at=2.0)
    elsewhere = report(started_at=3.0, suite_digest="t" * 64)
    save(database, new, old, elsewhere, report(started_at=4.0, candidate="d" * 64))
    with database.reading() as connection:
        assert reports.newest_report_of(connection, ACME, "c" * 64) == elsewhere
        assert reports.newest_report_of(connection, ACME, "c" * 64, "s" * 64) == new
        assert reports.newest_report_of(connection, ACME, "e" * 64) is None


def test_lists_show_the_newest_first_by_app_and_kind(database: Database):
    save(database, report(started_at=1.0), report(started_at=2.0), report(started_at=3.0, app="other"))
    compared = ReportRow(
        id="cmp_1", kind="comparison", app="desk", way="", candidate="", suite="testing", suite_digest="s" * 64,
        created_at=4.0, summary={"best": "rag"},
    )  # fmt: skip
    with database.transaction() as connection:
        reports.keep(connection, ACME, compared, {"arms": []})
    with database.reading() as connection:
        everything = reports.recent_reports(connection, ACME)
        mine = reports.recent_reports(connection, ACME, app="desk", kind="evaluation", before=2.0)
        assert reports.get_kept(connection, ACME, "cmp").body == {"arms": []}
        with pytest.raises(InvalidRequest, match="is a comparison"):
            reports.get_report(connection, ACME, "cmp_1")
    assert [row.created_at for row in everything] == [4.0, 3.0, 2.0, 1.0]
    assert [row.created_at for row in mine] == [1.0]
    assert (mine[0].summary["passed"], mine[0].summary["measures"]["passed"]["estimate"]["value"]) == (1, 1.0)


def test_another_tenant_sees_no_report(database: Database):
    made = report()
    save(database, made)
    with database.reading() as connection:
        assert reports.recent_reports(connection, OTHER) == []
        assert reports.newest_report_of(connection, OTHER, made.candidate) is None
        with pytest.raises(NotFound):
            reports.get_report(connection, OTHER, made.id)


# ---------------------------------------------------------------- answers


def keep(database: Database, kept: dict[str, Answered], *, now: float = 1.0) -> None:
    with database.transaction() as connection:
        answers.keep_answers(connection, ACME, kept, app="desk", now=now)


def test_answers_come_back_by_digest(database: Database):
    many = {f"{number:064}": replace(ANSWER, text=str(number)) for number in range(1200)}
    keep(database, many)
    with database.reading() as connection:
        assert answers.answers_kept(connection, ACME, [*many, "f" * 64]) == many
        assert answers.answers_kept(connection, OTHER, list(many)) == {}


def test_an_answer_asked_for_afresh_takes_the_place_of_the_old(database: Database):
    keep(database, {"a": ANSWER})
    keep(database, {"a": replace(ANSWER, text="Ten."), "b": ANSWER})
    keep(database, {})
    with database.reading() as connection:
        found = answers.answers_kept(connection, ACME, ["a", "b"])
    assert {digest: one.text for digest, one in found.items()} == {"a": "Ten.", "b": ANSWER.text}


def test_old_answers_are_forgotten_a_few_at_a_time(database: Database):
    for at in range(6):
        keep(database, {str(at): ANSWER}, now=float(at))
    counts = []
    for _ in range(3):
        with database.transaction() as connection:
            counts.append(answers.forget_answers_before(connection, ACME, 5.0, limit=3))
    with database.reading() as connection:
        assert list(answers.answers_kept(connection, ACME, [str(at) for at in range(6)])) == ["5"]
    assert counts == [3, 2, 0]
