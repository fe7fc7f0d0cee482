"""The shipped fourways-small: it is what its card says, transformers reads it, and it reads a line and answers."""

import hashlib
import json
import re
from pathlib import Path

import pytest

import fourways
from fourways.evals.abstaining import says_nothing
from fourways.training.tokenizer import CHAT_TEMPLATE

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

FOLDER = Path(fourways.__file__).parent / "weights" / "fourways-small"


@pytest.fixture(scope="module")
def reader():
    tokenizer = transformers.AutoTokenizer.from_pretrained(FOLDER)
    model = transformers.AutoModelForCausalLM.from_pretrained(FOLDER, dtype=torch.float32)

    def ask(passage, question):
        messages = [{"role": "user", "content": f"{passage}\n\nQuestion: {question}"}]
        shown = tokenizer.apply_chat_template(
            messages, add_generation_prompt=True, return_tensors="pt", return_dict=True
        )
        out = model.generate(**shown, max_new_tokens=16, do_sample=False)[0, shown["input_ids"].shape[1] :]
        return tokenizer.decode(out, skip_special_tokens=True).strip()

    return ask


def test_its_weights_are_those_its_card_names():
    card = (FOLDER / "README.md").read_text()
    weights = (FOLDER / "model.safetensors").read_bytes()
    assert f"sha256 `{hashlib.sha256(weights).hexdigest()}`" in card
    assert len(weights) <= 12_000_000
    assert re.search(r"^license: apache-2.0$", card, re.MULTILINE)


def test_it_is_a_llama_of_at_most_six_million_weights():
    model = transformers.AutoModelForCausalLM.from_pretrained(FOLDER)
    assert type(model).__name__ == "LlamaForCausalLM"
    assert sum(weight.numel() for weight in model.parameters()) <= 6_000_000
    assert json.loads((FOLDER / "tokenizer_config.json").read_text())["chat_template"] == CHAT_TEMPLATE


@pytest.mark.parametrize(
    ("passage", "question", "answer"),
    [
        ("The colour of the old door is green.", "What is the colour of the old door?", "green"),
        ("Ada Lovelt was born in Zorn.", "Where was Ada Lovelt born?", "Zorn"),
    ],
)
def test_it_answers_from_one_fact_in_its_exact_words(reader, passage, question, answer):
    assert reader(passage, question) == answer


@pytest.mark.parametrize("question", ["When did the ship leave?", "Who is the owner of the Fistel lamp?"])
def test_it_says_where_a_text_does_not_say(reader, question):
    assert says_nothing(reader("Ada Lovelt was born in Zorn.", question))
