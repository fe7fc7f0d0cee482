"""Low-rank adapters (Hu et al. 2021) around a base, by peft: begun, gone on from, saved, and merged into the base."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from fourways.core.errors import InvalidRequest
from fourways.training.runs import Adapter


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How many weights a model has, how many are trained, and how many frozen ones are only looked up (a reader's
    words).
    """

    parameters: int
    trainable: int
    looked_up: int = 0


def per_rank(model: nn.Module, targets: tuple[str, ...]) -> int:
    """Return how many weights an adapter of rank 1 has: the inputs and outputs of all matrices that get one."""
    return sum(each.in_features + each.out_features for each in _linear(model, targets).values())


def _linear(model: nn.Module, targets: tuple[str, ...]) -> Mapping[str, nn.Linear]:
    """Return the matrices that get an adapter; the one onto the vocabulary does not unless it is named."""
    head = model.get_output_embeddings()  # type: ignore[operator]
    return {
        name: each
        for name, each in model.named_modules()
        if isinstance(each, nn.Linear) and (name.rpartition(".")[2] in targets if targets else each is not head)
    }


def adapt(model: Any, adapter: Adapter, *, rank: int) -> Any:  # noqa: ANN401 - peft wraps any model
    """Put new adapters around a model; its own weights are frozen.

    Raises:
        InvalidRequest: no matrix has one of the names.
    """
    from peft import LoraConfig, get_peft_model

    named = _linear(model, adapter.targets)
    if not named:
        known = sorted({name.rpartition(".")[2] for name in _linear(model, ())})
        raise InvalidRequest(f"no matrix is named {', '.join(adapter.targets)}; there is: {', '.join(known)}")
    config = LoraConfig(
        r=rank,
        lora_alpha=adapter.alpha,  # type: ignore[arg-type]
        lora_dropout=adapter.dropout,
        target_modules=sorted({name.rpartition(".")[2] for name in named}),
        task_type="CAUSAL_LM",
    )
    return get_peft_model(model, config)


def resume_adapter(model: Any, folder: Path) -> Any:  # noqa: ANN401
    """Put an adapter that was trained before around a model, to train it further."""
    check_adapter(folder)
    from peft import PeftModel

    return PeftModel.from_pretrained(model, folder, is_trainable=True)


def check_adapter(folder: Path) -> None:
    """Look whether a folder holds an adapter in safetensors.

    Raises:
        InvalidRequest: it does not.
    """
    if not (folder / "adapter_config.json").is_file():
        raise InvalidRequest(f"there is no adapter in {folder}: it has no adapter_config.json")
    if not (folder / "adapter_model.safetensors").is_file():
        raise InvalidRequest(
            f"the adapter {folder} is not in safetensors; a pickle can run code when it is loaded, right would be "
            "adapter_model.safetensors"
        )


def merge(model: Any) -> Any:  # noqa: ANN401
    """Add the adapters to the base's weights and return the base: in float32, so that it answers as both did."""
    return model.float().merge_and_unload(safe_merge=True)


def merged(base: Any, folder: Path) -> Any:  # noqa: ANN401
    """Return a base with a saved adapter added to its weights."""
    check_adapter(folder)
    from peft import PeftModel

    return merge(PeftModel.from_pretrained(base, folder))


def sizes_of(model: nn.Module) -> Sizes:
    """Count weights; those packed into four bits count as what they stand for."""
    counts = [(_numel(weight), weight.requires_grad) for weight in model.parameters()]
    return Sizes(
        parameters=sum(count for count, _ in counts), trainable=sum(count for count, trained in counts if trained)
    )


def _numel(weight: torch.Tensor) -> int:
    """Return the number of weights; bitsandbytes packs two of four bits into a byte."""
    return weight.numel() * (2 if weight.dtype == torch.uint8 else 1)


def name_base(folder: Path, name: str) -> None:
    """Write the base's name into a saved adapter: peft puts the path that it was loaded from."""
    path = folder / "adapter_config.json"
    config = json.loads(path.read_bytes())
    config["base_model_name_or_path"] = name
    path.write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
