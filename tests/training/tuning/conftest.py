"""A base of a hundred thousand weights that knows nothing, and rows that can be learned in seconds."""

import json
import os
import random
import subprocess
import sys

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("peft")

from fourways.training.runs import Data, Hyper, Run, write_run  # noqa: E402
from fourways.training.tokenizer import END, PAD, SPECIAL, learn_tokenizer, save_tokenizer  # noqa: E402

NAMES = "Ada Bo Cy Dee Eli Fay Gus Hal Ivy Jo Kit Lou".split()
TOWNS = "Arles Bonn Cork Delft Essen Faro Ghent Huesca".split()


def chats(count, seed=1):
    chance = random.Random(seed)
    rows = []
    for _ in range(count):
        name, town = chance.choice(NAMES), chance.choice(TOWNS)
        rows.append(
            [
                {"role": "user", "content": f"{name} lives in {town}. Where does {name} live?"},
                {"role": "assistant", "content": f"In {town}."},
            ]
        )
    return rows


def write_rows(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


@pytest.fixture(autouse=True)
def _alone(monkeypatch):
    """Compute on one thread: for so small a model more of them only wait for each other."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def base(tmp_path_factory):
    from transformers import LlamaConfig, LlamaForCausalLM

    folder = tmp_path_factory.mktemp("base")
    tokenizer = learn_tokenizer([turn["content"] for row in chats(60) for turn in row], size=340)
    save_tokenizer(tokenizer, folder, window=256)
    torch.manual_seed(1)
    config = LlamaConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=256,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=SPECIAL[END],
        pad_token_id=SPECIAL[PAD],
    )
    model = LlamaForCausalLM(config)
    model.save_pretrained(folder)
    (folder / "README.md").write_text("---\nlicense: apache-2.0\n---\n# a base for tests\n")
    return folder


@pytest.fixture
def started(base, tmp_path):
    """Write a run's folder with rows of chats beside it."""

    def start(name="run", *, method="sft", hyper=None, rows=96, **more):
        folder = tmp_path / name
        write_rows(_made(folder) / "train.jsonl", [{"messages": each} for each in chats(rows)])
        write_rows(folder / "valid.jsonl", [{"messages": each} for each in chats(24, seed=2)])
        plain = {"learning_rate": 3e-3, "epochs": 2.0, "batch": 16, "precision": "float32"}
        more.setdefault("base", str(base))
        more.setdefault("data", Data(train="train.jsonl", valid="valid.jsonl"))
        write_run(Run(method=method, hyper=Hyper(**{**plain, **(hyper or {})}), **more), folder)
        return folder

    return start


def _made(folder):
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def program(folder, **environ):
    return subprocess.run(
        [sys.executable, "-m", "fourways.training", str(folder)],
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        check=False,
    )


def lines(folder):
    return [json.loads(line) for line in (folder / "steps.jsonl").read_text().splitlines()]
