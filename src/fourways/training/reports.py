"""What a training says of itself as it goes: lines of `steps.jsonl`, and whatever else `report_to` names."""

import importlib.util
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec

from fourways.core.errors import InvalidRequest, NotFound

Sink = Callable[[int, Mapping[str, float]], None]
"""Is told a step and its figures."""


class Reports:
    """Appends to `steps.jsonl`; lines of steps that no checkpoint holds are dropped, as those steps are done again."""

    def __init__(self, path: Path, *, done: int, sinks: Iterable[Sink] = (), writes: bool = True) -> None:
        """Take the file, the steps done, who else is told, and whether this process writes at all."""
        self._path, self._sinks, self._writes = path, tuple(sinks), writes
        if writes:
            _cut(path, done)

    @property
    def empty(self) -> bool:
        """Whether nothing was said yet."""
        return not self._path.exists() or not self._path.stat().st_size

    def write(self, line: Mapping[str, Any]) -> None:
        """Append a line."""
        if not self._writes:
            return
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
        figures = {name: float(value) for name, value in line.items() if isinstance(value, int | float)}
        for sink in self._sinks:
            sink(int(line["step"]), figures)


def _cut(path: Path, done: int) -> None:
    if not path.exists():
        return
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True) if done else []
    kept = [line for line in lines if line.endswith("\n") and json.loads(line)["step"] <= done]
    part = path.with_suffix(".unfinished")
    part.write_text("".join(kept), encoding="utf-8")
    part.replace(path)


def _tensorboard(folder: Path, _: Mapping[str, Any]) -> Sink:
    from torch.utils.tensorboard import SummaryWriter

    writer = SummaryWriter(str(folder / "tensorboard"), flush_secs=5)

    def tell(step: int, figures: Mapping[str, float]) -> None:
        for name, value in figures.items():
            writer.add_scalar(name, value, step)
        writer.flush()

    return tell


def _mlflow(folder: Path, run: Mapping[str, Any]) -> Sink:
    import mlflow

    mlflow.start_run(run_name=folder.name)
    mlflow.log_params({name: value for name, value in run.items() if isinstance(value, str | int | float)})
    return lambda step, figures: mlflow.log_metrics(dict(figures), step=step)


def _wandb(folder: Path, run: Mapping[str, Any]) -> Sink:
    import wandb

    started = wandb.init(name=folder.name, dir=str(folder), config=dict(run), resume="allow", id=folder.name)
    return lambda step, figures: started.log(dict(figures), step=step)


def _comet(folder: Path, run: Mapping[str, Any]) -> Sink:
    import comet_ml

    experiment = comet_ml.start(experiment_key=None)
    experiment.set_name(folder.name)
    experiment.log_parameters(dict(run))
    return lambda step, figures: experiment.log_metrics(dict(figures), step=step)


SINKS: Mapping[str, tuple[str, Callable[[Path, Mapping[str, Any]], Sink]]] = MappingProxyType(
    {
        "tensorboard": ("tensorboard", _tensorboard),
        "mlflow": ("mlflow", _mlflow),
        "wandb": ("wandb", _wandb),
        "comet": ("comet_ml", _comet),
    }
)
"""Where curves can go, by name: the package that is needed, and what opens it for a run's folder."""


def open_sinks(names: Iterable[str], folder: Path, run: msgspec.Struct) -> list[Sink]:
    """Open those that `report_to` names.

    Raises:
        NotFound: there is none of that name.
        InvalidRequest: its package is not installed.
    """
    opened = []
    for name in names:
        if name not in SINKS:
            raise NotFound.named("place to report to", name, SINKS)
        package, opener = SINKS[name]
        if importlib.util.find_spec(package) is None:
            raise InvalidRequest(
                f"report_to names {name}, whose package is not installed: pip install {package}, or leave it out"
            )
        opened.append(opener(folder, msgspec.to_builtins(run)))
    return opened
