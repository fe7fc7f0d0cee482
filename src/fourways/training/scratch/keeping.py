"""Checkpoints of a training from scratch: weights and optimizers as safetensors, whole or not at all."""

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from fourways.training.scratch.scorer import like, whole

KEPT = 2
"""Checkpoints that stay."""
Optimizers = Sequence[torch.optim.Optimizer]


def keep(
    folder: Path, step: int, model: nn.Module, learning: Optimizers, state: Mapping[str, Any], *, writes: bool = True
) -> None:
    """Write `step-…` in a folder beside the others, and drop all but the newest two.

    Args:
        folder: of the checkpoints.
        step: how many are done.
        model: its weights, in float32.
        learning: what moves them.
        state: whatever else is to be known when it is gone on with; plain JSON.
        writes: whether this process does; the others lend their parts.
    """
    weights = {name: whole(value) for name, value in model.state_dict().items()}
    moments = {
        f"{number}.{place}.{name}": whole(value) if isinstance(value, Tensor) else torch.tensor(float(value))
        for number, one in enumerate(learning)
        for place, values in one.state_dict()["state"].items()
        for name, value in values.items()
    }
    if not writes:
        return
    part = folder / f"step-{step:08d}.part"
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    write_weights(part / "model.safetensors", weights)
    write_weights(part / "learning.safetensors", moments)
    (part / "state.json").write_text(json.dumps({"step": step, **state}) + "\n")
    ended = folder / f"step-{step:08d}"
    shutil.rmtree(ended, ignore_errors=True)
    part.replace(ended)
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
    mine = model.state_dict()
    kept = read_weights(found[-1] / "model.safetensors")
    model.load_state_dict({name: like(value, mine[name]) for name, value in kept.items()})
    moments: dict[int, dict[int, dict[str, Tensor]]] = {}
    for key, value in read_weights(found[-1] / "learning.safetensors").items():
        which, place, name = key.split(".", 2)
        moments.setdefault(int(which), {}).setdefault(int(place), {})[name] = value
    for number, one in enumerate(learning):
        weights = [weight for group in one.param_groups for weight in group["params"]]
        for which_weight, values in moments.get(number, {}).items():
            values.update({name: like(value, weights[which_weight]) for name, value in values.items() if value.ndim})
        one.load_state_dict({**one.state_dict(), "state": moments.get(number, {})})
    return state


def write_weights(path: Path, weights: Mapping[str, Tensor]) -> None:
    """Write tensors as safetensors."""
    from safetensors.torch import save_file

    save_file({name: value.detach().cpu().contiguous() for name, value in weights.items()}, path)


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read them."""
    from safetensors.torch import load_file

    return dict(load_file(path))
