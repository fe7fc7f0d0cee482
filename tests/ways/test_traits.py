"""What each way says of its candidates follows from what they pin and where that is."""

from pathlib import Path

import pytest

from fourways.core.specs import Candidate
from fourways.core.traits import LADDER, Receiver, Traits
from fourways.models.reach import Reached
from fourways.ways import WAYS
from tests.ways.bench import Shelf, build, workshop

CLOUD = Reached(name="cloud/big", where="outside", address="https://api.cloud.example")
SPARE = Reached(name="cloud/big", where="outside", address="https://api.cloud.example", on_failure=True)
NEAR = Reached(name="vllm/own", where="this machine", address="http://127.0.0.1:8000")
RACK = Reached(name="rack/own", where="inside", address="http://gpu.corp.example")
REACHED = {"big": (CLOUD,), "near": (NEAR,), "careful": (NEAR, SPARE), "rack": (RACK,), "echo": ()}
BUILT_IN = {name: (Reached(name=name, where="this machine"),) for name in ("extractive", "minilm")}


async def traits(tmp_path: Path, way: str, spec: str, knowledge: str = "") -> Traits:
    (tmp_path / "f.jsonl").touch()
    text = (
        "project: p\ndatasets: {d: {files: [f.jsonl]}}\n"
        f"knowledge: {{k: {{sources: [{{paths: [.]}}]{knowledge}}}}}\n"
        "models: {big: {targets: [echo]}, near: {targets: [echo]}, careful: {targets: [echo]}, rack: {targets: [echo]}}"
        f"\napps: {{a: {{ways: {{{way}: {{{spec}}}}}}}}}"
    )
    shop = workshop(tmp_path, text, reached={**REACHED, **BUILT_IN})
    return WAYS[way].traits(await build(way, shop), shop)


SPECS = {
    "prompt": "model: big",
    "rag": "model: big, knowledge: k",
    "finetune": "datasets: [d]",
    "pretrain": "corpus: [k]",
}


def seen(receivers: tuple[Receiver, ...]) -> dict[str, tuple[str, str]]:
    return {receiver.name: (receiver.does, receiver.sees) for receiver in receivers}


async def test_every_way_stands_on_the_ladder_and_says_all_there_is_to_say(tmp_path: Path) -> None:
    for way in WAYS:
        found = await traits(tmp_path, way, SPECS[way])
        assert found.way == way
        assert found.rung == LADDER[way]
        for trait in (found.freshness, found.erasure, found.people, found.hardware, found.memory, found.data):
            assert trait.says.endswith(".")
            assert trait.says[0].isupper()


def test_the_ways_are_in_the_order_of_the_ladder() -> None:
    assert list(WAYS) == [way for way in LADDER if way in WAYS]


@pytest.mark.parametrize(
    ("model", "says", "service"),
    [
        ("big", "Leaves the network: cloud/big.", True),
        ("careful", "Leaves the network: cloud/big.", True),  # a fallback is enough
        ("near", "Stays on this machine.", False),
        ("rack", "Stays inside your own network.", False),
    ],
)
async def test_where_data_goes_follows_from_every_server_that_may_be_asked(tmp_path, model, says, service):
    found = await traits(tmp_path, "prompt", f"model: {model}")
    assert (found.data.says, found.service) == (says, service)


async def test_what_the_model_meant_when_it_was_pinned_is_what_counts(tmp_path: Path) -> None:
    text = "project: p\nmodels: {main: {targets: [echo]}}\napps: {a: {ways: {prompt: {}}}}"
    shop = workshop(tmp_path, text, ambient="main")
    WAYS["prompt"].traits(await build("prompt", shop), shop)
    assert isinstance(shop.models, Shelf)
    assert shop.models.meant["main"]["targets"] == ["echo"]


async def test_a_fallback_says_that_it_is_one(tmp_path: Path) -> None:
    found = await traits(tmp_path, "prompt", "model: careful")
    assert [receiver.does for receiver in found.receivers] == ["answers", "answers when others fail"]
    assert found.data.because[1] == (
        "cloud/big (https://api.cloud.example) answers when others fail outside the network "
        "and sees questions, the prompt and its examples"
    )


async def test_an_embedding_service_sees_all_documents_though_the_answers_stay_here(tmp_path: Path) -> None:
    found = await traits(tmp_path, "rag", "model: extractive, knowledge: k", ", embedding: {model: big}")
    assert seen(found.receivers)["cloud/big"] == ("embeds", "questions and all documents")
    assert found.data.says == "Leaves the network: cloud/big."
    assert not found.service


async def test_a_reranker_sees_what_it_reorders(tmp_path: Path) -> None:
    found = await traits(tmp_path, "rag", "model: extractive, knowledge: k", ", search: {reranker: big}")
    assert seen(found.receivers)["cloud/big"] == ("reranks", "questions and the passages proposed for them")


async def test_nearest_examples_are_embedded(tmp_path: Path) -> None:
    shots = "model: extractive, examples: {nearest: 1, cases: [{input: a, output: b}]}"
    assert "minilm" in seen((await traits(tmp_path, "prompt", shots)).receivers)
    assert "minilm" not in seen((await traits(tmp_path, "prompt", "model: extractive")).receivers)


@pytest.mark.parametrize(
    ("spec", "knowledge", "fresh", "says"),
    [
        ("", "", "sync", "A changed document answers after the next `fourways ingest`."),
        ("", ", refresh: 15m", "sync", "A changed document answers within 15m and the time of a sync."),
        (", snapshot: 3", ", refresh: 15m", "edit", "Never, while snapshot 3 is pinned."),
    ],
)
async def test_retrieval_is_as_fresh_as_its_knowledge(
    tmp_path: Path, spec: str, knowledge: str, fresh: str, says: str
) -> None:
    found = await traits(tmp_path, "rag", f"model: extractive, knowledge: k{spec}", knowledge)
    assert (found.fresh, found.freshness.says) == (fresh, says)


async def test_a_candidate_whose_knowledge_is_gone_from_the_project_still_has_traits(tmp_path: Path) -> None:
    shop = workshop(tmp_path, "project: p\nknowledge: {k: {sources: [{paths: [.]}]}}\napps: {a: {ways: {rag: {"
                              "model: extractive, knowledge: k}}}}", reached=BUILT_IN)  # fmt: skip
    made = await build("rag", shop)
    moved = Candidate(app="a", way="rag", parts={**made.parts, "knowledge": {**made.parts["knowledge"], "name": "old"}})
    assert WAYS["rag"].traits(moved, shop).fresh == "sync"


async def test_what_a_model_runs_on_follows_from_where_it_is(tmp_path: Path) -> None:
    says = {model: (await traits(tmp_path, "prompt", f"model: {model}")).hardware.says for model in ("big", "near")}
    assert says == {
        "big": "A machine without a GPU, for the gateway: the model is the service's.",
        "near": "A machine that holds the model, for most models one with a GPU.",
    }
    assert (await traits(tmp_path, "prompt", "model: extractive")).hardware.says == "A machine without a GPU."
