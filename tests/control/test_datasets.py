"""Datasets of the project file: named by their rows, made once, apart from every test, traced to what they rest on."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from fourways.config.load import load_project
from fourways.control.dataset_folder import forget_document
from fourways.control.dataset_inputs import Inputs
from fourways.control.datasets import Datasets
from fourways.core.data import Document
from fourways.core.errors import InvalidDataset, InvalidRequest, NotFound
from fourways.core.ids import DEFAULT_TENANT as TENANT
from fourways.core.ids import digest
from fourways.core.trace import Trace
from fourways.store import catalog, traces
from fourways.store import datasets as store
from fourways.store.catalog import NewPassage, Place, Version
from fourways.store.database import Database, open_database
from fourways.store.feedback import Opinion, save_feedback

LAPTOPS = """# Laptops

| Model | Memory | Price |
|---|---|---|
| Larch 14 | 16 GB | €1,150 |
| Alder 15 | 48 GB | €2,150 |
| Rowan 16 | 64 GB | €2,890 |
"""
PAIRS = [{"question": f"What does item {n} cost, all included?", "answer": f"€{n}"} for n in range(20)]
DATASETS = {"ours": {"files": ["rows/*.jsonl"], "valid": 0.25, "licence": "CC0-1.0"}}
TEST = {"input": "Which port does the VPN listen on?", "expected_output": "51820"}


class Bench:
    """A project with datasets, and a house's parts that they need."""

    def __init__(self, folder: Path, database: Database) -> None:
        self.folder, self.database = folder, database
        self.made: list[str] = []

    def write(self, name: str, rows: Sequence[Mapping[str, Any]]) -> None:
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")

    def know(self, uri: str, text: str, *, acl: tuple[str, ...] = ()) -> None:
        place = Place(tenant=TENANT, knowledge="k")
        with self.database.transaction() as connection:
            number = catalog.begin(connection, place, now=1.0)
            former = [one for one in catalog.versions(connection, place, uri) if one.removed_in is None]
            catalog.retire(connection, former, number)
            document = Document(
                uri=uri, title="Laptops", text=text, content_hash=digest(text.encode()), acl=frozenset(acl)
            )
            version = Version(
                id=f"{uri}-{number}", uri=uri, added_in=number, removed_in=None, content_hash=document.content_hash,
                recipe="r", token="", passages=1, language="en", acl=document.acl,
            )  # fmt: skip
            piece = NewPassage(
                id=f"p-{uri}", ordinal=0, digest="d", start=0, end=len(text), page=None, headings=("Laptops",)
            )
            catalog.write_version(connection, place, version, document, [piece])
            catalog.publish(connection, place, number, counts={}, now=1.0)

    def datasets(self, datasets: Mapping[str, Any], *, cases: list[Mapping[str, Any]] | None = None) -> Datasets:
        (self.folder / "docs").mkdir(exist_ok=True)
        project = {
            "project": "one",
            "knowledge": {"k": {"sources": [{"paths": ["docs"]}]}},
            "datasets": datasets,
            "apps": {"desk": {"ways": {"prompt": {"model": "echo"}}, "tests": {"cases": cases or [TEST]}}},
        }
        (self.folder / "fourways.yaml").write_text(yaml.safe_dump(project))

        async def ask(model: str, read: Any, count: int) -> list[Any]:
            raise AssertionError(model, read, count)

        inputs = Inputs(
            project=load_project(self.folder, {}),
            folder=self.folder,
            database=self.database,
            tenant=TENANT,
            ask=ask,
            pin=lambda name: {"name": name},
        )
        return Datasets(inputs=inputs, state=self.folder / ".fourways", now=lambda: 7.0)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    database = open_database(f"sqlite:///{tmp_path}/.fourways/fourways.db")
    here = Bench(tmp_path, database)
    here.write("rows/a.jsonl", PAIRS)
    yield here
    database.close()


def rows_in(path: Path | None) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path else []


async def test_a_dataset_is_parted_written_and_named_by_its_rows(bench):
    prepared = await bench.datasets(DATASETS).prepare(["ours"])
    train, valid = rows_in(prepared.train), rows_in(prepared.valid)
    assert (len(train), len(valid), prepared.kind, prepared.rows) == (15, 5, "sft", 20)
    assert prepared.folder == bench.folder / ".fourways" / "datasets" / prepared.digest
    assert {row["source"]["line"] for row in train + valid} == set(range(1, 21))
    assert prepared.licences == {"ours": "CC0-1.0"}
    again = await bench.datasets(DATASETS | {"other": DATASETS["ours"]}).prepare(["other"])
    assert (again.digest, again.names) == (prepared.digest, ("other",))


async def test_what_was_made_of_the_same_definition_is_taken_as_it_is(bench):
    datasets = bench.datasets(DATASETS)
    first = await datasets.prepare(["ours"])
    written = first.train.stat().st_mtime_ns
    made: list[Any] = []
    second = await datasets.prepare(["ours"], lambda *args: made.append(args))
    assert (second, second.train.stat().st_mtime_ns, made) == (first, written, [])


async def test_the_definition_changes_with_what_it_is_made_from_and_with_nothing_else(bench):
    datasets = bench.datasets(DATASETS)
    before = await datasets.definition_of(["ours"])
    assert await bench.datasets(DATASETS, cases=[TEST | {"input": "Else?"}]).definition_of(["ours"]) == before
    bench.write("rows/b.jsonl", PAIRS[:1])
    changed = await datasets.definition_of(["ours"])
    seeded = await bench.datasets({"ours": DATASETS["ours"] | {"seed": 2}}).definition_of(["ours"])
    assert len({before, changed, seeded}) == 3


async def test_rows_that_hold_a_test_case_stop_it_and_are_named(bench):
    bench.write("rows/a.jsonl", [*PAIRS, {"question": "which port does the vpn listen on", "answer": "51820"}])
    with pytest.raises(InvalidDataset, match=r"(?s)1 rows hold test cases.*rows/a.jsonl:21.*case case-001 \(desk\)"):
        await bench.datasets(DATASETS).prepare(["ours"])
    assert not (bench.folder / ".fourways" / "datasets").exists()


async def test_a_test_that_is_written_later_stops_what_was_made_before(bench):
    await bench.datasets(DATASETS).prepare(["ours"])
    later = bench.datasets(DATASETS, cases=[TEST, {"input": PAIRS[3]["question"], "expected_output": "€3"}])
    with pytest.raises(InvalidDataset, match=r"rows/a.jsonl:4"):
        await later.prepare(["ours"])
    harmless = await bench.datasets(DATASETS, cases=[TEST, {"input": "Who is it?"}]).prepare(["ours"])
    assert len(harmless.suites["desk"]) == 64


async def test_of_made_rows_those_that_a_test_asks_are_left_out_and_counted(bench):
    bench.know("laptops.md", LAPTOPS)
    node = {"made": {"knowledge": "k", "valid": 0.0}}
    whole = await bench.datasets(node).prepare(["made"])
    asked = rows_in(whole.train)[0]["messages"][0]["content"]
    fewer = await bench.datasets(node, cases=[{"input": asked}]).prepare(["made"])
    assert (whole.left_out, whole.rows - fewer.rows) == (0, fewer.left_out)
    assert fewer.left_out >= 1
    assert asked not in {row["messages"][0]["content"] for row in rows_in(fewer.train)}


async def test_rows_of_a_knowledge_lead_back_to_its_documents(bench):
    bench.know("laptops.md", LAPTOPS)
    prepared = await bench.datasets({"made": {"knowledge": "k"}}).prepare(["made"])
    assert {(one.kind, one.knowledge, one.source) for one in prepared.lineage} == {("document", "k", "laptops.md")}
    with bench.database.reading() as connection:
        (found,) = store.datasets_resting_on(connection, TENANT, "document", "laptops.md")
        assert (found.digest, found.rows, found.created_at) == (prepared.digest, prepared.rows, 7.0)
        assert store.rests_on(connection, TENANT, found.digest) == list(prepared.lineage)
        assert store.datasets_resting_on(connection, TENANT, "document", "other.md") == []


async def test_with_a_document_the_rows_of_it_are_deleted_and_what_they_were_stays_known(bench):
    bench.know("laptops.md", LAPTOPS)
    datasets = bench.datasets({"made": {"knowledge": "k"}, **DATASETS})
    made, ours = await datasets.prepare(["made"]), await datasets.prepare(["ours"])
    assert forget_document(bench.database, TENANT, datasets.state, "other", "laptops.md") == []
    assert forget_document(bench.database, TENANT, datasets.state, "k", "laptops.md") == [made.digest]
    assert (made.folder.exists(), ours.folder.exists()) == (False, True)
    with bench.database.reading() as connection:
        assert store.get_dataset(connection, TENANT, made.digest).rows == made.rows
    assert (await datasets.prepare(["made"])).digest == made.digest


async def test_a_changed_document_makes_another_definition(bench):
    bench.know("laptops.md", LAPTOPS)
    datasets = bench.datasets({"made": {"knowledge": "k"}})
    before = await datasets.prepare(["made"])
    bench.know("laptops.md", LAPTOPS.replace("64 GB", "96 GB"))
    assert await datasets.definition_of(["made"]) != before.definition
    after = await datasets.prepare(["made"])
    assert "64 GB" not in after.train.read_text() + (after.valid or after.train).read_text()


async def test_documents_with_labels_are_learned_from_only_where_they_are_named(bench):
    bench.know("open.md", LAPTOPS)
    bench.know("closed.md", LAPTOPS.replace("Larch", "Secret"), acl=("hr",))
    plain = await bench.datasets({"made": {"knowledge": "k"}}).prepare(["made"])
    assert {one.source for one in plain.lineage} == {"open.md"}
    named = await bench.datasets({"made": {"knowledge": "k", "labels": ["hr"]}}).prepare(["made"])
    assert "closed.md" in {one.source for one in named.lineage}


async def test_a_reader_is_shown_the_passage_and_its_documents_stay_on_one_side(bench):
    for number in range(8):
        bench.know(f"{number}.md", LAPTOPS.replace("Larch", f"Larch{number}").replace("Alder", f"Alder{number}"))
    prepared = await bench.datasets({"made": {"knowledge": "k", "context": True, "valid": 0.25}}).prepare(["made"])
    sides = [{row["source"]["name"] for row in rows_in(path)} for path in (prepared.train, prepared.valid)]
    assert not sides[0] & sides[1]
    assert sides[1]
    assert rows_in(prepared.train)[0]["messages"][0]["content"].startswith("Laptops\n# Laptops\n\n| Model")


async def test_what_people_said_becomes_rows_of_each_kind(bench):
    answers = [("What is Ferry?", "A boat. [1]", Opinion(correction="The VPN.")), ("Who?", "Dov.", Opinion(thumb=1))]
    for question, answer, opinion in answers:
        trace = Trace()
        trace.app, trace.tenant, trace.question, trace.answer = "desk", TENANT, question, answer
        with bench.database.transaction() as connection:
            traces.record_traces(connection, [trace])
            save_feedback(connection, TENANT, trace_id=trace.id, opinion=opinion, now=1.0)
    nodes = {kind: {"feedback": "desk", "kind": kind, "valid": 0.0} for kind in ("sft", "dpo", "kto")}
    found = {kind: rows_in((await bench.datasets(nodes).prepare([kind])).train) for kind in nodes}
    assert [row["messages"][-1]["content"] for row in found["sft"]] == ["The VPN.", "Dov."]
    assert [(row["chosen"], row["rejected"]) for row in found["dpo"]] == [("The VPN.", "A boat.")]
    assert [(row["completion"], row["label"]) for row in found["kto"]] == [
        ("The VPN.", True), ("A boat.", False), ("Dov.", True),
    ]  # fmt: skip
    assert {row["source"]["kind"] for row in found["dpo"]} == {"trace"}


async def test_several_are_joined_and_a_row_in_both_is_learned_once(bench):
    bench.write("more.jsonl", [*PAIRS[:3], {"question": "And this one?", "answer": "Yes."}])
    datasets = bench.datasets(DATASETS | {"more": {"files": ["more.jsonl"], "valid": 0.0}})
    prepared = await datasets.prepare(["ours", "more"])
    contents = [json.dumps(row["messages"]) for row in [*rows_in(prepared.train), *rows_in(prepared.valid)]]
    assert len(contents) == len(set(contents)) == 21


CASES: list[tuple[str, Callable[[Bench], None], list[str], type[Exception], str]] = [
    ("no name", lambda _: None, [], InvalidRequest, "no dataset is named"),
    ("a typo", lambda _: None, ["our"], NotFound, "did you mean 'ours'"),
    ("a wrong row", lambda b: b.write("rows/a.jsonl", [{"question": "a", "answer": ""}, *PAIRS]), ["ours"],
     InvalidDataset, "1 of 21 rows cannot be learned from"),
    ("two kinds", lambda b: b.write("x.jsonl", [{"prompt": "a", "chosen": "b", "rejected": "c"}]), ["ours", "x"],
     InvalidDataset, "ours has sft; x has dpo"),
    ("never ingested", lambda _: None, ["made"], InvalidDataset, "was the knowledge ingested"),
    ("nobody said a thing", lambda _: None, ["said"], InvalidDataset, "nobody judged an answer"),
]  # fmt: skip


@pytest.mark.parametrize(("write", "names", "error", "match"), [case[1:] for case in CASES], ids=[c[0] for c in CASES])
async def test_what_cannot_be_made_ready_says_why(bench, write, names, error, match):
    bench.write("x.jsonl", PAIRS[:1])
    write(bench)
    more = {"x": {"files": ["x.jsonl"]}, "made": {"knowledge": "k"}, "said": {"feedback": "desk"}}
    with pytest.raises(error, match=match):
        await bench.datasets(DATASETS | more).prepare(names)
