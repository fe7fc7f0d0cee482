"""What judges and replays say of a canary: gathered once, kept, and paired question by question."""

from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import pytest

from fourways.config.tree import Project
from fourways.control import releases, showing
from fourways.control.opinions import A_ROUND, Gatherer
from fourways.core.chat import Answerer
from fourways.core.ids import DEFAULT_TENANT as TENANT
from fourways.core.specs import Candidate
from fourways.core.trace import Trace
from fourways.core.verdict import RuleResult, Verdict
from fourways.evals.desk import AskModels, Desk, Memory, Settings
from fourways.evals.scorers.base import Tools
from fourways.models.echo import Echo, Reply
from fourways.store import candidates, traces
from fourways.store import releases as rows
from fourways.store.database import Database, open_database
from fourways.store.releases import ReleaseRow

GOOD = Verdict(rules=(RuleResult(rule="passed", passed=True),))
KIND, STERN = '{"reason": "fine", "score": 0.9}', '{"reason": "poor", "score": 0.2}'


@pytest.fixture
def database() -> Iterator[Database]:
    opened = open_database("sqlite://")
    yield opened
    opened.close()


def canary(database: Database, **analysis: Any) -> ReleaseRow:
    """Make a canary with a weight, before anybody asks."""
    policy = {"steps": [{"setWeight": 50}], "analysis": analysis}
    app = {"ways": {"prompt": {"model": "echo"}}, "release": {"approval": "none", "canary": policy}}
    project = Project.model_validate({"project": "testing", "apps": {"desk": app}})
    made = Candidate(app="desk", way="prompt", parts={})
    with database.transaction() as connection:
        candidates.save_candidate(connection, TENANT, made, now=1.0)
    row = releases.create(database, TENANT, project, made, stage="production", actor="ann", now=1.0)
    releases.gated(database, TENANT, row, GOOD, report="rep", now=1.0)
    seen = showing.show(database, TENANT, "desk", 1).standing
    with database.transaction() as connection:
        releases.start_canary(connection, TENANT, row, releases.proof_of(row, seen), seen=seen, now=2.0)
        rows.append(connection, TENANT, row, "shift", actor="x", at=3.0, detail={"step": 0, "weight": 0.5})
    return row


def asked(database: Database, arm: str, *questions: str) -> None:
    batch = []
    for number, question in enumerate(questions):
        trace = Trace(now=lambda number=number: 10.0 + number)  # type: ignore[misc]
        trace.tenant, trace.app, trace.attributes["arm"] = TENANT, "desk", arm
        trace.release = "r1" if arm == "canary" else None
        trace.question, trace.answer = question, f"{arm} says so"
        trace.end()
        batch.append(trace)
    with database.transaction() as connection:
        traces.record_traces(connection, batch)


def gatherer(database: Database, serve: dict[bool, Answerer], judge: Answerer, cache: Memory) -> Gatherer:
    def tools(desk: Desk) -> Tools:
        return Tools(ask=AskModels(desk=desk, open_model=lambda _: judge))

    return Gatherer(
        database=database,
        tenant=TENANT,
        serve=lambda _, is_canary: serve[is_canary],
        kept=lambda _: nullcontext(cache),
        desk=lambda kept: Desk(Settings(), cache=kept),
        tools=tools,
    )


async def test_a_judge_scores_a_sample_of_what_both_arms_answered(database: Database):
    row = canary(database, judge="strict", sample=1.0)
    asked(database, "canary", "one?", "two?")
    asked(database, "control", "three?")
    judge = Echo(lambda request: STERN if "canary says" in str(request.messages) else KIND)
    made = gatherer(database, {}, judge, Memory())
    await made.gather()
    judged = made.known(row).judged
    assert [one.score for one in judged["canary"]] == [0.2, 0.2]
    assert [(one.score, one.at) for one in judged["control"]] == [(0.9, 10.0)]


async def test_answers_that_a_judge_says_nothing_of_hold_up_no_others(database: Database):
    row = canary(database, judge="strict", sample=1.0)
    asked(database, "canary", "judged?", *("odd?" for _ in range(A_ROUND)))
    judge = Echo(lambda request: "well…" if "odd?" in str(request.messages) else KIND)
    made = gatherer(database, {}, judge, Memory())
    for _ in range(2):
        await made.gather()
    assert [one.score for one in made.known(row).judged["canary"]] == [0.9]


async def test_a_question_that_cannot_be_paired_holds_up_no_others(database: Database):
    row = canary(database, judge="strict", shadow=A_ROUND + 1)
    asked(database, "control", "judged?", *("odd?" for _ in range(A_ROUND)))
    judge = Echo(lambda request: "well…" if "odd?" in str(request.messages) else KIND)
    both: dict[bool, Answerer] = {True: Echo("fine".split()), False: Echo("fine".split())}
    made = gatherer(database, both, judge, Memory())
    for _ in range(2):
        await made.gather()
    assert (made.known(row).canary, made.known(row).control) == ([0.9], [0.9])


async def test_the_same_recent_questions_are_put_to_both(database: Database):
    row = canary(database, shadow=5)
    asked(database, "control", "one?", "two?")
    serve: dict[bool, Answerer] = {True: Echo([Reply(status=500)]), False: Echo("fine".split())}
    made = gatherer(database, serve, Echo(), Memory())
    await made.gather()
    known = made.known(row)
    assert (list(known.canary), list(known.control), known.wanted) == ([0.0, 0.0], [1.0, 1.0], 5)


async def test_a_restart_asks_nothing_twice(database: Database):
    row = canary(database, shadow=2)
    asked(database, "control", "one?", "two?")
    heard: list[str] = []

    def hear(request: Any) -> str:
        heard.append(str(request.messages))
        return "fine"

    serve: dict[bool, Answerer] = {True: Echo(hear), False: Echo(hear)}
    cache = Memory()
    for _ in range(2):
        made = gatherer(database, serve, Echo(), cache)
        await made.gather()
        assert len(made.known(row).canary) == 2
    assert len(heard) == 4


async def test_nothing_is_asked_where_the_policy_asks_for_nothing(database: Database):
    row = canary(database)
    asked(database, "control", "one?")
    made = gatherer(database, {}, Echo(), Memory())
    await made.gather()
    assert not made.known(row).wanted
