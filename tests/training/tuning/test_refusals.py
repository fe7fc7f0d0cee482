"""What a training program will not touch, and what it says would be right: exit 2, and the reason as the last line."""

import json
import shutil

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("peft")

from fourways.training.__main__ import main  # noqa: E402
from fourways.training.runs import Data, Run, read_run, write_run  # noqa: E402

pytestmark = [pytest.mark.xdist_group("tuning")]


@pytest.fixture
def copy(base, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(base, folder)
    return folder


def template(text):
    def spoil(folder):
        path = folder / "tokenizer_config.json"
        settings = json.loads(path.read_text())
        settings["chat_template"] = text
        path.write_text(json.dumps(settings))

    return spoil


def pickled(folder):
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def unlicensed(folder):
    (folder / "README.md").write_text("# a base\n")


SPOILT = [
    (pickled, "pytorch_model.bin, which can run code"),
    (unlicensed, "does not say its licence; right would be `license:`"),
    (template(None), "no chat template"),
    (template("{% for m in messages %}{{ m['content'] }} {% endfor %}"), "does not end the assistant's turns"),
    (template("<|user|>always the same<|end|>"), "does not tell the assistant's turns apart"),
    (template("{% for m in messages %}{{ m.content }}<|end|>{% endfor %}{{ 'BOT' * add_generation_prompt }}"),
     "does not tell the assistant's turns apart"),
    (lambda folder: (folder / "config.json").unlink(), "no config.json"),
    (lambda folder: (folder / "tokenizer.json").unlink(), "tokenizer"),
]  # fmt: skip


@pytest.mark.parametrize(("spoil", "reason"), SPOILT)
def test_a_base_that_is_not_fit_is_refused(spoil, reason, copy, started, capsys):
    spoil(copy)
    folder = started()
    run = read_run(folder)
    write_run(Run(method="sft", base=str(copy), data=run.data), folder)
    assert main([str(folder)]) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith("fourways.training: ")
    assert reason in said
    assert not (folder / "result.json").exists()


def test_a_licence_given_by_the_run_will_do(copy, started):
    from fourways.training.tuning.bases import open_base

    unlicensed(copy)
    assert open_base(str(copy), started(), licence="MIT").licence == "MIT"


GOOD = {"messages": [{"role": "user", "content": "a?"}, {"role": "assistant", "content": "b"}]}
ROWS = [
    ("", "has no rows"),
    ('{"messages": [\n', "train.jsonl:1: "),
    (json.dumps(GOOD) + '\n{"messages": 3}', "train.jsonl:2: Expected `array`"),
    ('{"messages": []}', "no messages"),
    (json.dumps({"messages": GOOD["messages"][:1]}), "last message is the user's"),
    (json.dumps({"messages": [*GOOD["messages"][:1], {"role": "assistant", "content": " "}]}), "is empty"),
]


@pytest.mark.parametrize(("text", "reason"), ROWS)
def test_rows_that_are_not_fit_are_refused_by_their_line(text, reason, started, capsys):
    folder = started()
    (folder / "train.jsonl").write_text(text)
    assert main([str(folder)]) == 2
    assert reason in capsys.readouterr().err


def test_a_run_without_data_or_with_an_unknown_base_is_refused(started, capsys):
    folder = started()
    write_run(Run(method="sft", base="here"), folder)
    assert main([str(folder)]) == 2
    assert "no [data]" in capsys.readouterr().err
    write_run(Run(method="sft", base="./nowhere", data=Data(train="train.jsonl")), folder)
    assert main([str(folder)]) == 2
    assert "there is no folder ./nowhere" in capsys.readouterr().err


def test_a_place_to_report_to_that_is_not_installed_is_refused(started, capsys):
    folder = started(report_to=("comet",))
    assert main([str(folder)]) == 2
    assert "pip install comet_ml" in capsys.readouterr().err
    folder = started("other", report_to=("tensorbored",))
    assert main([str(folder)]) == 2
    assert "did you mean 'tensorboard'" in capsys.readouterr().err


def test_the_program_wants_a_folder(tmp_path, capsys):
    assert main([]) == 2
    assert main([str(tmp_path)]) == 2
    assert "there is no" in capsys.readouterr().err
