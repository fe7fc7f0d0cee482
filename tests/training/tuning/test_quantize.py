"""Rounding to eight and four bits: the form on disk, what comes back, and what it costs."""

import json
import shutil

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from safetensors.torch import load_file  # noqa: E402

from fourways.training.tuning.quantize import (  # noqa: E402
    load_quantized,
    quantize_folder,
    quantize_groups,
    quantize_rows,
    restore,
)

pytestmark = [pytest.mark.xdist_group("tuning")]


@pytest.fixture
def matrix():
    return torch.randn(24, 128, generator=torch.Generator().manual_seed(1))


def test_eight_bits_are_off_by_half_a_step_at_most(matrix):
    numbers, scale = quantize_rows(matrix)
    assert (numbers.dtype, scale.shape) == (torch.int8, (24,))
    assert ((restore(numbers, scale) - matrix).abs() <= scale[:, None] * 0.5001).all()


def test_four_bits_lie_two_to_a_byte_low_half_first(matrix):
    numbers, scale = quantize_groups(matrix)
    assert (numbers.dtype, numbers.shape, scale.shape) == (torch.uint8, (24, 64), (24, 2))
    first, second = (numbers[3, 5] & 15).item() - 8, (numbers[3, 5] >> 4).item() - 8
    back = restore(numbers, scale)
    assert back[3, 10] == first * scale[3, 0]
    assert back[3, 11] == second * scale[3, 0]
    assert restore(*quantize_groups(back)).allclose(back, atol=1e-6)


def test_a_chosen_scale_is_no_worse_than_that_of_the_largest_weight(matrix):
    plain = matrix.view(24, 2, 64)
    scale = plain.abs().amax(2, keepdim=True) / 7
    largest = ((plain / scale).round() * scale - plain).square().sum()
    assert (restore(*quantize_groups(matrix)) - matrix).square().sum() < 0.95 * largest


@pytest.mark.parametrize(("precision", "bits", "group", "off"), [("int8", 8, 0, 0.03), ("int4", 4, 64, 0.4)])
def test_a_folder_is_rounded_in_place_and_read_back(precision, bits, group, off, base, tmp_path):
    from transformers import AutoModelForCausalLM

    folder = tmp_path / "model"
    shutil.copytree(base, folder)
    plain = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    told = quantize_folder(folder, precision)
    assert told["bytes"]["after"] < 0.6 * told["bytes"]["before"]
    config = json.loads((folder / "config.json").read_text())
    assert config["quantization_config"] == {"quant_method": "fourways", "bits": bits, "group_size": group}
    weights = load_file(folder / "model.safetensors")
    name = "model.layers.0.self_attn.q_proj.weight"
    assert weights[f"{name}.q"].shape == (64, 64 if bits == 8 else 32)
    assert weights["model.embed_tokens.weight"].dtype == torch.bfloat16
    assert name not in weights
    assert "lm_head.weight" not in weights
    tokens = torch.arange(5, 60)[None]
    wanted, got = plain(tokens).logits, load_quantized(folder, torch.float32)(tokens).logits
    assert (wanted - got).norm() < off * wanted.norm()
