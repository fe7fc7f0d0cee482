"""Supervised tuning in seconds: the loss falls, what comes out is loaded, and a killed run ends on the same curve."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("peft")

from tests.training.tuning.conftest import lines  # noqa: E402

from fourways.training.__main__ import main  # noqa: E402
from fourways.training.runs import Adapter, Data  # noqa: E402
from fourways.training.tuning.bases import digest_of, load_model, open_base  # noqa: E402

pytestmark = [pytest.mark.xdist_group("tuning")]


def curve(folder):
    return [(line["step"], line["loss"], line.get("valid_loss")) for line in lines(folder) if "loss" in line]


def result(folder):
    return json.loads((folder / "result.json").read_text())


def test_full_tuning_learns_and_transformers_reads_what_comes_out(started, base):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = started(
        adapter=Adapter(kind="full"), data=Data(train="train.jsonl", valid="valid.jsonl", general="valid.jsonl")
    )
    assert main([str(folder)]) == 0
    told = result(folder)
    assert told["loss"]["valid_best"] < 0.7 * told["loss"]["valid_first"]
    assert told["general"]["after"] == pytest.approx(told["loss"]["valid_best"])
    assert told["base"]["digest"] == digest_of(base)
    assert (told["kind"], told["steps"], told["stopped"]) == ("model", 12, "end")
    assert told["trainable"] == told["parameters"] > 90_000
    first = lines(folder)[0]
    assert lines(folder)[-1]["sample"]["row"].startswith("In ")
    assert lines(folder)[-1]["sample"]["answer"] != first["sample"]["answer"]
    assert (first["step"], first["of"], first["derived"]) == (0, 12, told["derived"])
    model = AutoModelForCausalLM.from_pretrained(folder / "model", use_safetensors=True)
    tokenizer = AutoTokenizer.from_pretrained(folder / "model")
    assert model.num_parameters() == told["parameters"]
    assert tokenizer.chat_template
    assert "license: apache-2.0" in (folder / "model" / "README.md").read_text()


@pytest.mark.parametrize("kind", ["lora", "qlora"])
def test_adapters_learn_and_are_loaded_beside_the_base(kind, started, base):
    from peft import PeftModel

    if kind == "qlora":
        pytest.importorskip("bitsandbytes")
    folder = started(adapter=Adapter(kind=kind, r=8), hyper={"learning_rate": 2e-2})
    assert main([str(folder)]) == 0
    told = result(folder)
    assert told["kind"] == "adapter"
    assert told["trainable"] < 0.2 * told["parameters"]
    assert told["loss"]["valid_best"] < 0.95 * told["loss"]["valid_first"]
    plain = load_model(open_base(str(base), folder), "lora", torch.float32)
    tokens = torch.arange(5, 25)[None]
    before = plain(tokens).logits
    adapted = PeftModel.from_pretrained(plain, folder / "model")
    assert not torch.allclose(adapted(tokens).logits, before, atol=1e-2)


@pytest.mark.slow
def test_a_run_killed_in_the_middle_ends_on_the_same_curve(started):
    hyper = {"epochs": 6.0, "checkpoint_every": 7, "validate_every": 5}
    whole, cut = (started(name, adapter=Adapter(kind="full"), hyper=hyper) for name in ("whole", "cut"))
    program = subprocess.Popen([sys.executable, "-m", "fourways.training", str(cut)], env=os.environ)
    until = time.monotonic() + 100
    while not (cut / "steps.jsonl").exists() or len(lines_so_far(cut)) < 12:
        assert time.monotonic() < until
        assert program.poll() is None
        time.sleep(0.01)
    program.send_signal(signal.SIGKILL)
    program.wait()
    assert not (cut / "result.json").exists()
    done = len(lines_so_far(cut))
    assert main([str(cut)]) == 0
    assert main([str(whole)]) == 0
    assert 10 < done < 37
    assert curve(cut) == curve(whole)
    assert digest_without_card(cut) == digest_without_card(whole)
    assert [each.name for each in sorted((cut / "checkpoints").glob("step-*"))] == ["step-00000035", "step-00000036"]


def lines_so_far(folder):
    return (folder / "steps.jsonl").read_text().splitlines()


def digest_without_card(folder):
    return (folder / "model" / "model.safetensors").read_bytes()


def test_a_finished_run_is_not_run_again(started):
    folder = started()
    (folder / "result.json").write_text("{}")
    assert main([str(folder)]) == 0
    assert not (folder / "steps.jsonl").exists()


def test_a_run_that_only_gets_worse_stops_early_and_gives_back_its_best(started):
    folder = started(
        adapter=Adapter(kind="full"), hyper={"learning_rate": 3.0, "patience": 2, "validate_every": 1, "clip": 1e9}
    )
    assert main([str(folder)]) == 0
    told = result(folder)
    assert told["stopped"] == "early"
    assert told["steps"] < 12
    assert told["best_step"] < told["steps"]


def test_the_checkpoint_that_is_broken_is_passed_over(started):
    folder = started(adapter=Adapter(kind="full"), hyper={"checkpoint_every": 4})
    assert main([str(folder)]) == 0
    before = curve(folder)
    (folder / "result.json").unlink()
    newest = folder / "checkpoints" / "step-00000012" / "weights.safetensors"
    newest.write_bytes(newest.read_bytes()[:-8])
    assert main([str(folder)]) == 0
    assert curve(folder) == before
