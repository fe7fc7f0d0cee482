"""Folders of weights opened in process: which decoder serves them, that it agrees, and what is refused."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.engine.causal import make_adapter, make_model

from fourways.core.errors import InvalidRequest, NotFound

torch = pytest.importorskip("torch", reason="needs fourways[engine]")
pytest.importorskip("transformers", reason="is compared with")
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("causal")]

STRETCHED = {
    "rope_type": "llama3",
    "rope_theta": 500.0,
    "factor": 4.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 64,
}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_model(tmp_path_factory.mktemp("opened") / "base")


def opened(folder: Path, **options: Any) -> Any:
    from fourways.engine.opening import Options, open_model

    return open_model(folder, Options(**{"slots": 4, "threads": 2} | options))


def logits(decoder: Any, tokens: list[int], slot: int = 0, adapter: int = -1) -> Any:
    from fourways.engine.decoders import Rows

    rows = Rows()
    rows.add(tokens, slot=slot, position=0, adapter=adapter)
    rows.wanted = list(range(len(tokens)))
    return decoder.forward(rows)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"tie_word_embeddings": False, "dtype": "bfloat16"},
        {"rope_parameters": STRETCHED},
        {"num_key_value_heads": 4, "head_dim": 32},
        {"model": "Qwen2Config"},
        {"model": "MistralConfig", "sliding_window": None},
    ],
)
def test_our_own_decoders_agree_with_transformers(tmp_path: Path, changes: "dict[str, Any]") -> None:
    import transformers

    changes = dict(changes)
    config = getattr(transformers, changes.pop("model", "LlamaConfig"))
    folder = make_model(tmp_path / "model", config=config, **changes)
    for decoder in ("native", "torch"):
        found = opened(folder, decoder=decoder)
        assert found.decoder.name.startswith(decoder)
        assert "of 24 greedy tokens the same" in found.parity


def test_what_disagrees_is_served_by_transformers(
    model: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    from fourways.engine.checkpoints import read_tensors
    from fourways.engine.parity import compare
    from fourways.engine.shapes import read_config

    other = make_model(tmp_path / "other", seed=2)
    strange = opened(other, probe=False).decoder
    assert not compare(strange, model, read_tensors(model, read_config(model))).agrees
    # A head scaled behind our back: transformers 5 reads the key, our own decoder does not know it.
    settings = json.loads((other / "config.json").read_text())
    settings |= {"model_type": "granite", "architectures": ["GraniteForCausalLM"], "logits_scaling": 3.0}
    (other / "config.json").write_text(json.dumps(settings))
    found = opened(other)
    assert found.decoder.name.startswith("transformers")
    assert "does not cover 'granite'" in found.parity
    assert "one sequence at a time" in caplog.text


def test_a_row_is_the_same_to_the_last_bit_whatever_is_beside_it(model: Path) -> None:
    from fourways.engine.decoders import Rows

    for dtype in ("float32", "bfloat16"):
        decoder = opened(model, probe=False, dtype=dtype, decoder="native").decoder
        alone = logits(decoder, [5, 6, 7, 8])[-1]
        logits(decoder, [5, 6, 7], slot=1)
        rows = Rows()
        rows.add(list(range(2, 42)), slot=0, position=0, adapter=-1)
        rows.add([8], slot=1, position=3, adapter=-1)
        rows.wanted = [0, 40]
        assert np.array_equal(decoder.forward(rows)[1], alone)
        decoder.copy(1, 2, 3)
        rows = Rows(wanted=[0])
        rows.add([8], slot=2, position=3, adapter=-1)
        assert np.array_equal(decoder.forward(rows)[0], alone)


def test_quantised_weights_are_what_they_stand_for(model: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    plain = load_file(model / "model.safetensors")
    for bits in (8, 4):
        folder, packed, near = tmp_path / str(bits), {}, {}
        shutil.copytree(model, folder)
        for name, tensor in plain.items():
            if "proj" not in name or tensor.shape[1] % 64:
                packed[name] = near[name] = tensor
                continue
            groups = tensor.view(len(tensor), -1, 64 if bits == 4 else tensor.shape[1])
            scale = groups.abs().amax(-1) / (7 if bits == 4 else 127)
            whole = (groups / scale[..., None]).round()
            near[name] = (whole * scale[..., None]).view_as(tensor).bfloat16()
            numbers = whole.view_as(tensor)
            if bits == 8:
                packed |= {f"{name}.q": numbers.to(torch.int8), f"{name}.scale": scale[:, 0].contiguous()}
            else:
                pairs = (numbers + 8).to(torch.uint8).view(len(tensor), -1, 2)
                packed |= {f"{name}.q": pairs[..., 0] | pairs[..., 1] << 4, f"{name}.scale": scale}
        save_file({name: one.contiguous() for name, one in packed.items()}, folder / "model.safetensors")
        settings = json.loads((folder / "config.json").read_text())
        settings["quantization_config"] = {"quant_method": "fourways", "bits": bits, "group_size": 64 * (bits == 4)}
        (folder / "config.json").write_text(json.dumps(settings))
        found = opened(folder, dtype="float32")
        assert found.decoder.name.startswith("native")
        reference = tmp_path / f"near-{bits}"
        shutil.copytree(model, reference)
        save_file({name: one.float().contiguous() for name, one in near.items()}, reference / "model.safetensors")
        wanted = logits(opened(reference, probe=False).decoder, [5, 6, 7])
        assert logits(found.decoder, [5, 6, 7]) == pytest.approx(wanted, abs=1e-3)
        slow = opened(folder, dtype="float32", decoder="transformers").decoder
        assert logits(slow, [5, 6, 7]) == pytest.approx(wanted, abs=1e-2)
    settings["quantization_config"]["quant_method"] = "gptq"
    (folder / "config.json").write_text(json.dumps(settings))
    with pytest.raises(InvalidRequest, match="quantised by 'gptq'"):
        opened(folder)


def test_adapters_add_the_same_in_torch_and_natively(model: Path, tmp_path: Path) -> None:
    patterns: Any = {"rank_pattern": {"q_proj": 2}, "alpha_pattern": {"q_proj": 12}}
    folder = make_adapter(model, tmp_path / "adapter", **patterns)
    both = [opened(model, decoder=name, probe=False) for name in ("native", "torch")]
    rows = []
    for one in both:
        number = one.decoder.load(one.read_adapter(folder))
        rows.append(logits(one.decoder, [5, 6, 7], adapter=number))
        assert not np.allclose(rows[-1], logits(one.decoder, [5, 6, 7], slot=1), atol=0.1)
        one.decoder.unload(number)
    assert rows[0] == pytest.approx(rows[1], abs=1e-3)
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    tuned: Any = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(model), folder)
    with torch.no_grad():
        assert rows[0] == pytest.approx(tuned(torch.tensor([[5, 6, 7]])).logits[0].numpy(), abs=1e-3)


def test_weights_in_parts_are_read_and_pickled_ones_never(model: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file
    from transformers import AutoModelForCausalLM

    parts = tmp_path / "parts"
    shutil.copytree(model, parts)
    (parts / "model.safetensors").unlink()
    AutoModelForCausalLM.from_pretrained(model).save_pretrained(parts, max_shard_size="60KB")
    assert (parts / "model.safetensors.index.json").exists()
    assert logits(opened(parts, probe=False).decoder, [5]) == pytest.approx(
        logits(opened(model).decoder, [5]), abs=1e-5
    )
    pickled = tmp_path / "pickled"
    shutil.copytree(model, pickled)
    torch.save(load_file(model / "model.safetensors"), pickled / "pytorch_model.bin")
    (pickled / "model.safetensors").unlink()
    with pytest.raises(NotFound, match=r"pytorch_model.bin is pickled: it can run code and is not loaded"):
        opened(pickled)
    with pytest.raises(NotFound, match="there is no folder"):
        opened(tmp_path / "absent")
