"""Rounds a model's matrices to eight or four bits, writes them in a form of HF's folder, and reads them back."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from fourways.core.errors import InvalidRequest
from fourways.models.folders import reads

GROUP = 64
"""Weights of a row that share a scale, at four bits."""
BITS: Mapping[str, int] = MappingProxyType({"int8": 8, "int4": 4})
_CLIPPED = 16
"""Scales that are tried for a group, from all of its largest weight down to half of it."""


def quantize_rows(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Round a matrix to eight bits, each row by its largest weight.

    Returns:
        Whole numbers from -127 to 127, (out, in) int8, and scales, (out,) float32.
    """
    scale = weight.float().abs().amax(1).clamp_min(1e-12) / 127
    return (weight.float() / scale[:, None]).round().to(torch.int8), scale


def quantize_groups(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Round a matrix to four bits, in groups of 64 along the input.

    Of a few scales, some of which clip a group's largest weights, the one with the least squared error is taken.

    Returns:
        Two numbers a byte, (out, in / 2) uint8: each from -8 to 7 and 8 added, the first in the low half; and scales,
        (out, in / 64) float32.
    """
    rows, columns = weight.shape
    groups = weight.float().view(rows, columns // GROUP, GROUP)
    largest = groups.abs().amax(2, keepdim=True).clamp_min(1e-12)
    best = torch.full_like(largest, float("inf"))
    scale = largest / 7
    for part in range(_CLIPPED):
        tried = largest * (1 - 0.5 * part / _CLIPPED) / 7
        error = ((groups / tried).round().clamp(-8, 7) * tried - groups).square().sum(2, keepdim=True)
        scale, best = torch.where(error < best, tried, scale), torch.minimum(error, best)
    numbers = ((groups / scale).round().clamp(-8, 7) + 8).to(torch.uint8).view(rows, columns // 2, 2)
    return numbers[..., 0] | (numbers[..., 1] << 4), scale.squeeze(2)


def restore(numbers: Tensor, scale: Tensor) -> Tensor:
    """Return the matrix that rounded numbers stand for, (out, in) float32."""
    if numbers.dtype == torch.int8:
        return numbers.float() * scale[:, None]
    halves = torch.stack([numbers & 15, numbers >> 4], 2).view(numbers.shape[0], -1, GROUP)
    return ((halves.float() - 8) * scale[..., None]).flatten(1)


def restored(read: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return a file's weights with those that are rounded restored, under their own names."""
    weights = {name: value for name, value in read.items() if not name.endswith((".weight.q", ".weight.scale"))}
    for name, numbers in read.items():
        if name.endswith(".weight.q"):
            weights[name.removesuffix(".q")] = restore(numbers, read[name.removesuffix("q") + "scale"])
    return weights


def quantize_folder(folder: Path, precision: str) -> dict[str, Any]:
    """Round the linear layers of a saved model, in place; embeddings and the head onto the vocabulary stay.

    At four bits a matrix whose input is no multiple of 64 stays, too. Of a reader the encoder's matrices are rounded.

    Returns:
        `bits`, and `bytes` of the weights before and after.
    """
    from fourways.training.tuning.readers import rounded_names

    bits = BITS[precision]
    config = json.loads((folder / "config.json").read_bytes())
    before = sum(file.stat().st_size for file in folder.glob("*.safetensors"))
    if reads(config):
        weights = load_file(folder / "model.safetensors")
        rounded = rounded_names(weights)
    else:
        weights, rounded = _of_decoder(folder, bits)
    kept: dict[str, Tensor] = {}
    for name, weight in weights.items():
        if name in rounded:
            numbers, scale = quantize_rows(weight) if bits == 8 else quantize_groups(weight)  # noqa: PLR2004
            kept[f"{name}.q"], kept[f"{name}.scale"] = numbers.contiguous(), scale.contiguous()
        else:
            kept[name] = weight.to(torch.bfloat16).contiguous()
    for file in (*folder.glob("*.safetensors"), *folder.glob("*.safetensors.index.json")):
        file.unlink()
    save_file(kept, folder / "model.safetensors", metadata={"format": "pt"})
    config["quantization_config"] = {
        "quant_method": "fourways",
        "bits": bits,
        "group_size": 0 if bits == 8 else GROUP,  # noqa: PLR2004
    }
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    return {"bits": bits, "bytes": {"before": before, "after": (folder / "model.safetensors").stat().st_size}}


def _of_decoder(folder: Path, bits: int) -> tuple[dict[str, Tensor], set[str]]:
    """Return a causal model's weights, those that are tied left out, and the names of those to be rounded."""
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(folder, use_safetensors=True, dtype="auto")
    shared = set(getattr(model, "all_tied_weights_keys", None) or ())
    weights = {name: weight for name, weight in model.state_dict().items() if name not in shared}
    return weights, set(_rounded(model, bits)) & set(weights)


def _rounded(model: Any, bits: int) -> Iterator[str]:  # noqa: ANN401
    head = model.get_output_embeddings()
    for name, module in model.named_modules():
        fits = isinstance(module, nn.Linear) and (bits == 8 or module.in_features % GROUP == 0)  # noqa: PLR2004
        if fits and module is not head:
            yield f"{name}.weight"


def load_quantized(folder: Path, dtype: torch.dtype) -> Any:  # noqa: ANN401 - any causal model's class
    """Load a model in fourways' form, its matrices restored to the given format.

    Raises:
        InvalidRequest: the folder is not in that form, or weights are missing.
    """
    from transformers import AutoConfig, AutoModelForCausalLM

    plain = json.loads((folder / "config.json").read_bytes())
    if (plain.pop("quantization_config", None) or {}).get("quant_method") != "fourways":
        raise InvalidRequest(f"{folder} is not quantized by fourways; right would be quant_method 'fourways'")
    config = AutoConfig.for_model(**plain)
    config.architectures = plain.get("architectures")
    model = AutoModelForCausalLM.from_config(  # type: ignore[no-untyped-call]
        config, dtype=dtype, attn_implementation="sdpa"
    )
    weights = restored(load_file(folder / "model.safetensors"))
    missing = set(model.load_state_dict(weights, strict=False).missing_keys) - set(model.all_tied_weights_keys or ())
    if missing:
        raise InvalidRequest(f"{folder} lacks weights: {', '.join(sorted(missing)[:3])}")
    model.tie_weights()
    return model.eval()
