"""Checkpoints of a run: written whole or not at all, in safetensors, and read back from the newest that is sound."""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, optim

from fourways.training.tuning.masters import Masters

KEPT = 2
"""Checkpoints that are kept: the newest, and the one before it."""
_NAME = "step-{:08d}"
_WEIGHTS, _OPTIMIZER, _STATE = "weights.safetensors", "optimizer.safetensors", "state.json"


class State(msgspec.Struct, kw_only=True):
    """How far a run has come.

    Attributes:
        step: steps done.
        tokens: read so far, each pass over a row counted.
        seconds, cpu_seconds: spent, over all starts of the run.
        first, last: loss of the first and the last step.
        valid_first, valid_best: validation loss at the start, and the lowest.
        best_step: where that was.
        since: validations since then.
        before: loss on the general cases at the start.
    """

    step: int = 0
    tokens: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    first: float | None = None
    last: float | None = None
    valid_first: float | None = None
    valid_best: float | None = None
    best_step: int = 0
    since: int = 0
    before: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoints:
    """Those of a run, in its folder's `checkpoints/`."""

    folder: Path

    def write(self, state: State, masters: Masters, optimizer: optim.Optimizer) -> None:
        """Write one, and drop the oldest."""
        part = self._begin("unfinished")
        save_file(masters.plain(), part / _WEIGHTS)
        save_file(_flat(optimizer), part / _OPTIMIZER)
        (part / _STATE).write_bytes(msgspec.json.encode(state))
        self._end(part, _NAME.format(state.step))
        for old in self._steps()[:-KEPT]:
            shutil.rmtree(self.folder / _NAME.format(old))

    def read(self, masters: Masters, optimizer: optim.Optimizer, *, step: int) -> State:
        """Put a checkpoint's weights into the masters and the optimizer; 0 is the beginning."""
        if step == 0:
            return State()
        folder = self.folder / _NAME.format(step)
        masters.put(load_file(folder / _WEIGHTS))
        _restore(optimizer, load_file(folder / _OPTIMIZER))
        return msgspec.json.decode((folder / _STATE).read_bytes(), type=State)

    def newest(self) -> int:
        """Return the step of the newest checkpoint that is sound; 0 where there is none."""
        return next((step for step in reversed(self._steps()) if _sound(self.folder / _NAME.format(step))), 0)

    def write_best(self, masters: Masters) -> None:
        """Keep the weights whose validation loss is the lowest so far."""
        part = self._begin("unfinished-best")
        save_file(masters.plain(), part / _WEIGHTS)
        self._end(part, "best")

    def read_best(self, masters: Masters) -> None:
        """Put those weights into the model."""
        masters.put(load_file(self.folder / "best" / _WEIGHTS))

    def _steps(self) -> list[int]:
        return sorted(int(each.name.removeprefix("step-")) for each in self.folder.glob("step-????????"))

    def _begin(self, name: str) -> Path:
        part = self.folder / name
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        return part

    def _end(self, part: Path, name: str) -> None:
        """Rename a folder to its name once all in it is on the disk."""
        for file in part.iterdir():
            _sync(file)
        _sync(part)
        whole = part.with_name(name)
        shutil.rmtree(whole, ignore_errors=True)
        part.replace(whole)
        _sync(self.folder)


def _flat(optimizer: optim.Optimizer) -> dict[str, Tensor]:
    states = optimizer.state_dict()["state"]
    return {f"{number}.{name}": value.contiguous() for number, each in states.items() for name, value in each.items()}


def _restore(optimizer: optim.Optimizer, flat: Mapping[str, Tensor]) -> None:
    whole = optimizer.state_dict()
    states: dict[int, dict[str, Tensor]] = {}
    for key, value in flat.items():
        number, _, name = key.partition(".")
        states.setdefault(int(number), {})[name] = value
    optimizer.load_state_dict({**whole, "state": states})


def _sound(folder: Path) -> bool:
    try:
        msgspec.json.decode((folder / _STATE).read_bytes(), type=State)
        for name in (_WEIGHTS, _OPTIMIZER):
            load_file(folder / name)
    except (OSError, msgspec.DecodeError, SafetensorError):
        return False
    return True


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
