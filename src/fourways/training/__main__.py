"""A training program: `python -m fourways.training FOLDER` does what its `run.toml` says, or goes on with it."""

import importlib
import importlib.util
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from fourways.core.errors import FourwaysError, InvalidRequest, MissingPackage, NotFound
from fourways.training.runs import Run, read_run

METHODS: Mapping[str, str] = MappingProxyType(
    {
        "sft": "fourways.training.tuning.sft",
        "dpo": "fourways.training.tuning.dpo",
        "kto": "fourways.training.tuning.kto",
        "distill": "fourways.training.tuning.distill",
        "pretrain": "fourways.training.scratch.stages",
    }
)
"""The module of each method; its `train(run, folder)` writes `model/` and returns what `result.json` is to hold."""
REFUSED, FAILED = 2, 1
# Threads wait without spinning: beside other work, spinning at barriers took four times the CPU (docs/log.md). Read as
# torch is imported, which is later.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def main(arguments: list[str]) -> int:
    """Run the program of a folder to its end; return the exit code, the last line on stderr says why."""
    if len(arguments) != 1:
        return _say(REFUSED, "wants one folder with a run.toml: python -m fourways.training FOLDER")
    folder = Path(arguments[0])
    if (folder / "result.json").exists():
        return 0
    try:
        run = read_run(folder)
        _train(run, folder)
    except (InvalidRequest, NotFound, MissingPackage) as error:
        return _say(REFUSED, error.message)
    except FourwaysError as error:
        return _say(FAILED, error.message)
    return 0


def _train(run: Run, folder: Path) -> None:
    """Do what a run says, and write its result once all else is written."""
    name = METHODS[run.method]
    if importlib.util.find_spec(name) is None:
        raise InvalidRequest(f"this fourways has no program for {run.method}: {name} is missing")
    for package in ("torch", "transformers", "safetensors"):
        if importlib.util.find_spec(package) is None:
            raise MissingPackage(package, "train")
    result = importlib.import_module(name).train(run, folder)
    from fourways.training.processes import join, leave

    if join().writes:
        unfinished = folder / "result.json.unfinished"
        unfinished.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        unfinished.replace(folder / "result.json")
    leave()


def _say(code: int, message: str) -> int:
    print("fourways.training:", " ".join(message.split()), file=sys.stderr)  # noqa: T201 - a program's last word
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
