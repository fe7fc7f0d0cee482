"""DPO and KTO: the answers that people prefer become likelier, and the losses are those of the papers and of trl."""

import json
import math
import random

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("peft")

from tests.training.tuning.conftest import NAMES, TOWNS, lines, write_rows  # noqa: E402

from fourways.training.__main__ import main  # noqa: E402
from fourways.training.machine import this_machine  # noqa: E402
from fourways.training.processes import Group  # noqa: E402
from fourways.training.rows import Turn  # noqa: E402
from fourways.training.runs import Adapter, Kto  # noqa: E402
from fourways.training.tuning import dpo, kto  # noqa: E402
from fourways.training.tuning.documents import ChatReader  # noqa: E402
from fourways.training.tuning.reading import Reader  # noqa: E402
from fourways.training.tuning.teach import mean_loss  # noqa: E402

pytestmark = [pytest.mark.xdist_group("tuning")]


def preferences(count):
    chance = random.Random(3)
    for _ in range(count):
        name, (right, wrong) = chance.choice(NAMES), chance.sample(TOWNS, 2)
        yield f"{name} lives in {right}. Where does {name} live?", f"In {right}.", f"Surely somewhere else, in {wrong}."


def write_preferences(folder, count=64):
    rows = [
        {"messages": [{"role": "user", "content": asked}], "chosen": right, "rejected": wrong}
        for asked, right, wrong in preferences(count)
    ]
    for name in ("train", "valid"):
        write_rows(folder / f"{name}.jsonl", rows)


@pytest.mark.parametrize("kind", ["lora", "full"])
def test_preferred_answers_become_likelier_than_others(kind, started):
    folder = started(
        method="dpo", adapter=Adapter(kind=kind, r=8), hyper={"learning_rate": 1e-2 if kind == "lora" else 1e-3}
    )
    write_preferences(folder)
    assert main([str(folder)]) == 0
    told, said = json.loads((folder / "result.json").read_text()), lines(folder)
    assert said[1]["loss"] == pytest.approx(math.log(2), abs=1e-4)
    assert said[-1]["preferred"] > 0.9
    assert said[-1]["margin"] > 0.5
    gained = [line["chosen_log_probability"] - line["rejected_log_probability"] for line in (said[1], said[-1])]
    assert gained[1] > gained[0] + 1
    assert told["loss"]["valid_first"] == pytest.approx(math.log(2), abs=1e-4)
    assert told["loss"]["valid_best"] < 0.6


def test_thumbs_move_answers_up_and_down(started):
    folder = started(method="kto", adapter=Adapter(kind="full"), hyper={"learning_rate": 2e-3})
    rows = [
        {"messages": [{"role": "user", "content": asked}], "completion": answer, "label": answer is right}
        for asked, right, wrong in preferences(48)
        for answer in (right, wrong)
    ]
    for name in ("train", "valid"):
        write_rows(folder / f"{name}.jsonl", rows[::2] + rows[1::6] if name == "train" else rows)
    assert main([str(folder)]) == 0
    told, last = json.loads((folder / "result.json").read_text()), lines(folder)[-1]
    assert told["data"] | {"up": 48, "down": 16} == told["data"]
    assert told["weights"] == {"up": 1.0, "down": 3.0}
    assert told["loss"]["valid_best"] < 0.93 * told["loss"]["valid_first"]
    assert last["reward_up"] > last["reward_down"]


def test_rows_that_are_no_preferences_are_refused(started, capsys):
    folder = started(method="dpo")
    asked = [{"role": "user", "content": "a?"}]
    write_rows(folder / "train.jsonl", [{"messages": asked, "chosen": "b", "rejected": "b"}])
    assert main([str(folder)]) == 2
    assert "word for word" in capsys.readouterr().err
    folder = started("thumbs", method="kto")
    write_rows(folder / "train.jsonl", [{"messages": asked, "completion": "b", "label": "yes"}])
    assert main([str(folder)]) == 2
    assert "train.jsonl:1: Expected `bool`" in capsys.readouterr().err


def test_the_loss_of_a_preference_is_the_papers():
    values = torch.randn(4, 50, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    got = dpo.dpo_losses(values[0], values[1], values[2], values[3], 0.3)
    for pi_w, pi_l, ref_w, ref_l, loss in zip(*values.tolist(), got.tolist(), strict=True):
        assert loss == pytest.approx(-math.log(1 / (1 + math.exp(-0.3 * ((pi_w - ref_w) - (pi_l - ref_l))))))


def test_the_loss_of_a_thumb_is_the_papers():
    reward = torch.randn(50, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    up = torch.arange(50) % 3 == 0
    got = kto.kto_losses(reward, up, 0.2, kto.Weights(up=1.5, down=0.5, beta=0.3))
    for r, liked, loss in zip(reward.tolist(), up.tolist(), got.tolist(), strict=True):
        value = 1 / (1 + math.exp(-0.3 * (r - 0.2))) if liked else 1 / (1 + math.exp(-0.3 * (0.2 - r)))
        assert loss == pytest.approx((1.5 if liked else 0.5) * (1 - value))


def test_both_kinds_of_thumbs_weigh_the_same_unless_told_otherwise():
    assert kto.weights_for(Kto(), ups=30, downs=10, beta=0.1) == kto.Weights(up=1.0, down=3.0, beta=0.1)
    assert kto.weights_for(Kto(up=2.0), ups=0, downs=10, beta=0.1) == kto.Weights(up=2.0, down=1.0, beta=0.1)


@pytest.fixture
def models(base):
    """Return a policy, a reference that differs from it, and their tokenizer."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    policy, reference = (AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32) for _ in range(2))
    torch.manual_seed(5)
    for weight in reference.parameters():
        weight.data.add_(0.02 * torch.randn_like(weight))
    return policy, reference, AutoTokenizer.from_pretrained(base)


@pytest.mark.slow
def test_a_batch_of_preferences_has_trls_loss(models, tmp_path):
    datasets, trl = pytest.importorskip("datasets"), pytest.importorskip("trl")
    policy, reference, tokenizer = models
    rows = list(preferences(8))
    trainer = trl.DPOTrainer(
        model=policy,
        ref_model=reference,
        args=trl.DPOConfig(
            str(tmp_path), use_cpu=True, bf16=False, per_device_train_batch_size=8, beta=0.2, report_to=[]
        ),
        train_dataset=datasets.Dataset.from_list(
            [
                {
                    "prompt": [{"role": "user", "content": asked}],
                    "chosen": [{"role": "assistant", "content": right}],
                    "rejected": [{"role": "assistant", "content": wrong}],
                }
                for asked, right, wrong in rows
            ]
        ),
        processing_class=tokenizer,
    )
    batch = next(iter(trainer.get_train_dataloader()))
    policy.eval()
    with torch.no_grad():
        wanted = trainer.compute_loss(policy, batch).item()
    machine, reader = this_machine("float32"), ChatReader(tokenizer, length=256)
    read = reader.read_answers(([Turn("user", asked)], (right, wrong)) for asked, right, wrong in rows)
    pairs = [dpo.Pair(chosen=chosen, rejected=rejected) for chosen, rejected in read]
    lessons = [
        dpo.Preferences(Reader(model, machine), beta=0.2, most=300, packed=True) for model in (policy, reference)
    ]
    assert mean_loss(lessons[0], lessons[1].referred(pairs)) == pytest.approx(wanted, abs=1e-5)
    assert abs(wanted - math.log(2)) > 1e-3


def test_where_the_model_stands_is_its_divergence_on_strange_answers(models):
    policy, reference, tokenizer = models
    machine, reader = this_machine("float32"), ChatReader(tokenizer, length=256)
    asked = [([Turn("user", question)], (right, wrong)) for question, right, wrong in preferences(6)]
    rated = [kto.Rated(answer=own, strange=other, up=True) for own, other in reader.read_answers(asked)]
    weights = kto.Weights(up=1.0, down=1.0, beta=0.1)
    lessons = [
        kto.Thumbs(Reader(model, machine), weights, most=300, packed=True, group=Group())
        for model in (policy, reference)
    ]
    there = lessons[1].referred(rated)
    here = lessons[0].referred(rated)
    moved = [mine.reference[1] - theirs.reference[1] for mine, theirs in zip(here, there, strict=True)]
    part = lessons[0].lay(there, 0)[0]
    assert part.laid[3] == pytest.approx(max(0.0, sum(moved) / 6), abs=1e-6)
