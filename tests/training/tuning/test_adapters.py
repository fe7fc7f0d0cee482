"""An adapter added to its base answers as both did; rows that go on from one do; what is no safe adapter is refused."""

import json

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("peft")

from fourways.core.errors import InvalidRequest  # noqa: E402
from fourways.training.__main__ import main  # noqa: E402
from fourways.training.runs import Adapter  # noqa: E402
from fourways.training.tuning import adapters  # noqa: E402
from fourways.training.tuning.bases import load_model, open_base  # noqa: E402
from fourways.training.tuning.quantize import load_quantized  # noqa: E402

pytestmark = [pytest.mark.xdist_group("tuning")]


@pytest.fixture
def tuned(started):
    folder = started("tuned", adapter=Adapter(r=8), hyper={"learning_rate": 2e-2, "max_steps": 6})
    assert main([str(folder)]) == 0
    return folder


def test_merged_weights_answer_as_base_and_adapter(tuned, base):
    from peft import PeftModel

    tokens = torch.arange(5, 60)[None]
    beside = PeftModel.from_pretrained(load_model(open_base(str(base), tuned), "lora", torch.float32), tuned / "model")
    wanted = beside(tokens).logits
    got = adapters.merged(load_model(open_base(str(base), tuned), "lora", torch.float32), tuned / "model")(
        tokens
    ).logits
    with beside.disable_adapter():
        assert (wanted - beside(tokens).logits).abs().max() > 0.1
    assert torch.allclose(wanted, got, atol=1e-5)


def test_a_run_goes_on_from_an_adapter(tuned, started):
    first = json.loads((tuned / "result.json").read_text())
    for kind in ("lora", "full"):
        folder = started(f"more-{kind}", adapter=Adapter(kind=kind), start=str(tuned / "model"), hyper={"max_steps": 2})
        assert main([str(folder)]) == 0
        told = json.loads((folder / "result.json").read_text())
        assert told["loss"]["valid_first"] == pytest.approx(first["loss"]["valid_best"], abs=1e-4)


@pytest.mark.parametrize(("precision", "lost"), [("int8", 0.02), ("int4", 0.3)])
def test_what_rounding_costs_is_measured(precision, lost, started):
    folder = started(adapter=Adapter(r=8), hyper={"learning_rate": 2e-2, "max_steps": 6}, quantize=precision)
    assert main([str(folder)]) == 0
    told = json.loads((folder / "result.json").read_text())
    assert told["kind"] == "model"
    assert told["quantized"]["bits"] == int(precision[-1])
    assert told["saved_loss"]["before"] == pytest.approx(told["loss"]["valid_best"], abs=1e-4)
    assert abs(told["saved_loss"]["after"] - told["saved_loss"]["before"]) < lost
    assert load_quantized(folder / "model", torch.float32).num_parameters() == told["parameters"]


def test_a_rounded_model_can_be_tuned_further(started):
    folder = started(adapter=Adapter(kind="full"), hyper={"max_steps": 4}, quantize="int8")
    assert main([str(folder)]) == 0
    after = json.loads((folder / "result.json").read_text())["saved_loss"]["after"]
    more = started("more", adapter=Adapter(r=8), hyper={"max_steps": 2}, base=str(folder / "model"))
    assert main([str(more)]) == 0
    assert json.loads((more / "result.json").read_text())["loss"]["valid_first"] == pytest.approx(after, abs=1e-3)


def test_an_adapter_that_is_a_pickle_or_is_not_there_is_refused(tuned):
    folder = tuned / "model"
    (folder / "adapter_model.safetensors").rename(folder / "adapter_model.bin")
    with pytest.raises(InvalidRequest, match="pickle"):
        adapters.check_adapter(folder)
    with pytest.raises(InvalidRequest, match="no adapter in"):
        adapters.check_adapter(tuned)


def test_matrices_that_are_not_there_are_refused(started, capsys):
    folder = started(adapter=Adapter(targets=("q_prj",)))
    assert main([str(folder)]) == 2
    assert "there is: down_proj, gate_proj, k_proj" in capsys.readouterr().err
