"""A comparison builds, evaluates, clocks and keeps, whatever the ways are; killed, it goes on from what was there."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.ways.bench import Found, Trainer, build, hit, workshop

from fourways.control.comparisons import Compares
from fourways.core.errors import InvalidRequest, NotFound, Unavailable
from fourways.core.ids import DEFAULT_TENANT
from fourways.core.report import Report
from fourways.evals.cases import Assertion, Case, Suite
from fourways.evals.comparing.comparison import Comparison, decode
from fourways.evals.desk import Desk, Memory, Settings
from fourways.evals.runner import OnProgress, Target, run
from fourways.models.echo import Echo
from fourways.store import reports, trainings
from fourways.store.database import Database, open_database
from fourways.store.trainings import WeightsRow
from fourways.ways import WAYS

YAML = """
project: p
providers: {fake: {base_url: "http://127.0.0.1:1"}}
knowledge: {k: {sources: [{paths: [.]}]}}
facts: {requests_per_month: 10000, machine_usd_per_hour: 1.8}
apps:
  a:
    description: Answers questions.
    ways: {prompt: {model: echo}, rag: {model: fake/knowing, knowledge: k, min_score: -1}}
"""
SUITE = Suite(
    name="a",
    cases=tuple(
        Case(
            id=f"case-{number}",
            messages=({"role": "user", "content": f"What is {number}?"},),
            expected=(f"It is {number}.",),
            asserts=(Assertion(type="contains"),),
        )
        for number in range(40)
    ),
)
SYNCED = {"documents": 3, "passages": 9, "unchanged": 0, "error": ""}


class Evaluator:
    """Evaluates as the real one does, but for the database."""

    def __init__(self) -> None:
        self.targets: dict[str, Target] = {}
        self.kept = Memory()
        self.reused: list[int] = []

    def suite(self, app: str) -> Suite:
        return SUITE

    async def evaluate(
        self, model: str, *, first: int | None = None, fresh: bool = False, on_progress: OnProgress
    ) -> Report:
        desk = Desk(Settings(reuse=not fresh), cache=self.kept)
        report = await run(SUITE.first(first), self.targets[model], desk, on_progress=on_progress)
        self.reused.append(sum(result.reused for result in report.results))
        return report


class Bench:
    """A comparison's tools, made of fakes that are products."""

    def __init__(self, folder: Path, database: Database, synced: Mapping[str, Any] = SYNCED, yaml: str = YAML) -> None:
        self.trainer = Trainer()
        self.refuses = ""
        (folder / "d.jsonl").touch()
        knowing = Echo(lambda request: f"It is {request.messages[-1]['content'].split()[-1].strip('?')}.")
        self.shop = workshop(
            folder,
            yaml,
            models={"echo": Echo(), "fake/knowing": knowing, "fourways-small": knowing},
            found=Found([hit("It is a number.")]),
            training=self.trainer,
        )
        self.evaluator = Evaluator()
        self.database = database
        self.ingested: list[str] = []
        self.synced = synced
        self.told: list[tuple[str, int, int, str]] = []
        self.now = 1_700_000_000.0

    async def ready(self) -> "Bench":
        for way in ("prompt", "rag"):
            candidate = await build(way, self.shop)
            self.evaluator.targets[f"a:{way}"] = Target(
                model=f"a:{way}",
                answerer=WAYS[way].open(candidate, self.shop),
                app="a",
                way=way,
                candidate=candidate.digest,
            )
        return self

    async def _ingest(self, names: Sequence[str], on_change: Any) -> dict[str, Mapping[str, Any]]:
        self.ingested += names
        for name in names:
            on_change(name, {"done": 3, "total": 3, "what": "reading"})
        return dict.fromkeys(names, self.synced)

    async def _train(self, app: str, way: str, on_change: Any) -> None:
        if self.refuses:
            raise InvalidRequest(self.refuses)
        on_change({"stage": "sft", "done": 5, "total": 10, "what": "loss 1.2"})
        self.trainer.known.append(way)
        result = {"steps": 10, "tokens": 5000, "seconds": 90.0}
        row = WeightsRow(
            recipe=self.trainer.recipes[-1].digest, digest="e" * 64, kind="adapter", base="small", method="sft",
            dataset="d" * 64, created_at=1.0, run={}, result=result, app=app, way=way,
        )  # fmt: skip
        with self.database.transaction() as connection:
            trainings.save_weights(connection, DEFAULT_TENANT, row)
        candidate = await build(way, self.shop)
        opened = WAYS[way].open(candidate, self.shop)
        model = f"a:{way}"
        self.evaluator.targets[model] = Target(
            model=model, answerer=opened, app="a", way=way, candidate=candidate.digest
        )

    async def compare(self, app: str = "a", **given: Any) -> Comparison:
        self.now += 60
        compares = Compares(
            project=self.shop.project,
            workshop=self.shop,
            ingest=self._ingest,
            train=self._train,
            open_model=lambda model: self.evaluator.targets[model].answerer,
            evaluator=self.evaluator,
            database=self.database,
            tenant=DEFAULT_TENANT,
            state=Path("nowhere"),
            now=lambda: self.now,
        )
        return await compares.compare(app, lambda *told: self.told.append(told), **given)


@pytest.fixture
def database(tmp_path: Path):
    database = open_database(f"sqlite:///{tmp_path / 'fourways.db'}")
    yield database
    database.close()


async def test_it_measures_every_way_and_recommends_the_one_that_answers(tmp_path: Path, database: Database):
    bench = await Bench(tmp_path, database).ready()
    found = await bench.compare()
    assert [arm.way for arm in found.arms] == ["prompt", "rag"]
    passed = {arm.way: arm.measures[0].estimate.value for arm in found.arms}
    assert passed == {"prompt": 0.0, "rag": 1.0}
    assert found.advice.recommended is not None
    assert found.advice.recommended.way == "rag"
    assert found.description == "Answers questions."
    assert all(arm.timing is not None and arm.timing.n == 25 for arm in found.arms)


async def test_only_the_knowledge_that_a_way_answers_from_is_built_and_its_time_is_that_ways(
    tmp_path: Path, database: Database
):
    bench = await Bench(tmp_path, database).ready()
    found = await bench.compare(first=5)
    assert bench.ingested == ["k"]
    assert [step.name for step in found.arm("rag").build.steps] == ["ingest k", "build rag"]
    assert [step.name for step in found.arm("prompt").build.steps] == ["build prompt"]
    assert found.arm("rag").build.steps[0].detail == "3 documents, 9 passages"
    assert found.arm("rag").build.usd == pytest.approx(found.arm("rag").build.seconds * 1.8 / 3600)
    assert not found.arm("rag").build.earlier


async def test_a_way_that_is_not_trained_is_trained_first_and_its_training_is_part_of_what_it_costs(
    tmp_path: Path, database: Database
):
    yaml = YAML.replace("apps:", "datasets: {d: {files: [d.jsonl]}}\napps:").replace(
        "ways: {", "ways: {finetune: {datasets: [d]}, "
    )
    bench = await Bench(tmp_path, database, yaml=yaml).ready()
    found = await bench.compare(first=5)
    assert [arm.way for arm in found.arms] == ["prompt", "rag", "finetune"]
    tuned = found.arm("finetune")
    first = tuned.build.steps[0]
    assert (first.name, first.detail) == ("train finetune", "sft, 10 steps, 5,000 tokens")
    assert tuned.build.usd == pytest.approx(tuned.build.seconds * 1.8 / 3600)
    assert tuned.build.seconds > 90
    assert tuned.model == "fourways-small+" + bench.trainer.recipes[-1].digest[::-1][:8]
    assert ("train finetune: sft", 5, 10, "loss 1.2") in bench.told
    again = await bench.compare(first=5)  # what it cost to train counts, whenever it was trained
    assert again.arm("finetune").build.seconds > 90


async def test_a_way_that_cannot_be_trained_is_left_out_and_the_others_are_compared(tmp_path: Path, database: Database):
    yaml = YAML.replace("apps:", "datasets: {d: {files: [d.jsonl]}}\napps:").replace(
        "ways: {", "ways: {finetune: {datasets: [d]}, "
    )
    bench = await Bench(tmp_path, database, yaml=yaml).ready()
    bench.refuses = "row 3 holds a test case"
    found = await bench.compare(first=5)
    assert [arm.way for arm in found.arms] == ["prompt", "rag"]
    assert found.notes[0] == "finetune: left out, as it could not be trained: row 3 holds a test case"


async def test_what_was_there_already_is_said(tmp_path: Path, database: Database):
    bench = await Bench(tmp_path, database, {**SYNCED, "unchanged": 2}).ready()
    found = await bench.compare(first=5)
    assert found.arm("rag").build.earlier
    assert any("part of it was built before" in note for note in found.notes)


async def test_a_knowledge_that_cannot_be_read_stops_it(tmp_path: Path, database: Database):
    bench = await Bench(tmp_path, database, {"error": "no such folder"}).ready()
    with pytest.raises(Unavailable, match="'k' cannot be brought up to date: no such folder"):
        await bench.compare()


async def test_a_second_one_goes_on_from_the_answers_of_the_first_unless_told_to_ask_anew(
    tmp_path: Path, database: Database
):
    bench = await Bench(tmp_path, database).ready()
    await bench.compare(first=10)
    await bench.compare()
    await bench.compare(fresh=True)
    assert bench.evaluator.reused == [0, 0, 10, 10, 0, 0]


async def test_it_tells_how_far_it_is_by_way(tmp_path: Path, database: Database):
    bench = await Bench(tmp_path, database).ready()
    await bench.compare(first=6)
    last = {what: (done, total) for what, done, total, _ in bench.told}
    assert last == {
        "ingest k": (3, 3),
        "build": (2, 2),
        "evaluate prompt": (6, 6),
        "evaluate rag": (6, 6),
        "take turns": (6, 6),
    }


async def test_its_phases_are_what_it_did(tmp_path: Path, database: Database):
    found = await (await Bench(tmp_path, database).ready()).compare(first=5)
    assert [phase.name for phase in found.phases] == [
        "build",
        "evaluate prompt",
        "evaluate rag",
        "take turns",
        "put together",
    ]
    assert found.seconds == sum(phase.seconds for phase in found.phases)


async def test_it_is_kept_as_a_report_of_its_own_kind(tmp_path: Path, database: Database):
    found = await (await Bench(tmp_path, database).ready()).compare()
    with database.reading() as connection:
        (row,) = reports.recent_reports(connection, DEFAULT_TENANT, app="a", kind=reports.COMPARISON)
        kept = reports.get_kept(connection, DEFAULT_TENANT, found.id)
    assert decode(kept.body) == found
    assert row.summary["recommended"] == "rag"
    assert row.summary["ways"]["rag"]["value"] == 1.0


async def test_the_facts_of_the_project_decide_where_the_app_has_none(tmp_path: Path, database: Database):
    found = await (await Bench(tmp_path, database).ready()).compare(first=5)
    assert found.traffic == 10_000
    assert found.arm("rag").economy.usd_per_hour == 1.8


async def test_an_app_that_is_not_there_is_said_to_be(tmp_path: Path, database: Database):
    with pytest.raises(NotFound, match="there is no app 'b'"):
        await (await Bench(tmp_path, database).ready()).compare("b")
