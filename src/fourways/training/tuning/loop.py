"""The one training loop: seeded order, accumulation, schedule, clipping, validation, early stopping, resumption."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import torch
from torch import Tensor, nn

from fourways.training.clocks import Clock, Clocks
from fourways.training.machine import Machine, measured_peak
from fourways.training.processes import Group
from fourways.training.reports import Reports, Sink
from fourways.training.runs import Hyper
from fourways.training.tuning.checkpoints import Checkpoints, State
from fourways.training.tuning.defaults import Derived
from fourways.training.tuning.masters import Masters
from fourways.training.tuning.schedule import batch_at, rate_at

Item = TypeVar("Item")
Taken_contra = TypeVar("Taken_contra", contravariant=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What is computed on at a time.

    Attributes:
        laid: what the lesson's `loss` takes.
        weight: what its summed loss is divided by, with those of the step's other parts.
        tokens: read in it, without padding.
    """

    laid: Any
    weight: float
    tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """A part's loss, summed, and other figures, summed likewise."""

    total: Tensor
    more: Mapping[str, Tensor] = field(default_factory=dict)


class Lesson(Protocol[Taken_contra]):
    """What a method brings to the loop. It knows nothing of steps, files and processes."""

    def lay(self, items: Sequence[Taken_contra], seed: int) -> Sequence[Part]:
        """Lay rows out for computing; whatever must be known of all of them together is computed here."""
        ...

    def loss(self, part: Part) -> Loss:
        """Compute a part's loss."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Course(Generic[Item]):
    """What is learned from, what is watched, and by which numbers.

    Attributes:
        stage: its name in the reports.
        flops_a_token: for the share of the machine's peak.
        first: what the first line of the report says besides.
    """

    stage: str
    train: Sequence[Item]
    valid: Sequence[Item]
    general: Sequence[Any]
    numbers: Derived
    hyper: Hyper
    seed: int
    flops_a_token: float
    first: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned:
    """How a course ended."""

    state: State
    stopped: str
    after: float | None
    peak: float


class Loop(Generic[Item]):
    """Teaches a model a lesson, from the newest checkpoint of its folder on."""

    def __init__(
        self,
        model: nn.Module,
        lesson: Lesson[Item],
        course: Course[Item],
        *,
        masters: Masters,
        folder: Path,
        machine: Machine,
        group: Group,
        general: Lesson[Any] | None = None,
        sinks: Sequence[Sink] = (),
        began: Clock | None = None,
        sample: Callable[[], Mapping[str, str]] | None = None,
    ) -> None:
        """Take all that it works with: `masters` are the model's trained weights, `general` is how general cases are
        scored, time counts from `began`, and `sample` shows what the model says.
        """
        self._model, self._lesson, self._course = model, lesson, course
        self._group, self._masters, self._general = group, masters, general
        self._weights = list(self._masters.weights.values())
        self._optimizer = torch.optim.AdamW(
            _decayed(self._weights, course.hyper.weight_decay), lr=course.numbers.learning_rate, fused=True
        )
        self._checkpoints = Checkpoints(folder=folder / "checkpoints")
        newest = int(group.sum([self._checkpoints.newest() if group.writes else 0])[0])
        self.state = self._checkpoints.read(self._masters, self._optimizer, step=newest)
        self._reports = Reports(folder / "steps.jsonl", done=newest, sinks=sinks, writes=group.writes)
        self._peak = measured_peak(machine)
        self._sample = sample if group.writes else None
        self._clocks = Clocks(self.state, began or Clock.now())

    def run(self) -> Learned:
        """Train to the end, or until validation says that it only gets worse; the best weights stay in the model."""
        course, state, numbers = self._course, self.state, self._course.numbers
        if self._reports.empty:
            self._begin()
        stopped = "early" if self._over() else "end"
        while state.step < numbers.steps and stopped == "end":
            line = self._step()
            looked = state.step % numbers.validate_every == 0 or state.step == numbers.steps
            if looked and course.valid:
                line |= self._look()
                stopped = "early" if self._over() else "end"
                if self._sample and (stopped == "early" or state.step == numbers.steps):
                    line["sample"] = self._sample()
            last = state.step == numbers.steps or stopped == "early"
            if state.step % numbers.report_every == 0 or looked or last or state.step == 1:
                self._reports.write(line)
            if state.step % numbers.checkpoint_every == 0 or last or self._clocks.due():
                self._keep()
        if course.valid and state.best_step < state.step:
            self._group.wait()
            self._checkpoints.read_best(self._masters)
        after = self._mean(self._general, course.general)
        self._clocks.into(state)
        return Learned(state=state, stopped=stopped, after=after, peak=self._peak)

    def _begin(self) -> None:
        """Say what will be done, and what is known before it is."""
        state, course = self.state, self._course
        state.valid_first = state.valid_best = self._mean(self._lesson, course.valid)
        state.before = self._mean(self._general, course.general)
        watched = {"valid_loss": state.valid_first, "general": state.before}
        self._reports.write(
            {
                "step": 0,
                "of": course.numbers.steps,
                "stage": course.stage,
                "tokens": 0,
                "at": Clock.date(),
                **{name: value for name, value in watched.items() if value is not None},
                "derived": course.numbers.plain(),
                "peak_flops": self._peak,
                **({"sample": self._sample()} if self._sample else {}),
                **course.first,
            }
        )
        if course.valid and self._group.writes:
            self._checkpoints.write_best(self._masters)

    def _step(self) -> dict[str, Any]:
        """Do one step and return its report."""
        state, course = self.state, self._course
        seed = course.seed * 1_000_003 + state.step
        torch.manual_seed(seed * self._group.size + self._group.rank)
        self._model.train()
        rows = [course.train[at] for at in batch_at(len(course.train), course.numbers.batch, course.seed, state.step)]
        parts = self._lesson.lay(self._group.share(rows), seed)
        weight = self._group.sum([sum(part.weight for part in parts)])[0] or 1.0
        sums: dict[str, float] = {}
        for part in parts:
            loss = self._lesson.loss(part)
            (loss.total / weight).backward()  # type: ignore[no-untyped-call]
            self._masters.collect()
            for name, value in {"loss": loss.total, **loss.more}.items():
                sums[name] = sums.get(name, 0.0) + value.item()
        self._group.sum_gradients(self._weights)
        norm = nn.utils.clip_grad_norm_(self._weights, course.hyper.clip, foreach=True)
        rate = rate_at(state.step, course.numbers, course.hyper.schedule)
        for each in self._optimizer.param_groups:
            each["lr"] = rate
        self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)
        self._masters.spread()
        names = sorted(sums) if self._group.size == 1 else self._agreed(sums)
        tokens, *totals = self._group.sum(
            [sum(part.tokens for part in parts), *(sums.get(name, 0.0) for name in names)]
        )
        figures = {name: total / weight for name, total in zip(names, totals, strict=True)}
        state.step, state.tokens, state.last = state.step + 1, state.tokens + int(tokens), figures["loss"]
        state.first = figures["loss"] if state.first is None else state.first
        speed = self._clocks.speed(tokens)
        return {
            "step": state.step,
            "of": course.numbers.steps,
            "stage": course.stage,
            **figures,
            "lr": rate,
            "gradient": float(norm),
            "tokens": state.tokens,
            "tokens_per_second": round(speed, 1),
            "of_peak": round(speed * course.flops_a_token / (self._peak * self._group.size), 4),
            "at": Clock.date(),
        }

    def _agreed(self, sums: Mapping[str, float]) -> list[str]:
        """Return the names of the figures, in the order that all processes have them, one without a share too."""
        gathered: list[list[str]] = [[] for _ in range(self._group.size)]
        torch.distributed.all_gather_object(gathered, sorted(sums))
        return sorted({name for names in gathered for name in names})

    def _look(self) -> dict[str, float]:
        """Validate, and keep the weights where they are the best so far."""
        state = self.state
        loss = self._mean(self._lesson, self._course.valid)
        if loss is None:
            return {}
        if state.valid_best is None or loss < state.valid_best:
            state.valid_best, state.best_step, state.since = loss, state.step, 0
            if self._group.writes:
                self._checkpoints.write_best(self._masters)
        else:
            state.since += 1
        return {"valid_loss": loss}

    def _over(self) -> bool:
        """Say whether validation has been no better for as long as patience lasts."""
        return 0 < self._course.hyper.patience <= self.state.since

    def _keep(self) -> None:
        self._clocks.into(self.state)
        if self._group.writes:
            self._checkpoints.write(self.state, self._masters, self._optimizer)
        self._clocks.kept()

    @torch.no_grad()
    def _mean(self, lesson: Lesson[Any] | None, items: Sequence[Any]) -> float | None:
        """Return the mean loss over rows that are not learned from; None where there are none."""
        if lesson is None or not items:
            return None
        self._model.eval()
        parts = lesson.lay(self._group.share(items), self._course.seed)
        loss, weight = self._group.sum(
            [sum(lesson.loss(part).total.item() for part in parts), sum(part.weight for part in parts)]
        )
        self._clocks.restart()
        return loss / weight if weight else None


def _decayed(weights: Sequence[Tensor], decay: float) -> list[dict[str, Any]]:
    """Let matrices decay, and norms and biases not."""
    matrices = [weight for weight in weights if weight.ndim > 1]
    others = [weight for weight in weights if weight.ndim <= 1]
    groups = [{"params": matrices, "weight_decay": decay}, {"params": others, "weight_decay": 0.0}]
    return [group for group in groups if group["params"]]
