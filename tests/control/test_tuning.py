"""The job that trains: from a way that says what makes it to one that is served; interrupted, refused, repeated."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from fourways.bootstrap import House, open_house
from fourways.builder import Builder
from fourways.control.tuning import KIND
from fourways.control.worker import LEASE
from fourways.core.chat import ChatRequest, Principal, collect
from fourways.core.errors import InvalidRequest, NotTrained
from fourways.core.ids import DEFAULT_TENANT as TENANT
from fourways.core.reading import NOT_SAID
from fourways.core.trace import Trace
from fourways.launch.base import OnReport, Program
from fourways.store import jobs, trainings
from fourways.training.runs import read_run
from fourways.ways import WAYS

YAML = """
project: p
knowledge: {k: {sources: [{paths: [docs]}, {paths: [secret], acl: [hr]}]}}
datasets: {towns: {files: [towns.jsonl]}}
apps:
  a:
    default_way: prompt
    ways:
      prompt: {model: echo}
      finetune: {base_model: base, datasets: [towns], system: Be short.}
      pretrain: {corpus: [k], minutes: 1}
    tests: [{input: "Where does Zoe live?", expected_output: Bonn}]
"""


@dataclass
class Instant:
    """A launcher whose programs take no time, or forever; it remembers the folders that it was given.

    Attributes:
        hangs: programs to begin with that do not end by themselves.
        refuses: what it says in place of training.
    """

    hangs: int = 0
    refuses: str = ""
    ran: list[Path] = field(default_factory=list)
    ended: list[Path] = field(default_factory=list)
    began: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self, program: Program, on_report: OnReport) -> Mapping[str, Any]:
        self.ran.append(program.folder)
        self.began.set()
        on_report({"step": 1, "of": 2, "stage": "sft", "loss": 2.0, "at": 1.0})
        if self.refuses:
            raise InvalidRequest(self.refuses)
        if len(self.ran) <= self.hangs:
            try:
                await asyncio.Event().wait()
            finally:
                self.ended.append(program.folder)
        on_report({"step": 2, "of": 2, "stage": "sft", "loss": 1.0, "at": 2.0})
        run = read_run(program.folder)
        model = program.folder / "model"
        model.mkdir(exist_ok=True)
        kind = "model" if run.method == "pretrain" else "adapter"
        (model / f"{kind}.safetensors").write_bytes(program.folder.name.encode())
        result = {"method": run.method, "kind": kind, "steps": 2, "tokens": 9, "seconds": 0.1, "cpu_seconds": 0.1,
                  "base": {"name": run.base, "digest": "x"}, "loss": {"first": 2.0, "last": 1.0}}  # fmt: skip
        (program.folder / "result.json").write_text(json.dumps(result))
        return result


def rows(*names: str) -> str:
    said = [
        [{"role": "user", "content": f"Where does {name} live?"}, {"role": "assistant", "content": "In Arles."}]
        for name in names
    ]
    return "".join(json.dumps({"messages": one}) + "\n" for one in said)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    for folder in ("base", "docs", "secret"):
        (tmp_path / folder).mkdir()
    (tmp_path / "base" / "model.safetensors").write_bytes(b"base")
    (tmp_path / "docs" / "open.md").write_text("# Open\n\nEverybody may read this page.\n")
    (tmp_path / "secret" / "closed.md").write_text("# Closed\n\nOnly some may read this page.\n")
    (tmp_path / "towns.jsonl").write_text(rows("Ada", "Bo", "Cy", "Dee"))
    (tmp_path / "fourways.yaml").write_text(YAML)
    opened = open_house(tmp_path, {})
    await opened.start(background=False)
    yield opened
    await opened.close()


def builder(house: House, launcher: Instant) -> Builder:
    return Builder(
        house.database,
        TENANT,
        house.files,
        fittings=lambda: house.fittings,
        built=house.reroute,
        launcher=lambda _: launcher,
    )


def route(house: House, way: str = "finetune") -> Any:
    return house.routes.current.apps["a"].ways[way]


async def build(house: House, launcher: Instant, way: str = "finetune") -> Mapping[str, Any]:
    row = await builder(house, launcher).build("a", way, lambda _: None, helping=True)
    assert row.result is not None
    return row.result


async def ask(house: House, model: str) -> str:
    asked = ChatRequest(model=model, messages=[{"role": "user", "content": "Hello"}], principal=Principal(admin=True))
    return (await collect(house.gateway(asked, Trace()))).text


async def test_a_way_without_weights_says_what_makes_it_and_the_others_answer(house: House):
    assert "Hello" in await ask(house, "a")
    with pytest.raises(NotTrained, match="`fourways tune a` does it"):
        await ask(house, "a:finetune")
    assert "a:finetune" in house.routes.current.visible(Principal(admin=True))


async def test_what_was_trained_is_served_at_once_and_never_trained_twice(house: House):
    launcher = Instant()
    result = await build(house, launcher)
    assert route(house).missing is None
    assert result["candidate"].startswith(route(house).candidate)
    again = await build(house, launcher)
    assert (again["weights"], again["trained"]) == (result["weights"], False)
    assert len(launcher.ran) == 1
    with house.database.reading() as connection:
        (row,) = trainings.all_weights(connection, TENANT)
        assert [one.digest for one in trainings.resting_on(connection, TENANT, "towns.jsonl", kind="file")] == [
            row.digest
        ]
    assert (row.app, row.way, row.base, row.method) == ("a", "finetune", "base", "sft")
    card = (house.fittings.shelf.folders.open(row.digest) / "README.md").read_text()
    assert "towns" in card
    assert not (launcher.ran[0] / "train.jsonl").exists()  # rows are people's words: they do not lie about


async def test_rows_are_put_with_the_prompt_that_people_will_meet(house: House):
    launcher = Instant(hangs=1)
    doing = asyncio.create_task(build(house, launcher))
    await launcher.began.wait()
    first = json.loads((launcher.ran[0] / "train.jsonl").read_text().splitlines()[0])
    assert [message["role"] for message in first["messages"]] == ["system", "user", "assistant"]
    assert first["messages"][0]["content"] == "Be short."
    doing.cancel()
    await asyncio.gather(doing, return_exceptions=True)
    assert launcher.ended == launcher.ran  # whoever stops ends the program
    with house.database.reading() as connection:
        (job,) = jobs.recent_jobs(connection, TENANT, kind=KIND)
    assert job.state == "queued"  # and the next worker goes on
    await build(house, launcher)
    assert launcher.ran == [launcher.ran[0]] * 2


async def test_whatever_words_a_row_abstains_in_a_reader_learns_to_say_its_own(house: House, tmp_path: Path):
    (tmp_path / "base" / "config.json").write_text('{"architectures": ["BertForQuestionAnswering"]}')
    abstained = {"role": "assistant", "content": "I could not find this in the documents."}
    asked = {"role": "user", "content": "Where does Eve live?"}
    (tmp_path / "towns.jsonl").write_text(
        rows("Ada", "Bo", "Cy", "Dee") + json.dumps({"messages": [asked, abstained]}) + "\n"
    )
    launcher = Instant(hangs=1)
    doing = asyncio.create_task(build(house, launcher))
    await launcher.began.wait()
    assert read_run(launcher.ran[0]).adapter.kind == "full"
    texts = [path.read_text() for path in launcher.ran[0].glob("*.jsonl")]
    learned = [json.loads(line) for text in texts for line in text.splitlines() if "messages" in line]
    assert {row["messages"][-1]["content"] for row in learned} == {"In Arles.", NOT_SAID}
    doing.cancel()
    await asyncio.gather(doing, return_exceptions=True)


async def test_when_the_data_changes_the_earlier_candidate_serves_until_it_is_trained_anew(house: House):
    launcher = Instant()
    first = await build(house, launcher)
    (house.folder / "towns.jsonl").write_text(rows("Ada", "Bo", "Cy", "Dee", "Eli"))
    await house.in_force.fit(house.project)
    assert route(house).candidate == first["candidate"][:12]
    node = house.project.apps["a"].ways.finetune
    with pytest.raises(NotTrained, match="or not on today's data"):
        await WAYS["finetune"].build("a", node, house.workshop)
    second = await build(house, launcher)
    assert second["weights"] != first["weights"]
    assert route(house).candidate == second["candidate"][:12]


async def test_what_a_program_refuses_is_the_jobs_error_and_nothing_is_kept(house: House):
    with pytest.raises(InvalidRequest, match="does not say its licence"):
        await build(house, Instant(refuses="the base base does not say its licence"))
    with house.database.reading() as connection:
        assert trainings.all_weights(connection, TENANT) == []
    assert route(house).missing is not None


async def test_a_cancelled_job_ends_its_program(house: House):
    launcher = Instant(hangs=1)
    made = builder(house, launcher)
    doing = asyncio.create_task(made.build("a", "finetune", lambda _: None, helping=True))
    await launcher.began.wait()
    await asyncio.to_thread(made.cancel, "a", "finetune")
    with pytest.raises(InvalidRequest, match="cancelled"):
        await doing
    assert launcher.ended == launcher.ran


async def test_a_lost_lease_moves_to_another_worker_which_goes_on_in_the_same_folder(house: House):
    launcher = Instant(hangs=1)
    first, second = builder(house, launcher), builder(house, launcher)
    doing = asyncio.create_task(first.build("a", "finetune", lambda _: None, helping=True))
    await launcher.began.wait()
    second.worker.now = lambda: time.time() + LEASE + 1  # the first was silent for so long
    async with second.worker.beside():
        row = await doing
    assert row.state == "done"
    assert launcher.ran == [launcher.ran[0]] * 2
    assert launcher.ended == [launcher.ran[0]]


async def test_what_takes_more_than_it_may_is_not_begun(house: House):
    await house.ingest(["k"], lambda *_: None)
    launcher = Instant()
    with pytest.raises(InvalidRequest, match=r"about \d+ minutes .* so does `fourways train a`"):
        await builder(house, launcher).build("a", "pretrain", lambda _: None, helping=True, most=(0.1, 5.0))
    assert launcher.ran == []
    with house.database.reading() as connection:
        assert jobs.recent_jobs(connection, TENANT, kind=KIND) == []


async def test_weights_answer_everybody_so_what_only_some_may_read_is_not_learned(house: House):
    await house.ingest(["k"], lambda *_: None)
    launcher = Instant(hangs=1)
    doing = asyncio.create_task(build(house, launcher, "pretrain"))
    await launcher.began.wait()
    text = (launcher.ran[0] / "train.jsonl").read_text()
    assert "Everybody may read" in text
    assert "Only some" not in text
    doing.cancel()
    await asyncio.gather(doing, return_exceptions=True)
