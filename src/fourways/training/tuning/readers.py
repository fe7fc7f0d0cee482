"""A reader's folder: BERT with two heads that say where an answer begins and ends; opened, and written."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from fourways.core.errors import InvalidRequest
from fourways.models.folders import PACKAGED, READER, verify
from fourways.training.tuning.quantize import restored

WORDS = "bert.embeddings.word_embeddings.weight"
"""The embeddings of words: most of a small reader's weights, and never trained."""
_ENCODER = "bert.encoder."
_NOT_BERTS = ("architectures", "quantization_config", "fourways", "dtype", "torch_dtype", "transformers_version")


def load_reader(folder: Path) -> Any:  # noqa: ANN401 - transformers' class
    """Load a reader in float32, without dropout, its words' embeddings frozen.

    Raises:
        InvalidRequest: weights are missing, of another shape, or its words are in no package known here.
    """
    plain = json.loads((folder / "config.json").read_bytes())
    model = make_reader(plain)
    read: dict[str, Tensor] = {}
    for file in folder.glob("*.safetensors"):
        read |= load_file(file)
    weights = restored(read)
    words = (plain.get("fourways") or {}).get("words")
    if words:
        weights[WORDS] = packaged(words)[WORDS]
    try:
        missing = model.load_state_dict(weights, strict=False).missing_keys
    except RuntimeError as error:
        raise InvalidRequest(f"the weights in {folder} are not those of its config.json: {error}") from error
    if missing:
        raise InvalidRequest(f"{folder} lacks weights: {', '.join(sorted(missing)[:3])}")
    return model


def make_reader(config: Mapping[str, Any]) -> Any:  # noqa: ANN401 - transformers' class
    """Make a reader of a `config.json`: weights drawn by torch's chance, no dropout, words' embeddings frozen."""
    from transformers import BertConfig, BertForQuestionAnswering

    shape = {name: value for name, value in config.items() if name not in _NOT_BERTS}
    made = BertConfig(**{**shape, "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0})
    made._attn_implementation = "sdpa"  # noqa: SLF001 - a configuration has no other name for it
    model = BertForQuestionAnswering(made)
    model.get_parameter(WORDS).requires_grad = False
    return model


def packaged(name: str) -> dict[str, Tensor]:
    """Return the weights of a packaged encoder, under a reader's names; raises InvalidRequest."""
    if name not in PACKAGED:
        raise InvalidRequest(f"the reader's words are those of '{name}'; right would be: {', '.join(sorted(PACKAGED))}")
    weights = PACKAGED[name].place() / "model.safetensors"
    verify(weights, PACKAGED[name].sha256)
    read = load_file(weights)
    return {f"bert.{weight}": value for weight, value in read.items()}


def save_reader(model: Any, config: Mapping[str, Any], folder: Path, dtype: torch.dtype) -> None:  # noqa: ANN401
    """Write a reader's weights and configuration.

    Args:
        model: as `load_reader` gives it.
        config: that it was opened by; words that a package has are not written again.
        folder: made where absent.
        dtype: what its weights are written in.
    """
    folder.mkdir(parents=True, exist_ok=True)
    shared = {WORDS} if (config.get("fourways") or {}).get("words") else set()
    weights = {
        name: weight.detach().to("cpu", dtype).contiguous()
        for name, weight in model.state_dict().items()
        if name not in shared
    }
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    kept = {name: value for name, value in config.items() if name not in {"quantization_config", "torch_dtype"}}
    kept |= {"architectures": [READER], "dtype": str(dtype).removeprefix("torch.")}
    (folder / "config.json").write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")


def rounded_names(weights: Mapping[str, Tensor]) -> set[str]:
    """Return the names of the weights that are rounded: the encoder's matrices; embeddings and heads stay."""
    return {name for name, weight in weights.items() if name.startswith(_ENCODER) and weight.ndim > 1}
