"""A suite is asked once, in order, within its budget, and goes on where it was."""

import asyncio
import contextlib
from pathlib import Path
from typing import Any

import pytest
from tests.evals.running import CONTAINS, Counted, case, desk, ran, right_but, suite, target

from fourways.core.chat import ChatRequest
from fourways.core.errors import InvalidSuite, UpstreamError
from fourways.core.report import Report
from fourways.evals.asking import WHY
from fourways.evals.cases import Assertion, Suite
from fourways.evals.datasets import gold
from fourways.evals.desk import Desk, Memory, Settings
from fourways.evals.runner import Progress, run
from fourways.evals.scorers.base import Tools
from fourways.evals.suites import load_file
from fourways.models.echo import Reply

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"

TEN = suite(*(case(f"q{number}", f"q{number}") for number in range(10)))
"""An echo passes all of it."""


def value(report: Report, metric: str) -> float:
    measure = report.measure(metric)
    assert measure is not None, metric
    return measure.estimate.value


# ---------------------------------------------------------------- what comes out


async def test_results_stand_in_the_suites_order_whatever_came_first():
    slow_first = Counted(delays={"q0": 0.05, "q1": 0.02})
    report = await ran(TEN, slow_first, at_once=4)
    assert [result.id for result in report.results] == [one.id for one in TEN.cases]
    assert slow_first.most == 4


async def test_every_case_counts_exactly():
    script = right_but({"q3": "something else"}, gold=lambda question: question)
    report = await ran(TEN, Counted(script))
    assert value(report, "passed") == value(report, "contains") == 9 / 10
    assert [result.id for result in report.results if not result.passed] == ["q3"]


async def test_what_is_measured_of_every_suite_is_there():
    report = await ran(TEN, Counted(price=0.25))
    assert [measure.metric for measure in report.measures] == [
        "passed", "contains", "abstained", "errors", "latency_p50", "latency_p95", "first_token_p50", "first_token_p95",
        "cost", "input_tokens", "output_tokens",
    ]  # fmt: skip
    assert (value(report, "cost"), value(report, "errors"), report.cost_usd) == (0.25, 0.0, 2.5)
    assert all(result.answer.first_token is not None for result in report.results)


async def test_who_says_in_words_that_it_has_no_answer_abstains_as_who_says_so_by_a_flag_does():
    script = right_but({"q3": "The text does not say."}, gold=lambda question: question)
    assert value(await ran(TEN, Counted(script)), "abstained") == 1 / 10


async def test_the_same_cache_gives_the_same_report():
    cache = Memory()
    await ran(TEN, Counted(delays={"q1": 0.02}), cache=cache)
    first, second = [await ran(TEN, Counted("never asked"), cache=cache, at_once=n) for n in (1, 7)]
    assert first.results == second.results
    assert first.measures == second.measures
    assert all(result.reused for result in second.results)
    assert second.cost_usd == 0


async def test_labels_and_variables_reach_whoever_is_asked():
    model = Counted()
    asked = case("salary", metadata={"labels": ["hr"]}, variables={"name": "Ann"})
    await ran(suite(asked), model)
    assert model.requests[0].principal.labels == {"hr"}
    assert model.requests[0].variables == {"name": "Ann"}
    assert model.requests[0].stream


# ---------------------------------------------------------------- a check that was skipped is no pass


async def test_a_case_of_which_nothing_was_scored_did_not_pass():
    judged = case("q", asserts=(Assertion(type="judge", value="is it good?"),))
    report = await ran(suite(judged, case("q1", "q1")), Counted())
    measure = report.measure("passed")
    assert measure is not None
    assert (measure.estimate.n, measure.unscored) == (1, 1)
    assert not report.results[0].passed
    assert report.results[0].scores[0].reason.startswith("could not be scored: judge asks a model, and none is named")


async def test_where_there_is_nothing_to_check_nothing_is_held_against_it():
    asserts = (*CONTAINS, Assertion(type="groundedness"))
    report = await ran(suite(case("I could not find this", "find this", asserts=asserts)), Counted())
    assert [score.value for score in report.results[0].scores] == [1.0, None]
    assert (value(report, "passed"), report.results[0].passed) == (1.0, True)


@pytest.mark.parametrize("asserts", [(), (Assertion(type="token_f1", threshold=0.0),)], ids=["nothing", "measured"])
async def test_a_suite_in_which_nothing_must_hold_passes_nothing(asserts: tuple[Assertion, ...]):
    report = await ran(suite(case("q", "q", asserts=asserts)), Counted())
    measure = report.measure("passed")
    assert measure is not None
    assert (measure.estimate.n, measure.unscored) == (0, 1)


async def test_what_no_scorer_measures_is_refused_before_anything_is_asked():
    model = Counted()
    with pytest.raises(InvalidSuite, match="did you mean 'contains'"):
        await ran(suite(case("q0"), case("q1", asserts=(Assertion(type="contain"),))), model)
    assert model.requests == []


@pytest.mark.parametrize(
    ("scorer", "wrong"), [("yes_no", {"expected": "maybe"}), ("hit", {"metadata": {"relevance": "high"}})]
)
async def test_what_a_later_case_has_wrong_is_refused_before_anything_is_asked(scorer, wrong):
    model, asserts = Counted(), (Assertion(type=scorer),)
    with pytest.raises(InvalidSuite, match="case q1"):
        await ran(suite(case("q0", "yes", asserts=asserts), case("q1", asserts=asserts, **wrong)), model)
    assert model.requests == []


async def test_an_assertion_that_its_scorer_does_not_understand_ends_the_run():
    wrong = case("q0", asserts=(Assertion(type="choice", value=None),))
    with pytest.raises(InvalidSuite, match="case q0"):
        await ran(suite(wrong), Counted())


# ---------------------------------------------------------------- failures


async def test_a_failure_is_an_error_and_is_asked_again_the_next_time():
    cache, broken = Memory(), Reply(error=UpstreamError("down"), fail_after=0)
    first = await ran(TEN, Counted({"q2": broken}), cache=cache)
    assert value(first, "errors") == 1 / 10
    assert first.results[2].answer.error == "UpstreamError: down"
    model = Counted()
    second = await ran(TEN, model, cache=cache)
    assert model.asked == ["q2"]
    assert value(second, "passed") == 1.0


async def test_a_slow_case_times_out_and_holds_nobody_up():
    report = await ran(TEN, Counted(delays={"q4": 60.0}), timeout=0.05)
    assert report.results[4].answer.error == "no whole answer within 0.05 s"
    assert value(report, "passed") == 9 / 10
    assert value(report, "latency_p95") < 0.05


async def test_a_fault_of_an_answerer_is_an_error_too():
    async def faulty(request: ChatRequest, trace: Any, /) -> Any:
        if request.stream:
            raise ValueError("oh")
        yield

    report = await ran(suite(case("q")), faulty)
    assert report.results[0].answer.error == "ValueError: oh"


async def test_what_starts_with_the_first_question_is_no_answers_delay():
    begun: list[str] = []

    async def ready() -> None:
        begun.append("engine")
        await asyncio.sleep(0.1)

    cache = Memory()
    for _ in range(2):
        report = await run(TEN, target(Counted()), Desk(Settings(at_once=4), cache=cache, ready=ready))
        assert value(report, "latency_p95") < 0.1
    assert begun == ["engine"], "once, and not where all was answered before"


# ---------------------------------------------------------------- going on


async def test_a_run_goes_on_where_another_ended():
    cache, first, second = Memory(), Counted(), Counted()
    await ran(TEN.first(6), first, cache=cache)
    report = await ran(TEN, second, cache=cache)
    assert (len(first.requests), second.asked) == (6, ["q6", "q7", "q8", "q9"])
    assert [result.reused for result in report.results] == [True] * 6 + [False] * 4


async def test_asked_afresh_nothing_is_reused_and_the_new_answers_stay():
    cache, fresh = Memory(), Counted(["no"])
    await ran(TEN, Counted(), cache=cache)
    await ran(TEN, fresh, cache=cache, reuse=False)
    report = await ran(TEN, Counted(), cache=cache)
    assert len(fresh.requests) == 10
    assert {result.answer.text for result in report.results} == {"no"}


@pytest.mark.parametrize(
    "changed",
    [{"candidate": "d" * 64}, {"candidate": "", "model": "other"}, {"pins": {"knowledge": {"handbook": 2}}}],
    ids=str,
)
async def test_another_candidate_or_knowledge_is_asked_anew(changed: dict[str, Any]):
    cache, model = Memory(), Counted()
    await ran(TEN, Counted(), cache=cache)
    other = target(model)
    await run(TEN, type(other)(**{**fields_of(other), **changed}), desk(cache))
    assert len(model.requests) == 10


def fields_of(one: Any) -> dict[str, Any]:
    return {name: getattr(one, name) for name in one.__dataclass_fields__}


async def test_another_temperature_is_another_question():
    cache, model = Memory(), Counted()
    await ran(TEN, Counted(), cache=cache, temperature=0.0)
    await ran(TEN, model, cache=cache, temperature=None)
    assert [dict(request.options) for request in model.requests] == [{}] * 10


async def test_one_question_in_two_cases_is_asked_once():
    model = Counted(delays={"q": 0.01})
    twice = suite(case("a"), case("b"))
    same = tuple(
        type(one)(**{**fields_of(one), "messages": ({"role": "user", "content": "q"},)}) for one in twice.cases
    )
    report = await ran(Suite(name="twice", cases=same), model)
    assert model.asked == ["q"]
    assert [result.answer.text for result in report.results] == ["q", "q"]


async def test_repeats_are_asked_one_by_one_and_kept_one_by_one():
    cache, model = Memory(), Counted(["one", "two", "one"])
    first = await ran(suite(case("q", "one")), model, cache=cache, repeat=2)
    again = await ran(suite(case("q", "one")), model, cache=cache, repeat=3)
    assert [answer.text for answer in first.results[0].answers] == ["one", "two"]
    assert [answer.text for answer in again.results[0].answers] == ["one", "two", "one"]
    assert len(model.requests) == 3


# ---------------------------------------------------------------- stopping


async def test_a_run_stops_at_its_budget_and_says_so():
    cache, model = Memory(), Counted(price=1.0, delays={"q0": 0.02})
    report = await ran(TEN, model, cache=cache, budget_usd=4.0, at_once=3)
    assert report.stopped == "the budget of $4 is spent"
    assert len(model.requests) == len(report.results) == report.cost_usd == 4
    further = Counted(price=1.0)
    whole = await ran(TEN, further, cache=cache, budget_usd=6.0, at_once=3)
    assert (whole.stopped, len(whole.results), len(further.requests)) == ("", 10, 6)


async def test_with_nothing_left_to_spend_what_was_answered_is_still_reported():
    cache = Memory()
    await ran(suite(*TEN.cases[7:]), Counted(price=1.0), cache=cache)
    report = await ran(TEN, Counted(price=1.0), cache=cache, budget_usd=1.0)
    assert [result.id for result in report.results] == ["q0", "q7", "q8", "q9"]


async def test_what_costs_nothing_needs_no_budget():
    report = await ran(TEN, Counted(price=0.0), budget_usd=0.0)
    assert (len(report.results), report.stopped) == (10, "")


async def test_a_budget_cannot_be_kept_where_nobody_knows_the_price():
    report = await ran(TEN, Counted(price=None), budget_usd=1.0)
    assert "nobody knows what desk:prompt costs" in report.stopped
    assert len(report.results) == 1


async def test_stopped_by_hand_it_keeps_what_there_is():
    stop, model = asyncio.Event(), Counted(delays={"q5": 60.0})
    seen: list[Progress] = []

    def watch(progress: Progress) -> None:
        seen.append(progress)
        if progress.done == 9:
            stop.set()

    report = await run(TEN, target(model), desk(at_once=2), on_progress=watch, stop=stop)
    assert (report.stopped, len(report.results), model.under_way) == ("stopped by hand", 9, 0)
    assert [(progress.done, progress.total, progress.passed) for progress in seen] == [(n, 10, n) for n in range(10)]


async def test_cancelled_it_leaves_nothing_under_way():
    model = Counted(delays={"q1": 60.0, "q0": 60.0})
    running = asyncio.ensure_future(ran(TEN, model, at_once=2))
    await asyncio.sleep(0.02)
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    assert (len(model.requests), model.under_way) == (2, 0)


# ---------------------------------------------------------------- explanations


async def test_on_a_miss_the_model_is_asked_to_explain_itself_and_the_score_stays():
    script = {"q1": "wrong", WHY: "Because I guessed."}
    cache, model = Memory(), Counted(script)
    report = await ran(TEN, model, cache=cache, explain=True)
    plain = await ran(TEN, Counted(script))
    assert [result.explanation for result in report.results if result.explanation] == ["Because I guessed."]
    assert [result.scores for result in report.results] == [result.scores for result in plain.results]
    [why] = [request for request in model.requests if len(request.messages) > 1]
    assert [message["content"] for message in why.messages] == ["q1", "wrong", WHY]
    again = Counted(script)
    await ran(TEN, again, cache=cache, explain=True)
    assert again.requests == []


async def test_what_the_candidate_is_asked_again_goes_to_the_same_readers():
    asked = Assertion(type="consistent_under_rephrase", value=["in other words"])
    model = Counted(["yes"])
    secret = case("q", asserts=(asked,), metadata={"labels": ["hr"]})
    report = await ran(suite(secret), model, tools=Tools())
    assert model.asked == ["q", "in other words"]
    assert model.requests[1].principal.labels == {"hr"}
    assert report.results[0].passed


# ---------------------------------------------------------------- public data, to the last digit


@pytest.mark.data
@pytest.mark.parametrize(
    ("file", "metric"),
    [
        ("gsm8k/test.jsonl", "numeric"),
        ("truthfulqa/mc_task.json", "choice"),
        ("humaneval/HumanEval.jsonl.gz", "code"),
    ],
)
async def test_a_model_that_knows_all_but_two_answers_scores_just_that(file: str, metric: str):
    if not (DATA / file).exists():
        pytest.skip(f"there is no {DATA / file}")
    cases = load_file(DATA / file).first(12 if metric == "code" else 60)
    right = {one.input: str(gold(one)) for one in cases.cases}
    wrong = {cases.cases[1].input: "I do not know.", cases.cases[7].input: ""}
    report = await ran(cases, Counted({**right, **wrong}))
    count = len(cases.cases)
    assert value(report, "passed") == value(report, metric) == (count - 2) / count
    assert [at for at, result in enumerate(report.results) if not result.passed] == [1, 7]
