"""An evaluation asks what the project file says, keeps what it was told, and lets nothing gate that may not."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.ways.bench import Found, build, hit, named_ways, workshop

from fourways.control.calibrating import NOT_CALIBRATED
from fourways.control.disturbing import NO_PASSAGES
from fourways.control.evaluations import Ask, Evaluator, Named
from fourways.core.chat import Answerer, ChatRequest, Chunk, question_of, text_of
from fourways.core.errors import InvalidSuite, NotFound
from fourways.core.ids import DEFAULT_TENANT as TENANT
from fourways.core.report import Report
from fourways.core.trace import Trace, Usage
from fourways.evals.wordings import DISTRACTORS
from fourways.models.echo import Echo, Script
from fourways.models.embedders import HashEmbedder
from fourways.models.registry import Models
from fourways.models.wire import open_transport
from fourways.store import candidates, catalog, reports
from fourways.store.catalog import Place
from fourways.store.database import Database, open_database
from fourways.ways import WAYS

YAML = """
project: p
providers: {local: {dialect: openai, base_url: "http://127.0.0.1:9/v1"}}
knowledge: {k: {sources: [{paths: [.]}]}}
apps:
  desk:
    default_way: prompt
    ways:
      prompt: {model: local/main, examples: {cases: [{input: "What is ninety?", output: "It is ninety."}]}}
      rag: {model: local/main, knowledge: k, min_score: -1}
    tests: %s
"""
CASES = [{"id": f"q{n}", "input": f"What is {n}?", "expected_output": f"It is {n}."} for n in range(12)]
SEEN = {"input": "What is ninety?", "expected_output": "It is ninety."}
PLAIN: dict[str, Any] = {"cases": CASES, "assert": [{"type": "contains"}]}
JUDGED: dict[str, Any] = {"cases": CASES, "assert": [{"type": "judge"}], "judge": "local/strict"}


SECONDS = itertools.count()


def knows(request: ChatRequest) -> str:
    return f"It is {question_of(request.messages).split()[-1].strip('?!. ')}."


class Model:
    """A scripted model that counts; each answer has a price."""

    def __init__(self, script: Script = knows, *, usd: float = 0.0, delay: float = 0.0) -> None:
        self.echo = Echo(script)
        self.usd, self.delay = usd, delay
        self.requests: list[ChatRequest] = []
        self.under_way = self.most = 0

    async def __call__(self, request: ChatRequest, trace: Trace, /) -> AsyncIterator[Chunk]:
        self.requests.append(request)
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            await asyncio.sleep(self.delay)
            async for chunk in self.echo(request, Trace()):
                used = chunk.usage and Usage(input_tokens=1, output_tokens=1, cost_usd=self.usd)
                yield Chunk(text=chunk.text, finish=chunk.finish, usage=used)
        finally:
            self.under_way -= 1


class Shelf(Models):
    """All models, some of them scripted."""

    scripted: Mapping[str, Answerer] = {}

    def answerer(self, name: str) -> Answerer:
        return self.scripted.get(name) or super().answerer(name)


@dataclass(kw_only=True)
class Bench:
    """A project with a database and scripted models, evaluated."""

    folder: Path
    database: Database
    tests: Mapping[str, Any] = field(default_factory=lambda: PLAIN)
    main: Model = field(default_factory=Model)
    judge: Model = field(default_factory=Model)
    picked: list[str] = field(default_factory=list)

    async def evaluate(self, model: str = "desk", **given: Any) -> Report:
        evaluator = await self.evaluator()
        return await evaluator.evaluate(model, **given)

    async def evaluator(self) -> Evaluator:
        scripted = {"local/main": self.main, "local/strict": self.judge}
        yaml = YAML % json.dumps(self.tests)
        found = Found([hit("Ninety is a number.")])
        shop = workshop(self.folder, yaml, models=scripted, found=found)
        named: dict[str, Named] = {"local/strict": Named(answerer=self.judge)}
        for way in named_ways(shop, "desk"):
            candidate = await build(way, shop, "desk")
            with self.database.transaction() as connection:
                candidates.save_candidate(connection, TENANT, candidate, now=1.0)
            opened = WAYS[way].open(candidate, shop)
            named[f"desk:{way}"] = Named(answerer=opened, app="desk", way=way, candidate=candidate.id)
        models = Shelf(shop.project, open_transport({}), environ={}, embedder_factory=lambda _: HashEmbedder())
        models.scripted = scripted

        def pick(name: str) -> Named:
            self.picked.append(name)
            return named[name]

        return Evaluator(
            project=shop.project,
            folder=self.folder,
            database=self.database,
            tenant=TENANT,
            models=models,
            workshop=shop,
            pick=pick,
            now=lambda: 1_700_000_000.0 + next(SECONDS),
        )


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = open_database(f"sqlite:///{tmp_path}/state/fourways.db")
    yield opened
    opened.close()


@pytest.fixture
def bench(tmp_path: Path, database: Database) -> Callable[..., Bench]:
    return lambda **given: Bench(folder=tmp_path, database=database, **given)


def value(report: Report, metric: str = "passed") -> float:
    measure = report.measure(metric)
    assert measure is not None
    return measure.estimate.value


# ---------------------------------------------------------------- what a name means


async def test_a_bare_name_means_what_the_project_file_says_whatever_is_live(bench):
    here = bench()
    report = await here.evaluate("desk")
    assert here.picked == ["desk:prompt"]
    assert (report.model, report.app, report.way, value(report)) == ("desk:prompt", "desk", "prompt", 1.0)


async def test_a_report_is_kept_under_the_candidates_whole_digest(bench, database):
    report = await bench().evaluate()
    assert len(report.candidate) == 64
    with database.reading() as connection:
        assert reports.get_report(connection, TENANT, report.id) == report
        assert reports.newest_report_of(connection, TENANT, report.candidate, report.suite_digest) == report


async def test_a_model_asked_directly_needs_a_file_of_cases(bench, tmp_path):
    here = bench(judge=Model())
    with pytest.raises(NotFound, match="--suite FILE"):
        await here.evaluate("local/strict")
    file = tmp_path / "some.jsonl"
    file.write_text("\n".join(json.dumps(case) for case in CASES))
    report = await here.evaluate("local/strict", asking=Ask(suite=file, first=5))
    assert (report.app, report.candidate, report.suite, len(report.results)) == ("", "", "some", 5)
    assert report.pins["model"]["name"] == "local/strict"


# ---------------------------------------------------------------- asked once


async def test_another_evaluation_goes_on_from_what_was_kept(bench):
    first, second = bench(), bench()
    await first.evaluate(first=7)
    report = await second.evaluate()
    assert (len(first.main.requests), len(second.main.requests)) == (7, 5)
    assert [result.reused for result in report.results] == [True] * 7 + [False] * 5


async def test_of_a_newer_knowledge_all_is_asked_anew(bench, database):
    place = Place(tenant=TENANT, knowledge="k")
    asked = []
    for _ in range(2):
        with database.transaction() as connection:
            catalog.publish(connection, place, catalog.begin(connection, place, now=1.0), counts={}, now=1.0)
        here = bench()
        report = await here.evaluate("desk:rag")
        asked.append((len(here.main.requests), report.pins["knowledge"]))
    assert asked == [(12, {"k": 1}), (12, {"k": 2})]


async def test_temperature_repeats_and_judge_stand_in_the_report(bench):
    report = await bench(tests=PLAIN | {"temperature": None, "repeat": 2}).evaluate(asking=Ask(repeat=3, first=1))
    assert report.pins["settings"] == {"temperature": None, "repeat": 3, "judge": ""}
    assert len(report.results[0].answers) == 3


# ---------------------------------------------------------------- nothing is asked where something is wrong


@pytest.mark.parametrize(
    ("tests", "match"),
    [
        (PLAIN | {"cases": [SEEN]}, "examples in the prompt"),
        (JUDGED | {"calibration": ["judged.jsonl"]}, "judged.jsonl:1: a labelled answer has no good"),
        ({"assert": [{"type": "contains"}]}, "there are no test cases"),
    ],
    ids=["an example among the tests", "an answer that nobody judged", "no cases"],
)  # fmt: skip
async def test_what_is_wrong_is_said_before_anything_is_asked(bench, tmp_path, tests, match):
    (tmp_path / "judged.jsonl").write_text('{"input": "What?", "answer": "It is."}')
    here = bench(tests=tests)
    with pytest.raises(InvalidSuite, match=match):
        await here.evaluate()
    assert here.main.requests == []


async def test_what_the_prompt_shows_may_be_among_the_cases_for_tuning(bench, tmp_path):
    (tmp_path / "tuning.jsonl").write_text(json.dumps(SEEN))
    report = await bench(tests=PLAIN | {"tuning": ["tuning.jsonl"]}).evaluate(asking=Ask(side="tuning"))
    assert (report.suite, value(report)) == ("desk-tuning", 1.0)


# ---------------------------------------------------------------- judges


def judging(request: ChatRequest) -> str:
    """Find good what says that it is something."""
    shown = text_of(request.messages[-1])
    return json.dumps({"reason": "because", "score": float("It is" in shown)})


def labelled(folder: Path, count: int) -> None:
    rows = [{"input": "What?", "answer": f"It is {n}." if n % 2 else "No.", "good": bool(n % 2)} for n in range(count)]
    (folder / "judged.jsonl").write_text("\n".join(json.dumps(row) for row in rows))


async def verdict_of(here: Bench, report: Report) -> Any:
    evaluator = await here.evaluator()
    return evaluator.verdict(report, here_gate(evaluator), None)


def here_gate(evaluator: Evaluator) -> Any:
    return evaluator.project.apps["desk"].release.gate


async def test_a_judge_that_nobody_held_against_people_gates_nothing(bench):
    here = bench(tests=JUDGED, judge=Model(judging))
    report = await here.evaluate()
    verdict = await verdict_of(here, report)
    assert (value(report, "judge"), verdict.outcome) == (1.0, "inconclusive")
    assert NOT_CALIBRATED in verdict.reasons[0]


async def test_a_judge_that_agrees_with_people_gates(bench, tmp_path):
    labelled(tmp_path, 40)
    here = bench(tests=JUDGED | {"calibration": ["judged.jsonl"]}, judge=Model(judging))
    report = await here.evaluate()
    assert report.pins["judges"]["judge"]["kappa"]["value"] == 1.0
    assert (await verdict_of(here, report)).outcome == "pass"
    again = bench(tests=JUDGED | {"calibration": ["judged.jsonl"]}, judge=Model(judging))
    await again.evaluate()
    assert again.judge.requests == []


async def test_a_judge_that_gives_no_verdict_lets_nothing_pass(bench, tmp_path):
    labelled(tmp_path, 40)
    mute = Model(lambda request: "hm" if "It is" in text_of(request.messages[-1]) else judging(request))
    here = bench(tests=JUDGED | {"calibration": ["judged.jsonl"]}, judge=mute)
    report = await here.evaluate()
    assert report.passed == 0
    assert (await verdict_of(here, report)).outcome != "pass"


async def test_what_judges_cost_counts(bench, tmp_path):
    labelled(tmp_path, 30)
    here = bench(tests=JUDGED | {"calibration": ["judged.jsonl"]}, main=Model(usd=1.0), judge=Model(judging, usd=10.0))
    report = await here.evaluate()
    answers = 12 + 15 + 1  # of the cases, and of those that people judged, the same one once
    assert len(here.judge.requests) == answers
    assert report.cost_usd == 12 * 1.0 + answers * 10.0


# ---------------------------------------------------------------- disturbed

DISTURBED = PLAIN | {
    "robustness": {"perturbations": ["casing", "distractors", "paraphrase"], "sample": 6},
    "at_once": 2,
}


async def test_disturbed_cases_are_asked_as_few_at_a_time_as_the_others(bench):
    here = bench(tests=DISTURBED, main=Model(delay=0.005))
    report = await here.evaluate("desk:rag")
    effects = {effect["name"]: effect["n"] for effect in report.robustness["effects"]}
    assert (effects, here.main.most) == ({"casing": 6, "distractors": 6}, 2)
    assert "it takes a model that rewrites" in report.robustness["left_out"]["paraphrase"]
    slipped = [request for request in here.main.requests if any(text in str(request.messages) for text in DISTRACTORS)]
    assert len(slipped) == 6


async def test_a_way_that_finds_no_passages_has_none_slipped_in(bench):
    here = bench(tests=DISTURBED)
    report = await here.evaluate("desk:prompt")
    assert report.robustness["left_out"]["distractors"] == NO_PASSAGES
    assert len(here.main.requests) == 12 + 6


async def test_a_model_that_rewrites_is_asked_from_the_same_purse(bench):
    tests = DISTURBED | {"robustness": DISTURBED["robustness"] | {"model": "local/strict"}}
    here = bench(tests=tests, judge=Model(lambda request: f"{question_of(request.messages)}!", usd=0.5))
    report = await here.evaluate()
    assert {effect["name"] for effect in report.robustness["effects"]} == {"casing", "paraphrase"}
    assert report.cost_usd == 6 * 0.5


async def test_with_the_budget_spent_nothing_more_is_disturbed_and_the_report_stays(bench):
    here = bench(tests=DISTURBED | {"budget_usd": 12.0}, main=Model(usd=1.0))
    report = await here.evaluate()
    assert (value(report), report.stopped, report.cost_usd) == (1.0, "", 12.0)
    assert "the budget of $12 is spent" in report.robustness["left_out"]["casing"]


async def test_stopped_while_disturbing_it_ends_at_once_and_says_so(bench):
    here, stop = bench(tests=DISTURBED, main=Model(delay=0.001)), asyncio.Event()

    def watch(progress: Any) -> None:
        if progress.phase == "disturbing":
            here.main.delay = 60.0
            stop.set()

    report = await here.evaluate(on_progress=watch, stop=stop)
    assert (report.stopped, len(report.results), here.main.under_way) == ("stopped by hand", 12, 0)


async def test_disturbed_only_where_asked_for(bench):
    undisturbed = await bench(tests=DISTURBED).evaluate(asking=Ask(robustness=False))
    disturbed = await bench(tests=PLAIN).evaluate(asking=Ask(robustness=True))
    assert undisturbed.robustness == {}
    assert {"typos", "casing", "prefix"} <= {effect["name"] for effect in disturbed.robustness["effects"]}


async def test_other_settings_are_those_of_the_project_file(bench):
    report = await bench(tests=PLAIN | {"at_once": 3, "explain": True}, main=Model(["No."])).evaluate(first=2)
    assert (report.at_once, [result.explanation for result in report.results]) == (3, ["No."] * 2)
    assert report.passed == 0
