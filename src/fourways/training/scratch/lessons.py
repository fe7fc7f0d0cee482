"""What a stage's learning is told and tells: its schedule, what it learns from, what it came to, the time it took."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fourways.training.machine import Machine
from fourways.training.processes import Group
from fourways.training.scratch.epochs import Packed, Reader
from fourways.training.scratch.scorer import Scorer


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """How a stage is learned. Steps are counted from 0 within it; reports and checkpoints count on from `before`.

    Attributes:
        name: of the stage, for reports.
        before: steps and `tokens_before` of the stages before it.
        total: steps of all stages.
        rows: of a step, over all processes; `length` tokens each.
        decay: share of the steps, at the end, in which the rates fall to zero.
        report_every, validate_every, checkpoint_every: steps.
    """

    name: str
    before: int
    tokens_before: int
    total: int
    steps: int
    rows: int
    length: int
    seed: int
    optimizer: str
    muon_rate: float
    adam_rate: float
    weight_decay: float
    warmup: float
    decay: float
    compile: bool
    shard: bool
    report_every: int
    validate_every: int
    checkpoint_every: int

    @property
    def batch(self) -> int:
        """Tokens a step."""
        return self.rows * self.length

    def scale(self, step: int) -> float:
        """Say by how much the rates are scaled at a step: up, level, linearly to zero (Hu et al. 2024)."""
        rising = (step + 1) / max(1.0, self.warmup * self.steps)
        falling = (self.steps - step) / max(1.0, self.decay * self.steps)
        return min(1.0, rising, falling)


@dataclass(slots=True, kw_only=True)
class Learned:
    """What a stage came to; written into each checkpoint, so that it is of the whole stage however often it was begun.

    Attributes:
        seconds, cpu_seconds: of stepping and what goes with it.
        first, last: mean loss of the first and the last report.
    """

    done: int = 0
    tokens: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    first: float | None = None
    last: float | None = None
    valid_first: float | None = None
    valid_last: float | None = None
    valid_best: float | None = None
    stopped: str = "end"

    def validated(self, loss: float) -> None:
        """Note a validation."""
        self.valid_first = loss if self.valid_first is None else self.valid_first
        self.valid_best = loss if self.valid_best is None else min(self.valid_best, loss)
        self.valid_last = loss

    def plain(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """What is learned from, and what is told of it.

    Attributes:
        train: rows that are learned.
        valid: rows that are only read; None for none, with how many.
        checkpoints: a folder of this stage's checkpoints.
        report: is told each report.
        sample: writes something with the model, for people to look at.
        group: this process among those that train together; all but one are silent.
        machine: what is computed on, and how precisely.
        micro: tokens that are computed on at a time, at most, by a process.
    """

    train: Reader
    valid: Packed | None
    checkpoints: Path
    report: Callable[[Mapping[str, Any]], None]
    group: Group
    machine: Machine
    micro: int
    sample: Callable[[Scorer], str] | None = None


@dataclass(slots=True)
class Clock:
    """Adds up seconds by the wall and by the processors."""

    wall: float = field(default_factory=time.perf_counter)
    cpu: float = field(default_factory=time.process_time)

    def lap(self, learned: Learned) -> float:
        """Add what has passed since the last lap, and return it, by the wall."""
        wall, cpu = time.perf_counter(), time.process_time()
        passed = wall - self.wall
        learned.seconds += passed
        learned.cpu_seconds += cpu - self.cpu
        self.wall, self.cpu = wall, cpu
        return max(passed, 1e-9)
