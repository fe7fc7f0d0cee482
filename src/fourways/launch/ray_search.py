"""`python -m fourways.launch.ray_search FOLDER …`: tries many runs on a Ray cluster, by Ray Tune, and prunes the worst.

Each folder is one trial: a run whose `run.toml` has the hyperparameters to be tried. What falls behind in the watched
figure is ended early (ASHA: Li et al. 2020, arXiv:1810.05934); its folder keeps its checkpoint.
"""

import argparse
import asyncio
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fourways.core.errors import FourwaysError
from fourways.launch.base import Program
from fourways.launch.local import LocalLauncher
from fourways.launch.outcomes import PROGRAM

LONGEST = 1_000_000
"""Steps of a run, at most: where pruning would end one that is not behind."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Try all folders; write a JSON object a trial, best first, to the file asked for."""
    options = _parser().parse_args(arguments)
    trials = search(options)
    options.out.write_text(json.dumps(trials, indent=2) + "\n", encoding="utf-8")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m fourways.launch.ray_search", description=__doc__)
    add = parser.add_argument
    add("folders", nargs="+", type=Path)
    add("--out", type=Path, required=True, help="the file that the outcome is written to")
    add("--metric", default="valid_loss", help="the figure of the reports that is watched")
    add("--mode", choices=("min", "max"), default="min")
    add("--grace", type=int, default=10, help="steps that every run gets")
    add("--at-a-time", type=int, default=0, help="runs at a time; as many as the cluster has room for where 0")
    add("--gpus", type=float, default=0.0, help="GPUs a run, or a share of one")
    add("--module", default=PROGRAM)
    return parser


def search(options: argparse.Namespace) -> list[dict[str, Any]]:
    """Run the trials; return each one's folder, its last figure, the step that is of, and whether it was pruned."""
    from ray import tune
    from ray.tune.schedulers import ASHAScheduler

    scheduler = ASHAScheduler(time_attr="step", max_t=LONGEST, grace_period=options.grace)
    folders = [str(folder.resolve()) for folder in options.folders]
    tuner = tune.Tuner(
        tune.with_resources(trial, {"cpu": 1, "gpu": options.gpus}),
        param_space={
            "folder": tune.grid_search(folders),
            "module": options.module,
            "metric": options.metric,
        },
        tune_config=tune.TuneConfig(
            metric=options.metric,
            mode=options.mode,
            scheduler=scheduler,
            max_concurrent_trials=options.at_a_time or None,
        ),
        run_config=tune.RunConfig(name=options.out.stem, storage_path=str(options.out.resolve().parent), verbose=0),
    )
    grid = tuner.fit()
    results = [grid[number] for number in range(len(grid))]
    found = [_outcome(result.config or {}, result.metrics or {}, options.metric) for result in results]
    worst = float("inf") if options.mode == "min" else float("-inf")
    return sorted(
        found,
        key=lambda one: worst if one["value"] is None else one["value"],
        reverse=options.mode == "max",
    )


def trial(config: Mapping[str, Any]) -> None:
    """Run one folder's program in one of Ray Tune's workers; raises RuntimeError where it fails."""
    from ray import tune

    def tell(report: Mapping[str, Any]) -> None:
        if config["metric"] in report:
            tune.report({config["metric"]: report[config["metric"]], "step": report["step"]})

    launcher = LocalLauncher(module=config["module"])
    try:
        asyncio.run(launcher.run(Program(folder=Path(config["folder"])), tell))
    except FourwaysError as error:
        raise RuntimeError(error.message) from error


def _outcome(config: Mapping[str, Any], metrics: Mapping[str, Any], metric: str) -> dict[str, Any]:
    folder = Path(config["folder"])
    return {
        "folder": str(folder),
        "value": metrics.get(metric),
        "step": metrics.get("step"),
        "pruned": not (folder / "result.json").exists(),
    }


if __name__ == "__main__":
    sys.exit(main())
