"""Looks for hyperparameters that are good and cheap: `python -m fourways.training.search FOLDER`, by Optuna."""

import importlib
import json
import math
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import msgspec

from fourways.core.errors import FourwaysError, InvalidRequest, MissingPackage
from fourways.training.__main__ import METHODS
from fourways.training.runs import Run, read_run, write_run
from fourways.training.tuning.bases import open_base, weights_in
from fourways.training.tuning.defaults import batch_for, rate_for

FOUND = "search.json"
RATE_FACTOR = 8.0
"""Rates are tried from the default's eighth to eight times it, evenly in their logarithms."""
BATCH_POWERS = 2
"""Batches are tried from the default's quarter to four times it, in powers of two."""
RANK_POWERS = (2, 6)
"""Ranks are tried from 4 to 64, in powers of two."""
PRUNE_FROM, PRUNE_AFTER = 1 / 3, 3
"""The share of a trial from which on it may be given up, and how many others must have ended before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """How a trial stood at a validation: the share of its steps done, its lowest loss so far, CPU seconds so far."""

    share: float
    loss: float
    seconds: float


class GivenUp(FourwaysError):
    """A trial is worse than half of those before it, and no cheaper."""


def main(arguments: list[str]) -> int:
    """Search in a folder, or go on with it; return the exit code, the last line on stderr says why."""
    try:
        if len(arguments) != 1:
            raise InvalidRequest("wants one folder with a run.toml: python -m fourways.training.search FOLDER")
        search(Path(arguments[0]))
    except FourwaysError as error:
        print("fourways.training.search:", " ".join(error.message.split()), file=sys.stderr)  # noqa: T201
        return 2 if isinstance(error, InvalidRequest | MissingPackage) else 1
    return 0


def search(folder: Path) -> dict[str, Any]:
    """Try settings until as many trials as `[search]` says have ended, and write `search.json`.

    A folder whose search has ended, and that is asked for more trials, goes on with those.

    Two things are made small, validation loss and CPU seconds, so the answer is a front and no single point: of each
    trial on it, no other is both better and cheaper. What is known lies in `trials.log`: a search that was killed goes
    on, and the trial that it was at from its newest checkpoint.

    Raises:
        InvalidRequest: there are no validation rows to judge by, or base or rows are refused.
        MissingPackage: Optuna is not installed.
    """
    run = read_run(folder)
    if run.data is None or not run.data.valid:
        raise InvalidRequest("a search judges by validation rows; right would be valid = a file in run.toml's [data]")
    study = _open(folder, run)
    middle = _middle(run, folder)
    while len(_ended(study)) < run.search.trials:
        trial = study.ask()
        place = folder / "trials" / f"{trial.number:04d}"
        before = trial.user_attrs.get("goes_on")
        if before is not None and (old := place.with_name(f"{before:04d}")).is_dir():
            old.rename(place)
        tried = suggest(trial, run, middle)
        _prepare(tried, folder, place)
        _try(tried, place, study, trial)
        _write(folder, run, study)
    found = _write(folder, run, study)
    put(folder / "result.json", json.dumps({"method": "search", **found}, indent=2))
    return found


def _open(folder: Path, run: Run) -> Any:  # noqa: ANN401 - Optuna's study
    """Open what is known; a trial that was cut off is asked for once more."""
    try:
        import optuna
        from optuna.storages import JournalStorage
        from optuna.storages.journal import JournalFileBackend
    except ImportError as error:
        raise MissingPackage("optuna", "train") from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        study_name="search",
        storage=JournalStorage(JournalFileBackend(str(folder / "trials.log"))),
        directions=["minimize", "minimize"],
        sampler=optuna.samplers.TPESampler(seed=run.seed, n_startup_trials=max(4, run.search.trials // 3)),
        load_if_exists=True,
    )
    for dead in study.get_trials(states=[optuna.trial.TrialState.RUNNING]):
        study.tell(dead.number, state=optuna.trial.TrialState.FAIL)
        if dead.params:
            study.enqueue_trial(dead.params, user_attrs={"goes_on": dead.number})
    return study


def _middle(run: Run, folder: Path) -> tuple[float, int]:
    """Return the rate and the batch around which is searched: the run's own, or the table's."""
    base = open_base(run.base, folder, licence=run.licence)
    rows = sum(1 for line in (folder / run.data.train).open("rb") if line.strip()) if run.data else 0
    full, reader = run.adapter.kind == "full", base.reads
    rate = run.hyper.learning_rate or rate_for(run.method, weights_in(base.folder), adapters=not full, reader=reader)
    return rate, run.hyper.batch or batch_for(rows, reader=reader)


def suggest(trial: Any, run: Run, middle: tuple[float, int]) -> Run:  # noqa: ANN401 - Optuna's trial
    """Return the run with what a trial suggests."""
    rate, batch = middle
    power = round(math.log2(batch))
    hyper = msgspec.structs.replace(
        run.hyper,
        learning_rate=float(
            f"{trial.suggest_float('learning_rate', rate / RATE_FACTOR, rate * RATE_FACTOR, log=True):.3g}"
        ),
        batch=1 << trial.suggest_int("log2_batch", max(0, power - BATCH_POWERS), power + BATCH_POWERS),
    )
    adapter = run.adapter
    if adapter.kind != "full":
        adapter = msgspec.structs.replace(adapter, r=1 << trial.suggest_int("log2_rank", *RANK_POWERS))
    return msgspec.structs.replace(run, hyper=hyper, adapter=adapter, quantize="none", merge=False)


def _prepare(run: Run, folder: Path, place: Path) -> None:
    """Make a trial's folder: its run, and the rows beside it."""
    write_run(run, place)
    for name in (run.data.train, run.data.valid, run.data.general) if run.data else ():
        if name and not (place / name).exists():
            (place / name).symlink_to((folder / name).resolve())


def _try(run: Run, place: Path, study: Any, trial: Any) -> None:  # noqa: ANN401
    """Train with what was suggested, or until that is not worth it, and tell the study what came of it."""
    import optuna

    others = [[Mark(**mark) for mark in each.user_attrs["marks"]] for each in _ended(study) if each.values]
    marks: list[Mark] = []
    began = time.process_time()

    def watch(step: int, figures: Mapping[str, float]) -> None:
        if "valid_loss" not in figures:
            return
        loss = min([figures["valid_loss"], *(mark.loss for mark in marks)])
        marks.append(Mark(share=step / figures["of"], loss=loss, seconds=time.process_time() - began))
        if hopeless(marks[-1], others):
            raise GivenUp("worse than half of the trials before it, and no cheaper")

    values = None
    try:
        result = importlib.import_module(METHODS[run.method]).train(run, place, (watch,))
        values = [result["loss"]["valid_best"], result["cpu_seconds"]]
        put(place / "result.json", json.dumps(result, indent=2))
    except GivenUp:
        pass
    for left in ("checkpoints", "model"):
        shutil.rmtree(place / left, ignore_errors=True)
    trial.set_user_attr("marks", [{"share": mark.share, "loss": mark.loss, "seconds": mark.seconds} for mark in marks])
    state = optuna.trial.TrialState
    study.tell(trial, values, state=state.COMPLETE if values else state.PRUNED)


def hopeless(mark: Mark, others: Sequence[Sequence[Mark]]) -> bool:
    """Say whether a trial is to be given up.

    The median rule (Golovin et al. 2017, Google Vizier), on both things that are made small: at the same share of the
    steps it has neither a lower loss nor a lower cost than half of the trials that ended.
    """
    if mark.share < PRUNE_FROM or len(others) < PRUNE_AFTER:
        return False
    then = [max((each for each in other if each.share <= mark.share), key=lambda each: each.share, default=None)
            for other in others]  # fmt: skip
    there = [each for each in then if each is not None]
    return (
        len(there) >= PRUNE_AFTER
        and mark.loss > median(each.loss for each in there)
        and mark.seconds > median(each.seconds for each in there)
    )


def _ended(study: Any) -> list[Any]:  # noqa: ANN401
    from optuna.trial import TrialState

    ended: list[Any] = study.get_trials(deepcopy=False, states=[TrialState.COMPLETE, TrialState.PRUNED])
    return ended


def _write(folder: Path, run: Run, study: Any) -> dict[str, Any]:  # noqa: ANN401
    """Write `search.json`: every trial, and the numbers of those on the front, the best first; and a report of each."""
    front = sorted(study.best_trials, key=lambda trial: trial.values)
    found = {
        "objectives": ["valid_loss", "cpu_seconds"],
        "front": [trial.number for trial in front],
        "trials": [_told(trial) for trial in _ended(study)],
    }
    put(folder / FOUND, json.dumps(found, indent=2))
    reports = [
        {"step": number, "of": run.search.trials, "stage": "search", **told}
        for number, told in enumerate(found["trials"], 1)
    ]
    put(folder / "steps.jsonl", "\n".join(map(json.dumps, reports)))
    return found


def put(path: Path, text: str) -> None:
    """Write a file, whole or not at all."""
    part = path.with_name(f"{path.name}.unfinished")
    part.write_text(f"{text}\n", encoding="utf-8")
    part.replace(path)


def _told(trial: Any) -> dict[str, Any]:  # noqa: ANN401
    marks = trial.user_attrs["marks"] or [{"share": 0.0, "loss": None, "seconds": 0.0}]
    return {
        "trial": trial.number,
        "given_up": not trial.values,
        "learning_rate": float(f"{trial.params['learning_rate']:.3g}"),
        "batch": 1 << trial.params["log2_batch"],
        **({"rank": 1 << trial.params["log2_rank"]} if "log2_rank" in trial.params else {}),
        "share": marks[-1]["share"],
        "valid_loss": trial.values[0] if trial.values else marks[-1]["loss"],
        "cpu_seconds": round(trial.values[1] if trial.values else marks[-1]["seconds"], 2),
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
