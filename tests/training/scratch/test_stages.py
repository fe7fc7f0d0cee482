"""A run from a corpus to an assistant, in real processes: each stage, kill -9 in between, two processes as one."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

import fourways  # noqa: E402
from fourways.training.__main__ import main  # noqa: E402
from fourways.training.runs import Data, Hyper, Run, read_run, write_run  # noqa: E402
from fourways.training.scratch.keeping import checkpoints, read_weights  # noqa: E402
from fourways.training.scratch.stages import train  # noqa: E402

DOCUMENTS = sorted((Path(fourways.__file__).parent / "samples/helpdesk/docs").glob("*.md"))[:12]
ASKED = [("What is the IT portal?", "Lantern"), ("How do I reach IT?", "extension 4400"), ("Which VPN?", "Ferry")]
TINY = {"vocabulary": 400, "layers": 2, "width": 32, "heads": 2, "length": 64, "batch": 256, "warmup": 0.1}
pytestmark = [pytest.mark.xdist_group("scratch"), pytest.mark.slow, pytest.mark.timeout(400)]
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE", "TOKENIZERS_PARALLELISM": "false"}


BOTH = """
import sys
from pathlib import Path
from fourways.training.processes import leave
from fourways.training.runs import read_run
from fourways.training.scratch.stages import train
for folder in map(Path, sys.argv[1:]):
    train(read_run(folder), folder)
leave()
"""
"""Trains several folders one after the other, in as many processes as it is started in."""


def prepare(folder, steps=40, chat_steps=20, shard=None, **pretrain):
    """Lay down a run of so many steps in a folder."""
    folder.mkdir(parents=True)
    texts = [path.read_text() for path in DOCUMENTS]
    (folder / "corpus.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in [*texts, "short"]))
    chats = [[{"role": "user", "content": q}, {"role": "assistant", "content": a}] for q, a in ASKED]
    (folder / "chat.jsonl").write_text("".join(json.dumps({"messages": chat}) + "\n" for chat in chats * 4))
    settings = {
        name: value
        for name, value in {**TINY, "tokens": steps * 256, "chat_tokens": chat_steps * 256, "shard": shard}.items()
        if value is not None
    }
    run = Run(
        method="pretrain",
        data=Data(train="corpus.jsonl"),
        hyper=Hyper(checkpoint_every=5),
        pretrain={"size": 50_000, "chat": "chat.jsonl", "chat_valid": "chat.jsonl", "set": settings, **pretrain},
    )
    write_run(run, folder)
    return folder


def start(folder, *launcher):
    command = [sys.executable, *launcher, "-m", "fourways.training", str(folder)]
    return subprocess.Popen(command, env=ENVIRONMENT, stderr=subprocess.PIPE, text=True)


def finish(folder):
    process = start(folder)
    said = process.communicate(timeout=300)[1]
    assert process.returncode == 0, said
    return json.loads((folder / "result.json").read_text())


def curve(folder):
    lines = [json.loads(line) for line in (folder / "steps.jsonl").read_text().splitlines()]
    return [(line["step"], line["stage"], line.get("loss"), line.get("valid_loss")) for line in lines]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run that was never interrupted."""
    folder = prepare(tmp_path_factory.mktemp("scratch") / "whole")
    return folder, finish(folder)


@pytest.mark.slow
@pytest.mark.xdist_group("scratch")
class TestRun:
    def test_each_stage_leaves_what_it_made(self, whole):
        folder, _ = whole
        made = {path.parent.name: json.loads(path.read_text()) for path in (folder / "stages").glob("*/stage.json")}
        assert set(made) == {"clean", "tokenizer", "shards", "plan", "pretrain", "instruct", "prefer"}
        assert made["clean"]["dropped"] == {"words": 1}
        assert json.loads((folder / "stages/clean/dropped.jsonl").read_text())["begins"] == "short"
        assert made["tokenizer"]["pieces"] == 400
        assert made["shards"]["held_out"] == 1
        assert made["shards"]["documents"] == 11
        assert made["plan"]["why"]["width"] == "given"
        assert made["prefer"] == {"skipped": "there are no preferences"} | {
            "stage_seconds": made["prefer"]["stage_seconds"]
        }

    def test_it_learns(self, whole):
        folder, result = whole
        assert result["loss"]["last"] < result["loss"]["first"] - 0.5
        assert result["loss"]["valid_best"] < result["loss"]["valid_first"] - 0.5
        said = [json.loads(line) for line in (folder / "steps.jsonl").read_text().splitlines()]
        chats = [line["valid_loss"] for line in said if line["stage"] == "instruct" and "valid_loss" in line]
        assert chats[-1] < chats[0] - 1
        assert any("sample" in line for line in said)

    def test_its_result_says_what_it_took(self, whole):
        _, result = whole
        assert (result["method"], result["kind"], result["stopped"]) == ("pretrain", "model", "end")
        assert (result["steps"], result["tokens"]) == (60, 60 * 256)
        assert result["cpu_seconds"] > 0
        assert 0 < result["of_peak"] < 1
        assert set(result["derived"]) == set(result["why"])
        assert result["derived"]["batch"] == 256

    def test_transformers_reads_and_continues_it(self, whole):
        transformers = pytest.importorskip("transformers")
        folder, result = whole
        model = transformers.AutoModelForCausalLM.from_pretrained(folder / "model")
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder / "model")
        assert sum(weight.numel() for weight in model.parameters()) == result["parameters"]
        asked = tokenizer.apply_chat_template(
            [{"role": "user", "content": "Which VPN?"}], add_generation_prompt=True, return_tensors="pt"
        )
        said = model.generate(**asked, max_new_tokens=8, do_sample=False)
        assert said.shape[1] > asked["input_ids"].shape[1]

    def test_an_ended_run_is_not_run_again(self, whole):
        folder, result = whole
        before = (folder / "model/model.safetensors").stat().st_mtime_ns
        assert finish(folder) == result
        assert (folder / "model/model.safetensors").stat().st_mtime_ns == before

    def test_killed_in_either_stage_it_goes_on_to_the_same_curve(self, whole, tmp_path):
        folder = prepare(tmp_path / "killed")
        for after in (10, 45):
            process = start(folder)
            until = time.monotonic() + 200
            while time.monotonic() < until and process.poll() is None:
                newest = checkpoints(folder / "checkpoints")
                if newest and int(newest[-1].name.removeprefix("step-")) >= after:
                    break
                time.sleep(0.005)
            assert process.poll() is None, process.communicate()[1]
            process.send_signal(signal.SIGKILL)
            process.communicate()
            assert not (folder / "result.json").exists()
        finish(folder)
        assert curve(folder) == curve(whole[0])
        wanted = read_weights(whole[0] / "model/model.safetensors")
        for name, weight in read_weights(folder / "model/model.safetensors").items():
            assert torch.equal(weight, wanted[name]), name

    def test_two_processes_learn_what_one_does_whether_weights_are_shared_or_sharded(self, whole, tmp_path):
        folders = [prepare(tmp_path / str(shard), shard=shard) for shard in (False, True)]
        program = tmp_path / "both.py"
        program.write_text(BOTH)
        launcher = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", program, *folders)
        subprocess.run([sys.executable, *launcher], env=ENVIRONMENT, check=True, timeout=300)
        for folder in folders:
            one, two = curve(whole[0]), curve(folder)
            assert [line[:2] for line in one] == [line[:2] for line in two]
            for (_, _, loss, valid), (_, _, other, other_valid) in zip(one, two, strict=True):
                assert other == (None if loss is None else pytest.approx(loss, abs=0.05))
                assert other_valid == (None if valid is None else pytest.approx(valid, abs=0.05))
            assert (folder / "model/model.safetensors").exists()


def test_with_preferences_the_preferred_answer_becomes_likelier(tmp_path):
    folder = prepare(tmp_path / "preferred", preferences="preferences.jsonl")
    row = {"messages": [{"role": "user", "content": "Which VPN?"}], "chosen": "Ferry", "rejected": "TunnelGate"}
    (folder / "preferences.jsonl").write_text((json.dumps(row) + "\n") * 8)
    result = train(read_run(folder), folder)
    made = result["stages"]["prefer"]
    assert made["loss"]["last"] < made["loss"]["first"]
    assert result["steps"] == 60 + made["steps"]
    assert (folder / "model/model.safetensors").read_bytes() != (
        folder / "stages/prefer/base/model.safetensors"
    ).read_bytes()


@pytest.mark.parametrize(
    ("pretrain", "says"),
    [
        ({"size": "124M", "minutes": 2}, "right would be one of them"),
        ({"chat": "none.jsonl"}, "none.jsonl"),
        ({"set": {"batch": 100, "length": 64}}, "multiple of 64"),
    ],
)
def test_a_wrong_run_is_refused_with_code_2(tmp_path, capsys, pretrain, says):
    assert main([str(prepare(tmp_path / "wrong", **pretrain))]) == 2
    assert says in capsys.readouterr().err.splitlines()[-1]
