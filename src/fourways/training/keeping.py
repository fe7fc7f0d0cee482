"""Checkpoints of a training from scratch: weights and optimizers as safetensors, whole or not at all."""

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

KEPT = 2
"""Checkpoints that stay."""
Optimizers = Sequence[torch.optim.Optimizer]


def keep(folder: Path, step: int, model: nn.Module, learning: Optimizers, state: Mapping[str, Any]) -> None:
    """Write `step-…` in a folder beside the others, and drop all but the newest two.

    Args:
        folder: of the checkpoints.
        step: how many are done.
        model: its weights, in float32.
        learning: what moves them.
        state: whatever else is to be known when it is gone on with; plain JSON.
    """
    part = folder / f"step-{step:08d}.part"
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    write_weights(part / "model.safetensors", model.state_dict())
    moments = {
        f"{number}.{place}.{name}": value if isinstance(value, Tensor) else torch.tensor(float(value))
        for number, one in enumerate(learning)
        for place, values in one.state_dict()["state"].items()
        for name, value in values.items()
    }
    write_weights(part / "learning.safetensors", moments)
    (part / "state.json").write_text(json.dumps({"step": step, **state}) + "\n")
    whole = folder / f"step-{step:08d}"
    shutil.rmtree(whole, ignore_errors=True)
    part.replace(whole)
    for old in checkpoints(folder)[:-KEPT]:
        shutil.rmtree(old)


def checkpoints(folder: Path) -> list[Path]:
    """Return a folder's whole checkpoints, the newest last."""
    return sorted(path for path in folder.glob("step-*") if path.suffix != ".part" and (path / "state.json").exists())


def restore(folder: Path, stage: str, model: nn.Module, learning: Optimizers) -> dict[str, Any] | None:
    """Read the newest checkpoint into a model and what moves it; returns its state, or None where there is none."""
    found = checkpoints(folder)
    if not found:
        return None
    state: dict[str, Any] = json.loads((found[-1] / "state.json").read_text())
    if state["stage"] != stage:
        return None
    model.load_state_dict(read_weights(found[-1] / "model.safetensors"))
    moments: dict[int, dict[int, dict[str, Tensor]]] = {}
    for key, value in read_weights(found[-1] / "learning.safetensors").items():
        which, place, name = key.split(".", 2)
        moments.setdefault(int(which), {}).setdefault(int(place), {})[name] = value
    for number, one in enumerate(learning):
        plain = one.state_dict()
        one.load_state_dict({**plain, "state": moments.get(number, {})})
    return state


def write_weights(path: Path, weights: Mapping[str, Tensor]) -> None:
    """Write tensors as safetensors."""
    from safetensors.torch import save_file

    save_file({name: value.detach().cpu().contiguous() for name, value in weights.items()}, path)


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read them."""
    from safetensors.torch import load_file

    return dict(load_file(path))
