"""A project with a base of a hundred thousand weights, rows about who lives where, and an app that is tuned on them."""

import json
import random
from pathlib import Path
from typing import Any

import yaml
from tests.e2e.processes import ProjectFolder, environment

NAMES = "Ada Bo Cy Dee Eli Fay Gus Hal Ivy Jo Kit Lou".split()
TOWNS = "Arles Bonn Cork Delft Essen Faro Ghent Huesca".split()
ABOUT = "{name} lives in {town}. Where does {name} live?"


def make(folder: Path, *, rows: int = 96, **way: Any) -> ProjectFolder:
    """Write the project; its tests ask about other pairs of people and towns than the rows."""
    chance = random.Random(1)
    pairs = [(name, town) for name in NAMES for town in TOWNS]
    chance.shuffle(pairs)
    tests, learned = pairs[:8], (pairs[8:] * 2)[:rows]
    make_base(folder / "base", [ABOUT.format(name=name, town=town) + f" In {town}." for name, town in pairs])
    cases = [{"input": ABOUT.format(name=name, town=town), "expected_output": "In"} for name, town in tests]
    tuned = {"base_model": "base", "datasets": ["towns"], "max_steps": 40, "micro_batch_size": 8,
             "learning_rate": 0.01, "num_epochs": 9, "early_stopping_patience": 0,
             "options": {"max_tokens": 8, "temperature": 0}, **way}  # fmt: skip
    app = {
        "default_way": "prompt",
        "ways": {"prompt": {"model": "echo"}, "finetune": tuned},
        "tests": {"cases": cases},
        "release": {
            "approval": "one",
            "gate": [{"metric": "passed", "at_least": 0.9}],
            "canary": {"steps": [{"setWeight": 50}, {"pause": "1h"}]},
        },
    }
    plain = {"project": "tuning", "datasets": {"towns": {"files": ["towns.jsonl"]}}, "apps": {"desk": app}}
    project = ProjectFolder(folder=folder, environ=environment(OMP_NUM_THREADS="1"))
    project.write("fourways.yaml", yaml.safe_dump(plain, sort_keys=False))
    lines = [
        {"messages": [{"role": "user", "content": ABOUT.format(name=name, town=town)},
                      {"role": "assistant", "content": f"In {town}."}]}
        for name, town in learned
    ]  # fmt: skip
    project.write("towns.jsonl", "".join(json.dumps(line) + "\n" for line in lines))
    return project


def make_base(folder: Path, texts: list[str]) -> None:
    """Write a Llama that knows nothing."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    from fourways.training.tokenizer import END, PAD, SPECIAL, learn_tokenizer, save_tokenizer

    folder.mkdir(parents=True)
    tokenizer = learn_tokenizer(texts, size=340)
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
    LlamaForCausalLM(config).save_pretrained(folder)
    (folder / "README.md").write_text("---\nlicense: apache-2.0\n---\n# a base for tests\n")


def steps(project: ProjectFolder) -> list[dict[str, Any]]:
    """The step reports of the project's only run."""
    found = list(project.state.glob("runs/*/steps.jsonl"))
    lines = found[0].read_text().splitlines() if found else []
    return [json.loads(line) for line in lines if line.endswith("}")]


def losses(project: ProjectFolder) -> list[tuple[int, float]]:
    """Step and loss, to the last digit."""
    return [(report["step"], report["loss"]) for report in steps(project) if "loss" in report]
