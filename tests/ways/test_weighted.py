"""Ways 3 and 4: what decides weights is pinned, rows are put as questions will be, and what is answered is cited."""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from fourways.core.chat import ChatRequest, Chunk
from fourways.core.errors import NotTrained
from fourways.core.trace import Trace
from fourways.models.echo import Echo
from fourways.ways.putting import Putting
from fourways.ways.recipes import Recipe
from fourways.ways.workshop import Workshop
from tests.ways.bench import Found, Shelf, Trainer, ask, build, hit, workshop

TEXT = "Install the client first. The VPN listens on port 51820. It works on every laptop."


def yaml(way: str, more: str = "", models: str = "") -> str:
    given = {"finetune": "datasets: [d]", "pretrain": "corpus: [k], instructions: [d]"}[way]
    return (
        "project: p\nknowledge: {k: {sources: [{paths: [.]}]}}\ndatasets: {d: {files: [d.jsonl]}}\n"
        f"apps: {{a: {{ways: {{{way}: {{{given}{more}}}}}}}}}{models}"
    )


@pytest.fixture
def shop(tmp_path: Path):
    (tmp_path / "d.jsonl").touch()

    def make(text: str, **given: Any) -> Workshop:
        return workshop(tmp_path, text, **given)

    return make


async def recipe(shop: Workshop, way: str) -> Recipe:
    trainer = shop.training
    assert isinstance(trainer, Trainer)
    await build(way, shop)
    return trainer.recipes[-1]


async def test_a_tuned_candidate_pins_base_weights_prompt_data_and_seed(shop):
    made = shop(yaml("finetune", ", system: Be short., seed: 7, quantize: int8, options: {temperature: 0}"))
    candidate = await build("finetune", made)
    pin = candidate.parts["weights"]
    assert pin["base"]["name"] == "fourways-small"
    assert len(pin["base"]["digest"]) == len(pin["digest"]) == len(pin["dataset"]) == 64
    assert (pin["seed"], pin["method"], pin["kind"]) == (7, "sft", "adapter")
    assert candidate.parts["prompt"]["system"] == "Be short."
    assert candidate.parts["decoding"] == {"temperature": 0}
    assert candidate.parts["model"]["name"] == f"fourways-small+{pin['digest'][:8]}"


DECIDES = ["seed: 2", "num_epochs: 5", "lora_r: 4", "adapter: full", "method: dpo", "system: Be short.", "knowledge: k"]


@pytest.mark.parametrize("more", DECIDES)
async def test_whatever_decides_weights_makes_another_recipe(shop, more):
    plain = await recipe(shop(yaml("finetune")), "finetune")
    assert (await recipe(shop(yaml("finetune", f", {more}")), "finetune")).digest != plain.digest


@pytest.mark.parametrize("more", ["options: {temperature: 1}", "report_to: [tensorboard]", "launch: ray"])
async def test_what_decides_no_weights_makes_none(shop, more):
    plain = await recipe(shop(yaml("finetune")), "finetune")
    assert (await recipe(shop(yaml("finetune", f", {more}")), "finetune")).digest == plain.digest


async def test_what_nobody_said_is_in_no_recipe(shop):
    made = await recipe(shop(yaml("finetune", ", lora_r: 4")), "finetune")
    assert made.plain["run"] == {"method": "sft", "adapter": {"r": 4}}


async def test_a_base_that_reads_is_tuned_with_all_its_weights_unless_somebody_says_otherwise(shop):
    reads = Trainer("finetune", reads=True)
    made = await recipe(shop(yaml("finetune"), training=reads), "finetune")
    assert made.run.adapter.kind == "full"
    made = await recipe(shop(yaml("finetune", ", adapter: lora"), training=reads), "finetune")
    assert made.run.adapter.kind == "lora"


BASES = [
    (", knowledge: k", "fourways-reader"),
    ("", "fourways-small"),
    (", knowledge: k, method: dpo", "fourways-small"),
    (", knowledge: k, adapter: lora", "fourways-small"),
    (", knowledge: k, base_model: fourways-small", "fourways-small"),
]


@pytest.mark.parametrize(("more", "base"), BASES)
async def test_the_reader_is_tuned_where_answers_are_learned_from_passages(shop, more, base):
    made = await recipe(shop(yaml("finetune", more)), "finetune")
    assert made.base is not None
    assert made.base.name == base


async def test_what_is_not_trained_says_what_trains_it(shop):
    for way, verb in (("finetune", "tune"), ("pretrain", "train")):
        with pytest.raises(NotTrained, match=f"'a:{way}' is not trained yet.*`fourways {verb} a`"):
            await build(way, shop(yaml(way), training=Trainer()))


async def test_one_dial_and_the_corpus_make_a_model_from_scratch(shop):
    made = await recipe(shop(yaml("pretrain", ", minutes: 2, overrides: {layers: 3}")), "pretrain")
    assert dict(made.run.pretrain) == {"minutes": 2, "set": {"layers": 3}}
    assert [(one.role, one.name) for one in made.ingredients] == [("corpus", "k"), ("instructions", "d")]
    assert made.base is None


async def test_an_adapter_is_asked_on_its_base_and_a_whole_model_alone(shop, tmp_path):
    tuned = shop(yaml("finetune"), models={"fourways-small": Echo(["tuned"])})
    candidate = await build("finetune", tuned)
    assert (await ask(candidate, tuned, "Hello?")).text == "tuned"
    assert isinstance(tuned.models, Shelf)
    digest = candidate.parts["weights"]["digest"]
    assert tuned.models.opened == [(tmp_path / "fourways-small", "fourways-small", tmp_path / digest)]
    own = shop(yaml("pretrain"))
    candidate = await build("pretrain", own)
    digest = candidate.parts["weights"]["digest"]
    assert isinstance(own.models, Shelf)
    own.models.models = {digest[:12]: Echo(["own"])}
    assert (await ask(candidate, own, "Hello?")).text == "own"


# ---------------------------------------------------------------- a tuned reader


class Seen:
    def __init__(self, says: str) -> None:
        self.says = says
        self.requests: list[ChatRequest] = []

    async def __call__(self, request: ChatRequest, trace: Trace, /) -> AsyncIterator[Chunk]:
        self.requests.append(request)
        yield Chunk(text=self.says, finish="stop")


async def test_a_tuned_reader_is_shown_passages_bare_and_cited_where_its_words_stand(shop):
    model = Seen("port  51820")
    made = shop(yaml("finetune", ", knowledge: k"), models={"fourways-reader": model}, found=Found([hit(TEXT)]))
    answer = await ask(await build("finetune", made), made, "Which port does the VPN listen on?")
    (message,) = model.requests[0].messages
    assert message["content"] == f"{TEXT}\n\nQuestion: Which port does the VPN listen on?"
    (citation,) = answer.citations
    assert (citation.document, citation.quote) == ("docs/vpn.md", "port 51820")


async def test_rows_are_put_exactly_as_questions_will_be(shop):
    """What the model is trained on is what it is asked: the very same messages."""
    model = Seen("51820")
    text = yaml("finetune", ", knowledge: k, system: 'Be short, {{ who }}.', variables: {who: friend}")
    made = shop(text, models={"fourways-reader": model}, found=Found([hit(TEXT)]))
    candidate = await build("finetune", made)
    question = "Which port does the VPN listen on?"
    await ask(candidate, made, question)
    parts: Mapping[str, Any] = candidate.parts
    putting = Putting(parts["prompt"], {key: parts[key] for key in ("knowledge", "retrieval")}, made)
    put = await putting([{"role": "user", "content": question}])
    assert put is not None
    assert put.messages == list(model.requests[0].messages)
    assert [found.passage.document for found in put.sources] == ["docs/vpn.md"]


@pytest.mark.parametrize(("system", "first"), [("", "a row's own"), (", system: The way's.", "The way's.")])
async def test_a_row_that_brings_its_passage_along_is_put_with_that_one(shop, system, first):
    """So is its system text, unless the way has one: people will meet that."""
    made = shop(yaml("finetune", f", knowledge: k{system}"), found=Found([hit(TEXT)]))
    parts = (await build("finetune", made)).parts
    putting = Putting(parts["prompt"], {key: parts[key] for key in ("knowledge", "retrieval")}, made)
    own = "Lunch is at noon.\n\nQuestion: When is lunch?"
    put = await putting([{"role": "system", "content": "a row's own"}, {"role": "user", "content": own}])
    assert put is not None
    assert [message["content"] for message in put.messages] == [first, own]


async def test_what_nothing_is_found_for_is_not_learned(shop):
    made = shop(yaml("finetune", ", knowledge: k"), found=Found([hit("Bread.", dense=0.0)]))
    parts = (await build("finetune", made)).parts
    putting = Putting(parts["prompt"], {key: parts[key] for key in ("knowledge", "retrieval")}, made)
    assert await putting([{"role": "user", "content": "Who won the world cup?"}]) is None
